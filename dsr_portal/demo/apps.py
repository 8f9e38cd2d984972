from dsr_portal.core.app import PortalApp


class DemoConfig(PortalApp):
    name = "dsr_portal.demo"
    label = "demo"

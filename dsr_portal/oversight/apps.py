from dsr_portal.core.app import PortalApp


class OversightConfig(PortalApp):
    name = "dsr_portal.oversight"
    label = "oversight"

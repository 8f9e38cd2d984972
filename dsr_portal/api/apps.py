from dsr_portal.core.app import PortalApp


class ApiConfig(PortalApp):
    name = "dsr_portal.api"
    label = "api"

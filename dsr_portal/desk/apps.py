from dsr_portal.core.app import PortalApp


class DeskConfig(PortalApp):
    name = "dsr_portal.desk"
    label = "desk"

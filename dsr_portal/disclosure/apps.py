from dsr_portal.core.app import PortalApp


class DisclosureConfig(PortalApp):
    name = "dsr_portal.disclosure"
    label = "disclosure"

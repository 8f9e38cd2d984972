from dsr_portal.core.app import PortalApp


class PublicConfig(PortalApp):
    name = "dsr_portal.public"
    label = "public"

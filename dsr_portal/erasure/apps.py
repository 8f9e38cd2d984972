from dsr_portal.core.app import PortalApp


class ErasureConfig(PortalApp):
    name = "dsr_portal.erasure"
    label = "erasure"

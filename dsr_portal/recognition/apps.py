from dsr_portal.core.app import PortalApp


class RecognitionConfig(PortalApp):
    name = "dsr_portal.recognition"
    label = "recognition"

from dsr_portal.core.app import PortalApp


class DocumentsConfig(PortalApp):
    name = "dsr_portal.documents"
    label = "documents"

from dsr_portal.core.app import PortalApp


class GalleryConfig(PortalApp):
    name = "dsr_portal.gallery"
    label = "gallery"

from dsr_portal.core.app import PortalApp


class MatchingConfig(PortalApp):
    name = "dsr_portal.matching"
    label = "matching"

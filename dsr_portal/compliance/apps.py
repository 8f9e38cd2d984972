from dsr_portal.core.app import PortalApp


class ComplianceConfig(PortalApp):
    name = "dsr_portal.compliance"
    label = "compliance"

from dsr_portal.core.app import PortalApp


class AuditConfig(PortalApp):
    name = "dsr_portal.audit"
    label = "audit"

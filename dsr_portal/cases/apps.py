from dsr_portal.core.app import PortalApp


class CasesConfig(PortalApp):
    name = "dsr_portal.cases"
    label = "cases"

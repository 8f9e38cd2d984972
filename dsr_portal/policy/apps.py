from dsr_portal.core.app import PortalApp


class PolicyConfig(PortalApp):
    name = "dsr_portal.policy"
    label = "policy"

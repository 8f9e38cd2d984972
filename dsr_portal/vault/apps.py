from dsr_portal.core.app import PortalApp


class VaultConfig(PortalApp):
    name = "dsr_portal.vault"
    label = "vault"

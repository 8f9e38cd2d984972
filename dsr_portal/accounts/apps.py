from dsr_portal.core.app import PortalApp


class AccountsConfig(PortalApp):
    name = "dsr_portal.accounts"
    label = "accounts"

from typing import Any

from django.conf import settings
from django.db.models.signals import post_migrate

from dsr_portal.core.app import PortalApp


class VaultConfig(PortalApp):
    name = "dsr_portal.vault"
    label = "vault"

    def ready(self) -> None:
        from dsr_portal.vault.process import forbid_core_dumps

        forbid_core_dumps()
        super().ready()
        from dsr_portal.vault.checks import refuse_unsafe_start

        refuse_unsafe_start()
        post_migrate.connect(_remember_secrets, sender=self)


def _remember_secrets(**_: Any) -> None:
    """The key of Django is older than the database; from now on a lost secret is noticed."""
    from dsr_portal.vault import lasting

    if settings.DSR_PRODUCTION:
        lasting.record_made()

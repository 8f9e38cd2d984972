from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate

from dsr_portal.core.app import PortalApp


class AuditConfig(PortalApp):
    name = "dsr_portal.audit"
    label = "audit"

    def ready(self) -> None:
        super().ready()
        post_migrate.connect(_start_chain, sender=self, dispatch_uid="audit.start_chain")


def _start_chain(*, using: str, **_: Any) -> None:
    """A chain begins with its head row; after a flush (tests) it begins again."""
    from dsr_portal.audit import links
    from dsr_portal.audit.models import Chain

    if Chain._meta.db_table not in connections[using].introspection.table_names():
        return
    if not Chain.objects.using(using).filter(name=links.MAIN).exists():
        start = links.genesis()
        Chain.objects.using(using).create(name=links.MAIN, number=start.number, hash=start.hash)

from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate

from dsr_portal.core.app import PortalApp


class CasesConfig(PortalApp):
    name = "dsr_portal.cases"
    label = "cases"

    def ready(self) -> None:
        super().ready()
        post_migrate.connect(_guard_the_day_of_arrival, sender=self)


def _guard_the_day_of_arrival(using: str, **_rest: Any) -> None:
    """Migrations that make the table anew lose its trigger (law D-05)."""
    from dsr_portal.cases import triggers

    connection = connections[using]
    if "cases_case" in connection.introspection.table_names():
        triggers.reinstall(connection)

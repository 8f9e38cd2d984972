"""The trail's triggers are part of the promise; their absence is an error, not a detail (R29)."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from dsr_portal.audit import triggers
from dsr_portal.audit.models import Event


@register(Tags.database)
def triggers_are_there(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Altering a table can drop its triggers on SQLite, and an owner can drop them anywhere."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if Event._meta.db_table not in connection.introspection.table_names():
            continue
        found += [
            Error(
                f"The trigger {name} of the audit trail is missing.",
                hint="Find out who dropped it, then migrate audit back to 0001 and forward.",
                id="dsr.E010",
            )
            for name in triggers.missing(connection)
        ]
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA recursive_triggers")
                if cursor.fetchone()[0] != 1:
                    found.append(
                        Error(
                            "recursive_triggers is off: INSERT OR REPLACE could change the trail.",
                            id="dsr.E011",
                        )
                    )
    return found

"""The operator is warned where nobody answers for a kind of decision (law G-01; R24)."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from dsr_portal.accounts.models import Staff
from dsr_portal.compliance import accountability, processors
from dsr_portal.compliance.accountable_models import Accountable
from dsr_portal.compliance.processor_models import Processor


@register(Tags.database)
def somebody_answers(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """`manage.py check --database default`: silent before there are tables and accounts."""
    wanted = {Accountable._meta.db_table, Staff._meta.db_table}
    if not databases or not wanted <= set(connection.introspection.table_names()):
        return []
    if not Staff.objects.filter(is_active=True).exists():
        return []
    nobody = [str(duty.label) for duty in accountability.vacant()]
    if not nobody:
        return []
    return [
        Warning(
            f"Nobody answers for: {'; '.join(nobody)}.",
            hint="A director names a person at the desk, under Who answers for what.",
            id="compliance.W001",
        )
    ]


@register(Tags.database, deploy=True)
def processors_have_entries(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """No server of somebody else is configured that no contract binds (law P-15).

    Of the deployment, so that `migrate` never waits for an entry that is made at the desk.
    """
    if not databases or Processor._meta.db_table not in connection.introspection.table_names():
        return []
    kind: Any = Error if settings.DSR_PRODUCTION else Warning
    return [
        kind(
            f"{name} names {host}, which stands in no register of processors.",
            hint="At the desk under Processors: its contract, or that it is the controller's own.",
            id="compliance.E002",
        )
        for name, host in processors.without_entry()
    ]

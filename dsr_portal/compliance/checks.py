"""The operator is warned where nobody answers for a kind of decision (law G-01; R24)."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connection

from dsr_portal.accounts.models import Staff
from dsr_portal.compliance import accountability
from dsr_portal.compliance.accountable_models import Accountable


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

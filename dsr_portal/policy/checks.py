"""The operator is told before the start that no face search runs without an impact assessment."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connection

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.models import Event
from dsr_portal.policy import assessment, installed
from dsr_portal.policy.assessment_models import Assessment
from dsr_portal.policy.models import Setting

HINT = "At the desk under Impact assessment; how: docs/impact-assessment.md."


@register(Tags.database, deploy=True)
def impact_assessment_is_approved(
    databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """`manage.py check --deploy --database default` (law P-09): an error in production.

    A notice only before there are accounts, for nobody could approve it yet, and a warning outside
    production. The gate itself is closed in each of them. A check of the deployment: `migrate` asks
    the others first, and must go on while nobody approved yet.
    """
    wanted = {one._meta.db_table for one in (Assessment, Setting, Staff)}
    if not databases or not wanted <= set(connection.introspection.table_names()):
        return []
    why = assessment.closed()
    if why is None:
        return []
    words = f"No face search runs. {why.words}"
    if not Staff.objects.filter(is_active=True).exists():
        return [Info(words, hint=HINT, id="policy.E001")]
    if settings.DSR_PRODUCTION:
        return [Error(words, hint=HINT, id="policy.E001")]
    return [Warning(words, hint=HINT, id="policy.E001")]


@register(Tags.database, deploy=True)
def changes_are_explained(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Who changed a variable of the machine is not known here, so somebody is asked (law L-15)."""
    wanted = {one._meta.db_table for one in (Assessment, Event)}
    if not databases or not wanted <= set(connection.introspection.table_names()):
        return []
    return [
        Warning(
            f"The setting {one.setting} was changed on {one.at:%Y-%m-%d} and nobody said why.",
            hint=f"manage.py policy explain --as STAFFNO --change {one.number} --why CODE",
            id="policy.W001",
        )
        for one in installed.unexplained()
    ]

"""What officers should know about a case, in a place that every part of this room can read."""

from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Flag
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor


def raise_flag(*, case_id: UUID, code: str, actor: Actor) -> Flag:
    """Raise something for officers; the same flag twice is one. Never shown outside (R3)."""
    with unit_of_work():
        flag, created = Flag.objects.get_or_create(
            case_id=case_id,
            code=code,
            defaults={"raised_at": clock.now(), "raised_by": actor.id},
        )
        if created:
            record("case.flagged", actor=actor, case_id=case_id, code=code)
    return flag

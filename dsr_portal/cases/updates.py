"""The weekly word to everybody who waits, on a schedule that knows no finding (law T-11, R3)."""

from functools import partial
from uuid import UUID

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases.lateness import owed
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import has_mailbox
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock
from dsr_portal.jobs.models import Effect
from dsr_portal.jobs.services import queue_effect

_WEEK = 7
_ASKED = frozenset({Status.NEEDS_INFO, Status.IDENTITY})


def weekly() -> int:
    """Queue the update of the week for who was promised an answer and has none; how many."""
    waiting = Case.objects.filter(delivered_at=None, withdrawn_at=None)
    ids = waiting.exclude(status=Status.PURGED).values_list("id", flat=True)
    return sum(quietly(partial(_update, one), doing="update", of=one) for one in list(ids))


def _update(case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        weeks = (clock.today() - case.received_on).days // _WEEK
        key = f"mail.update:{case.id}:{weeks}"
        # Who waits past the date gets the late letter every week instead (R25).
        if weeks < 1 or clock.today() > case.due_on or owed(case) != "answer":
            return False
        # While we wait for the person, "we are working on it" would not be true.
        if case.status in _ASKED and case.level < case.required_level:
            return False
        if Effect.objects.filter(unique_key=key).exists() or not has_mailbox(case):
            return False
        queue_effect(kind="mail.update", subject_id=case.id, unique_key=key)
    return True

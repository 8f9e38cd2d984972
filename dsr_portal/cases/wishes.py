"""What a person wishes of a request: what may be added, and the days that follow from it (T-11)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record
from dsr_portal.cases import wish_clocks
from dsr_portal.cases.levels import of_right
from dsr_portal.cases.models import UNIDENTIFIED, Case, CaseRight, Outcome, RightCode, Status
from dsr_portal.cases.public_status import erases_unseen, has_opened
from dsr_portal.cases.states import BEFORE_SEARCH, OVER
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.law import deadlines


def read_wide(rights: Iterable[str]) -> set[str]:
    """Who wants data along wants a copy, too: pictures we collected are had by access only (law
    E-10, T-09)."""
    asked = {str(RightCode(right)) for right in rights}
    return asked | {RightCode.ACCESS.value} if RightCode.PORTABILITY in asked else asked


def rights_to_add(case: Case) -> list[str]:
    """What the person may still ask for in this request; the same with and without a find (R3).

    Once the search began nothing new is disclosed in it, and nothing that asks for a better check
    than was made: that is asked in a new request, like everything after we said no and the person
    read it.
    """
    if case.withdrawn_at is not None or knows_the_no(case):
        return []
    seen_over = case.status in OVER | {Status.ERASING} and not erases_unseen(case)
    if seen_over:
        return []
    asked = set(case.rights.values_list("right", flat=True))
    # What they gave us is on the page of the request at any time: nothing to ask for (Art. 20).
    asked.add(RightCode.PORTABILITY)
    if case.status not in BEFORE_SEARCH:
        asked.add(RightCode.ACCESS)
        asked |= {right for right in RightCode.values if of_right(right) > case.level}
    return [right for right in RightCode.values if right not in asked]


def knows_the_no(case: Case) -> bool:
    """Whether nobody could be identified, or we said no and the person read it.

    Until they opened it a refusal shows nowhere (R3); that nobody could be identified was decided
    without any search and tells of none.
    """
    # Looked up whatever the outcome: the work behind the page tells nothing either.
    refused = has_opened(case) and case.outcome == Outcome.REFUSED
    return refused or case.outcome in UNIDENTIFIED


def write_right(
    case: Case, right: RightCode, actor: Actor, *, asked_at: datetime | None = None
) -> CaseRight:
    """Write a later wish with its own month: from now, or from the day a mail of it reached us."""
    moment = asked_at or clock.now()
    due = deadlines.due_dates(
        clock.local_date(moment), calendar=case.calendar, regime=deadlines.Regime(case.regime)
    )
    row = CaseRight.objects.create(case=case, right=right, added_at=moment, due_on=due.legal)
    record("case.right_added", actor=actor, case_id=case.id, right=str(right), due_on=due.legal)
    return row


def erase_on(case: Case) -> date:
    """When the erasure of an answered request starts by itself (R4); a wish to erase that came
    later counts from its own day (D-01).

    Raises `Conflict("answer_first")` before the answer was delivered.
    """
    if case.delivered_at is None:
        raise Conflict("answer_first", _("Nothing is deleted before the answer is here."))
    began = clock.local_date(case.delivered_at)
    due = deadlines.Due(unrolled=case.due_unrolled, legal=case.due_on)
    asked = case.rights.filter(right=RightCode.ERASURE).first()
    if asked is not None and asked.added_at is not None:
        asked_on = clock.local_date(asked.added_at)
        counted = wish_clocks.clock_of(asked).period
        # While we wait for an answer about this very wish, nothing is erased by date (D-07).
        began = max(began, asked_on + timedelta(days=counted.paused_days))
        due = counted.due
    return deadlines.erase_on(began, due)


def locked_instead(case: Case) -> bool:
    """What the person asked to erase is kept locked as evidence (Art. 18(1)(c))."""
    return case.evidence_locks.filter(ended_at=None).exists()


def lock_is_told(case: Case) -> bool:
    """Whether recipients hear of a lock (Art. 19): it was asked for, and no erasure follows, which
    is told as such once it was verified."""
    wishes = set(case.rights.values_list("right", flat=True))
    if RightCode.RESTRICTION not in wishes:
        return False
    return RightCode.ERASURE not in wishes or locked_instead(case)

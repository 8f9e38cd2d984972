"""The clock of one wish that was added to an open request (law T-11, D-01, D-03, D-06, D-07).

`law.deadlines.period` does the counting. The column `CaseRight.due_on` follows from the facts and
is written by `keep` alone, so that queue, late letters and the person's page agree. Nothing here
reads or writes the date of the request.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import proposals, unsent
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, CaseRight, LetterKind, PauseGround, ProposalKind, Status
from dsr_portal.cases.wish_models import WishExtension, WishPause
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.law import deadlines

NO_MORE_OWED = frozenset({Status.ERASING, Status.CLOSED, Status.PURGED})
"""What was added is being done or is over: no question about it is open any more."""


@dataclass(frozen=True, slots=True)
class WishClock:
    """What the desk and the person's page read of one wish; `period.unpaused` stands beside."""

    right: CaseRight
    today: date
    calendar: str
    period: deadlines.Period
    pauses: tuple[deadlines.Pause, ...]

    @property
    def stands_since(self) -> date | None:
        """Since when it stands still: a question about this wish is open."""
        return next((one.asked_on for one in self.pauses if one.answered_on is None), None)

    @property
    def late(self) -> bool:
        return self.period.due.is_late(self.today)


def of_case(case: Case) -> list[WishClock]:
    """Each wish that came later than the request, in the order they came."""
    rows = case.rights.filter(added_at__isnull=False).order_by("added_at", "id")
    return [clock_of(row) for row in rows.select_related("case")]


def clock_of(row: CaseRight, *, today: date | None = None) -> WishClock:
    """The clock of an added wish as it stands today; it counts from the day the wish reached us."""
    if row.added_at is None:
        raise ValueError("asked with the request: the clock of the case counts for it")
    as_of = today or clock.today()
    stood = WishPause.objects.filter(right=row, from_on__isnull=False).order_by("from_on", "id")
    pauses = tuple(
        deadlines.Pause(from_on, until_on)
        for from_on, until_on in stood.values_list("from_on", "until_on")
        if from_on is not None
    )
    longer = WishExtension.objects.filter(right=row, void=False).first()
    return WishClock(
        right=row,
        today=as_of,
        calendar=row.case.calendar,
        period=deadlines.period(
            clock.local_date(row.added_at),
            calendar=row.case.calendar,
            pauses=pauses,
            as_of=as_of,
            extra_months=longer.months if longer else 0,
            told_on=longer.told_on if longer else None,
            regime=deadlines.Regime(row.case.regime),
        ),
        pauses=pauses,
    )


def keep(row: CaseRight, *, actor: Actor, why: str) -> WishClock:
    """Write the date of the wish that follows from the facts now, in the caller's unit of work."""
    counted = clock_of(row)
    if _set(counted):
        record(
            "wish.due_moved",
            actor=actor,
            case_id=row.case_id,
            right=row.right,
            why=why,
            due_on=row.due_on,
            paused_days=counted.period.paused_days,
            months=counted.period.months,
        )
    return counted


def _set(counted: WishClock) -> bool:
    row, due = counted.right, counted.period.due.legal
    if row.due_on == due:
        return False
    row.due_on = due
    row.save(update_fields=["due_on"])
    return True


def refresh_due() -> int:
    """While a wish stands still its date moves on with each day; how many were moved.

    No day of it is an event, its end is.
    """
    standing = WishPause.objects.filter(from_on__isnull=False, until_on=None)
    moved = 0
    for right_id, case_id in list(standing.values_list("right_id", "right__case_id")):
        with unit_of_work():
            lock(case_id)
            row = CaseRight.objects.select_related("case").get(id=right_id)
            moved += row.added_at is not None and _set(clock_of(row))
    return moved


def resume(
    case: Case,
    *,
    actor: Actor,
    rights: Collection[str] | None = None,
    grounds: Collection[str] = tuple(PauseGround.values),
    on: date | None = None,
) -> int:
    """What was asked about added wishes came, or is not needed any more: their time goes on.

    In the caller's unit of work, under the case's lock; of all wishes where `rights` names none.
    `on` is the day it reached us, where that is not today. How many questions ended.
    """
    rows = WishPause.objects.select_for_update().filter(
        right__case=case, until_on=None, ground__in=grounds
    )
    if rights is not None:
        rows = rows.filter(right__right__in=rights)
    came_on, ended = on or clock.today(), 0
    for pause in rows.select_related("right__case"):
        # What came before our letter left answers it too: then no day stood still.
        pause.until_on = max(came_on, pause.from_on) if pause.from_on else came_on
        pause.save(update_fields=["until_on"])
        ended += 1
        record(
            "wish.resumed",
            actor=actor,
            case_id=case.id,
            right=pause.right.right,
            days=(pause.until_on - pause.from_on).days if pause.from_on else 0,
        )
        if pause.right.added_at is not None:
            keep(pause.right, actor=actor, why="resumed")
        # A question about another wish goes on, with its letter and its second person.
        wish = {"wish": pause.right.right}
        proposals.lapse(case, actor=actor, kinds=(ProposalKind.WISH_PAUSE,), codes=wish)
        asked = (pause.letter_id, pause.reminder_id)
        unsent.drop(case, kinds=(LetterKind.WISH_ASK,), actor=actor, only=asked)
    return ended

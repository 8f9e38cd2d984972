"""The clock of one case: from which day it counts, where it stood still, when it ends.

`law.deadlines.period` does the counting, for a request as for a wish that was added to it; here
stand the facts of a case. The columns `due_on` and `due_unrolled` follow from these and are written
by `keep` alone, so that queue, letters, targets and the person's page never differ (law D-01 to
D-07).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Extension, Pause
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.law import deadlines
from dsr_portal.law.deadlines import Due, Regime, Targets


@dataclass(frozen=True, slots=True)
class Clock:
    """What the desk, `manage.py case` and every letter read. `unpaused` is always shown beside."""

    received_on: date
    first_written: date
    today: date
    calendar: str
    period: deadlines.Period
    pauses: tuple[deadlines.Pause, ...]
    targets: Targets

    @property
    def counts_from(self) -> date:
        return self.period.counts_from

    @property
    def months(self) -> int:
        return self.period.months

    @property
    def paused_days(self) -> int:
        return self.period.paused_days

    @property
    def due(self) -> Due:
        return self.period.due

    @property
    def unpaused(self) -> Due:
        return self.period.unpaused

    @property
    def first(self) -> Due:
        """The end of the first month: what is asked after it moves the longer period alone."""
        return self.period.first

    @property
    def stands(self) -> bool:
        """Whether it stands still now: a question is open."""
        return any(one.answered_on is None for one in self.pauses)

    @property
    def late(self) -> bool:
        return self.due.is_late(self.today)

    def as_json(self) -> dict[str, Any]:
        return {
            "received_on": self.received_on.isoformat(),
            "counts_from": self.counts_from.isoformat(),
            "calendar": self.calendar,
            "months": self.months,
            "paused_days": self.paused_days,
            "stands_still": self.stands,
            "due_unrolled": self.due.unrolled.isoformat(),
            "due_on": self.due.legal.isoformat(),
            "due_on_without_pauses": self.unpaused.legal.isoformat(),
            "search_by": _iso(self.targets.search_by),
            "first_decision_by": _iso(self.targets.first_decision_by),
            "review_by": self.targets.review_by.isoformat(),
            "answer_by": self.targets.answer_by.isoformat(),
            "erase_by": self.targets.erase_by.isoformat(),
            "pauses": [
                {
                    "from": one.asked_on.isoformat(),
                    "until": one.answered_on.isoformat() if one.answered_on else "",
                }
                for one in self.pauses
            ],
        }


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def clock_of(case: Case, *, today: date | None = None) -> Clock:
    """The clock as it stands today."""
    as_of = today or clock.today()
    base = case.clock_from or case.arrived_on
    regime = Regime(case.regime)
    pauses = _pauses(case, base)
    longer = _longer(case)
    period = deadlines.period(
        base,
        calendar=case.calendar,
        as_of=as_of,
        pauses=pauses,
        extra_months=longer.months if longer else 0,
        told_on=longer.told_on if longer else None,
        regime=regime,
    )
    known_on = level_met_on(case)
    return Clock(
        received_on=case.arrived_on,
        first_written=case.received_on,
        today=as_of,
        calendar=case.calendar,
        period=period,
        pauses=pauses,
        targets=deadlines.targets(
            base,
            calendar=case.calendar,
            months=period.months,
            paused_days=period.paused_days,
            # Identity is bound to the photo: a newer one takes the level away, so the search
            # follows the level.
            probe_usable_on=known_on,
            level_met_on=known_on,
            regime=regime,
        ),
    )


def level_met_on(case: Case) -> date | None:
    """The day from which we know well enough who is asking; None while we don't."""
    checks = case.identity_checks.filter(lapsed_at=None, level_reached__gte=case.required_level)
    first = checks.order_by("at").values_list("at", flat=True).first()
    return None if first is None else clock.local_date(first)


def _pauses(case: Case, base: date) -> tuple[deadlines.Pause, ...]:
    """Those in force of this period: one that nobody agreed to, or of an earlier period, is not."""
    rows = Pause.objects.filter(case=case, from_on__gte=base).order_by("from_on", "id")
    return tuple(
        deadlines.Pause(from_on, until_on)
        for from_on, until_on in rows.values_list("from_on", "until_on")
        if from_on is not None
    )


def _longer(case: Case) -> Extension | None:
    """What two persons agreed to make the period longer by; `period` asks when it was told."""
    row: Extension | None = getattr(case, "extension", None)
    return None if row is None or row.void else row


def keep(case: Case, *, actor: Actor, why: str) -> Clock:
    """Write the due date that follows from the facts now, in the caller's unit of work."""
    counted = clock_of(case)
    if _set(case, counted):
        record(
            "case.due_moved",
            actor=actor,
            case_id=case.id,
            why=why,
            due_unrolled=case.due_unrolled,
            due_on=case.due_on,
            paused_days=counted.paused_days,
            months=counted.months,
        )
    return counted


def _set(case: Case, counted: Clock) -> bool:
    if (case.due_unrolled, case.due_on) == (counted.due.unrolled, counted.due.legal):
        return False
    case.due_unrolled, case.due_on = counted.due.unrolled, counted.due.legal
    case.save(update_fields=["due_unrolled", "due_on"])
    return True


def start_anew(case: Case, *, actor: Actor) -> None:
    """The period counts from today: the person came back after our letter had left (Art. 12(2)).

    `received_at` never changes. Runs in the caller's unit of work.
    """
    case.clock_from = clock.today()
    case.save(update_fields=["clock_from"])
    _set(case, clock_of(case))
    record(
        "case.clock_anew",
        actor=actor,
        case_id=case.id,
        from_day=case.clock_from,
        due_unrolled=case.due_unrolled,
        due_on=case.due_on,
    )


def refresh_due() -> int:
    """While a clock stands still its date moves on with each day; how many were moved."""
    moved = 0
    standing = Pause.objects.filter(from_on__isnull=False, until_on=None)
    for case_id in list(standing.values_list("case_id", flat=True).distinct()):
        with unit_of_work():
            case = lock(case_id)
            moved += _set(case, clock_of(case))
    return moved

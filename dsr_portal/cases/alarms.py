"""Who is told before and after a date is missed: rows at the desk, and a mail each (law D-04).

Named persons: who has the case and the supervisors; from the day before, the data protection
officer too. What is told says nothing about a finding, so that nobody's blindness suffers (R19).
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import (
    asking,
    closed_answers,
    corrections,
    evidence_locks,
    exemptions,
    lateness,
    question_returns,
    recusals,
    wish_pauses,
)
from dsr_portal.cases.clocks import Clock, clock_of
from dsr_portal.cases.lateness import owed
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Alarm,
    Case,
    DeliveryState,
    Direction,
    Escalation,
    LetterState,
    Proposal,
    ProposalState,
    Status,
)
from dsr_portal.cases.ordered import standing_dates
from dsr_portal.cases.states import OVER
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import covers
from dsr_portal.jobs.services import queue_effect
from dsr_portal.law import deadlines

ANSWER_WITHIN_WORKING_DAYS = 3
"""A message of the person has an answer within this time."""

STANDING_LONG = timedelta(days=7)
"""So long before the date without pauses, and after it, a clock that stands still is told of."""

MOST_MAILS = 10
"""Alarms with a mail of their own, for one person in one day; one mail stands for all others. So a
thousand requests at once are a thousand rows at the desk and no thousand mails (law X-17). Urgent
cases are counted apart: they are not lost among the others (R10)."""

_FOR_SUPERVISORS = frozenset({Alarm.PUT_ASIDE, Alarm.ANSWER_CLOSED})
"""Whoever may still compare in the case learns of it from the page alone (R19)."""
_FOR_DPO = frozenset({Alarm.DUE_1, Alarm.LATE, Alarm.UNSEEN, Alarm.STANDS_LATE, Alarm.NO_DATE})
_FOR_DIRECTOR = frozenset({Alarm.NO_DATE})
_ELSE = (Role.DPO, Role.DIRECTOR)
_CLOCK = Actor.system("alarms")
KEEP_SETTLED = timedelta(days=365)


def raise_due() -> int:
    """Tell whom it concerns of what is true now, once each; settle what is not true any more."""
    told = 0
    settled = Escalation.objects.filter(settled_at=None).values_list("case_id", flat=True)
    kept = [*evidence_locks.in_force_cases(), *exemptions.open_cases()]
    kept += [row.case_id for row in covers.to_act_on() if row.case_id is not None]
    kept += closed_answers.flagged_cases()
    open_cases = Case.objects.exclude(status__in=OVER).values_list("id", flat=True)
    for case_id in sorted({*settled, *open_cases, *kept}):
        told += _raise(case_id)
    return told


def end_settled() -> int:
    """Remove who was told of what a year after it was settled, of destroyed requests (law X-10).

    The trail keeps that and when people were told (case.escalated). How many.
    """
    before = clock.now() - KEEP_SETTLED
    rows = Escalation.objects.filter(settled_at__lt=before, case__status=Status.PURGED)
    return rows.delete()[0]


def _raise(case_id: UUID) -> int:
    with unit_of_work():
        case = lock(case_id)
        now = set(standing(case))
        for row in Escalation.objects.filter(case=case, settled_at=None):
            if (row.code, row.about) not in now:
                row.settled_at = clock.now()
                row.save(update_fields=["settled_at"])
        return sum(_tell(case, code, about) for code, about in sorted(now))


def _tell(case: Case, code: str, about: str) -> int:
    told = 0
    for number in _whom(case, code):
        row, created = Escalation.objects.get_or_create(
            case=case,
            code=code,
            about=about,
            to=number,
            defaults={"raised_at": clock.now()},
        )
        if not created:
            continue
        _mail(row)
        record("case.escalated", actor=_CLOCK, case_id=case.id, code=code, to=number)
        told += 1
    return told


def _mail(row: Escalation) -> None:
    """A mail of its own for the first alarms of a person's day, and one that sums up the others."""
    zone = ZoneInfo(settings.TIME_ZONE)
    began = datetime.combine(clock.local_date(row.raised_at), time.min, tzinfo=zone)
    todays = Escalation.objects.filter(
        to=row.to, raised_at__gte=began, case__urgent=row.case.urgent
    ).order_by("raised_at", "id")
    first = list(todays.values_list("id", flat=True)[: MOST_MAILS + 1])
    if row.id in first[:MOST_MAILS]:
        queue_effect(kind="mail.alarm", subject_id=row.id, unique_key=f"mail.alarm:{row.id}")
    else:
        one = first[MOST_MAILS]
        queue_effect(kind="mail.alarms", subject_id=one, unique_key=f"mail.alarms:{one}")


def _whom(case: Case, code: str) -> list[str]:
    roles = [
        Role.SUPERVISOR,
        *([Role.DPO] if code in _FOR_DPO else []),
        *([Role.DIRECTOR] if code in _FOR_DIRECTOR else []),
    ]
    active = Staff.objects.filter(is_active=True)
    numbers = set(active.filter(role__in=roles).values_list("staff_no", flat=True))
    for_assignee = code not in _FOR_SUPERVISORS
    if for_assignee and active.filter(staff_no=case.assignee).exists():
        numbers.add(case.assignee)
    away = recusals.kept_away(case.id)
    numbers -= away
    if not numbers:
        # Nobody is left to be told: it must not be silent, so those who answer for all of it are;
        # where they must not work on it either, they still have to find somebody who may.
        everybody = set(active.filter(role__in=_ELSE).values_list("staff_no", flat=True))
        numbers = everybody - away or everybody
    return sorted(numbers)


def standing(case: Case) -> Iterable[tuple[str, str]]:
    """What is to be told of a case now: code, and what it is about (a date or an id)."""
    locked = evidence_locks.waits_for_lifting(case.id)
    if locked is not None:
        yield Alarm.LOCK, str(locked.id)
    for row in covers.to_act_on().filter(case_id=case.id):
        yield Alarm.PUT_ASIDE, f"{row.id}:{row.state}"
    closed = closed_answers.wants_words(case)
    if closed is not None:
        yield Alarm.ANSWER_CLOSED, f"{closed.raised_at:%Y-%m-%d}"
    for one in exemptions.ending(case):
        yield Alarm.EXEMPTION, exemptions.about(one)
    corrected_by = corrections.due_in(case.id)
    if corrected_by is not None and corrected_by < clock.today():
        yield Alarm.LATE, corrected_by.isoformat()
    elif corrected_by is not None:
        yield from _before(corrected_by, clock.today())
    undated = lateness.undated(case)
    if undated is not None and owed(case):
        promised = undated.new_date or undated.broken_on or ""
        yield Alarm.NO_DATE, f"{undated.missed_on}:{promised}"
    if case.status in OVER and owed(case) == "":
        if evidence_locks.in_force(case.id) is not None:
            yield from _letters(case)
        return
    counted = clock_of(case)
    if owed(case) not in {"", "correction"}:
        yield from _standing_still(counted) if counted.stands else _by_date(case, counted)
    silent = asking.unanswered(case)
    if silent is not None and asking.waited_enough(silent):
        yield Alarm.CLOSE_DUE, str(silent.id)
    yield from _ordered(case)
    if case.urgent and owed(case) == "answer" and not _seen(case):
        yield Alarm.UNSEEN, case.received_on.isoformat()
    yield from _behind(case, counted)
    yield from _waiting(case)


def _by_date(case: Case, counted: Clock) -> Iterable[tuple[str, str]]:
    """By the date before rolling: nothing is planned on the roll (law D-04)."""
    due = counted.due.unrolled
    if counted.late:
        yield Alarm.LATE, counted.due.legal.isoformat()
        return
    yield from _before(due, counted.today)
    if owed(case) == "answer" and counted.today > counted.targets.answer_by:
        yield Alarm.TARGET, counted.targets.answer_by.isoformat()


def _behind(case: Case, counted: Clock) -> Iterable[tuple[str, str]]:
    """By the desk's own dates for each step (R4); a lock waits for the first decision (R1)."""
    own = counted.targets
    for code, steps, by in (
        (Alarm.SEARCH, {Status.SEARCHING}, own.search_by),
        (Alarm.FIRST_DECISION, {Status.SEARCHING, Status.IN_REVIEW}, own.first_decision_by),
        (Alarm.SECOND_REVIEW, {Status.SECOND_REVIEW}, own.review_by),
    ):
        if by is not None and case.status in steps and counted.today > by:
            yield code, by.isoformat()


def _standing_still(counted: Clock) -> Iterable[tuple[str, str]]:
    """By the date without the pause, which stays where it is: the other moves on daily (D-07)."""
    unpaused = counted.unpaused
    if unpaused.is_late(counted.today):
        yield Alarm.STANDS_LATE, unpaused.legal.isoformat()
    elif counted.today >= unpaused.unrolled - STANDING_LONG:
        yield Alarm.STANDS, unpaused.unrolled.isoformat()


def _before(due: date, today: date) -> Iterable[tuple[str, str]]:
    days = (due - today).days
    for code, before in ((Alarm.DUE_1, 1), (Alarm.DUE_3, 3), (Alarm.DUE_7, 7)):
        if days <= before:
            yield code, due.isoformat()
            break


def _ordered(case: Case) -> Iterable[tuple[str, str]]:
    """By the earliest date an authority ordered, as it wrote it: nothing rolls (law O-04)."""
    for row in standing_dates(case)[:1]:
        if row.due_on < clock.today():
            yield Alarm.LATE, row.due_on.isoformat()
        else:
            yield from _before(row.due_on, clock.today())


def _seen(case: Case) -> bool:
    return events_for_case(case.id).filter(type="case.viewed").exists()


def _waiting(case: Case) -> Iterable[tuple[str, str]]:
    for question in wish_pauses.silent(case):
        yield Alarm.WISH_SILENT, str(question.id)
    if recusals.too_few_left(case):
        yield Alarm.NOBODY_LEFT, case.received_on.isoformat()
    newest = case.messages.order_by("-at", "-id").first()
    if newest is not None and newest.direction == Direction.IN:
        by = deadlines.working_days_after(
            clock.local_date(newest.at), ANSWER_WITHIN_WORKING_DAYS, case.calendar
        )
        if clock.today() > by:
            yield Alarm.UNANSWERED, str(newest.id)
    day_before = clock.now() - timedelta(days=1)
    proposals = Proposal.objects.filter(
        case=case, state=ProposalState.WAITING, proposed_at__lt=day_before
    )
    for proposal_id in proposals.values_list("id", flat=True):
        yield Alarm.PROPOSAL, str(proposal_id)
    yield from _letters(case)


def _letters(case: Case) -> Iterable[tuple[str, str]]:
    """Also of a closed case: the letter before a lock ends has to leave (Art. 18(3))."""
    stuck = case.letters.filter(state__in=[LetterState.FAILED, LetterState.TO_POST])
    kept = question_returns.kept_here(case)
    for letter_id in stuck.exclude(id__in=kept).values_list("id", flat=True):
        yield Alarm.LETTER, str(letter_id)
    for delivery in case.deliveries.filter(state=DeliveryState.TO_POST):
        yield Alarm.LETTER, str(delivery.id)


def mine(number: str, *, most: int | None = None) -> list[Escalation]:
    """What this person was told and what still stands, newest first, at most so many; nothing of a
    case they must not work on (X-09)."""
    rows = _standing_for(number).select_related("case")
    return list(rows.order_by("-case__urgent", "-raised_at")[:most])


def number_of_mine(number: str) -> int:
    return _standing_for(number).count()


def _standing_for(number: str) -> QuerySet[Escalation]:
    rows = Escalation.objects.filter(to=number, settled_at=None)
    staff = Staff.objects.filter(staff_no=number).first()
    if staff is not None:
        rows = rows.exclude(case__in=recusals.kept_from(staff))
    return rows

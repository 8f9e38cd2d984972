"""Opening cases that are not one's own work: with a reason, counted, and told of (law X-09, L-14;
GDPR Art. 29, 32(4)).

Own is what a person entered, was given or acted in, what was laid before them, what they were told
of, and what waits for anybody who decides. Everything else opens once a day with a reason.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.audit import selectors as audit
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import corrections
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    DeliveryState,
    Direction,
    Escalation,
    LetterState,
    MailState,
    ProposalState,
    Status,
)
from dsr_portal.cases.states import OVER
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed
from dsr_portal.jobs.services import queue_effect
from dsr_portal.matching.browsing_models import BreakGlass, BrowsingAlarm, Why
from dsr_portal.matching.models import Review, ReviewState
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

MAIL = "mail.browsing"
LIMIT = "cases_not_own"
MAX_WORDS = 500
MAY_READ = frozenset({Role.SUPERVISOR, Role.DPO})
LOOKS = ("case.viewed", "case.opened_not_own", "original.seen", "mandate.seen")
"""Events of looking: they make no case one's own."""

_HELD_BY = {
    ReviewState.FIRST: "first_officer",
    ReviewState.WIDENING: "first_officer",
    ReviewState.SECOND: "second_officer",
    ReviewState.SUPERVISOR: "supervisor",
}
_ANSWERED = frozenset({Status.DELIVERED, Status.ERASING})
_CLOCK = Actor.system("browsing")
KEEP_TOLD = timedelta(days=365)


# -- whose work it is -----------------------------------------------------------------------------


def own_of(staff_no: str, case_ids: Collection[UUID]) -> set[UUID]:
    """Those of the cases that this person entered, was given, acted in or was told of."""
    own = _given_to(staff_no, case_ids)
    told = Escalation.objects.filter(to=staff_no, settled_at=None, case__in=case_ids)
    own |= set(told.values_list("case_id", flat=True))
    return own | audit.cases_acted_in(staff_no, case_ids, but=LOOKS)


def _given_to(staff_no: str, case_ids: Collection[UUID]) -> set[UUID]:
    """Those they entered or have, or in which they compare."""
    mine = Q(opener=staff_no) | Q(assignee=staff_no)
    own = set(Case.objects.filter(mine, id__in=case_ids).values_list("id", flat=True))
    at = Q(first_officer=staff_no) | Q(second_officer=staff_no) | Q(supervisor=staff_no)
    return own | set(Review.objects.filter(at, case__in=case_ids).values_list("case_id", flat=True))


def _own_when_seen(
    staff_no: str, seen: dict[UUID, datetime], day: date, end: datetime
) -> set[UUID]:
    """Those that were this person's work when they first looked at them on that day.

    An alarm that was settled since was theirs then. Who looked at what waited for anybody and went
    on with it that day did their work; a step after a reason was given, or on a later day, makes
    nothing of what was looked at their own.
    """
    own = _given_to(staff_no, seen)
    told = Escalation.objects.filter(to=staff_no, case__in=seen)
    for case_id, raised, settled in told.values_list("case_id", "raised_at", "settled_at"):
        if raised <= seen[case_id] and (settled is None or settled > seen[case_id]):
            own.add(case_id)
    why = BreakGlass.objects.filter(staff_no=staff_no, on=day, case__in=seen)
    reasons = dict(why.values_list("case_id", "at"))
    acted = audit.first_acts(staff_no, seen, but=LOOKS)
    return own | {one for one, at in acted.items() if at < reasons.get(one, end)}


def waits_for_anybody(case: Case) -> bool:
    """Whether it lies in the queue for whoever decides: nobody has it, or something in it waits."""
    if case.status in OVER:
        return False
    if _something_waits(case):
        return True
    return case.status not in _ANSWERED and not case.assignee and not _is_held(case)


def _is_held(case: Case) -> bool:
    reviews = Review.objects.filter(case=case, state__in=_HELD_BY)
    return any(getattr(one, _HELD_BY[ReviewState(one.state)]) for one in reviews)


def _something_waits(case: Case) -> bool:
    newest = case.messages.order_by("-at", "-id").first()
    return (
        (newest is not None and newest.direction == Direction.IN)
        or case.proposals.filter(state=ProposalState.WAITING).exists()
        or case.letters.filter(state__in=[LetterState.FAILED, LetterState.TO_POST]).exists()
        or case.deliveries.filter(state=DeliveryState.TO_POST).exists()
        or case.mails.filter(state=MailState.WAITING).exists()
        or corrections.open_in(case.id).exists()
    )


def is_own(case: Case, actor: Actor) -> bool:
    if actor.role in REVIEWERS and waits_for_anybody(case):
        return True
    return bool(own_of(actor.id, [case.id]))


def opens(case: Case, actor: Actor) -> bool:
    """Whether the case opens without a question: own work, or the reason was given today. Of a case
    that is destroyed nothing about a person is left to open."""
    if case.status == Status.PURGED or is_own(case, actor):
        return True
    return BreakGlass.objects.filter(case=case, staff_no=actor.id, on=clock.today()).exists()


# -- with a reason --------------------------------------------------------------------------------


@vault.retry_stale
def say_why(*, case_id: UUID, actor: Actor, why: str, words: str) -> BreakGlass:
    """Write down why a case is opened that is not one's work; it counts until the day ends."""
    if not actor.is_human_staff:
        raise NotAllowed("staff_only", _("Only staff open a case."))
    said = words.strip()
    if why not in Why.values or not said or len(said) > MAX_WORDS:
        raise BadInput(
            "why_missing", _("Choose a reason and write what it is, in at most 500 characters.")
        )
    with unit_of_work():
        case = lock(case_id)
        row, created = BreakGlass.objects.get_or_create(
            case=case,
            staff_no=actor.id,
            on=clock.today(),
            defaults={"at": clock.now(), "why": why},
        )
        if created:
            row.field = f"why.{row.id}"
            row.save(update_fields=["field"])
            vault.write_small(case.file_unit, row.field, said.encode())
            record(
                "case.opened_not_own", actor=actor, case_id=case.id, subject_id=row.id, why=str(why)
            )
    return row


# -- counted --------------------------------------------------------------------------------------


def not_own_on(day: date) -> dict[str, int]:
    """How many cases that are not theirs each person opened on a day, those with any first.

    What waited for anybody counts too where the person only looked: that is browsing the queue.
    """
    zone = ZoneInfo(settings.TIME_ZONE)
    start, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    looked: defaultdict[str, dict[UUID, datetime]] = defaultdict(dict)
    for (staff_no, case_id), at in audit.looks("case.viewed", start, end).items():
        looked[staff_no][case_id] = at
    counts = {
        number: len(seen.keys() - _own_when_seen(number, seen, day, end))
        for number, seen in looked.items()
    }
    return {number: counts[number] for number in sorted(counts) if counts[number]}


def tell_due() -> int:
    """Tell supervisors and the data protection officer who opened unusually many cases yesterday.

    Run regularly; each is told once. A person is never told of themselves.
    """
    day = clock.today() - timedelta(days=1)
    limit = policy.current(LIMIT)
    return sum(
        _tell(day, number, opened) for number, opened in not_own_on(day).items() if opened > limit
    )


def end_told() -> int:
    """Remove what was told of people's browsing a year ago (law X-10); the trail keeps it."""
    before = clock.today() - KEEP_TOLD
    return BrowsingAlarm.objects.filter(on__lt=before).delete()[0]


def _tell(day: date, staff_no: str, opened: int) -> int:
    told = 0
    with unit_of_work():
        before = BrowsingAlarm.objects.filter(on=day, staff_no=staff_no).exists()
        for number in _whom(staff_no):
            row, created = BrowsingAlarm.objects.get_or_create(
                on=day,
                staff_no=staff_no,
                to=number,
                defaults={"opened": opened, "raised_at": clock.now()},
            )
            if created:
                queue_effect(kind=MAIL, subject_id=row.id, unique_key=f"{MAIL}:{row.id}")
                told += 1
        if told and not before:
            record("desk.much_browsing", actor=_CLOCK, staff=staff_no, opened=opened, on=day)
    return told


def _whom(staff_no: str) -> list[str]:
    others = Staff.objects.filter(is_active=True).exclude(staff_no=staff_no)
    numbers = others.filter(role__in=MAY_READ).values_list("staff_no", flat=True)
    # Nobody is left to be told: it must not be silent.
    directors = others.filter(role=Role.DIRECTOR).values_list("staff_no", flat=True)
    return sorted(numbers or directors)


def told_of(number: str) -> list[BrowsingAlarm]:
    """What this person was told of in the last week."""
    rows = BrowsingAlarm.objects.filter(to=number, on__gte=clock.today() - timedelta(days=7))
    return list(rows.order_by("-on", "staff_no"))

"""The lock the person wants kept as evidence instead of an erasure (Art. 18(1)(c); law E-08).

It is asked, lengthened and ended by the person, or by an officer who writes their wish down, and
looks the same whatever a search found (R3). While it is in force nothing of the case is erased, and
contact and file stay: the person has to be told before it is lifted (Art. 18(3)). A letter names
the day; an officer lifts it then.
"""

from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import REVIEWERS, require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import letters
from dsr_portal.cases.deliveries import tell_of_lock
from dsr_portal.cases.levels import DISCLOSURE_LEVEL
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    EvidenceLock,
    LetterKind,
    LockEnd,
    LockOver,
    RightCode,
    Status,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.paper_models import LetterReturn
from dsr_portal.cases.public_status import erases_unseen
from dsr_portal.cases.selectors import exempted
from dsr_portal.cases.states import OVER
from dsr_portal.cases.wishes import knows_the_no, write_right
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import lift_guards
from dsr_portal.gallery import selectors as gallery_rows
from dsr_portal.gallery import services as gallery
from dsr_portal.law import deadlines

YEARS = (1, 2, 3)
"""How long it may last before the person is asked again; three years is a usual limitation."""

DEFAULT_YEARS = 3
NOTICE_DAYS = 14
"""From the letter to the day it names."""

LEAST_NOTICE_DAYS = 7
"""From the day the letter was sent to the lifting, also where the post took long."""

TOLD = "told"
"""Why a restriction ends where the person heard of it before (Art. 18(3))."""

_LOCKS = Actor.system("evidence-locks")


# -- reading ------------------------------------------------------------------------------------


def in_force(case_id: UUID) -> EvidenceLock | None:
    return EvidenceLock.objects.filter(case_id=case_id, ended_at=None).first()


def _newest(case_id: UUID) -> EvidenceLock | None:
    rows = EvidenceLock.objects.filter(case_id=case_id).select_related("letter")
    return rows.order_by("asked_at", "id").last()


def in_force_cases() -> list[UUID]:
    return list(EvidenceLock.objects.filter(ended_at=None).values_list("case_id", flat=True))


def kept_since(before: datetime) -> list[UUID]:
    """Cases whose contact and file a lock keeps: it stands, or was lifted after this moment."""
    rows = EvidenceLock.objects.exclude(ended_how=LockOver.WITHDRAWN)
    rows = rows.exclude(ended_at__lte=before)
    return list(rows.values_list("case_id", flat=True))


def may_ask(case: Case) -> bool:
    """Whether a lock may still be asked for; the same with and without a find (R3)."""
    if case.withdrawn_at is not None or knows_the_no(case):
        return False
    if case.status in OVER | {Status.ERASING} and not erases_unseen(case):
        return False
    return in_force(case.id) is None


def keeps_locked(case: Case) -> bool:
    """Whether what is locked stays so when the case ends: the person asked for it (Art. 18), or
    objected (Art. 21(1)); a lock kept as evidence counts until it ended.

    One that "Delete now" ended gave way to the erasure and to nothing else: nobody was told that it
    is lifted (Art. 18(3)), so what is to be erased stays locked until it is.
    """
    rights = set(case.rights.values_list("right", flat=True))
    if RightCode.OBJECTION in rights:
        return True
    newest = _newest(case.id)
    if newest is None or newest.ended_at is None:
        return RightCode.RESTRICTION in rights
    return newest.ended_how == LockOver.DELETED and case.withdrawn_at is None


def erases_next(case: Case) -> bool:
    """Whether an erasure the person asked for follows once the lock has ended."""
    return case.level >= DISCLOSURE_LEVEL and case.rights.filter(right=RightCode.ERASURE).exists()


def liftable_from(row: EvidenceLock) -> date | None:
    """The first day an officer may lift it; None while its letter was not sent, or came back."""
    letter = row.letter
    if row.ends_on is None or letter is None or letter.sent_at is None:
        return None
    told = clock.local_date(letter.sent_at) + timedelta(days=LEAST_NOTICE_DAYS)
    return max(row.ends_on, told)


def waits_for_lifting(case_id: UUID) -> EvidenceLock | None:
    """A lock whose day has come and whose letter has left."""
    row = in_force(case_id)
    day = liftable_from(row) if row is not None else None
    return row if day is not None and day <= clock.today() else None


# -- the person's wishes ------------------------------------------------------------------------


def ask(*, case_id: UUID, years: int, actor: Actor) -> EvidenceLock:
    """Lock as evidence instead of erasing. Raises `BadInput("lock_years")`, `NotAllowed` and
    `Conflict` with lock_late or lock_stands."""
    _require_person_or_reviewer(case_id, actor)
    require_years(years)
    with unit_of_work():
        case = lock(case_id)
        if in_force(case.id) is not None:
            raise Conflict("lock_stands", _("It is locked as evidence already."))
        if not may_ask(case):
            raise Conflict("lock_late", _("This request is over. Send a new request for this."))
        return write(case=case, years=years, actor=actor)


def write(*, case: Case, years: int, actor: Actor) -> EvidenceLock:
    """Write the wish down, in the caller's unit of work and under the case's lock."""
    if not case.rights.filter(right=RightCode.RESTRICTION).exists():
        write_right(case, RightCode.RESTRICTION, actor)
    staff = actor.id if actor.is_human_staff else ""
    row = EvidenceLock.objects.create(
        case=case, asked_at=clock.now(), asked_by=staff, until=_after(years)
    )
    record(
        "lock.asked",
        actor=actor,
        case_id=case.id,
        subject_id=row.id,
        until=row.until,
        entered_by=staff or None,
    )
    if case.delivered_at is not None:
        # Nothing leaves any more that would take the news to recipients with it (Art. 19).
        tell_of_lock(case, actor=_LOCKS)
    return row


def keep(*, case_id: UUID, years: int, actor: Actor) -> EvidenceLock:
    """Keep it for so many years from today, never shorter than promised; an end that was announced
    falls away."""
    _require_person_or_reviewer(case_id, actor)
    require_years(years)
    with unit_of_work():
        row = _standing(case_id)
        row.until = max(row.until, _after(years))
        row.ending, row.ends_on, row.letter = "", None, None
        row.save()
        record("lock.kept", actor=actor, case_id=case_id, subject_id=row.id, until=row.until)
    return row


def end(*, case_id: UUID, actor: Actor) -> EvidenceLock:
    """The person needs it no more: the letter leaves now and names the day (Art. 18(3))."""
    _require_person_or_reviewer(case_id, actor)
    with unit_of_work():
        row = _standing(case_id)
        if not row.ending:
            _announce(row, LockEnd.WISH, actor)
    return row


def end_with(*, case: Case, how: LockOver, actor: Actor) -> None:
    """It ends by the person's own act on a page that said so: no letter goes before (Art. 18(3)).

    In the caller's unit of work, under the case's lock.
    """
    row = in_force(case.id)
    if row is not None:
        _over(row, how, actor)


# -- its end ------------------------------------------------------------------------------------


def announce_due() -> int:
    """Write the letter of each lock whose period ends within two weeks; how many."""
    by = clock.today() + timedelta(days=NOTICE_DAYS)
    due = EvidenceLock.objects.filter(ended_at=None, ending="", until__lte=by)
    return sum(
        quietly(partial(_announce_period, one), doing="end of a lock", of=one)
        for one in list(due.values_list("case_id", flat=True))
    )


def _announce_period(case_id: UUID) -> bool:
    with unit_of_work():
        lock(case_id)
        row = in_force(case_id)
        if row is None or row.ending:
            return False
        _announce(row, LockEnd.PERIOD, _LOCKS)
    return True


def _announce(row: EvidenceLock, why: LockEnd, actor: Actor) -> None:
    soonest = clock.today() + timedelta(days=NOTICE_DAYS)
    row.ending = why
    row.ends_on = soonest if why == LockEnd.WISH else max(soonest, row.until)
    row.letter = letters.write(
        case=row.case,
        kind=LetterKind.LOCK_ENDS,
        key=f"lock_ends:{row.id}:{row.ends_on.isoformat()}:{why}",
        # A letter is ours to sign, also where the person's word is why it leaves.
        actor=actor if actor.is_human_staff else _LOCKS,
        facts={"ends_on": row.ends_on.isoformat(), "why": str(why), "then": _then(row.case)},
    )
    row.save()
    record(
        "lock.ending",
        actor=actor,
        case_id=row.case_id,
        subject_id=row.id,
        why=str(why),
        ends_on=row.ends_on,
        letter=row.letter.id,
    )


def _then(case: Case) -> str:
    """What follows, by what was asked and not by what was found (R3)."""
    if erases_next(case):
        return "erase"
    objected = case.rights.filter(right=RightCode.OBJECTION).exists()
    return "locked" if objected else "lifted"


def lift(*, case_id: UUID, actor: Actor) -> EvidenceLock:
    """An officer lifts a lock whose letter has left and whose day has come (Art. 18(3)).

    Where an erasure was asked the records stay locked until it; where somebody objected, for good.
    Raises `NotAllowed`; `Conflict` with no_lock, lock_not_told, lock_too_early.
    """
    require_reviewer(actor)
    with unit_of_work():
        row = _standing(case_id)
        day = liftable_from(row)
        if day is None:
            raise _not_told(row)
        if clock.today() < day:
            raise Conflict("lock_too_early", _("The day named in the letter has not come yet."))
        _over(row, LockOver.LIFTED, actor)
        case = row.case
        if case.status in OVER and not keeps_locked(case) and not erases_next(case):
            kept = exempted(case.id)
            gallery.lift_restriction(
                record_ids=gallery_rows.restricted_by(case.id) - kept,
                case_id=case.id,
                actor=actor,
                reason=TOLD,
            )
    return row


def _over(row: EvidenceLock, how: LockOver, actor: Actor) -> None:
    row.ended_at, row.ended_how = clock.now(), how
    row.ended_by = actor.id if actor.is_human_staff else ""
    row.save(update_fields=["ended_at", "ended_how", "ended_by"])
    record("lock.ended", actor=actor, case_id=row.case_id, subject_id=row.id, how=str(how))


# -- guards -------------------------------------------------------------------------------------


def require_told(case_id: UUID) -> None:
    """Whoever lifts because the person was told: a lock was lifted and its letter has left.

    Raises `Conflict("lock_not_told")` (Art. 18(3)).
    """
    row = _newest(case_id)
    sent = row is not None and row.letter is not None and row.letter.sent_at is not None
    if row is None or row.ended_how != LockOver.LIFTED or not sent:
        raise _not_told(row)


lift_guards.register(TOLD, require_told)


def _not_told(row: EvidenceLock | None) -> Conflict:
    if row is not None and LetterReturn.objects.filter(letter__evidence_lock=row).exists():
        return Conflict(
            "lock_not_told",
            _("The letter came back: the person was not told. Have it posted again first."),
        )
    return Conflict("lock_not_told", _("The person has to be told first: no letter has left yet."))


def _standing(case_id: UUID) -> EvidenceLock:
    lock(case_id)
    rows = EvidenceLock.objects.select_for_update(of=("self",)).select_related("case", "letter")
    row = rows.filter(case_id=case_id, ended_at=None).first()
    if row is None:
        raise Conflict("no_lock", _("Nothing is locked as evidence in this request."))
    return row


def _after(years: int) -> date:
    return deadlines.add_months(clock.today(), 12 * years)


def require_years(years: int) -> None:
    if years not in YEARS:
        raise BadInput("lock_years", _("Choose one, two or three years."))


def _require_person_or_reviewer(case_id: UUID, actor: Actor) -> None:
    own = actor.kind == "person" and actor.id == str(case_id)
    if not own and not (actor.is_human_staff and actor.role in REVIEWERS):
        raise NotAllowed("lock_role", _("Only the person, an officer or a supervisor does this."))

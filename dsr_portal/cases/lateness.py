"""A missed date: noticed, told to the person, explained, counted, never hidden (R25, law D-09)."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import corrections, letters, wish_clocks
from dsr_portal.cases.clocks import refresh_due
from dsr_portal.cases.correction_models import CorrectionState
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import (
    Case,
    Lateness,
    LateReason,
    Letter,
    LetterKind,
    Outcome,
    RightCode,
    Status,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.reopening import answers_left
from dsr_portal.cases.wishes import locked_instead
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.law import deadlines
from dsr_portal.vault import services as vault

EVERY = timedelta(days=7)
_CLOCK = Actor.system("late-clock")


def owed(case: Case) -> str:
    """What the person has not had yet: "answer", "erasure", "correction" or "" for nothing.

    The same for everybody until the answer left: it asks what was sent, not what was found (R3).
    """
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        return ""
    if case.delivered_at is None and not answers_left(case).exists():
        return "answer"
    erases = case.rights.filter(right=RightCode.ERASURE).exists()
    open_still = case.status in {Status.DELIVERED, Status.ERASING}
    found = case.outcome in {Outcome.DISCLOSED, Outcome.PARTLY_REFUSED}
    if erases and open_still and found and not _waits_by_wish(case):
        return "erasure"
    return "correction" if corrections.overdue(case.id) else ""


def _waits_by_wish(case: Case) -> bool:
    """The person asked to lock instead and not to delete now, or asked to delete later: a wish of
    its own day has its own month (D-01)."""
    if locked_instead(case) and case.delete_now_at is None:
        return True
    own = _own_day(case)
    return own is not None and own >= clock.today()


def _due_of(case: Case, what: str) -> date:
    """The date that is missed: of the case, or of the wish to erase that came later."""
    if what == "correction":
        return corrections.due_in(case.id) or case.due_on
    own = _own_day(case) if what == "erasure" else None
    return own or case.due_on


def _own_day(case: Case) -> date | None:
    """The last day of a wish to erase that came later than the request."""
    wishes = case.rights.filter(right=RightCode.ERASURE)
    return wishes.values_list("due_on", flat=True).first()


def notice_late() -> int:
    """Write the late letters of today: the first on the first working day, then weekly (R25).

    A clock that stands still is moved on first. Returns how many letters were written.
    """
    refresh_due()
    wish_clocks.refresh_due()
    today = clock.today()
    open_still = CorrectionState.OPEN
    missed = Case.objects.filter(
        Q(due_on__lt=today) | Q(corrections__state=open_still, corrections__due_on__lt=today),
        withdrawn_at=None,
    ).exclude(status=Status.PURGED)
    found = missed.distinct().order_by("due_on", "id").values_list("due_on", "id")
    return sum(
        quietly(partial(_notice, one, today), doing="late letter", of=one)
        for _due, one in list(found)
    )


def _notice(case_id: UUID, today: date) -> bool:
    with unit_of_work():
        case = lock(case_id)
        what = owed(case)
        if not what:
            case.lateness.filter(ended_at=None).update(ended_at=clock.now())
            return False
        due_on = _due_of(case, what)
        if due_on >= today or not deadlines.is_working_day(today, case.calendar):
            return False
        row = _missed(case, due_on)
        _break_promise(case, row, today)
        if not _week_is_over(case, row):
            return False
        _write(case, row, what)
    return True


def _missed(case: Case, due_on: date) -> Lateness:
    row, created = Lateness.objects.get_or_create(
        case=case, missed_on=due_on, defaults={"noticed_at": clock.now()}
    )
    if created:
        record(
            "case.late",
            actor=_CLOCK,
            case_id=case.id,
            subject_id=row.id,
            missed_on=row.missed_on,
            new_date=None,
        )
    return row


def _break_promise(case: Case, row: Lateness, today: date) -> None:
    """A promised day that passed stays written down, and no machine names another (R25)."""
    if row.new_date is None or row.new_date >= today:
        return
    row.broken_on, row.new_date = row.new_date, None
    row.save(update_fields=["broken_on", "new_date"])
    record(
        "case.late_again",
        actor=_CLOCK,
        case_id=case.id,
        subject_id=row.id,
        missed_on=row.missed_on,
        promised=row.broken_on,
    )


def undated(case: Case) -> Lateness | None:
    """A missed date of this case for which no person stands with a new one."""
    rows = case.lateness.filter(ended_at=None).order_by("-missed_on")
    today = clock.today()
    return next((one for one in rows if one.new_date is None or one.new_date < today), None)


def letters_about(case: Case, row: Lateness) -> QuerySet[Letter]:
    """The late letters that were written about one missed date."""
    return case.letters.filter(unique_key__startswith=_key(case, row))


def _key(case: Case, row: Lateness) -> str:
    return f"late:{case.id}:{row.missed_on.isoformat()}:"


def _week_is_over(case: Case, row: Lateness) -> bool:
    newest = letters_about(case, row).order_by("-created_at").first()
    if newest is None:
        return True
    return clock.today() - clock.local_date(newest.created_at) >= EVERY


def _write(case: Case, row: Lateness, what: str, actor: Actor = _CLOCK) -> None:
    person = letters.named_person(case)
    letters.write(
        case=case,
        kind=LetterKind.LATE,
        key=f"{_key(case, row)}{letters_about(case, row).count() + 1}",
        actor=actor,
        facts={
            "what": what,
            "missed_on": row.missed_on.isoformat(),
            "new_date": row.new_date.isoformat() if row.new_date else "",
            "broken_on": row.broken_on.isoformat() if row.broken_on else "",
            "person": person.display_name if person else settings.DSR_CONTROLLER["dpo"],
        },
    )


def explain(
    *,
    case_id: UUID,
    actor: Actor,
    reason: str,
    words: str,
    new_date: date | None = None,
) -> Lateness:
    """Write down why a date was missed, and the date this person promises now (law D-09).

    A new date is told to the person the same day: they don't wait for the letter of the week (R25).
    Raises `Conflict("not_late")`, `BadInput` with no_such_reason, new_date_past and for the words.
    """
    require_reviewer(actor)
    if reason not in LateReason.values:
        raise BadInput("no_such_reason", _("Choose why the date was missed."))
    kept = words_of(words, code="words_missing", limit=letters.MAX_WORDS)
    today = clock.today()
    if new_date is not None and new_date < today:
        raise BadInput("new_date_past", _("The new date can't be in the past."))
    with unit_of_work():
        case = lock(case_id)
        row = case.lateness.select_for_update().order_by("-missed_on").first()
        if row is None:
            raise Conflict("not_late", _("No date was missed in this case."))
        row.reason, row.reason_by, row.field = reason, actor.id, f"late.{new_id()}"
        vault.write_small(case.file_unit, row.field, kept.encode())
        _break_promise(case, row, today)
        news = new_date is not None and new_date != row.new_date
        row.new_date = new_date or row.new_date
        row.save(update_fields=["reason", "reason_by", "field", "new_date"])
        record(
            "case.late_explained",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            reason=reason,
            new_date=row.new_date,
        )
        what = owed(case)
        if news and what:
            _write(case, row, what, actor)
    return row


def counts() -> Mapping[str, int]:
    """How many dates were missed, by reason; "" where nobody wrote one down yet."""
    return Counter(Lateness.objects.values_list("reason", flat=True))


def late_now() -> int:
    return Lateness.objects.filter(ended_at=None).count()

"""A letter somebody has to read and that the post brought back: it reached nobody (D-07, D-08).
So with a letter about a breach, which nobody answers: no breach is over while it lies here (O-07).

The request's own question, one about a wish that was added, the letter about photos that don't
serve, the one that says when a lock ends (Art. 18(3)): each alike. So the clock did not stand,
nobody was reminded, and the letter waits for the post again; with the day it is posted anew all of
that counts from there. A date that was missed meanwhile stays missed (D-09). It can be made anew
with the address we have now, or kept here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import asking, clocks, letters, wish_clocks
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Ask,
    Case,
    EvidenceLock,
    Letter,
    LetterKind,
    LetterState,
    Status,
)
from dsr_portal.cases.paper_models import LetterReturn, ReturnReason, ReturnStep
from dsr_portal.cases.wish_models import WishPause
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.jobs.services import enqueue

AGAIN = ":again"
"""How the key of a second letter about the same photo ends."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What waits for an answer: its letter, the one that reminds of it, and what its return means.

    `back` is told whether the letter itself came back, or the reminder alone.
    """

    first: UUID
    reminder: UUID | None
    back: Callable[[Actor, bool], None]

    @property
    def posted(self) -> QuerySet[Letter]:
        both = [one for one in (self.first, self.reminder) if one is not None]
        rows = Letter.objects.filter(id__in=both, state=LetterState.SENT)
        return rows.exclude(posted_by="").order_by("sent_at")


def under_way(case: Case) -> list[Letter]:
    """Letters that may still come back, which somebody put in the post."""
    return [letter for one in _waiting(case) for letter in one.posted]


def lying_here(case: Case) -> dict[UUID, LetterReturn]:
    """The newest return of each letter that came back and was not posted since."""
    rows = returns_of(case).filter(letter__state=LetterState.TO_POST).reverse()
    newest = {row.letter_id: row for row in rows}
    return {one: row for one, row in newest.items() if row.step != ReturnStep.AGAIN}


def returns_of(case: Case) -> QuerySet[LetterReturn]:
    """What came back, the newest first."""
    rows = LetterReturn.objects.filter(letter__case=case).select_related("letter")
    return rows.order_by("-noted_at", "-id")


def kept_here(case: Case) -> set[UUID]:
    """Letters an officer keeps until the person says where to."""
    return {one for one, row in lying_here(case).items() if row.step == ReturnStep.HOLD}


def record_returned(*, case_id: UUID, letter_id: UUID, actor: Actor, on: date, reason: str) -> Case:
    """The post brought a letter or its reminder back: it waits for the post once more.

    With the letter its reminder does too, which went to the same address. Raises `NotAllowed`;
    `BadInput` with day_unfit, no_such_reason; `Conflict("not_under_way")`.
    """
    require_reviewer(actor)
    if reason not in ReturnReason.values:
        raise BadInput("no_such_reason", _("Choose one of the reasons."))
    with unit_of_work():
        case = lock(case_id)
        asked, letter, sent_on = _of(case, letter_id)
        if not sent_on <= on <= clock.today():
            raise BadInput("day_unfit", _("Choose a day since it was posted, up to today."))
        whole = letter.id == asked.first
        for one in list(asked.posted) if whole else [letter]:
            _back(one)
        LetterReturn.objects.create(
            letter=letter,
            reason=reason,
            on=on,
            posted_on=sent_on,
            noted_by=actor.id,
            noted_at=clock.now(),
        )
        record(
            "letter.returned",
            actor=actor,
            case_id=case.id,
            subject_id=letter.id,
            kind=letter.kind,
            reason=reason,
            on=on,
        )
        asked.back(actor, whole)
    return case


def make_anew(*, case_id: UUID, letter_id: UUID, actor: Actor) -> None:
    """The same words once more, with the address we have now. Raises `Conflict("not_returned")`."""
    require_reviewer(actor)
    with unit_of_work():
        row = _settle(lock(case_id), letter_id, ReturnStep.AGAIN, actor)
        letter = Letter.objects.select_for_update().get(id=row.letter_id)
        letter.state, letter.document_id = LetterState.QUEUED, None
        letter.save(update_fields=["state", "document_id"])
        enqueue(
            kind=letters.SEND,
            subject=letter.id,
            idempotency_key=f"{letters.SEND}:{letter.id}:{new_id()}",
        )


def keep_here(*, case_id: UUID, letter_id: UUID, actor: Actor) -> None:
    """It stays here until the person says where to; nobody is told that it waits for the post.

    Raises `Conflict("not_returned")`.
    """
    require_reviewer(actor)
    with unit_of_work():
        _settle(lock(case_id), letter_id, ReturnStep.HOLD, actor)


def _settle(case: Case, letter_id: UUID, step: ReturnStep, actor: Actor) -> LetterReturn:
    row = lying_here(case).get(letter_id)
    if row is None or row.step == step:
        raise Conflict("not_returned", _("This letter does not lie here."))
    row.step, row.settled_by, row.settled_at = step, actor.id, clock.now()
    row.save(update_fields=["step", "settled_by", "settled_at"])
    record(
        "letter.return_settled",
        actor=actor,
        case_id=case.id,
        subject_id=letter_id,
        kind=row.letter.kind,
        step=row.step,
    )
    return row


def _of(case: Case, letter_id: UUID) -> tuple[_Asked, Letter, date]:
    for asked in _waiting(case):
        for letter in asked.posted:
            if letter.id == letter_id and letter.sent_at is not None:
                return asked, letter, clock.local_date(letter.sent_at)
    raise Conflict("not_under_way", _("This letter is not under way."))


def _back(letter: Letter) -> None:
    row = Letter.objects.select_for_update().get(id=letter.id)
    row.state, row.sent_at, row.posted_by = LetterState.TO_POST, None, ""
    row.save(update_fields=["state", "sent_at", "posted_by"])


# -- what waits, and what its return means -------------------------------------------------------


def _waiting(case: Case) -> Iterator[_Asked]:
    ask = asking.unanswered(case)
    if ask is not None and ask.letter_id is not None:
        yield _Asked(ask.letter_id, ask.reminder_id, partial(_ask_back, case, ask))
    for pause in WishPause.objects.filter(right__case=case, until_on=None).select_related("right"):
        yield _Asked(pause.letter_id, pause.reminder_id, partial(_wish_back, case, pause))
    yield from _about_photos(case)
    for letter in case.letters.filter(kind=LetterKind.BREACH).order_by("created_at"):
        yield _Asked(letter.id, None, _no_clock)
    yield from _about_locks(case)


def _no_clock(_actor: Actor, _whole: bool) -> None:
    """No clock stands for this letter."""


def _about_locks(case: Case) -> Iterator[_Asked]:
    """The letter before a lock ends, until it was lifted: back here it told nobody (Art. 18(3))."""
    standing = EvidenceLock.objects.filter(case=case, ended_at=None)
    for letter_id in standing.exclude(letter=None).values_list("letter_id", flat=True):
        yield _Asked(letter_id, None, _no_clock)


def _about_photos(case: Case) -> Iterator[_Asked]:
    """The newest letter about photos, while nothing came in their place. No clock stands for it,
    and its reminder counts from the day it is posted."""
    if case.status != Status.NEEDS_INFO:
        return
    about = case.letters.filter(kind=LetterKind.PHOTO)
    first = about.exclude(unique_key__endswith=AGAIN).order_by("created_at").last()
    if first is not None:
        again = about.filter(unique_key=first.unique_key + AGAIN).first()
        yield _Asked(first.id, again.id if again else None, _no_clock)


def _ask_back(case: Case, ask: Ask, actor: Actor, whole: bool) -> None:
    """Whoever asked for the pause asked for it once it is read: it begins when posted again."""
    ask.reminded_at = None
    ask.save(update_fields=["reminded_at"])
    standing = case.pauses.select_for_update().filter(ask=ask, until_on=None)
    for pause in standing.exclude(from_on=None) if whole else []:
        pause.from_on = None
        pause.save(update_fields=["from_on"])
        record("clock.resumed", actor=actor, case_id=case.id, subject_id=pause.id, days=0)
        clocks.keep(case, actor=actor, why="returned")


def _wish_back(case: Case, found: WishPause, actor: Actor, whole: bool) -> None:
    """The time of this wish did not stand; no other date knows of it."""
    pause = WishPause.objects.select_for_update(of=("self",)).get(id=found.id)
    if not whole or pause.from_on is None:
        return
    pause.from_on = None
    pause.save(update_fields=["from_on"])
    row = pause.right
    record("wish.resumed", actor=actor, case_id=case.id, right=row.right, days=0)
    wish_clocks.keep(row, actor=actor, why="returned")

"""Asking about one wish that was added later, and its time alone standing still (law D-07).

The rest of the request goes on and keeps its date. As for a request: no pause without a recorded
question whose letter left; one that came late needs another person; an answer that names it ends
it (`answering`). Silence ends nothing: it is asked once more, then named persons are told.
"""

from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import asking, letters, proposals, wish_clocks
from dsr_portal.cases.levels import of_right
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import queue_needs_you
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Letter,
    LetterKind,
    LetterState,
    PauseGround,
    Proposal,
    ProposalKind,
    ProposalState,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.wish_extensions import added
from dsr_portal.cases.wish_models import WishPause
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.law import deadlines
from dsr_portal.vault import services as vault

_LETTERS = Actor.system("letters")
_SCHEDULE = Actor.system("case-schedule")


def open_question(row: CaseRight) -> WishPause | None:
    """The question about this wish that waits for an answer."""
    return WishPause.objects.filter(right=row, until_on=None).select_related("letter").first()


def why_not(row: CaseRight) -> Conflict | None:
    """What stands in the way of a question about this wish now; None where it may be asked."""
    case = row.case
    if case.status in wish_clocks.NO_MORE_OWED or case.withdrawn_at is not None:
        return Conflict("case_over", _("What was asked is being done, or the request is closed."))
    if open_question(row) is not None:
        return Conflict("asked_already", _("The person was asked and has not answered yet."))
    if WishPause.objects.filter(right=row).exists():
        return Conflict("asked_before", _("The person was asked about this wish once."))
    if wish_clocks.clock_of(row).late:
        return Conflict(
            "clock_over", _("The date has passed, so a question no longer stops the clock.")
        )
    return None


def ask(*, case_id: UUID, right: str, actor: Actor, ground: str, words: str) -> WishPause:
    """Ask once about this wish; its time stands still from the day the letter leaves.

    Who is asking is asked only where less is known than this wish needs (R2, R-06). Raises
    `NotFound("no_wish")`; `BadInput` with no_such_ground, known_enough and those of
    `letters.own_words`; `Conflict` with case_over, asked_already, asked_before, clock_over.
    """
    require_reviewer(actor)
    if ground not in PauseGround.values:
        raise BadInput("no_such_ground", _("Choose what you need to know."))
    with unit_of_work():
        case = lock(case_id)
        row = added(case, right)
        problem = why_not(row)
        if problem is not None:
            raise problem
        if ground == PauseGround.IDENTITY and case.level >= of_right(row.right):
            raise BadInput("known_enough", _("Who is asking is known well enough for this wish."))
        filled = letters.own_words(words, case)
        how = "stands" if in_time(row) else "agree"
        letter = letters.write(
            case=case,
            kind=LetterKind.WISH_ASK,
            key=f"wish_ask:{row.id}",
            actor=actor,
            facts=_facts(row, ground=ground, words=filled, how=how),
        )
        pause = WishPause.objects.create(right=row, ground=ground, letter=letter, by=actor.id)
        record("wish.asked", actor=actor, case_id=case.id, right=row.right, ground=pause.ground)
        if how == "agree":
            _propose(pause, case, actor)
        queue_needs_you(case)
        return pause


def in_time(row: CaseRight) -> bool:
    """Whether a question sent today still counts as asked without undue delay."""
    counted = wish_clocks.clock_of(row)
    asked_on = counted.period.counts_from
    return deadlines.asked_without_delay(asked_on, counted.today, counted.calendar)


def _facts(row: CaseRight, *, ground: str, words: str, how: str) -> dict[str, object]:
    counted = wish_clocks.clock_of(row)
    return {
        "right": row.right,
        "added_on": counted.period.counts_from.isoformat(),
        "ground": ground,
        "words": words,
        "clock": how,
        "due": counted.period.unpaused.legal.isoformat(),
        "again": (counted.today + asking.REMIND_AFTER).isoformat(),
    }


def _propose(pause: WishPause, case: Case, actor: Actor) -> None:
    proposals.propose(
        case=case,
        kind=ProposalKind.WISH_PAUSE,
        actor=actor,
        codes={"wish": pause.right.right, "ground": pause.ground},
        one_for="wish",
    )


def sent(letter: Letter, case: Case) -> None:
    """The question left: from today the time of this wish stands, or another person has to agree.

    After the last day of the wish it stops nothing (law D-09).
    """
    pause = _locked(letter=letter, until_on=None, from_on=None)
    if pause is None:
        return
    row = pause.right
    if wish_clocks.clock_of(row).late:
        wish_clocks.resume(case, actor=_LETTERS, rights=[row.right])
    elif pause.agreed_by or in_time(row):
        _begin(pause, _LETTERS)
    elif not _waits(pause):
        _propose(pause, case, Actor.decided_by(pause.by, "officer"))


def _locked(**which: object) -> WishPause | None:
    rows = WishPause.objects.select_for_update(of=("self",)).filter(**which)
    return rows.select_related("right__case", "letter").first()


def _waits(pause: WishPause) -> bool:
    waiting = pause.right.case.proposals.filter(state=ProposalState.WAITING)
    return waiting.filter(kind=ProposalKind.WISH_PAUSE, codes__wish=pause.right.right).exists()


def _begin(pause: WishPause, actor: Actor) -> None:
    pause.from_on = clock.today()
    pause.save(update_fields=["from_on", "agreed_by"])
    row = pause.right
    record("wish.paused", actor=actor, case_id=row.case_id, right=row.right, ground=pause.ground)
    wish_clocks.keep(row, actor=actor, why="paused")


def go_on(*, case_id: UUID, right: str, actor: Actor) -> Case:
    """They answered by another way, or it is not needed any more: the time of this wish goes on.

    Raises `NotFound("no_wish")`, `Conflict("no_question")`.
    """
    require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        row = added(case, right)
        if not wish_clocks.resume(case, actor=actor, rights=[row.right]):
            raise Conflict("no_question", _("There is no open question about this wish."))
    return case


# -- silence (law D-08) ---------------------------------------------------------------------------


def remind_due() -> int:
    """Ask once more, by the same way, a week after the letter left; how many were reminded."""
    waiting = WishPause.objects.filter(
        until_on=None,
        reminder=None,
        letter__state=LetterState.SENT,
        letter__sent_at__lte=clock.now() - asking.REMIND_AFTER,
    )
    return sum(
        quietly(partial(_remind, one), doing="reminder of a wish", of=one)
        for one in list(waiting.values_list("id", flat=True))
    )


def _remind(pause_id: UUID) -> bool:
    with unit_of_work():
        case = lock(WishPause.objects.values_list("right__case_id", flat=True).get(id=pause_id))
        pause = _locked(id=pause_id, until_on=None, reminder=None)
        if pause is None or pause.letter.sent_at is None:
            return False
        asked = vault.read_json(case.file_unit, pause.letter.field)
        how = "stood" if pause.from_on else "agree"
        facts = _facts(pause.right, ground=pause.ground, words=asked["words"], how=how)
        facts["asked_on"] = clock.local_date(pause.letter.sent_at).isoformat()
        if pause.from_on:
            facts["since"] = pause.from_on.isoformat()
        pause.reminder = letters.write(
            case=case,
            kind=LetterKind.WISH_ASK,
            key=f"wish_ask:{pause.right_id}:again",
            actor=_SCHEDULE,
            facts=facts,
        )
        pause.save(update_fields=["reminder"])
        queue_needs_you(case)
    return True


def silent(case: Case) -> list[WishPause]:
    """Questions about added wishes that had their time and their reminder without an answer."""
    rows = WishPause.objects.filter(
        right__case=case,
        until_on=None,
        letter__sent_at__lte=clock.now() - asking.WAIT_FOR_ANSWER,
        reminder__sent_at__lte=clock.now() - asking.REMIND_AFTER,
    )
    return list(rows.order_by("id"))


# -- another person agrees to a question that came late -------------------------------------------


def _of(proposal: Proposal, case: Case) -> WishPause | None:
    return _locked(right__case=case, right__right=proposal.codes["wish"], until_on=None)


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    pause = _of(proposal, case)
    if pause is None or wish_clocks.clock_of(pause.right).late:
        raise Conflict("clock_over", _("There is no open question, or the date has passed."))


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """It stands still from the day the second person agreed, and not before the letter left."""
    pause = _of(proposal, case)
    if pause is None:
        return
    pause.agreed_by = actor.id
    if pause.letter.sent_at is None:
        pause.save(update_fields=["agreed_by"])
    else:
        _begin(pause, actor)


HANDLER = proposals.Handler(agreed=_agreed, check=_check)


def now_known(case: Case, actor: Actor) -> None:
    """A check met what an added wish needs: the question who is asking is answered with it."""
    met = [row.right for row in case.rights.all() if case.level >= of_right(row.right)]
    wish_clocks.resume(case, actor=actor, rights=met, grounds=(PauseGround.IDENTITY,))

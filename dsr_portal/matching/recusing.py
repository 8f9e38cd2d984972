"""What somebody who must not work on a case had part in goes to other people (X-09, R19).

An open part is given back. Where they finished one, or decided it all, the comparison begins anew
as long as no answer left; what was proposed, prepared or approved by them is taken back.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import proposals, recusals
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.cases.states import OVER
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.registries import take_backs
from dsr_portal.matching.models import AsideWord, Position, Review, ReviewState
from dsr_portal.matching.reviews import begin_anew, draw_second, locked

FLAG = "recused_took_part"
"""Something left that rests on the word of somebody who must not work on the case."""

_HELD_BY = {
    ReviewState.FIRST: (Position.FIRST, "first_officer"),
    ReviewState.SECOND: (Position.SECOND, "second_officer"),
    ReviewState.SUPERVISOR: (Position.SUPERVISOR, "supervisor"),
}
"""Whose part is open in which state, and where their number stands."""

_NOT_ANSWERED = frozenset({Status.IN_REVIEW, Status.SECOND_REVIEW, Status.DECIDED})
_LEFT = frozenset({Status.DELIVERED, Status.ERASING})
_UNSAID: dict[str, Any] = {
    "officer": "",
    "shown_at": None,
    "preliminary": "",
    "preliminary_at": None,
    "band_shown_at": None,
    "verdict": "",
    "decided_at": None,
    "reason_field": "",
}
_SYSTEM = Actor.system("matching")


def recuse(*, case_id: UUID, actor: Actor) -> Recusal:
    """Somebody takes themselves off a case: at once, and what they did is another person's."""
    with unit_of_work():
        row = recusals.recuse(case_id=case_id, actor=actor)
        _free_case(case_id)
    return row


def free_parts() -> int:
    """Free what people did in cases whose address was confirmed as theirs since.

    Run regularly; returns in how many cases something was freed.
    """
    recusals.write_down_due()
    return sum(
        quietly(partial(_free_case, one), doing="a recusal", of=one)
        for one in recusals.cases_in_force()
    )


def _free_case(case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        away = recusals.kept_away(case_id)
        if not away or case.status in OVER:
            return False
        proposals.lapse_of(case, away, actor=_SYSTEM)
        anew, left = _decided_by_them(case, away)
        freed = anew
        for review in Review.objects.filter(case=case, state__in=_HELD_BY):
            with suppress(Conflict), unit_of_work():  # the case went on without this review
                freed |= _free(review.id, away)
        for _name, take_back in take_backs.items():
            left |= take_back(case_id=case_id, officers=away, decided_anew=anew, actor=_SYSTEM)
        if left:
            raise_flag(case_id=case_id, code=FLAG, actor=_SYSTEM)
        return freed


# -- what they finished -------------------------------------------------------------------------


def _decided_by_them(case: Case, away: Collection[str]) -> tuple[bool, bool]:
    """Whether it is decided anew, and whether what they decided has left already."""
    rounds = Review.objects.filter(case=case).exclude(state=ReviewState.STOPPED)
    beside = rounds.filter(beside=True)
    if case.status in _NOT_ANSWERED:
        theirs = _rests_on(rounds, away)
        # What was put aside: those words count beside the rounds (law C-09).
        words, _by_kind = AsideWord.objects.filter(candidate__case=case, officer__in=away).delete()
        if theirs:
            _begin_anew(case, rounds, away, beside=False)
        return theirs or bool(words), False
    anew = case.status == Status.DELIVERED and _rests_on(beside, away)
    if anew:
        _begin_anew(case, beside, away, beside=True)
    left = case.status in _LEFT and _rests_on(rounds.filter(beside=False), away)
    return anew, left


def _begin_anew(
    case: Case, rounds: QuerySet[Review], away: Collection[str], *, beside: bool
) -> None:
    last = rounds.latest("round")
    begin_anew(case=case, rounds=rounds, away=away, beside=beside)
    _record_freed(last, Position.FIRST)


def _rests_on(rounds: QuerySet[Review], away: Collection[str]) -> bool:
    return any(_is_theirs(review, away) for review in rounds)


def _is_theirs(review: Review, away: Collection[str]) -> bool:
    """Whether more of a round rests on them than a part that is open and can be given back."""
    parts = {
        (Position.FIRST, review.first_officer),
        (Position.SECOND, review.second_officer),
        (Position.SUPERVISOR, review.supervisor),
        *review.decisions.exclude(verdict="").values_list("position", "officer"),
    }
    theirs = {str(position) for position, officer in parts if officer in away}
    if not theirs:
        return False
    position, field = _HELD_BY.get(ReviewState(review.state), (None, ""))
    if position is None or getattr(review, field) not in away:
        return True
    went_on = review.second_done_at is not None and position != Position.SUPERVISOR
    widened = review.hops > 0 and position == Position.FIRST
    return went_on or widened or theirs != {str(position)}


# -- what is open -------------------------------------------------------------------------------


def _free(review_id: UUID, away: Collection[str]) -> bool:
    """What they said about pictures counts no more; who takes it over begins anew and sees none of
    it. A lock they caused stays until that review ends: nothing is loosened on the way (R1)."""
    review = locked(review_id)
    held = _HELD_BY.get(ReviewState(review.state))
    if held is None:
        return False
    position, field = held
    officer = getattr(review, field)
    if not officer or officer not in away:
        return False
    parts = review.decisions.filter(position=position)
    if position == Position.SUPERVISOR:
        parts.update(**_UNSAID)
    else:
        parts.delete()
    setattr(review, field, None)
    review.save(update_fields=[field])
    _record_freed(review, position)
    if position == Position.SECOND:
        draw_second(review)
    return True


def _record_freed(review: Review, position: Position) -> None:
    record(
        "review.freed",
        actor=_SYSTEM,
        case_id=review.case_id,
        subject_id=review.id,
        position=position.value,
    )

"""What is laid before somebody who must not work on a case goes to another person (X-09, R19)."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import recusals
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.matching.models import Position, Review, ReviewState
from dsr_portal.matching.reviews import draw_second, locked

_HELD_BY = {
    ReviewState.FIRST: (Position.FIRST, "first_officer"),
    ReviewState.SECOND: (Position.SECOND, "second_officer"),
    ReviewState.SUPERVISOR: (Position.SUPERVISOR, "supervisor"),
}
"""Whose part is open in which state, and where their number stands."""

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
    """Somebody takes themselves off a case: at once, and what they had open is another person's."""
    with unit_of_work():
        row = recusals.recuse(case_id=case_id, actor=actor)
        _free_case(case_id)
    return row


def free_parts() -> int:
    """Free what is laid before people whose address was confirmed for the case since.

    Run regularly; returns how many parts were freed.
    """
    held = Review.objects.filter(state__in=_HELD_BY).values_list("case_id", flat=True)
    return sum(_free_case(case_id) for case_id in set(held) if recusals.kept_away(case_id))


def _free_case(case_id: UUID) -> int:
    freed = 0
    for review in Review.objects.filter(case_id=case_id, state__in=_HELD_BY):
        with suppress(Conflict), unit_of_work():  # the case went on without this review
            freed += _free(review.id)
    return freed


def _free(review_id: UUID) -> bool:
    """What they said about pictures counts no more; who takes it over begins anew and sees none of
    it. A lock they caused stays until that review ends: nothing is loosened on the way (R1)."""
    review = locked(review_id)
    held = _HELD_BY.get(ReviewState(review.state))
    if held is None:
        return False
    position, field = held
    officer = getattr(review, field)
    if not officer or officer not in recusals.kept_away(review.case_id):
        return False
    parts = review.decisions.filter(position=position)
    if position == Position.SUPERVISOR:
        parts.update(**_UNSAID)
    else:
        parts.delete()
    setattr(review, field, None)
    review.save(update_fields=[field])
    record(
        "review.freed",
        actor=_SYSTEM,
        case_id=review.case_id,
        subject_id=review.id,
        position=position.value,
    )
    if position == Position.SECOND:
        draw_second(review)
    return True

"""Answers that left and are closed, for a picture in them may not be handed out (law C-09).

The files stay: it is the person's answer. Supervisors are told until somebody wrote to the person.
"""

from uuid import UUID

from dsr_portal.cases import deliveries
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.models import Case, DeliveryState, Direction, Flag
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor

FLAG = "answer_closed"
_LEFT = (DeliveryState.RELEASED, DeliveryState.POSTED)


def tell(*, case_id: UUID, actor: Actor) -> None:
    """An answer of this case stays closed: somebody writes to the person; counted from now."""
    flag = raise_flag(case_id=case_id, code=FLAG, actor=actor)
    flag.raised_at = clock.now()
    flag.save(update_fields=["raised_at"])


def flagged_cases() -> list[UUID]:
    return list(Flag.objects.filter(code=FLAG).values_list("case_id", flat=True))


def is_closed(case: Case) -> bool:
    """Whether something that left is kept here and handed out to nobody."""
    left = case.deliveries.filter(state__in=_LEFT)
    return any(deliveries.is_kept(one) and not deliveries.may_hand_out(one) for one in left)


def wants_words(case: Case) -> Flag | None:
    """The flag of a closed answer, while nobody wrote to the person since."""
    flag = case.flags.filter(code=FLAG).first()
    if flag is None or not is_closed(case):
        return None
    written = case.messages.filter(direction=Direction.OUT, at__gt=flag.raised_at).exists()
    answered = case.deliveries.filter(released_at__gt=flag.raised_at).exists()
    return None if written or answered else flag

"""What becomes of the answer of a request that is opened again after it (law O-03, O-07)."""

from uuid import UUID

from dsr_portal.cases.locking import lock
from dsr_portal.cases.states import BEFORE_SEARCH
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import asides, unidentified
from dsr_portal.disclosure.models import LETTER_ONLY, AnswerState

REASON = "opened_again"


def set_aside(*, case_id: UUID, actor: Actor) -> None:
    """An earlier answer is not the answer of the case any more; another one is made for it.

    What left stays with the person, and its files end on their own day. What had not left never
    leaves. A letter to who is not known that still waits for its second person is no earlier
    answer. In the caller's unit of work.
    """
    case = lock(case_id)
    if case.status not in BEFORE_SEARCH:
        return
    for answer in unidentified.in_force(case).select_for_update():
        if answer.kind in LETTER_ONLY and answer.state != AnswerState.APPROVED:
            continue
        if not asides.take_back(answer, actor, REASON):
            unidentified.put_aside(answer, actor, REASON)

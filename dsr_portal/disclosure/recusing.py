"""What becomes of answers somebody prepared or approved who must not work on the case (X-09)."""

from collections.abc import Collection
from uuid import UUID

from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import asides
from dsr_portal.disclosure.models import LETTER_ONLY, OUT_OF_FORCE, Answer, AnswerState

REASON = "recused"


def take_back(
    *, case_id: UUID, officers: Collection[str], decided_anew: bool, actor: Actor
) -> bool:
    """An answer that has not left is set aside and other people make it anew; True where one of
    theirs stays: it left, or its approval ended the request already (a letter to who is not known).

    In the caller's unit of work, under the case's lock.
    """
    stays = False
    for answer in Answer.objects.select_for_update().filter(case_id=case_id):
        theirs = {answer.prepared_by, answer.approved_by} & set(officers)
        if answer.state in OUT_OF_FORCE or not (decided_anew or theirs):
            continue
        ended = answer.kind in LETTER_ONLY and answer.state == AnswerState.APPROVED
        taken = not ended and asides.take_back(answer, actor, REASON)
        stays |= bool(theirs) and not taken
    return stays

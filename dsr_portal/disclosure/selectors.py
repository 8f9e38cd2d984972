from uuid import UUID

from dsr_portal.disclosure.models import Answer, AnswerState


def current_answer(case_id: UUID) -> Answer | None:
    """The answer in force, else the newest that could not be made."""
    rows = Answer.objects.filter(case_id=case_id).order_by("-frozen_at")
    return rows.exclude(state=AnswerState.FAILED).first() or rows.first()

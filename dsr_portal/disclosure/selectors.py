from uuid import UUID

from django.db.models import Q

from dsr_portal.cases.models import Outcome
from dsr_portal.cases.services import BEFORE_SEARCH
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState


def current_answer(case_id: UUID) -> Answer | None:
    """The answer in force, else the newest that could not be made.

    A letter that says "not identified" is none once the request went on.
    """
    rows = Answer.objects.filter(case_id=case_id).exclude(state=AnswerState.SET_ASIDE)
    rows = rows.filter(
        ~Q(kind=AnswerKind.NOT_IDENTIFIED)
        | Q(case__outcome=Outcome.NOT_IDENTIFIED)
        | Q(case__status__in=BEFORE_SEARCH)
    )
    newest = rows.order_by("-frozen_at")
    return newest.exclude(state=AnswerState.FAILED).first() or newest.first()

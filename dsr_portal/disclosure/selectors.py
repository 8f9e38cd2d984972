from uuid import UUID

from django.db.models import Q

from dsr_portal.cases.models import UNIDENTIFIED
from dsr_portal.cases.services import BEFORE_SEARCH
from dsr_portal.cases.states import OVER
from dsr_portal.disclosure.models import LETTER_ONLY, OUT_OF_FORCE, Answer, AnswerKind, AnswerState

_TELLS = (AnswerKind.DISCLOSURE, AnswerKind.NOTHING_FOUND)


def answered_cases() -> set[UUID]:
    """Cases that are not over with an answer in force that tells of data (A-17)."""
    rows = Answer.objects.filter(kind__in=_TELLS).exclude(state__in=OUT_OF_FORCE)
    return set(rows.exclude(case__status__in=OVER).values_list("case_id", flat=True))


def current_answer(case_id: UUID) -> Answer | None:
    """The answer in force, else the newest that could not be made.

    A letter to who is not known is none once the request went on.
    """
    rows = Answer.objects.filter(case_id=case_id).exclude(
        state__in=[AnswerState.SET_ASIDE, AnswerState.REPLACED]
    )
    rows = rows.filter(
        ~Q(kind__in=LETTER_ONLY)
        | Q(case__outcome__in=UNIDENTIFIED)
        | Q(case__status__in=BEFORE_SEARCH)
    )
    newest = rows.order_by("-frozen_at")
    return newest.exclude(state=AnswerState.FAILED).first() or newest.first()

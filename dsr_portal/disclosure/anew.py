"""Making an answer anew whose picture was put aside after it had left (law C-09, Art. 15; A-01).

The answer closed as a whole when the picture was put aside, so the person has nothing in hand.
Once two persons stand behind the cover (who put it aside, and who confirmed it), a supervisor has
the answer made anew: the link ends for good, the case goes back to where its answer is made, and
every gate of an answer is passed again. The closed files keep their own end.
"""

from collections.abc import Iterable
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_senior
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import deliveries, recusals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import keep_message, queue_wrote
from dsr_portal.cases.models import Case, Direction, Status
from dsr_portal.cases.moves import advance
from dsr_portal.cases.states import Action
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure import services
from dsr_portal.disclosure.models import Answer, AnswerRecord, AnswerState
from dsr_portal.gallery import covers
from dsr_portal.gallery.models import PutAside


def closed_cases(image_id: UUID) -> list[Case]:
    """Cases whose answer left with this picture and can be made anew without it."""
    rows = AnswerRecord.objects.filter(
        record__image=image_id, answer__state=AnswerState.APPROVED
    ).values("answer__case")
    found = Case.objects.filter(id__in=rows, status=Status.DELIVERED)
    return [case for case in found.order_by("reference") if why_not(case) is None]


def why_not(case: Case) -> Conflict | None:
    """What stands in the way now; None where a supervisor may have the answer made anew."""
    answer = _closed_answer(case)
    if answer is None:
        return Conflict("not_closed", _("No answer of this request is closed for a picture."))
    if case.status != Status.DELIVERED:
        return Conflict("not_delivered", _("This request is being erased or is closed."))
    if deliveries.answer_closed(case):
        return Conflict("not_me_open", _("The person says that it shows somebody else: see first."))
    if any(row.state == PutAside.State.SEEN for row in _aside_in(answer)):
        return Conflict("not_confirmed", _("Another supervisor confirms first what it shows."))
    return None


def _closed_answer(case: Case) -> Answer | None:
    """The answer that left and shows a picture that is put aside."""
    answers = Answer.objects.filter(case=case, state=AnswerState.APPROVED)
    return next((one for one in answers if list(_aside_in(one))), None)


def _aside_in(answer: Answer) -> Iterable[PutAside]:
    shown = answer.records.values_list("record_id", flat=True)
    return covers.by_record(shown).values()


def make_anew(*, case_id: UUID, actor: Actor) -> Answer:
    """Close what left for good, and have the answer made without what is put aside.

    The case stands where its answer is made: where that has to wait (`services.prepare_answer`
    raises `Conflict`), it is made there as any other. Raises `NotAllowed`; `Conflict` with
    not_closed, not_delivered, not_me_open, not_confirmed.
    """
    require_senior(actor)
    with unit_of_work():
        case = lock(case_id)
        recusals.require_free(case.id, actor)
        problem = why_not(case)
        answer = _closed_answer(case)
        if problem is not None or answer is None:
            raise problem or Conflict("not_closed", _("There is no such answer."))
        row = Answer.objects.select_for_update().get(id=answer.id)
        row.state = AnswerState.REPLACED
        row.save(update_fields=["state"])
        deliveries.take_back_answers(case)
        advance(case=case, action=Action.ANSWER_ANEW, actor=actor)
        record("answer.replaced", actor=actor, case_id=case.id, subject_id=row.id)
        _tell(case, actor)
    return services.prepare_answer(case_id=case_id, actor=actor)


def _tell(case: Case, actor: Actor) -> None:
    """On the page of the request, in the person's language; nothing of what the picture shows."""
    with translation.override(case.language):
        words = _(
            "We closed your answer because of one picture in it that we may not hand out. We make "
            "it anew without that picture. You get a new link; the old one does not open any more. "
            "Your receipt code stays the same."
        )
    keep_message(case, Direction.OUT, words, by=actor.id)
    record("message.sent", actor=actor, case_id=case.id)
    queue_wrote(case)

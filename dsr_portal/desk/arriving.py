"""What came for an open request, and which of our questions it answers (T-08, T-11, D-07)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import answering
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.came_models import Holds
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import at_desk, for_intake, for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.entering import handed_out
from dsr_portal.desk.forms import CameForm, SortForm
from dsr_portal.matching import came_in


@for_intake
@require_http_methods(["GET", "POST"])
def came(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Enter what came; below it what came before."""
    found = cases.case_for(staff_of(request), reference)
    questions = came_in.questions(found)
    form = CameForm(request.POST or None, request.FILES or None, questions=questions)

    def act() -> None:
        came_in.take(case_id=found.id, sent=came_in.Sent(**form.cleaned_data), actor=actor)

    if done(request, form, act, _("Entered. It counts from the day it reached us.")):
        moved = form.cleaned_data["what"] == Holds.ADDRESS
        return redirect("desk:receipt" if moved else "desk:case", reference=found.reference)
    return form_page(request, "desk/came.html", found, form, came=came_in.of_case(found))


@at_desk
@require_GET
def came_original(
    request: HttpRequest, actor: Actor, reference: str, came_id: UUID
) -> HttpResponse:
    """The original as it came (R28)."""
    found = cases.case_for(staff_of(request), reference)
    data = came_in.original(came_in.find(found, came_id))
    with unit_of_work():
        record("original.seen", actor=actor, case_id=found.id)
    return handed_out(data, found, actor)


@for_reviewers
@require_POST
def came_seen(request: HttpRequest, actor: Actor, reference: str, came_id: UUID) -> HttpResponse:
    """Another person saw the original of a photo and the reply that confirmed the contact (R20)."""
    found = cases.case_for(staff_of(request), reference)
    came_in.confirm(case_id=found.id, came_id=came_id, actor=actor)
    messages.success(request, _("Recorded."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_http_methods(["GET", "POST"])
def sort_answer(
    request: HttpRequest, actor: Actor, reference: str, message_id: UUID
) -> HttpResponse:
    """Say which question words of the person answer; its clock goes on from the day they came."""
    found = cases.case_for(staff_of(request), reference)
    row = answering.find(found, message_id)
    form = SortForm(request.POST or None, questions=came_in.questions(found))

    def act() -> None:
        answering.sort(case_id=found.id, message_id=row.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, _("Recorded. What stood still for it goes on.")):
        return redirect("desk:case", reference=found.reference)
    words = answering.words_of(row)
    return form_page(request, "desk/sort_answer.html", found, form, row=row, words=words)

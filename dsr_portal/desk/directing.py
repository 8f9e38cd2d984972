"""The accountable director's pages: read, and answered with an act or a reason (R24)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import recusals
from dsr_portal.compliance import accountability, director
from dsr_portal.compliance.models import DirectorPage
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.desk.access import for_directors
from dsr_portal.desk.authority_forms import ActForm, NotActForm


@for_directors
@require_GET
def pages(request: HttpRequest, actor: Actor) -> HttpResponse:
    nobody = [str(duty.label) for duty in accountability.vacant()]
    context = {
        "pages": director.pages_for(actor),
        "nobody": nobody,
        "overdue": director.overdue_promises(),
    }
    return render(request, "desk/director.html", context)


@for_directors
@require_GET
def page(request: HttpRequest, actor: Actor, page_id: UUID) -> HttpResponse:
    return _page(request, actor, director.read(page_id=page_id, actor=actor))


def _page(request: HttpRequest, actor: Actor, row: DirectorPage, **more: Any) -> HttpResponse:
    duty, asked = director.duty_of(row.kind)
    away = recusals.kept_from(staff_of(request)).values_list("reference", flat=True)
    unnamed = set(away)  # whose request it is is not shown to whom it may be
    context = {
        "page": row,
        "facts": [line for line in director.fact_lines(row) if line[1] not in unnamed],
        "duty": duty,
        "asked": asked,
        "mine": row.to == actor.id and row.answered_at is None,
        "act_form": ActForm(),
        "not_form": NotActForm(),
        **more,
    }
    return render(request, "desk/director_page.html", context, status=422 if more else 200)


@for_directors
@require_POST
def answer(request: HttpRequest, actor: Actor, page_id: UUID) -> HttpResponse:
    """Act, with who and until when; or not, with the reason."""
    acts = request.POST.get("do") == "act"
    form = ActForm(request.POST) if acts else NotActForm(request.POST)
    if form.is_valid():
        try:
            if acts:
                director.answer_act(page_id=page_id, actor=actor, **form.cleaned_data)
            else:
                director.answer_not(page_id=page_id, actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error(None, error.message)
    if not form.is_valid():
        row = director.read(page_id=page_id, actor=actor)
        return _page(request, actor, row, **{"act_form" if acts else "not_form": form})
    messages.success(request, _("Answered. It stands in the trail with its time."))
    return redirect("desk:director_page", page_id=page_id)

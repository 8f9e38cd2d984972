"""Who processes for the controller, and the record of processing (P-08, P-15)."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.compliance import processing, processors
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.desk.access import for_governance
from dsr_portal.desk.governance_forms import ProcessorForm


@for_governance
@require_GET
def register(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, ProcessorForm())


def _page(request: HttpRequest, actor: Actor, form: ProcessorForm) -> HttpResponse:
    context = {
        "rows": processors.register(),
        "without_entry": processors.without_entry(),
        "may_enter": actor.role in processors.MAY_ENTER,
        "form": form,
    }
    return render(request, "desk/processors.html", context, status=422 if form.errors else 200)


@for_governance
@require_POST
def enter(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = ProcessorForm(request.POST)
    if form.is_valid():
        try:
            processors.enter(entry=processors.Entry(**form.cleaned_data), actor=actor)
        except BadInput as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Entered."))
            return redirect("desk:processors")
    return _page(request, actor, form)


@for_governance
@require_POST
def end(request: HttpRequest, actor: Actor, processor_id: UUID) -> HttpResponse:
    processors.end(processor_id=processor_id, actor=actor)
    messages.success(request, _("Ended. What is set to use it needs another entry."))
    return redirect("desk:processors")


@for_governance
@require_GET
def file(request: HttpRequest, actor: Actor, kind: str) -> HttpResponse:
    """The record of processing as it is today."""
    if kind == "csv":
        response = HttpResponse(processing.as_csv(), content_type="text/csv; charset=utf-8")
    elif kind == "pdf":
        response = HttpResponse(processing.as_pdf(), content_type="application/pdf")
    else:
        raise Http404
    response.headers["Content-Disposition"] = f'attachment; filename="record-of-processing.{kind}"'
    return response

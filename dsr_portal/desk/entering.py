"""Requests that came by mail, post, phone, message, in person or through somebody else (T-08)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import confirmations
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.mandates import is_represented
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.desk.access import at_desk, for_intake
from dsr_portal.desk.comparing import jpeg_response
from dsr_portal.desk.forms import EnterForm
from dsr_portal.matching.services import Entered, enter_request
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import PictureRefused, decode_picture
from dsr_portal.vault.pictures import jpeg_of


@for_intake
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Enter a request: the clock counts from the day it reached any channel of ours."""
    form = EnterForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            entered = Entered(received_at=arrival_of(data.pop("received")), **data)
            case = enter_request(entered=entered, actor=actor).case
        except PortalError as error:
            form.add_error("narrower" if error.code == "narrower_reading" else None, error.message)
        else:
            messages.success(
                request, _("The case is open. Another person confirms the original next.")
            )
            page = "desk:mandate" if is_represented(case) else "desk:case"
            return redirect(page, reference=case.reference)
    return render(request, "desk/enter.html", {"form": form}, status=422 if form.errors else 200)


@at_desk
@require_GET
def original(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The original as it came. A picture is opened in the confined child and shown as our own;
    anything else is handed out unopened, to be saved (R28)."""
    found = cases.case_for(staff_of(request), reference)
    place = cases.original_of(found)
    if place is None:
        raise NotFound("no_original", _("No original was attached."))
    data = vault.read(*place)
    with unit_of_work():
        record("original.seen", actor=actor, case_id=found.id)
    return handed_out(data, found, actor)


def handed_out(data: bytes, found: Case, actor: Actor) -> HttpResponse:
    """An original: a picture as our own, anything else unopened, to be saved."""
    try:
        return jpeg_response(jpeg_of(decode_picture(data)), actor)
    except PictureRefused:
        response = HttpResponse(data, content_type="application/octet-stream")
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{found.reference}-original.bin"'
        )
        return response


@for_intake
@require_POST
def confirmation(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The confirmation to post, with the receipt code; made now and not kept (R12, C-10).

    Only where the code in force reaches the person on paper.
    """
    found = cases.case_for(staff_of(request), reference)
    pdf = confirmations.print_confirmation(case_id=found.id, actor=actor)
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.reference}.pdf"'
    return response

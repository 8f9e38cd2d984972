"""The receipt on paper and a new code for who lost it: address, print, post, renew (R12, T-10)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import address_changes, address_waits, complaint, confirmations
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.address_models import AddressKind
from dsr_portal.cases.models import Case, Receipt
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_intake
from dsr_portal.desk.forms import (
    HandedForm,
    NewCodeForm,
    NewEmailForm,
    NewPostalForm,
    PostalForm,
    StopChangeForm,
)

_FORMS: dict[str, type[PlainForm]] = {
    "postal": PostalForm,
    "handed": HandedForm,
    "renew": NewCodeForm,
    "new_email": NewEmailForm,
    "new_postal": NewPostalForm,
    "keep": StopChangeForm,
}
_CHANGES = {"new_email": AddressKind.EMAIL, "new_postal": AddressKind.POSTAL}


@for_intake
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Everything about the paper of one request; each form posts what it does."""
    found = cases.case_for(staff_of(request), reference)
    asked = request.POST.get("do", "")
    form = _FORMS[asked](request.POST, prefix=asked) if asked in _FORMS else None
    if form is not None and form.is_valid():
        try:
            messages.success(request, _act(asked, found, actor, form))
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("desk:receipt", reference=found.reference)
    return _page(request, found, actor, asked, form)


@for_intake
@require_POST
def complaint_pack(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The papers for a complaint, printed for who has no page on the internet (R25)."""
    found = cases.case_for(staff_of(request), reference)
    response = HttpResponse(complaint.pack(case=found, actor=actor), content_type="application/zip")
    name = f"complaint-{found.reference}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _act(asked: str, found: Case, actor: Actor, form: PlainForm) -> str:
    given = form.cleaned_data
    if asked == "postal":
        confirmations.set_postal(case_id=found.id, actor=actor, **given)
        return _("Kept. Letters go there.")
    if asked == "handed":
        confirmations.record_handed(case_id=found.id, actor=actor, **given)
        return _("Recorded. The person sees it on the page of their request.")
    if asked in _CHANGES:
        checked = {name: given.pop(name) for name in ("way", "compared")}
        address_changes.ask_for(
            case_id=found.id, actor=actor, what=_CHANGES[asked], given=given, **checked
        )
        if asked == "new_email":
            return _("Proposed. The old address is told; it counts 72 hours after another agrees.")
        return _("Kept. It counts 72 hours after the old address was told.")
    if asked == "keep":
        address_changes.stop(case_id=found.id, actor=actor)
        return _("Stopped. The address stays as it was.")
    confirmations.renew_code(case_id=found.id, actor=actor, **given)
    return _("The old code opens nothing any more. Print the confirmation with the new one.")


def _page(
    request: HttpRequest, found: Case, actor: Actor, asked: str, sent: PlainForm | None
) -> HttpResponse:
    contact = cases.contact_of(found)
    forms = {name: form(prefix=name) for name, form in _FORMS.items()}
    forms["postal"].initial = {name: contact.get(name, "") for name in ("name", "postal")}
    if sent is not None:
        forms[asked] = sent
    context = {
        "case": found,
        "forms": forms,
        "form": sent,
        "on_paper": confirmations.on_paper(found),
        "waits": confirmations.waits_for_paper(found),
        "postal": contact.get("postal", ""),
        "receipt": Receipt.objects.get(case=found),
        "may_renew": actor.role in REVIEWERS,
        "email": contact.get("email", ""),
        "new_address": address_changes.waiting(found),
        "address_until": address_waits.waits_until(found),
    }
    return render(request, "desk/receipt.html", context, status=422 if sent else 200)

"""A new address on the page of the request, and the old mailbox's one click against it (R13)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.cases import address_changes, services
from dsr_portal.cases.address_models import AddressKind
from dsr_portal.cases.deliveries import MAX_WRONG_CODES
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.public import sessions
from dsr_portal.public.forms import NewEmailForm, NewPostalForm
from dsr_portal.public.status import with_case

_FORMS = {AddressKind.EMAIL: NewEmailForm, AddressKind.POSTAL: NewPostalForm}


@never_cache
@require_http_methods(["GET", "POST"])
@with_case
def change(request: HttpRequest, case: Case, what: str) -> HttpResponse:
    """The new address and the code again, behind a page that says what happens (R12)."""
    form = _FORMS[AddressKind(what)](request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        code = given.pop("code")
        try:
            address_changes.ask_own(case_id=case.id, what=what, given=given, code=code)
        except services.WrongCode as error:
            if sessions.wrong_code(request) >= MAX_WRONG_CODES:
                return closed(request)
            form.add_error("code", str(error.message))
        except BadInput as error:
            form.add_error(what, str(error.message))
        except Conflict as error:
            messages.warning(request, str(error.message))
            return redirect("public:case")
        else:
            messages.success(request, _("We have it. This page says from when it counts."))
            return redirect("public:case")
    context = {"form": form, "email": what == AddressKind.EMAIL}
    status = 422 if form.errors else 200
    return render(request, "public/address.html", context, status=status)


def closed(request: HttpRequest) -> HttpResponse:
    """Five wrong codes close this page here, and nothing else: the request goes on (R13)."""
    sessions.sign_out(request)
    messages.warning(
        request,
        _("Five wrong codes: we closed the page on this device. Your request goes on."),
    )
    return redirect("public:status")


@require_POST
@with_case
def keep(request: HttpRequest, case: Case) -> HttpResponse:
    """The person changed their mind, or it was not them: the old address stays."""
    try:
        address_changes.stop(case_id=case.id, actor=Actor.person(case.id))
    except Conflict as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("Stopped. Your address stays as it was."))
    return redirect("public:case")


@never_cache
@require_http_methods(["GET", "POST"])
def object_to(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows one button and changes nothing; POST stops the change."""
    try:
        found = address_changes.find(token)
        if request.method == "POST":
            address_changes.object_to(token=token)
    except (address_changes.ChangeClosed, Conflict):
        return render(request, "public/address_object.html", {"state": "over"}, status=404)
    with translation.override(found.case.language):
        state = "stopped" if request.method == "POST" else "asks"
        return render(request, "public/address_object.html", {"state": state})

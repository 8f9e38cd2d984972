"""A wish to hear the answer by phone, on the page of a request (law T-12)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.cases import phone
from dsr_portal.cases.deliveries import MAX_WRONG_CODES, WrongCode
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.public import sessions
from dsr_portal.public.addressing import closed
from dsr_portal.public.forms import PhoneForm
from dsr_portal.public.status import with_case


@require_http_methods(["GET", "POST"])
@with_case
def by_phone(request: HttpRequest, case: Case) -> HttpResponse:
    """Where and when to call; the same page whatever the answer will say (R3)."""
    actor = Actor.person(case.id)
    if not phone.may_ask(case):
        messages.info(request, _("Send a new request for this."))
        return redirect("public:case")
    wanted = phone.wanted(case)
    if request.method == "POST" and request.POST.get("do") == "end":
        if wanted:
            phone.end_wish(case_id=case.id, actor=actor)
        messages.success(request, _("We do not call you. The written answer comes all the same."))
        return redirect("public:case")
    form = PhoneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            phone.ask(case_id=case.id, actor=actor, **form.cleaned_data)
        except WrongCode as error:
            if sessions.wrong_code(request) >= MAX_WRONG_CODES:
                return closed(request)
            form.add_error("code", str(error.message))
        except PortalError as error:
            form.add_error("number", str(error.message))
        else:
            messages.success(request, _("We call you once the answer is ready and has left."))
            return redirect("public:case")
    status = 422 if form.errors else 200
    return render(
        request, "public/phone.html", {"form": form, "wanted": wanted, "case": case}, status=status
    )

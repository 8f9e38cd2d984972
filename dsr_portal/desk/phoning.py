"""The answer by phone: the wish, and each call written down (law T-12)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import phone
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_intake
from dsr_portal.desk.forms import CallForm, PhoneWishForm


@for_intake
@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Where and when to call, what may be told, and the calls so far."""
    found = cases.case_for(staff_of(request), reference)
    do = request.POST.get("do", "")
    wish = PhoneWishForm(request.POST if do == "ask" else None)
    call = CallForm(request.POST if do == "call" else None)
    sent: PlainForm | None = {"ask": wish, "call": call}.get(do)
    if do == "end" or (sent is not None and sent.is_valid()):
        try:
            _act(do, found, actor, {} if sent is None else dict(sent.cleaned_data))
        except PortalError as error:
            if sent is None:
                messages.warning(request, str(error.message))
            else:
                sent.add_error(None, str(error.message))
        else:
            messages.success(request, _("Recorded."))
        if sent is None or sent.is_valid():
            return redirect("desk:phone", reference=found.reference)
    number, when = phone.number_of(found)
    context = {
        "case": found,
        "number": number,
        "when": when,
        "wish_form": wish,
        "call_form": call,
        "form": sent,
        "may_ask": phone.may_ask(found),
        "may_log": actor.role in REVIEWERS,
        "not_yet": phone.why_not(found) if number else None,
        "calls": [(one, phone.words_of(one)) for one in phone.calls(found)],
    }
    return render(request, "desk/phone.html", context, status=422 if sent else 200)


def _act(do: str, found: Case, actor: Actor, given: dict[str, Any]) -> None:
    if do == "ask":
        phone.ask(case_id=found.id, actor=actor, **given)
    elif do == "end":
        phone.end_wish(case_id=found.id, actor=actor)
    elif actor.role not in REVIEWERS:
        raise NotAllowed("role", _("Your role does not include this."))
    else:
        phone.log_call(case_id=found.id, actor=actor, **given)

"""The account of who acts for others: sign in with a link and an app, an overview, no code (R11).

What stands here is the public word of each request and its dates: nothing that differs between a
request with pictures and one without (R3), and no request of somebody else.
"""

from typing import Any
from uuid import UUID

from allauth.mfa.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.cases import acting, mandates, selectors, services
from dsr_portal.cases.acting_models import ActingLink, LinkPurpose
from dsr_portal.cases.codes import representative_code
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.public_status import WORDS, Word, word_for
from dsr_portal.cases.texts import day_words
from dsr_portal.core import totp
from dsr_portal.core.errors import NotFound
from dsr_portal.core.forms import CodeInput, PlainForm
from dsr_portal.public import sessions

NEXT: dict[Word, Any] = {
    Word.RECEIVED: gettext_lazy("We look at it."),
    Word.CHECKING: gettext_lazy("We work on it."),
    Word.NEEDS_YOU: gettext_lazy("We wait for something. What we ask you stands on its page."),
    Word.ANSWER_READY: gettext_lazy("An answer is there for whom the mandate names."),
    Word.DELETING: gettext_lazy("We are deleting."),
    Word.DONE: gettext_lazy("This request is closed."),
}


class MailboxForm(PlainForm):
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        help_text=gettext_lazy("The one we invited."),
        max_length=254,
    )


class AppCodeForm(PlainForm):
    code = forms.CharField(
        label=gettext_lazy("Code of your app"),
        help_text=gettext_lazy("The six digits it shows now."),
        max_length=12,
        widget=CodeInput(digits=True),
    )


# -- signing in -----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Signed in: every request with a mandate in force. Else the form that sends a link."""
    account = sessions.account_of(request)
    if account is not None:
        who = acting.holder(account)
        rows = [_row(one) for one in acting.mandates_of(account)]
        return render(request, "public/acting.html", {"rows": rows, "who": who})
    form = MailboxForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        acting.ask_link(email=form.cleaned_data["email"])
        return render(request, "public/acting_sent.html")
    status = 422 if form.errors else 200
    return render(request, "public/acting_sign_in.html", {"form": form}, status=status)


def _row(mandate: Mandate) -> dict[str, Any]:
    case, word = mandate.case, word_for(mandate.case)
    return {
        "mandate": mandate,
        "reference": case.reference,
        "word": WORDS[word],
        "next": NEXT[word],
        "due": "" if word is Word.DONE else day_words(case.due_on),
        "until": "" if mandate.until is None else day_words(mandate.until),
    }


@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks for the code and changes nothing; link and code together sign in."""
    form = AppCodeForm(request.POST or None)
    try:
        acting.find_link(token, LinkPurpose.SIGN_IN)
        if request.method == "POST" and form.is_valid():
            account = acting.sign_in(token=token, code=form.cleaned_data["code"])
            sessions.enter_account(request, account)
            return redirect("public:acting")
    except acting.AccountLinkClosed:
        return _over(request)
    except acting.WrongAppCode as error:
        form.add_error("code", _wrong(error))
    status = 422 if form.errors else 200
    return render(request, "public/acting_link.html", {"form": form}, status=status)


def _wrong(error: acting.WrongAppCode) -> str:
    if error.context["locked"]:
        return _(
            "No more codes are taken now. Wait a quarter of an hour and ask for a new link. "
            "After ten wrong codes in a row, call us."
        )
    return str(error.message)


@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes and shows nothing; a POST shows the key, one with its code opens the account."""
    try:
        found = acting.find_link(token, LinkPurpose.SET_UP)
        if request.method == "GET":
            return render(request, "public/acting_invited.html")
        form = AppCodeForm(request.POST if "code" in request.POST else None)
        if form.is_bound and form.is_valid():
            account = acting.set_up(token=token, code=form.cleaned_data["code"])
            sessions.enter_account(request, account)
            messages.success(request, _("Your account is ready."))
            return redirect("public:acting")
    except acting.AccountLinkClosed:
        return _over(request)
    except acting.WrongAppCode as error:
        form.add_error("code", str(error.message))
    status = 422 if form.errors else 200
    return render(request, "public/acting_set_up.html", _key(found) | {"form": form}, status=status)


def _key(found: ActingLink) -> dict[str, Any]:
    secret = acting.secret_of(found)
    issuer = str(settings.DSR_CONTROLLER["name"])
    label = acting.holder(found.account)["email"]
    address = totp.app_address(secret, issuer=issuer, label=label)
    return {"key": totp.key_words(secret), "picture": get_adapter().build_totp_svg(address)}


def _over(request: HttpRequest) -> HttpResponse:
    return render(request, "public/acting_over.html", status=404)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    account = sessions.account_of(request)
    if account is not None:
        acting.signed_out(account_id=account.id)
    sessions.sign_out(request)
    messages.success(request, _("You left. This device shows nothing of the requests any more."))
    return redirect("public:home")


# -- one request ----------------------------------------------------------------------------------


def _mandate(request: HttpRequest, mandate_id: UUID) -> Mandate | None:
    account = sessions.account_of(request)
    return None if account is None else acting.mandate_for(account, mandate_id)


@require_POST
def open_request(request: HttpRequest, mandate_id: UUID) -> HttpResponse:
    """The page of one request, without its code: the second factor was shown."""
    mandate = _mandate(request, mandate_id)
    if mandate is None:
        return redirect("public:acting")
    account = sessions.account_of(request)
    if account is not None:
        acting.opened(account=account, mandate=mandate)
        sessions.represent(request, mandate, account=account)
    return redirect("public:representing")


def ways_to_answer(request: HttpRequest, mandate: Mandate) -> list[str]:
    """Where this account opens an answer without a code; none where the mandate is another's."""
    account = sessions.account_of(request)
    if account is None or acting.account_of(mandate) != account:
        return []
    if not mandates.may_read_answer(mandate):
        return []
    return [
        reverse("public:acting_answer", kwargs={"mandate_id": mandate.id, "delivery_id": one.id})
        for one in selectors.open_deliveries(mandate.case)
    ]


@require_POST
def open_answer(request: HttpRequest, mandate_id: UUID, delivery_id: UUID) -> HttpResponse:
    """The answer, where the mandate says that it is theirs to read: asked again here."""
    mandate = _mandate(request, mandate_id)
    if mandate is None:
        return redirect("public:acting")
    deliveries = selectors.open_deliveries(mandate.case)
    delivery = next((one for one in deliveries if one.id == delivery_id), None)
    if delivery is None or not mandates.may_read_answer(mandate):
        raise NotFound("no_answer", _("There is no answer to open here."))
    token = services.link_token(delivery)
    grant = services.open_delivery(token=token, code=representative_code(mandate.case, mandate.id))
    sessions.keep_grant(request, grant, account=sessions.account_of(request))
    with translation.override(mandate.case.language):
        return redirect("public:answer", token=token)

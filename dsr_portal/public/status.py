"""The page of a request: six words, what the person can do, and nothing of any match (R3, T-11)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.cases import selectors, services
from dsr_portal.cases.consents import consent_text
from dsr_portal.cases.models import Case, ConsentScope, Outcome, RightCode, Status
from dsr_portal.cases.public_status import Word
from dsr_portal.cases.texts import day_words, rights_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, PortalError
from dsr_portal.law.deadlines import Due, erase_on
from dsr_portal.matching import selectors as matching_selectors
from dsr_portal.matching import services as matching
from dsr_portal.public import deleting, sending, sessions
from dsr_portal.public.forms import (
    AnotherPhotoForm,
    CodeForm,
    MailCodeForm,
    MessageForm,
    StatusForm,
)
from dsr_portal.public.words import authority_of, dpo_email, photo_words

View = Callable[..., HttpResponse]
BEFORE_DECISION = frozenset(
    {
        Status.RECEIVED,
        Status.NEEDS_INFO,
        Status.IDENTITY,
        Status.SEARCHING,
        Status.IN_REVIEW,
        Status.SECOND_REVIEW,
    }
)
MAY_WITHDRAW = BEFORE_DECISION | {Status.DECIDED, Status.DELIVERED}
MAY_SEND_PHOTO = frozenset({Status.RECEIVED, Status.NEEDS_INFO, Status.IDENTITY})


def with_case(view: View) -> View:
    """Needs reference and receipt code entered in this session not long ago."""

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        case = sessions.status_case(request)
        if case is None:
            messages.info(request, _("Enter your reference and receipt code to go on."))
            return redirect("public:status")
        return view(request, case)

    return wrapped


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Reference and receipt code together open the page; wrong parts look the same (R12)."""
    form = StatusForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        case = selectors.by_reference(form.cleaned_data["reference"])
        if case is not None and services.check_code(case=case, code=form.cleaned_data["code"]):
            sessions.sign_in(request, case)
            return redirect("public:case")
        form.add_error(
            None,
            _("Reference and code do not belong together. Compare both with your receipt."),
        )
    elif request.method == "GET" and sessions.status_case(request) is not None:
        return redirect("public:case")
    return render(request, "public/status.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@with_case
def case(request: HttpRequest, case: Case) -> HttpResponse:
    return render(request, "public/case.html", _context(case))


def _context(case: Case, **forms: Any) -> dict[str, Any]:
    view = selectors.public_view(case)
    purged = case.status == Status.PURGED
    # Once decided, the photo is no topic any more: erasure takes it before the answer leaves (R3).
    probe = matching_selectors.latest_probe(case.id) if case.status in BEFORE_DECISION else None
    photo = photo_words(probe)
    has_consent = services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    open_links = selectors.open_deliveries(case)
    email = "" if purged else selectors.contact_of(case).get("email", "")
    rights = selectors.rights_of(case)
    return {
        "case": case,
        "view": view,
        "rights": rights_words(rights),
        "photo": photo,
        "photo_polls": photo is not None and probe is not None and probe.state == "received",
        "may_send_photo": case.status in MAY_SEND_PHOTO,
        "needs_consent": photo is not None and not has_consent,
        "consent_text": consent_text(ConsentScope.COMPARISON).text,
        "may_withdraw_consent": has_consent,
        "identity_open": case.status in MAY_SEND_PHOTO and case.level < case.required_level,
        "from_us": [] if purged else _from_us(case),
        "answer_href": _answer_href(open_links),
        "answer_kind": open_links[0].kind if open_links else "",
        "lost_link": not open_links and not purged and selectors.has_released(case),
        "may_delete": _may_delete(case),
        "delete_asked": case.delete_now_at is not None and case.status == Status.DELIVERED,
        "delete_on": _delete_on(case, rights),
        "stoppable": None if purged else deleting.stoppable(case),
        "may_withdraw": case.status in MAY_WITHDRAW or view.word == Word.CHECKING,
        "email": email,
        "mailbox": None if purged else selectors.mailbox(case),
        "message_form": forms.get("message_form") or MessageForm(prefix="message"),
        "authority": authority_of(case),
        "dpo_email": dpo_email(),
        "form": forms.get("form"),
    }


def _from_us(case: Case) -> list[Any]:
    return [one for one in selectors.messages_of(case) if one.direction == "out"][::-1]


def _answer_href(links: list[Any]) -> str:
    if not links:
        return ""
    return reverse("public:answer", kwargs={"token": services.link_token(links[0])})


def _may_delete(case: Case) -> bool:
    """Once the answer left. Where it found nothing, only until the person opened it and knows: up
    to then the page is the same for everybody (R3)."""
    if case.status != Status.DELIVERED or case.delete_now_at is not None:
        return False
    return case.outcome != Outcome.NOTHING_FOUND or not selectors.has_opened(case)


def _delete_on(case: Case, rights: list[str]) -> str:
    """The day erasure starts by itself (R4), once the answer was delivered."""
    if case.delivered_at is None or RightCode.ERASURE not in rights:
        return ""
    if not _may_delete(case):
        return ""
    due = Due(unrolled=case.due_unrolled, legal=case.due_on)
    return day_words(erase_on(clock.local_date(case.delivered_at), due))


@require_GET
@with_case
def words(request: HttpRequest, case: Case) -> HttpResponse:
    """What the page polls while the photo is checked: the same few words as the page."""
    probe = matching_selectors.latest_probe(case.id)
    photo = photo_words(probe)
    if photo is None or probe is None or probe.state != "received":
        return JsonResponse({"location": reverse("public:case")})
    return JsonResponse({"words": photo.title})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    messages.success(request, _("You left. This device shows nothing of your request any more."))
    return redirect("public:home")


@require_POST
@with_case
def consent(request: HttpRequest, case: Case) -> HttpResponse:
    """Agree later: the photo that waited is checked now (R8)."""
    actor = Actor.person(case.id)
    if request.POST.get("agree") == "yes":
        services.record_consent(
            case_id=case.id,
            scope=ConsentScope.COMPARISON,
            actor=actor,
            language=translation.get_language() or case.language,
            also=lambda locked: matching.consent_given(case=locked, actor=actor),
        )
        messages.success(request, _("Thank you. We check your photo now."))
    return redirect("public:case")


@require_POST
@with_case
def withdraw_consent(request: HttpRequest, case: Case) -> HttpResponse:
    """One click, as easy as giving it (law P-03)."""
    services.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    messages.success(
        request,
        _(
            "We stopped at %(time)s and deleted your photo and its face code. Your request goes"
            " on. Tell us another way to find you, if you like."
        )
        % {"time": _time()},
    )
    return redirect("public:case")


def _time() -> str:
    return str(formats.time_format(timezone.localtime(clock.now()), "H:i"))


@require_http_methods(["GET", "POST"])
@with_case
def photo(request: HttpRequest, case: Case) -> HttpResponse:
    """Send another photo, with consent where none stands."""
    if case.status not in MAY_SEND_PHOTO:
        raise Conflict(
            "photo_not_now", _("We are working with what you sent. Write to us instead.")
        )
    agreed = services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    text = "" if agreed else consent_text(ConsentScope.COMPARISON).text
    if request.method == "POST":
        form = AnotherPhotoForm(request.POST, request.FILES, consent=text)
        if form.is_valid():
            sending.add_photo(
                case=case,
                photo=form.cleaned_data["photo"],
                agreed=bool(form.cleaned_data.get("comparison")),
                language=translation.get_language() or case.language,
            )
            messages.success(request, _("We have your photo."))
            return redirect("public:case")
    else:
        form = AnotherPhotoForm(consent=text)
    return render(request, "public/photo.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@with_case
def message(request: HttpRequest, case: Case) -> HttpResponse:
    form = MessageForm(request.POST, prefix="message")
    if form.is_valid():
        services.receive_message(
            case_id=case.id, actor=Actor.person(case.id), text=form.cleaned_data["text"]
        )
        messages.success(request, _("We have your words. A person reads them."))
        return redirect("public:case")
    context = _context(case, message_form=form, form=form)
    return render(request, "public/case.html", context, status=422)


@require_http_methods(["GET", "POST"])
@with_case
def mailbox(request: HttpRequest, case: Case) -> HttpResponse:
    """Confirm the mailbox with a code; optional, and it opens nothing (R12)."""
    actor = Actor.person(case.id)
    form = MailCodeForm(request.POST if "code" in request.POST else None)
    if request.method == "POST" and "send" in request.POST:
        services.send_mail_code(case_id=case.id, actor=actor)
        return redirect("public:mailbox")
    if request.method == "POST" and form.is_valid():
        try:
            services.confirm_mail_code(case_id=case.id, code=form.cleaned_data["code"], actor=actor)
        except (services.WrongCode, Conflict) as error:
            form.add_error("code", str(error.message))
        else:
            messages.success(request, _("Thank you. This mailbox is yours."))
            return redirect("public:case")
    context = {
        "form": form,
        "email": selectors.contact_of(case).get("email", ""),
        "mailbox": selectors.mailbox(case),
    }
    status = 422 if form.errors else 200
    return render(request, "public/mailbox.html", context, status=status)


@require_http_methods(["GET", "POST"])
@with_case
def withdraw(request: HttpRequest, case: Case) -> HttpResponse:
    """Take the whole request back, behind a page that says what happens."""
    if request.method == "POST":
        deleting.withdraw(case=case)
        messages.success(request, _("You withdrew your request. We deleted your photo."))
        return redirect("public:case")
    return render(request, "public/withdraw.html", {"case": case})


@require_http_methods(["GET", "POST"])
@with_case
def delete_now(request: HttpRequest, case: Case) -> HttpResponse:
    """Delete before the planned day: the code again, behind a page that says what happens (R4)."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            deleting.delete_now(case=case, code=form.cleaned_data["code"])
        except services.WrongCode as error:
            form.add_error("code", str(error.message))
        except Conflict as error:
            messages.warning(request, str(error.message))
            return redirect("public:case")
        else:
            messages.success(request, _("We delete now. This page tells you when it is done."))
            return redirect("public:case")
    context = {"form": form, "case": case, "delete_on": _delete_on(case, selectors.rights_of(case))}
    status = 422 if form.errors else 200
    return render(request, "public/delete.html", context, status=status)


@require_POST
@with_case
def stop_deleting(request: HttpRequest, case: Case) -> HttpResponse:
    """Change one's mind within the hold window; nothing was erased yet."""
    try:
        deleting.stop(case=case)
    except Conflict:
        messages.warning(request, _("Deleting has begun and can't be stopped."))
    else:
        messages.success(request, _("We stopped. Nothing was deleted."))
    return redirect("public:case")


@require_POST
@with_case
def new_link(request: HttpRequest, case: Case) -> HttpResponse:
    """A fresh link where the old one was locked or is over; the case was never locked (R13)."""
    try:
        delivery = services.renew_delivery(case=case, actor=Actor.person(case.id))
    except PortalError as error:
        messages.warning(request, str(error.message))
        return redirect("public:case")
    return redirect("public:answer", token=services.link_token(delivery))

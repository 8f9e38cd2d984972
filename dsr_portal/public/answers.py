"""Opening an answer: link and receipt code, 30 minutes, pictures covered until "Show" (R13)."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.cases import services
from dsr_portal.cases.deliveries import reader_actor
from dsr_portal.cases.models import (
    UNIDENTIFIED,
    Delivery,
    DeliveryKind,
    DeliveryPart,
    Outcome,
    Status,
)
from dsr_portal.compliance import breaches
from dsr_portal.core.errors import NotAllowed
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.disclosure.words import nothing_found_words, page_words
from dsr_portal.public import correcting, representing, sessions
from dsr_portal.public.forms import CodeForm
from dsr_portal.public.words import authority_of, dpo_email

SHOWN = ("image/jpeg", "image/png")
NOTHING_TO_DELETE = UNIDENTIFIED | {Outcome.NOTHING_FOUND, Outcome.NEUTRAL, Outcome.REFUSED}
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a form and changes nothing; POST with the code opens for 30 minutes."""
    try:
        services.find_delivery(token)
    except services.LinkClosed as error:
        return _closed(request, error)
    delivery = _granted(request, token)
    if delivery is not None:
        return _opened(request, delivery, token)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            grant = services.open_delivery(token=token, code=form.cleaned_data["code"])
        except services.WrongCode as error:
            form.add_error("code", _wrong(error.context["left"]))
        except services.LinkClosed as error:
            return _closed(request, error)
        else:
            sessions.keep_grant(request, grant)
            if grant.mandate_id is None:
                # Link and code prove as much as reference and code do.
                sessions.enter(request, services.granted(grant=grant, token=token).case)
            return redirect("public:answer", token=token)
    status = 422 if form.errors else 200
    return render(request, "public/answer_code.html", {"form": form}, status=status)


def _wrong(left: int) -> str:
    if not left:
        return _(
            "This is not the code of this request. The link is locked now; your request is not."
            " Get a new link on the page of your request."
        )
    return (
        _("This is not the code of this request.")
        + " "
        + ngettext("%(left)s more try is left.", "%(left)s more tries are left.", left)
        % {"left": left}
    )


def _closed(request: HttpRequest, error: services.LinkClosed) -> HttpResponse:
    context = {"code": error.code, "until": error.context.get("until")}
    return render(request, "public/answer_closed.html", context, status=404)


def _granted(request: HttpRequest, token: str) -> Delivery | None:
    grant = sessions.grant_of(request)
    if grant is None:
        return None
    try:
        return services.granted(grant=grant, token=token)
    except (NotAllowed, services.LinkClosed):
        return None


def _opened(request: HttpRequest, delivery: Delivery, token: str) -> HttpResponse:
    parts = list(delivery.parts.order_by("ordinal"))
    case = delivery.case
    grant = sessions.grant_of(request)
    pictures = [part for part in parts if part.media_type in SHOWN]
    return render(
        request,
        "public/answer.html",
        {
            "case": case,
            "delivery": delivery,
            "token": token,
            "until": grant.until if grant else None,
            "words": _answer_words(delivery, len(pictures)),
            "files": [part for part in parts if part.media_type not in SHOWN],
            "pictures": pictures,
            "acts": grant is not None and grant.mandate_id is not None,
            "acting": representing.acts_here(request) is not None,
            "may_delete": (grant is None or grant.mandate_id is None)
            and case.outcome not in NOTHING_TO_DELETE
            and case.status == Status.DELIVERED
            and case.delete_now_at is None,
            "authority": authority_of(case),
            "dpo_email": dpo_email(),
        },
    )


def _answer_words(delivery: Delivery, pictures: int) -> str:
    """The answer itself, before anything is saved or shown; "" where only the file can say it."""
    if delivery.kind == DeliveryKind.CERTIFICATE:
        return _(
            "We deleted. The certificate says what went, where we looked for it afterwards, and"
            " what we could not check."
        )
    if delivery.kind == DeliveryKind.LETTER and delivery.case.outcome == Outcome.NOT_IDENTIFIED:
        return _(
            "We can't yet tell which pictures are yours, so we can't send or delete any. You can"
            " show us at any time."
        )
    if delivery.kind == DeliveryKind.LETTER and delivery.case.outcome == Outcome.NAMED_PAGE:
        return page_words()
    if delivery.kind != DeliveryKind.ANSWER:
        return ""
    if pictures:
        return ngettext(
            "Yes, we hold pictures of you: %(number)s. It is hidden until you choose to see it.",
            "Yes, we hold pictures of you: %(number)s. They are hidden until you choose to see"
            " them.",
            pictures,
        ) % {"number": pictures}
    if delivery.case.outcome == Outcome.NEUTRAL:
        return _(
            "What you asked for is done. This letter does not say whether we hold pictures of you."
        )
    answer = disclosure.current_answer(delivery.case_id)
    if answer is None or answer.search is None or answer.kind != AnswerKind.NOTHING_FOUND:
        return ""
    return nothing_found_words(answer.search)


@require_GET
def part(request: HttpRequest, token: str, ordinal: int) -> HttpResponse:
    """One part, within the 30 minutes; a broken download goes on where it stopped."""
    delivery = _granted(request, token)
    if delivery is None:
        return redirect("public:answer", token=token)
    found = services.part_of(delivery=delivery, ordinal=ordinal)
    first = sessions.begin_part(request, ordinal)
    grant = sessions.grant_of(request)
    reader = reader_actor(delivery, None if grant is None else grant.mandate_id)
    data = b"".join(services.fetch(part=found, actor=reader, resumed=not first))
    return _partial(request, found, data)


def _partial(request: HttpRequest, part: DeliveryPart, data: bytes) -> HttpResponse:
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    start, end, status = 0, len(data) - 1, 200
    if asked:
        start = int(asked[1])
        end = min(int(asked[2]), end) if asked[2] else end
        if start > end:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        status = 206
    response = HttpResponse(data[start : end + 1], content_type=part.media_type, status=status)
    kind = "inline" if part.media_type in SHOWN else "attachment"
    response.headers["Content-Disposition"] = f'{kind}; filename="{part.name}"'
    response.headers["Accept-Ranges"] = "bytes"
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return response


@require_http_methods(["GET", "POST"])
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """Who reads it says it shows somebody else: asked once more, then the link closes (O-07)."""
    delivery = _granted(request, token)
    grant = sessions.grant_of(request)
    if delivery is None or grant is None or delivery.kind != DeliveryKind.ANSWER:
        return redirect("public:answer", token=token)
    case = delivery.case
    if request.method == "GET":
        return render(request, "public/not_me.html", {"token": token, "case": case})
    says = reader_actor(delivery, grant.mandate_id)
    breach = breaches.report_wrong_person(case_id=case.id, actor=says)
    sessions.forget_grant(request)
    return correcting.told(request, case, breach, acts=grant.mandate_id is not None)


@require_POST
def leave(request: HttpRequest, token: str) -> HttpResponse:
    sessions.forget_grant(request)
    return redirect("public:answer", token=token)

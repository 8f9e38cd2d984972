"""Five posts from the start page to Send (R14, T-05, T-06). Back and Change work at every step."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.cases import drafts, receipts, selectors, services
from dsr_portal.cases.consents import consent_text
from dsr_portal.cases.models import ConsentScope, Draft, DraftPhoto, RightCode
from dsr_portal.cases.texts import right_words
from dsr_portal.core.errors import PortalError
from dsr_portal.law.country_names import country_name
from dsr_portal.public import sending, sessions
from dsr_portal.public.forms import (
    MAIL,
    ME,
    MY_CHILD,
    POST,
    WHO,
    ConsentForm,
    ContactForm,
    WayForm,
    WishForm,
)
from dsr_portal.public.words import authority_of, dpo_email

WISH, WAY, CONSENT, CONTACT, CHECK = range(1, 6)
View = Callable[..., HttpResponse]


def with_draft(view: View) -> View:
    """Needs a request begun in this session; else the receipt, or a plain page (session over)."""

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        draft = sessions.draft_of(request)
        if draft is not None:
            return view(request, draft)
        if sessions.receipt_case(request) is not None and not sessions.draft_was_here(request):
            return redirect("public:receipt")
        return over(request)

    return wrapped


def over(request: HttpRequest) -> HttpResponse:
    """The session or the draft is over: nothing typed is kept, and the page says so."""
    sessions.forget_draft(request)
    return render(request, "public/over.html", status=410)


def page(
    request: HttpRequest, name: str, step: int, context: dict[str, Any], *, draft: Draft | None
) -> HttpResponse:
    """One question page with its step line and the way back."""
    has_photo = draft is None or step <= WAY or draft.photos.exists()
    number = step if has_photo or step <= WAY else step - 1
    return render(
        request,
        f"public/request/{name}.html",
        {
            "step": number,
            "steps": 5 if has_photo else 4,
            "back_href": _back(step, has_photo=has_photo),
            **context,
        },
    )


def _back(step: int, *, has_photo: bool) -> str:
    before = {
        WISH: "public:home",
        WAY: "public:wish",
        CONSENT: "public:way",
        CONTACT: "public:consent" if has_photo else "public:way",
        CHECK: "public:contact",
    }
    return reverse(before[step])


def _next(request: HttpRequest, step: int, draft: Draft) -> HttpResponse:
    """Where a step leads: back to the check page when the person came from there."""
    names = {WISH: "wish", WAY: "way", CONSENT: "consent", CONTACT: "contact", CHECK: "check"}
    if request.GET.get("change") and draft.step >= CONTACT and step != WAY:
        return redirect("public:check")
    if step == WAY:
        asks = draft.photos.exists()
        return redirect("public:consent" if asks else "public:contact")
    return redirect(f"public:{names[step + 1]}")


# -- 1 what you want ----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def wish(request: HttpRequest) -> HttpResponse:
    draft = sessions.draft_of(request)
    if request.method == "POST":
        form = WishForm(request.POST)
        if form.is_valid():
            if draft is None:
                draft = drafts.start_draft()
                sessions.keep_draft(request, draft)
            drafts.save_answers(
                draft=draft,
                changes={
                    "rights": form.cleaned_data["rights"],
                    "urgent": form.cleaned_data["urgent"],
                    "who": form.cleaned_data["who"] or ME,
                },
                step=WISH,
            )
            if _is_child(draft):
                # No photo of a child before a person talked with them (law C-02).
                drafts.take_out_photos(draft=draft)
                drafts.save_answers(draft=draft, changes={"consents": []}, step=WISH)
            return _next(request, WISH, draft)
    else:
        form = WishForm(initial=_answers(draft))
    return page(request, "wish", WISH, {"form": form}, draft=draft)


def _answers(draft: Draft | None) -> dict[str, Any]:
    return {} if draft is None else drafts.answers(draft)


def _is_child(draft: Draft) -> bool:
    return drafts.answers(draft).get("who", ME) != ME


# -- 2 how we find you --------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_draft
def way(request: HttpRequest, draft: Draft) -> HttpResponse:
    given = drafts.answers(draft)
    photos = drafts.photos_of(draft)
    child = _is_child(draft)
    if request.method == "POST":
        if "take_out" in request.POST:
            _take_out(draft, photos, request.POST["take_out"])
            return redirect("public:way")
        form = WayForm(request.POST, request.FILES, photos=len(photos), child=child)
        valid = form.is_valid()
        _keep_files(draft, photos, form)
        if valid:
            changes = {name: form.cleaned_data[name] for name in ("pages", "account", "other")}
            drafts.save_answers(draft=draft, changes=changes, step=WAY)
            return _next(request, WAY, draft)
        photos = drafts.photos_of(draft)
        form = _asked_again(form, len(photos), child=child)
    else:
        form = WayForm(
            initial={
                "pages": "\n".join(given.get("pages", [])),
                "account": given.get("account", ""),
                "other": given.get("other", ""),
            },
            photos=len(photos),
            child=child,
        )
    context = {
        "form": form,
        "child": child,
        "photos": [
            {"number": number, "id": one.id, "instead": form[f"replace_{number}"]}
            for number, one in enumerate(photos, start=1)
        ],
        "has_file": draft.file_unit is not None,
    }
    return page(request, "way", WAY, context, draft=draft)


def _take_out(draft: Draft, photos: Sequence[DraftPhoto], named: str) -> None:
    """Destroy what a button named: the file, or one of the photos."""
    if named == drafts.FILE:
        drafts.take_out_file(draft=draft)
    for one in photos:
        if str(one.id) == named:
            drafts.take_out_photo(draft=draft, photo_id=one.id)


def _keep_files(draft: Draft, photos: Sequence[DraftPhoto], form: WayForm) -> None:
    """A photo that was read is kept even when another field has to be asked again."""
    read = form.cleaned_data
    if read.get(drafts.FILE):
        drafts.put_file(draft=draft, data=read[drafts.FILE])
    for number, one in enumerate(photos, start=1):
        if read.get(f"replace_{number}"):
            drafts.put_photo(draft=draft, data=read[f"replace_{number}"], instead=one.id)
    if read.get(drafts.PHOTO):
        drafts.put_photo(draft=draft, data=read[drafts.PHOTO])


def _asked_again(form: WayForm, photos: int, *, child: bool) -> WayForm:
    """The form with what was wrong, for as many photos as are here now."""
    again = WayForm(form.data, photos=photos, child=child)
    again.is_valid()
    for name, errors in form.errors.as_data().items():
        if name in again.fields and name not in again.errors:
            again.add_error(name, errors)
    return again


@require_GET
def photo(request: HttpRequest, number: int = 1) -> HttpResponse:
    """A photo of this session's draft, so that the person sees what will be sent."""
    draft = sessions.draft_of(request)
    photos = [] if draft is None else drafts.photos_of(draft)
    if not 1 <= number <= len(photos):
        return HttpResponse(status=404)
    return HttpResponse(drafts.photo_bytes(photos[number - 1]), content_type="image/jpeg")


# -- 3 consent ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_draft
def consent(request: HttpRequest, draft: Draft) -> HttpResponse:
    if not draft.photos.exists():
        return redirect("public:contact")
    given = drafts.answers(draft)
    scopes = [ConsentScope.COMPARISON]
    if RightCode.ERASURE in given.get("rights", []):
        scopes.append(ConsentScope.BLOCK_LIST)
    texts = {str(scope): consent_text(scope).text for scope in scopes}
    if request.method == "POST":
        if request.POST.get("without") == "photo":
            drafts.take_out_photos(draft=draft)
            drafts.save_answers(draft=draft, changes={"consents": []}, step=CONSENT)
            return redirect("public:contact")
        form = ConsentForm(request.POST, texts=texts)
        if form.is_valid():
            agreed = [scope for scope in texts if form.cleaned_data.get(scope)]
            drafts.save_answers(
                draft=draft,
                # The language the words were read in is the language of the record (R8).
                changes={"consents": agreed, "consent_language": translation.get_language()},
                step=CONSENT,
            )
            return _next(request, CONSENT, draft)
    else:
        initial = dict.fromkeys(given.get("consents", []), True)
        form = ConsentForm(initial=initial, texts=texts)
    return page(request, "consent", CONSENT, {"form": form}, draft=draft)


# -- 4 contact ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_draft
def contact(request: HttpRequest, draft: Draft) -> HttpResponse:
    given = drafts.answers(draft).get("contact", {})
    who = drafts.answers(draft).get("who", ME)
    if request.method == "POST":
        form = ContactForm(request.POST, who=who)
        if form.is_valid():
            drafts.save_answers(draft=draft, changes={"contact": form.cleaned_data}, step=CONTACT)
            return redirect("public:check")
    else:
        form = ContactForm(
            initial={"language": translation.get_language(), **given, "responsible": False},
            who=who,
        )
    urgent = drafts.answers(draft).get("urgent", False)
    return page(request, "contact", CONTACT, {"form": form, "urgent": urgent}, draft=draft)


# -- 5 check and send ---------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_draft
def check(request: HttpRequest, draft: Draft) -> HttpResponse:
    given = drafts.answers(draft)
    if not given.get("rights"):
        return redirect("public:wish")
    missing = given.get("who") == MY_CHILD and not given.get("contact", {}).get("guardian")
    if "contact" not in given or missing:
        return redirect("public:contact")
    if request.method == "POST":
        return _send(request, draft)
    context = {
        "rows": _rows(given, draft),
        "has_photo": draft.photos.exists(),
        "agreed": ConsentScope.COMPARISON in given.get("consents", []),
    }
    return page(request, "check", CHECK, context, draft=draft)


def _send(request: HttpRequest, draft: Draft) -> HttpResponse:
    try:
        opened = sending.send(
            draft_id=draft.id, language=translation.get_language() or settings.LANGUAGE_CODE
        )
    except PortalError as error:
        if error.code == "draft_over":
            return over(request)
        raise
    sessions.sent(request, opened.case)
    return redirect("public:receipt")


def _rows(given: dict[str, Any], draft: Draft) -> list[dict[str, Any]]:
    rows = [
        {
            "key": _("You want"),
            "value": "; ".join(right_words(right) for right in given["rights"]),
            "change": reverse("public:wish") + "?change=1",
        }
    ]
    who = given.get("who", ME)
    if who != ME:
        asker = given["contact"].get("guardian", "")
        rows.append(
            {
                "key": _("For"),
                "value": "; ".join(part for part in (str(dict(WHO)[who]), asker) if part),
                "change": reverse("public:wish") + "?change=1",
            }
        )
    if given.get("urgent"):
        rows[0]["value"] += ". " + _("Urgent: someone uses the pictures to find or hurt you.")
    way_in = reverse("public:way") + "?change=1"
    found = []
    photos = draft.photos.count()
    if photos:
        several = ngettext("Your %(photos)s photo", "Your %(photos)s photos", photos)
        found.append(_("Your photo") if photos == 1 else several % {"photos": photos})
    found += given.get("pages", [])
    if draft.file_unit is not None:
        found.append(_("A file of a picture"))
    found += [given[name] for name in ("account", "other") if given.get(name)]
    rows.append(
        {
            "key": _("We find you by"),
            "value": "; ".join(found) or _("Nothing yet"),
            "change": way_in,
        }
    )
    if photos:
        agreed = ConsentScope.COMPARISON in given.get("consents", [])
        rows.append(
            {
                "key": _("Comparison of your photo"),
                "value": _("You agreed") if agreed else _("You did not agree"),
                "change": reverse("public:consent") + "?change=1",
            }
        )
    rows.append(
        {
            "key": _("We reach you"),
            "value": _reach(given["contact"]),
            "change": reverse("public:contact"),
        }
    )
    language = dict(settings.LANGUAGES).get(given["contact"]["language"], "")
    rows.append(
        {
            "key": _("Language of our answer"),
            "value": str(language),
            "change": reverse("public:contact"),
        }
    )
    if given["contact"].get("country"):
        rows.append(
            {
                "key": _("Where you live"),
                "value": country_name(given["contact"]["country"]),
                "change": reverse("public:contact"),
            }
        )
    return rows


def _reach(contact: dict[str, Any]) -> str:
    if contact["how"] == MAIL:
        return str(contact["email"])
    if contact["how"] == POST:
        on_paper = _("The answer comes on paper, by registered post.")
        lines = [str(contact["postal"]), str(on_paper) if contact.get("paper") else ""]
        return "\n".join(line for line in lines if line)
    return _("You come back here yourself")


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """The person does not go on: everything typed is destroyed at once."""
    draft = sessions.draft_of(request)
    if draft is not None:
        drafts.discard(draft=draft)
    sessions.forget_draft(request)
    return render(request, "public/stopped.html")


# -- receipt ------------------------------------------------------------------------------------


@require_GET
def receipt(request: HttpRequest) -> HttpResponse:
    """The receipt, with its code, in the session that sent the request (R12)."""
    case = sessions.receipt_case(request)
    if case is None:
        return render(request, "public/no_receipt.html", status=410)
    text = receipts.receipt_text(case)
    contact = selectors.contact_of(case)
    sent = selectors.mailbox(case)
    with translation.override(text["language"]):
        return render(
            request,
            "public/receipt.html",
            {
                "case": case,
                "text": text,
                "code": services.receipt_code(case),
                "email": contact.get("email", ""),
                "mailbox": sent,
                "authority": authority_of(case),
                "dpo_email": dpo_email(),
            },
        )


@require_GET
def receipt_pdf(request: HttpRequest) -> HttpResponse:
    """The same receipt as a signed PDF, made now and not kept (R12, R14)."""
    case = sessions.receipt_case(request) or sessions.status_case(request)
    if case is None:
        return render(request, "public/no_receipt.html", status=410)
    response = HttpResponse(receipts.as_pdf(case), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{case.reference}.pdf"'
    return response

"""The page of a request: six words, what the person can do, and nothing of any match (R3, T-11)."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.cases import (
    address_changes,
    address_waits,
    answering,
    children,
    clocks,
    closed_answers,
    corrections,
    mandates,
    page_wishes,
    paper,
    paper_packs,
    paper_returns,
    phone,
    proofs,
    selectors,
    services,
    wish_clocks,
)
from dsr_portal.cases.consents import consent_text
from dsr_portal.cases.deliveries import answer_closed as answer_suspended
from dsr_portal.cases.deliveries import may_hand_out
from dsr_portal.cases.drafts import MOST_PHOTOS
from dsr_portal.cases.models import (
    NO_ANSWER,
    Case,
    ConsentScope,
    Delivery,
    DeliveryKind,
    Outcome,
    RightCode,
    Status,
)
from dsr_portal.cases.public_status import Word, has_opened
from dsr_portal.cases.states import BEFORE_DECISION, BEFORE_SEARCH
from dsr_portal.cases.texts import day_words, right_words, rights_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound, PortalError
from dsr_portal.gallery import selectors as gallery
from dsr_portal.matching import selectors as matching_selectors
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import ProbeState
from dsr_portal.matching.stopped import photos_stopped
from dsr_portal.public import deleting, representing, sending, sessions
from dsr_portal.public.forms import (
    WHY_MORE_PHOTOS,
    AddRightForm,
    AnotherPhotoForm,
    AnotherWayForm,
    CodeForm,
    DocumentForm,
    MailCodeForm,
    MessageForm,
    StatusForm,
)
from dsr_portal.public.words import PhotoSeen, authority_of, dpo_email, photos_seen

View = Callable[..., HttpResponse]
MAY_WITHDRAW = BEFORE_DECISION | {Status.DECIDED, Status.DELIVERED}


def with_case(view: View) -> View:
    """Needs reference and receipt code entered in this session not long ago."""

    @wraps(view)
    def wrapped(request: HttpRequest, **named: Any) -> HttpResponse:
        case = sessions.status_case(request)
        if case is None:
            messages.info(request, _("Enter your reference and receipt code to go on."))
            return redirect("public:status")
        return view(request, case, **named)

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
        acting = None if case is None else mandates.by_code(case, form.cleaned_data["code"])
        if acting is not None:
            sessions.represent(request, acting)
            return redirect("public:representing")
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
    photos = _photos(case)
    has_consent = services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    open_links = [one for one in selectors.open_deliveries(case) if may_hand_out(one)]
    contact = {} if purged else selectors.contact_of(case)
    email = contact.get("email", "")
    rights = selectors.rights_of(case)
    return {
        "case": case,
        "view": view,
        "rights": rights_words(rights),
        "added": _added(case, still_open=view.open),
        "may_add_right": bool(services.rights_to_add(case)),
        "locked_instead": services.locked_instead(case),
        "stands": _stands(case),
        "page_wish": page_wishes.in_force(case),
        "may_name_one_page": page_wishes.may_ask(case),
        "page_dealt_with": case.outcome == Outcome.NAMED_PAGE,
        **deleting.lock_context(case),
        **deleting.kept_context(case),
        **deleting.correction_context(case),
        "photos": photos,
        "photo_polls": any(photo.being_checked for photo in photos),
        "photos_need": [photo for photo in photos if photo.words.kind == "needs"],
        "look_again": matching.photos_differ(case),
        "may_send_photo": _may_give_more(case) and not children.photo_closed(case),
        "may_add_photo": bool(photos) and _may_add_photo(case, len(photos)),
        "why_more": WHY_MORE_PHOTOS,
        "unidentified": _unidentified(case),
        "open_until": _day_or_empty(services.open_again_until(case)),
        "photo_sent": matching_selectors.photos_sent(case.id) > 0,
        "needs_consent": bool(photos) and not has_consent,
        "consent_text": consent_text(ConsentScope.COMPARISON).text,
        "may_withdraw_consent": has_consent,
        "may_end_block": not purged
        and services.has_consent(case=case, scope=ConsentScope.BLOCK_LIST),
        "identity_open": case.status in BEFORE_SEARCH
        and case.level < case.required_level
        and not children.photo_closed(case),
        "from_us": [] if purged else _from_us(case),
        "links": [_link(one) for one in open_links],
        "answer_closed": not purged and closed_answers.is_closed(case),
        "answer_suspended": not purged and answer_suspended(case),
        "answer_gone": None if purged else selectors.answer_gone_at(case),
        "lost_link": not purged and selectors.has_lost_link(case),
        "may_delete": _may_delete(case),
        "delete_asked": case.delete_now_at is not None and case.status == Status.DELIVERED,
        **_paper(case),
        "by_phone": None if purged else phone.wanted(case),
        "may_ask_phone": not purged and phone.may_ask(case),
        "called": [day_words(clock.local_date(at)) for at in phone.told_at(case)],
        "delete_on": _delete_on(case, rights),
        "told": _told(case),
        "told_logs": gallery.lookup_coverage(),
        "may_download": not purged,
        "stoppable": None if purged else deleting.stoppable(case),
        "may_withdraw": case.status in MAY_WITHDRAW or view.word == Word.CHECKING,
        "email": email,
        "mailbox": None if purged else selectors.mailbox(case),
        "has_postal": bool(contact.get("postal")),
        "new_address": address_changes.waiting(case),
        "address_until": address_waits.waits_until(case),
        "message_form": forms.get("message_form")
        or MessageForm(prefix="message", questions={} if purged else answering.to_choose(case)),
        "authority": authority_of(case),
        "dpo_email": dpo_email(),
        "acts_for": None if purged else representing.acts_for(case),
        "child": None if purged else representing.child_words(case),
        "form": forms.get("form"),
    }


def _stands(case: Case) -> dict[str, str]:
    """Since when the clock stands still, and the day it would be due without that (law D-07)."""
    if case.status != Status.NEEDS_INFO:
        return {}
    counted = clocks.clock_of(case)
    since = [one.asked_on for one in counted.pauses if one.answered_on is None]
    if not since:
        return {}
    return {"since": day_words(min(since)), "due": day_words(counted.unpaused.legal)}


def _paper(case: Case) -> dict[str, Any]:
    """What went by post, and whether paper may be chosen or left: only with an address (T-13)."""
    if case.status == Status.PURGED or case.withdrawn_at is not None:
        return {}
    chosen = paper.wanted(case)
    return {
        "on_paper": chosen,
        "may_choose_paper": not chosen and bool(selectors.contact_of(case).get("postal")),
        "came_back": [
            (day_words(one.posted_on), day_words(one.on))
            for one in paper_returns.not_posted_again(case)
        ],
        "posted": [day_words(one.posted_on) for one in paper_packs.posted(case) if one.posted_on],
    }


@require_POST
@with_case
def on_paper(request: HttpRequest, case: Case) -> HttpResponse:
    """Paper by registered post, or the link after all; what has left stays as it left."""
    actor = Actor.person(case.id)
    try:
        if request.POST.get("do") == "paper":
            paper.choose(case_id=case.id, actor=actor)
            messages.success(request, _("What we send from now on comes by registered post."))
        else:
            paper_packs.back_to_link(case_id=case.id, actor=actor)
            messages.success(request, _("What we send opens on this page, with your code."))
    except PortalError as error:
        messages.warning(request, str(error.message))
    return redirect("public:case")


def _photos(case: Case) -> list[PhotoSeen]:
    """Once decided, photos are no topic any more: erasure takes them before the answer leaves
    (R3), also of a case that is looked at again for a wish that came later."""
    if case.status not in BEFORE_DECISION or case.decided_at is not None:
        return []
    return photos_seen(matching_selectors.photos(case.id), stopped=photos_stopped(case.id))


def _may_add_photo(case: Case, here: int) -> bool:
    """One more beside those that are here, as long as five may be sent without a word from us."""
    if children.photo_closed(case):
        return False
    return _may_give_more(case) and here < MOST_PHOTOS and matching.photos_left(case) > 0


def _told(case: Case) -> list[gallery.Told]:
    """Recipients and what they answered, from the day something left for the person (R3, R16).

    That somebody was told of their pictures says that there are some: not after one check (R2).
    """
    if case.level < services.DISCLOSURE_LEVEL:
        return []
    answers = [one for one in selectors.open_deliveries(case) if one.kind not in NO_ANSWER]
    if case.delivered_at is None and not answers:
        return []
    return [one for one in gallery.recipients_told(case.id) if one.released_at is not None]


def _from_us(case: Case) -> list[Any]:
    return [one for one in selectors.messages_of(case) if one.direction == "out"][::-1]


def _may_give_more(case: Case) -> bool:
    """Before the search, and at any time where nobody could tell who is asking."""
    return case.status in BEFORE_SEARCH or services.may_come_back(case)


def _unidentified(case: Case) -> bool:
    """The letter has left that says we can't tell which pictures are theirs."""
    return case.delivered_at is not None and services.may_come_back(case)


def _added(case: Case, *, still_open: bool) -> list[dict[str, str]]:
    """Wishes that came later, each with the day of its own answer and why that one moved; of one
    that does not wait for an answer any more, no day."""
    return [
        {
            "wish": right_words(one.right.right),
            "due": day_words(one.period.due.legal),
            "since": _day_or_empty(one.stands_since),
            "without": day_words(one.period.unpaused.legal),
            "first": day_words(one.period.first.legal) if one.period.months > 1 else "",
        }
        if still_open and not corrections.told_of_all(case, one.right)
        else {"wish": right_words(one.right.right)}
        for one in wish_clocks.of_case(case)
    ]


def _day_or_empty(day: date | None) -> str:
    return "" if day is None else day_words(day)


def _link(delivery: Delivery) -> dict[str, str]:
    """The button of one thing that waits behind a link; the newest stands first."""
    words = {
        DeliveryKind.CERTIFICATE: _("Open your certificate"),
        DeliveryKind.LETTER: _("Open our letter"),
        DeliveryKind.NOTICE: _("Open our letter"),
    }
    return {
        "words": words.get(DeliveryKind(delivery.kind), _("Open your answer")),
        "href": reverse("public:answer", kwargs={"token": services.link_token(delivery)}),
    }


def _may_delete(case: Case) -> bool:
    """Once the answer left. Where it found nothing or says no, only until the person opened it and
    knows: up to then the page is the same for everybody (R3). One check is not enough for it (R2).
    """
    if case.status != Status.DELIVERED or case.delete_now_at is not None or _unidentified(case):
        return False
    if case.level < services.DISCLOSURE_LEVEL:
        return False
    # Looked up whatever the outcome: the work behind the page is the same for everybody too.
    told = has_opened(case) and case.outcome in {Outcome.NOTHING_FOUND, Outcome.REFUSED}
    return not told


def _delete_on(case: Case, rights: list[str]) -> str:
    """The day erasure starts by itself (R4), once the answer was delivered."""
    if case.delivered_at is None or RightCode.ERASURE not in rights:
        return ""
    if services.locked_instead(case):
        return ""
    if not _may_delete(case):
        return ""
    return day_words(services.erase_on(case))


@require_GET
@with_case
def words(request: HttpRequest, case: Case) -> HttpResponse:
    """What the page polls while the photo is checked: the same few words as the page."""
    checked = [photo.words.title for photo in _photos(case) if photo.being_checked]
    if not checked:
        return JsonResponse({"location": reverse("public:case")})
    return JsonResponse({"words": checked[0]})


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
    # The same whether a photo was here: an erasure nobody saw yet has taken it already (R3).
    words = _("We stopped at %(time)s. We keep no photo you sent and no face code of it.")
    on = _("Your request goes on. Tell us another way to find you, if you like.")
    messages.success(request, " ".join([words % {"time": _time()}, on]))
    return redirect("public:case")


@require_POST
@with_case
def end_face_block(request: HttpRequest, case: Case) -> HttpResponse:
    """One click, at any time; the words are the same whether a code was kept or not (E-13, R3)."""
    services.withdraw_consent(
        case_id=case.id, actor=Actor.person(case.id), scope=ConsentScope.BLOCK_LIST
    )
    messages.success(request, _("Ended. No face code of yours is kept to stop new collection."))
    return redirect("public:case")


def _time() -> str:
    return str(formats.time_format(timezone.localtime(clock.now()), "H:i"))


@require_http_methods(["GET", "POST"])
@with_case
def photo(request: HttpRequest, case: Case, photo_id: UUID | None = None) -> HttpResponse:
    """Add a photo, or put one in the place of another, with consent where none stands."""
    if not _may_give_more(case):
        return photo_late(request, case)
    if children.photo_closed(case):
        messages.info(request, _("First a person talks with you. Then a photo can be sent."))
        return redirect("public:case")
    label, why = _photo_question(case, photo_id)
    agreed = services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    text = "" if agreed else consent_text(ConsentScope.COMPARISON).text
    if request.method == "POST":
        form = AnotherPhotoForm(request.POST, request.FILES, consent=text, label=label)
        if form.is_valid():
            try:
                sending.add_photo(
                    case=case,
                    photo=form.cleaned_data["photo"],
                    agreed=bool(form.cleaned_data.get("comparison")),
                    language=translation.get_language() or case.language,
                    instead=photo_id,
                )
            except Conflict as error:
                if error.code == "photo_limit":
                    messages.warning(request, str(error.message))
                    return redirect("public:case")
                if error.code != "photo_late":
                    raise
                return photo_late(request, case)
            except NotFound:
                messages.warning(request, _("That photo was gone already. Yours was not taken."))
                return redirect("public:case")
            messages.success(request, _("We have your photo."))
            return redirect("public:case")
    else:
        form = AnotherPhotoForm(consent=text, label=label)
    context = {"form": form, "title": label, "why": why}
    return render(request, "public/photo.html", context, status=422 if form.errors else 200)


def _photo_question(case: Case, instead: UUID | None) -> tuple[str, str]:
    """What the page asks for, and why one more helps: the first photo, one more, or one instead."""
    here = matching_selectors.photos(case.id)
    if instead is not None:
        numbers = {photo.id: number for number, photo in enumerate(here, start=1)}
        if len(here) > 1 and instead in numbers:
            words = _("Replace photo %(number)s") % {"number": numbers[instead]}
            return words, _("The one that is here is deleted.")
        return _("Replace your photo"), _("The one that is here is deleted.")
    if any(photo.state != ProbeState.UNUSABLE for photo in here):
        return _("Add another photo of you"), str(WHY_MORE_PHOTOS)
    if matching_selectors.photos_sent(case.id):
        return _("Send another photo"), ""
    return _("Send a photo of you"), ""


@never_cache
@require_http_methods(["GET", "POST"])
@with_case
def document(request: HttpRequest, case: Case) -> HttpResponse:
    """A document, for who prefers it; one officer looks, then it is destroyed (law R-08)."""
    form = DocumentForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            proofs.give(
                case_id=case.id,
                actor=Actor.person(case.id),
                data=form.cleaned_data["document"],
                kind=form.cleaned_data["kind"],
            )
        except PortalError as error:
            form.add_error("document", str(error.message))
        else:
            messages.success(request, _("We have it. One officer looks, then it is destroyed."))
            return redirect("public:case")
    context = {"form": form, "days": settings.DSR_PROOF_DAYS}
    return render(request, "public/document.html", context, status=422 if form.errors else 200)


@require_POST
@with_case
def take_out(request: HttpRequest, case: Case, photo_id: UUID) -> HttpResponse:
    """Take one of several photos back; it is deleted at once."""
    try:
        matching.take_out_photo(case_id=case.id, photo_id=photo_id, actor=Actor.person(case.id))
    except Conflict as error:
        if error.code == "photo_late":
            return photo_late(request, case)
        messages.warning(request, str(error.message))
    except NotFound:
        messages.info(request, _("This photo is not there any more."))
    else:
        messages.success(request, _("We deleted this photo. The others count."))
    return redirect("public:case")


def photo_late(request: HttpRequest, case: Case) -> HttpResponse:
    """What became of a photo that came when the search had begun: nothing, and the way on."""
    case.refresh_from_db()
    context = {"view": selectors.public_view(case)}
    return render(request, "public/photo_late.html", context, status=409)


@require_http_methods(["GET", "POST"])
@with_case
def another_way(request: HttpRequest, case: Case) -> HttpResponse:
    """Name something else to be found by, without a photo (law T-06, T-11)."""
    if not _may_give_more(case):
        return _way_late(request, case)
    form = AnotherWayForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            sending.add_ways(case=case, given=form.cleaned_data)
        except Conflict as error:
            if error.code == "way_late":
                return _way_late(request, case)
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Thank you. A person looks at what you named."))
            return redirect("public:case")
    status = 422 if form.errors else 200
    return render(request, "public/another_way.html", {"form": form}, status=status)


def _way_late(request: HttpRequest, case: Case) -> HttpResponse:
    case.refresh_from_db()
    context = {"view": selectors.public_view(case)}
    return render(request, "public/way_late.html", context, status=409)


@require_http_methods(["GET", "POST"])
@with_case
def add_right(request: HttpRequest, case: Case) -> HttpResponse:
    """Ask for something more: to lock, delete, stop or correct (T-11)."""
    rights = services.rights_to_add(case)
    if not rights:
        messages.info(request, _("Send a new request for this."))
        return redirect("public:case")
    form = AddRightForm(request.POST or None, rights=rights)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.add_right(
                case_id=case.id, right=form.cleaned_data["right"], actor=Actor.person(case.id)
            )
        except Conflict as error:
            messages.warning(request, str(error.message))
        else:
            due = day_words(added.due_on or case.due_on)
            messages.success(
                request, _("We have it. We answer this wish by %(due)s.") % {"due": due}
            )
        return redirect("public:case")
    status = 422 if form.errors else 200
    return render(request, "public/right.html", {"form": form}, status=status)


@require_POST
@with_case
def message(request: HttpRequest, case: Case) -> HttpResponse:
    form = MessageForm(request.POST, prefix="message", questions=answering.to_choose(case))
    if form.is_valid():
        services.receive_message(case_id=case.id, actor=Actor.person(case.id), **form.cleaned_data)
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
        messages.success(request, _("You withdrew your request. We keep no photo you sent."))
        return redirect("public:case")
    context = {"case": case, "locked_instead": services.locked_instead(case)}
    return render(request, "public/withdraw.html", context)


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
    context = {
        "form": form,
        "case": case,
        "delete_on": _delete_on(case, selectors.rights_of(case)),
        "locked_instead": services.locked_instead(case),
    }
    status = 422 if form.errors else 200
    return render(request, "public/delete.html", context, status=status)


@require_POST
@with_case
def stop_deleting(request: HttpRequest, case: Case) -> HttpResponse:
    """Change one's mind within the hold window; nothing was erased yet."""
    not_me = request.POST.get("why") == "not_me"
    try:
        deleting.stop(case=case, not_me=not_me)
    except Conflict:
        messages.warning(request, _("Deleting has begun and can't be stopped."))
    else:
        said = _("We stopped. Nothing was deleted.")
        if not_me:
            said += " " + _("A person looks at these pictures again and writes to you.")
        messages.success(request, said)
    return redirect("public:case")


@require_POST
@with_case
def new_link(request: HttpRequest, case: Case) -> HttpResponse:
    """Fresh links where the old ones were locked or are over; the case was never locked (R13)."""
    try:
        renewed = services.renew_deliveries(case=case, actor=Actor.person(case.id))
    except PortalError as error:
        messages.warning(request, str(error.message))
        return redirect("public:case")
    if len(renewed) > 1:
        return redirect("public:case")
    return redirect("public:answer", token=services.link_token(renewed[0]))

"""Two pages that never mix: the person's, and that of who acts for them (R11).

A link of their own opens once and shows their own code; afterwards reference and code are the way
in for either. Who acts sees the stage, what we ask about the mandate, and the answer only where an
accepted mandate says so. Nothing here knows what a search found (R3).
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.cases import (
    acting,
    child_texts,
    children,
    invitations,
    mandate_checks,
    mandates,
    selectors,
    services,
)
from dsr_portal.cases.asking import MAX_ASK
from dsr_portal.cases.codes import representative_code
from dsr_portal.cases.mandate_models import (
    Addressee,
    Mandate,
    MandateDoubt,
    MandateMeans,
    MandateState,
)
from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.cases.public_status import WORDS, word_for
from dsr_portal.cases.texts import day_words, right_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.disclosure import correcting
from dsr_portal.matching import own_face
from dsr_portal.matching import representing as services_above
from dsr_portal.public import acting as acting_pages
from dsr_portal.public import sessions
from dsr_portal.public.words import authority_of, dpo_email
from dsr_portal.vault.confined import PictureRefused
from dsr_portal.vault.uploads import picture_bytes

_SHOWS_CODE = "representing_code"


class MandateAnswerForm(PlainForm):
    """What who acts says to what we asked; a paper takes the place of the first one."""

    words = forms.CharField(
        label=gettext_lazy("Your answer"),
        max_length=MAX_ASK,
        widget=forms.Textarea({"rows": 3}),
    )
    document = forms.FileField(
        label=gettext_lazy("A paper, if you choose that way"),
        help_text=gettext_lazy("A copy is enough. We never ask for a notary."),
        required=False,
    )

    def clean_document(self) -> bytes:
        """As it came, unopened; too large is told like any upload of this site."""
        upload = self.cleaned_data.get("document")
        if not upload:
            return b""
        try:
            return picture_bytes(upload)
        except PictureRefused as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error


# -- a link of one's own --------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows whose link it is and changes nothing; POST opens it, once."""
    try:
        found = invitations.find(token)
        if request.method == "POST":
            return _opened(request, token)
    except invitations.InvitationClosed as error:
        context = {"code": error.code, "at": error.context.get("at")}
        return render(request, "public/invitation_closed.html", context, status=404)
    with translation.override(found.case.language):
        context = {"person": found.addressee == Addressee.PERSON, "case": found.case}
        return render(request, "public/invitation.html", context)


def _opened(request: HttpRequest, token: str) -> HttpResponse:
    row = invitations.open_once(token)
    if row.addressee == Addressee.PERSON:
        sessions.sent(request, row.case)
        return redirect("public:receipt")
    sessions.represent(request, row.mandate)
    request.session[_SHOWS_CODE] = str(row.mandate_id)
    return redirect("public:representing_code")


# -- on the person's page -------------------------------------------------------------------------


def acts_for(case: Case) -> dict[str, Any] | None:
    """Who acts or acted for this person, as they read it; None where nobody does."""
    mandate = mandates.newest(case)
    if mandate is None or mandate.holds_page or mandate.state == MandateState.ENDED:
        return None
    who = mandates.who_acts(mandate)
    name = f"{who.name} ({who.organisation})" if who.organisation else who.name
    return {
        "account": acting.is_seen_with_account(mandate),
        "stands": mandate.state in mandates.STANDING,
        "wanted": mandate.wanted_at is not None,
        "tone": "note" if mandate.wanted_at else "needs",
        "who": name,
        "kind": str(mandate.get_kind_display()),
        "covers": _("They ask for you: %(what)s.")
        % {"what": "; ".join(right_words(right) for right in mandate.rights)},
        "answer": _("The answer goes: %(to)s. You can always open it yourself.")
        % {"to": mandate.get_answer_to_display()},
        "asked": "; ".join(str(MandateDoubt(one).label) for one in mandate.doubts)
        if mandate.state == MandateState.DOUBTED
        else "",
        "refused": str(mandate.get_reason_display()) if mandate.reason else "",
        "decided": mandates.words(mandate, "decision") if mandate.reason else "",
    }


def child_words(case: Case) -> dict[str, Any] | None:
    """The child version of this page, for who said that they are under 18 (law T-03)."""
    if not children.reads_simply(case):
        return None
    mandate = mandates.newest(case)
    holds = mandate is not None and mandate.holds_page
    return {
        "words": child_texts.STATUS[word_for(case)],
        "holder": mandates.who_acts(mandate).name if mandate is not None and holds else "",
        "asked": mandate is not None and holds and mandate.state == MandateState.DOUBTED,
        "photo_closed": children.photo_closed(case) and case.status in services.BEFORE_SEARCH,
    }


def _own_case(request: HttpRequest) -> Case | None:
    case = sessions.status_case(request)
    if case is None:
        messages.info(request, _("Enter your reference and receipt code to go on."))
    return case


@require_POST
def want(request: HttpRequest) -> HttpResponse:
    """Yes: this request is mine, and where somebody acts for me, they may."""
    case = _own_case(request)
    if case is None:
        return redirect("public:status")
    try:
        services_above.want(case_id=case.id, actor=Actor.person(case.id))
    except (Conflict, NotFound) as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("Thank you. Your request goes on."))
    return redirect("public:case")


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """One click: nobody acts for me any more (R11)."""
    case = _own_case(request)
    if case is None:
        return redirect("public:status")
    try:
        services_above.end(case_id=case.id, actor=Actor.person(case.id))
    except NotFound:
        messages.info(request, _("Nobody acts for you in this request."))
    else:
        messages.success(
            request, _("Done. They see nothing more, and we tell them. Your request goes on.")
        )
    return redirect("public:case")


# -- the page of who acts -------------------------------------------------------------------------


def acts_here(request: HttpRequest) -> Mandate | None:
    """Whom this session acts for, while they may look; a page of its own says when they may not.

    A parent who asked on the website holds the page of the request, and comes here from it.
    """
    mandate = sessions.mandate_of(request)
    case = None if mandate is not None else sessions.status_case(request)
    if case is not None:
        held = mandates.newest(case)
        mandate = held if held is not None and held.holds_page else None
    return mandate if mandate is not None and _may_see(mandate) else None


def actor_of(mandate: Mandate) -> Actor:
    """A parent who asked on the website holds the person's page and says it as the person."""
    if mandate.holds_page:
        return Actor.person(mandate.case_id)
    return Actor.representative(mandate.id)


def _may_see(mandate: Mandate) -> bool:
    refused = mandate.state == MandateState.REFUSED
    return (refused or mandates.may_look(mandate)) and mandate.case.status != Status.PURGED


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The stage, what we ask about the mandate, and what may be opened; never a finding."""
    mandate = acts_here(request)
    if mandate is None:
        return _gone(request)
    form = MandateAnswerForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            mandate_checks.answer(
                mandate_id=mandate.id,
                actor=actor_of(mandate),
                **form.cleaned_data,
            )
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("We have your answer. An officer reads it."))
            return redirect("public:representing")
    status = 422 if form.errors else 200
    with translation.override(mandate.case.language):
        context = _context(mandate, form)
        if sessions.account_of(request) is not None:
            context["overview"] = True
            context["opens"] = acting_pages.ways_to_answer(request, mandate)
        return render(request, "public/representing.html", context, status=status)


def _context(mandate: Mandate, form: MandateAnswerForm) -> dict[str, Any]:
    case = mandate.case
    reads = mandates.may_read_answer(mandate)
    asks = mandate.state == MandateState.DOUBTED
    return {
        "case": case,
        "mandate": mandate,
        "who": mandates.who_acts(mandate),
        "covers": [right_words(right) for right in mandate.rights],
        "word": WORDS[word_for(case)],
        "received": day_words(case.arrived_on),
        "due": day_words(case.due_on),
        "taken_back": case.withdrawn_at is not None,
        "refused": mandate.state == MandateState.REFUSED,
        "decided": mandates.words(mandate, "decision")
        if mandate.state == MandateState.REFUSED
        else "",
        "photos": _photos_to_choose_in(mandate),
        "doubts": [MandateDoubt(one).label for one in mandate.doubts] if asks else [],
        "means": [MandateMeans(one).label for one in mandate.means] if asks else [],
        "asked": mandates.words(mandate, "ask") if asks else "",
        "may_answer": asks and mandate.answered_at is None,
        "reads": reads,
        "links": [
            reverse("public:answer", kwargs={"token": services.link_token(one)})
            for one in selectors.open_deliveries(case)
        ]
        if reads
        else [],
        "corrects": reads
        and RightCode.RECTIFICATION in mandate.rights
        and correcting.why_not(case, Actor.representative(mandate.id)) is None,
        "form": form,
        "authority": authority_of(case),
        "dpo_email": dpo_email(),
    }


def _photos_to_choose_in(mandate: Mandate) -> list[tuple[str, str]]:
    """Photos of several people, by the address of the page that asks, with the day it ends.

    A parent who holds the page of the request is asked there.
    """
    if mandate.holds_page or not own_face.may_choose_for(mandate):
        return []
    return [
        (
            reverse("public:own_face_for", kwargs={"photo_id": photo.id}),
            day_words(clock.local_date(photo.choose_until)) if photo.choose_until else "",
        )
        for photo in own_face.to_choose_in(mandate.case)
    ]


@require_GET
def code(request: HttpRequest) -> HttpResponse:
    """The code of who acts, in the session that opened the link, once (R12)."""
    mandate = acts_here(request)
    if mandate is None or request.session.pop(_SHOWS_CODE, None) != str(mandate.id):
        return redirect("public:representing")
    context = {"case": mandate.case, "code": representative_code(mandate.case, mandate.id)}
    with translation.override(mandate.case.language):
        return render(request, "public/representing_code.html", context)


def _gone(request: HttpRequest) -> HttpResponse:
    mandate = sessions.mandate_of(request)
    ended = mandate is not None and mandate.ended_at is not None
    return render(request, "public/representing_gone.html", {"ended": ended}, status=403)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    messages.success(request, _("You left. This device shows nothing of the request any more."))
    return redirect("public:home")

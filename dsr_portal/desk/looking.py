"""Requests without a photo: look up what was named, ask for more, or say it can't be told."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import asking_again, pauses
from dsr_portal.cases import selectors as cases
from dsr_portal.cases import services as case_services
from dsr_portal.cases.models import Case, Means, Missing
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import FaceField
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.comparing import jpeg_response
from dsr_portal.desk.forms import (
    ASK_PHOTO,
    AskAgainForm,
    AskForm,
    OwnFaceForm,
    PhotosForm,
    UnidentifiedForm,
)
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure import unidentified as letters
from dsr_portal.matching import named
from dsr_portal.matching import own_face as own_faces
from dsr_portal.matching import selectors as matching_selectors
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe
from dsr_portal.matching.photos import has_picture, token
from dsr_portal.vault import services as vault


@for_reviewers
@require_http_methods(["GET", "POST"])
def look_up(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """What will be looked up and what follows, then the button."""
    found = cases.case_for(staff_of(request), reference)
    if request.method == "POST":
        matching.start_look_up(case_id=found.id, actor=actor)
        messages.success(request, _("The look-up has started."))
        return redirect("desk:case", reference=found.reference)
    context = {
        "case": found,
        "ways": [one for one in cases.ways_of(found) if one.kind in named.FOUND_BY],
        "level_met": named.is_known(found),
    }
    return render(request, "desk/look_up.html", context)


@for_reviewers
@require_http_methods(["GET", "POST"])
def photos(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """All photos side by side; a person says which of them show who is asking."""
    found = cases.case_for(staff_of(request), reference)
    matching.require_reviewer(actor)
    if not matching.may_choose_photos(found):
        messages.info(request, _("There is nothing to choose from."))
        return redirect("desk:case", reference=found.reference)
    here = matching_selectors.photos(found.id)
    form = PhotosForm(request.POST or None, photos=here, initial={"seen": token(here)})
    if request.method == "POST" and form.is_valid():
        try:
            matching.choose_photos(case_id=found.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Kept. The photos you chose are searched with together."))
            return redirect("desk:case", reference=found.reference)
    shown = [photo for photo in here if has_picture(photo)]
    context = {"case": found, "form": form, "photos": shown}
    return render(request, "desk/photos.html", context, status=422 if form.errors else 200)


@for_reviewers
@require_http_methods(["GET", "POST"])
def own_face(request: HttpRequest, actor: Actor, reference: str, photo_id: UUID) -> HttpResponse:
    """Which face in a photo of several people is the person's, when they said so (law P-05)."""
    found = cases.case_for(staff_of(request), reference)
    matching.require_reviewer(actor)
    photo = own_faces.waiting(found.id, photo_id)
    of = {"reference": found.reference, "photo_id": photo.id}
    pictures = {
        str(number): reverse("desk:face_alone", kwargs=of | {"number": number})
        for number in range(1, photo.faces + 1)
    }
    form = OwnFaceForm(request.POST or None, pictures=pictures)
    if request.method == "POST" and form.is_valid():
        try:
            _choose_face(photo, form.cleaned_data, actor)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Kept. The photo with the other faces is deleted."))
            return redirect("desk:case", reference=found.reference)
    context = {"case": found, "form": form, "photo": photo}
    return render(request, "desk/own_face.html", context, status=422 if form.errors else 200)


def _choose_face(photo: Probe, chosen: dict[str, str], actor: Actor) -> None:
    of, words = photo.case_id, chosen["words"]
    if chosen["face"] == FaceField.NONE:
        own_faces.none_of_these(case_id=of, photo_id=photo.id, actor=actor, words=words)
    else:
        number = int(chosen["face"])
        own_faces.choose(case_id=of, photo_id=photo.id, number=number, actor=actor, words=words)


@for_reviewers
@require_GET
def face_alone(
    request: HttpRequest, actor: Actor, reference: str, photo_id: UUID, number: int
) -> HttpResponse:
    """One face of the photo with every other one covered, for who writes down the choice."""
    found = cases.case_for(staff_of(request), reference)
    matching.require_reviewer(actor)
    photo = own_faces.waiting(found.id, photo_id)
    return jpeg_response(vault.read(photo.unit, own_faces.field_of(number, small=True)), actor)


@for_reviewers
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Ask the person once for what is missing, with at least two choices (T-07, R-06).

    Once they were asked, the page proposes: with a new fact, to another person (N-07).
    """
    found = cases.case_for(staff_of(request), reference)
    again = case_services.was_asked(found)
    facts = asking_again.facts_left(found)
    form = (
        AskAgainForm(request.POST or None, facts=facts)
        if again
        else AskForm(request.POST or None, initial=_suggested(found))
    )
    if request.method == "POST" and form.is_valid():
        act = asking_again.propose if again else case_services.ask_to_identify
        try:
            act(case_id=found.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(
                request,
                _("Proposed. The person hears nothing before another person agrees.")
                if again
                else _(
                    "Asked. The letter leaves by itself, or waits here to be printed and posted."
                ),
            )
            return redirect("desk:case", reference=found.reference)
    context = {
        "case": found,
        "form": form,
        "again": again,
        "facts_left": facts,
        "before": case_services.standing_ask(found),
        "in_time": pauses.in_time(found),
    }
    return render(request, "desk/ask.html", context, status=422 if form.errors else 200)


def _suggested(found: Case) -> dict[str, object]:
    """Where there is no photo: the fact, words and ways, all of which an officer may change.

    Nobody has to send one (law N-10): it is one of the ways and never alone.
    """
    if matching_selectors.photos(found.id):
        return {}
    return {
        "missing": [Missing.NOTHING_TO_LOOK_UP],
        "text": ASK_PHOTO,
        "means": [Means.PHOTO, Means.NAMED, Means.CALL],
    }


@for_reviewers
@require_http_methods(["GET", "POST"])
def unidentified(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Say why nobody can tell which records are the person's; a second person reads the letter."""
    found = cases.case_for(staff_of(request), reference)
    form = UnidentifiedForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            letters.propose(case_id=found.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The letter is being made. Another person reads it."))
            return redirect("desk:case", reference=found.reference)
    context = {
        "case": found,
        "form": form,
        "ask": case_services.standing_ask(found),
        "not_yet": letters.why_not_yet(found),
    }
    return render(request, "desk/unidentified.html", context, status=422 if form.errors else 200)


@for_reviewers
@require_POST
def set_aside(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The second person says no, or the person gave more: the request goes on."""
    found = cases.case_for(staff_of(request), reference)
    answer = disclosure.current_answer(found.id)
    if answer is None:
        raise NotFound("no_answer", _("There is no such answer."))
    letters.discard(answer_id=answer.id, actor=actor)
    messages.success(request, _("Set aside. Nothing was sent; the request goes on."))
    return redirect("desk:case", reference=found.reference)

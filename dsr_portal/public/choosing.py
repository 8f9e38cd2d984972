"""Which face in a photo of several people is the person's (law P-05): asked the person, or who acts
for them while their mandate is in force (R11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.core.forms import FaceField
from dsr_portal.matching import own_face as own_faces
from dsr_portal.matching.models import Probe
from dsr_portal.public import representing
from dsr_portal.public.forms import OwnFaceForm
from dsr_portal.public.status import photo_late, with_case
from dsr_portal.vault import services as vault


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who is asked, and where their pages lie; who acts sends no photo, the person does."""

    actor: Actor
    back: str
    pictures: str
    sends: bool


def _person(case: Case) -> _Asked:
    return _Asked(Actor.person(case.id), back="public:case", pictures="public:face", sends=True)


def _who_acts(mandate: Mandate) -> _Asked:
    return _Asked(
        representing.actor_of(mandate),
        back="public:representing",
        pictures="public:face_for",
        sends=False,
    )


@never_cache
@require_http_methods(["GET", "POST"])
@with_case
def own_face(request: HttpRequest, case: Case, photo_id: UUID) -> HttpResponse:
    """The person chooses; the rest of the photo is destroyed."""
    return _page(request, case, photo_id, _person(case))


@never_cache
@require_http_methods(["GET", "POST"])
def own_face_for(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """The same page for who acts for the person, under their account or link."""
    mandate = _may_choose(request)
    if mandate is None:
        return redirect("public:representing")
    with translation.override(mandate.case.language):
        return _page(request, mandate.case, photo_id, _who_acts(mandate))


@never_cache
@require_GET
@with_case
def face(request: HttpRequest, case: Case, photo_id: UUID, number: int) -> HttpResponse:
    """One face of the photo alone, small; every other face in it is covered."""
    return _alone(case, photo_id, number)


@never_cache
@require_GET
def face_for(request: HttpRequest, photo_id: UUID, number: int) -> HttpResponse:
    """The same for who acts."""
    mandate = _may_choose(request)
    if mandate is None:
        return redirect("public:representing")
    return _alone(mandate.case, photo_id, number)


def _may_choose(request: HttpRequest) -> Mandate | None:
    mandate = representing.acts_here(request)
    return mandate if mandate is not None and own_faces.may_choose_for(mandate) else None


def _alone(case: Case, photo_id: UUID, number: int) -> HttpResponse:
    photo = own_faces.waiting(case.id, photo_id)
    data = vault.read(photo.unit, own_faces.field_of(number, small=True))
    return HttpResponse(data, content_type="image/jpeg")


def _page(request: HttpRequest, case: Case, photo_id: UUID, asked: _Asked) -> HttpResponse:
    try:
        photo = own_faces.waiting(case.id, photo_id)
        form = OwnFaceForm(
            request.POST or None,
            pictures=_addresses(photo, asked.pictures),
            left_out=photo.faces_left_out,
            own=asked.sends,
        )
        if request.method == "POST" and form.is_valid():
            return _chosen(request, photo, form.cleaned_data["face"], asked)
    except NotFound:
        messages.info(request, _("There is nothing to choose in this photo any more."))
        return redirect(asked.back)
    except Conflict as error:
        if error.code != "photo_late":
            raise
        return photo_late(request, case)
    context = {"form": form, "photo": photo, "back": reverse(asked.back), "sends": asked.sends}
    return render(request, "public/own_face.html", context, status=422 if form.errors else 200)


def _addresses(photo: Probe, name: str) -> Mapping[str, str]:
    return {
        str(number): reverse(name, kwargs={"photo_id": photo.id, "number": number})
        for number in range(1, photo.faces + 1)
    }


def _chosen(request: HttpRequest, photo: Probe, number: str, asked: _Asked) -> HttpResponse:
    of = photo.case_id
    if number == FaceField.NONE:
        own_faces.none_of_these(case_id=of, photo_id=photo.id, actor=asked.actor)
        if not asked.sends:
            messages.success(
                request, _("We deleted that photo. The person can send another one on their page.")
            )
            return redirect(asked.back)
        messages.success(request, _("We deleted that photo. Send another one here."))
        return redirect("public:case_photo", photo_id=photo.id)
    own_faces.choose(case_id=of, photo_id=photo.id, number=int(number), actor=asked.actor)
    kept = (
        _("Thank you. We kept your face and deleted the rest of the photo.")
        if asked.sends
        else _("Thank you. We kept the person's face and deleted the rest of the photo.")
    )
    messages.success(request, kept)
    return redirect(asked.back)

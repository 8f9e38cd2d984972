"""The compare page: one candidate at a time; look, say, see the band, confirm (R19, R21)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, WayKind
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.desk import marking
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.forms import CONFIRM, VIEW, AsideKindForm, DecisionForm
from dsr_portal.gallery import connector
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.matching import asides
from dsr_portal.matching import selectors as matching
from dsr_portal.matching import services as matching_services
from dsr_portal.matching.models import (
    Band,
    Decision,
    Position,
    Probe,
    ProbeState,
    Review,
    ReviewState,
)
from dsr_portal.matching.named import FOUND_BY
from dsr_portal.matching.photos import has_picture
from dsr_portal.matching.probes import CROP, PICTURE
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of

SHOWN_SIDE = 1600


def review_of(found: Case) -> Review:
    review = matching.current_review(found.id)
    if review is None:
        raise NotFound("no_review", _("This case has nothing to compare yet."))
    return review


@for_reviewers
@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    review = review_of(found)
    if matching.position_of(review, actor) is None:
        messages.info(request, _("This case does not wait for you."))
        return redirect("desk:case", reference=found.reference)
    matching_services.require_reviewer(actor)
    groups = matching.grouped(matching.own_decisions(review, actor))
    if request.method == "POST":
        return _decide(request, actor, found, groups)
    current = _chosen(_in_order(groups), request.GET.get("picture", ""))
    if current is None:
        return _finish_page(request, found, review, _in_order(groups))
    matching_services.mark_shown(decision_id=current.id, actor=actor)
    return _page(request, actor, found, groups, current)


@for_reviewers
@require_GET
def groups(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Group beside group: which of the pictures look like one person's. Nothing is decided here."""
    found = cases.case_for(staff_of(request), reference)
    review = review_of(found)
    if matching.position_of(review, actor) is None:
        messages.info(request, _("This case does not wait for you."))
        return redirect("desk:case", reference=found.reference)
    matching_services.require_reviewer(actor)
    together = matching.grouped(matching.own_decisions(review, actor))
    context = {"case": found, "groups": together}
    return render(request, "desk/groups.html", context)


def _in_order(groups: Sequence[Sequence[Decision]]) -> list[Decision]:
    """The best group first, inside it the best picture: like beside like is easier to judge."""
    return [decision for group in groups for decision in group]


def _chosen(decisions: list[Decision], named: str) -> Decision | None:
    """The picture a link names, else the first undecided one."""
    for decision in decisions:
        if str(decision.id) == named:
            return decision
    return next((decision for decision in decisions if not decision.verdict), None)


def _stage(decision: Decision) -> str:
    return CONFIRM if decision.preliminary else VIEW


def _decide(
    request: HttpRequest, actor: Actor, found: Case, groups: Sequence[Sequence[Decision]]
) -> HttpResponse:
    by_id = {str(decision.id): decision for decision in _in_order(groups)}
    current = by_id.get(request.POST.get("picture", ""))
    if current is None:
        raise NotFound("no_decision", _("There is no such picture for you to decide."))
    if request.POST.get("stage") != _stage(current):
        # The same form sent twice, or a page from before: show what stands, change nothing.
        return _on(found, current)
    form = _form(current, actor, request.POST)
    if not form.is_valid():
        return _page(request, actor, found, groups, current, form=form)
    said = form.cleaned_data
    try:
        if current.preliminary:
            matching_services.decide(
                decision_id=current.id,
                actor=actor,
                verdict=said["decision"],
                reason=said["reason"],
            )
            return redirect("desk:compare", reference=found.reference)
        matching_services.say_preliminary(
            decision_id=current.id, actor=actor, verdict=said["decision"]
        )
    except PortalError as error:
        form.add_error("reason" if error.code.endswith("reason") else "decision", error.message)
        return _page(request, actor, found, groups, current, form=form)
    return _on(found, current)


def _on(found: Case, current: Decision) -> HttpResponse:
    page = reverse("desk:compare", kwargs={"reference": found.reference})
    return redirect(f"{page}?picture={current.id}")


def _form(current: Decision, actor: Actor, data: Any = None) -> DecisionForm:
    stage = _stage(current)
    return DecisionForm(
        data,
        stage=stage,
        supervisor=current.position == Position.SUPERVISOR,
        on_words=matching_services.rests_on_words(current),
        initial={
            "picture": current.id,
            "stage": stage,
            "decision": current.verdict or current.preliminary,
        },
    )


def _page(
    request: HttpRequest,
    actor: Actor,
    found: Case,
    groups: Sequence[Sequence[Decision]],
    current: Decision,
    *,
    form: DecisionForm | None = None,
) -> HttpResponse:
    held = connector.current()
    decisions = _in_order(groups)
    place, group = next(
        (number, one) for number, one in enumerate(groups, start=1) if current in one
    )
    band = matching.shown_band(current)
    probe = current.review.search.probe
    record = current.candidate.record
    with_photo = matching_services.has_photo(current)
    on_words = matching_services.rests_on_words(current)
    context = {
        "case": found,
        "form": form or _form(current, actor),
        "current": current,
        "confirms": bool(current.preliminary),
        "reason_open": form is not None or on_words or current.position == Position.SUPERVISOR,
        "number": [decision.id for decision in decisions].index(current.id) + 1,
        "total": len(decisions),
        "group": group if len(group) > 1 else [],
        "group_number": place,
        "groups_total": len(groups),
        "left": _probe_side(found, probe)
        if probe and with_photo
        else _picture_side(found, current),
        "right": _face_side(found, current),
        "more_photos": _more_photos(found, current) if with_photo else [],
        "photo_gone": probe is not None and not with_photo and current.candidate.way_id is None,
        "probe_findings": _findings(current) if with_photo else None,
        "face_findings": held.face(record.id).findings,
        "faces": _faces(record),
        "named": _named(found, current),
        "known_by": cases.checks_of(found) if on_words else [],
        "band": band,
        "band_words": _band_words(band, current),
        "facts": held.facts(record.image_id),
        "views": matching.both_views(current.review, actor).get(current.candidate_id),
        "aside": asides.count(current.review),
        "aside_form": AsideKindForm(),
    }
    status = 422 if form is not None else 200
    return render(request, "desk/compare.html", context, status=status)


def _findings(current: Decision) -> list[str]:
    """What was noticed about any of the photos, each once."""
    photos = current.review.search.all_photos()
    return sorted({code for photo in photos for code in photo.findings})


def _probe_side(found: Case, probe: Probe) -> dict[str, str]:
    page = reverse(
        "desk:probe_picture", kwargs={"reference": found.reference, "probe_id": probe.id}
    )
    whole = {"alt": _("The photo that was sent"), "caption": _("Probe")}
    if not vault.has(probe.unit, CROP):
        return {"src": page, **whole}
    return {"src": f"{page}?show=face", "original": page, **whole}


def _more_photos(found: Case, current: Decision) -> list[dict[str, str]]:
    """The other photos that were searched with, newest first: each is to be compared with."""
    search = current.review.search
    photos = [one for one in search.all_photos() if one.id != search.probe_id]
    return [_probe_side(found, one) for one in reversed(photos) if one.state != ProbeState.DELETED]


def _picture_side(found: Case, current: Decision) -> dict[str, str]:
    """Where there is no photo: the picture the face was cut from, so that one sees which it is."""
    page = reverse(
        "desk:face_picture", kwargs={"reference": found.reference, "decision_id": current.id}
    )
    return {
        "src": f"{page}?show=whole",
        "alt": _("The whole picture we hold"),
        "caption": _("Picture at what was named"),
    }


def _faces(record: Record) -> str:
    """Which of several faces this is; each is decided by itself."""
    others = len(gallery.other_records_of_image(record.id))
    if not others:
        return ""
    return _("Face %(number)s in a picture with %(total)s faces we hold. Only this one counts.") % {
        "number": record.face_number,
        "total": others + 1,
    }


def _named(found: Case, current: Decision) -> tuple[str, str] | None:
    """What the person named that led to this record: its kind and words."""
    way = current.candidate.way
    if way is None:
        return None
    text = _("the very file, by its bytes") if way.kind == WayKind.FILE else ""
    return str(way.get_kind_display()), text or cases.way_text(found, way)


def _face_side(found: Case, current: Decision) -> dict[str, str]:
    page = reverse(
        "desk:face_picture", kwargs={"reference": found.reference, "decision_id": current.id}
    )
    return {
        "src": page,
        "original": f"{page}?show=whole",
        "alt": _("The face in the picture we hold"),
        "caption": _("Candidate"),
    }


def _band_words(band: Band | None, current: Decision) -> str:
    """What the band means; a figure this installation did not measure is not printed (R15, R21)."""
    if band is None:
        return ""
    words = {
        Band.STRONG: _("The two face codes are very alike. Those of relatives can be, too."),
        Band.REVIEW: _("Alike enough to look. Strangers are expected here."),
        Band.BELOW: _("One of the nearest, shown because nothing was above the threshold."),
    }[band]
    return f"{words} {_odds_words(current)}"


def _odds_words(current: Decision) -> str:
    """How often candidates this alike are strangers, among as many faces as were compared (R21)."""
    search = current.review.search
    step = matching.odds_step(current)
    if not step:
        return _("How many strangers are this alike was not tested here.")
    return {
        "1_in_2": _("Of candidates this alike among %(faces)s faces about 1 in 2 is a stranger."),
        "1_in_20": _("Of candidates this alike among %(faces)s faces about 1 in 20 is a stranger."),
        "1_in_200": _(
            "Of candidates this alike among %(faces)s faces about 1 in 200 is a stranger."
        ),
        "under_1_in_1000": _(
            "Of candidates this alike among %(faces)s faces fewer than 1 in 1,000 are strangers."
        ),
    }[step] % {"faces": f"{search.enrolled:,}"}


def _finish_page(
    request: HttpRequest, found: Case, review: Review, decisions: list[Decision]
) -> HttpResponse:
    search = matching.latest_search(found.id)
    ways = [way for way in cases.ways_of(found) if way.kind in FOUND_BY]
    context = {
        "case": found,
        "decisions": decisions,
        # R19: who confirms "nothing found" sees what was looked up.
        "looked_up": ways if search is not None and search.looks_up else [],
        "search": search,
        "aside": asides.count(review),
    }
    return render(request, "desk/finish.html", context)


@for_reviewers
@require_POST
def finish(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    review = review_of(found)
    if matching.position_of(review, actor) is None:
        # Sent twice: the first time already passed the case on.
        return redirect("desk:case", reference=found.reference)
    review = matching_services.finish(review_id=review.id, actor=actor)
    if matching.position_of(review, actor) is not None:
        messages.info(request, _("There are more pictures for you to decide."))
        return redirect("desk:compare", reference=found.reference)
    if review.state == ReviewState.WIDENING and review.first_officer == actor.id:
        messages.info(request, _("What you confirmed is searched with. New pictures come to you."))
    else:
        messages.success(request, _("Your part is done."))
    return redirect("desk:case", reference=found.reference)


# -- pictures -----------------------------------------------------------------------------------


def jpeg_response(data: bytes, actor: Actor) -> HttpResponse:
    """A picture as the desk shows it: who looks and when is drawn into it (law X-09)."""
    return HttpResponse(marking.marked(data, actor.id), content_type="image/jpeg")


@for_reviewers
@require_GET
def probe_picture(
    request: HttpRequest, actor: Actor, reference: str, probe_id: UUID
) -> HttpResponse:
    """The photo that was sent, or its face, for those who may compare."""
    found = cases.case_for(staff_of(request), reference)
    matching_services.require_reviewer(actor)
    probe = found.probes.filter(id=probe_id).first()
    if probe is None or not has_picture(probe):
        raise NotFound("no_probe", _("This photo is not there any more."))
    field = CROP if request.GET.get("show") == "face" else PICTURE
    return jpeg_response(vault.read(probe.unit, field), actor)


@for_reviewers
@require_GET
def face_picture(
    request: HttpRequest, actor: Actor, reference: str, decision_id: UUID
) -> HttpResponse:
    """The face of a candidate, or its whole picture, for the person before whom it was laid.

    A whole picture is bytes from outside: a confined child decodes it, and what is sent was
    encoded by our own code (R28).
    """
    found = cases.case_for(staff_of(request), reference)
    matching_services.require_reviewer(actor)
    decision = matching.laid_before(found.id, decision_id, actor)
    if decision is None:
        raise NotFound("no_decision", _("There is no such picture for you."))
    candidate = decision.candidate.record
    held = connector.current()
    if request.GET.get("show") != "whole":
        return jpeg_response(held.face(candidate.id).crop(), actor)
    return jpeg_response(
        jpeg_of(decode_picture(held.picture(candidate.image_id), max_side=SHOWN_SIDE)), actor
    )

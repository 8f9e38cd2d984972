"""Pictures that are put aside: the officer's button, pages of senior officers (law C-09)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import actor_for, require_trained, staff_of
from dsr_portal.cases import recusals
from dsr_portal.cases import selectors as cases
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_reviewers, for_seniors
from dsr_portal.desk.comparing import SHOWN_SIDE, jpeg_response
from dsr_portal.desk.forms import (
    AsideFreeForm,
    AsideKindForm,
    AsideLowerForm,
    AsideReleaseForm,
    AsideReportForm,
    AsideSayForm,
    AsideShownForm,
)
from dsr_portal.disclosure import anew
from dsr_portal.disclosure import asides as answers
from dsr_portal.gallery import connector, covers, putting_aside
from dsr_portal.gallery.models import PutAside, SourceImage
from dsr_portal.matching import asides
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of

Act = Callable[..., Any]
_ACTS: dict[str, tuple[type[PlainForm], Act]] = {
    "confirm": (AsideKindForm, answers.confirm),
    "lower": (AsideLowerForm, answers.lower),
    "report": (AsideReportForm, putting_aside.report),
    "free": (AsideFreeForm, putting_aside.free),
    "release": (AsideReleaseForm, answers.release),
    "shown": (AsideShownForm, putting_aside.shown_to_person),
}


@for_reviewers
@require_POST
def put_aside(
    request: HttpRequest, actor: Actor, reference: str, decision_id: UUID
) -> HttpResponse:
    """One press: from now on nobody but senior officers sees this picture."""
    found = cases.case_for(staff_of(request), reference)
    form = AsideKindForm(request.POST)
    if not form.is_valid():
        messages.warning(request, _("Choose what it is, then press again."))
        return redirect("desk:compare", reference=found.reference)
    answers.put_aside(
        case_id=found.id, decision_id=decision_id, kind=form.cleaned_data["kind"], actor=actor
    )
    messages.success(
        request, _("Put aside. Only supervisors see it now. You need not look at it again.")
    )
    return redirect("desk:compare", reference=found.reference)


@for_seniors
@require_GET
def every(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What is put aside, what waits for a decision first; no picture is on this page."""
    away = set(recusals.kept_from(staff_of(request)).values_list("id", flat=True))
    standing = covers.standing().exclude(image__state=SourceImage.State.ERASED)
    rows = [row for row in standing if not away or not away & _touched(row)]
    waiting = [row for row in rows if row.state == PutAside.State.SEEN or asides.lacks_words(row)]
    context = {"waiting": waiting, "decided": [row for row in rows if row not in waiting]}
    return render(request, "desk/put_aside_list.html", context)


@for_seniors
@never_cache
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, actor: Actor, put_aside_id: UUID) -> HttpResponse:
    """One picture: look when you are ready, say whose it is, decide, write down who was told."""
    row = _row(put_aside_id, request)
    asked = request.POST.get("do", "")
    forms = {name: form(prefix=name) for name, (form, _act) in _ACTS.items()}
    sent = None
    if asked == "say":
        return _say(request, actor, row)
    if asked == "anew":
        return _anew(request, actor, row)
    if asked in _ACTS:
        made, act = _ACTS[asked]
        sent = forms[asked] = made(request.POST, prefix=asked)
        if sent.is_valid() and _done(sent, act, row, actor):
            messages.success(request, _("Recorded."))
            return redirect("desk:aside", put_aside_id=row.id)
    context = {
        "row": row,
        "erased": row.image.state == SourceImage.State.ERASED,
        "open": row.state != PutAside.State.RELEASED,
        "forms": forms,
        "form": sent,
        "to_say": [(candidate, AsideSayForm()) for candidate in asides.to_say(row, actor)],
        "candidates": asides.open_candidates(row),
        "closed": anew.closed_cases(row.image_id),
        "lacks_words": asides.lacks_words(row),
        "may_confirm": row.found_by != actor.id,
        "agrees_to_lower": bool(row.lower_by) and row.lower_by != actor.id,
        "agrees": bool(row.release_by) and row.release_by != actor.id,
        "may_free": row.confirmed_by != actor.id,
    }
    return render(request, "desk/put_aside.html", context, status=422 if sent else 200)


def _done(form: PlainForm, act: Act, row: PutAside, actor: Actor) -> bool:
    try:
        act(put_aside_id=row.id, actor=actor, **form.cleaned_data)
    except PortalError as error:
        form.add_error(None, str(error.message))
        return False
    return True


def _anew(request: HttpRequest, actor: Actor, row: PutAside) -> HttpResponse:
    """Have the answer of one request made anew without this picture."""
    closed = {str(case.id): case for case in anew.closed_cases(row.image_id)}
    case = closed.get(request.POST.get("case", ""))
    if case is None:
        messages.warning(request, _("No answer of this request is closed for a picture."))
        return redirect("desk:aside", put_aside_id=row.id)
    try:
        anew.make_anew(case_id=case.id, actor=actor)
    except Conflict as error:
        messages.warning(request, str(error.message))
        return redirect("desk:aside", put_aside_id=row.id)
    messages.success(request, _("The answer is made anew. Another look, then it is approved."))
    return redirect("desk:case", reference=case.reference)


def _say(request: HttpRequest, actor: Actor, row: PutAside) -> HttpResponse:
    form = AsideSayForm(request.POST)
    waiting = {str(one.id): one for one in asides.to_say(row, actor)}
    candidate = waiting.get(request.POST.get("candidate", ""))
    if candidate is None:
        raise NotFound("no_put_aside", _("There is no such picture."))
    if form.is_valid():
        asides.say(candidate_id=candidate.id, verdict=form.cleaned_data["verdict"], actor=actor)
        messages.success(request, _("Recorded."))
    else:
        messages.warning(request, _("Choose one of the three answers."))
    return redirect("desk:aside", put_aside_id=row.id)


@for_seniors
@never_cache
@require_GET
def picture(request: HttpRequest, actor: Actor, put_aside_id: UUID) -> HttpResponse:
    """The picture, for a senior officer who pressed Show; every look stands in the trail."""
    row = _row(put_aside_id, request)
    data = connector.current().put_aside(row.id, actor=actor)
    response = jpeg_response(jpeg_of(decode_picture(data, max_side=SHOWN_SIDE)), actor)
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _row(put_aside_id: UUID, request: HttpRequest) -> PutAside:
    """The row, for whoever is trained (P-17) and none of whose own requests it touches (X-09)."""
    staff = staff_of(request)
    require_trained(staff)
    row = PutAside.objects.select_related("image").filter(id=put_aside_id).first()
    if row is None:
        raise NotFound("no_put_aside", _("There is no such picture."))
    for case_id in _touched(row):
        recusals.require_free(case_id, actor_for(staff))
    return row


def _touched(row: PutAside) -> set[UUID]:
    """Every request the picture has to do with."""
    return asides.cases_of(row) | ({row.case_id} if row.case_id else set())

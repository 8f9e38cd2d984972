"""What people decide about an erasure before it runs: shared pictures and copies (X-14, R1)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.comparing import SHOWN_SIDE, jpeg_response
from dsr_portal.desk.forms import DuplicateForm, SharedPictureForm
from dsr_portal.erasure import duplicates as erasure_duplicates
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure import services as erasure_services
from dsr_portal.erasure.models import Duplicate, Plan
from dsr_portal.gallery import connector
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of


@for_reviewers
@require_POST
def shared_picture(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Choose what becomes of one shared picture, in the hold window."""
    found = cases.case_for(staff_of(request), reference)
    form = SharedPictureForm(request.POST)
    if not form.is_valid():
        raise NotFound("not_shared", _("No other person's record is in this picture."))
    plan = _plan(found)
    erasure_services.choose_picture(plan_id=plan.id, actor=actor, **form.cleaned_data)
    messages.success(request, _("Noted, with your number. The others' records stay either way."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_http_methods(["GET", "POST"])
def duplicates(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Pictures that look like one of the person's: two persons say whether each is a copy."""
    found = cases.case_for(staff_of(request), reference)
    plan = _plan(found)
    if request.method == "POST":
        form = DuplicateForm(request.POST)
        if not form.is_valid():
            raise NotFound("no_duplicate", _("There is no such picture."))
        _one(plan, form.cleaned_data["duplicate_id"])
        erasure_duplicates.decide(actor=actor, **form.cleaned_data)
        messages.success(request, _("Noted. The erasure goes on when two persons agree on each."))
        return redirect("desk:duplicates", reference=found.reference)
    context = {
        "case": found,
        "rows": [_shown(row, actor) for row in erasure_duplicates.undecided(plan)],
    }
    return render(request, "desk/duplicates.html", context)


def _shown(row: Duplicate, actor: Actor) -> dict[str, Any]:
    """Nothing here tells a second person what the first one said."""
    mine = actor.id in {row.first_officer, row.second_officer}
    disputed = bool(row.second_officer)
    return {
        "duplicate": row,
        "faces": erasure_duplicates.standing_records(row),
        "waits_for_others": mine or (disputed and actor.role != "supervisor"),
    }


@for_reviewers
@require_GET
def duplicate_picture(
    request: HttpRequest, actor: Actor, reference: str, duplicate_id: UUID, which: str
) -> HttpResponse:
    """The person's picture ("of") or the one that looks like it ("copy"); a child decodes (R28)."""
    found = cases.case_for(staff_of(request), reference)
    row = _one(_plan(found), duplicate_id)
    image_id = row.of_image_id if which == "of" else row.image_id
    picture = decode_picture(connector.current().picture(image_id), max_side=SHOWN_SIDE)
    return jpeg_response(jpeg_of(picture))


@for_reviewers
@require_GET
def duplicate_face(
    request: HttpRequest, actor: Actor, reference: str, duplicate_id: UUID, record_id: UUID
) -> HttpResponse:
    """One enrolled face of a picture that looks alike, to choose the person's."""
    found = cases.case_for(staff_of(request), reference)
    row = _one(_plan(found), duplicate_id)
    if record_id not in erasure_duplicates.standing_records(row):
        raise NotFound("no_duplicate", _("There is no such picture."))
    return jpeg_response(connector.current().face(record_id).crop())


def _plan(case: Case) -> Plan:
    plan = erasure.current_plan(case.id)
    if plan is None:
        raise NotFound("no_plan", _("No erasure was started in this case."))
    return plan


def _one(plan: Plan, duplicate_id: UUID) -> Duplicate:
    """A copy that waits for a decision; the pictures of others are nobody's to look at."""
    row = erasure_duplicates.undecided(plan).filter(id=duplicate_id).first()
    if row is None:
        raise NotFound("no_duplicate", _("There is no such picture."))
    return row

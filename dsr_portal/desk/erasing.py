"""What people decide about an erasure before it runs: why, shared pictures, copies (E-02, X-14)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, RightCode
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.comparing import SHOWN_SIDE, jpeg_response
from dsr_portal.desk.forms import DuplicateForm, GroundsForm, SharedPictureForm
from dsr_portal.erasure import duplicates as erasure_duplicates
from dsr_portal.erasure import grounds as erasure_grounds
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure import services as erasure_services
from dsr_portal.erasure.models import Duplicate, Plan
from dsr_portal.erasure.preview import Line, preview
from dsr_portal.gallery import connector, covers
from dsr_portal.law.articles import ErasureGround
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of


@for_reviewers
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """What will happen and why it is owed, then the button (ui.md: danger is behind a page)."""
    found = cases.case_for(staff_of(request), reference)
    form = _grounds_form(request, found)

    def act() -> None:
        _choose(found, form, actor)
        erasure_services.start_erasure(case_id=found.id, actor=actor)

    if done(request, form, act, _("The plan is made. The hold window runs.")):
        return redirect("desk:case", reference=found.reference)
    lines = _preview(found)
    if not lines or not found.rights.filter(right=RightCode.ERASURE).exists():
        messages.info(request, _("There is nothing to erase in this case."))
        return redirect("desk:case", reference=found.reference)
    records = next(one.count for one in lines if one.store == "face_codes")
    context = {"records": records, "lines": lines, "ordered": _ordered(found)}
    return form_page(request, "desk/erasure.html", found, form, **context)


def _preview(found: Case) -> list[Line]:
    try:
        return preview(found)
    except Conflict:
        return []


@for_reviewers
@require_http_methods(["GET", "POST"])
def grounds(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Choose why the erasure is owed before it starts by its date or by the person (law E-02)."""
    found = cases.case_for(staff_of(request), reference)
    form = _grounds_form(request, found)
    if done(request, form, lambda: _choose(found, form, actor), _("Kept for the erasure.")):
        return redirect("desk:case", reference=found.reference)
    context = {"not_yet": erasure_grounds.why_not(found), "ordered": _ordered(found)}
    return form_page(request, "desk/grounds.html", found, form, **context)


def _grounds_form(request: HttpRequest, found: Case) -> GroundsForm:
    return GroundsForm(
        request.POST or None,
        initial={"grounds": [one.value for one in erasure_grounds.preselected(found)]},
        hints=erasure_grounds.hints(found),
    )


def _choose(found: Case, form: GroundsForm, actor: Actor) -> None:
    erasure_grounds.choose(case_id=found.id, actor=actor, **form.cleaned_data)


def _ordered(found: Case) -> str:
    return erasure_grounds.hints(found).get(ErasureGround.ORDER, "")


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
    others = mine or (disputed and actor.role != "supervisor")
    return {
        "duplicate": row,
        "faces": erasure_duplicates.standing_records(row),
        "waits_for_others": others or not erasure_duplicates.may_decide(row, actor),
        "aside": covers.standing().filter(image_id=row.image_id).first(),
    }


@for_reviewers
@require_GET
def duplicate_picture(
    request: HttpRequest, actor: Actor, reference: str, duplicate_id: UUID, which: str
) -> HttpResponse:
    """The person's picture ("of") or the one that looks like it ("copy"); a child decodes (R28)."""
    found = cases.case_for(staff_of(request), reference)
    row = _one(_plan(found), duplicate_id)
    # A copy of what is put aside shows the same (law C-09).
    covers.refuse_covered(row.of_image_id)
    image_id = row.of_image_id if which == "of" else row.image_id
    picture = decode_picture(connector.current().picture(image_id), max_side=SHOWN_SIDE)
    return jpeg_response(jpeg_of(picture), actor)


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
    return jpeg_response(connector.current().face(record_id).crop(), actor)


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

"""The desk of privacy officers: queue, case, comparison, answer. No rules live here."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.access import second_factor_required
from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import actor_for, staff_of
from dsr_portal.audit import selectors as audit
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import selectors as cases
from dsr_portal.cases import services as case_services
from dsr_portal.cases.models import Case, Delivery, DeliveryState, Status
from dsr_portal.compliance import services as compliance_services
from dsr_portal.compliance.selectors import open_grants_of
from dsr_portal.core import clock, references
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, NotFound, PortalError
from dsr_portal.core.registries import sentences
from dsr_portal.desk.forms import AuthorityForm, ConfirmForm, IdentityForm, QueueForm, ViewForm
from dsr_portal.desk.next_step import next_step
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure import services as disclosure_services
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure import services as erasure_services
from dsr_portal.gallery import connector
from dsr_portal.matching import selectors as matching
from dsr_portal.matching import services as matching_services
from dsr_portal.matching.models import Band, Decision, Position, ProbeState
from dsr_portal.vault import services as vault

P = ParamSpec("P")
DESK_ROLES = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})


def at_desk(
    view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the desk: signed in with a second factor, in a role that works here."""

    @second_factor_required
    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        actor = actor_for(staff_of(request))
        if actor.role not in DESK_ROLES:
            raise NotAllowed("not_at_desk", _("Your account works on another site."))
        return view(request, actor, *args, **kwargs)

    return inner


@at_desk
@require_GET
def queue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Open cases by due date, urgent ones first."""
    form = QueueForm(request.GET or None)
    wanted = form.cleaned_data if form.is_bound and form.is_valid() else {}
    waiting = matching.waiting_for(actor)
    rows = _filtered(cases.visible_to(staff_of(request)), wanted, waiting)
    context = {
        "form": form,
        "rows": rows[:200],
        "waiting": waiting,
        "ready": Delivery.objects.filter(state=DeliveryState.READY).count(),
        "may_release": actor.role in {Role.OFFICER, Role.SUPERVISOR},
    }
    return render(request, "desk/queue.html", context)


def _filtered(
    rows: QuerySet[Case], wanted: dict[str, Any], waiting: set[UUID]
) -> QuerySet[Case]:
    """The queue as the filter bar asks; without a state the open cases."""
    if wanted.get("q"):
        rows = rows.filter(reference=references.normalise(wanted["q"]) or "-")
    elif wanted.get("status"):
        rows = rows.filter(status=wanted["status"])
    else:
        rows = rows.exclude(status__in=[Status.CLOSED, Status.PURGED])
    if wanted.get("mine"):
        rows = rows.filter(id__in=waiting)
    return rows.prefetch_related("rights").order_by("-urgent", "due_on", "received_at", "id")


@at_desk
@require_GET
def case(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    _record_view(found, actor)
    return render(request, "desk/case.html", _case_context(found, actor))


def _case_context(found: Case, actor: Actor, **more: Any) -> dict[str, Any]:
    search = matching.latest_search(found.id)
    return {
        "case": found,
        "step": next_step(found, actor),
        "search": search,
        "probe": matching.latest_probe(found.id),
        "review": matching.current_review(found.id),
        "identity_form": IdentityForm(),
        "answer": disclosure.current_answer(found.id),
        "documents": Document.objects.filter(case_id=found.id).order_by("created_at"),
        "plan": erasure.current_plan(found.id),
        "plan_steps": erasure.steps(found.id),
        "words": _own_words(found),
        "checks": found.identity_checks.order_by("at"),
        "consents": found.consents.order_by("given_at"),
        "rights": [row.get_right_display() for row in found.rights.all()],
        "activity": _activity(found, actor),
        "authority_form": _authority_form(actor),
        "grants": open_grants_of(found.id),
        **more,
    }


def _authority_form(actor: Actor) -> AuthorityForm | None:
    if actor.role not in compliance_services.MAY_GRANT:
        return None
    return AuthorityForm(initial={"authority": settings.DSR_CONTROLLER["country"]})


def _own_words(found: Case) -> list[str]:
    """What the person wrote and gave to be found by."""
    if found.status == Status.PURGED:
        return []
    lines = [cases.note_of(found)]
    lines += [f"{way.label}: {way.text}" for way in cases.ways_of(found) if way.text]
    lines += [message.text for message in cases.messages_of(found) if message.direction == "in"]
    return [line for line in lines if line.strip()]


def _activity(found: Case, actor: Actor) -> list[dict[str, Any]]:
    """The trail in words. Decisions show neither to the other person nor here (R19)."""
    entries = []
    for event in audit.events_for_case(found.id):
        if event.type == "decision.made" and event.actor_id != actor.id:
            continue
        data = event.data
        if data is not None and event.type in sentences:
            text = sentences.get(event.type)(data)
            entries.append({"when": event.at, "text": text, "who": _who(event)})
    return entries[::-1]


def _who(event: Any) -> str:
    return event.actor_id if event.actor_kind == "staff" else ""


def _record_view(found: Case, actor: Actor) -> None:
    """Who looked at which case is part of the trail (law L-14)."""
    with unit_of_work():
        record("case.viewed", actor=actor, case_id=found.id)


@at_desk
@require_POST
def identity(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    form = IdentityForm(request.POST)
    if not form.is_valid():
        return render(
            request,
            "desk/case.html",
            _case_context(found, actor, identity_form=form, form=form),
            status=422,
        )
    changed = matching_services.record_identity(case_id=found.id, actor=actor, **form.cleaned_data)
    messages.success(
        request,
        _("Recorded. The case now has level %(level)s of %(required)s.")
        % {"level": changed.level, "required": changed.required_level},
    )
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def origin(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    matching_services.confirm_origin(case_id=found.id, actor=actor)
    messages.success(request, _("Recorded: you saw the original and the confirmed contact."))
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def take(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    review = _review(found)
    if review.state == "supervisor":
        matching_services.take_dispute(review_id=review.id, actor=actor)
    else:
        matching_services.take_review(review_id=review.id, actor=actor)
    return redirect("desk:compare", reference=reference)


def _review(found: Case) -> Any:
    review = matching.current_review(found.id)
    if review is None:
        raise NotFound("no_review", _("This case has nothing to compare yet."))
    return review


@at_desk
@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """One candidate at a time: look, say, see the band, confirm."""
    found = cases.case_for(staff_of(request), reference)
    review = _review(found)
    decisions = matching.own_decisions(review, actor)
    if matching.position_of(review, actor) is None:
        raise NotAllowed("not_your_turn", _("This case does not wait for you."))
    current = _chosen(decisions, request)
    if current is None:
        return render(
            request,
            "desk/finish.html",
            {"case": found, "review": review, "decisions": decisions},
        )
    if request.method == "POST":
        answer = _decide(request, actor, found, current)
        if answer is not None:
            return answer
        return redirect("desk:compare", reference=reference)
    form = _decision_form(current)
    return render(request, "desk/compare.html", _compare_context(found, decisions, current, form))


def _chosen(decisions: Any, request: HttpRequest) -> Decision | None:
    """The picture a form or link names, else the first undecided one."""
    named = request.POST.get("picture") or request.GET.get("picture") or ""
    for decision in decisions:
        if str(decision.id) == named:
            return decision
    return next((decision for decision in decisions if not decision.verdict), None)


def _decision_form(current: Decision) -> ViewForm:
    if not current.preliminary:
        return ViewForm()
    return ConfirmForm(initial={"decision": current.verdict or current.preliminary})


def _decide(
    request: HttpRequest, actor: Actor, found: Case, current: Decision
) -> HttpResponse | None:
    form = ConfirmForm(request.POST) if current.preliminary else ViewForm(request.POST)
    review = current.review
    problem = ""
    if form.is_valid():
        wanted = form.cleaned_data["decision"]
        try:
            if current.preliminary:
                matching_services.decide(
                    decision_id=current.id,
                    actor=actor,
                    verdict=wanted,
                    reason=form.cleaned_data["reason"],
                )
            else:
                matching_services.say_preliminary(
                    decision_id=current.id, actor=actor, verdict=wanted
                )
        except PortalError as error:
            problem = str(error.message)
            form.add_error("reason" if "reason" in form.fields else None, problem)
        else:
            return None
    decisions = matching.own_decisions(review, actor)
    context = _compare_context(found, decisions, current, form)
    return render(request, "desk/compare.html", context, status=422)


def _compare_context(
    found: Case, decisions: Any, current: Decision, form: ViewForm
) -> dict[str, Any]:
    facts = connector.current().facts(current.candidate.record.image_id)
    probe = matching.latest_probe(found.id)
    return {
        "case": found,
        "form": form,
        "current": current,
        "probe": probe,
        "number": [decision.id for decision in decisions].index(current.id) + 1,
        "total": len(decisions),
        "decisions": decisions,
        "band": matching.shown_band(current),
        "band_words": _band_words(matching.shown_band(current)),
        "facts": facts,
        "quality": connector.current().face(current.candidate.record_id),
        "supervising": current.position == Position.SUPERVISOR,
        "views": matching.both_views(current.review, _actor_of(current)).get(
            current.candidate_id, ("", "")
        ),
    }


def _actor_of(decision: Decision) -> Actor:
    return Actor(id=decision.officer, role=Role.SUPERVISOR, kind="staff")


def _band_words(band: Band | None) -> str:
    """What the band means; no figure is printed that this installation did not measure (R21)."""
    return {
        None: "",
        Band.STRONG: _("Strong: the two face codes are very alike. Look-alikes and relatives are."),
        Band.REVIEW: _("Review: alike enough to look. Strangers are expected here."),
        Band.BELOW: _("Below the threshold: the nearest ones, shown because nothing was above."),
    }[band]


@at_desk
@require_POST
def finish(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    review = matching_services.finish(review_id=_review(found).id, actor=actor)
    if matching.position_of(review, actor) is not None:
        messages.warning(
            request,
            _("One of the pictures you saw differently sends the others to you as well."),
        )
        return redirect("desk:compare", reference=reference)
    messages.success(request, _("Your part is done."))
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def answer(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Make the answer, or approve the one that is ready."""
    found = cases.case_for(staff_of(request), reference)
    current = disclosure.current_answer(found.id)
    if current is not None and current.state == "ready":
        disclosure_services.approve_answer(answer_id=current.id, actor=actor)
        messages.success(request, _("Approved. It leaves with the next daily batch."))
    else:
        disclosure_services.prepare_answer(case_id=found.id, actor=actor)
        messages.success(request, _("The answer is being made."))
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def open_to_authority(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Open the case to one authority for some days."""
    found = cases.case_for(staff_of(request), reference)
    form = AuthorityForm(request.POST)
    if not form.is_valid():
        context = _case_context(found, actor, authority_form=form, form=form)
        return render(request, "desk/case.html", context, status=422)
    until = clock.now() + timedelta(days=form.cleaned_data["days"])
    compliance_services.grant_case(
        case_id=found.id, authority_code=form.cleaned_data["authority"], until=until, actor=actor
    )
    messages.success(request, _("The authority can read this case now."))
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def start_erasure(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    erasure_services.start_erasure(case_id=found.id, actor=actor)
    messages.success(request, _("The plan is made. The hold window runs."))
    return redirect("desk:case", reference=reference)


@at_desk
@require_POST
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The daily batch, by hand."""
    sent = case_services.release_batch(actor=actor)
    messages.success(
        request,
        ngettext("%(sent)s answer left.", "%(sent)s answers left.", sent) % {"sent": sent},
    )
    return redirect("desk:queue")


# -- pictures and documents ----------------------------------------------------------------


@at_desk
@require_GET
def probe_picture(
    request: HttpRequest, actor: Actor, reference: str, probe_id: UUID
) -> HttpResponse:
    """The photo that was sent, for those who may compare."""
    found = cases.case_for(staff_of(request), reference)
    matching_services.require_reviewer(actor)
    probe = found.probes.filter(id=probe_id).exclude(state=ProbeState.DELETED).first()
    if probe is None:
        raise NotFound("no_probe", _("This photo is not there any more."))
    return HttpResponse(vault.read(probe.unit, "picture"), content_type="image/jpeg")


@at_desk
@require_GET
def face_picture(
    request: HttpRequest, actor: Actor, reference: str, decision_id: UUID
) -> HttpResponse:
    """The face of a candidate, for the person before whom it was laid."""
    found = cases.case_for(staff_of(request), reference)
    decision = (
        Decision.objects.filter(id=decision_id, review__case=found, officer=actor.id)
        .select_related("candidate__record")
        .first()
    )
    if decision is None:
        raise NotFound("no_decision", _("There is no such picture for you."))
    crop = vault.read(decision.candidate.record.unit, "crop")
    return HttpResponse(crop, content_type="image/jpeg")


@at_desk
@require_GET
def document(
    request: HttpRequest, actor: Actor, reference: str, document_id: UUID
) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    row = Document.objects.filter(id=document_id, case_id=found.id).first()
    if row is None:
        raise NotFound("no_document", _("There is no such document."))
    response = HttpResponse(documents.open_document(row.id), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{found.reference}-{row.kind}.pdf"'
    return response

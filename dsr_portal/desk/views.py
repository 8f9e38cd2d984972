"""The desk of privacy officers: queue, case, and what is done with it. No rules live here."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.roles import INTAKE, SENIOR
from dsr_portal.accounts.services import is_trained, staff_of
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import (
    alarms,
    arrivals,
    children,
    evidence_locks,
    exemptions,
    extensions,
    keeping,
    lateness,
    mail_desk,
    paper_packs,
    phone,
    recusals,
    refusals,
)
from dsr_portal.cases import selectors as cases
from dsr_portal.cases import services as case_services
from dsr_portal.cases.confirmations import waits_for_paper
from dsr_portal.cases.models import Case, Delivery, DeliveryState, LateReason
from dsr_portal.cases.states import OVER
from dsr_portal.compliance import order_alarms
from dsr_portal.compliance import selectors as compliance
from dsr_portal.compliance import services as compliance_services
from dsr_portal.core import clock, references
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound, PortalError
from dsr_portal.desk import wishing
from dsr_portal.desk.access import (
    MAY_OPEN_TO_AUTHORITY,
    REVIEWERS,
    at_desk,
    for_intake,
    for_openers_to_authority,
    for_reviewers,
    may_decide,
)
from dsr_portal.desk.clocking import clock_context
from dsr_portal.desk.comparing import review_of
from dsr_portal.desk.facts import case_facts, documents_for
from dsr_portal.desk.forms import (
    AuthorityForm,
    ConsentForm,
    IdentityForm,
    MessageForm,
    QueueForm,
)
from dsr_portal.desk.keeping import lock_page_open
from dsr_portal.desk.next_step import mandate_words, next_step
from dsr_portal.disclosure import correcting, lengthening, withholding
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure import services as disclosure_services
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.erasure import grounds as erasure_grounds
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure import services as erasure_services
from dsr_portal.jobs import selectors as jobs
from dsr_portal.matching import browsing, linking
from dsr_portal.matching import selectors as matching
from dsr_portal.matching import services as matching_services
from dsr_portal.matching.models import ReviewState, Search
from dsr_portal.matching.stopped import start_again
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import outgrowing

MOST_ROWS = 200
MOST_ALARMS = 50
LOOK_HOLDS = timedelta(minutes=30)
"""Looking again within this time, in the same session, is the same look for the trail (L-14)."""

GRANT = timedelta(days=90)


# -- the queue ----------------------------------------------------------------------------------


@at_desk
@require_GET
def queue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Open cases by due date, urgent ones first."""
    form = QueueForm(request.GET or None)
    wanted = form.cleaned_data if form.is_bound and form.is_valid() else {}
    waiting = matching.waiting_for(actor)
    untrained = not is_trained(staff_of(request))
    rows = _filtered(cases.visible_to(staff_of(request)), wanted, waiting)
    told = [] if untrained else alarms.mine(actor.id, most=MOST_ALARMS)
    context = {
        "form": form,
        "no_reference": bool(wanted.get("q")) and references.normalise(wanted["q"]) is None,
        "rows": rows[:MOST_ROWS],
        "total": rows.count(),
        # Whose training has run out sees how many there are and no more (P-17).
        "open_cases": Case.objects.exclude(status__in=OVER).count() if untrained else None,
        "waiting": waiting,
        "by_phone": set(phone.wishes()),
        "ready": Delivery.objects.filter(state=DeliveryState.READY).count(),
        "may_release": settings.DSR_DEMO and actor.role in REVIEWERS,
        "may_enter": actor.role in INTAKE,
        "alarms": told,
        "alarms_more": 0 if untrained else alarms.number_of_mine(actor.id) - len(told),
        "browsed": browsing.told_of(actor.id),
        "order_alarms": order_alarms.mine(actor.id),
        "late_now": lateness.late_now(),
        "late_reasons": [
            (LateReason(code).label if code else _("Not written down yet"), number)
            for code, number in sorted(lateness.counts().items())
        ],
        "untrained": untrained,
        "outgrown": outgrowing.words(outgrowing.standing()),
        "mails_waiting": jobs.mails_waiting(),
        "mails_failed": jobs.mails_failed(),
    }
    return render(request, "desk/queue.html", context)


def _filtered(rows: QuerySet[Case], wanted: dict[str, Any], waiting: set[UUID]) -> QuerySet[Case]:
    """The queue as the filter bar asks; without a state the open cases."""
    if wanted.get("q"):
        rows = rows.filter(reference=references.normalise(wanted["q"]) or "-")
    elif wanted.get("status"):
        rows = rows.filter(status=wanted["status"])
    else:
        rows = rows.exclude(status__in=OVER)
    if wanted.get("mine"):
        rows = rows.filter(id__in=waiting)
    return cases.in_queue_order(rows)


# -- a case -------------------------------------------------------------------------------------


@at_desk
@require_GET
def case(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    _record_look(request, found, actor)
    return _case_page(request, found, actor)


def _case_page(
    request: HttpRequest,
    found: Case,
    actor: Actor,
    *,
    identity: IdentityForm | None = None,
    consent: ConsentForm | None = None,
    message: MessageForm | None = None,
) -> HttpResponse:
    facts = case_facts(found, actor)
    context = {
        "facts": facts,
        "case": found,
        "identity_form": identity or IdentityForm(),
        "consent_form": consent or ConsentForm(initial={"channel": found.channel}),
        "message_form": message or MessageForm(),
        "settings_used": _settings_used(facts.search),
        "may_write": actor.role in REVIEWERS and found.status not in OVER,
        "form": identity or consent or message,
        "may_see_photo": may_decide(request),
        "may_stop": actor.role in REVIEWERS,
        "demo": settings.DSR_DEMO,
        "recused": actor.role in SENIOR and bool(recusals.in_force(found)),
        "paper_waits": found.status not in OVER and waits_for_paper(found),
        "proof_waits": found.proof_documents.filter(destroyed_at=None).exists(),
        "packs_wait": bool(paper_packs.waiting(found)),
        "call_wanted": phone.wanted(found),
        "call_waits": phone.waits(found),
        "mandate_waits": mandate_words(found),
        "is_child": children.is_child(found),
        **_authorities(found, actor),
        **clock_context(found, actor),
        "may_print": bool(found.opener) and actor.role in INTAKE and found.status not in OVER,
        "linked": cases.linked_cases(staff_of(request), found),
        "links": linking.links_of(staff_of(request), found),
        "may_link": actor.role in REVIEWERS and linking.why_not(found) is None,
        "mails": mail_desk.mails_of(found) if actor.role in INTAKE else (),
        "has_original": found.status not in OVER and cases.original_of(found) is not None,
        "may_refuse": actor.role in REVIEWERS and refusals.why_not(found) is None,
        "may_hold_back": actor.role in REVIEWERS and withholding.why_not(found) is None,
        "may_ground": actor.role in REVIEWERS and erasure_grounds.why_not(found) is None,
        "lock": evidence_locks.in_force(found.id),
        "kept": exemptions.standing(found),
        "kept_longer": keeping.reasons(found.id) if found.status in OVER else (),
        "may_lengthen": actor.role in REVIEWERS and lengthening.why_not(found) is None,
        "may_correct": actor.role in REVIEWERS
        and (correcting.why_not(found, actor) is None or found.corrections.exists()),
        "may_lock": actor.role in REVIEWERS and lock_page_open(found),
        "added_wishes": wishing.all_of(found),
        "more_time": actor.role in REVIEWERS and extensions.why_not(found) is None,
        "may_correct_day": actor.role in REVIEWERS and arrivals.why_not(found) is None,
    }
    return render(request, "desk/case.html", context, status=422 if context["form"] else 200)


def _settings_used(search: Search | None) -> list[tuple[str, str]]:
    """Open cases show under which versions their faces were compared (R34)."""
    if search is None or not search.compares:
        return []
    return policy.used_in_search(search.started_at)


def _authorities(found: Case, actor: Actor) -> dict[str, Any]:
    if actor.role not in MAY_OPEN_TO_AUTHORITY:
        return {}
    country = found.country or settings.DSR_CONTROLLER["country"]
    return {
        "authority_form": AuthorityForm(country=country),
        "grants": compliance.open_grants_of(found.id),
    }


def _record_look(request: HttpRequest, found: Case, actor: Actor) -> None:
    """Who looked at which case is part of the trail (law L-14)."""
    key, now = f"looked.{found.reference}", clock.now().timestamp()
    if now - request.session.get(key, 0) < LOOK_HOLDS.total_seconds():
        return
    with unit_of_work():
        record("case.viewed", actor=actor, case_id=found.id)
    request.session[key] = now


@at_desk
@require_GET
def progress(request: HttpRequest, actor: Actor, reference: str) -> JsonResponse:
    """For a page that waits for a worker: what it does, and where to go when it is done."""
    found = cases.case_for(staff_of(request), reference)
    step = next_step(found, actor)
    if step.machine:
        return JsonResponse({"words": step.text or step.title})
    page = reverse("desk:case", kwargs={"reference": found.reference})
    return JsonResponse({"location": page, "finished": True})


@for_reviewers
@require_POST
def identity(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    form = IdentityForm(request.POST)
    if not form.is_valid():
        return _case_page(request, found, actor, identity=form)
    try:
        changed = matching_services.record_identity(
            case_id=found.id,
            actor=actor,
            photos=request.POST.get("photos"),
            ways=_number(request.POST.get("ways")),
            **form.cleaned_data,
        )
    except PortalError as error:
        form.add_error("element" if form.cleaned_data["element"] else "way", error.message)
        return _case_page(request, found, actor, identity=form)
    messages.success(
        request,
        _("Recorded. The case now has level %(level)s of %(required)s.")
        % {"level": changed.level, "required": changed.required_level},
    )
    return redirect("desk:case", reference=found.reference)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


@for_intake
@require_POST
def consent(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _case_page(request, found, actor, consent=form)
    matching_services.record_consent(case_id=found.id, actor=actor, **form.cleaned_data)
    messages.success(request, _("Recorded. The photo is being checked."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def message(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Write to the person; nothing waits for what they say to it."""
    found = cases.case_for(staff_of(request), reference)
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _case_page(request, found, actor, message=form)
    case_services.send_message(case_id=found.id, actor=actor, text=form.cleaned_data["text"])
    messages.success(request, _("Sent. The person reads it on the page of their request."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def origin(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    matching_services.confirm_origin(case_id=found.id, actor=actor)
    messages.success(request, _("Recorded: you saw the original and the confirmed contact."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def again(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Start what failed for good again: a photo's check, a search, the checks of an erasure."""
    found = cases.case_for(staff_of(request), reference)
    plan = erasure.current_plan(found.id)
    if plan is not None and erasure.checks_failed(plan):
        erasure_services.verify_again(plan_id=plan.id, actor=actor)
    else:
        start_again(case_id=found.id, actor=actor)
    messages.success(request, _("Started again."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def take(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    review = review_of(found)
    if review.state == ReviewState.SUPERVISOR:
        matching_services.take_dispute(review_id=review.id, actor=actor)
    else:
        matching_services.take_review(review_id=review.id, actor=actor)
    return redirect("desk:compare", reference=found.reference)


@for_reviewers
@require_POST
def answer(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Make the answer, or approve the one that is ready."""
    found = cases.case_for(staff_of(request), reference)
    current = disclosure.current_answer(found.id)
    if current is not None and current.state == AnswerState.READY:
        disclosure_services.approve_answer(answer_id=current.id, actor=actor)
        messages.success(request, _("Approved. It leaves with the next daily batch."))
    else:
        try:
            disclosure_services.prepare_answer(case_id=found.id, actor=actor)
        except Conflict as error:
            if error.code != "search_repeats":
                raise
            messages.info(request, str(error.message))
        else:
            messages.success(request, _("The answer is being made."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def hold(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Stop an erasure in its hold window or, in the demo, end that window now."""
    found = cases.case_for(staff_of(request), reference)
    plan = erasure.current_plan(found.id)
    if plan is None:
        raise NotFound("no_plan", _("No erasure was started in this case."))
    if request.POST.get("do") == "stop":
        erasure_services.stop_plan(plan_id=plan.id, actor=actor)
        messages.success(request, _("Stopped. Nothing was erased."))
    elif settings.DSR_DEMO:
        erasure_services.end_hold(plan_id=plan.id, actor=actor)
        messages.success(request, _("The hold window is over. The erasure begins."))
    return redirect("desk:case", reference=found.reference)


@for_openers_to_authority
@require_POST
def open_to_authority(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    form = AuthorityForm(request.POST)
    if not form.is_valid():
        raise NotFound("no_authority", _("There is no authority with this code."))
    until = clock.now() + GRANT
    compliance_services.grant_case(
        case_id=found.id,
        authority_code=form.cleaned_data["authority"],
        until=until,
        actor=actor,
    )
    messages.success(request, _("The authority can read this case for 90 days."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The daily batch by hand: in the demo only, elsewhere it leaves at its hour (R3)."""
    if not settings.DSR_DEMO:
        raise Http404
    sent = case_services.release_batch(actor=actor)
    messages.success(
        request,
        ngettext("%(sent)s answer left.", "%(sent)s answers left.", sent) % {"sent": sent},
    )
    if recusals.keep_answers(staff_of(request)):
        messages.warning(
            request,
            _(
                "An answer waits that you can't send: it is of a request you don't work on. "
                "A colleague can."
            ),
        )
    return redirect("desk:queue")


@at_desk
@require_GET
def document(request: HttpRequest, actor: Actor, reference: str, document_id: UUID) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    row = documents_for(found, actor).filter(id=document_id).first()
    if row is None:
        raise NotFound("no_document", _("There is no such document."))
    response = HttpResponse(documents.open_document(row.id), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{found.reference}-{row.kind}.pdf"'
    return response

"""Breaches at the desk: the register, the clock of 72 hours, notices and letters (Art. 33, 34)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import recusals
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import Breach
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed, NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import at_desk, for_listers, for_orders
from dsr_portal.desk.authority_forms import (
    BreachForm,
    FactsForm,
    NoticeForm,
    NotifiedForm,
    SpareForm,
    TellForm,
    TurnDownForm,
)


@at_desk
@require_GET
def register(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every breach, notified or not (Art. 33(5))."""
    rows = [(one, *breaches.clock_words(one)) for one in breaches.register(staff_of(request))]
    return render(request, "desk/breaches.html", {"breaches": rows})


@at_desk
@require_http_methods(["GET", "POST"])
def open_breach(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = BreachForm(request.POST or None, initial={"reference": request.GET.get("case", "")})
    if request.method == "POST" and form.is_valid():
        try:
            made = breaches.open_breach(actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("In the register. Write down the facts next."))
            return redirect("desk:breach", breach_id=made.id)
    status = 422 if form.errors else 200
    return render(request, "desk/breach_new.html", {"form": form}, status=status)


@at_desk
@require_GET
def breach(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    return _page(request, actor, breaches.by_id(breach_id))


def _page(request: HttpRequest, actor: Actor, row: Breach, **more: Any) -> HttpResponse:
    breaches.require_free(row, actor)
    words, tone = breaches.clock_words(row)
    facts = breaches.facts_of(row)
    context = {
        "breach": row,
        "facts": facts,
        "due_at": breaches.due_at(row),
        "clock_words": words,
        "clock_tone": tone,
        "missing": breaches.missing_for_notice(row),
        "left": breaches.left_to_do(row) if row.closed_at is None else [],
        "to_leave": _to_leave(request, row),
        "decisions": [
            (one, *breaches.reasons_of(one), one.proposed_by != actor.id, _turn_form(one.id, more))
            for one in row.decisions.select_related("breach").order_by("proposed_at")
        ],
        "letters": row.letters.exclude(
            case__in=recusals.kept_from(staff_of(request))
        ).select_related("case", "letter"),
        "is_open": row.closed_at is None,
        "may_notify": actor.role in breaches.MAY_NOTIFY,
        "may_spare": actor.role in breaches.MAY_SPARE,
        "may_answer_again": actor.role in breaches.MAY_SPARE and breaches.may_answer_again(row),
        "is_late": clock.now() > breaches.due_at(row),
        "facts_form": FactsForm(initial={**facts, "people": row.people, "records": row.records}),
        "notice_form": NoticeForm(),
        "notified_form": NotifiedForm(),
        "tell_form": TellForm(),
        "spare_form": SpareForm(),
        "turn_form": None,
        **more,
    }
    refused = any(isinstance(one, PlainForm) and one.errors for one in more.values())
    return render(request, "desk/breach.html", context, status=422 if refused else 200)


def _to_leave(request: HttpRequest, row: Breach) -> list[tuple[str, str]]:
    """Reference and words of what has not left; no reference of a request this person must not
    work on (X-09)."""
    if row.closed_at is not None:
        return []
    hidden = set(recusals.kept_from(staff_of(request)).values_list("id", flat=True))
    owed = breaches.still_to_leave(row)
    return [("" if one.case.id in hidden else one.case.reference, one.words) for one in owed]


def _turn_form(decision_id: UUID, more: dict[str, Any]) -> TurnDownForm:
    """One for each proposal, with ids of its own; the one that was sent and refused keeps words."""
    sent = more.get("turn_form")
    if isinstance(sent, TurnDownForm) and sent.about == decision_id:
        return sent
    return TurnDownForm(about=decision_id)


def _sent(
    request: HttpRequest,
    actor: Actor,
    breach_id: UUID,
    form: PlainForm,
    act: Callable[..., object],
    *,
    name: str,
    words: str,
) -> HttpResponse:
    """Carry a form of the page out; what stands in the way is said above it."""
    if form.is_valid():
        try:
            act(breach_id=breach_id, actor=actor, **form.cleaned_data)
        except (NotFound, NotAllowed):
            raise
        except PortalError as error:
            form.add_error(None, error.message)
    if not form.is_valid():
        return _page(request, actor, breaches.by_id(breach_id), **{name: form})
    messages.success(request, words)
    return redirect("desk:breach", breach_id=breach_id)


@at_desk
@require_POST
def describe(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    form = FactsForm(request.POST)
    said = _("Written down.")
    return _sent(request, actor, breach_id, form, breaches.describe, name="facts_form", words=said)


@for_orders
@require_POST
def make_notice(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    form = NoticeForm(request.POST)
    said = _("The notice is made. Hand it to the authority and note when.")
    return _sent(
        request, actor, breach_id, form, breaches.make_notice, name="notice_form", words=said
    )


@at_desk
@require_GET
def notice(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    pdf = breaches.notice_of(breach_id=breach_id, actor=actor)
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="breach-notice.pdf"'
    return response


@for_orders
@require_POST
def notified(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    form = NotifiedForm(request.POST)
    return _sent(
        request,
        actor,
        breach_id,
        form,
        breaches.record_notified,
        name="notified_form",
        words=_("Noted."),
    )


@for_orders
@require_POST
def tell(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    form = TellForm(request.POST)
    said = _("The letter leaves now.")
    return _sent(
        request, actor, breach_id, form, breaches.tell_person, name="tell_form", words=said
    )


@for_listers
@require_POST
def spare(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    form = SpareForm(request.POST)
    said = _("Proposed. It counts when another person agrees.")
    return _sent(
        request, actor, breach_id, form, breaches.propose_spare, name="spare_form", words=said
    )


@for_listers
@require_POST
def agree(request: HttpRequest, actor: Actor, decision_id: UUID) -> HttpResponse:
    row = breaches.agree_spare(decision_id=decision_id, actor=actor)
    messages.success(request, _("Agreed."))
    return redirect("desk:breach", breach_id=row.breach_id)


@for_listers
@require_POST
def turn_down(request: HttpRequest, actor: Actor, decision_id: UUID) -> HttpResponse:
    """No, and why; what was typed stays beside what stands in the way."""
    row = breaches.decision(decision_id)
    form = TurnDownForm(request.POST, about=decision_id)
    if form.is_valid():
        try:
            breaches.turn_down_spare(decision_id=decision_id, actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error("reason", error.message)
    if not form.is_valid():
        return _page(request, actor, row.breach, turn_form=form)
    messages.success(request, _("Turned down. Another proposal can be made."))
    return redirect("desk:breach", breach_id=row.breach_id)


@for_listers
@require_POST
def answer_again(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    """The request is opened again: who was shown somebody else is owed an answer."""
    breaches.answer_again(breach_id=breach_id, actor=actor)
    messages.success(request, _("The request is open again and is answered anew."))
    return redirect("desk:breach", breach_id=breach_id)


@for_listers
@require_POST
def close(request: HttpRequest, actor: Actor, breach_id: UUID) -> HttpResponse:
    breaches.close(breach_id=breach_id, actor=actor)
    messages.success(request, _("Closed. It stays in the register."))
    return redirect("desk:breach", breach_id=breach_id)

"""Orders of authorities at the desk: list, one order, its measures and how it ends (R23)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import recusals
from dsr_portal.compliance import collection, measures, order_alarms, orders
from dsr_portal.compliance.models import Measure, Order, OrderState
from dsr_portal.compliance.orders import Served
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_orders
from dsr_portal.desk.authority_forms import (
    ChallengeForm,
    DayForm,
    DecisionForm,
    EvidenceForm,
    MeasureForm,
    OrderForm,
)
from dsr_portal.law import authorities
from dsr_portal.vault import services as vault


@for_orders
@require_GET
def orders_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    rows = [(one, _authority(one), _penalty(one)) for one in orders.all_orders()]
    told = order_alarms.mine(actor.id)
    return render(request, "desk/orders.html", {"orders": rows, "order_alarms": told})


def _authority(order: Order) -> str:
    known = authorities.all_authorities().get(order.authority_code)
    return known.short or known.name if known else order.authority_code


def _penalty(order: Order) -> dict[str, Any]:
    """The penalty clock: days over the written date and what they come to."""
    return {"amount": orders.penalty_so_far(order), "days": orders.days_over(order)}


@for_orders
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = OrderForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = orders.enter(served=Served(**form.cleaned_data), actor=actor)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Kept. Write down next what it asks for."))
            return redirect("desk:order", order_id=made.id)
    status = 422 if form.errors else 200
    return render(request, "desk/order_new.html", {"form": form}, status=status)


@for_orders
@require_GET
def order(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    return _page(request, actor, orders.by_id(order_id))


def _page(request: HttpRequest, actor: Actor, row: Order, **more: Any) -> HttpResponse:
    names = orders.names()
    is_open = row.state == OrderState.OPEN
    away = set(recusals.kept_from(staff_of(request)).values_list("id", flat=True))
    context = {
        "order": row,
        "authority": _authority(row),
        "owner": names.get(row.owner, row.owner),
        "complied_by": names.get(row.complied_by, row.complied_by),
        "penalty": _penalty(row),
        "measures": [_shown(one, row, names, away) for one in _measures(row)],
        "has_evidence": vault.has(row.unit, orders.EVIDENCE),
        "is_open": is_open,
        "may_end": orders.may_end(row),
        "in_the_way": orders.stands_in_the_way(row) if is_open else "",
        "director": actor.role == Role.DIRECTOR,
        "measure_form": MeasureForm(),
        "evidence_form": EvidenceForm(),
        "challenge_form": ChallengeForm(),
        "end_form": DecisionForm(),
        "day_form": DayForm(),
        **more,
    }
    refused = any(isinstance(one, PlainForm) and one.errors for one in more.values())
    return render(request, "desk/order.html", context, status=422 if refused else 200)


def _measures(row: Order) -> list[Measure]:
    return list(row.measures.order_by("added_at", "id").prefetch_related("cases__case"))


def _shown(one: Measure, row: Order, names: dict[str, str], away: set[UUID]) -> dict[str, Any]:
    """`away`: the requests whoever reads must not work on, which are not named to them (X-09)."""
    one.order = row
    scoped = measures.needs_signature(one)
    return {
        "row": one,
        "ordered": vault.read_json(row.unit, one.field) if vault.has(row.unit, one.field) else "",
        "words": measures.words(one, names),
        "settled": measures.settled(one),
        "cases": [named.case for named in one.cases.all() if named.case_id not in away],
        "scope": collection.words_of(measures.scope_of(one)) if scoped else "",
        "to_sign": scoped and not one.signed_by,
        "to_state": not measures.is_covered(one) and not one.stated_by,
    }


def _sent(
    request: HttpRequest,
    actor: Actor,
    order_id: UUID,
    form: PlainForm,
    act: Callable[[], object],
    *,
    name: str,
    words: str,
) -> HttpResponse:
    """Carry a form of the order's page out; what stands in the way is said above it."""
    if form.is_valid():
        try:
            act()
        except NotFound:
            raise
        except PortalError as error:
            form.add_error(None, error.message)
    if not form.is_valid():
        return _page(request, actor, orders.by_id(order_id), **{name: form})
    messages.success(request, words)
    return redirect("desk:order", order_id=order_id)


@for_orders
@require_POST
def add_measure(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    form = MeasureForm(request.POST)
    return _sent(
        request,
        actor,
        order_id,
        form,
        lambda: orders.add_measure(order_id=order_id, actor=actor, **form.cleaned_data),
        name="measure_form",
        words=_("Written down. It is being checked."),
    )


@for_orders
@require_POST
def act(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    """One button of the page: check again, sign a scope, state what no check covers."""
    what, measure = request.POST.get("do", ""), request.POST.get("measure", "")
    if what == "check":
        orders.check_now(order_id=order_id, actor=actor)
        messages.success(request, _("Being checked. Look again in a moment."))
        return redirect("desk:order", order_id=order_id)
    try:
        measure_id = UUID(measure)
    except ValueError:
        raise NotFound("no_measure", _("There is no such measure.")) from None
    if what == "sign":
        orders.sign_scope(measure_id=measure_id, actor=actor)
        messages.success(request, _("Signed. It is in force now."))
    else:
        orders.state_done(measure_id=measure_id, actor=actor)
        messages.success(request, _("Stated in your name. It prints as not checked."))
    return redirect("desk:order", order_id=order_id)


@for_orders
@require_POST
def comply(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    form = EvidenceForm(request.POST, request.FILES)
    return _sent(
        request,
        actor,
        order_id,
        form,
        lambda: orders.comply(
            order_id=order_id, evidence=form.cleaned_data["evidence"], actor=actor
        ),
        name="evidence_form",
        words=_("Signed as complied with. The checks go on every week."),
    )


@for_orders
@require_POST
def challenge(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    form = ChallengeForm(request.POST)
    return _sent(
        request,
        actor,
        order_id,
        form,
        lambda: orders.challenge(order_id=order_id, actor=actor, **form.cleaned_data),
        name="challenge_form",
        words=_("Noted. The date of the order stays."),
    )


@for_orders
@require_POST
def end(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    form = DecisionForm(request.POST)
    return _sent(
        request,
        actor,
        order_id,
        form,
        lambda: orders.end(order_id=order_id, actor=actor, **form.cleaned_data),
        name="end_form",
        words=_("Ended. A stop of collection it brought stays until two persons lift it."),
    )


@for_orders
@require_POST
def acknowledge(request: HttpRequest, actor: Actor, order_id: UUID) -> HttpResponse:
    form = DayForm(request.POST)
    return _sent(
        request,
        actor,
        order_id,
        form,
        lambda: orders.acknowledge(order_id=order_id, actor=actor, **form.cleaned_data),
        name="day_form",
        words=_("Noted."),
    )


@for_orders
@require_GET
def file(request: HttpRequest, actor: Actor, order_id: UUID, field: str) -> HttpResponse:
    """The order or the evidence, unopened, to be saved (R28)."""
    data = orders.file_of(order_id=order_id, field=field, actor=actor)
    response = HttpResponse(data, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{field}.bin"'
    return response

"""How long orders and breaches are kept, what keeps them longer, and inspections (law L-23)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.compliance import breaches, orders, retention
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.desk.access import for_listers, for_orders
from dsr_portal.desk.authority_forms import HoldForm
from dsr_portal.law import authorities
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import DEFINITIONS


@for_orders
@require_GET
def kept(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, HoldForm())


def _page(request: HttpRequest, actor: Actor, form: HoldForm) -> HttpResponse:
    named = (retention.ORDER_YEARS, retention.BREACH_YEARS)
    context = {
        "terms": [(DEFINITIONS[one], int(policy.current(one))) for one in named],
        "orders": [
            (one, authorities.get(one.authority_code).short, retention.order_kept(one))
            for one in orders.all_orders()
        ],
        "breaches": [
            (one, retention.breach_kept(one)) for one in breaches.register(staff_of(request))
        ],
        "holds": [(one, authorities.get(one.authority_code).short) for one in retention.holds()],
        "may_settle": actor.role in breaches.MAY_SPARE,
        "form": form,
    }
    return render(request, "desk/kept.html", context, status=422 if form.errors else 200)


@for_orders
@require_POST
def hold(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = HoldForm(request.POST)
    if form.is_valid():
        try:
            retention.hold(actor=actor, **form.said())
        except BadInput as error:
            form.add_error("reference", error.message)
    if not form.is_valid():
        return _page(request, actor, form)
    messages.success(request, _("Held. Nothing comes to its end while the authority inspects."))
    return redirect("desk:kept")


@for_listers
@require_POST
def settle(request: HttpRequest, actor: Actor, hold_id: UUID) -> HttpResponse:
    """Propose that an inspection is over, agree as another person, or turn that down."""
    act, said = {
        "agree": (retention.agree_end, _("The hold has ended.")),
        "no": (retention.turn_down_end, _("Turned down. The hold stays.")),
    }.get(
        request.POST.get("do", ""),
        (retention.propose_end, _("Proposed. It counts when another person agrees.")),
    )
    act(hold_id=hold_id, actor=actor)
    messages.success(request, said)
    return redirect("desk:kept")

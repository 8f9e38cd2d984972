"""Stops of collection at the desk: set by one person, lifted by two (R23, R19)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.compliance import collection
from dsr_portal.compliance.models import StopReason
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.desk.access import at_desk, for_listers
from dsr_portal.desk.authority_forms import LiftForm, StopForm
from dsr_portal.gallery.models import CollectionStop


@at_desk
@require_GET
def stops(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor)


def _page(request: HttpRequest, actor: Actor, **more: Any) -> HttpResponse:
    context = {
        "stops": [
            (one, _words(one), one.lifts.filter(decided_at=None).first())
            for one in collection.in_force()
        ],
        "lifted": [(one, _words(one)) for one in collection.lifted()],
        "may_stop": actor.role in collection.MAY_STOP,
        "staff_no": actor.id,
        "stop_form": StopForm(),
        "lift_form": LiftForm(),
        **more,
    }
    refused = any(getattr(one, "errors", None) for one in more.values())
    return render(request, "desk/collection.html", context, status=422 if refused else 200)


def _words(row: CollectionStop) -> tuple[str, str]:
    """What a stop covers and why it was set."""
    known = dict(StopReason.choices)
    return collection.words_of(row), str(known.get(row.reason_code, row.reason_code))


@for_listers
@require_POST
def stop(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = StopForm(request.POST)
    if form.is_valid():
        try:
            collection.stop(actor=actor, **form.cleaned_data)
        except PortalError as error:
            named = {"stop_country": "country", "stop_language": "language"}
            form.add_error(named.get(error.code), error.message)
    if not form.is_valid():
        return _page(request, actor, stop_form=form)
    messages.success(request, _("Stopped. Imports refuse these pictures from now on."))
    return redirect("desk:collection")


@for_listers
@require_POST
def propose_lift(request: HttpRequest, actor: Actor, stop_id: UUID) -> HttpResponse:
    form = LiftForm(request.POST)
    if form.is_valid():
        try:
            collection.propose_lift(stop_id=stop_id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("reason", error.message)
    if not form.is_valid():
        return _page(request, actor, lift_form=form, lifting=stop_id)
    messages.success(request, _("Proposed. Nothing changes before another person agrees."))
    return redirect("desk:collection")


@for_listers
@require_POST
def decide_lift(request: HttpRequest, actor: Actor, lift_id: UUID) -> HttpResponse:
    if request.POST.get("do") == "agree":
        collection.agree_lift(lift_id=lift_id, actor=actor)
        messages.success(request, _("Lifted. Imports run again, and the DPO is told."))
    else:
        collection.turn_down_lift(lift_id=lift_id, actor=actor)
        messages.success(request, _("Turned down. The stop stays."))
    return redirect("desk:collection")

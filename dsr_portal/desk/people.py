"""Accounts at the desk: each change is proposed by one person and approved by another (R19)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts import roster, services
from dsr_portal.accounts.models import ProposalKind
from dsr_portal.accounts.services import staff_of
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_listers
from dsr_portal.desk.forms import AccountChangeForm, NewAccountForm, TrainingForm


@for_listers
@require_GET
def people(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor)


def _page(request: HttpRequest, actor: Actor, **more: Any) -> HttpResponse:
    context = {
        "staff": roster.staff(),
        "proposals": [
            (one, actor.id not in {one.proposed_by.staff_no, one.staff_no})
            for one in roster.proposals()
        ],
        "account_form": NewAccountForm(prefix="new"),
        "change_form": AccountChangeForm(prefix="change"),
        "training_form": TrainingForm(prefix="training"),
        **more,
    }
    refused = any(isinstance(one, PlainForm) and one.errors for one in more.values())
    return render(request, "desk/people.html", context, status=422 if refused else 200)


def _done(form: PlainForm, act: Callable[[], object]) -> bool:
    """Carry it out when the form is filled in; what stands in the way is said above the form."""
    if not form.is_valid():
        return False
    try:
        act()
    except PortalError as error:
        form.add_error(None, str(error.message))
        return False
    return True


@for_listers
@require_POST
def propose_account(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = NewAccountForm(request.POST, prefix="new")
    by = staff_of(request)
    if not _done(form, lambda: services.propose_staff(by=by, **form.cleaned_data)):
        return _page(request, actor, account_form=form)
    messages.success(request, _("Proposed. The account is made when another person approves."))
    return redirect("desk:people")


@for_listers
@require_POST
def propose_change(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = AccountChangeForm(request.POST, prefix="change")
    by = staff_of(request)

    def act() -> None:
        said = form.cleaned_data
        services.propose_change(
            by=by,
            staff=services.staff_by_number(said["staff_no"]),
            kind=ProposalKind(said["kind"]),
            role=said["role"],
        )

    if not _done(form, act):
        return _page(request, actor, change_form=form)
    messages.success(request, _("Proposed. Nothing changes before another person approves."))
    return redirect("desk:people")


@for_listers
@require_POST
def training(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Note until when somebody else is trained: who is not may not decide (P-17)."""
    form = TrainingForm(request.POST, prefix="training")
    by = staff_of(request)

    def act() -> None:
        whom = services.staff_by_number(form.cleaned_data["staff_no"])
        services.set_training(by=by, staff=whom, until=form.cleaned_data["until"])

    if not _done(form, act):
        return _page(request, actor, training_form=form)
    messages.success(request, _("Noted."))
    return redirect("desk:people")


@for_listers
@require_POST
def decide(request: HttpRequest, actor: Actor, proposal_id: UUID) -> HttpResponse:
    """The second person; of a new account the link to choose a password is shown once."""
    by, waiting = staff_of(request), roster.proposal(proposal_id)
    if request.POST.get("do") != "approve":
        services.refuse_staff(by=by, proposal=waiting)
        messages.success(request, _("Refused. Nothing changes."))
        return redirect("desk:people")
    made = services.approve_staff(by=by, proposal=waiting)
    if waiting.kind == ProposalKind.CREATE:
        return _page(request, actor, link=services.start_link(made), link_for=made.staff_no)
    messages.success(request, _("Approved. It is in force now."))
    return redirect("desk:people")

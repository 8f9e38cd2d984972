"""Pictures locked of the controller's own accord, and using them again by two persons (R6, R19)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.authority_forms import UnlockForm
from dsr_portal.disclosure import own_locks


@for_reviewers
@require_GET
def every(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, UnlockForm())


def _page(request: HttpRequest, actor: Actor, form: UnlockForm, **more: Any) -> HttpResponse:
    rows = own_locks.standing(staff_of(request))
    context = {"rows": rows, "form": form, "staff_no": actor.id, **more}
    status = 422 if form.errors else 200
    return render(request, "desk/own_locks.html", context, status=status)


@for_reviewers
@require_POST
def propose(request: HttpRequest, actor: Actor, verdict_id: UUID) -> HttpResponse:
    form = UnlockForm(request.POST)
    if form.is_valid():
        try:
            own_locks.propose(verdict_id=verdict_id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("reason", error.message)
    if not form.is_valid():
        return _page(request, actor, form, about=verdict_id)
    messages.success(request, _("Proposed. Nothing changes before another person agrees."))
    return redirect("desk:own_locks")


@for_reviewers
@require_POST
def decide(request: HttpRequest, actor: Actor, unlock_id: UUID) -> HttpResponse:
    if request.POST.get("do") == "agree":
        row = own_locks.agree(unlock_id=unlock_id, actor=actor)
        if own_locks.is_used(row):
            messages.success(request, _("Unlocked. It is used and searched again."))
        else:
            messages.warning(
                request,
                _("This lock is lifted. The picture stays locked: something else keeps it so."),
            )
    else:
        own_locks.turn_down(unlock_id=unlock_id, actor=actor)
        messages.success(request, _("It stays locked."))
    return redirect("desk:own_locks")

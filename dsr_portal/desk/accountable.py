"""The register of accountable persons: read by everybody at the desk, named by directors (G-01)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.compliance import accountability
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.desk.access import at_desk
from dsr_portal.desk.authority_forms import AccountableForm


@at_desk
@require_GET
def register(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, AccountableForm())


def _page(request: HttpRequest, actor: Actor, form: AccountableForm) -> HttpResponse:
    context = {
        "lines": accountability.register(),
        "waiting": accountability.waiting(),
        "history": accountability.history(),
        "orphans": len(accountability.orphans()),
        "may_name": actor.role == Role.DIRECTOR,
        "form": form,
    }
    return render(request, "desk/accountable.html", context, status=422 if form.errors else 200)


@at_desk
@require_POST
def name(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Name a person; it counts once they agreed."""
    form = AccountableForm(request.POST)
    if form.is_valid():
        try:
            accountability.name(actor=actor, **form.cleaned_data)
        except PortalError as error:
            if error.code == "director_names":
                raise
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Named. It counts once that person agreed."))
            return redirect("desk:accountable")
    return _page(request, actor, form)


@at_desk
@require_POST
def settle(request: HttpRequest, actor: Actor, row_id: UUID) -> HttpResponse:
    """Agree to an entry, or end one."""
    if request.POST.get("do") == "end":
        accountability.end(row_id=row_id, actor=actor)
        messages.success(request, _("Ended with today."))
    else:
        accountability.agree(row_id=row_id, actor=actor)
        messages.success(request, _("Agreed. The register shows it."))
    return redirect("desk:accountable")

"""Help at the desk: what the search is for, what it can't, and the statement on the ban of the
AI Act's Art. 5(1)(e) (AI-02, AI-06)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.compliance import ai_act
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.desk.access import at_desk, for_governance
from dsr_portal.desk.governance_forms import BanForm


@at_desk
@require_GET
def ai(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, BanForm())


def _page(request: HttpRequest, actor: Actor, form: BanForm) -> HttpResponse:
    context = {
        "items": ai_act.items(),
        "statement": ai_act.statement_words(),
        "unsigned": ai_act.unsigned(),
        "may_state": actor.role in ai_act.MAY_STATE,
        "is_director": actor.role == Role.DIRECTOR,
        "form": form,
    }
    return render(request, "desk/ai_act.html", context, status=422 if form.errors else 200)


@for_governance
@require_POST
def statement(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Write the statement."""
    form = BanForm(request.POST)
    if form.is_valid():
        try:
            ai_act.state(actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Written. It counts once a director signs it."))
            return redirect("desk:ai_act")
    return _page(request, actor, form)


@for_governance
@require_POST
def sign(request: HttpRequest, actor: Actor, statement_id: UUID) -> HttpResponse:
    """Sign what a colleague wrote."""
    ai_act.sign(statement_id=statement_id, actor=actor)
    messages.success(request, _("Signed. Audit reports print it from now on."))
    return redirect("desk:ai_act")

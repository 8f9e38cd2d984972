"""Who must not work on a request: said at its page, lifted by a supervisor (law X-09)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import recusals
from dsr_portal.cases import selectors as cases
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.desk.access import at_the_door, for_seniors
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import LiftRecusalForm
from dsr_portal.matching import recusing


@at_the_door
@require_POST
def recuse(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """One press: it is this person's own, or of somebody they know; nobody asks which.

    Also of whom no page of it opens, for their training has run out: it shows nothing.
    """
    found = cases.by_reference(reference)
    if found is None:
        raise NotFound("no_case", _("There is no such case."))
    recusing.recuse(case_id=found.id, actor=actor)
    messages.success(
        request,
        _("You do not work on %(reference)s any more. A colleague does.")
        % {"reference": found.reference},
    )
    return redirect("desk:queue")


@for_seniors
@require_http_methods(["GET", "POST"])
def standing(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Who took themselves off a request, and the form with which that is lifted."""
    found = cases.case_for(staff_of(request), reference)
    rows = recusals.in_force(found)
    form = LiftRecusalForm(request.POST or None, rows=rows)

    def act() -> None:
        recusals.lift(
            case_id=found.id,
            recusal_id=UUID(form.cleaned_data["who"]),
            actor=actor,
            reason=form.cleaned_data["reason"],
        )

    if request.method == "POST" and not rows:
        raise NotFound("no_recusal", _("Nobody took themselves off this request."))
    if done(request, form, act, _("Lifted. They may work on it again.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/recusals.html", found, form, rows=rows)

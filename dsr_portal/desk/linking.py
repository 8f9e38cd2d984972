"""Linking two requests by hand, and taking that back; each stays a request of its own (R-05)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import LinkForm
from dsr_portal.matching import linking


@for_reviewers
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Name the other request and why the two belong together."""
    staff = staff_of(request)
    found = cases.case_for(staff, reference)
    form = LinkForm(request.POST or None)

    def act() -> None:
        linking.link(case_id=found.id, actor=actor, staff=staff, **form.cleaned_data)

    if done(request, form, act, _("Linked. Both stay requests of their own.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/link.html", found, form, not_yet=linking.why_not(found))


@for_reviewers
@require_POST
def unlink(request: HttpRequest, actor: Actor, reference: str, link_id: UUID) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    linking.unlink(case_id=found.id, link_id=link_id, actor=actor)
    messages.success(request, _("The link is taken back."))
    return redirect("desk:case", reference=found.reference)

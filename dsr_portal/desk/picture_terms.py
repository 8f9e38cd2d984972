"""How long pictures of each source are kept, what ends when, and what waits (N-08, A-16).

A term is changed here as on the command line: one person proposes, the data protection officer
advises, another person puts it in force (R34). The services ask all of it again.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.desk.access import for_advice, for_changes, for_orders
from dsr_portal.desk.governance_forms import TermForm
from dsr_portal.erasure import term_ends
from dsr_portal.erasure.term_ends import Ends
from dsr_portal.gallery import terms
from dsr_portal.gallery.models import Source
from dsr_portal.policy import selectors as changes
from dsr_portal.policy import services as policy
from dsr_portal.policy.models import Setting


@dataclass(frozen=True, slots=True)
class Row:
    """One source on the page: its counts, its term in words, what is proposed, and the form."""

    ends: Ends
    period: str
    waiting: list[Setting]
    form: TermForm


@for_orders
@require_GET
def gallery_terms(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor)


@for_changes
@require_POST
def propose_term(request: HttpRequest, actor: Actor, source_id: UUID) -> HttpResponse:
    source = Source.objects.filter(id=source_id).first()
    if source is None:
        raise NotFound("no_source", _("There is no such source."))
    form = TermForm(request.POST, auto_id=_ids(source_id))
    if form.is_valid():
        try:
            policy.propose(actor=actor, name=terms.setting_of(source_id), **form.said())
        except PortalError as error:
            form.add_error("days", error.message)
    if not form.is_valid():
        return _page(request, actor, about=source_id, filled=form)
    messages.success(
        request, _("Proposed. Nothing changes before the advice and another person's word.")
    )
    return redirect("desk:gallery_terms")


@for_advice
@require_POST
def advise_term(request: HttpRequest, actor: Actor, setting_id: UUID) -> HttpResponse:
    _must_be_a_term(setting_id)
    policy.advise(actor=actor, setting_id=setting_id, advice=request.POST.get("advice", ""))
    messages.success(request, _("Your advice is kept."))
    return redirect("desk:gallery_terms")


@for_changes
@require_POST
def decide_term(request: HttpRequest, actor: Actor, setting_id: UUID) -> HttpResponse:
    _must_be_a_term(setting_id)
    if request.POST.get("do") == "agree":
        policy.approve(actor=actor, setting_id=setting_id)
        messages.success(request, _("The term is in force."))
    else:
        policy.reject(actor=actor, setting_id=setting_id)
        messages.success(request, _("The proposal is off. What was in force stays."))
    return redirect("desk:gallery_terms")


def _must_be_a_term(setting_id: UUID) -> None:
    """No other setting is decided from this page: thresholds have facts of their own to show."""
    if not changes.is_of(setting_id, terms.PREFIX):
        raise NotFound("no_setting", _("There is no such proposal."))


def _page(
    request: HttpRequest,
    actor: Actor,
    *,
    about: UUID | None = None,
    filled: TermForm | None = None,
) -> HttpResponse:
    rows = []
    for one in term_ends.overview():
        own = filled if filled is not None and one.source.id == about else None
        form = own or TermForm(auto_id=_ids(one.source.id))
        waiting = changes.waiting(terms.setting_of(one.source.id))
        rows.append(Row(one, terms.words(one.term), waiting, form))
    context: dict[str, Any] = {
        "rows": rows,
        "about": about,
        "filled": filled,
        "staff_no": actor.id,
        "may_change": actor.role in policy.MAY_CHANGE,
        "may_advise": actor.role == Role.DPO,
    }
    return render(request, "desk/gallery_terms.html", context, status=422 if filled else 200)


def _ids(source_id: UUID) -> str:
    """Each source has the form once, so its fields need ids of their own."""
    return f"id_{source_id}_%s"

"""The lock as evidence at the desk: the person's wish written down, and the lifting (Art. 18)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import evidence_locks
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import LockForm
from dsr_portal.erasure import keeping

ENDS = ("end", "lift")


def lock_page_open(found: Case) -> bool:
    return evidence_locks.in_force(found.id) is not None or evidence_locks.may_ask(found)


@for_reviewers
@require_http_methods(["GET", "POST"])
def evidence_lock(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Write down what the person wants, or lift the lock once its letter's day has come."""
    found = cases.case_for(staff_of(request), reference)
    standing = evidence_locks.in_force(found.id)
    do = request.POST.get("do", "")
    form = LockForm(None if do in ENDS else request.POST or None)

    def act() -> None:
        years = form.cleaned_data["years"]
        if standing is None:
            keeping.keep_as_evidence(case_id=found.id, years=years, actor=actor)
        else:
            evidence_locks.keep(case_id=found.id, years=years, actor=actor)

    if request.method == "POST" and do in ENDS:
        return _end(request, actor, found, do)
    if done(request, form, act, _("Written down. Nothing is erased while it stands.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(
        request,
        "desk/lock.html",
        found,
        form,
        lock=standing,
        lift_from=evidence_locks.liftable_from(standing) if standing else None,
        may_lift=evidence_locks.waits_for_lifting(found.id) is not None,
        may_ask=lock_page_open(found),
    )


def _end(request: HttpRequest, actor: Actor, found: Case, do: str) -> HttpResponse:
    if do == "end":
        evidence_locks.end(case_id=found.id, actor=actor)
        messages.success(request, _("The letter leaves now. It names the day."))
    else:
        evidence_locks.lift(case_id=found.id, actor=actor)
        messages.success(request, _("The lock is lifted."))
    return redirect("desk:case", reference=found.reference)

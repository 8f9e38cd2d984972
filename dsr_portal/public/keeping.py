"""The lock as evidence on the page of a request: asked, lengthened, ended; nothing of any match."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.cases import evidence_locks
from dsr_portal.cases.models import Case, EvidenceLock
from dsr_portal.cases.texts import day_words
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure import keeping
from dsr_portal.public import deleting
from dsr_portal.public.forms import LockForm
from dsr_portal.public.status import with_case


@require_http_methods(["GET", "POST"])
@with_case
def evidence_lock(request: HttpRequest, case: Case) -> HttpResponse:
    """Lock instead of deleting (Art. 18(1)(c)); while it stands, lengthen or end it."""
    standing = evidence_locks.in_force(case.id)
    if standing is None and not deleting.lock_offered(case):
        messages.info(request, _("Send a new request for this."))
        return redirect("public:case")
    if request.method == "POST" and request.POST.get("do") == "end" and standing is not None:
        row = evidence_locks.end(case_id=case.id, actor=Actor.person(case.id))
        messages.success(
            request,
            _("We wrote it down. The lock ends on %(day)s. Until then you can keep it.")
            % {"day": day_words(row.ends_on or row.until)},
        )
        return redirect("public:case")
    form = LockForm(request.POST or None, standing=standing is not None)
    if request.method == "POST" and form.is_valid():
        _take(request, case, standing, form.cleaned_data["years"])
        return redirect("public:case")
    context = {"form": form, "lock": standing, "case": case}
    status = 422 if form.errors else 200
    return render(request, "public/lock.html", context, status=status)


def _take(request: HttpRequest, case: Case, standing: EvidenceLock | None, years: int) -> None:
    actor = Actor.person(case.id)
    try:
        if standing is None:
            row = keeping.keep_as_evidence(case_id=case.id, years=years, actor=actor)
        else:
            row = evidence_locks.keep(case_id=case.id, years=years, actor=actor)
    except Conflict as error:
        messages.warning(request, str(error.message))
        return
    messages.success(
        request,
        _("We keep it locked until %(day)s and delete nothing before.")
        % {"day": day_words(row.until)},
    )

"""Why somebody opens a case that is not their work, and who did so (law X-09, L-14)."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import at_the_door, for_openings
from dsr_portal.desk.clocking import done
from dsr_portal.desk.forms import WhyOpenForm
from dsr_portal.matching import browsing
from dsr_portal.matching.browsing_models import BreakGlass, BrowsingAlarm
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

LISTED = timedelta(days=30)
MOST_ROWS = 200


@at_the_door
@require_http_methods(["GET", "POST"])
def why(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """One reason of a short list and words, once for this case today; nothing of it shows yet."""
    found = cases.case_for(staff_of(request), reference)
    form = WhyOpenForm(request.POST or None)

    def act() -> None:
        browsing.say_why(case_id=found.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, _("Written down. The case is open for you today.")):
        return redirect("desk:case", reference=found.reference)
    context = {"case": found, "form": form}
    return render(request, "desk/why.html", context, status=422 if form.errors else 200)


@for_openings
@require_GET
def openings(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Today's counts, what was told of, and each reason of the last 30 days."""
    since = clock.today() - LISTED
    visible = cases.visible_to(staff_of(request))
    rows = BreakGlass.objects.filter(on__gte=since, case__in=visible).select_related("case")
    context = {
        "today": sorted(browsing.not_own_on(clock.today()).items()),
        "limit": policy.current(browsing.LIMIT),
        "alarms": BrowsingAlarm.objects.filter(on__gte=since, to=actor.id).order_by("-on"),
        "rows": [_seen(row) for row in rows.order_by("-at")[:MOST_ROWS]],
        "total": rows.count(),
    }
    return render(request, "desk/openings.html", context)


def _seen(row: BreakGlass) -> dict[str, Any]:
    words = ""
    if row.case.status != Status.PURGED:
        # A file that is being destroyed goes before its case is said to be.
        with suppress(vault.Shredded):
            words = vault.read(row.case.file_unit, row.field).decode()
    return {"row": row, "case": row.case, "words": words}

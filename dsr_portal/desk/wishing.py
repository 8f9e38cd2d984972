"""A wish that was added later: its own date, more time for it, a question about it alone (D-06,
D-07)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases import wish_clocks, wish_extensions, wish_pauses
from dsr_portal.cases.models import Case, PauseGround
from dsr_portal.cases.wish_clocks import WishClock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.templatetags.ui import day
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done
from dsr_portal.desk.forms import ExtensionForm, WishAskForm


@for_reviewers
@require_http_methods(["GET", "POST"])
def wish(request: HttpRequest, actor: Actor, reference: str, right: str) -> HttpResponse:
    """One added wish: how its time stands, and the three things that move it."""
    found = cases.case_for(staff_of(request), reference)
    row = wish_extensions.added(found, right)
    asked = request.POST.get("do", "")
    which: dict[str, Any] = {"case_id": found.id, "right": row.right, "actor": actor}
    more = ExtensionForm(request.POST if asked == "more" else None, prefix="more")
    ask = WishAskForm(request.POST if asked == "ask" else None, prefix="ask")
    if asked == "go_on":
        return _go_on(request, found, which)
    if asked == "more" and done(
        request,
        more,
        lambda: wish_extensions.propose(**which, **more.cleaned_data),
        _("Proposed. Nothing changes before another person agrees."),
    ):
        return redirect("desk:case", reference=found.reference)
    if asked == "ask" and done(
        request,
        ask,
        lambda: wish_pauses.ask(**which, **ask.cleaned_data),
        _("Asked. The time of this wish stands still once the letter has left."),
    ):
        return redirect("desk:case", reference=found.reference)
    context = {
        "case": found,
        "wish": shown(wish_clocks.clock_of(row)),
        "more": more,
        "ask": ask,
        "no_more_time": wish_extensions.why_not(row),
        "no_question": wish_pauses.why_not(row),
        "question": wish_pauses.open_question(row),
    }
    status = 422 if more.errors or ask.errors else 200
    return render(request, "desk/wish.html", context, status=status)


def _go_on(request: HttpRequest, found: Case, which: dict[str, Any]) -> HttpResponse:
    try:
        wish_pauses.go_on(**which)
    except PortalError as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("Recorded. The time of this wish goes on from today."))
    return redirect("desk:case", reference=found.reference)


def shown(counted: WishClock) -> dict[str, Any]:
    """What page and case show of an added wish: words, tag and rows."""
    period, since = counted.period, counted.stands_since
    rows = [(_("Asked on"), day(period.counts_from)), (_("Due"), day(period.due.legal))]
    if period.due != period.unpaused:
        rows.append((_("Due without pauses"), day(period.unpaused.legal)))
    if period.months > 1:
        rows.append((_("First date, before the extension"), day(period.first.legal)))
    if since is not None:
        rows.append((_("Stands still"), _("since %(first)s") % {"first": day(since)}))
    asked = wish_pauses.open_question(counted.right)
    if asked is not None:
        rows.append((_("Question open"), str(PauseGround(asked.ground).label)))
    return {
        "right": counted.right.right,
        "label": counted.right.get_right_display(),
        "due": period.due.legal,
        "stands": since is not None,
        "late": counted.late,
        "rows": rows,
    }


def all_of(found: Case) -> list[dict[str, Any]]:
    """Every added wish of a case, for its page."""
    return [shown(one) for one in wish_clocks.of_case(found)]

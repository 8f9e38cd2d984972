"""The end of what the trail says of a request (law L-23): payloads go after their term.

Headers, times, types, who did it and the hashes stay, so the chain verifies and figures can still
be counted. A request that a breach, an order or an inspection needs keeps its payloads.
"""

from functools import partial
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.compliance import retention
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.law.evidence_terms import Term, latest, term
from dsr_portal.policy import selectors as policy

TRAIL_YEARS = "trail_years"
REASON = "term_over"
MOST_PER_RUN = 200
_SCHEDULE = Actor.system("retention")


def kept(case: Case) -> Term | None:
    """Until when, and why; None while the request is not purged."""
    if case.status != Status.PURGED or case.closed_at is None:
        return None
    closed, years = clock.local_date(case.closed_at), int(policy.current(TRAIL_YEARS))
    states = {case.country.upper(), str(settings.DSR_CONTROLLER["country"]).upper()}
    return latest([term(closed_on=closed, state=one, years=years) for one in sorted(states)])


def sweep() -> int:
    """Remove the payloads of requests past their term; how many requests."""
    if retention.inspected():
        return 0
    needed = retention.breached_cases() | retention.ordered_cases()
    due = []
    for case in _with_payloads().order_by("closed_at").iterator():
        end = kept(case)
        if case.id not in needed and end is not None and end.until < clock.today():
            due.append(case.id)
        if len(due) == MOST_PER_RUN:
            break
    return sum(
        quietly(partial(_remove, one), doing="the end of a trail's payloads", of=one) for one in due
    )


def _with_payloads() -> QuerySet[Case]:
    events = Event.objects.filter(case_id=OuterRef("id"), payload__isnull=False)
    return Case.objects.filter(Exists(events), status=Status.PURGED)


def _remove(case_id: UUID) -> bool:
    events = Event.objects.filter(case_id=case_id, payload__isnull=False)
    ids = list(events.values_list("id", flat=True))
    return audit.remove_payloads(event_ids=ids, actor=_SCHEDULE, reason=REASON) > 0

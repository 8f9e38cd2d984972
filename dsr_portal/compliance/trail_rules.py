"""The end of what the trail says beside requests (law L-23): payloads of settings, staff, keys,
orders, imports and sign-ins go after their term, by kind of event.

As with requests, headers, times, types, who did it and the hashes stay, and the chain verifies.
Nothing goes while an authority inspects, or an order or a breach is open: each may ask how the
portal was run at any time before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.compliance import retention
from dsr_portal.compliance.models import Breach, Order, OrderState
from dsr_portal.compliance.trail_end import REASON
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import event_types
from dsr_portal.law.evidence_terms import term
from dsr_portal.policy import installed
from dsr_portal.policy import selectors as policy

RULES_YEARS, ACCESS_YEARS = "rules_years", "access_years"
MOST_PER_RUN = 1000
_SCHEDULE = Actor.system("retention")


class Kind(StrEnum):
    """What an event about no request is for, and with it how long its payload is kept."""

    ACCESS = "access"
    RULES = "rules"
    ORDERS = "orders"
    PROOFS = "proofs"


@dataclass(frozen=True, slots=True)
class Kept:
    """The setting with the years, None where it stays; why; `with_requests` says whether it is
    kept as long as a request that was open then has its payloads."""

    years: str | None
    why: Promise | str
    with_requests: bool = True


KINDS: dict[Kind, Kept] = {
    Kind.ACCESS: Kept(
        ACCESS_YEARS,
        _(
            "To find misuse that is noticed late. It shows when people of staff work, so it is "
            "kept no longer than that needs."
        ),
        with_requests=False,
    ),
    Kind.RULES: Kept(
        RULES_YEARS,
        _(
            "It shows by which rules, models, accounts and keys requests were answered. So it is "
            "kept as long as any request of that time, and for claims about the rules themselves. "
            "What is in force stands in its own table."
        ),
    ),
    Kind.ORDERS: Kept(
        RULES_YEARS,
        _("It shows what was done about an order or a breach. It is kept as long as these are."),
    ),
    Kind.PROOFS: Kept(
        None,
        _(
            "Counts and hashes that prove that something was destroyed or restored. Without them "
            "a gap could not be told from a change. They name nobody."
        ),
    ),
}
_ACCESS = frozenset(
    {
        "staff.signed_in",
        "staff.signed_out",
        "staff.sign_in_refused",
        "account.signed_in",
        "account.signed_out",
        "account.refused",
        "account.link_sent",
        "desk.much_browsing",
    }
)
_OF_ORDERS = ("order.", "breach.")


def kind_of(event_type: str) -> Kind:
    """Of an event about no request; whatever nobody placed is kept as a rule is."""
    if event_type in event_types and event_types.get(event_type).lasting:
        return Kind.PROOFS
    if event_type in _ACCESS:
        return Kind.ACCESS
    return Kind.ORDERS if event_type.startswith(_OF_ORDERS) else Kind.RULES


def sweep() -> int:
    """Remove the payloads past their term; how many."""
    if held():
        return 0
    due = list(islice(_due(), MOST_PER_RUN))
    return _remove(due) if due else 0


def held() -> bool:
    return (
        retention.inspected()
        or Order.objects.filter(state=OrderState.OPEN).exists()
        or Breach.objects.filter(closed_at=None).exists()
    )


def _due() -> Iterator[UUID]:
    since, standing, kept = _oldest_request(), installed.standing(), _kept_subjects()
    rows = _with_payloads().values_list("id", "type", "at", "number", "subject_id")
    for event_id, event_type, at, number, subject in rows.order_by("number").iterator():
        kind = kind_of(event_type)
        rule = KINDS[kind]
        if rule.years is None or not _over(at, int(policy.current(rule.years)), kind):
            continue
        if rule.with_requests and since is not None and at >= since:
            continue
        if number in standing or (kind == Kind.ORDERS and subject in kept):
            continue
        yield event_id


def _over(at: datetime, years: int, kind: Kind) -> bool:
    """Claims end by the controller's state; what shows when staff work serves none (law L-23)."""
    state = "" if kind == Kind.ACCESS else str(settings.DSR_CONTROLLER["country"]).upper()
    return term(closed_on=clock.local_date(at), state=state, years=years).until < clock.today()


def _oldest_request() -> datetime | None:
    """When the oldest request arrived of which the trail still says something."""
    events = Event.objects.filter(case_id__isnull=False, payload__isnull=False)
    cases = Case.objects.filter(id__in=events.order_by().values("case_id").distinct())
    oldest: datetime | None = cases.aggregate(oldest=Min("received_at"))["oldest"]
    return oldest


def _kept_subjects() -> set[UUID]:
    """Orders and breaches that still have their words."""
    orders = Order.objects.filter(destroyed_at=None).values_list("id", flat=True)
    breaches = Breach.objects.filter(destroyed_at=None).values_list("id", flat=True)
    return {*orders, *breaches}


def _with_payloads() -> QuerySet[Event]:
    return Event.objects.filter(case_id=None, payload__isnull=False)


def _remove(event_ids: list[UUID]) -> int:
    """Held is asked again in the same unit of work: an inspection may have begun between."""
    with unit_of_work():
        if held():
            return 0
        return audit.remove_payloads(event_ids=event_ids, actor=_SCHEDULE, reason=REASON)

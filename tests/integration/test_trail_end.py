"""What the trail says of a request ends after its term, and the chain still verifies (L-23)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event, Payload
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.compliance import accountability, breaches, retention, trail_end
from dsr_portal.core.actor import Actor
from dsr_portal.law.evidence_terms import term
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def purged(travel: Travel, **more: Any) -> Case:
    """A request that was taken back on 10 September and is purged."""
    case = support.opened(**more)
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    travel.to("2026-10-20")
    cases.close_due()
    case.refresh_from_db()
    assert case.status == Status.PURGED
    return case


def payloads(case: Case) -> int:
    return Payload.objects.filter(event__case_id=case.id).count()


def test_payloads_go_after_three_years_and_the_chain_verifies(travel: Travel) -> None:
    """L-23: nothing a day early; then headers stay, the receipt says how many, and all verifies."""
    case = purged(travel)
    events = Event.objects.filter(case_id=case.id).count()
    assert payloads(case) == events > 1
    end = trail_end.kept(case)
    assert end is not None
    assert end.until == date(2029, 9, 10)
    travel.to("2029-09-10")
    assert trail_end.sweep() == 0
    assert payloads(case) == events
    travel.to("2029-09-11")
    assert trail_end.sweep() == 1
    assert payloads(case) == 0
    assert Event.objects.filter(case_id=case.id).count() == events
    receipt = Event.objects.get(type="audit.payloads_removed")
    assert (receipt.data["removed"], receipt.data["reason"]) == (events, "term_over")
    found = audit.verify()
    assert found.ok
    assert found.payloads_removed == events
    assert trail_end.sweep() == 0, "once"
    assert accountability.orphans() == []


def test_an_open_request_keeps_its_payloads_whatever_its_age(travel: Travel) -> None:
    case = support.opened()
    travel.to("2036-01-01")
    assert trail_end.kept(case) is None
    assert trail_end.sweep() == 0


@pytest.mark.parametrize(
    ("state", "years", "until"),
    [
        ("DE", 3, date(2029, 12, 31)),
        ("DE", 1, date(2029, 12, 31)),
        ("AT", 1, date(2029, 9, 10)),
        ("FR", 5, date(2031, 9, 10)),
        ("", 1, date(2027, 9, 10)),
    ],
)
def test_the_term_is_the_states(state: str, years: int, until: date) -> None:
    """L-23: by state, with its reason; never less than a limitation that is known."""
    found = term(closed_on=date(2026, 9, 10), state=state, years=years)
    assert found.until == until
    assert str(until.year - 2026) in found.why


def test_of_two_states_the_longer_counts(travel: Travel, settings: Any) -> None:
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "country": "DE"}
    end = trail_end.kept(purged(travel))
    assert end is not None
    assert end.until == date(2029, 12, 31)


def test_an_inspection_and_an_open_breach_hold_it(travel: Travel) -> None:
    """L-23: an open order or claim is a hold; the request beside it ends in time."""
    chief = actor(staff("V-2001", Role.SUPERVISOR))
    held, other = support.opened(), support.opened(email="ilse@example.org")
    for case in (held, other):
        cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    travel.to("2026-10-20")
    cases.close_due()
    travel.to("2029-10-01")
    breaches.open_breach(
        kind="lost", aware_at=held.received_at, reference=held.reference, actor=chief
    )
    row = retention.hold(authority_code="NL", reference="C-1", actor=chief)
    assert trail_end.sweep() == 0
    retention.propose_end(hold_id=row.id, actor=chief)
    retention.agree_end(hold_id=row.id, actor=actor(staff("L-1", Role.DIRECTOR)))
    assert trail_end.sweep() == 1
    assert payloads(other) == 0
    assert payloads(held) > 0

"""What the trail says beside requests ends after its term, and so do names of staff (L-23)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dsr_portal.accounts import name_ends
from dsr_portal.accounts import services as accounts
from dsr_portal.accounts.models import ProposalKind, Role, Staff, StaffProposal
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.schema import EventType, StaffNo
from dsr_portal.cases import other_systems
from dsr_portal.cases import services as cases
from dsr_portal.compliance import (
    accountability,
    breaches,
    orders,
    retention,
    trail_end,
    trail_rules,
)
from dsr_portal.compliance.trail_rules import Kind, kind_of
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import event_types
from dsr_portal.policy import installed
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DPO = Actor("D-3001", "dpo", "staff")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def left(event_type: str) -> int:
    """How many events of a type still say something beyond their header."""
    return Event.objects.filter(type=event_type, payload__isnull=False).count()


def a_rule() -> None:
    """An event about no request: a system is listed."""
    other_systems.enter(name="Old archive", kind="archive", actor=DPO)


def a_sign_in() -> None:
    accounts.record_refused(staff_no="A-1001", reason="password")


def test_what_is_about_no_request_goes_after_its_term_and_the_chain_verifies(
    travel: Travel,
) -> None:
    """L-23: sign-ins after a year, rules after three, no day early; headers and doers stay."""
    a_rule()
    a_sign_in()
    travel.to("2027-09-10")
    assert trail_rules.sweep() == 0
    travel.to("2027-09-11")
    assert trail_rules.sweep() == 1
    assert (left("staff.sign_in_refused"), left("systems.entered")) == (0, 1)
    travel.to("2029-09-10")
    assert trail_rules.sweep() == 0
    travel.to("2029-09-11")
    assert trail_rules.sweep() == 1
    assert left("systems.entered") == 0
    entered = Event.objects.get(type="systems.entered")
    assert (entered.actor_id, entered.actor_role) == (DPO.id, DPO.role)
    found = audit.verify()
    assert found.ok
    assert found.payloads_removed == 2
    receipts = Event.objects.filter(type="audit.payloads_removed").order_by("number")
    assert [one.data["reason"] for one in receipts] == ["term_over", "term_over"]
    travel.to("2036-01-01")
    assert trail_rules.sweep() == 0
    assert left("audit.payloads_removed") == 2, "what proves a removal stays"


def test_a_rule_is_kept_as_long_as_any_request_of_its_time(travel: Travel) -> None:
    """L-23, L-15: by which rules a request was answered is known while its trail is."""
    a_rule()
    a_sign_in()
    travel.to("2026-09-11")
    case = support.opened()
    travel.to("2026-09-12")
    other_systems.enter(name="Log store", kind="logs", actor=DPO)
    travel.to("2031-01-10")
    assert trail_rules.sweep() == 2, "the sign-in, and the rule of before it came"
    assert left("staff.sign_in_refused") == 0
    assert left("systems.entered") == 1
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    travel.to("2031-03-10")
    cases.close_due()
    travel.to("2034-03-10")
    assert trail_end.sweep() == 1
    assert trail_rules.sweep() > 0
    assert left("systems.entered") == 0
    assert audit.verify().ok


@pytest.mark.parametrize("state", ["DE", "AT"])
def test_a_rule_serves_claims_in_the_controllers_state(
    travel: Travel, settings: Any, state: str
) -> None:
    """L-23: in Germany to the end of the year; a sign-in serves no claim and goes in time."""
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "country": state}
    a_rule()
    a_sign_in()
    travel.to("2027-09-11")
    assert trail_rules.sweep() == 1
    travel.to("2029-09-11")
    assert trail_rules.sweep() == (0 if state == "DE" else 1)
    travel.to("2030-01-01")
    trail_rules.sweep()
    assert left("systems.entered") == 0


def test_an_inspection_or_an_open_breach_holds_all_of_it(travel: Travel) -> None:
    """L-23: an open inspection, order or breach may ask how the portal was run before."""
    chief = actor(staff("V-2001", Role.SUPERVISOR))
    case = support.opened()
    a_sign_in()
    travel.to("2028-01-10")
    row = retention.hold(authority_code="NL", reference="C-1", actor=chief)
    assert trail_rules.sweep() == 0
    retention.propose_end(hold_id=row.id, actor=chief)
    retention.agree_end(hold_id=row.id, actor=actor(staff("L-1", Role.DIRECTOR)))
    breach = breaches.open_breach(
        kind="lost", aware_at=case.received_at, reference=case.reference, actor=chief
    )
    assert trail_rules.sweep() == 0
    type(breach).objects.update(closed_at=breach.opened_at, closed_by=chief.id)
    assert trail_rules.sweep() == 1


def test_what_was_done_about_an_order_is_kept_while_the_order_is(travel: Travel) -> None:
    """L-23: an open order holds all; a settled one keeps what was done about it as its words."""
    chief, director = staff("V-2001", Role.SUPERVISOR), staff("L-9001", Role.DIRECTOR)
    served = orders.Served(
        authority_code="FR",
        reference="MED-2026-7",
        basis="question",
        served_on=date(2026, 9, 10),
        due_on=date(2026, 9, 20),
        owner=director.staff_no,
        document=b"%PDF-1.7 ordonnance",
    )
    order = orders.enter(served=served, actor=actor(chief))
    a_sign_in()
    travel.to("2028-09-10")
    assert trail_rules.sweep() == 0, "it is open"
    orders.end(order_id=order.id, decision="Conseil d'Etat, 9 September", actor=actor(director))
    travel.to("2030-01-10")
    assert trail_rules.sweep() > 0
    assert (left("staff.created"), left("order.entered")) == (0, 1)
    travel.to("2031-09-11")
    assert retention.sweep() == 1
    assert trail_rules.sweep() > 0
    assert left("order.entered") == 0
    assert audit.verify().ok


def test_what_is_in_force_and_stands_nowhere_else_stays(travel: Travel, settings: Any) -> None:
    """L-15, L-23: the newest value of a setting of the installation, and why it was changed."""
    installed.look()
    travel.to("2026-09-11")
    settings.DSR_PROOF_DAYS = 5
    assert installed.look() == 1
    changed = installed.unexplained()[0]
    chief = actor(staff("V-2001", Role.SUPERVISOR))
    installed.explain(number=changed.number, why="decision", actor=chief)
    travel.to("2035-01-01")
    assert trail_rules.sweep() > 0
    assert left("installation.changed") == len(installed.WATCHED)
    told = installed.changes()
    assert [(one.setting, one.why) for one in told] == [("proof_days", "decision")]
    settings.DSR_PROOF_DAYS = 4
    assert installed.look() == 1, "the next change is seen"


def test_what_stays_names_nobody() -> None:
    """L-23: a payload without an end has no number of a person of staff."""
    lasting = {name for name, kind in event_types.items() if kind.lasting}
    assert lasting == {
        "audit.payloads_removed",
        "audit.restored",
        "vault.shredded",
        "vault.ledger_trimmed",
    }
    assert {kind_of(one) for one in lasting} == {Kind.PROOFS}
    with pytest.raises(ValueError, match="names nobody"):
        EventType("some.thing", {"who": StaffNo()}, lasting=True)


# -- names ----------------------------------------------------------------------------------------


def closed(person: Staff, by: Staff, other: Staff) -> None:
    row = accounts.propose_change(by=by, staff=person, kind=ProposalKind.DEACTIVATE)
    accounts.approve_staff(by=other, proposal=row)


def test_a_name_goes_with_the_last_thing_kept_of_a_closed_account(travel: Travel) -> None:
    """L-23: not before the request it worked on is forgotten; decisions keep number and role."""
    officer, one, two = (
        staff("A-1001"),
        staff("V-2001", Role.SUPERVISOR),
        staff("L-1", Role.DIRECTOR),
    )
    case = support.opened()
    with audit.unit_of_work():
        audit.record("case.viewed", actor=actor(officer), case_id=case.id)
    closed(officer, one, two)
    travel.to("2031-01-10")
    accounts.end_proposals()
    trail_rules.sweep()
    assert name_ends.sweep() == 0, "the request is open: somebody may ask who looked"
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    travel.to("2031-03-10")
    cases.close_due()
    travel.to("2034-03-10")
    assert name_ends.sweep() == 0, "its trail still says what was done"
    assert trail_end.sweep() == 1
    trail_rules.sweep()
    assert name_ends.sweep() == 1
    officer.refresh_from_db()
    assert (officer.staff_no, officer.role) == ("A-1001", Role.OFFICER)
    assert officer.display_name == "Privacy officer A-1001"
    assert officer.email == "a-1001@ended.invalid"
    assert not officer.has_usable_password()
    assert officer.trained_until is None
    assert Event.objects.get(type="case.viewed").actor_id == "A-1001"
    assert Event.objects.filter(type="staff.name_ended", subject_id=officer.id).exists()
    assert accountability.orphans() == [], "a decision has its doer still"
    assert audit.verify().ok
    assert name_ends.sweep() == 0, "once"
    one.refresh_from_db()
    assert one.display_name == "Person V-2001", "who still works keeps the name"


def test_a_closed_account_keeps_its_name_a_year_and_while_something_names_it(
    travel: Travel,
) -> None:
    """L-23: closed lately; named in a proposal; named in what another person did."""
    officer = staff("A-1001")
    assert name_ends.is_needed(officer), "the event of its making names it"
    travel.to("2031-01-10")
    trail_rules.sweep()
    assert not name_ends.is_needed(officer)
    with audit.unit_of_work():
        audit.record(
            "staff.trained", actor=DPO, subject_id=new_id(), staff="A-1001", until=travel.now.date()
        )
    assert name_ends.is_needed(officer)
    travel.to("2035-01-10")
    trail_rules.sweep()
    assert not name_ends.is_needed(officer)
    by = staff("V-2001", Role.SUPERVISOR)
    StaffProposal.objects.create(kind=ProposalKind.ROLE, staff=officer, proposed_by=by)
    assert name_ends.is_needed(officer)

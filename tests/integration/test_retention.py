"""The end of orders and breaches: terms, what keeps them longer, inspections (law L-23)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import keeping
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.compliance import breaches, collection, orders, retention
from dsr_portal.compliance.models import Breach, InspectionHold, Measure, Order, OrderAlarm
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document
from dsr_portal.gallery.models import InspectionHold as GalleryHold
from dsr_portal.gallery.models import Source
from dsr_portal.jobs import services as jobs
from dsr_portal.policy import services as policy
from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
LETTER, PROOF = b"%PDF-1.7 ordonnance for Mina Halvorsen", b"we wrote to Mina Halvorsen"
FACTS = {"nature": "Mina saw it.", "effects": "They know.", "measures": "Closed."}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def chief() -> Actor:
    return actor(staff("S-2001", Role.SUPERVISOR))


@pytest.fixture
def director() -> Actor:
    return actor(staff("L-9001", Role.DIRECTOR))


def entered(chief: Actor, reference: str = "MED-2026-7") -> Order:
    return orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference=reference,
            basis="question",
            served_on=date(2026, 9, 10),
            due_on=date(2026, 9, 20),
            owner="L-9001",
            document=LETTER,
        ),
        actor=chief,
    )


def complied(chief: Actor, director: Actor) -> Order:
    order = entered(chief)
    made = orders.add_measure(order_id=order.id, kind="questions", words="Who?", actor=chief)
    orders.state_done(measure_id=made.id, actor=chief)
    jobs.run_due(queues=["light"])
    return orders.comply(order_id=order.id, evidence=PROOF, actor=director)


def closed(chief: Actor, director: Actor, reference: str = "") -> Breach:
    """A breach that was notified twice over and closed, its person not told with a reason."""
    breach = breaches.open_breach(
        kind="disclosed", aware_at=clock.now(), actor=chief, reference=reference
    )
    return finished(breach, chief, director)


def finished(breach: Breach, chief: Actor, director: Actor, late: str = "") -> Breach:
    breaches.describe(breach_id=breach.id, actor=chief, people=1, records=7, **FACTS)
    for code in ("FR", "NL"):
        breaches.make_notice(breach_id=breach.id, authority_code=code, late=late, actor=chief)
    breaches.record_notified(breach_id=breach.id, at=clock.now(), actor=chief)
    row = breaches.propose_spare(
        breach_id=breach.id, what="persons", reason="Mina knows.", actor=chief
    )
    breaches.agree_spare(decision_id=row.id, actor=director)
    return breaches.close(breach_id=breach.id, actor=chief)


def alive(*units: UUID) -> list[bool]:
    return [vault.unit_state(one) == vault.UnitState.LIVE for one in units]


def test_an_order_is_kept_for_three_years_after_its_end_and_then_only_its_dates(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """L-23: letter, words and evidence go on the day, with a receipt; the trail verifies."""
    order = complied(chief, director)
    assert orders.file_of(order_id=order.id, field="evidence", actor=chief) == PROOF
    travel.to("2029-09-09")
    assert retention.sweep() == 0
    assert orders.file_of(order_id=order.id, field="order", actor=chief) == LETTER
    travel.to("2029-09-10")
    assert retention.sweep() == 1
    assert retention.sweep() == 0
    assert alive(order.unit) == [False]
    for field in ("order", "evidence"):
        with pytest.raises(NotFound, match="no_file"):
            orders.file_of(order_id=order.id, field=field, actor=chief)
    order.refresh_from_db()
    assert (order.state, order.complied_by, order.reference) == ("complied", "L-9001", "MED-2026-7")
    receipt = Event.objects.get(type="order.destroyed")
    assert (receipt.subject_id, receipt.actor_kind) == (order.id, "system")
    assert receipt.data == {"settled_on": "2026-09-10", "years": 3}
    assert orders.check_due() == 0
    site("desk")
    browser = sign_in(Client(), staff("L-9002", Role.DIRECTOR))
    page = browser.get(reverse("desk:order", kwargs={"order_id": order.id}))
    assert "came to their end on 10 September 2029" in page.content.decode()
    assert audit.verify().ok


def test_an_order_is_kept_for_the_longest_term_of_the_states_it_touches(
    travel: Travel, settings: Any, chief: Actor, director: Actor
) -> None:
    """L-23: a German controller's claims end with the year; the receipt has the years that were."""
    order = complied(chief, director)
    assert retention.order_kept(order).until == date(2029, 9, 10)
    assert "as decided" in retention.order_kept(order).term
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "country": "DE"}
    kept = retention.order_kept(order)
    assert (kept.until, kept.years) == (date(2030, 1, 1), 3)
    assert "BGB" in kept.term
    travel.to("2029-12-31")
    assert retention.sweep() == 0
    travel.to("2030-01-01")
    assert retention.sweep() == 1


def test_a_breach_is_kept_by_the_states_of_the_people_in_its_cases(
    travel: Travel, chief: Actor, director: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-23: one year was decided, yet a claim of somebody in Austria has three."""
    monkeypatch.setattr(retention.policy, "current", lambda name: 1)
    case = support.opened()
    breach = closed(chief, director, case.reference)
    for country, until in (("", date(2027, 9, 10)), ("AT", date(2029, 9, 10))):
        Case.objects.filter(id=case.id).update(country=country)
        assert retention.breach_kept(breach).until == until
    assert retention.breach_kept(breach).years == 3
    breach.authority_code = "DE-BE"
    assert retention.breach_kept(breach).until == date(2030, 1, 1)


def test_what_keeps_an_order_longer(travel: Travel, chief: Actor, director: Actor) -> None:
    """L-23: open, before a court, confirmed later, a stop in force, a named case that is open."""
    order = entered(chief)
    travel.to("2033-01-10")
    assert retention.sweep() == 0
    assert retention.order_kept(order).until is None
    stop = orders.add_measure(order_id=order.id, kind="stop", words="Stop.", actor=chief)
    orders.sign_scope(measure_id=stop.id, actor=director)
    orders.challenge(order_id=order.id, court="CE", reference="9", suspensive=False, actor=director)
    jobs.run_due(queues=["light"])
    orders.comply(order_id=order.id, evidence=PROOF, actor=director)
    travel.to("2033-03-01")
    orders.acknowledge(order_id=order.id, on=date(2033, 3, 1), actor=chief)
    travel.to("2036-03-01")
    order.refresh_from_db()
    kept = retention.order_kept(order)
    assert kept.until == date(2036, 3, 1)
    assert len(kept.why) == 2
    assert retention.sweep() == 0
    orders.end(order_id=order.id, decision="CE 9", actor=director)
    order.refresh_from_db()
    assert retention.order_kept(order).until == date(2039, 3, 1)
    travel.to("2039-03-01")
    assert retention.sweep() == 0
    lift = collection.propose_lift(
        stop_id=Measure.objects.get().stop_id, reason="Over.", actor=chief
    )
    collection.agree_lift(lift_id=lift.id, actor=director)
    case = support.opened()
    named = Measure.objects.create(
        order=order, kind="answer", field="measure.x", added_at=clock.now()
    )
    named.cases.create(case=case)
    assert retention.sweep() == 0
    Case.objects.filter(id=case.id).update(
        status=Status.PURGED, closed_at=clock.now(), purged_at=clock.now()
    )
    assert retention.sweep() == 1
    assert alive(order.unit) == [False]


def test_a_breach_leaves_its_times_and_decisions_in_the_register(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """L-23, Art. 33(5): words and every notice go; when, how many and who decided stay."""
    breach = closed(chief, director)
    papers = list(breach.notices.values_list("document_id", flat=True))
    assert len(papers) == 2
    assert breach.document_id in papers
    assert [documents.open_document(one)[:4] for one in papers] == [b"%PDF", b"%PDF"]
    units = [breach.unit, *(Document.objects.get(id=one).unit for one in papers)]
    assert alive(*units) == [True, True, True]
    site("desk")
    browser = sign_in(Client(), staff("L-9002", Role.DIRECTOR))
    page = reverse("desk:breach", kwargs={"breach_id": breach.id})
    assert "Mina knows." in browser.get(page).content.decode()
    travel.to("2029-09-09")
    assert retention.sweep() == 0
    travel.to("2029-09-10")
    assert retention.sweep() == 1
    assert alive(*units) == [False, False, False]
    browser = sign_in(Client(), staff("L-9003", Role.DIRECTOR))
    shown = browser.get(page).content.decode()
    assert "Mina" not in shown
    assert "came to their end on 10 September 2029" in shown
    assert "L-9001" in shown
    assert (
        browser.get(reverse("desk:breach_pdf", kwargs={"breach_id": breach.id})).status_code == 404
    )
    assert [one.id for one in breaches.register(staff("V-2009", Role.SUPERVISOR))] == [breach.id]
    receipt = Event.objects.get(type="breach.destroyed")
    assert receipt.data == {"closed_on": "2026-09-10", "years": 3, "told": 0}
    assert audit.verify().ok


def test_an_open_breach_or_one_an_open_order_is_about_is_kept(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """L-23: an open order or claim holds."""
    case = support.opened()
    open_still = breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    breach = closed(chief, director, case.reference)
    order = entered(chief)
    orders.add_measure(
        order_id=order.id, kind="answer", words="Answer.", named=[case.reference], actor=chief
    )
    travel.to("2031-01-10")
    assert retention.sweep() == 0
    orders.end(order_id=order.id, decision="Withdrawn.", actor=director)
    assert retention.sweep() == 1
    assert alive(breach.unit, open_still.unit, order.unit) == [False, True, True]


def test_an_inspection_holds_everything_until_two_persons_end_it(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """L-23, R19: any of those who work with authorities places it; its end takes two."""
    order, breach = complied(chief, director), closed(chief, director)
    dpo = actor(staff("D-3001", Role.DPO))
    for wrong, code in (
        ({"authority_code": "XX"}, "no_authority"),
        ({"reference": " "}, "hold_reference"),
        ({"pictures": "source"}, "hold_pictures"),
        ({"pictures": "some"}, "hold_pictures"),
        ({"pictures": "source", "source_id": UUID(int=5)}, "no_source"),
    ):
        with pytest.raises(BadInput, match=code):
            retention.hold(**{"authority_code": "FR", "reference": "C-1", "actor": dpo, **wrong})
    with pytest.raises(NotAllowed, match="retention_role"):
        retention.hold(authority_code="FR", reference="C-1", actor=actor(staff("A-1001")))
    held = retention.hold(authority_code="FR", reference="C-1", actor=dpo)
    travel.to("2035-09-10")
    assert retention.sweep() == 0
    with pytest.raises(NotAllowed, match="retention_role"):
        retention.propose_end(hold_id=held.id, actor=dpo)
    with pytest.raises(Conflict, match="no_proposal"):
        retention.agree_end(hold_id=held.id, actor=director)
    retention.propose_end(hold_id=held.id, actor=chief)
    with pytest.raises(NotAllowed, match="second_person"):
        retention.agree_end(hold_id=held.id, actor=chief)
    with pytest.raises(IntegrityError), transaction.atomic():
        InspectionHold.objects.update(ended_by="S-2001", ended_at=clock.now())
    retention.turn_down_end(hold_id=held.id, actor=director)
    assert retention.sweep() == 0
    retention.propose_end(hold_id=held.id, actor=chief)
    assert retention.sweep() == 0
    retention.agree_end(hold_id=held.id, actor=director)
    with pytest.raises(Conflict, match="hold_over"):
        retention.propose_end(hold_id=held.id, actor=chief)
    assert retention.sweep() == 2
    assert alive(order.unit, breach.unit) == [False, False]
    types = (
        Event.objects.filter(subject_id=held.id).order_by("number").values_list("type", flat=True)
    )
    assert list(types) == [
        "retention.held",
        "retention.end_proposed",
        "retention.end_turned_down",
        "retention.end_proposed",
        "retention.hold_ended",
    ]


def test_a_request_stays_while_something_needs_whom_it_is_from(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """L-23: an open breach, an open order or an inspection; without them it goes on its day."""
    breached, ordered, plain = support.opened(), support.opened(), support.opened()
    breach = breaches.open_breach(
        kind="disclosed", aware_at=clock.now(), reference=breached.reference, actor=chief
    )
    order = entered(chief)
    orders.add_measure(
        order_id=order.id, kind="answer", words="Answer.", named=[ordered.reference], actor=chief
    )
    for case in (breached, ordered, plain):
        cases.withdraw(case_id=case.id, actor=support.person(case))
    held = retention.hold(authority_code="FR", reference="C-1", actor=chief)
    travel.to("2026-11-30")
    assert cases.close_due() == 0
    assert keeping.reasons(breached.id) == ["A breach about it is open.", "An authority inspects."]
    with pytest.raises(Conflict, match="kept_longer"):
        cases.purge(case_id=plain.id, actor=Actor.system("retention"))
    retention.propose_end(hold_id=held.id, actor=chief)
    retention.agree_end(hold_id=held.id, actor=director)
    assert cases.close_due() == 1
    assert [purged(one) for one in (plain, breached, ordered)] == [True, False, False]
    orders.end(order_id=order.id, decision="Withdrawn.", actor=director)
    assert cases.close_due() == 1
    assert [purged(one) for one in (breached, ordered)] == [False, True]
    assert keeping.reasons(breached.id) == ["A breach about it is open."]
    finished(breach, chief, director, late="Nobody saw the note.")
    assert cases.close_due() == 1
    assert purged(breached)


def purged(case: Case) -> bool:
    return Case.objects.get(id=case.id).status == Status.PURGED


def test_another_term_takes_two_persons_advice_and_a_reason(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """L-23, R34: from one to six years; the start value says why."""
    order = complied(chief, director)
    for name in (retention.ORDER_YEARS, retention.BREACH_YEARS):
        assert (DEFINITIONS[name].start(), DEFINITIONS[name].lowest, DEFINITIONS[name].highest) == (
            3,
            1,
            6,
        )
        assert "limitation" in str(DEFINITIONS[name].why)
    change = policy.propose(
        actor=chief, name="order_years", value=6, reason="Claims in this state.", dpia_note="Seen."
    )
    with pytest.raises(Conflict, match="setting_needs_advice"):
        policy.approve(actor=director, setting_id=change.id)
    policy.advise(actor=actor(staff("D-3001", Role.DPO)), setting_id=change.id, advice="Fits.")
    policy.approve(actor=director, setting_id=change.id)
    assert retention.order_kept(order).until == date(2032, 9, 10)
    travel.to("2032-09-09")
    assert retention.sweep() == 0
    travel.to("2032-09-10")
    assert retention.sweep() == 1
    assert Event.objects.get(type="order.destroyed").data["years"] == 6


def test_the_page_says_until_when_and_holds_from_the_desk(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """L-23: terms with their reason, what is next, and an inspection from form to end."""
    complied(chief, director)
    closed(chief, director)
    site("desk")
    first, second = (
        sign_in(Client(), staff(number, Role.SUPERVISOR)) for number in ("S-2002", "S-2003")
    )
    page = reverse("desk:kept")
    shown = first.get(page).content.decode()
    for said in ("10 September 2029", "usual limitation", "MED-2026-7", "No authority inspects."):
        assert said in shown, said
    assert first.post(reverse("desk:hold_kept"), {"authority_code": "FR"}).status_code == 422
    said = {"authority_code": "FR", "reference": "C-1"}
    assert first.post(reverse("desk:hold_kept"), said).status_code == 422
    source = Source.objects.create(name="Northside crawl", legal_basis="-", created_at=clock.now())
    first.post(reverse("desk:hold_kept"), {**said, "pictures": f"source:{source.id}"})
    assert "pictures of Northside crawl stay as they are" in first.get(page).content.decode()
    pictures = GalleryHold.objects.get()
    assert (pictures.source, pictures.lifted_at) == (source, None)
    assert "An authority inspects." in first.get(page).content.decode()
    settle = reverse("desk:settle_hold", kwargs={"hold_id": InspectionHold.objects.get().id})
    first.post(settle, {"do": "propose"})
    assert "Take it back" in first.get(page).content.decode()
    assert "End the hold" in second.get(page).content.decode()
    second.post(settle, {"do": "agree"})
    assert InspectionHold.objects.get().ended_by == "S-2003"
    assert GalleryHold.objects.get().lifted_at is not None


def test_who_was_told_of_an_order_goes_with_its_words(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """X-10: the trail keeps that and when they were told; alarms of another order stay."""
    order, other = complied(chief, director), entered(chief, "MED-2026-8")
    for one in (order, other):
        OrderAlarm.objects.create(order=one, code="late", to="L-9001", raised_at=clock.now())
    travel.to("2029-09-09")
    assert retention.sweep() == 0
    assert OrderAlarm.objects.count() == 2
    travel.to("2029-09-10")
    assert retention.sweep() == 1
    assert OrderAlarm.objects.get().order_id == other.id

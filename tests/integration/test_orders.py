"""Orders of authorities: dates as written, measures with checks, a signature (R23; O-01 ff.)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.cases import alarms, selectors
from dsr_portal.cases import services as case_services
from dsr_portal.cases.models import Alarm, Case, Escalation, Status
from dsr_portal.compliance import collection, orders
from dsr_portal.compliance.models import Measure, Order, OrderState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.gallery import scopes
from dsr_portal.gallery.models import CollectionStop, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import an_image, own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
LETTER = b"%PDF-1.7 ordonnance for Mina Halvorsen"


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


def served(**more: Any) -> orders.Served:
    said: dict[str, Any] = {
        "authority_code": "FR",
        "reference": "MED-2026-7",
        "basis": "conform",
        "served_on": date(2026, 9, 10),
        "due_on": date(2026, 9, 20),
        "owner": "L-9001",
        "document": LETTER,
        **more,
    }
    return orders.Served(**said)


def entered(by: Actor, **more: Any) -> Order:
    return orders.enter(served=served(**more), actor=by)


def work() -> None:
    """Every check that was asked for is done."""
    for _round in range(5):
        if not jobs.run_due(queues=["light"]):
            return


def measure(order: Order, kind: str, by: Actor, **more: Any) -> Measure:
    made = orders.add_measure(order_id=order.id, kind=kind, words="As ordered.", actor=by, **more)
    work()
    made.refresh_from_db()
    return made


def types_of(order: Order) -> list[str]:
    found = Event.objects.filter(subject_id=order.id).order_by("number")
    return [one.type for one in found if one.type.startswith("order.")]


# -- the order itself ---------------------------------------------------------------------------


def test_an_order_keeps_its_date_owner_and_letter_sealed(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """O-01, O-02: a Sunday stays a Sunday; the letter is in no column and no event."""
    order = entered(chief)
    assert order.due_on == date(2026, 9, 20)
    assert order.due_on.weekday() == 6
    assert orders.file_of(order_id=order.id, field="order", actor=chief) == LETTER
    assert types_of(order) == ["order.entered", "order.file_read"]
    with pytest.raises(Conflict, match="order_there"):
        entered(chief)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"authority_code": "XX"}, "no_authority"),
        ({"reference": " "}, "order_reference"),
        ({"due_on": date(2026, 9, 9)}, "order_dates"),
        ({"served_on": date(2026, 9, 11)}, "order_dates"),
        ({"penalty": "daily"}, "order_penalty"),
        ({"penalty_amount": Decimal(5)}, "order_penalty"),
        ({"owner": "S-2001"}, "order_owner"),
        ({"document": b""}, "order_document"),
    ],
)
def test_an_order_without_date_owner_or_letter_is_refused(
    travel: Travel, chief: Actor, director: Actor, more: dict[str, Any], code: str
) -> None:
    """N-05, O-01: a contact of an authority has an owner and a date, or it is not taken."""
    with pytest.raises(BadInput, match=code):
        entered(chief, **more)
    assert not Order.objects.exists()


def test_officers_do_not_enter_orders_and_only_directors_sign(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """G-01: who signs is accountable by name; the DPO works with them and signs nothing."""
    with pytest.raises(NotAllowed, match="order_role"):
        entered(actor(staff("S-1001")))
    dpo = actor(staff("D-3001", Role.DPO))
    order = entered(dpo)
    stop = measure(order, "stop", dpo)
    for by in (chief, dpo):
        with pytest.raises(NotAllowed, match="director_only"):
            orders.sign_scope(measure_id=stop.id, actor=by)
        with pytest.raises(NotAllowed, match="director_only"):
            orders.comply(order_id=order.id, evidence=b"x", actor=by)


# -- measures and their checks ------------------------------------------------------------------


def test_an_order_to_answer_opens_the_closed_case_again_with_both_dates(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """O-03: the earlier answer settles nothing, the date of the request stays beside the new."""
    case = support.opened()
    support.delivered(case)
    case_services.advance(case=case, action=case_services.Action.CLOSE, actor=support.SUPERVISOR)
    own = case.due_on
    travel.to("2026-09-12")
    order = entered(chief, due_on=date(2026, 10, 1))
    row = measure(order, "answer", chief, named=[case.reference])
    case.refresh_from_db()
    assert (case.status, case.due_on, case.outcome) == (Status.RECEIVED, own, "")
    assert (row.passes, row.left) == (False, 1)
    site("desk")
    page = sign_in(Client(), staff("S-2002", Role.SUPERVISOR)).get(
        reverse("desk:case", kwargs={"reference": case.reference})
    )
    words = page.content.decode()
    assert "ordered an answer by 1 October 2026" in words
    assert "was due by 12 October 2026" in words
    travel.to("2026-09-14")
    support.delivered(case)
    orders.check_now(order_id=order.id, actor=chief)
    work()
    row.refresh_from_db()
    assert row.passes is True
    assert case.ordered_dates.get().ended_at is not None


def test_of_two_ordered_dates_the_earlier_one_wakes_people_and_leads_the_queue(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """O-04: orders of two authorities on one case, and another case due sooner by itself."""
    sooner = support.opened(email="ilse@example.org")
    travel.to("2026-09-11")
    later = support.opened()
    assert [one.id for one in selectors.in_queue_order(Case.objects.all())] == [sooner.id, later.id]
    for code, reference, due in (("FR", "A", date(2026, 9, 30)), ("IT", "B", date(2026, 9, 18))):
        order = entered(chief, authority_code=code, reference=reference, due_on=due)
        measure(order, "answer", chief, named=[later.reference])
    assert [one.id for one in selectors.in_queue_order(Case.objects.all())] == [later.id, sooner.id]
    alarms.raise_due()
    told = Escalation.objects.filter(case=later)
    assert [(one.code, one.about) for one in told] == [(Alarm.DUE_7, "2026-09-18")]
    assert later.due_on == date(2026, 10, 12)
    travel.to("2026-09-19")
    alarms.raise_due()
    late = Escalation.objects.filter(case=later, code=Alarm.LATE)
    assert [one.about for one in late] == ["2026-09-18"]


def test_without_cases_every_request_that_had_come_must_be_answered(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """N-06: the open access requests of the day the order was served, and none of later."""
    case = support.opened()
    order = entered(chief)
    row = measure(order, "answer", chief)
    travel.to("2026-09-12")
    support.opened(email="ilse@example.org")
    assert (row.passes, row.left) == (False, 1)
    support.delivered(case)
    orders.check_now(order_id=order.id, actor=chief)
    work()
    row.refresh_from_db()
    assert (row.passes, row.left) == (True, 0)


def test_a_case_that_is_gone_or_taken_back_is_not_ordered(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    case = support.opened()
    case_services.withdraw(case_id=case.id, actor=support.person(case))
    order = entered(chief)
    with pytest.raises(Conflict, match="case_withdrawn"):
        orders.add_measure(
            order_id=order.id, kind="answer", words="x", named=[case.reference], actor=chief
        )
    with pytest.raises(BadInput, match="measure_cases"):
        orders.add_measure(
            order_id=order.id, kind="answer", words="x", named=["K7M-2QX4"], actor=chief
        )
    assert not Measure.objects.exists()


def test_a_stop_holds_from_the_directors_signature_and_fails_when_lifted(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """R23, E-12: rules a director signed; an import behind its back is seen by the check."""
    order = entered(chief)
    row = measure(order, "stop", chief, country="fr")
    assert row.passes is False
    assert not CollectionStop.objects.exists()
    orders.sign_scope(measure_id=row.id, actor=director)
    work()
    row.refresh_from_db()
    assert row.stop is not None
    assert (row.stop.country, row.passes, row.left) == ("FR", True, 0)
    an_image(page_url="https://a.example.fr/x")
    an_image(page_url="https://a.example.de/x")
    orders.check_now(order_id=order.id, actor=chief)
    work()
    row.refresh_from_db()
    assert (row.passes, row.left) == (False, 1)
    lift = collection.propose_lift(stop_id=row.stop.id, reason="x", actor=chief)
    collection.agree_lift(lift_id=lift.id, actor=director)
    orders.check_now(order_id=order.id, actor=chief)
    work()
    row.refresh_from_db()
    assert (row.passes, row.left) == (False, 0)


def test_a_set_to_erase_is_counted_by_the_signed_rules(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """R23: what is still held under the rules, opened and counted, until nothing is left."""
    french = an_image(page_url="https://a.example.fr/x")
    an_image(page_url="https://a.example.de/x")
    order = entered(chief)
    row = measure(order, "erase", chief, country="FR")
    assert row.passes is False
    orders.sign_scope(measure_id=row.id, actor=director)
    work()
    row.refresh_from_db()
    assert (row.passes, row.left) == (False, 1)
    assert scopes.held(CollectionStop()) == 2
    SourceImage.objects.filter(id=french.id).update(state=SourceImage.State.ERASED)
    orders.check_now(order_id=order.id, actor=chief)
    work()
    row.refresh_from_db()
    assert (row.passes, row.left) == (True, 0)


def test_named_cases_to_erase_need_a_verified_erasure(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    case = support.opened()
    order = entered(chief)
    row = measure(order, "erase", chief, named=[case.reference])
    assert (row.passes, row.left) == (False, 1)
    with pytest.raises(BadInput, match="measure_scope"):
        orders.add_measure(
            order_id=order.id,
            kind="erase",
            words="x",
            named=[case.reference],
            country="FR",
            actor=chief,
        )


def test_persons_to_inform_and_a_representative_are_checked(
    travel: Travel, chief: Actor, director: Actor, settings: Any
) -> None:
    case = support.opened()
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "representative": ""}
    order = entered(chief)
    inform = measure(order, "inform", chief, named=[case.reference])
    named = measure(order, "representative", chief)
    assert (inform.passes, named.passes) == (False, False)
    support.delivered(case)
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "representative": "Ana Sol, Lisbon"}
    orders.check_now(order_id=order.id, actor=chief)
    work()
    inform.refresh_from_db()
    named.refresh_from_db()
    assert (inform.passes, named.passes) == (True, True)


# -- complied ------------------------------------------------------------------------------------


def complied(order: Order, by: Actor) -> Order:
    return orders.comply(order_id=order.id, evidence=b"Report of 14 September.", actor=by)


def test_complied_needs_every_check_evidence_and_a_director(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """N-09, O-02, G-01, R23: offered only while every check passes; else not even by its
    service."""
    order = entered(chief)
    site("desk")
    browser = sign_in(Client(), staff("L-9002", Role.DIRECTOR))
    page = reverse("desk:order", kwargs={"order_id": order.id})
    with pytest.raises(Conflict, match="not_complied"):
        complied(order, director)
    row = measure(order, "stop", chief)
    assert "Sign: complied with" not in browser.get(page).content.decode()
    with pytest.raises(Conflict, match="not_complied"):
        complied(order, director)
    orders.sign_scope(measure_id=row.id, actor=director)
    work()
    assert "Sign: complied with" in browser.get(page).content.decode()
    with pytest.raises(BadInput, match="evidence_missing"):
        orders.comply(order_id=order.id, evidence=b"", actor=director)
    order = complied(order, director)
    assert (order.state, order.complied_by) == (OrderState.COMPLIED, "L-9001")
    assert vault.read(order.unit, "evidence") == b"Report of 14 September."
    orders.acknowledge(order_id=order.id, on=date(2026, 9, 10), actor=chief)
    assert types_of(order)[-2:] == ["order.complied", "order.acknowledged"]


def test_old_checks_are_no_ground_to_sign(travel: Travel, chief: Actor, director: Actor) -> None:
    order = entered(chief)
    row = measure(order, "stop", chief)
    orders.sign_scope(measure_id=row.id, actor=director)
    work()
    travel.to("2026-09-12")
    with pytest.raises(Conflict, match="not_complied"):
        complied(order, director)


def test_what_no_check_covers_prints_who_stated_it(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """R23: "stated by NAME, not checked"; nobody states in place of a check."""
    order = entered(chief, basis="question")
    row = measure(order, "questions", chief)
    assert row.passes is None
    site("desk")
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    page = reverse("desk:order", kwargs={"order_id": order.id})
    assert "no check covers this" in browser.get(page).content.decode()
    browser.post(
        reverse("desk:order_act", kwargs={"order_id": order.id}),
        {"do": "state", "measure": str(row.id)},
    )
    assert "stated by Person S-2002, not checked" in browser.get(page).content.decode()
    checked = measure(order, "representative", chief)
    with pytest.raises(Conflict, match="measure_checked"):
        orders.state_done(measure_id=checked.id, actor=chief)


def test_checks_run_again_every_week_and_open_the_order_again(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """R23: "complied" does not outlive its checks."""
    order = entered(chief)
    row = measure(order, "stop", chief)
    orders.sign_scope(measure_id=row.id, actor=director)
    work()
    complied(order, director)
    CollectionStop.objects.update(lifted_at=travel.now)
    travel.to("2026-09-15")
    assert orders.check_due() == 0
    travel.to("2026-09-18")
    assert orders.check_due() == 1
    work()
    order.refresh_from_db()
    assert order.state == OrderState.OPEN
    assert types_of(order)[-2:] == ["order.checked", "order.open_again"]
    assert orders.check_due() == 0


# -- penalty, courts, end ------------------------------------------------------------------------


def test_the_penalty_clock_counts_days_over_the_written_date(
    travel: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """R23, N-06: shown daily, up to its cap; nothing before the date is over."""
    order = entered(
        chief, penalty="daily", penalty_amount=Decimal(100000), penalty_cap=Decimal(250000)
    )
    site("desk")
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    for day, amount in (("2026-09-20", 0), ("2026-09-21", 100000), ("2026-09-30", 250000)):
        travel.to(day)
        assert orders.penalty_so_far(order) == amount
    page = browser.get(reverse("desk:order", kwargs={"order_id": order.id})).content.decode()
    assert "10 days over the date: EUR 250000.00" in page
    assert "EUR 250000" in browser.get(reverse("desk:orders")).content.decode()
    once = entered(chief, reference="B", penalty="sum", penalty_amount=Decimal(5))
    assert orders.penalty_so_far(once) == 5


def test_the_penalty_stops_at_the_signature_and_counts_on_where_a_check_fails_later(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """N-06: days and amount are of one count; who complied late owes the days it was late."""
    order = entered(chief, penalty="daily", penalty_amount=Decimal(10))
    travel.to("2026-09-23")
    order.complied_at = clock.now()
    order.state = OrderState.COMPLIED
    travel.to("2026-09-30")
    assert (orders.days_over(order), orders.penalty_so_far(order)) == (3, 30)
    order.state = OrderState.OPEN
    assert (orders.days_over(order), orders.penalty_so_far(order)) == (10, 100)
    order.state = OrderState.ENDED
    assert (orders.days_over(order), orders.penalty_so_far(order)) == (0, 0)


def test_a_challenge_needs_the_courts_reference_and_moves_no_date(
    travel: Travel, chief: Actor, director: Actor
) -> None:
    """O-05: recorded, never assumed; due and penalty go on until a decision ended it."""
    order = entered(chief, penalty="daily", penalty_amount=Decimal(10))
    ask = {"order_id": order.id, "court": "Conseil d'Etat", "suspensive": False, "actor": director}
    with pytest.raises(BadInput, match="court_reference"):
        orders.challenge(reference=" ", **ask)
    order = orders.challenge(reference="24-118", **ask)
    travel.to("2026-09-22")
    assert (order.state, order.due_on) == (OrderState.OPEN, date(2026, 9, 20))
    assert orders.penalty_so_far(order) == 20
    case = support.opened()
    measure(order, "answer", chief, named=[case.reference])
    with pytest.raises(BadInput, match="decision_missing"):
        orders.end(order_id=order.id, decision="", actor=director)
    orders.end(order_id=order.id, decision="Conseil d'Etat, 22 September", actor=director)
    assert case.ordered_dates.get().ended_at is not None
    with pytest.raises(Conflict, match="order_over"):
        orders.add_measure(order_id=order.id, kind="other", words="x", actor=chief)
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.update(court="X", court_reference="")


# -- at the desk ---------------------------------------------------------------------------------


def test_an_order_is_entered_and_measured_at_the_desk(travel: Travel, site: Any) -> None:
    """O-02: from the letter to a measure; what was typed stays beside an error."""
    site("desk")
    staff("L-9001", Role.DIRECTOR)
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    said = {
        "authority_code": "FR", "reference": "MED-2026-7", "basis": "ban",
        "served_on": "2026-09-10", "due_on": "2026-09-20", "penalty": "none",
        "currency": "EUR", "owner": "L-9001",
    }  # fmt: skip
    address = reverse("desk:enter_order")
    assert "Person L-9001" in browser.get(address).content.decode()
    without = browser.post(address, said)
    assert without.status_code == 422
    assert 'value="MED-2026-7"' in without.content.decode()
    letter = SimpleUploadedFile("order.pdf", LETTER)
    page = browser.post(address, {**said, "document": letter}, follow=True)
    assert page.status_code == 200
    order = Order.objects.get()
    more = reverse("desk:add_measure", kwargs={"order_id": order.id})
    wrong = browser.post(more, {"kind": "stop", "words": "Stop.", "named": "K7M-2QX4"})
    assert wrong.status_code == 422
    assert "names no cases" in wrong.content.decode()
    browser.post(more, {"kind": "stop", "words": "Stop <b>now</b>.", "country": "FR"})
    shown = browser.get(reverse("desk:order", kwargs={"order_id": order.id})).content.decode()
    assert "Stop &lt;b&gt;now&lt;/b&gt;." in shown
    assert "sites of the country FR" in shown
    assert "Sign this scope" not in shown
    signing = sign_in(Client(), staff("L-9002", Role.DIRECTOR))
    assert (
        "Sign this scope"
        in signing.get(reverse("desk:order", kwargs={"order_id": order.id})).content.decode()
    )
    taken = browser.get(reverse("desk:order_file", kwargs={"order_id": order.id, "field": "order"}))
    assert taken.content == LETTER
    assert taken.headers["Content-Type"] == "application/octet-stream"

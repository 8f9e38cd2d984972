"""One page to the accountable director: served, read, answered, each in the trail (R24; G-01)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import lateness
from dsr_portal.compliance import breaches, director, orders
from dsr_portal.compliance.accountable_models import Duty
from dsr_portal.compliance.models import Breach, DirectorPage, Order, OrderState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.erasure.models import Plan, Verification
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.policy import assessment
from tests.support import cases as support
from tests.support.assessed import approved, somebody_answers
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def head(travel: Travel) -> Actor:
    somebody_answers()
    return actor(staff("L-9001", Role.DIRECTOR))


@pytest.fixture
def chief() -> Actor:
    return actor(staff("V-2001", Role.SUPERVISOR))


def kinds() -> list[str]:
    return sorted(DirectorPage.objects.values_list("kind", flat=True))


def an_order(by: Actor, due: date = date(2026, 9, 30)) -> Order:
    return orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference="MED-7",
            basis="ban",
            served_on=date(2026, 9, 10),
            due_on=due,
            owner="L-9001",
            document=b"order",
        ),
        actor=by,
    )


# -- what is served -----------------------------------------------------------------------------


def test_nothing_happened_nothing_is_served(travel: Travel, head: Actor) -> None:
    support.opened()
    assert director.serve_due() == 0


def test_an_order_is_served_to_its_owner_and_again_seven_days_before(
    travel: Travel, head: Actor, chief: Actor
) -> None:
    """R24: once each, to the director who answers for it and to no other."""
    staff("L-9002", Role.DIRECTOR)
    an_order(chief)
    assert director.serve_due() == 1
    assert director.serve_due() == 0
    travel.to("2026-09-16")
    assert director.serve_due() == 0
    travel.to("2026-09-22")
    assert director.serve_due() == 1, "nobody answered for a week"
    assert kinds() == ["order"]
    travel.to("2026-09-23")
    assert director.serve_due() == 1
    assert kinds() == ["order", "order_due"]
    assert set(DirectorPage.objects.values_list("to", flat=True)) == {"L-9001"}
    mail = jobs.preview(Effect.objects.filter(kind=director.SERVED).first())
    assert mail.to == "l-9001@halden.example"
    assert str(DirectorPage.objects.get(kind="order").id) in mail.text


def test_an_order_that_fails_after_the_signature_is_put_before_who_signed(
    travel: Travel, head: Actor, chief: Actor
) -> None:
    order = an_order(chief)
    Order.objects.filter(id=order.id).update(
        state=OrderState.OPEN, complied_by="L-9001", complied_at=clock.now()
    )
    director.serve_due()
    assert kinds() == ["order", "order_fails"]


def test_the_first_late_case_is_served_and_not_each_further_one(
    travel: Travel, head: Actor
) -> None:
    """R24: one page while any case is late; a new one when all had ended and one is late again."""
    first, second = support.opened(), support.opened(email="ilse@example.org")
    travel.to("2026-10-13")
    lateness.notice_late()
    director.serve_due()
    page = DirectorPage.objects.get(kind="first_late")
    assert page.facts["reference"] in {first.reference, second.reference}
    assert director.serve_due() == 0
    first.lateness.update(ended_at=clock.now())
    second.lateness.update(ended_at=clock.now())
    third = support.opened(email="jo@example.org")
    travel.to("2026-11-17")
    lateness.notice_late()
    director.serve_due()
    pages = DirectorPage.objects.filter(kind="first_late")
    assert [one.facts["reference"] for one in pages.order_by("served_at")][1:] == [third.reference]


def test_a_breach_and_a_failed_check_are_served(travel: Travel, head: Actor, chief: Actor) -> None:
    """R24: with the end of the 72 hours; a check that passed is no event."""
    case = support.opened()
    plan = Plan.objects.create(
        case=case,
        frozen_at=clock.now(),
        hold_until=clock.now(),
        requested_by="A-1",
        requester_role="officer",
        approver="A-1",
        approver_role="officer",
    )
    check = {"plan": plan, "method": "byte_scan", "checked_at": clock.now()}
    Verification.objects.create(store="files", state="verified", **check)
    assert director.serve_due() == 0
    Verification.objects.create(store="memory", state="unverified", **check)
    breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    assert director.serve_due() == 2
    assert kinds() == ["breach", "verification"]
    breach = DirectorPage.objects.get(kind="breach")
    assert ("The 72 hours end", "2026-09-13") in [
        (label, value[:10]) for label, value in director.fact_lines(breach)
    ]


def test_more_due_than_done_is_told_once_a_week(travel: Travel, head: Actor) -> None:
    """R24: a forecast from what left in four weeks; none on the first days of an installation."""
    for number in range(3):
        support.opened(email=f"p{number}@example.org")
    assert director.serve_due() == 0
    travel.to("2026-10-08")
    assert director.serve_due() == 1
    page = DirectorPage.objects.get()
    assert (page.kind, page.facts["wanted"], page.facts["done"]) == ("capacity", 3, 0)
    travel.to("2026-10-09")
    assert director.serve_due() == 0


# -- read and answered --------------------------------------------------------------------------


def test_read_and_answered_with_who_and_when_stand_in_the_trail(
    travel: Travel, head: Actor, chief: Actor, site: Any
) -> None:
    """R24, G-01: facts, duty, what is asked; the first reading and the answer have their times."""
    site("desk")
    an_order(chief)
    director.serve_due()
    row = DirectorPage.objects.get()
    own = sign_in(Client(), Staff.objects.get(staff_no="L-9001"))
    dpo = sign_in(Client(), staff("D-3001", Role.DPO))
    address = reverse("desk:director_page", kwargs={"page_id": row.id})
    seen = dpo.get(address).content.decode()
    assert "MED-7" in seen
    assert "30 September 2026" in seen
    assert "Answer: act" not in seen
    row.refresh_from_db()
    assert row.read_at is None
    assert "Answer: act" in own.get(address).content.decode()
    own.get(address)
    answer = reverse("desk:director_answer", kwargs={"page_id": row.id})
    said = {"do": "act", "what": "Erase and report.", "who": "V-2001", "by": "2026-09-20"}
    assert dpo.post(answer, said).status_code == 403
    wrong = own.post(answer, {**said, "by": "2026-09-01"})
    assert wrong.status_code == 422
    assert "Erase and report." in wrong.content.decode()
    own.post(answer, said)
    assert "Erase and report." in own.get(address).content.decode()
    told = Event.objects.filter(type__startswith="director.").order_by("number")
    assert [one.type for one in told] == ["director.served", "director.read", "director.answered"]
    assert [one.actor_id for one in told][1:] == ["L-9001", "L-9001"]
    with pytest.raises(Conflict, match="answered"):
        director.answer_not(page_id=row.id, reason="No.", actor=head)


def test_not_acting_takes_a_reason_and_another_director_answers_nothing(
    travel: Travel, head: Actor, chief: Actor
) -> None:
    """R24: the reason under the name of who was asked."""
    an_order(chief)
    director.serve_due()
    page = DirectorPage.objects.get()
    other = actor(staff("L-9002", Role.DIRECTOR))
    with pytest.raises(NotAllowed, match="other_director"):
        director.answer_not(page_id=page.id, reason="No.", actor=other)
    assert director.pages_for(other) == []
    with pytest.raises(BadInput, match="reason_missing"):
        director.answer_not(page_id=page.id, reason="  ", actor=head)
    with pytest.raises(BadInput, match="who_missing"):
        director.answer_act(
            page_id=page.id, what="Do.", who="X-1", by=date(2026, 9, 20), actor=head
        )
    with pytest.raises(NotAllowed, match="director_only"):
        director.read(page_id=page.id, actor=chief)
    page = director.answer_not(page_id=page.id, reason="A court suspended it.", actor=head)
    assert (page.acts, page.words) == (False, "A court suspended it.")
    with pytest.raises(IntegrityError), transaction.atomic():
        DirectorPage.objects.update(acts=True)


# -- asked again --------------------------------------------------------------------------------


def test_a_page_nobody_answers_is_served_again_each_week_while_its_event_lasts(
    travel: Travel, head: Actor, chief: Actor
) -> None:
    """R24, G-01: again by mail, from the third time to the data protection officer too."""
    staff("D-3001", Role.DPO)
    breach = breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    assert director.serve_due() == 1
    travel.to("2026-09-16")
    assert director.serve_due() == 0
    for day in ("2026-09-18", "2026-09-26"):
        travel.to(day)
        assert director.serve_due() == 1
        assert director.serve_due() == 0
    page = DirectorPage.objects.get()
    assert page.times == 3
    again = Event.objects.filter(type="director.served_again").order_by("number")
    assert [one.data["times"] for one in again] == [2, 3]
    _first, *between, last = Effect.objects.filter(kind=director.SERVED).order_by("created_at")
    assert len(between) == 1
    mail = jobs.preview(last)
    assert mail.to == "l-9001@halden.example, d-3001@halden.example"
    assert "3 times" in mail.text
    Breach.objects.filter(id=breach.id).update(closed_at=clock.now(), closed_by="V-2001")
    travel.to("2026-10-10")
    assert director.serve_due() == 0, "what is over is not asked about again"


def test_an_answered_page_is_not_served_again(travel: Travel, head: Actor, chief: Actor) -> None:
    breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    director.serve_due()
    page = DirectorPage.objects.get()
    director.answer_not(page_id=page.id, reason="It was notified by phone.", actor=head)
    travel.to("2026-09-30")
    assert director.serve_due() == 0


def test_what_was_promised_is_looked_for_after_its_day_and_asked_about(
    travel: Travel, head: Actor, chief: Actor, site: Any
) -> None:
    """R24: not seen done, a page of its own; a new day counts anew; seen done, it is settled."""
    site("desk")
    breach = breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    director.serve_due()
    first = DirectorPage.objects.get()
    how = {"what": "Notify.", "who": "V-2001", "actor": head}
    director.answer_act(page_id=first.id, by=date(2026, 9, 14), **how)
    travel.to("2026-09-14")
    assert director.serve_due() == 0, "the day itself is still theirs"
    travel.to("2026-09-15")
    assert director.serve_due() == 1
    asked = DirectorPage.objects.get(kind="promise")
    assert asked.about == str(first.id)
    lines = dict(director.fact_lines(asked))
    assert (lines["You said"], lines["Who was to do it"]) == ("Notify.", "V-2001")
    browser = sign_in(Client(), Staff.objects.get(staff_no="L-9001"))
    overview = browser.get(reverse("desk:director")).content.decode()
    assert "not seen done" in overview
    director.answer_act(page_id=asked.id, by=date(2026, 9, 17), **how)
    travel.to("2026-09-18")
    assert director.serve_due() == 1
    assert DirectorPage.objects.filter(kind="promise").count() == 2
    Breach.objects.filter(id=breach.id).update(closed_at=clock.now(), closed_by="V-2001")
    director.serve_due()
    first.refresh_from_db()
    asked.refresh_from_db()
    assert first.settled_at is not None
    assert asked.settled_at is not None
    assert Event.objects.filter(type="director.settled").count() == 2
    assert not director.overdue_promises()


def test_a_vacant_duty_is_put_before_the_director_and_again_when_it_empties(
    travel: Travel,
) -> None:
    """G-01, R24: one page for what never had anybody; a later vacancy is an event of its own."""
    boss = actor(staff("L-9001", Role.DIRECTOR))
    assert director.serve_due() == 1
    page = DirectorPage.objects.get(kind="vacant")
    assert len(page.facts["duties"]) == len(Duty)
    assert "Which pictures" in dict(director.fact_lines(page))["Nobody answers for"]
    director.answer_act(
        page_id=page.id, what="Name them.", who="L-9001", by=clock.today(), actor=boss
    )
    somebody_answers()
    assert director.serve_due() == 0
    page.refresh_from_db()
    assert page.settled_at is not None, "seen done: every duty has somebody"
    Staff.objects.filter(staff_no="S-9900").update(is_active=False)
    assert director.serve_due() == len(Duty)
    assert DirectorPage.objects.filter(kind="vacant").count() == 1 + len(Duty)


def test_a_task_of_the_impact_assessment_is_put_before_the_director(
    travel: Travel, head: Actor, settings: Any
) -> None:
    """P-09, R24: who approves it hears that it has to be looked at again."""
    approved()
    assert director.serve_due() == 0
    settings.DSR_REVIEW_THRESHOLD = 0.5
    assessment.keep_reviews()
    assert director.serve_due() == 1
    page = DirectorPage.objects.get(kind="assessment")
    assert ("Value", "0.5") in director.fact_lines(page)

"""Before and after the date of an order named persons are told, also without any case (R23)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.compliance import order_alarms, orders
from dsr_portal.compliance.models import Order, OrderAlarm, OrderState
from dsr_portal.core.actor import Actor
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def order(travel: Travel) -> Order:
    staff("L-9001", Role.DIRECTOR)
    staff("L-9002", Role.DIRECTOR)
    staff("P-3001", Role.DPO)
    staff("O-1001", Role.OFFICER)
    return entered(actor(staff("V-2001", Role.SUPERVISOR)))


def entered(by: Actor) -> Order:
    return orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference="MED-7",
            basis="ban",
            served_on=date(2026, 9, 10),
            due_on=date(2026, 9, 20),
            owner="L-9001",
            document=b"order",
        ),
        actor=by,
    )


def told(code: str) -> list[str]:
    rows = OrderAlarm.objects.filter(code=code, settled_at=None)
    return sorted(rows.values_list("to", flat=True))


def test_named_persons_are_told_three_days_and_one_day_before_and_when_it_is_late(
    travel: Travel, order: Order
) -> None:
    """R23, O-04: the date is a Sunday and nothing rolls; each step once to each person."""
    travel.to("2026-09-16")
    assert order_alarms.raise_due() == 0
    travel.to("2026-09-17")
    assert order_alarms.raise_due() == 2
    assert order_alarms.raise_due() == 0
    assert told("due_3") == ["L-9001", "V-2001"]
    travel.to("2026-09-19")
    order_alarms.raise_due()
    assert told("due_1") == ["L-9001", "P-3001", "V-2001"]
    assert told("due_3") == [], "what is not true any more stands no longer"
    travel.to("2026-09-20")
    assert order_alarms.raise_due() == 0, "its last day is not late"
    travel.to("2026-09-21")
    order_alarms.raise_due()
    assert told("late") == ["L-9001", "P-3001", "V-2001"]
    events = Event.objects.filter(type="order.escalated", subject_id=order.id)
    assert events.count() == Effect.objects.filter(kind=order_alarms.TOLD).count() == 8


def test_the_mail_names_the_day_and_the_page_and_not_the_reference(
    travel: Travel, order: Order
) -> None:
    travel.to("2026-09-17")
    order_alarms.raise_due()
    row = OrderAlarm.objects.get(to="L-9001")
    mail = jobs.preview(Effect.objects.get(kind=order_alarms.TOLD, subject_id=row.id))
    assert mail.to == "l-9001@halden.example"
    assert "20 September 2026" in mail.text
    assert str(order.id) in mail.text
    assert "MED-7" not in mail.subject + mail.text


def test_an_order_complied_with_tells_nobody_and_one_that_opens_again_stands_again(
    travel: Travel, order: Order
) -> None:
    travel.to("2026-09-21")
    order_alarms.raise_due()
    Order.objects.filter(id=order.id).update(
        state=OrderState.COMPLIED, complied_by="L-9001", complied_at=travel.now
    )
    assert order_alarms.raise_due() == 0
    assert told("late") == []
    Order.objects.filter(id=order.id).update(state=OrderState.OPEN)
    assert order_alarms.raise_due() == 0, "the mail was sent before"
    assert told("late") == ["L-9001", "P-3001", "V-2001"]


def test_where_who_answers_for_it_has_left_every_director_is_told(
    travel: Travel, order: Order
) -> None:
    Staff.objects.filter(staff_no="L-9001").update(is_active=False)
    travel.to("2026-09-17")
    order_alarms.raise_due()
    assert told("due_3") == ["L-9002", "V-2001"]


def test_queue_and_list_of_orders_show_it_to_whom_it_was_told_only(
    travel: Travel, order: Order, site: Any
) -> None:
    site("desk")
    travel.to("2026-09-21")
    order_alarms.raise_due()
    client = sign_in(Client(), Staff.objects.get(staff_no="V-2001"))
    other = sign_in(Client(), Staff.objects.get(staff_no="O-1001"))
    for name in ("desk:queue", "desk:orders"):
        assert "An order is late" in client.get(reverse(name)).content.decode()
    assert "An order is late" not in other.get(reverse("desk:queue")).content.decode()

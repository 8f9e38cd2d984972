"""Stopping collection at the desk, and lifting the stop with two persons (R23, R19; E-12)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.compliance import collection
from dsr_portal.compliance.models import StopLift
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.gallery.models import CollectionStop
from dsr_portal.gallery.services import collection_stopped, declare_source
from dsr_portal.jobs.models import Effect
from dsr_portal.jobs.services import preview
from tests.support.answers import OPERATOR
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def desk(site: Any) -> tuple[Client, Client]:
    """A supervisor and a director at the desk."""
    site("desk")
    return (
        sign_in(Client(), staff("V-1", Role.SUPERVISOR)),
        sign_in(Client(), staff("L-1", Role.DIRECTOR)),
    )


def test_one_person_stops_and_two_lift(desk: tuple[Client, Client]) -> None:
    """R23, R19: imports are refused at once; only another person lets them run again."""
    first, second = desk
    staff("D-1", Role.DPO)
    source = declare_source(name="Archive", legal_basis="none", actor=OPERATOR)
    page = first.post(reverse("desk:stop_collection"), {"reason": "order"}, follow=True)
    assert "All pictures" in page.content.decode()
    assert collection_stopped(source)
    row = CollectionStop.objects.get()
    ask = reverse("desk:propose_lift", kwargs={"stop_id": row.id})
    said = first.post(ask, {"reason": "The court annulled the order."}, follow=True)
    assert "Another person decides this." in said.content.decode()
    assert "Lift the stop" not in said.content.decode()
    decide = reverse("desk:decide_lift", kwargs={"lift_id": StopLift.objects.get().id})
    assert first.post(decide, {"do": "agree"}).status_code == 403
    assert collection_stopped(source)
    assert "Lift the stop" in second.get(reverse("desk:collection")).content.decode()
    second.post(decide, {"do": "agree"})
    assert not collection_stopped(source)
    mail = preview(Effect.objects.get(kind=collection.LIFTED))
    assert "V-1" in mail.text
    assert "L-1" in mail.text
    assert mail.to == "d-1@halden.example"


def test_rules_narrow_a_stop_and_wrong_codes_are_told(desk: tuple[Client, Client]) -> None:
    """R23: the country of the site, the language, place data; what was typed stays."""
    first, _second = desk
    address = reverse("desk:stop_collection")
    wrong = first.post(address, {"reason": "own", "country": "F1", "language": "fr"})
    assert wrong.status_code == 422
    assert "a code of two letters" in wrong.content.decode()
    assert 'value="fr"' in wrong.content.decode()
    assert not CollectionStop.objects.exists()
    first.post(address, {"reason": "own", "country": "fr", "with_place": "on"})
    row = CollectionStop.objects.get()
    assert (row.country, row.language, row.with_place) == ("FR", "", True)
    words = collection.words_of(row)
    assert words == "Pictures from sites of the country FR, that come with place data"


def test_a_stop_that_was_turned_down_stays_and_can_be_asked_about_again() -> None:
    one, two = actor(staff("V-1", Role.SUPERVISOR)), actor(staff("L-1", Role.DIRECTOR))
    row = collection.stop(actor=one, reason="own")
    ask = {"stop_id": row.id, "reason": "Enough.", "actor": one}
    lift = collection.propose_lift(**ask)
    with pytest.raises(Conflict, match="lift_waits"):
        collection.propose_lift(**ask)
    collection.turn_down_lift(lift_id=lift.id, actor=two)
    row.refresh_from_db()
    assert row.lifted_at is None
    with pytest.raises(Conflict, match="proposal_over"):
        collection.agree_lift(lift_id=lift.id, actor=two)
    again = collection.propose_lift(**ask)
    collection.agree_lift(lift_id=again.id, actor=two)
    with pytest.raises(Conflict, match="stop_lifted"):
        collection.propose_lift(**ask)
    told = Event.objects.filter(type__startswith="collection.").order_by("number")
    assert [event.type for event in told] == [
        "collection.lift_proposed",
        "collection.lift_turned_down",
        "collection.lift_proposed",
    ]
    assert Event.objects.filter(type="gallery.collection_resumed", actor_id="L-1").count() == 1


@pytest.mark.parametrize("role", [Role.OFFICER, Role.DPO])
def test_others_stop_and_lift_nothing(role: str) -> None:
    other = actor(staff("X-1", role))
    with pytest.raises(NotAllowed, match="stop_role"):
        collection.stop(actor=other, reason="own")
    row = collection.stop(actor=actor(staff("V-1", Role.SUPERVISOR)), reason="own")
    with pytest.raises(NotAllowed, match="stop_role"):
        collection.propose_lift(stop_id=row.id, reason="Why.", actor=other)


def test_the_database_knows_no_lift_by_one_person() -> None:
    """R19: a constraint, whatever code would write it."""
    row = collection.stop(actor=actor(staff("V-1", Role.SUPERVISOR)), reason="own")
    lift = {"stop": row, "reason": "x", "proposed_by": "V-1", "proposed_at": clock.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        StopLift.objects.create(**lift, decided_by="V-1", decided_at=clock.now(), agreed=True)

"""Whoever must not work on a request sees nothing of it on any page of the desk (X-09)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from dsr_portal.accounts.models import Role
from dsr_portal.cases import recusals
from dsr_portal.cases.mandate_models import Batch, Mandate, MandateKind
from dsr_portal.cases.models import (
    Alarm,
    ArrivedBy,
    Case,
    Channel,
    Escalation,
    Mail,
    MailRole,
    RightCode,
)
from dsr_portal.cases.page_models import PageAction, PageGround, PageVerdict, PageWish
from dsr_portal.compliance import breaches, orders
from dsr_portal.compliance.models import DirectorKind, DirectorPage
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.gallery.models import Notice, PutAside, Recipient, Restriction
from dsr_portal.gallery.services import OWN_DECISION
from dsr_portal.matching import browsing
from tests.support import cases as support
from tests.support.gallery import a_record, own_places
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]
ROLES = (Role.OFFICER, Role.SUPERVISOR, Role.DPO, Role.DIRECTOR)
NAMED_ON = {
    *("queue", "breaches", "breach", "own_locks", "recipients", "openings", "mails", "batch_made"),
    *("order", "director_page", "asides"),
}
"""Pages on which somebody at the desk finds the planted request; on all of them it is left out."""


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def planted(case: Case, chief: Actor, told: str) -> dict[str, UUID]:
    """Something of one request in every list of the desk; ids of the pages that show one thing."""
    now, record = clock.now(), a_record()
    breach = breaches.open_breach(
        kind="disclosed", aware_at=now, actor=chief, reference=case.reference
    )
    wish = PageWish.objects.create(case=case, way=case.ways.get(), asked_at=now)
    PageVerdict.objects.create(
        wish=wish,
        image_id=record.image_id,
        action=PageAction.LOCK,
        ground=PageGround.NO_BASIS,
        decided_by="X-1",
        decided_at=now,
        agreed_by="X-2",
        agreed_at=now,
    )
    Restriction.objects.create(record=record, case_id=case.id, reason_code=OWN_DECISION, since=now)
    aside = PutAside.objects.create(
        image=record.image, case_id=case.id, kind="ABUSE", found_by="X-1", found_at=now
    )
    Notice.objects.create(
        case_id=case.id,
        recipient=Recipient.objects.create(name="Lumen", country="NL"),
        ground=Notice.Ground.values[0],
        state=Notice.State.SENT,
        first_shown=now,
        last_shown=now,
        prepared_at=now,
        sent_at=now,
        released_at=now,
    )
    browsing.say_why(case_id=case.id, actor=chief, why="check", words="A look.")
    Mail.objects.create(
        case=case,
        role=MailRole.OPENED,
        unit=new_id(),
        arrived_at=now,
        arrived_by=ArrivedBy.values[0],
        fetched_at=now,
        size=1,
        parts=1,
    )
    batch = Batch.objects.create(
        content_hash="0" * 64, made_by="X-1", made_at=now, received_at=now, lines=1
    )
    Mandate.objects.create(
        case=case, kind=MandateKind.LAWYER, batch=batch, line=1, written_by="X-1", written_at=now
    )
    order = orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference="MED-1",
            basis="conform",
            served_on=clock.today(),
            due_on=date(clock.today().year + 1, 1, 1),
            owner=told,
            document=b"%PDF-1.4",
        ),
        actor=chief,
    )
    orders.add_measure(
        order_id=order.id, kind="answer", words="Answer.", named=[case.reference], actor=chief
    )
    page = DirectorPage.objects.create(
        kind=DirectorKind.FIRST_LATE,
        about=str(case.id),
        to=told,
        facts={"reference": case.reference, "day": clock.today().isoformat()},
        served_at=now,
    )
    return {
        "breach_id": breach.id,
        "batch_id": batch.id,
        "order_id": order.id,
        "page_id": page.id,
        "put_aside_id": aside.id,
    }


def desk_pages(ids: dict[str, UUID]) -> dict[str, str]:
    """Every address of the desk that is not of one request, as far as something is planted."""
    desk = next(
        one
        for one in get_resolver(django_settings.DSR_SITES["desk"]).url_patterns
        if getattr(one, "namespace", None) == "desk"
    )
    found = {}
    for entry in desk.url_patterns:
        assert isinstance(entry, URLPattern)
        wanted = entry.pattern.converters
        if set(wanted) <= set(ids):
            values = {key: ids[key] for key in wanted}
            found[str(entry.name)] = reverse(f"desk:{entry.name}", kwargs=values)
    return found


def test_no_page_of_the_desk_names_a_request_to_whom_it_may_be(site: Any) -> None:
    """X-09, R19: each list leaves it out, and a page about one thing of it is refused."""
    site("desk")
    people = {role: (staff(f"F-{n}", role), staff(f"O-{n}", role)) for n, role in enumerate(ROLES)}
    case = support.opened([RightCode.ACCESS], channel=Channel.WEB)
    away, free = people[Role.DIRECTOR][1], people[Role.SUPERVISOR][0]
    ids = planted(case, actor(free), away.staff_no)
    pages = desk_pages(ids)
    aside = reverse("desk:aside", kwargs={"put_aside_id": ids["put_aside_id"]})
    named = set()
    for one, other in people.values():
        recusals.recuse(case_id=case.id, actor=actor(other))
        for person in (one, other):
            Escalation.objects.create(
                case=case, code=Alarm.NOBODY_LEFT, to=person.staff_no, raised_at=clock.now()
            )
        browsers = [sign_in(Client(), person) for person in (one, other)]
        for name, address in pages.items():
            seen, hidden = (browser.get(address) for browser in browsers)
            marks = (case.reference.encode(), aside.encode())
            assert not any(mark in hidden.content for mark in marks), (name, other.role)
            if any(mark in seen.content for mark in marks):
                named.add(name)
    searched = sign_in(Client(), away).get(reverse("desk:queue"), {"q": case.reference})
    assert f">{case.reference}<" not in searched.content.decode()
    # The director's page was served to the one who is kept away; the data protection officer
    # reads it too.
    assert named >= NAMED_ON

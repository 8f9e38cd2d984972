"""What the AI Act asks to be said: five items one by one, and a signed statement (AI-02, AI-06)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.compliance import ai_act
from dsr_portal.compliance.models import BanStatement
from dsr_portal.compliance.report import build
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]
CHIEF = Actor("V-1", "supervisor", "staff")
DIRECTOR = Actor("L-1", "director", "staff")
STOPPED = date(2024, 3, 1)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def report() -> dict[str, dict[str, str]]:
    """The audit report of a case: section -> label -> what it says."""
    case = support.opened()
    built = build(case=case, authority_code="", requested_by="D-1", role="dpo")
    return {
        one["id"]: {str(label): str(value) for label, value in one.get("rows", [])}
        for one in built.context["sections"]
    }


def test_nobody_stated_anything_is_printed_so() -> None:
    """AI-02: empty prints 'not stated by the controller'; an unsigned statement is none."""
    ai_act.state(stopped_on=STOPPED, proof="Order MED-7.", actor=CHIEF)
    printed = report()["scope"]["AI Act, Art. 5(1)(e)"]
    assert printed == "date collection stopped: not stated by the controller"


def test_a_signed_statement_is_printed_with_day_proof_and_who(settings: Any) -> None:
    """AI-02: date collection stopped, proof, sign-off by a named director."""
    staff("L-1", Role.DIRECTOR)
    row = ai_act.state(stopped_on=STOPPED, proof="Order MED-7; crawler ended.", actor=CHIEF)
    ai_act.sign(statement_id=row.id, actor=DIRECTOR)
    printed = report()["scope"]["AI Act, Art. 5(1)(e)"]
    for words in ("1 March 2024", "Order MED-7; crawler ended.", "Person L-1 (L-1)"):
        assert words in printed
    told = Event.objects.filter(type__startswith="statement.").order_by("number")
    assert [one.type for one in told] == ["statement.written", "statement.signed"]


def test_the_newest_signed_statement_counts_and_the_older_stays() -> None:
    for day in (STOPPED, STOPPED + timedelta(days=9)):
        row = ai_act.state(stopped_on=day, proof="Log.", actor=CHIEF)
        ai_act.sign(statement_id=row.id, actor=DIRECTOR)
    assert BanStatement.objects.count() == 2
    assert "10 March 2024" in ai_act.statement_words()


def test_two_persons_and_a_director_sign() -> None:
    """AI-02, G-01: in the service and in the database."""
    for nobody in (Actor("S-1", "officer", "staff"), Actor.operator()):
        with pytest.raises(NotAllowed, match="statement_role"):
            ai_act.state(stopped_on=STOPPED, proof="x", actor=nobody)
    with pytest.raises(BadInput, match="day_ahead"):
        ai_act.state(stopped_on=clock.today() + timedelta(days=1), proof="x", actor=CHIEF)
    with pytest.raises(BadInput, match="proof_missing"):
        ai_act.state(stopped_on=STOPPED, proof=" ", actor=CHIEF)
    row = ai_act.state(stopped_on=STOPPED, proof="x", actor=DIRECTOR)
    with pytest.raises(NotAllowed, match="statement_director"):
        ai_act.sign(statement_id=row.id, actor=CHIEF)
    with pytest.raises(NotAllowed, match="second_person"):
        ai_act.sign(statement_id=row.id, actor=DIRECTOR)
    with pytest.raises(IntegrityError), transaction.atomic():
        BanStatement.objects.update(signed_by="L-1", signed_at=clock.now())
    other = Actor("L-2", "director", "staff")
    ai_act.sign(statement_id=row.id, actor=other)
    with pytest.raises(Conflict, match="signed_already"):
        ai_act.sign(statement_id=row.id, actor=other)


@pytest.mark.parametrize(
    ("name", "article", "says"),
    [
        ("instructions", "Art. 13", "Look at each possible match yourself"),
        ("accuracy", "Art. 13(3)(b)(ii), 15", "not tested here"),
        ("limits", "Art. 13(3)(b)(iii)", "A search can miss pictures"),
        ("oversight", "Art. 14", "decides without seeing the first decision"),
        ("explanation", "Art. 86", "Two people compared the faces"),
    ],
)
def test_each_of_the_five_items_stands_in_the_audit_report(
    name: str, article: str, says: str
) -> None:
    """AI-06: all five, one by one, word for word those of the help page."""
    (item,) = (one for one in ai_act.items() if one.name == name)
    label = f"{item.heading} ({item.law})"
    assert article in label
    assert says in item.text
    assert report()["ai-act"][label] == item.text


def test_the_help_page_has_the_five_items_and_takes_the_statement(site: Any) -> None:
    """AI-02, AI-06: everybody at the desk reads it; a supervisor writes, a director signs."""
    site("desk")
    officer, chief, head = (
        sign_in(Client(), staff(number, role))
        for number, role in (
            ("S-2", Role.OFFICER),
            ("V-2", Role.SUPERVISOR),
            ("L-2", Role.DIRECTOR),
        )
    )
    page, act = reverse("desk:ai_act"), reverse("desk:ai_statement")
    seen = officer.get(page).content.decode()
    for item in ai_act.items():
        assert item.heading in seen
    assert chief.post(act, {"proof": "Log."}).status_code == 422
    assert chief.post(act, {"stopped_on": "2024-03-01", "proof": "Log."}).url == page
    row = BanStatement.objects.get()
    assert "I sign this" not in chief.get(page).content.decode()
    assert "I sign this" in head.get(page).content.decode()
    sign = reverse("desk:ai_sign", kwargs={"statement_id": row.id})
    assert chief.post(sign).status_code == 403
    assert head.post(sign).url == page
    assert "1 March 2024" in officer.get(page).content.decode()

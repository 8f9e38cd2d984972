"""The register of accountable persons, and no decision without one (G-01, G-02, L-16; rule R24)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance import accountability
from dsr_portal.compliance.accountable_models import Accountable, Duty
from dsr_portal.compliance.report import build
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def head() -> Actor:
    return actor(staff("L-1", Role.DIRECTOR))


@pytest.fixture
def chief() -> Actor:
    return actor(staff("V-1", Role.SUPERVISOR))


def named(by: Actor, whom: str, duty: str = Duty.MATCHES, **more: Any) -> Accountable:
    how = {"stands_in": False, "from_on": clock.today(), "until_on": None, **more}
    return accountability.name(duty=duty, staff_no=whom, actor=by, **how)


def test_a_director_names_the_person_agrees_and_the_register_keeps_it(
    head: Actor, chief: Actor
) -> None:
    """G-01, L-16: name, duty, from, to, who stands in; two persons for each entry."""
    row = named(head, "V-1")
    assert accountability.waiting() == [row]
    assert Duty.MATCHES in accountability.vacant(), "nobody answers before they agreed"
    with pytest.raises(NotAllowed):
        accountability.agree(row_id=row.id, actor=head)
    with pytest.raises(NotAllowed):
        accountability.agree(row_id=row.id, actor=actor(staff("S-9")))
    accountability.agree(row_id=row.id, actor=chief)
    staff("S-2")
    deputy = named(head, "S-2", stands_in=True, until_on=clock.today() + timedelta(days=9))
    accountability.agree(row_id=deputy.id, actor=Actor("S-2", "officer", "staff"))
    line = accountability.register()[0]
    assert [one.staff_no for one in line.first] == ["V-1"]
    assert [one.staff_no for one in line.deputies] == ["S-2"]
    assert not line.vacant
    with pytest.raises(Conflict, match="Somebody is named"):
        named(head, "S-2")
    later = clock.today() + timedelta(days=20)
    assert not accountability.in_force(later, Duty.MATCHES).filter(staff_no="S-2").exists()
    accountability.end(row_id=row.id, actor=head)
    named(head, "S-2", from_on=clock.today() + timedelta(days=1))
    types = list(
        Event.objects.filter(type__startswith="accountable.").values_list("type", flat=True)
    )
    assert sorted(types) == sorted(
        ["accountable.named"] * 3 + ["accountable.agreed"] * 2 + ["accountable.ended"]
    )
    assert audit.verify().ok


def test_who_may_name_and_be_named(head: Actor, chief: Actor) -> None:
    """G-02: the data protection officer decides nothing, so answers for nothing."""
    staff("D-1", Role.DPO)
    for by in (chief, Actor("D-1", "dpo", "staff"), Actor.operator()):
        with pytest.raises(NotAllowed):
            named(by, "V-1")
    for wrong in (
        {"whom": "D-1"},
        {"whom": "X-0"},
        {"whom": "V-1", "duty": "lunch"},
        {"whom": "V-1", "from_on": clock.today() - timedelta(days=1)},
        {"whom": "V-1", "until_on": clock.today() - timedelta(days=1)},
    ):
        with pytest.raises(BadInput):
            named(head, **wrong)
    own = named(head, "L-1", Duty.SETTINGS)
    with pytest.raises(NotAllowed):
        accountability.agree(row_id=own.id, actor=head)
    accountability.agree(row_id=own.id, actor=chief)
    with pytest.raises(IntegrityError), transaction.atomic():
        Accountable.objects.filter(id=own.id).update(agreed_by="L-1")


def test_a_duty_nobody_can_answer_for_any_more_is_told(
    head: Actor, chief: Actor, client: Client, site: Any
) -> None:
    """R24: a closed account answers for nothing; check and director's page say it."""
    for duty in Duty:
        accountability.agree(row_id=named(head, "V-1", duty).id, actor=chief)
    assert accountability.vacant() == []
    assert "compliance.W001" not in _warned()
    Staff.objects.filter(staff_no="V-1").update(is_active=False)
    assert accountability.vacant() == list(Duty)
    assert "compliance.W001" in _warned()
    site("desk")
    browser = sign_in(client, Staff.objects.get(staff_no="L-1"))
    page = browser.get(reverse("desk:director")).content.decode()
    assert "Nobody answers for some decisions" in page


def _warned() -> set[str | None]:
    return {one.id for one in run_checks(tags=["database"], databases=["default"])}


def test_a_decision_of_no_named_human_is_found(head: Actor, chief: Actor) -> None:
    """G-01, P-12: planted in the trail, it stands out; a person's own decisions do not."""
    case = support.opened()
    support.delivered(case)
    staff(support.OFFICER.id) if support.OFFICER.id not in _numbers() else None
    assert accountability.orphans() == []
    with unit_of_work():
        record(
            "proposal.agreed",
            actor=Actor.system("robot"),
            case_id=case.id,
            subject_id=new_id(),
            kind="extension",
            left=0,
        )
    (found,) = accountability.orphans()
    assert found.actor_id == "robot"


def _numbers() -> set[str]:
    return set(Staff.objects.values_list("staff_no", flat=True))


def test_the_audit_report_says_who_answered_on_that_day(head: Actor, chief: Actor) -> None:
    """L-16: the named person at the time, and who took the decision."""
    case = support.opened()
    with unit_of_work():
        record(
            "proposal.agreed",
            actor=chief,
            case_id=case.id,
            subject_id=new_id(),
            kind="extension",
            left=0,
        )
    before = _answers(case)
    assert before == [
        ("What is answered, held back or refused", "V-1", "nobody named in the register", "1")
    ]
    row = named(head, "L-1", Duty.ANSWERS)
    accountability.agree(row_id=row.id, actor=chief)
    assert _answers(case)[0][2] == "L-1"


def _answers(case: Any) -> list[Any]:
    report = build(case=case, authority_code="", requested_by="D-1", role="dpo")
    section = next(one for one in report.context["sections"] if one["id"] == "people")
    return list(section["table"]["rows"])


def test_the_page_shows_it_to_all_and_only_directors_name(
    head: Actor, chief: Actor, site: Any
) -> None:
    site("desk")
    boss, officer = (sign_in(Client(), Staff.objects.get(staff_no=one)) for one in ("L-1", "V-1"))
    path = reverse("desk:accountable")
    assert "Name this person" in boss.get(path).content.decode()
    read = officer.get(path).content.decode()
    assert "Name this person" not in read
    assert "checked a moment ago" in read
    given = {"duty": "erasure", "staff_no": "V-1", "from_on": clock.today().isoformat()}
    name = reverse("desk:accountable_name")
    assert officer.post(name, given).status_code == 403
    assert boss.post(name, {**given, "staff_no": "nobody"}).status_code == 422
    assert boss.post(name, given).status_code == 302
    settle = reverse("desk:accountable_settle", kwargs={"row_id": Accountable.objects.get().id})
    assert boss.post(settle, {"do": "agree"}).status_code == 403
    assert officer.post(settle, {"do": "agree"}).status_code == 302
    assert "V-1" in officer.get(path).content.decode()
    assert boss.post(settle, {"do": "end"}).status_code == 302

"""An erasure is confirmed once it is stated what other systems held and what became of it."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from dsr_portal.audit.models import Event
from dsr_portal.cases import other_systems, standing_answers
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Status
from dsr_portal.cases.other_models import SearchedSystem
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.desk.next_step import next_step
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document
from dsr_portal.erasure import certificate
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState, WaitCode
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of

pytestmark = pytest.mark.django_db(transaction=True)

DPO = Actor("D-3001", "dpo", "staff")
CHIEF = Actor("S-2001", "supervisor", "staff")
HELD = "Two mails of 3 May name you."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def test_an_erasure_without_an_answer_is_done_at_once_and_confirmed_when_all_is_stated() -> None:
    """A-17, E-14, Art. 17(1): nobody's erasure waits for other systems; its confirmation does."""
    own = lab.picture(1)
    case = lab.ready_case([own.records[0]], rights=["erasure"])
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    doors = other_systems.enter(name="Door control", kind="other", actor=DPO)
    row = standing_answers.propose(
        system_id=doors.id,
        reason="It has card numbers only.",
        until=clock.today() + timedelta(days=30),
        actor=DPO,
    )
    standing_answers.agree(standing_id=row.id, actor=CHIEF)
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
    assert (plan.state, plan.waits_for) == (PlanState.VERIFYING, WaitCode.SYSTEMS)
    assert plan.document_id is None
    assert case.status == Status.ERASING
    assert case.flags.filter(code="systems_to_state").exists()
    assert plan.kit_unit is not None
    assert vault.unit_state(plan.kit_unit) == vault.UnitState.SHREDDED, "R30"
    assert next_step(case, support.OFFICER).page == "desk:searched"
    assert erasure.certify_settled() == 0

    with pytest.raises(Conflict) as nothing:
        there(case, mail, "deleted")
    assert nothing.value.code == "nothing_found_there"
    found(case, mail)
    assert erasure.certify_settled() == 0, "found, and nobody said what became of it"
    with pytest.raises(BadInput):
        there(case, mail, "kept", by=support.SECOND)
    with pytest.raises(NotAllowed):
        there(case, mail, "kept", "A court asked for it.")
    there(case, mail, "kept", "A court asked for it.", by=support.SECOND)
    found(case, mail)
    assert SearchedSystem.objects.get(system=mail).erased == "", "found again: said again"
    there(case, mail, "deleted", "Both mails, by hand.")
    assert erasure.certify_settled() == 1
    assert erasure.certify_settled() == 0
    lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.DONE, "")
    assert case.status == Status.CLOSED
    assert plan.document_id is not None
    said = text_of(documents.open_document(plan.document_id))
    for part in (
        "Other systems of ours",
        "Nothing was deleted in these by the program",
        "Deleted there",
        HELD,
        "Both mails, by hand.",
        "Not searched for you",
        "It has card numbers only.",
    ):
        assert part in said
    unit = Document.objects.get(id=plan.document_id).unit
    machine = json.loads(vault.read(unit, certificate.JSON))["payload"]["other_systems"]
    assert {one["name"]: one["erased"] for one in machine} == {
        "Mailboxes": "deleted",
        "Door control": None,
    }
    seen = [one.data for one in Event.objects.filter(type="systems.erased_there")]
    assert [one["erased"] for one in seen] == ["kept", "deleted"]
    assert "mails" not in json.dumps(seen)


def test_a_request_taken_back_while_it_is_erased_can_still_be_stated_and_ends() -> None:
    """A-17, E-14, R3, L-23: whoever takes it back then does not leave a case nobody can finish."""
    case = lab.ready_case([lab.picture(1).records[0]], rights=["erasure"])
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    cases.withdraw(case_id=case.id, actor=support.person(case))
    case.refresh_from_db()
    assert case.status == Status.ERASING
    assert next_step(case, support.OFFICER).page == "desk:searched"
    found(case, mail)
    there(case, mail, "deleted")
    assert erasure.certify_settled() == 1
    lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    assert (plan.state, case.status) == (PlanState.DONE, Status.CLOSED)
    with pytest.raises(Conflict):
        found(case, mail)


def test_a_find_is_taken_back_by_another_person_once_its_erasure_runs() -> None:
    """A-17, E-03, E-14: else one person alone would free a find from being deleted or kept."""
    case = lab.ready_case([lab.picture(1).records[0]], rights=["erasure"])
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    found(case, mail)
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    take_back = partial(
        other_systems.state,
        case_id=case.id,
        system_id=mail.id,
        outcome="not_here",
        words="It was another person of that name.",
    )
    with pytest.raises(NotAllowed, match="another person"):
        take_back(actor=support.OFFICER)
    assert SearchedSystem.objects.get(system=mail).outcome == "found"
    take_back(actor=support.SECOND)
    assert erasure.certify_settled() == 1


def test_with_none_listed_the_certificate_says_who_stated_that() -> None:
    """A-17: no statement of a director, no confirmation; with it, its day is printed."""
    case = lab.ready_case([lab.picture(1).records[0]])
    other_systems.NoOtherSystems.objects.all().delete()
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.waits_for == WaitCode.SYSTEMS
    other_systems.state_none(actor=Actor("L-1", "director", "staff"))
    assert erasure.certify_settled() == 1
    lab.run_all()
    plan.refresh_from_db()
    assert plan.document_id is not None
    assert "a director stated that no other system" in text_of(
        documents.open_document(plan.document_id)
    )


def found(case: Any, system: Any) -> None:
    other_systems.state(
        case_id=case.id, system_id=system.id, outcome="found", words=HELD, actor=support.OFFICER
    )


def there(case: Any, system: Any, erased: str, words: str = "", by: Any = support.OFFICER) -> None:
    other_systems.state_erased(
        case_id=case.id, system_id=system.id, erased=erased, words=words, actor=by
    )

"""The controller's other systems are searched by people before an answer (law A-17)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import other_systems
from dsr_portal.cases.models import SearchedSystem
from dsr_portal.compliance import report
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.desk.next_step import next_step
from dsr_portal.disclosure import services as disclosure
from dsr_portal.documents import services as documents
from tests.support import answers
from tests.support.answers import DPO, OFFICER, a_face, text_of
from tests.support.assessed import DIRECTOR
from tests.support.gallery import own_places
from tests.support.matching import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


def letter(answer: Any) -> str:
    assert answer.document_id is not None, answer.error_code
    return text_of(documents.open_document(answer.document_id))


def test_no_answer_is_made_before_each_listed_system_is_stated() -> None:
    """A-17: a missing result blocks; then answer, report and trail say what was searched."""
    case = answers.found(a_face())
    archive = other_systems.enter(name="Old archive", kind="archive", actor=DPO)
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    other_systems.state(case_id=case.id, system_id=archive.id, outcome="nothing", actor=OFFICER)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "systems_not_searched"
    assert "Mailboxes" in str(waits.value.message)
    assert "archive" not in str(waits.value.message)
    assert next_step(case, OFFICER).page == "desk:searched"
    for outcome in ("found", "not_here"):
        with pytest.raises(BadInput):
            other_systems.state(
                case_id=case.id, system_id=mail.id, outcome=outcome, words=" ", actor=OFFICER
            )
    words = "Two mails of 3 May 2025 name you as the person in the picture."
    other_systems.state(
        case_id=case.id, system_id=mail.id, outcome="found", words=words, actor=OFFICER
    )
    assert next_step(case, OFFICER).form == "answer"
    text = letter(answers.answered(case))
    for part in ("Old archive", "Searched, nothing found", "Mailboxes", words):
        assert part in text
    told = report._systems(case)
    assert [name for name, _words in told["rows"]] == [
        "Mailboxes (E-mail about the person)",
        "Old archive (Archive)",
    ]
    assert words not in json.dumps(told["rows"])
    seen = Event.objects.filter(type="systems.searched").order_by("number")
    assert [one.data["outcome"] for one in seen] == ["nothing", "found"]
    assert all(words not in json.dumps(one.data) for one in seen)
    other_systems.end(system_id=mail.id, actor=DPO)
    assert [one.system.name for one in other_systems.lines(case)] == ["Old archive", "Mailboxes"]


def test_with_none_listed_a_director_states_it_once() -> None:
    """A-17: nothing said is no statement; a system that is listed later ends it."""
    case = answers.found(a_face())
    archive = other_systems.enter(name="Old archive", kind="archive", actor=DPO)
    with pytest.raises(Conflict):
        other_systems.state_none(actor=DIRECTOR)
    other_systems.end(system_id=archive.id, actor=DPO)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "systems_not_listed"
    assert "no director stated" in report._systems(case)["text"]
    for nobody in (OFFICER, DPO, Actor.operator()):
        with pytest.raises(NotAllowed):
            other_systems.state_none(actor=nobody)
    stated = other_systems.state_none(actor=DIRECTOR)
    assert other_systems.state_none(actor=DIRECTOR) == stated
    assert "a director of" in letter(answers.answered(case))
    assert DIRECTOR.id in report._systems(case)["text"]
    other_systems.enter(name="Log store", kind="logs", actor=DPO)
    assert other_systems.none_stated() is None


def test_the_pages_list_and_state(site: Any) -> None:
    """A-17: one line a system; a wrong line keeps what was written."""
    case = answers.found(a_face())
    site("desk")
    chief = sign_in(Client(), Staff.objects.get(staff_no="S-2001"))
    desk = sign_in(Client(), Staff.objects.get(staff_no="A-1001"))
    act, register = reverse("desk:other_systems_act"), reverse("desk:other_systems")
    assert chief.post(act, {"name": "", "kind": "logs"}).status_code == 422
    assert chief.post(act, {"name": "Log store", "kind": "logs"}).status_code == 302
    assert b"Log store" in chief.get(register).content
    system = other_systems.listed()[0]
    page = reverse("desk:searched", kwargs={"reference": case.reference})
    wrong = desk.post(page, {"system": system.id, "outcome": "not_here", "words": ""})
    assert wrong.status_code == 422
    assert not SearchedSystem.objects.exists()
    said = {"system": system.id, "outcome": "not_here", "words": "It began in 2026."}
    assert desk.post(page, said).status_code == 302
    assert b"It began in 2026." in desk.get(page).content
    assert desk.post(page, {**said, "system": "x"}).status_code == 422
    assert chief.post(act, {"do": "end", "system": system.id}).status_code == 302
    assert other_systems.listed() == []

"""Answers of somebody who must not work on the case: other people make them anew (X-09, R19)."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.matching import recusing
from tests.support import answers
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, a_face
from tests.support.gallery import own_places
from tests.support.matching import review_of, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: Any) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def approved() -> Answer:
    """Decided by the two officers, prepared by the first one, approved by the supervisor."""
    answers.staff()
    answer = answers.answered(answers.found(a_face(seed=1)))
    return disclosure.approve_answer(answer_id=answer.id, actor=SUPERVISOR)


def after(answer: Answer, actor: Actor) -> Case:
    recusing.recuse(case_id=answer.case_id, actor=actor)
    answer.refresh_from_db()
    return Case.objects.get(id=answer.case_id)


def test_what_one_of_the_two_decided_does_not_leave(approved: Answer) -> None:
    """Nor what other people approved: it rests on their word, so two others compare anew."""
    case = after(approved, SECOND)
    assert approved.state == AnswerState.SET_ASIDE
    assert (case.status, case.outcome, case.decided_at) == (Status.IN_REVIEW, "", None)
    assert review_of(case).state == "first"
    assert cases.release_batch(actor=SUPERVISOR) == 0
    assert Event.objects.filter(case_id=case.id, type="case.sent_back").count() == 1


def test_what_only_was_approved_by_them_is_made_anew(approved: Answer) -> None:
    """What two others decided stands."""
    case = after(approved, SUPERVISOR)
    assert approved.state == AnswerState.SET_ASIDE
    assert case.status == Status.DECIDED
    assert cases.release_batch(actor=OFFICER) == 0
    assert answers.released(answers.answered(case)).status == Status.DELIVERED


def test_what_left_is_told_to_the_others(approved: Answer) -> None:
    assert cases.release_batch(actor=SUPERVISOR) == 1
    case = after(approved, SECOND)
    assert (approved.state, case.status) == (AnswerState.APPROVED, Status.DELIVERED)
    assert [flag.code for flag in case.flags.all()] == [recusing.FLAG]
    assert recusing.free_parts() == 0
    assert Event.objects.filter(case_id=case.id, type="case.flagged").count() == 1


def test_the_batch_by_hand_says_what_it_kept(approved: Answer, site: Any, client: Any) -> None:
    """The demo's button: an answer they can't send does not stay behind in silence."""
    site("desk")
    person = Staff.objects.get(staff_no="D-3001")
    Staff.objects.filter(id=person.id).update(role="supervisor")
    browser = sign_in(client, Staff.objects.get(id=person.id))
    recusing.recuse(case_id=approved.case_id, actor=Actor("D-3001", "supervisor", "staff"))
    page = browser.post(reverse("desk:release"), follow=True).content.decode()
    assert "0 answers left." in page
    assert "A colleague can." in page
    assert Answer.objects.get(id=approved.id).state == AnswerState.APPROVED

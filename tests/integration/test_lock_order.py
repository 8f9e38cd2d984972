"""Of the rows of a case the case itself is locked first, everywhere: nobody waits in a circle.

On PostgreSQL two services that lock the same rows in two orders stop each other; SQLite has one
writer and shows nothing, so the statements are watched.
"""

from __future__ import annotations

from typing import Any

import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import deliveries, services
from dsr_portal.cases.models import Case, Delivery
from dsr_portal.disclosure import asides as put_asides
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.gallery.models import PutAside
from dsr_portal.matching import asides
from dsr_portal.matching import services as matching_services
from dsr_portal.matching.models import Decision, Position, Review, Verdict
from tests.support import answers, lock_order
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, a_face
from tests.support.gallery import own_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


def test_an_answer_is_made_approved_released_and_opened_with_its_case_locked_first() -> None:
    with lock_order.watched() as wrong:
        case = answers.found(a_face(seed=1))
        disclosure.approve_answer(answer_id=answers.answered(case).id, actor=SECOND)
        services.release_batch(actor=SECOND)
        delivery = Delivery.objects.get(case=case)
        services.open_delivery(
            token=services.link_token(delivery), code=services.receipt_code(case)
        )
        deliveries.renew_deliveries(case=case, actor=OFFICER)
        disclosure.end_packages()
        disclosure.close_failed()
    assert wrong == []


def test_a_picture_put_aside_locks_every_case_it_stands_in_before_their_answers() -> None:
    face = a_face(seed=1)
    other = answers.found(face)
    answers.answered(other)
    case = answers.searched(answers.requested(), [face])
    with lock_order.watched() as wrong:
        review = Review.objects.get(case=case)
        matching_services.take_review(review_id=review.id, actor=OFFICER)
        decision = Decision.objects.get(
            review__case=case, candidate__record=face, position=Position.FIRST
        )
        row = put_asides.put_aside(
            case_id=case.id, decision_id=decision.id, kind=PutAside.Kind.INTIMATE, actor=OFFICER
        )
        for candidate in asides.to_say(row, SUPERVISOR):
            asides.say(candidate_id=candidate.id, verdict=Verdict.SAME, actor=SUPERVISOR)
        put_asides.confirm(put_aside_id=row.id, kind=PutAside.Kind.INTIMATE, actor=SUPERVISOR)
    assert wrong == []
    assert Answer.objects.filter(case=other).latest("frozen_at").state == AnswerState.SET_ASIDE


def test_what_is_watched_names_a_row_that_is_locked_before_its_case() -> None:
    """The canary: the order that was wrong is seen, the right one is not."""
    case = answers.found(a_face(seed=1))
    answers.answered(case)
    with lock_order.watched() as wrong:
        with unit_of_work():
            list(Answer.objects.select_for_update().filter(case=case))
            Case.objects.select_for_update().get(id=case.id)
        assert wrong == ["disclosure.Answer"]
        with unit_of_work():
            Case.objects.select_for_update().get(id=case.id)
            list(Answer.objects.select_for_update().filter(case=case))
        assert wrong == ["disclosure.Answer"]
    labels = {model._meta.label for model in lock_order.of_a_case()}
    assert {"cases.Delivery", "matching.Probe", "matching.Decision", "erasure.Plan"} <= labels

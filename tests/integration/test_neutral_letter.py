"""One check of who asks locks pictures and gives nothing away (R2, R3, R7; law A-15, P-10)."""

from __future__ import annotations

from typing import Any

import pypdfium2
import pytest

from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, RightCode, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery.models import Record
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Verdict
from dsr_portal.public import deleting
from tests.support import answers
from tests.support.answers import OFFICER, a_face, text_of
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


@pytest.fixture
def one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The officer records one way and no further element: L1."""

    def identified(case: Case) -> Case:
        return matching.record_identity(
            case_id=case.id,
            actor=OFFICER,
            way="call",
            element="",
            compared="Face on the call and in the photo are alike.",
        )

    monkeypatch.setattr(answers, "identified", identified)


def answer_to(rights: list[str], *hits: Record) -> Answer:
    case = answers.searched(answers.requested(rights=rights), hits)
    return answers.answered(answers.decided(case, {hit.id: Verdict.SAME for hit in hits}))


def letter(answer: Answer) -> str:
    assert answer.document_id is not None
    text = text_of(documents.open_document(answer.document_id))
    return text.replace(answer.case.reference, "REF")


def pages(answer: Answer) -> int:
    assert answer.document_id is not None
    return len(pypdfium2.PdfDocument(documents.open_document(answer.document_id)))


def first_page(answer: Answer) -> str:
    """Up to the part about this one document: its number, moment and checksum."""
    return letter(answer).split("How to check this document")[0]


@pytest.mark.usefixtures("one_check")
@pytest.mark.parametrize("right", [RightCode.RESTRICTION, RightCode.OBJECTION])
def test_what_one_check_is_enough_for_discloses_nothing(right: str) -> None:
    """R2: nobody gets pictures, package or a count with one check, not even when all is decided."""
    face = a_face(seed=1)
    answer = answer_to([right], face)
    assert (answer.state, answer.kind) == (AnswerState.READY, AnswerKind.NEUTRAL)
    assert (answer.case.level, answer.package_unit, answer.records.count()) == (1, None, 0)
    face.refresh_from_db()
    assert face.state == Record.State.RESTRICTED
    case = answers.released(answer)
    delivery = case.deliveries.get()
    assert [part.media_type for part in delivery.parts.all()] == ["application/pdf"]
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.NEUTRAL)
    assert "does not say whether we hold pictures of you" in letter(answer)


@pytest.mark.usefixtures("one_check")
def test_the_letter_is_the_same_whether_something_was_found_or_not() -> None:
    """R3: word for word, page for page."""
    hit = answer_to([RightCode.RESTRICTION], a_face(seed=1))
    none = answer_to([RightCode.RESTRICTION])
    assert {hit.kind, none.kind} == {AnswerKind.NEUTRAL}
    assert first_page(hit) == first_page(none)
    assert pages(hit) == pages(none)


@pytest.mark.usefixtures("one_check")
def test_nothing_is_deleted_after_one_check() -> None:
    """R2: "Delete now" adds the wish to delete, which asks L2; the person is told how to go on."""
    case = answers.released(answer_to([RightCode.RESTRICTION], a_face(seed=1)))
    code = cases.receipt_code(case)
    with pytest.raises(Conflict) as refused:
        deleting.delete_now(case=case, code=code)
    assert refused.value.code == "level_not_met"
    assert "new request" in str(refused.value.message)
    case.refresh_from_db()
    assert (case.status, case.delete_now_at) == (Status.DELIVERED, None)
    assert not case.rights.filter(right=RightCode.ERASURE).exists()


def test_an_erasure_asks_two_whatever_the_case_says() -> None:
    """R2: the erasing room asks for the level itself; with the second element it begins."""
    case = answers.released(answer_to([RightCode.ACCESS, RightCode.ERASURE], a_face(seed=1)))
    Case.objects.filter(id=case.id).update(level=1)
    with pytest.raises(Conflict) as refused:
        erasure.start_erasure(case_id=case.id, actor=Actor.person(case.id))
    assert refused.value.code == "level_not_met"
    Case.objects.filter(id=case.id).update(level=2)
    assert erasure.start_erasure(case_id=case.id, actor=Actor.person(case.id)).state == "hold"


def test_two_checks_disclose_as_before() -> None:
    """R2: who shows more gets more, also for a request that asked less."""
    answer = answer_to([RightCode.RESTRICTION], a_face(seed=1))
    assert (answer.case.level, answer.kind) == (2, AnswerKind.DISCLOSURE)

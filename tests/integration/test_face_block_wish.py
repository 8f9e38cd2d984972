"""The face block: kept at erasure, only by a tick of its own, ended by one click (R8, E-13)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dsr_portal.audit.models import Event
from dsr_portal.cases import objections
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Consent, ConsentScope, Letter, LetterState
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import face_blocks
from dsr_portal.gallery.models import FaceBlock
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def agree(case: Case) -> None:
    cases.record_consent(case_id=case.id, scope=ConsentScope.BLOCK_LIST, actor=support.person(case))


def erase(case: Case) -> Plan:
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    return plan


def text_of(plan: Plan) -> str:
    import pypdfium2

    assert plan.document_id is not None
    pages = pypdfium2.PdfDocument(documents.open_document(plan.document_id))
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)


def page_of(case: Case) -> tuple[Client, str]:
    browser = Client()
    data = {"reference": case.reference, "code": cases.receipt_code(case)}
    answer = browser.post("/status/", data, follow=True)
    return browser, answer.content.decode()


def test_no_tick_no_code() -> None:
    """R8: the consent to compare does not carry it."""
    plan = erase(lab.ready_case([lab.picture(1).records[0]]))
    assert not FaceBlock.objects.exists()
    assert "No face code is kept to recognise you." in text_of(plan)


def test_with_the_tick_a_code_of_its_own_is_kept_and_ended_on_the_page(site: Any) -> None:
    """E-12, E-13: the old template turns the same person away, until one click ends it."""
    shown = lab.picture(1)
    case = lab.ready_case([shown.records[0]])
    agree(case)
    plan = erase(case)
    (row,) = FaceBlock.objects.all()
    assert face_blocks.Gate().turns_away([shown.templates[0], lab.template(999)]) == [True, False]
    assert "a protected face code of yours is kept apart until" in text_of(plan)
    assert not lab.found_in_files(lab.plain_patterns(shown))
    site("public")
    cases.release_batch(actor=support.SECOND)
    browser, page = page_of(case)
    assert "End the face block" in page
    page = browser.post("/status/face-block/end/", follow=True).content.decode()
    assert "No face code of yours is kept" in page
    assert "End the face block" not in page
    vault.run_shred()
    assert vault.unit_state(row.unit) == vault.UnitState.SHREDDED
    assert face_blocks.Gate().turns_away([shown.templates[0]]) == [False]
    assert Event.objects.get(type="face_block.ended").data == {"reason": "wish"}


def test_a_tick_taken_back_before_the_erasure_leaves_nothing() -> None:
    case = lab.ready_case([lab.picture(1).records[0]])
    agree(case)
    cases.withdraw_consent(
        case_id=case.id, actor=support.person(case), scope=ConsentScope.BLOCK_LIST
    )
    erase(case)
    assert not FaceBlock.objects.exists()


def test_a_tick_taken_back_while_the_code_is_made_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R8: whoever withdrew held the case's lock; the step waits for it before it asks again."""
    case = lab.ready_case([lab.picture(1).records[0]])
    agree(case)
    real = erasure.lock_case_of

    def waits(plan_id: Any) -> None:
        real(plan_id)
        if Plan.objects.filter(id=plan_id, state=PlanState.RUNNING).exists():
            cases.withdraw_consent(
                case_id=case.id, actor=support.person(case), scope=ConsentScope.BLOCK_LIST
            )

    monkeypatch.setattr(erasure, "lock_case_of", waits)
    erase(case)
    assert Consent.objects.get(scope=ConsentScope.BLOCK_LIST).withdrawn_at is not None
    assert not FaceBlock.objects.exists()


def test_the_page_is_the_same_whether_a_code_was_kept_or_nothing_found(site: Any) -> None:
    """R3: what it shows follows from the tick alone."""
    site("public")
    for case in (support.opened(), lab.ready_case([lab.picture(1).records[0]])):
        assert "End the face block" not in page_of(case)[1]
        agree(case)
        browser, page = page_of(case)
        assert "End the face block" in page
        ended = browser.post("/status/face-block/end/", follow=True).content.decode()
        assert "Ended. No face code of yours is kept" in ended


def test_who_objected_and_was_erased_before_any_answer_gets_the_letter_too() -> None:
    """E-09, R3: it leaves with the certificate and never earlier, in the words of every letter."""
    case = lab.ready_case([lab.picture(1).records[0]], rights=("erasure", "objection"))
    erase(case)
    case.refresh_from_db()
    assert case.delivered_at is None
    assert objections.tell_due() == 0, "the certificate has not left"
    cases.release_batch(actor=support.SECOND)
    assert objections.tell_due() == 1
    assert objections.tell_due() == 0
    lab.run_all()
    letter = Letter.objects.get(case=case)
    assert (letter.kind, letter.state) == ("objection", LetterState.SENT)
    taken_back = lab.ready_case([lab.picture(2).records[0]], rights=("erasure", "objection"))
    erase(taken_back)
    cases.withdraw(case_id=taken_back.id, actor=support.person(taken_back))
    cases.release_batch(actor=support.SECOND)
    assert objections.tell_due() == 0


def test_who_takes_the_request_back_keeps_no_code(settings: Any) -> None:
    """R8: withdrawing stops and deletes at once, also after an erasure nobody outside saw (R3)."""
    case = lab.ready_case([lab.picture(1).records[0]], rights=("erasure",))
    agree(case)
    erase(case)
    assert face_blocks.standing(case.id) is not None
    cases.withdraw(case_id=case.id, actor=support.person(case))
    assert face_blocks.standing(case.id) is None

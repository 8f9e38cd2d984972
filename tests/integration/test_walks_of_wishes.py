"""Requests with a wish that was added later, and one on paper whose photo can't be used, walked
from intake to their end. Each letter is read back as it left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.utils import translation

from dsr_portal.audit import services as audit
from dsr_portal.cases import (
    letters,
    paper_packs,
    proposals,
    wish_clocks,
    wish_extensions,
    wish_pauses,
)
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, CaseRight, LetterState, Outcome, RightCode, Status
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import came_in, photo_letters
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe, ProbeState, Search
from dsr_portal.recognition import holder as holders
from tests.integration.test_photo_letters import FINE, NO_FACE, with_photos
from tests.support import answers
from tests.support import erasure as lab
from tests.support.answers import DPO, OFFICER, SECOND
from tests.support.letters import OWN_WORDS, every_document, faults
from tests.support.matching import told as engine_told
from tests.support.travel import Travel
from tests.support.walked import answered, asked, closed, decided_about, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    answers.without_detector(monkeypatch)
    holders.holder().drop()
    with translation.override("en"):
        yield
    holders.holder().drop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Thursday 10 September 2026; the month ends on a Saturday, so the last day is Monday 12."""
    began = Travel(monkeypatch, "2026-09-10")
    answers.staff()
    return began


def erasure_added(case: Case) -> CaseRight:
    cases.add_right(case_id=case.id, right=RightCode.ERASURE, actor=Actor.person(case.id))
    return wish_of(case)


def wish_of(case: Case) -> CaseRight:
    return case.rights.select_related("case").get(right=RightCode.ERASURE)


def test_more_time_for_a_wish_from_its_letter_to_the_closing(travel: Travel) -> None:
    """D-06, D-01, in Dutch: two persons, a letter in the month of the wish; the request is answered
    in its own time, and neither is late."""
    case = asked("nl", RightCode.ACCESS)
    travel.to("2026-09-21")
    wish = erasure_added(case)
    assert wish.due_on == date(2026, 10, 21)
    travel.to("2026-10-01")
    proposal = wish_extensions.propose(
        case_id=case.id,
        right=RightCode.ERASURE,
        actor=OFFICER,
        reason="legal_question",
        months=2,
        words=OWN_WORDS["nl"],
    )
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    text = told(case, "wish_extension")
    assert "21 december 2026" in text
    assert "21 oktober 2026" in text
    case.refresh_from_db()
    assert (case.due_on, wish_of(case).due_on) == (date(2026, 10, 12), date(2026, 12, 21))
    travel.to("2026-10-12")
    case, answer, _text = answered(decided_about(case, [], []))
    assert answer.kind == AnswerKind.NOTHING_FOUND
    assert closed(case).outcome == Outcome.NOTHING_FOUND
    assert not wish_clocks.clock_of(wish_of(case)).late


def test_a_question_about_a_wish_from_its_letter_to_the_closing(travel: Travel) -> None:
    """D-07, D-08, in German: asked, reminded, answered in words that name it; the request goes on
    and keeps its date."""
    case = asked("de", RightCode.ACCESS)
    travel.to("2026-09-21")
    erasure_added(case)
    travel.to("2026-09-22")
    wish_pauses.ask(
        case_id=case.id,
        right=RightCode.ERASURE,
        actor=OFFICER,
        ground="specifying",
        words=OWN_WORDS["de"],
    )
    assert "21. Oktober 2026" in told(case, "wish_ask")
    assert wish_clocks.clock_of(wish_of(case)).stands_since == date(2026, 9, 22)
    travel.to("2026-09-30")
    assert wish_pauses.remind_due() == 1
    assert "22. September 2026" in told(case, "wish_ask")
    travel.to("2026-10-02")
    cases.receive_message(
        case_id=case.id, actor=Actor.person(case.id), text="Alles.", answers="wish:erasure"
    )
    case.refresh_from_db()
    assert wish_clocks.clock_of(wish_of(case)).period.paused_days == 10
    assert (case.due_on, wish_of(case).due_on) == (date(2026, 10, 12), date(2026, 11, 2))
    travel.to("2026-10-12")
    case, answer, _text = answered(decided_about(case, [], []))
    assert answer.kind == AnswerKind.NOTHING_FOUND
    closed(case)


def work() -> None:
    while jobs.run_due(queues=["light", "probe", "search"]):
        pass


def read(case: Case, kind: str) -> str:
    """The newest letter of a kind, printed, read back and put in the post."""
    with every_document() as made:
        work()
    letter = case.letters.filter(kind=kind).latest("created_at")
    assert letter.state == LetterState.TO_POST, letter.error_code
    assert letter.document_id is not None
    pdf = documents.open_document(letter.document_id)
    (one,) = [some for some in made if some.pdf == pdf]
    assert faults(one, case) == []
    letters.record_posted(letter_id=letter.id, actor=SECOND)
    return one.text


def test_on_paper_with_a_photo_that_cant_be_used_and_another_by_post(
    travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-06, T-07, T-08, T-13, R8, R20: the letter, its reminder, the photo that comes by post with
    the consent in its letter, seen by another person; searched, answered on paper, closed."""
    engine = engine_told(monkeypatch)
    engine.verdict = NO_FACE
    case = with_photos(on_paper=True)
    assert "We can't use the photo you sent." in read(case, "photo")
    travel.to("2026-09-18")
    assert photo_letters.remind_due() == 1
    assert "On 10 September 2026 we wrote to you" in read(case, "photo")

    # Entered two days after it came, by a colleague; another one sees the original.
    engine.verdict = FINE
    travel.to("2026-09-23")
    sent = came_in.Sent(
        how="post",
        on=date(2026, 9, 21),
        what="photo",
        original=answers.plain_picture(),
        photo=answers.plain_picture((640, 480)),
        consent="letter of 19 September, binder 3",
    )
    row = came_in.take(case_id=case.id, sent=sent, actor=DPO)
    work()
    photo = Probe.objects.get(id=row.probe_id)
    assert (photo.state, photo.entered_by) == (ProbeState.USABLE, DPO.id)
    matching.record_identity(
        case_id=case.id,
        actor=OFFICER,
        way="post_form",
        element="capture_data",
        compared="Signature and the photo with the name on its back.",
    )
    assert not Search.objects.filter(case=case).exists(), "nobody else saw the original yet"
    came_in.confirm(case_id=case.id, came_id=row.id, actor=OFFICER)
    work()
    case = answers.decided(case, {})

    with every_document() as made:
        answer = answers.answered(case)
    assert answer.kind == AnswerKind.NOTHING_FOUND, answer.error_code
    (one,) = made
    assert faults(one, case) == []
    disclosure.approve_answer(answer_id=answer.id, actor=SECOND)
    cases.release_batch(actor=SECOND)
    (delivery,) = paper_packs.waiting(case)
    pack = answers.text_of(paper_packs.print_pack(delivery_id=delivery.id, actor=OFFICER))
    assert "By registered post" in pack
    paper_packs.record_posted(delivery_id=delivery.id, actor=SECOND, number="RR 123 456 789 NL")
    case.refresh_from_db()
    assert (case.status, case.due_on) == (Status.DELIVERED, date(2026, 10, 12))
    closed(case)
    assert audit.verify().ok

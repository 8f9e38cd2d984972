"""Requests walked from intake to closing, each letter read back as it left (issue 6).

Which kind of request is walked where: docs/walks.md. Here are those that no other file walks to
their end: access and erasure, with everything, a part, nothing and nothing sure found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from dsr_portal.audit import services as audit
from dsr_portal.cases import proposals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, RightCode, Status
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import withholding
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.gallery import hashes
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import representing
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Candidate, Verdict
from tests.support import answers
from tests.support.gallery import own_places
from tests.support.letters import LIVES, every_document, faults
from tests.support.represented import PAGE, sent_for_somebody

pytestmark = pytest.mark.django_db(transaction=True)

SAME, OPEN = Verdict.SAME, Verdict.INCONCLUSIVE


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()
    with translation.override("en"):
        yield


def asked(language: str, *rights: str) -> Case:
    return answers.requested(rights=rights, country=LIVES[language], language=language)


def decided(case: Case, *verdicts: str) -> Case:
    """Compared, and decided by two about so many pictures."""
    records = [answers.a_face(seed=number) for number in range(1, len(verdicts) + 1)]
    searched = answers.searched(case, records)
    said = {one.id: verdict for one, verdict in zip(records, verdicts, strict=True)}
    return answers.decided(searched, said)


def walked(case: Case) -> tuple[Case, Answer, str]:
    """Made, approved by another person, released, opened with the code, read, and closed."""
    with every_document() as made:
        answer = answers.answered(case)
    assert answer.state == AnswerState.READY, answer.error_code
    (read,) = made
    assert faults(read, case) == []
    case = answers.released(answer)
    assert case.status == Status.DELIVERED
    delivery = case.deliveries.get()
    token = cases.link_token(delivery)
    grant = cases.open_delivery(token=token, code=cases.receipt_code(case))
    parts = list(cases.granted(grant=grant, token=token).parts.order_by("ordinal"))
    pdf = b"".join(cases.fetch(part=parts[0], actor=answers.DPO))
    assert pdf == documents.open_document(answer.document_id) == read.pdf
    case = cases.close(case_id=case.id, actor=answers.OFFICER)
    assert case.status == Status.CLOSED
    assert audit.verify().ok
    return case, answer, answers.text_of(pdf)


def test_access_with_everything_found() -> None:
    """A-01, A-02, O-09, in English: two pictures, both in the answer."""
    case, answer, text = walked(decided(asked("en", RightCode.ACCESS), SAME, SAME))
    assert case.outcome == Outcome.DISCLOSED
    assert answer.records.count() == 2
    assert "Yes, we hold data about you: 2 pictures with your face." in text


def test_access_with_a_part_held_back() -> None:
    """R-02, in Dutch: two of three, with ground, facts and complaint."""
    case = decided(asked("nl", RightCode.ACCESS), SAME, SAME, SAME)
    record = Candidate.objects.filter(case=case).order_by("rank")[1].record_id
    proposal = withholding.withhold(
        case_id=case.id,
        actor=answers.OFFICER,
        record_id=record,
        ground="others_rights",
        facts="Er staat een kind bij een school op.",
    )
    proposals.agree(proposal_id=proposal.id, actor=answers.SECOND)
    case, answer, text = walked(case)
    assert case.outcome == Outcome.PARTLY_REFUSED
    assert answer.records.count() == 2
    assert record not in answer.records.values_list("record_id", flat=True)
    assert "Er staat een kind bij een school op." in text


def test_access_with_nothing_found() -> None:
    """A-01, 9(b), in German: what was compared and what that does not prove; no picture."""
    case, answer, text = walked(decided(asked("de", RightCode.ACCESS)))
    assert case.outcome == Outcome.NOTHING_FOUND
    assert not answer.records.exists()
    assert "kein Bild von Ihnen gefunden" in text


def test_access_with_nothing_sure() -> None:
    """R17, in Dutch: counted and told of, with no picture and no link of it."""
    case, answer, text = walked(decided(asked("nl", RightCode.ACCESS), SAME, OPEN))
    assert answer.records.count() == 1
    assert case.outcome == Outcome.DISCLOSED


def test_erasure_without_a_hit() -> None:
    """9(b), in Dutch: answered, nothing to delete, and closed."""
    case, answer, text = walked(decided(asked("nl", RightCode.ERASURE)))
    assert case.outcome == Outcome.NOTHING_FOUND


def test_erasure_of_nothing_sure_deletes_nothing() -> None:
    """R17, in German."""
    case, _answer, _text = walked(decided(asked("de", RightCode.ACCESS, RightCode.ERASURE), OPEN))
    assert case.outcome == Outcome.NOTHING_FOUND


def test_access_in_english_and_german() -> None:
    """9(a), 9(b): the answers that no walk above has in these languages."""
    walked(decided(asked("de", RightCode.ACCESS), SAME))
    walked(decided(asked("en", RightCode.ACCESS)))


# -- somebody else asks, or a child ---------------------------------------------------------------


def looked_up(case: Case, by: Actor) -> Case:
    """Known by a call, looked up by the page that was named, decided by two: it is theirs."""
    cases.record_identity(
        case_id=case.id,
        actor=by,
        way="call",
        element="named_control",
        compared="The person on the call showed the page as theirs.",
    )
    matching.start_look_up(case_id=case.id, actor=by)
    jobs.run_due(queues=["light"])
    found = Candidate.objects.get(case=case)
    # Nothing was compared, so that it is theirs takes a reason.
    return answers.decided(case, {found.record_id: SAME}, why="The name on the page is theirs.")


@pytest.mark.parametrize(
    ("kind", "language", "more"),
    [
        ("lawyer", "en", {}),
        ("body", "de", {}),
        ("guardian", "nl", {}),
        ("heir", "nl", {"law_of": "nl"}),
    ],
)
def test_who_acts_for_somebody(kind: str, language: str, more: dict[str, Any]) -> None:
    """C-04, C-07, C-08, N-09: lawyer, body of Art. 80, guardian, heir; the gate, then as others."""
    answers.a_face(page_url=PAGE)
    case, mandate = sent_for_somebody(answers.DPO, rights=[RightCode.ACCESS], kind=kind, **more)
    Case.objects.filter(id=case.id).update(language=language, country=LIVES[language])
    representing.accept(mandate_id=mandate.id, actor=answers.OFFICER, words="Signed on 3 March.")
    cases.confirm_origin(case_id=case.id, actor=answers.OFFICER)
    case, answer, _text = walked(looked_up(case, answers.OFFICER))
    assert case.outcome == Outcome.DISCLOSED
    assert answer.records.count() == 1


def test_a_child_asks_about_a_page() -> None:
    """C-01, C-02, T-03, in German: no photo, a person looks first, the child's version is first."""
    answers.a_face(page_url=PAGE)
    way = cases.WaySent("page", PAGE, keyed_hash=hashes.of_address(PAGE))
    case = cases.open_case(
        channel="web",
        rights=[RightCode.ACCESS],
        ways=[way],
        consents=[],
        contact=cases.Contact(email="noor@example.org"),
        language="de",
        country=LIVES["de"],
        age_band="under_16",
    ).case
    representing.decide_about_child(
        case_id=case.id, actor=answers.OFFICER, acts="alone", interest="She saw the page herself."
    )
    case, _answer, text = walked(looked_up(case, answers.SECOND))
    assert case.outcome == Outcome.DISCLOSED
    assert "In einfachen Worten" in text

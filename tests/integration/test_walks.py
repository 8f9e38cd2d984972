"""Requests walked from intake to closing, each letter read back as it left (issue 6).

Which kind of request is walked where: docs/walks.md. Here are those that no other file walks to
their end: access and erasure, with everything, a part, nothing and nothing sure found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from dsr_portal.cases import proposals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, RightCode
from dsr_portal.disclosure import withholding
from dsr_portal.gallery import hashes
from dsr_portal.matching import representing
from dsr_portal.matching.models import Candidate, Verdict
from tests.support import answers
from tests.support.letters import LIVES
from tests.support.represented import PAGE, sent_for_somebody
from tests.support.walked import asked, begun, decided, looked_up, walked

pytestmark = pytest.mark.django_db(transaction=True)

SAME, OPEN = Verdict.SAME, Verdict.INCONCLUSIVE


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    begun(settings, tmp_path, monkeypatch)
    with translation.override("en"):
        yield


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

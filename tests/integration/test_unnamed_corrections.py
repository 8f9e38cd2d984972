"""A wish to correct that names nothing gets a letter of its own, the same for everybody (E-01)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from dsr_portal.cases import letters, services
from dsr_portal.cases import unnamed_corrections as unnamed
from dsr_portal.cases.correction_models import Correction
from dsr_portal.cases.models import Case, Letter, LetterKind, LetterState
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.documents import services as documents
from dsr_portal.jobs.models import Effect
from dsr_portal.jobs.services import run_due
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Iterator[None]:
    own_places(settings, tmp_path)
    with translation.override("en"):
        yield


def later(monkeypatch: pytest.MonkeyPatch, **by: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**by))


def answered(*rights: str, outcome: str = "disclosed") -> Case:
    case = support.opened(list(rights))
    support.delivered(case)
    Case.objects.filter(id=case.id).update(outcome=outcome)
    case.refresh_from_db()
    return case


def named(case: Case) -> None:
    Correction.objects.create(
        case=case, record_id=new_id(), number=1, place="facts", what="caption", field="x",
        asked_at=clock.now(), due_on=clock.today(),
    )  # fmt: skip


def test_three_days_after_the_answer_a_letter_says_how_to_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E-01, R-01: once, behind link and code; the words are the letter's."""
    case = answered("access", "rectification")
    assert unnamed.tell_due() == 0
    later(monkeypatch, days=3, minutes=1)
    assert unnamed.tell_due() == 1
    assert unnamed.tell_due() == 0
    while run_due(queues=["light"]):
        pass
    letter = Letter.objects.get(case=case)
    assert (letter.kind, letter.state) == (LetterKind.NAME_CORRECTION, LetterState.SENT)
    text = text_of(documents.open_document(letter.document_id))
    for words in (
        "You asked us to correct something.",
        "How to name it",
        "which picture, what is wrong",
        "a month of its own",
        "complain to a data protection authority",
    ):
        assert words in text, words
    assert Effect.objects.filter(kind="mail.letter").count() == 1


def test_who_named_something_or_asked_for_nothing_of_it_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered("access")
    named(answered("rectification"))
    answered("rectification", outcome="not_identified")
    waiting = support.opened(["rectification"])
    gone = answered("rectification")
    services.withdraw(case_id=gone.id, actor=support.person(gone))
    later(monkeypatch, days=3, minutes=1)
    assert unnamed.tell_due() == 0
    assert waiting.status == "received"
    assert not Letter.objects.exists()


def test_it_is_the_same_whatever_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: no fact of the case is in it, and both leave in the same run."""
    spec = letters.kinds.get(LetterKind.NAME_CORRECTION)
    assert spec.neutral
    hit, none = answered("rectification"), answered("rectification", outcome="nothing_found")
    assert spec.compose(hit, {}) == spec.compose(none, {})
    later(monkeypatch, days=3, minutes=1)
    assert unnamed.tell_due() == 2

"""Every letter of the portal, of each kind and in each language, made and read back from its file.

Each is written by the service that writes it and set and signed by the one renderer there is. The
file must say each statement the text has, the dates, the reader's own authority, and nothing in
another language (law 9, T-01, T-02, O-09). Which request leads to which letter: docs/walks.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import translation

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import asking, letters, page_wishes, receipts, services
from dsr_portal.cases.models import Case, RightCode, WayKind
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import jobs as making
from dsr_portal.disclosure.models import LETTER_ONLY, Answer, AnswerKind
from dsr_portal.documents.models import Kind
from dsr_portal.erasure import certificate
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan
from dsr_portal.gallery import hashes
from dsr_portal.recognition import holder as holders
from tests.support import answers
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.letters import LIVES, OWN_WORDS, every_document, facts_of, faults
from tests.support.walks import FOR_PERSONS, NOT_FOR_PERSONS

pytestmark = pytest.mark.django_db(transaction=True)

LANGUAGES = pytest.mark.parametrize("language", list(LIVES))
PAGE = "https://pages.example/somebody"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    answers.staff()
    holders.holder().drop()
    with translation.override("en"):
        yield
    holders.holder().drop()


def asked_in(language: str, rights: list[str] | None = None) -> Case:
    page = services.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))
    return support.opened(
        rights or [RightCode.ACCESS],
        language=language,
        country=LIVES[language],
        ways=[page],
        consents=(),
    )


def test_the_languages_and_kinds_read_back_are_all_there_are() -> None:
    """A kind or a language somebody adds is read back too, or this fails."""
    assert set(LIVES) == {code for code, _name in configured.LANGUAGES}
    assert set(Kind) == FOR_PERSONS | NOT_FOR_PERSONS
    assert {*making._LETTERS} | {AnswerKind.DISCLOSURE, AnswerKind.NOTHING_FOUND} == {*AnswerKind}


@LANGUAGES
@pytest.mark.parametrize("kind", [kind for kind, _spec in letters.kinds.items()])
def test_a_letter_says_in_its_file_what_it_has_to_say(kind: str, language: str) -> None:
    """9(d), T-02, O-09, R-01, D-06: each kind of the registry, in each language."""
    case = asked_in(language)
    with unit_of_work():
        letter = letters.write(
            case=case, kind=kind, key="read", actor=support.MACHINE, facts=facts_of(kind, case)
        )
    with every_document() as made:
        letters.prepare(letter)
    (read,) = made
    told = {one["id"] for one in read.asked["context"]["sections"]}
    assert told >= set(letters.kinds.get(kind).required)
    assert faults(read, case) == []


@LANGUAGES
@pytest.mark.parametrize("kind", list(making._LETTERS))
def test_an_answer_that_is_a_letter_alone_says_it_in_its_file(kind: str, language: str) -> None:
    """R2, R6, 11(2), O-09: one check only, not identified, one page dealt with."""
    case = asked_in(language)
    if kind == AnswerKind.NAMED_PAGE:
        way = case.ways.get(kind=WayKind.PAGE)
        page_wishes.ask(case_id=case.id, way_id=way.id, actor=support.person(case))
    if kind == AnswerKind.NOT_IDENTIFIED:
        asking.ask_to_identify(
            case_id=case.id,
            actor=answers.OFFICER,
            missing=["no_way_taken"],
            means=["call", "visit"],
            text=OWN_WORDS[language],
        )
    answer = Answer(id=new_id(), case=case, kind=kind, reasons=["no_way_taken"])
    with every_document() as made:
        making._LETTERS[kind](answer)
    (read,) = made
    assert faults(read, case) == []
    assert kind in {*LETTER_ONLY, AnswerKind.NEUTRAL}


@LANGUAGES
def test_a_receipt_says_it_in_its_file(language: str) -> None:
    """T-10, R14, O-09."""
    case = asked_in(language)
    with every_document() as made:
        receipts.as_pdf(case)
    (read,) = made
    assert faults(read, case) == []
    assert services.receipt_code(case).replace("-", "") in read.text.replace("-", "").replace(
        " ", ""
    )


def test_a_certificate_says_it_in_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """9(c), E-14, O-09: one erasure; its certificate in German as it left, then in the others."""
    shown = lab.picture(12)
    case = lab.ready_case([shown.records[0]])
    told = certificate.context
    Case.objects.filter(id=case.id).update(language="de", country=LIVES["de"])
    seen: list[Any] = []
    monkeypatch.setattr(certificate, "context", lambda plan: seen.append(told(plan)) or seen[-1])
    with every_document() as made:
        erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
        lab.run_all()
        left = [one for one in made if one.asked["kind"] == Kind.CERTIFICATE]
        case.refresh_from_db()
        assert len(left) == 1
        assert faults(left[0], case) == []
    for language in set(LIVES) - {"de"}:
        case.language, case.country = language, LIVES[language]
        case.save(update_fields=["language", "country"])
        plan = Plan.objects.get(case=case)
        with every_document() as made, translation.override(language):
            again = {**left[0].asked, "context": told(plan), "language": language}
            again |= {"title": certificate._("Certificate of erasure"), "country": case.country}
            certificate.documents.render_signed(**again)
        assert faults(made[0], case) == []

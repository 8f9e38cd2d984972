"""The link to the public notice stands in every letter to a person (law P-18)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import translation

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import letters, receipts
from dsr_portal.cases.models import LetterKind, RightCode
from dsr_portal.core import links
from tests.integration.test_languages import SAMPLES, WORDS, refused
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)
TEMPLATES = Path(django_settings.ROOT) / "templates" / "documents"
SAID = {
    "en": "What we hold about people",
    "nl": "Wat we over mensen bewaren",
    "de": "Was wir über Menschen speichern",
}
LANGUAGE_OF = dict(
    zip(sorted(LetterKind.values), ["en", "nl", "de"] * len(LetterKind.values), strict=False)
)
"""Each kind in one language, every language in turn: the block is one for all of them."""


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def stands_in(pdf: bytes, language: str) -> bool:
    """Words and address, however the lines and words of the page are broken."""
    text = _unbroken(text_of(pdf))
    wanted = (SAID[language], links.url_for("public", "public:notice"))
    return all(_unbroken(one) in text for one in wanted)


def _unbroken(text: str) -> str:
    return re.sub(r"[\s\xad\u2010-]", "", text)


def facts_of(kind: str, language: str, case: Any) -> dict[str, Any]:
    words = WORDS.get(language, "They show 43 other people.")
    facts = dict(SAMPLES[kind])
    for name in ("words", "progress", "nature", "effects", "measures"):
        if name in facts:
            facts[name] = [words] if isinstance(facts[name], list) else words
    if kind == LetterKind.RECTIFICATION:
        facts["items"] = [str(refused(case).id)]
    return facts


@pytest.mark.parametrize("kind", sorted(LetterKind.values))
def test_every_letter_beside_the_answer_names_the_notice(kind: str) -> None:
    """P-18, 14(5)(b): address and words, in the signed file itself."""
    language = LANGUAGE_OF[kind]
    case = support.opened([RightCode.ACCESS], language=language)
    with unit_of_work():
        letter = letters.write(
            case=case,
            kind=LetterKind(kind),
            key="sample",
            actor=support.MACHINE,
            facts=facts_of(kind, language, case),
        )
    assert stands_in(letters.prepare(letter).pdf, language)


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_the_receipt_names_the_notice(language: str) -> None:
    case = support.opened([RightCode.ACCESS], language=language)
    with translation.override("en"):
        assert stands_in(receipts.as_pdf(case), language)


def test_no_template_of_a_document_leaves_the_block_out() -> None:
    """Answer, certificate, neutral letters and the cover are made of these templates as well."""
    block = (TEMPLATES / "parts" / "contacts.html").read_text()
    assert "{{ doc.notice }}" in block
    pages = {path.name: path.read_text() for path in TEMPLATES.glob("*.html")}
    assert 'include "documents/parts/contacts.html"' in pages.pop("base.html")
    assert {"answer.html", "certificate.html", "letter.html", "receipt.html"} <= set(pages)
    for name, text in pages.items():
        assert re.search(r'extends "documents/(base|letter)\.html"', text), name
        assert "block contacts" not in text, name

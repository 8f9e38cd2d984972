"""Letters of every kind with facts to write them from, and reading back what a file says."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pikepdf
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.translation import gettext

from dsr_portal.cases.models import Case, LetterKind
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.documents import services as documents
from dsr_portal.law import authorities
from tests.integration.test_languages import SAMPLES, WORDS, filled, refused, strings
from tests.support import answers
from tests.support.catalogue import english_left

LIVES = {"en": "IE", "nl": "BE", "de": "AT"}
"""Where the reader of a language lives, whose authority is named."""
OWN_WORDS = {"en": "43 other people are in them.", **WORDS}
CALLS_ITSELF = {"en": "English", "nl": "Nederlands", "de": "Deutsch"}


def facts_of(kind: str, case: Case) -> dict[str, Any]:
    """Facts from which a letter of this kind can be written for this case."""
    facts = {**SAMPLES[kind], **filled(SAMPLES[kind], OWN_WORDS[case.language])}
    if kind == LetterKind.RECTIFICATION:
        facts["items"] = [str(refused(case).id)]
    return facts


# -- reading back ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadBack:
    """One document as it was set and signed: what it was to say, and its file."""

    asked: Mapping[str, Any]
    pdf: bytes

    @property
    def text(self) -> str:
        return answers.text_of(self.pdf)


@contextmanager
def every_document() -> Iterator[list[ReadBack]]:
    """What the one renderer of the portal sets and signs meanwhile, in order."""
    made: list[ReadBack] = []
    real = documents.render_signed

    def render(**asked: Any) -> bytes:
        pdf = real(**asked)
        made.append(ReadBack(asked, pdf))
        return pdf

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "render_signed", render)
        yield made


def faults(read: ReadBack, case: Case) -> list[str]:
    """What a document for a person lacks: its statements, dates, language, the right authority."""
    language, bare = case.language, _bare(read.text)
    pages = [_bare(page) for page in answers.pages_of(read.pdf)]
    expected = [str(read.asked["title"]), case.reference, CALLS_ITSELF[language]]
    expected += [strip_tags(one) for one in _statements(read.asked["context"])]
    own = authorities.get(case.country, overrides=settings.DSR_AUTHORITIES)
    expected += [own.name]
    with translation.override(language):
        expected += [day_words(clock.today()), *map(str, _of_every_document())]
    found = [f"missing: {one}" for one in expected if not _stands(_bare(one), pages)]
    for country in set(LIVES.values()) - {case.country}:
        other = authorities.get(country, overrides=settings.DSR_AUTHORITIES)
        if _bare(other.name) in bare:
            found.append(f"authority of {country}")
    with pikepdf.open(io.BytesIO(read.pdf)) as file:
        if str(file.Root.Lang).split("-")[0] != language:
            found.append(f"the file says {file.Root.Lang}")
    if language != "en":
        said = read.text.replace(settings.DSR_CONTROLLER["dpo"], "")
        found += [f"English: {one}" for one in english_left(said, language)]
        found += ["English: GDPR"] * ("GDPR" in said)
    return found


def office_faults(
    read: ReadBack, *, says: Iterable[str] = (), never: Iterable[str] = ()
) -> list[str]:
    """What a document to an authority or a recipient lacks, or tells that is not theirs to know.

    It is in English whatever language is active, names dates in words, and says nothing of what
    only a person is told (how to complain).
    """
    bare = _bare(read.text)
    with translation.override("en"):
        today, check = day_words(clock.today()), gettext("How to check this document")
        complain = gettext("If you are not content")
    expected = [str(read.asked["title"]), CALLS_ITSELF["en"], today, check, *says]
    expected += _statements(read.asked["context"])
    found = [f"missing: {one}" for one in expected if _bare(one) not in bare]
    found += [f"told: {one}" for one in (*never, complain) if _bare(one) in bare]
    found += [f"a date for machines: {one}" for one in _FOR_MACHINES.findall(read.text)]
    with pikepdf.open(io.BytesIO(read.pdf)) as file:
        if str(file.Root.Lang).split("-")[0] != "en":
            found.append(f"the file says {file.Root.Lang}")
    return found


_FOR_MACHINES = re.compile(r"\d{4}-\d{2}-\d{2}\S*")


def _stands(words: str, pages: Sequence[str]) -> bool:
    """On one page, or begun on one and ended on the next: feet and heads stand between these."""
    if any(words in page for page in pages):
        return True
    return any(
        words[:cut] in first and words[cut:] in second
        for first, second in pairwise(pages)
        for cut in range(1, len(words))
    )


def _statements(context: Mapping[str, Any]) -> Iterator[str]:
    """The short answer, the facts and each section with its heading, as they stand in the file."""
    yield from strings([context.get("short_answer", ""), context.get("simple", [])])
    yield from strings([list(pair) for pair in context.get("facts", ())])
    for section in context.get("sections", ()):
        yield from strings(
            [section.get(name, "") for name in ("heading", "text", "points", "rows")]
        )
    yield from strings([context.get("what", ""), context.get("do", "")])


def _of_every_document() -> list[Any]:
    return [gettext("If you are not content"), gettext("How to check this document")]


def _bare(text: str) -> str:
    """Without spaces, and without the hyphens of words broken at the end of a line."""
    return re.sub(r"[\s\u00ad\u2010-]+", "", text)

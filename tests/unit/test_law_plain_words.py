"""What a person reads is short: sentences of pages, mails, letters and receipts (law T-01).

Only text that stands in templates for people and in the modules that write to them is measured;
a name or date that is filled in counts as one word.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import pytest

from dsr_portal.law import plain
from dsr_portal.law.plain import LONGEST, MEAN, words_in

ROOT = Path(__file__).parents[2]
# Rooms that write to people; the desk and the audit report are for staff and authorities.
TEMPLATES = [
    path
    for folder in ("public", "documents")
    for path in sorted((ROOT / "templates" / folder).rglob("*.html"))
    if path.name != "audit.html"
]
ROOMS = ("cases", "disclosure", "documents", "erasure", "law", "public", "vault")
MODULES = [
    path
    for room in ROOMS
    for path in sorted((ROOT / "dsr_portal" / room).rglob("*.py"))
    if "migrations" not in path.parts
]
JARGON = re.compile(rf"\b(?:{plain.JARGON['en']}|biometric identification system)\b", re.IGNORECASE)
_BLOCK = re.compile(
    r"\{%\s*blocktranslate.*?%\}(.*?)\{%\s*endblocktranslate\s*%\}|\{%\s*translate\s+\"(.*?)\"",
    re.DOTALL,
)
_FILLED = re.compile(r"%\(\w+\)[sd]|\{\{.*?\}\}|\{%.*?%\}|<[^>]+>|&\w+;")
# A heading or a point of a list begins anew, as it does on paper.
_POINT = re.compile(r"\n\s*(?=[-#] ?\S)|\n\s*\n")
_END = re.compile(r"(?<=[.!?])\s+(?=[\"“A-Z0-9%X])")


def texts_of(path: Path) -> Iterator[str]:
    """Every translatable text of a template or module."""
    source = path.read_text("utf-8")
    if path.suffix == ".html":
        for block, single in _BLOCK.findall(source):
            yield from re.split(r"\{%\s*plural\s*%\}", block or single)
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
            *("_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext")
        }:
            for one in node.args:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def sentences_of(path: Path) -> list[str]:
    texts = (part for text in texts_of(path) for part in _POINT.split(text))
    whole = (re.sub(r"\s+", " ", _FILLED.sub(" X ", text)).strip() for text in texts)
    return [sentence for text in whole if text for sentence in _END.split(text)]


READ = [path for path in [*TEMPLATES, *MODULES] if sentences_of(path)]


def test_a_planted_sentence_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    page.write_text('{% translate "One two. Three four five." %}')
    assert [words_in(one) for one in sentences_of(page)] == [2, 3]
    module = tmp_path / "x.py"
    module.write_text('_("You asked us on %(day)s. We answer.")')
    assert [words_in(one) for one in sentences_of(module)] == [5, 2]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_sentence_is_long_and_no_word_is_a_lawyers(path: Path) -> None:
    """T-01: no sentence over 35 words, none of the words of the list."""
    sentences = sentences_of(path)
    assert [one for one in sentences if words_in(one) > LONGEST] == []
    assert [one for one in sentences if JARGON.search(one)] == []


def test_sentences_have_twenty_words_at_most_on_average() -> None:
    """T-01: over whole sentences; labels of two words would make any text look short."""
    lengths = [words_in(one) for path in READ for one in sentences_of(path) if one[-1] in ".!?"]
    assert len(lengths) > 200
    assert mean(lengths) <= MEAN

"""Every string a person may read goes through gettext: a catalogue holds no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}
)
MODULES = sorted(
    path for path in (ROOT / "dsr_portal").rglob("*.py") if "migrations" not in path.parts
)
ERRORS = {"NotAllowed", "NotFound", "Conflict", "BadInput", "Unavailable", "PortalError"}
SHOWN_ARGUMENTS = {"label", "help_text", "verbose_name", "empty_label"}
# Not words of a language: the mark of the demo and a sample reference.
SAME_EVERYWHERE = {"DEMO", "QX"}

_REMOVED = re.compile(
    r"\{%\s*comment.*?endcomment\s*%\}|\{#.*?#\}|\{%\s*blocktranslate.*?endblocktranslate\s*%\}"
    r"|<(script|style)\b.*?</\1>|<!--.*?-->",
    re.DOTALL,
)
# A block may fill an attribute of the page around it; such a block has no words of its own.
_ATTRIBUTE_BLOCK = re.compile(r"\{% block (?:\w+_class|wide) %\}.*?\{% endblock\b.*?%\}", re.DOTALL)
_TAG = re.compile(r"\{[%{].*?[%}]\}", re.DOTALL)
_READ_ALOUD = re.compile(r"""\b(?:alt|aria-label|title|placeholder)=("[^"]*"|'[^']*')""")
_WORD = re.compile(r"[^\W\d_]{2,}")


def words_of(template: str) -> list[str]:
    """Words outside of translate and blocktranslate, in text and in what screen readers say."""
    text = _TAG.sub(" ", _ATTRIBUTE_BLOCK.sub(" ", _REMOVED.sub(" ", template)))
    aloud = " ".join(_READ_ALOUD.findall(text))
    plain = re.sub(r"&\w+;", " ", re.sub(r"<[^>]*>", " ", text))
    return [word for word in _WORD.findall(f"{plain} {aloud}") if word not in SAME_EVERYWHERE]


def bare_strings(source: str) -> Iterator[str]:
    """Messages of errors, forms and notices given as a plain string or f-string."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        shown = [key.value for key in node.keywords if key.arg in SHOWN_ARGUMENTS]
        if name in ERRORS or owner == "messages":
            shown += node.args[1:2]
        elif name == "ValidationError":
            shown += node.args[:1]
        elif name == "add_error":
            shown += node.args[1:2]
        for value in shown:
            if isinstance(value, ast.JoinedStr) or (
                isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value
            ):
                yield ast.unparse(value)


def test_planted_words_are_seen() -> None:
    page = '<p class="note">{% translate "Yes" %} Hello</p><img alt="A face">{{ name }}'
    assert words_of(page) == ["Hello", "face"]
    code = 'raise BadInput("code", "Plain words.")\nmessages.info(request, f"Hello {name}")\n'
    assert len(list(bare_strings(code))) == 2
    assert list(bare_strings('raise BadInput("code", _("Plain words."))')) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    assert words_of(path.read_text()) == []


def test_errors_forms_and_notices_can_be_translated() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): texts
        for path in MODULES
        if (texts := list(bare_strings(path.read_text())))
    }
    assert found == {}

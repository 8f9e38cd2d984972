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
# What takes a text and gives it in the reader's language.
TRANSLATES = {"_", "gettext", "gettext_lazy", "ngettext", "pgettext", "ngettext_lazy"}
# Read by operators and developers, who read English.
NOT_FOR_PEOPLE = {"compile", "Warning", "Error", "add_argument", "warning", "error", "info"}
PROSE = re.compile(r"\w{2,},?(?: [\w'`]+,?){4,}[.](?:\s|$)")
# Commands, checks and the ring speak to operators, inventories and the lease to developers; the
# verifier is a program of its own without a catalogue; an authority's note is about our list.
ENGLISH = {"management", "demo", "settings", "checks.py", "stores.py", "context.py", "ring.py"}
ENGLISH |= {"inventory.py", "verify_certificate.py", "authorities.py"}
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


def bare_prose(source: str) -> Iterator[str]:
    """Texts of a module, of a sentence or more, that no call translates.

    Documentation, patterns and what only developers and operators read is left out.
    """
    tree = ast.parse(source)
    spared: set[int] = set()
    for node in ast.walk(tree):
        named = getattr(getattr(node, "func", None), "id", "") or getattr(
            getattr(node, "func", None), "attr", ""
        )
        silent = isinstance(node, ast.Expr | ast.Raise) or named in TRANSLATES | NOT_FOR_PEOPLE
        # Pages under docs/ are made from tables; they are English.
        silent = silent or getattr(node, "name", "") == "as_markdown"
        if silent:
            spared.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else ""
        if id(node) not in spared and isinstance(text, str) and PROSE.search(text):
            yield text


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


def test_no_module_keeps_a_text_for_people_that_no_catalogue_has() -> None:
    """A constant of sentences, as a file in somebody's package, is words of a language, too."""
    planted = 'TEXT = """# What is here\n\nThe part with your face, cut from it."""\n'
    assert len(list(bare_prose(planted))) == 1
    assert list(bare_prose(planted.replace('"""#', '_("""#').replace('."""', '.""")'))) == []
    found = {}
    for path in MODULES:
        if ENGLISH & set(path.parts):
            continue
        if texts := list(bare_prose(path.read_text())):
            found[path.relative_to(ROOT).as_posix()] = texts
    assert found == {}


def hidden_words(source: str) -> list[str]:
    """Texts for gettext inside an f-string, where makemessages does not see them."""
    return [
        ast.unparse(call)
        for text in ast.walk(ast.parse(source))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in TRANSLATES
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_words_are_hidden_in_an_f_string(path: Path) -> None:
    assert not hidden_words(path.read_text("utf-8"))


def test_words_in_an_f_string_are_found() -> None:
    assert hidden_words("f\"{one} ({_('stands in')})\"") == ["_('stands in')"]
    assert not hidden_words("word = _('stands in')\nf'{one} ({word})'")

"""What visitors of the demo read is as short as what persons read (law T-01), and names nobody."""

import re
from pathlib import Path

import pytest

from dsr_portal.law.plain import LONGEST, words_in
from tests.unit.test_law_plain_words import ROOT, sentences_of

PLACES = (ROOT / "dsr_portal" / "demo", ROOT / "templates" / "demo")
FILES = sorted(
    path
    for place in PLACES
    for path in place.rglob("*")
    if path.suffix in {".py", ".html"} and "migrations" not in path.parts
)
READ = [path for path in FILES if sentences_of(path)]
# RFC 2606, RFC 6761: nobody can own a mailbox there.
_NOBODYS = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.(?:org|com|net))?|test|invalid)\b")
_MAILBOX = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]*\w")


def strangers(text: str) -> list[str]:
    """Mailboxes that somebody could own."""
    return [one for one in _MAILBOX.findall(text) if not _NOBODYS.search(one)]


def test_a_planted_mailbox_and_a_planted_sentence_are_seen(tmp_path: Path) -> None:
    assert strangers("mina@example.org, n.roth@halden.example, jan@gmail.com") == ["jan@gmail.com"]
    page = tmp_path / "long.html"
    page.write_text('{% translate "' + "word " * (LONGEST + 1) + '." %}')
    assert [words_in(one) > LONGEST for one in sentences_of(page)] == [True]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_sentence_of_the_demo_is_long(path: Path) -> None:
    """T-01: the demo is how people learn what the portal is."""
    assert [one for one in sentences_of(path) if words_in(one) > LONGEST] == []


def test_no_mailbox_of_the_demo_can_be_anybodys() -> None:
    """The demo's people are made up, and so is where they get mail."""
    assert {path.name: strangers(path.read_text("utf-8")) for path in FILES} == {
        path.name: [] for path in FILES
    }

"""README and docs point only at what is there (the table of proofs names the tests themselves)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "fixtures").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# `make pictures` writes them; which ones it can make is checked against the walk.
PICTURES = "docs/pictures/"


def links(page: Path, text: str) -> list[tuple[Path, str]]:
    """Every link that stays in this repository: the file it names and the part after #."""
    found = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found.append((page.parent / path if path else page, anchor))
    return found


def anchors(page: Path) -> set[str]:
    """Headings as GitHub names them."""
    plain = (re.sub(r"[^\w\- ]", "", head.lower()) for head in HEADING.findall(page.read_text()))
    return {name.strip().replace(" ", "-") for name in plain}


def broken(page: Path, text: str) -> list[str]:
    """Links to nothing; pictures of the walk are left to their own test."""
    missing = []
    for path, anchor in links(page, text):
        place = path.resolve()
        if place.is_relative_to(ROOT / PICTURES):
            continue
        if not place.exists():
            missing.append(str(path))
        elif anchor and place.suffix == ".md" and anchor not in anchors(place):
            missing.append(f"{path}#{anchor}")
    return missing


def test_a_link_to_nothing_is_seen() -> None:
    planted = "[a](tests/unit/test_nobody.py) [b](docs/erasure.md#no-such-part) [c](LICENSE)"
    assert len(broken(README, planted)) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


def test_each_claim_of_the_readme_names_a_test_that_proves_it() -> None:
    rows = README.read_text().partition("proved by")[2].partition("\n## ")[0].splitlines()
    claims = [row for row in rows if row.startswith("| ") and "---" not in row]
    assert len(claims) >= 8
    for row in claims:
        tests = [path for path, _ in links(README, row)]
        assert tests, row
        assert all("def test_" in path.read_text() for path in tests), row


def test_pictures_of_the_readme_are_those_the_walk_makes() -> None:
    """`make pictures` walks the tour; a picture nobody can make again is not shown."""
    walk = (ROOT / "tests" / "e2e" / "test_whole_way.py").read_text()
    shown = re.findall(re.escape(PICTURES) + r"([\w-]+\.png)", README.read_text())
    assert len(shown) >= 4
    assert [name for name in shown if f'"{name}"' not in walk] == []


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert "make demo" in text
    assert "make test" in text

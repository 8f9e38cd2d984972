"""docs/law-coverage.md: each row of the law catalogue, how far it is met, which tests show it.

States and reasons are kept by hand in tests/data/law_coverage.json; a person looked at the tests
before writing "covered". Tests are those the row lists and those that name it in their docstring
("L-15", "A-08"). Write the page anew after a change:

    python -m tests.support.law_coverage
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = TESTS / "data" / "law_coverage.json"
PAGE = TESTS.parent / "docs" / "law-coverage.md"
STATES = ("covered", "partly", "not yet")
# Not inside a longer word: PDF/A-03 and ISO-01 are no rows.
_ID = re.compile(r"(?<![\w/-])(?:AI|[A-Z])-\d{2}(?!\d)")
_PREFIXES = {"T", "D", "R", "P", "A", "E", "N", "O", "G", "C", "L", "AI", "B", "X"}
_INTRODUCTION = """# Law coverage

Every row of the law catalogue (190 rows of duties, findings of authorities and threats), how far
the portal meets it, and the tests that show it. Written by `python -m tests.support.law_coverage`
from `tests/data/law_coverage.json` and the docstrings of the tests; a test compares.

- **covered**: the test the catalogue asks for, or one that proves the same, is there. A note says
  what was read differently.
- **partly**: tests show a part; the reason says what is missing.
- **not yet**: no test shows it. Where the portal behaves so all the same, the reason says it.

Which kind of request is walked where, and which letters it leads to: [walks](walks.md).

A row is about this program, not about a controller who runs it, and nothing here is legal advice.
"""
_MUST_NOT = "N-"
_FINDINGS = """
## What authorities found, a line each

What a portal of this kind was fined or blamed for, and one test each that fails where this portal
does it: it names the row, and was seen to fail when the forbidden thing was put in. Where several
guards stand behind one another (N-04, N-06) all of them were taken out for that. All tests of a row
stand in its section below.

| row | the portal must not | state | its test |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `tests` are `folder/file.py::name`, listed by hand beside those that name it."""

    id: str
    section: str
    title: str
    state: str
    reason: str
    tests: tuple[str, ...]


def rows() -> list[Row]:
    """The rows in the order of the catalogue."""
    kept = json.loads(ROWS.read_text("utf-8"))["rows"]
    return [Row(**{**row, "tests": tuple(row["tests"])}) for row in kept]


@cache
def all_tests() -> Mapping[str, str]:
    """The docstring of every test function by `folder/file.py::name`, nested ones left out."""
    return {
        f"{path.relative_to(TESTS).as_posix()}::{node.name}": ast.get_docstring(node) or ""
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def named_in_modules() -> Mapping[str, str]:
    """The docstring of every file of tests: it may name rows, but shows none."""
    return {
        path.relative_to(TESTS).as_posix(): ast.get_docstring(tree) or "" for path, tree in _trees()
    }


def ids_in(text: str) -> list[str]:
    """Ids of the catalogue's kind in a text, known or not."""
    return [one for one in _ID.findall(text) if one.partition("-")[0] in _PREFIXES]


def tests_of(row: Row) -> list[str]:
    """Listed tests first, then those that name the row."""
    naming = (name for name, text in all_tests().items() if row.id in ids_in(text))
    return list(dict.fromkeys([*row.tests, *naming]))


def own_test(row: Row) -> str | None:
    """The first test of a row that names it itself."""
    known = all_tests()
    return next((one for one in tests_of(row) if row.id in ids_in(known.get(one, ""))), None)


def findings(table: Sequence[Row]) -> list[Row]:
    """Rows that say what the portal must not do (N-01 to N-18)."""
    return [row for row in table if row.id.startswith(_MUST_NOT)]


def as_markdown(table: Sequence[Row]) -> str:
    return "".join([_INTRODUCTION, *_found(table), _counts(table), *_sections(table)])


def _found(table: Sequence[Row]) -> Iterator[str]:
    yield _FINDINGS
    for row in findings(table):
        what = row.title.removeprefix("The portal must not ")
        yield f"| {row.id} | {what} | {row.state} | `{own_test(row)}` |\n"


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(TESTS.glob("*/test_*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _counts(table: Sequence[Row]) -> str:
    lines = [
        "\n## How many\n\n| section | rows | covered | partly | not yet |\n|---|---|---|---|---|\n"
    ]
    for section in dict.fromkeys(row.section for row in table):
        lines.append(_count_line(section, [row for row in table if row.section == section]))
    lines.append(_count_line("**all**", table))
    return "".join(lines)


def _count_line(name: str, table: Sequence[Row]) -> str:
    found = Counter(row.state for row in table)
    return f"| {name} | {len(table)} | {' | '.join(str(found[state]) for state in STATES)} |\n"


def _sections(table: Sequence[Row]) -> Iterator[str]:
    for section in dict.fromkeys(row.section for row in table):
        yield f"\n## {section}\n\n| row | says | state | tests |\n|---|---|---|---|\n"
        yield from (_line(row) for row in table if row.section == section)


def _line(row: Row) -> str:
    state = f"**{row.state}**" + (f": {row.reason}" if row.reason else "")
    tests = "<br>".join(f"`{name}`" for name in tests_of(row)) or "–"
    return f"| {row.id} | {row.title} | {state} | {tests} |\n"


if __name__ == "__main__":
    PAGE.write_text(as_markdown(rows()), encoding="utf-8")

"""Whoever silences a checker says why: beside the mark, or in a comment in the line above."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("biometrics", "dsr_portal", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
# The mark with its codes, then what is left of the comment.
MARK = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w,\- ]+\])?)"
)
REASON = re.compile(r"(?: - | {2}# )\w+")


def without_reason(source: str) -> list[int]:
    """Lines of a module that silence a checker and do not say why."""
    lines = source.splitlines()
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        number, column = token.start
        mark = MARK.search(token.string) if token.type == tokenize.COMMENT else None
        if mark is None or REASON.search(token.string[mark.end() :]):
            continue
        above = lines[number - 2].strip() if number > 1 else ""
        own_line = not lines[number - 1][:column].strip()
        if own_line or not above.startswith("#") or MARK.search(above):
            found.append(number)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import a  # noqa: F401 - registers",
        "import a  # noqa: F401, E402 - registers late",
        "x = f()  # type: ignore[arg-type]  # its stub is wrong",
        "# Its stub is wrong.\nx = f()  # type: ignore[arg-type]",
        "word = 'say # noqa where you must'",
    ],
)
def test_a_reason_is_seen(line: str) -> None:
    assert without_reason(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "import a  # noqa",
        "import a  # noqa: F401",
        "import a  # noqa: F401 -",
        "x = f()  # type: ignore",
        "x = f()  # type: ignore[arg-type, misc]",
        "# noqa: E501 - one reason is not the next line's\nx = f()  # type: ignore[misc]",
    ],
)
def test_a_missing_reason_is_seen(line: str) -> None:
    assert without_reason(line) != []


def test_every_silenced_line_says_why() -> None:
    named = {
        path.relative_to(ROOT).as_posix(): lines
        for path in SOURCES
        if (lines := without_reason(path.read_text()))
    }
    assert named == {}
    assert len(SOURCES) > 300

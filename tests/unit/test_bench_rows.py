"""What `make bench` writes: rows of one form, areas that are measured again replace their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import AREAS
from tests.bench.rows import Book, table, write

FORM = {"area", "name", "value", "unit", "better", "target", "met", "command", "load"}


def test_a_figure_is_met_by_its_own_direction() -> None:
    book = Book("recognition")
    book.note("rate", 0.8, "ratio", better="higher", target=0.75)
    book.note("time", 2.5, "s", target=2.0)
    book.note("told", 7.0, "s")
    assert [figure.met for figure in book.figures] == [True, False, None]
    assert "NO" in table(book.figures).splitlines()[2]


def test_rows_have_one_form_and_other_areas_stay(tmp_path: Path) -> None:
    place = tmp_path / "bench.json"
    for area, value in (("whole-way", 1.0), ("recognition", 2.0), ("whole-way", 3.0)):
        book = Book(area)
        book.note("figure", value, "s", target=2.0)
        write(book.figures, place)
    rows = json.loads(place.read_text())
    assert all(row.keys() == FORM for row in rows)
    assert {row["area"]: row["value"] for row in rows} == {"whole-way": 3.0, "recognition": 2.0}
    assert {row["command"] for row in rows} == {f"make bench ONLY={row['area']}" for row in rows}


@pytest.mark.parametrize(
    "area", ["whole-way", "recognition", "erasure", "desk", "documents", "production"]
)
def test_every_area_can_be_asked_for(area: str) -> None:
    assert area in AREAS

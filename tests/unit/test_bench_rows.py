"""What `make bench` writes: rows of one form, areas that are measured again replace their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import AREAS
from tests.bench.rows import Book, table, write
from tests.bench.sizes import size

FORM = {"area", "name", "value", "unit", "better", "target", "met", "command", "load"}


def test_a_figure_is_met_by_its_own_direction() -> None:
    book = Book("recognition")
    book.note("rate", 0.8, "ratio", better="higher", target=0.75)
    book.note("time", 2.5, "s", target=2.0)
    book.note("told", 7.0, "s")
    assert [figure.met for figure in book.figures] == [True, False, None]
    assert "NO" in table(book.figures).splitlines()[2]


def test_what_is_not_installed_has_a_row_and_is_never_met(tmp_path: Path) -> None:
    book = Book("recognition")
    book.absent("a peer", "not installed: pip install --target FOLDER a-peer")
    (figure,) = book.figures
    assert figure.met is None
    assert "not installed: pip install --target FOLDER a-peer" in table(book.figures)
    write(book.figures, tmp_path / "bench.json")
    (row,) = json.loads((tmp_path / "bench.json").read_text())
    assert (row["value"], row["met"]) == (None, None)


def test_full_sizes_are_asked_for_and_single_ones_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of the usual sizes ends while one waits; FULL=1 is told in each figure's command."""
    monkeypatch.delenv("DSR_BENCH_ROWS", raising=False)
    for told, wanted in (("", 5), ("0", 5), ("1", 7)):
        monkeypatch.setenv("DSR_BENCH_FULL", told)
        assert size("DSR_BENCH_ROWS", usual=5, full=7) == wanted
    book = Book("erasure")
    book.note("time", 1.0, "s")
    assert book.figures[0].command == "make bench ONLY=erasure FULL=1"
    monkeypatch.setenv("DSR_BENCH_ROWS", "9")
    assert size("DSR_BENCH_ROWS", usual=5, full=7) == 9


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

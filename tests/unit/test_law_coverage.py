"""docs/law-coverage.md says what the tests show: no more, and nothing left out."""

from collections import Counter

import pytest

from tests.support import law_coverage
from tests.support.law_coverage import STATES, Row

ROWS = law_coverage.rows()
ANEW = "run: python -m tests.support.law_coverage"


def test_the_page_is_up_to_date() -> None:
    assert law_coverage.PAGE.read_text("utf-8") == law_coverage.as_markdown(ROWS), ANEW


def test_every_row_of_the_catalogue_stands_there_once() -> None:
    """The sizes of the catalogue's parts, by the letter of their ids."""
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids)
    assert Counter(one.partition("-")[0] for one in ids) == {
        **{"T": 14, "D": 11, "R": 10, "P": 18, "A": 22, "E": 16, "N": 18, "O": 9, "G": 2},
        **{"C": 10, "L": 24, "AI": 6, "B": 10, "X": 20},
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_has_what_its_state_asks_for(row: Row) -> None:
    assert row.state in STATES
    if row.state != "not yet":
        assert law_coverage.tests_of(row), "no test shows it"
    if row.state != "covered":
        assert row.reason, "nobody says what is missing"
    assert "|" not in row.title + row.reason
    gone = [name for name in row.tests if name not in law_coverage.all_tests()]
    assert not gone, "these tests do not exist"


@pytest.mark.parametrize("row", law_coverage.findings(ROWS), ids=lambda row: row.id)
def test_what_authorities_found_has_a_test_of_its_own(row: Row) -> None:
    """A line for each of N-01 to N-18 at the top of the page, with a test that names it."""
    own = law_coverage.own_test(row)
    assert own is not None, "no test names it in its docstring"
    what = row.title.removeprefix("The portal must not ")
    line = f"| {row.id} | {what} | {row.state} | `{own}` |"
    assert line in law_coverage.PAGE.read_text("utf-8"), ANEW


def test_a_row_no_test_names_itself_is_seen() -> None:
    row = Row("N-99", "s", "t", "covered", "", ("unit/test_law_coverage.py::test_y",))
    assert law_coverage.own_test(row) is None


def test_no_test_names_a_row_that_is_not_in_the_catalogue() -> None:
    known = {row.id for row in ROWS}
    texts = {**law_coverage.all_tests(), **law_coverage.named_in_modules()}
    unknown = {
        name: strange
        for name, text in texts.items()
        if (strange := sorted(set(law_coverage.ids_in(text)) - known))
    }
    assert not unknown


def test_a_planted_id_is_seen_and_words_like_it_are_not() -> None:
    assert law_coverage.ids_in("L-15, A-99; AI-04 (X-01)") == ["L-15", "A-99", "AI-04", "X-01"]
    assert law_coverage.ids_in("PDF/A-03, C-526/24, UTF-16, S-2001, B-100, R6, WP-19") == []


def test_a_test_that_names_a_row_is_found_beside_the_listed_ones() -> None:
    row = Row("D-10", "s", "t", "covered", "", ("unit/test_x.py::test_y",))
    found = law_coverage.tests_of(row)
    assert found[0] == "unit/test_x.py::test_y"
    assert (
        "unit/test_law_deadlines.py::test_of_two_zones_the_earlier_local_date_counts" in found[1:]
    )

"""Small foundations everything stands on: ids, references, registries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.core import references
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import Registry

BODIES = st.text(alphabet=references.ALPHABET, min_size=6, max_size=6)
PLACES = st.integers(min_value=0, max_value=6)
LETTERS = st.sampled_from(references.ALPHABET)


def test_ids_are_of_version_7_and_rows_lie_in_the_order_they_were_made() -> None:
    """RFC 9562; design, section 2."""
    ids = [new_id() for _ in range(2000)]
    assert {(one.version, one.variant) for one in ids} == {(7, ids[0].variant)}
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)


def test_a_new_reference_is_in_its_one_written_form() -> None:
    made = {references.new_reference() for _ in range(500)}
    assert all(references.normalise(one) == one for one in made)
    assert len(made) > 495


@given(BODIES)
def test_a_reference_is_read_however_it_is_typed(body: str) -> None:
    """R12: lower case, spaces, no hyphen, and the letters people take for digits."""
    whole = references.format_reference(body)
    typed = whole.replace("0", "o").replace("1", "l").lower()
    for form in (whole, typed, whole.replace("-", ""), f"  {whole.replace('-', ' - ')} "):
        assert references.normalise(form) == whole


@given(BODIES, PLACES, LETTERS)
def test_one_wrong_character_is_noticed(body: str, place: int, letter: str) -> None:
    letters = list(references.format_reference(body).replace("-", ""))
    if letters[place] != letter:
        letters[place] = letter
        assert references.normalise("".join(letters)) is None


@given(BODIES, st.integers(min_value=0, max_value=5))
def test_two_neighbours_that_changed_places_are_noticed(body: str, place: int) -> None:
    letters = list(references.format_reference(body).replace("-", ""))
    if letters[place] != letters[place + 1]:
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
        assert references.normalise("".join(letters)) is None


@given(st.text(max_size=12))
def test_anything_else_is_no_reference_and_raises_nothing(text: str) -> None:
    read = references.normalise(text)
    assert read is None or references.normalise(read) == read


def test_a_name_is_registered_once() -> None:
    registry: Registry[str] = Registry("word")
    registry.register("a", "one")
    assert registry.register("a", "one") == "one"
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a", "another")
    with pytest.raises(LookupError, match="no word named 'b'"):
        registry.get("b")

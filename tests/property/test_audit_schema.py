"""No picture, template, name or text passes a field of any event type (R29, law L-21)."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.audit.schema import (
    BadEvent,
    Code,
    Count,
    Day,
    EventType,
    Field,
    Flag,
    Hash,
    Id,
    KeyedHash,
    Many,
    Moment,
    Number,
    StaffNo,
)
from dsr_portal.core.registries import event_types

FIELDS: list[Field] = [
    Code(), Code(choices=("a", "b")), Code(optional=True), Count(), Day(), Flag(), Hash(), Id(),
    KeyedHash(), Moment(), Number(), StaffNo(), Many(Code()), Many(Id(), 32), Many(Number()),
]  # fmt: skip

number = st.floats(-1, 1)
never = st.one_of(
    st.binary(),
    st.binary().map(bytearray),
    st.lists(number, min_size=9, max_size=128),
    st.lists(number, min_size=9, max_size=128).map(tuple),
    st.lists(number, min_size=9, max_size=128).map(np.array),
    st.lists(number, min_size=9, max_size=128).map(json.dumps),
    st.lists(st.lists(number, max_size=3), min_size=1, max_size=3),
    st.binary(min_size=49).map(lambda raw: base64.b64encode(raw).decode()),
    st.binary(min_size=33).map(bytes.hex),
    st.text(min_size=65),
    st.tuples(st.text(min_size=1), st.text(min_size=1)).map(" ".join),
    st.from_regex(r"[a-z]{1,12}@[a-z]{1,12}\.example", fullmatch=True),
    st.from_regex(r"https?://[a-z]{1,12}\.example/[a-z]{0,9}", fullmatch=True),
    st.text(alphabet=st.characters(min_codepoint=128), min_size=1),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
    st.sampled_from([float("nan"), float("inf"), Decimal("NaN"), object()]),
    st.complex_numbers(),
)


telephone = st.from_regex(r"\+?[0-9]{9,15}", fullmatch=True)


def refused(field: Field, value: Any) -> bool:
    try:
        EventType("testing.fuzz", {"value": field}).body({"value": value})
    except BadEvent:
        return True
    return False


def test_a_refused_value_does_not_travel_on_in_the_message() -> None:
    with pytest.raises(BadEvent) as caught:
        EventType("testing.fuzz", {"value": Code()}).body({"value": "Mina Okafor"})
    assert "Mina" not in str(caught.value)


@given(st.sampled_from(FIELDS), never)
def test_no_field_takes_bytes_vectors_or_free_text(field: Field, value: Any) -> None:
    assert refused(field, value)


@given(telephone)
def test_no_code_is_a_telephone_number(value: str) -> None:
    assert refused(Code(), value)


@given(st.data(), never)
def test_no_registered_event_takes_them(data: st.DataObject, value: Any) -> None:
    types = [kind for _name, kind in event_types.items() if kind.fields]
    kind = data.draw(st.sampled_from(types))
    name = data.draw(st.sampled_from(sorted(kind.fields)))
    assert refused(kind.fields[name], value)


@given(number, st.integers(0, 10**6), st.booleans(), st.uuids(), st.dates())
def test_what_belongs_in_the_trail_passes(
    score: float, count: int, flag: bool, some: uuid.UUID, day: date
) -> None:
    kind = EventType(
        "testing.fuzz",
        {"score": Number(), "count": Count(), "flag": Flag(), "id": Id(), "day": Day()},
    )
    body = json.loads(
        kind.body({"score": score, "count": count, "flag": flag, "id": some, "day": day})
    )
    assert body == {
        "score": score, "count": count, "flag": flag, "id": str(some), "day": day.isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", ["en-GB", "SFace", "yunet_2023mar", "1.2.0", "portal", "GR", "t2-consent.v3"]
)
def test_codes_of_models_versions_and_languages_pass(value: str) -> None:
    assert not refused(Code(), value)


def test_a_moment_is_kept_in_utc() -> None:
    kind = EventType("testing.fuzz", {"at": Moment()})
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert json.loads(kind.body({"at": at})) == {"at": "2026-03-01T12:00:00.000000Z"}


@pytest.mark.parametrize("payload", [{}, {"word": "a", "more": 1}, {"other": "a"}])
def test_missing_and_unknown_fields_are_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        EventType("testing.fuzz", {"word": Code()}).body(payload)


def test_an_optional_field_may_be_none_but_not_absent() -> None:
    kind = EventType("testing.fuzz", {"word": Code(optional=True)})
    assert kind.body({"word": None}) == '{"word":null}'
    with pytest.raises(BadEvent):
        kind.body({})


def test_a_list_long_enough_for_a_vector_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="at most 8"):
        Many(Number(), 128)
    with pytest.raises(ValueError, match="lists of lists"):
        Many(Many(Number()), 16)


@pytest.mark.parametrize("name", ["Case.opened", "opened", "case.opened now", "case.Opened"])
def test_names_of_event_types_have_one_form(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        EventType(name)


def test_a_field_cannot_hide_what_every_event_has() -> None:
    with pytest.raises(ValueError, match="has case_id already"):
        EventType("case.opened", {"case_id": Id()})

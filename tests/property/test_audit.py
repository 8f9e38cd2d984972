"""Whatever is recorded verifies; whatever byte is changed afterwards is found and named (L-20)."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dsr_portal.audit import services, triggers
from dsr_portal.audit.export import verify_export
from dsr_portal.audit.links import Head
from dsr_portal.audit.models import Chain, Event, Payload
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from tests.support.trail import OFFICER, undone

pytestmark = pytest.mark.django_db
ASCII = [chr(code) for code in range(32, 127)]
CASE = uuid.UUID("0189abcd-ef00-7abc-8def-00000000000a")
RELAXED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 4)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
        st.tuples(st.just("nested"), st.integers(1, 3)),
        st.tuples(st.just("remove"), st.integers(0, 20)),
    ),
    max_size=12,
)


def happen(count: int, case_id: uuid.UUID | None = CASE) -> None:
    services.record("testing.happened", actor=OFFICER, case_id=case_id, word="done", count=count)


def record_then_fail(times: int) -> None:
    for count in range(times):
        happen(count)
    raise NotFound("gone")


def take(step: str, size: int) -> int:
    """Do one step; the number of events it must leave."""
    if step == "record":
        with services.unit_of_work():
            for count in range(size):
                happen(count)
        return size
    if step == "fail":
        with pytest.raises(NotFound), services.unit_of_work():
            record_then_fail(size)
        return 0
    if step == "nested":
        with services.unit_of_work():
            happen(0)
            with pytest.raises(NotFound), services.unit_of_work():
                record_then_fail(size)
            happen(1)
        return 2
    ids = list(
        Event.objects.filter(number=size, payload__isnull=False).values_list("id", flat=True)
    )
    services.remove_payloads(event_ids=ids, actor=Actor.system("retention"), reason="schedule")
    return len(ids)


@RELAXED
@given(steps)
def test_any_sequence_of_records_rollbacks_and_removals_verifies(
    sequence: list[tuple[str, int]],
) -> None:
    with undone():
        removals = 0
        expected = 0
        for step, size in sequence:
            left = take(step, size)
            expected += left
            removals += left if step == "remove" else 0
        found = services.verify()
        assert (found.ok, found.events, found.payloads_removed) == (True, expected, removals)
        assert found.head == services.head()
        assert verify_export(services.export()).ok


def changed(data: st.DataObject, text: str) -> str:
    place = data.draw(st.integers(0, len(text) - 1), label="place")
    letter = data.draw(st.sampled_from(ASCII).filter(lambda c: c != text[place]), label="byte")
    return text[:place] + letter + text[place + 1 :]


EVENT_COLUMNS = [str(field.column) for field in Event._meta.concrete_fields]
PAYLOAD_COLUMNS = [str(field.column) for field in Payload._meta.concrete_fields]
CHAIN_COLUMNS = [str(field.column) for field in Chain._meta.concrete_fields]


def change_a_byte(data: st.DataObject, table: str, column: str, where: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT CAST({column} AS TEXT) FROM {table} WHERE {where}")  # noqa: S608 - own names
        (text,) = cursor.fetchone()
        assume(text is not None)
        value = changed(data, text)
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {where}", [value])  # noqa: S608 - own names
        cursor.execute(f"SELECT CAST({column} AS TEXT) FROM {table}")  # noqa: S608 - own names
        # A number column may write the new text as the old number ("+1"); then nothing changed.
        assume(text not in [row[0] for row in cursor.fetchall()] or column not in ("number",))


@RELAXED
@given(st.data())
def test_a_changed_byte_of_any_column_is_found_and_its_event_named(data: st.DataObject) -> None:
    """Of a copy: what somebody who goes around the triggers could do to the tables."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's types refuse most of it; SQLite takes any byte")
    with undone():
        for count in range(4):
            with services.unit_of_work():
                happen(count)
        triggers.remove(connection)
        number = data.draw(st.integers(1, 4), label="event")
        table = data.draw(st.sampled_from(["audit_event", "audit_payload", "audit_chain"]))
        try:
            if table == "audit_event":
                column = data.draw(st.sampled_from(EVENT_COLUMNS), label="column")
                change_a_byte(data, table, column, f"number = {number}")
            elif table == "audit_payload":
                column = data.draw(st.sampled_from(PAYLOAD_COLUMNS), label="column")
                event = Event.objects.get(number=number).id.hex
                change_a_byte(data, table, column, f"event_id = '{event}'")
            else:
                column = data.draw(st.sampled_from(CHAIN_COLUMNS), label="column")
                change_a_byte(data, table, column, "1 = 1")
        except IntegrityError:
            assume(False)
        found = services.verify()
        assert not found.ok
        assert found.reason
        if table != "audit_chain":
            assert found.first_broken == number


def test_every_byte_of_an_event_and_its_payload_counts() -> None:
    """Also the ones a parser would read the same: a capital in a hex id, a T in a time."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's types write such values in one form")
    for count in range(3):
        with services.unit_of_work():
            happen(count)
    triggers.remove(connection)
    event = Event.objects.get(number=2).id.hex
    places = [("audit_event", column, "number = 2") for column in EVENT_COLUMNS]
    places += [("audit_payload", column, f"event_id = '{event}'") for column in ("salt", "body")]
    tried = 0
    for table, column, where in places:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT CAST({column} AS TEXT) FROM {table} WHERE {where}")  # noqa: S608 - own names
            (text,) = cursor.fetchone()
        for place, letter in enumerate(text or ""):
            for other in {letter.swapcase(), "T", "x", "7"} - {letter}:
                with undone(), connection.cursor() as cursor:
                    value = text[:place] + other + text[place + 1 :]
                    cursor.execute(
                        f"UPDATE {table} SET {column} = %s WHERE {where}",  # noqa: S608 - own names
                        [value],
                    )
                    found = services.verify()
                    assert (found.ok, found.first_broken) == (False, 2), (column, value)
                tried += 1
    triggers.install(connection)
    assert tried > 1000


@RELAXED
@given(st.data())
def test_a_changed_byte_of_an_export_is_refused(data: st.DataObject) -> None:
    with undone():
        for count in range(4):
            with services.unit_of_work():
                happen(count, CASE if count % 2 else uuid.UUID(int=5))
        document = services.export(CASE)
        head = services.head()
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    assert verify_export(json.loads(text), head).ok
    try:
        forged = json.loads(changed(data, text))
    except ValueError:
        return
    assume(forged != document)
    assert not verify_export(forged, head).ok


@RELAXED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "format",
                        "chain",
                        "case_id",
                        "start",
                        "head",
                        "header_hashes",
                        "events",
                        "number",
                    ]
                ),
                inner,
                max_size=8,
            )
        ),
        max_leaves=12,
    )
)
def test_anything_else_is_no_export_and_raises_nothing(thing: object) -> None:
    assert not verify_export(thing, Head(1, "0" * 64)).ok  # type: ignore[arg-type]  # what is refused

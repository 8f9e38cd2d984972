"""The trail is written with what it tells about, and no change of it goes unnoticed (R29, L-20)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from dsr_portal.audit import links, selectors, services, triggers
from dsr_portal.audit.models import Chain, Event, Payload
from dsr_portal.audit.schema import BadEvent
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from tests.support.trail import OFFICER

pytestmark = [pytest.mark.django_db, pytest.mark.db]
CASE = uuid.UUID("01890000-0000-7000-8000-000000000001")


def happen(times: int = 1, case_id: uuid.UUID | None = CASE) -> None:
    for count in range(times):
        with services.unit_of_work():
            services.record(
                "testing.happened", actor=OFFICER, case_id=case_id, word="done", count=count
            )


def record_and_fail(word: str, count: int) -> None:
    services.record("testing.happened", actor=OFFICER, word=word, count=count)
    raise NotFound("gone")


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def tamper(change: Callable[[], object]) -> None:
    """What somebody with the rights of the database's owner could do."""
    triggers.remove(connection)
    change()
    triggers.install(connection)


def test_an_empty_chain_is_whole_and_has_the_known_start() -> None:
    found = services.verify()
    assert (found.ok, found.events, found.head) == (True, 0, links.genesis())


def test_events_of_nested_units_are_numbered_in_order_and_move_the_head() -> None:
    with services.unit_of_work():
        services.record("testing.happened", actor=OFFICER, word="outer", count=1)
        with services.unit_of_work():
            services.record("testing.happened", actor=OFFICER, word="inner", count=2)
        assert services.head().number == 0
    events = list(Event.objects.order_by("number"))
    assert [(e.number, e.data) for e in events] == [
        (1, {"word": "outer", "count": 1}),
        (2, {"word": "inner", "count": 2}),
    ]
    assert services.head() == services.Head(2, events[1].hash)
    assert services.verify().ok


def test_recording_outside_a_unit_of_work_is_refused() -> None:
    with pytest.raises(services.OutsideUnitOfWork):
        services.record("testing.happened", actor=OFFICER, word="done", count=1)
    with transaction.atomic(), pytest.raises(services.OutsideUnitOfWork):
        services.record("testing.happened", actor=OFFICER, word="done", count=1)


def test_a_failed_unit_leaves_no_event() -> None:
    with pytest.raises(NotFound), services.unit_of_work():
        record_and_fail("done", 1)
    assert services.head() == links.genesis()
    assert not Payload.objects.exists()


@pytest.mark.parametrize("inner", [services.unit_of_work, transaction.atomic])
def test_an_event_whose_savepoint_was_rolled_back_is_not_written(inner: Any) -> None:
    with services.unit_of_work():
        services.record("testing.happened", actor=OFFICER, word="first", count=1)
        with pytest.raises(NotFound), inner():
            record_and_fail("undone", 2)
        services.record("testing.happened", actor=OFFICER, word="last", count=3)
    assert [event.data for event in Event.objects.order_by("number")] == [
        {"word": "first", "count": 1},
        {"word": "last", "count": 3},
    ]
    assert services.verify().ok


@pytest.mark.parametrize(
    "actor",
    [
        Actor(id="Mina Okafor", role="officer", kind="staff"),
        Actor(id="mina@halden.example", role="data_subject", kind="person"),
        Actor(id="S-1001", role="privacy officer", kind="staff"),
    ],
)
def test_an_actor_by_name_or_address_is_refused(actor: Actor) -> None:
    with pytest.raises(BadEvent), services.unit_of_work():
        services.record("testing.happened", actor=actor, word="done", count=1)


REFUSED = {
    "event updated": "UPDATE audit_event SET type = 'testing.other' WHERE number = 2",
    "event deleted": "DELETE FROM audit_event WHERE number = 3",
    "head back": "UPDATE audit_chain SET number = 2",
    "head onto nothing": "UPDATE audit_chain SET number = 9",
    "head renamed": "UPDATE audit_chain SET name = 'other', number = 4",
    "head deleted": "DELETE FROM audit_chain",
    "second head": "INSERT INTO audit_chain (name, number, hash) VALUES ('b', 1, 'x')",
    "payload updated": "UPDATE audit_payload SET body = '{}'",
}
ROW = (  # filled with constants of this file only
    "INTO audit_event (id, chain_id, number, type, at, clock, actor_id, actor_role, actor_kind,"
    " case_id, subject_id, commitment, prev_hash, hash) SELECT {id}, chain_id, {number}, type, at,"
    " clock, actor_id, actor_role, actor_kind, case_id, subject_id, commitment, {prev}, hash"
    " FROM audit_event WHERE number = 3"
)

FIRST = "(SELECT id FROM audit_event WHERE number = 1)"
REPLACE = f"INSERT OR REPLACE {ROW.format(id=FIRST, number='4', prev='hash')}"


@pytest.mark.parametrize("what", REFUSED)
def test_the_database_refuses_a_change_of_the_trail(what: str) -> None:
    happen(3)
    with pytest.raises(DatabaseError):
        run(REFUSED[what])
    assert services.verify().ok


@pytest.mark.parametrize(("number", "prev"), [("5", "hash"), ("3", "prev_hash"), ("4", "'no'")])
def test_the_database_takes_only_the_next_event_bound_to_the_last(number: str, prev: str) -> None:
    happen(3)
    with pytest.raises(DatabaseError):
        run("INSERT " + ROW.format(id="%s", number=number, prev=prev), uuid.uuid4().hex)


def test_a_payload_cannot_be_put_back_or_exchanged() -> None:
    happen()
    payload = Payload.objects.get()
    payload.delete()
    with pytest.raises(DatabaseError):
        run(
            "INSERT INTO audit_payload (event_id, salt, body) SELECT id, 'salt', 'body'"
            " FROM audit_event"
        )
    found = services.verify()
    assert (found.ok, found.payloads_removed) == (True, 1)


def test_insert_or_replace_does_not_pass_on_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    happen(3)
    with pytest.raises(DatabaseError, match="never deleted"):
        run(REPLACE)
    head = "INSERT OR REPLACE INTO audit_chain (name, number, hash) VALUES ('main', 0, 'x')"
    with pytest.raises(DatabaseError, match="audit: "):
        run(head)
    body = "INSERT OR REPLACE INTO audit_payload SELECT event_id, salt, '{}' FROM audit_payload"
    with pytest.raises(DatabaseError, match="written once"):
        run(body)
    assert services.verify().ok


def test_replace_would_pass_without_recursive_triggers() -> None:
    """The canary of the test above: the setting is what refuses it."""
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    happen(3)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA recursive_triggers = OFF")
        try:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            run(REPLACE)
            assert not Event.objects.filter(number=1).exists()
            cursor.execute("PRAGMA defer_foreign_keys = OFF")
        finally:
            cursor.execute("PRAGMA recursive_triggers = ON")
    transaction.set_rollback(True)


@pytest.mark.parametrize("table", ["audit_event", "audit_payload", "audit_chain"])
def test_nothing_is_truncated_on_postgresql(table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("TRUNCATE is PostgreSQL's")
    happen()
    with pytest.raises(DatabaseError):
        run(f"TRUNCATE {table} CASCADE")


def test_a_missing_trigger_is_an_error_of_the_system_check() -> None:
    from dsr_portal.audit.checks import triggers_are_there

    assert triggers_are_there(databases=["default"]) == []
    triggers.remove(connection)
    assert {problem.id for problem in triggers_are_there(databases=["default"])} == {"dsr.E010"}
    triggers.install(connection)


def test_the_first_broken_event_is_named() -> None:
    happen(6)
    old = services.head()
    tamper(lambda: Event.objects.filter(number=4).update(actor_id="S-1002"))
    found = services.verify(old)
    assert (found.ok, found.events, found.first_broken, found.reason) == (
        False, 3, 4, "changed_header",
    )  # fmt: skip


def test_a_restore_that_tells_of_none_is_named_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """R29: whoever writes to the database binds any payload; the check does not fall over it."""
    happen(3)
    monkeypatch.setattr(links, "RESTORED", "testing.happened")
    found = services.verify()
    assert (found.ok, found.first_broken, found.reason) == (False, 1, "changed_payload")


@pytest.mark.parametrize("body", ["[]", "{}", "no json", '{"backup_number": Infinity}'])
def test_what_is_not_the_payload_of_a_restore_is_a_value_error(body: str) -> None:
    header = links.Header(
        links.MAIN, 1, "", links.RESTORED, "", "system", "", "", "", None, None, ""
    )
    with pytest.raises(ValueError, match="not the payload of a restore"):
        links.restore_of(header, body)


def test_a_missing_event_is_named() -> None:
    happen(6)

    def drop() -> None:
        Payload.objects.filter(event__number=3).delete()
        run("DELETE FROM audit_event WHERE number = 3")

    tamper(drop)
    found = services.verify()
    assert (found.first_broken, found.reason) == (3, "missing")


def test_events_cut_off_are_named_and_an_earlier_head_finds_a_cut_with_its_head() -> None:
    happen(6)
    kept = services.head()

    def cut() -> None:
        Payload.objects.filter(event__number__gt=4).delete()
        run("DELETE FROM audit_event WHERE number > 4")

    tamper(cut)
    assert (services.verify().first_broken, services.verify().reason) == (5, "missing")
    last = Event.objects.get(number=4)
    tamper(lambda: Chain.objects.update(number=4, hash=last.hash))
    assert services.verify().ok, "without an earlier head nobody can tell"
    found = services.verify(kept)
    assert (found.ok, found.first_broken, found.reason) == (
        False, 5, "does_not_extend_previous_head",
    )  # fmt: skip


def test_a_chain_written_anew_is_found_by_whoever_kept_a_head() -> None:
    happen(4)
    kept = services.Head(2, Event.objects.get(number=2).hash)

    def begin_again() -> None:
        Payload.objects.all().delete()
        run("DELETE FROM audit_event")
        start = links.genesis()
        Chain.objects.update(number=0, hash=start.hash)

    tamper(begin_again)
    happen(4)
    assert services.verify().ok
    found = services.verify(kept)
    assert (found.first_broken, found.reason) == (2, "does_not_extend_previous_head")


def test_a_head_set_back_or_changed_is_named() -> None:
    happen(4)
    early = Event.objects.get(number=2)
    tamper(lambda: Chain.objects.update(number=2, hash=early.hash))
    assert (services.verify().first_broken, services.verify().reason) == (3, "head_behind")
    tamper(lambda: Chain.objects.update(number=4, hash="0" * 64))
    assert (services.verify().first_broken, services.verify().reason) == (4, "changed_head")


def test_payloads_are_removed_by_schedule_and_the_chain_still_verifies() -> None:
    """L-23, L-24: personal parts of the trail can go; the order of what happened stays."""
    happen(3)
    ids = list(Event.objects.filter(number__lte=2).values_list("id", flat=True))
    system = Actor.system("retention")
    assert services.remove_payloads(event_ids=ids, actor=system, reason="schedule") == 2
    found = services.verify()
    assert (found.ok, found.events, found.payloads_removed) == (True, 4, 2)
    last = Event.objects.get(number=4)
    assert last.data == {"reason": "schedule", "removed": 2, "first": 1, "last": 2}
    assert [event.data for event in selectors.events_for_case(CASE)][:2] == [None, None]


def test_an_export_of_a_case_verifies_alone_and_hides_the_others() -> None:
    other = uuid.uuid4()
    happen(3)
    happen(2, case_id=other)
    happen(2)
    kept = services.Head(1, Event.objects.get(number=1).hash)
    text = json.dumps(services.export(CASE))
    assert str(other) not in text
    found = services.verify(kept, json.loads(text))
    assert (found.ok, found.events, found.head) == (True, 5, services.head())
    later = services.Head(9, "0" * 64)
    assert services.verify(later, json.loads(text)).reason == "does_not_extend_previous_head"
    whole = services.export()
    assert services.verify(None, whole).events == 7
    short = services.export(CASE, since=services.Head(5, Event.objects.get(number=5).hash))
    assert services.verify(services.Head(5, short["start"]["hash"]), short).events == 2


def test_a_changed_payload_in_an_export_is_named() -> None:
    happen(3)
    document = services.export(CASE)
    document["events"][1]["payload"] = '{"count":2,"word":"done"}'
    found = services.verify(None, document)
    assert (found.ok, found.first_broken, found.reason) == (False, 2, "changed_payload")


def test_the_commands_print_a_head_and_judge_the_chain_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    happen(3)
    call_command("audit_head", "--json")
    kept = tmp_path / "head.json"
    kept.write_text(capsys.readouterr().out)
    happen(2)
    call_command("verify_audit", "--json", "--previous-head", str(kept))
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["events"], found["previous_head"]["number"]) == (True, 5, 3)
    tamper(lambda: Event.objects.filter(number=2).update(clock="other"))
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json")
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["first_broken"], found["reason"]) == (2, "changed_header")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tables_are_emptied_between_transactional_tests_and_the_triggers_stay(turn: int) -> None:
    assert services.head() == links.genesis(), f"turn {turn} found events of the one before"
    assert triggers.missing(connection) == []
    happen(2)
    with pytest.raises(DatabaseError):
        run("DELETE FROM audit_event")

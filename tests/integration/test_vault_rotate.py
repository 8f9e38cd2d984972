"""Replacing every bucket key (R26, R31): journaled, resumed after a crash, the portal served."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from dsr_portal.audit.models import Event
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import restoring
from dsr_portal.jobs import services as jobs
from dsr_portal.vault import crypto, health, keys, rotation, services, shredding
from dsr_portal.vault import jobs as vault_jobs
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import Blob, Bucket, Rotation, ShredRun, UnitKey
from tests.support import backups as machines
from tests.support import erasure as lab
from tests.support.vault import use_places
from tests.support.workers import environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = Actor.operator()
STEPS = [
    ("before_commit.begun", 1),
    ("after.begun", 1),
    ("before_commit.taken", 1),
    ("ring.place1", 1),  # new keys in one place only
    ("ring.place2", 1),
    ("before_commit.keyed", 1),
    ("after.keyed", 1),
    ("before_commit.keyed", 3),  # the second of two buckets
    ("before_commit.moved", 1),
    ("after.moved", 1),
    ("ledger.written", 1),  # an entry nobody in the database knows of
    ("before_commit.moved", 2),
    ("ledger.written", 2),  # the second entry of the same run
    ("before_commit.ledgered", 1),
    ("after.ledgered", 1),
    ("ring.place1", 2),  # old keys gone in one place only
    ("ring.place2", 2),
    ("before_commit.destroyed", 1),
    ("after.destroyed", 1),
    ("files.removed", 1),
    ("before_commit.done", 1),
    ("after.done", 1),
    ("before_commit.taken", 2),  # the second portion
    ("ring.place1", 3),
    ("after.done", 2),
    ("before_commit.rotated", 1),
    ("after.rotated", 1),
]


class Crash(BaseException):
    """Ends the work where it stands; no handler of the product catches it."""


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    yield
    keys.forget_all()


@services.retry_stale
def make(kind=UnitKind.ENROLLED_FACE):
    staged = services.stage_unit(kind=kind, owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    with transaction.atomic():
        return staged.save()


def opens(unit):
    return services.read(unit, "note") == unit.bytes


def three_buckets():
    kinds = (UnitKind.ENROLLED_FACE, UnitKind.SOURCE_IMAGE, UnitKind.PROBE)
    return [make(kind) for kind in kinds for _ in range(2)]


def crash_at(step, count):
    seen = 0

    def fault(at):
        nonlocal seen
        if at == step:
            seen += 1
            if seen == count:
                raise Crash

    return fault


def crash_and_resume(step, count):
    """One rotation that is ended at a step, then finished; every unit opens throughout."""
    units = three_buckets()
    old = set(Bucket.objects.values_list("id", flat=True))
    old_keys = keys.keeper().ring.values()
    assert len(old) == len(old_keys) >= 3
    fault = crash_at(step, count)
    keys.keeper().ring.fault = fault
    with pytest.raises(Crash):
        rotation.rotate(actor=OPERATOR, fault=fault)

    keys.forget_all()
    assert all(opens(unit) for unit in units)
    units.append(make())
    with transaction.atomic():
        services.request_shred(units[:1], reason="erasure")
    # A destruction goes first and may end the run it finds; the rotation is still resumed.
    assert services.run_shred().done
    assert services.unit_state(units[0]) == UnitState.SHREDDED
    if step != "after.rotated":
        assert rotation.rotate(actor=OPERATOR).done

    assert all(opens(unit) for unit in units[1:])
    standing = set(Bucket.objects.values_list("id", flat=True))
    assert not standing & old
    assert keys.keeper().ring.ids() == standing
    assert not keys.keeper().ring.values() & old_keys
    found = health.examine()
    assert (found.rows_without_key, found.keys_without_row, found.broken) == ([], [], "")
    assert {place["state"] for place in found.places} == {"whole"}
    assert not Rotation.objects.filter(done_at=None).exists()
    assert not ShredRun.objects.exclude(state="done").exists()
    assert services.shred_now(units[1:], "test").done


def test_a_crash_at_any_step_is_resumed_and_every_unit_opens_throughout(monkeypatch, subtests):
    monkeypatch.setattr(shredding, "PORTION_BUCKETS", 2)
    monkeypatch.setattr(shredding, "ENTRY_BUCKETS", 1)
    for step, count in STEPS:
        with subtests.test(step=step, count=count):
            crash_and_resume(step, count)
    rotations = Rotation.objects.count()
    for told in ("vault.rotation_begun", "vault.rotated"):
        assert Event.objects.filter(type=told).count() == rotations >= len(STEPS) - 1


def test_old_keys_open_nothing_new_and_new_keys_nothing_old():
    """The canary: before, the old key opens the old row; after, neither pair opens crosswise."""
    unit = make()
    row = UnitKey.objects.get(id=unit)
    old_row, old_bound = bytes(row.wrapped), row.bound()
    old_key = bytes(keys.keeper().ring.get(row.bucket_id))
    assert crypto.unwrap(old_key, old_row, old_bound)
    assert rotation.rotate(actor=OPERATOR).done
    row = UnitKey.objects.get(id=unit)
    now = keys.keeper().ring.values()
    assert old_key not in now
    for key in now:
        with pytest.raises(crypto.BadBlob):
            crypto.unwrap(key, old_row, old_bound)
    with pytest.raises(crypto.BadBlob):
        crypto.unwrap(old_key, bytes(row.wrapped), row.bound())


def test_the_ledger_tells_a_restore_of_every_row_in_several_entries(monkeypatch):
    """R31: from a backup made before, the last row of each unit in the ledger opens it."""
    monkeypatch.setattr(shredding, "ENTRY_BUCKETS", 1)
    units = three_buckets()
    before = {unit: UnitKey.objects.get(id=unit).bucket_id for unit in units}
    done = rotation.rotate(actor=OPERATOR)
    entries = list(shredding.ledger().entries())
    assert (len(entries), done.ledger_number) == (3, 3)
    assert shredding.ledger().verify(keys.keeper().ring.ledger_head()) == 3
    assert [entry.body["shredded"] for entry in entries] == [[], [], []]
    assert {one for entry in entries for one in entry.body["replaced"]} == {
        str(bucket) for bucket in before.values()
    }
    told = {row["unit"]: row for entry in entries for row in entry.body["rewrapped"]}
    assert told.keys() == {str(unit) for unit in units}
    for unit in units:
        row = told[str(unit)]
        restored = UnitKey(
            id=unit, kind=row["kind"], owner=UUID(row["owner"]), bucket_id=UUID(row["bucket"])
        )
        key = crypto.unwrap(
            keys.keeper().ring.get(restored.bucket_id),
            base64.b64decode(row["wrapped"]),
            restored.bound(),
        )
        blob = Blob.objects.get(unit_id=unit)
        name = crypto.BlobName(blob.id, unit, restored.kind, restored.owner, "note")
        assert crypto.open_blob(key, name, bytes(blob.inline)) == unit.bytes


@pytest.mark.parametrize("killed_at", ["", "after.moved"])
def test_a_backup_from_before_is_restored_after_a_rotation(
    killed_at, settings, tmp_path, monkeypatch
):
    """R31: the ledger brings the new key rows, wherever the machine was lost."""
    if connection.vendor != "sqlite":
        pytest.skip("a second machine is a second file of SQLite; the entries are the same")
    monkeypatch.setattr(shredding, "PORTION_BUCKETS", 2)
    monkeypatch.setattr(shredding, "ENTRY_BUCKETS", 1)
    lab.own_places(settings, tmp_path / "old")
    units = three_buckets()
    machines.back_up(tmp_path / "backups")
    fault = crash_at(killed_at, 2)
    keys.keeper().ring.fault = fault
    try:
        done = rotation.rotate(actor=OPERATOR, fault=fault).done
    except Crash:
        done = False
    assert done == (not killed_at)
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(tmp_path / "backups")
        assert all(opens(unit) for unit in units)
        assert services.shred_now(units[:1], "erasure").done
        assert rotation.rotate(actor=OPERATOR).done
        assert all(opens(unit) for unit in units[1:])
        found = health.examine()
        assert (found.rows_without_key, found.broken) == ([], "")


def test_buckets_made_ahead_are_replaced_and_a_second_rotation_replaces_all_again():
    unit = make()
    keys.fill(UnitKind.DRAFT)
    first = set(Bucket.objects.values_list("id", flat=True))
    assert rotation.rotate(actor=OPERATOR).replaced == 2
    second = set(Bucket.objects.values_list("id", flat=True))
    assert (len(second), second & first) == (1, set())  # an empty bucket leaves none
    assert make(UnitKind.DRAFT)
    assert rotation.rotate(actor=OPERATOR).replaced == 2
    assert not second & set(Bucket.objects.values_list("id", flat=True))
    assert opens(unit)


def test_with_a_place_missing_it_waits_and_the_job_goes_on_when_it_is_back(settings, tmp_path):
    units = three_buckets()
    place = settings.DSR_RING[1]
    place.rename(tmp_path / "unmounted")
    report = rotation.rotate(actor=OPERATOR)
    assert (report.done, report.blocked) == (False, "place_missing")
    assert all(opens(unit) for unit in units)
    (tmp_path / "unmounted").rename(place)
    vault_jobs.resume()
    for _ in range(4):
        jobs.run_due()
    assert not rotation.is_unfinished()
    assert all(opens(unit) for unit in units)


def test_a_rotation_is_over_only_when_no_cache_can_hold_an_old_key(settings):
    settings.DSR_KEY_CACHE_SECONDS = 1
    three_buckets()
    report = rotation.rotate(actor=OPERATOR, wait=False)
    assert not report.done
    assert 0 < report.wait_seconds <= 1
    assert rotation.rotate(actor=OPERATOR).done


def test_readers_and_writers_in_other_processes_never_fail_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(shredding, "PORTION_BUCKETS", 2)
    units = three_buckets()
    old = set(Bucket.objects.values_list("id", flat=True))
    stop = tmp_path / "stop"
    command = [sys.executable, "-B", "-m", "tests.support.vault_traffic", str(stop)]
    others = [
        subprocess.Popen(
            [*command, *map(str, units)],
            cwd=ROOT,
            env={**environment(), "DSR_KEY_CACHE_SECONDS": "2"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for one in others:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        old |= set(Bucket.objects.values_list("id", flat=True))
        assert len(old) >= 5  # both have buckets of their own by now
        for _ in range(3):
            assert rotation.rotate(actor=OPERATOR).done
    finally:
        stop.touch()
        told = [json.loads(one.communicate(timeout=240)[0].splitlines()[-1]) for one in others]
    for one in told:
        assert one["failed"] == []
        assert min(one["written"], one["read"]) > 0
    assert not old & set(Bucket.objects.values_list("id", flat=True))
    assert all(opens(unit) for unit in units)


def test_the_command_rotates_and_tells(capsys):
    units = three_buckets()
    connection.close()
    call_command("ring", "rotate", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["replaced"], told["left"]) == (True, 3, 0)
    assert all(opens(unit) for unit in units)
    begun = Event.objects.get(type="vault.rotation_begun")
    assert begun.actor_kind == "operator"

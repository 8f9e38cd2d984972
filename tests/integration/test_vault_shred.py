"""Destroying keys (R26, R31): old copies open nothing, survivors everything, every step resumes."""

import shutil
import sqlite3
import time

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, connection, transaction

from dsr_portal.audit.models import Event
from dsr_portal.core.ids import new_id
from dsr_portal.vault import keys, services, shredding
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import Blob, Bucket, DoomedFile, RingState, Shredded, ShredRun, UnitKey
from dsr_portal.vault.ring import KeyGone, LedgerHead
from tests.support.vault import copy_ring, open_with, use_places

pytestmark = pytest.mark.django_db

PICTURE = b"a picture of a face " * 1000


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    return tmp_path


def make_units(count=6, kind=UnitKind.ENROLLED_FACE):
    units = []
    for number in range(count):
        staged = services.stage_unit(kind=kind, owner=new_id())
        staged.add("template", b"template %d" % number)
        staged.add("picture", PICTURE + b"%d" % number)
        with transaction.atomic():
            units.append(staged.save())
    return units


def readable(unit, number):
    template = services.read(unit, "template") == b"template %d" % number
    return template and services.read(unit, "picture") == PICTURE + b"%d" % number


def copy_database(target):
    """A consistent copy, as a backup or a stolen disk has it."""
    source = sqlite3.connect(connection.settings_dict["NAME"])
    copy = sqlite3.connect(target)
    source.backup(copy)
    copy.close()
    source.close()
    return target


@pytest.mark.django_db(transaction=True)
def test_with_every_old_copy_and_the_ring_of_now_nothing_shredded_opens(tmp_path):
    """R26's promise, with its canary: with the old ring the same copies do open."""
    if connection.vendor != "sqlite":
        pytest.skip("the copy made here is of SQLite's file")
    units = make_units()
    old_database = copy_database(tmp_path / "old.sqlite3")
    old_vault = tmp_path / "old-vault"
    shutil.copytree(django_settings.DSR_VAULT_DIR, old_vault)
    old_ring = copy_ring(django_settings.DSR_RING, tmp_path / "old-ring")
    report = services.shred_now(units[1:3], "erasure")
    assert report.done
    assert report.units == 2
    new_database = copy_database(tmp_path / "new.sqlite3")
    ring_now = django_settings.DSR_RING
    for number in (1, 2):
        old = (old_database, old_vault, old_ring, units[number])
        assert open_with(*old, "template") == b"template %d" % number  # the canary
        assert open_with(*old, "picture") == PICTURE + b"%d" % number
        now = (old_database, old_vault, ring_now, units[number])
        assert open_with(*now, "template") is None
        assert open_with(*now, "picture") is None
        assert open_with(new_database, old_vault, ring_now, units[number], "template") is None
    vault_now = django_settings.DSR_VAULT_DIR
    for number in (0, 3, 4, 5):
        assert readable(units[number], number)
        assert open_with(new_database, vault_now, ring_now, units[number], "picture")


def test_states_markers_files_and_the_journal_after_a_shred():
    units = make_units(3)
    files = list(Blob.objects.filter(unit_id=units[0]).exclude(file="").values_list("file"))
    assert files
    owner = UnitKey.objects.get(id=units[0]).owner
    assert services.unit_state(units[0]) == UnitState.LIVE
    with transaction.atomic():
        assert services.request_shred([units[0]], reason="erasure") == 1
        assert services.request_shred([units[0]], reason="again") == 0
    assert services.unit_state(units[0]) == UnitState.WAITING
    with pytest.raises(services.Shredded):
        services.read(units[0], "template")
    assert not services.has(units[0], "template")
    assert services.fields(units[0]) == []
    assert services.run_shred().done
    assert services.unit_state(units[0]) == UnitState.SHREDDED
    assert services.unit_state(new_id()) == UnitState.UNKNOWN
    marker = Shredded.objects.get(unit_id=units[0])
    assert (marker.owner, marker.reason, marker.kind) == (owner, "erasure", "enrolled_face")
    assert not UnitKey.objects.filter(id=units[0]).exists()
    assert not Blob.objects.filter(unit_id=units[0]).exists()
    assert not DoomedFile.objects.exists()
    for (name,) in files:
        assert not list(django_settings.DSR_VAULT_DIR.rglob(name))
    assert Bucket.objects.count() == 1
    assert set(Bucket.objects.values_list("id", flat=True)) == keys.keeper().ring.ids()
    with pytest.raises(services.Shredded):
        services.read(units[0], "template")
    assert services.run_shred().run_id is None
    with transaction.atomic():
        assert services.request_shred([units[0]], reason="again") == 0
        with pytest.raises(services.UnknownUnit):
            services.request_shred([new_id()], reason="x")


def test_a_bucket_without_survivors_leaves_no_bucket():
    units = make_units(2)
    assert services.shred_now(units, "purge").done
    assert not Bucket.objects.exists()
    assert keys.keeper().ring.ids() == set()


def test_the_ledger_tells_what_a_restore_needs():
    units = make_units(3)
    services.shred_now(units[:1], "erasure")
    services.shred_now(units[1:2], "erasure")
    book = shredding.ledger()
    known = keys.keeper().ring.ledger_head()
    assert known.number == 2
    assert book.verify(known) == 2
    first, second = book.entries()
    assert [row["unit"] for row in first.body["shredded"]] == [str(units[0])]
    assert [row["unit"] for row in first.body["rewrapped"]] == [str(units[1]), str(units[2])]
    assert second.previous == first.hash.hex()
    assert {row["bucket"] for row in second.body["rewrapped"]} == {
        str(bucket) for bucket in Bucket.objects.values_list("id", flat=True)
    }
    for place in django_settings.DSR_LEDGER:
        assert len(list(place.glob("*.json"))) == 2


def test_a_ledger_that_ends_too_early_stops_the_next_destruction_with_the_gap_named():
    units = make_units(4)
    services.shred_now(units[:1], "erasure")
    services.shred_now(units[1:2], "erasure")
    for place in django_settings.DSR_LEDGER:
        (place / "000000000002.json").rename(place / "aside")
    report = services.shred_now(units[2:3], "erasure")
    assert not report.done
    assert report.blocked == "ledger_broken"
    assert "ends at entry 1, the ring knows entry 2" in report.detail
    assert services.unit_state(units[2]) == UnitState.WAITING
    assert readable(units[3], 3)
    for place in django_settings.DSR_LEDGER:
        (place / "aside").rename(place / "000000000002.json")
    assert services.run_shred().done
    with pytest.raises(services.LedgerBroken):
        shredding.ledger().check_reaches(LedgerHead(9, bytes(32)))


def test_with_one_key_place_missing_work_goes_on_and_destruction_waits(tmp_path):
    units = make_units(3)
    place = django_settings.DSR_RING[1]
    place.rename(tmp_path / "unmounted")
    keys.keeper().pool.clear()
    more = make_units(1)
    assert readable(more[0], 0)
    report = services.shred_now(units[:1], "erasure")
    assert not report.done
    assert report.blocked == "place_missing"
    assert services.unit_state(units[0]) == UnitState.WAITING
    assert readable(units[1], 1)
    (tmp_path / "unmounted").rename(place)
    assert services.run_shred().done
    assert services.unit_state(units[0]) == UnitState.SHREDDED
    assert readable(units[1], 1)
    assert readable(more[0], 0)
    assert {row.state for row in keys.keeper().ring.status()} == {"whole"}


def test_with_one_ledger_place_missing_destruction_waits(tmp_path):
    units = make_units(2)
    place = django_settings.DSR_LEDGER[0]
    place.rename(tmp_path / "unmounted")
    report = services.shred_now(units[:1], "erasure")
    assert report.blocked == "ledger_place_missing"
    (tmp_path / "unmounted").rename(place)
    assert services.run_shred().done


def test_a_ring_older_than_the_lock_row_remembers_is_refused(tmp_path):
    units = make_units(2)
    old = copy_ring(django_settings.DSR_RING, tmp_path / "old")
    services.shred_now(units[:1], "erasure")
    for place, copy in zip(django_settings.DSR_RING, old, strict=True):
        shutil.copy(copy / "ring", place / "ring")
    with pytest.raises(services.RingMissing) as refused:
        services.read(units[1], "template")
    assert refused.value.context["why"] == "too_old"
    assert RingState.objects.get().generation > 0


def test_a_run_is_called_done_only_after_the_caches_ran_out(settings):
    settings.DSR_KEY_CACHE_SECONDS = 0.6
    units = make_units(2)
    report = shredding.run_shred(wait=False)
    assert report.run_id is None
    with transaction.atomic():
        services.request_shred(units[:1], reason="erasure")
    report = services.run_shred(wait=False)
    assert not report.done
    assert 0 < report.wait_seconds <= 0.6
    assert services.unit_state(units[0]) == UnitState.WAITING
    assert services.run_shred(wait=True).done
    assert services.unit_state(units[0]) == UnitState.SHREDDED


def test_a_cached_key_is_overwritten_when_its_time_is_over(settings):
    settings.DSR_KEY_CACHE_SECONDS = 0.2
    make_units(1)
    cache = keys.keeper().cache
    bucket = Bucket.objects.get().id
    entry = None
    while entry is None:  # on a busy machine its time may be over before it is looked at
        assert any(keys.keeper().key(bucket))  # the canary
        entry = cache._keys.get(bucket)
    held = entry[1]
    deadline = time.monotonic() + 30
    while cache._keys and time.monotonic() < deadline:
        time.sleep(0.02)
    assert cache._keys == {}
    assert not any(held)


def test_a_reader_whose_bucket_was_replaced_reads_the_row_again(monkeypatch):
    units = make_units(2)
    ring_get = keys.keeper().ring.get
    shredded = []

    def shred_in_between(bucket):
        if not shredded:
            shredded.append(True)
            services.shred_now(units[:1], "erasure")
            with pytest.raises(KeyGone):
                ring_get(bucket)
        return ring_get(bucket)

    monkeypatch.setattr(keys.keeper().ring, "get", shred_in_between)
    assert services.read(units[1], "template") == b"template 1"


@pytest.mark.django_db(transaction=True)
def test_no_statement_of_a_shred_reads_the_keys_of_the_whole_vault():
    """They hold the write lock: a million units took it for a second, a small vault shows none."""
    if connection.vendor != "sqlite":
        pytest.skip("plans in SQLite's words")
    units = make_units(3)
    plans = []

    def explained(execute, sql, params, many, context):
        if '"vault_unitkey"' in sql and not many and not sql.startswith("INSERT"):
            rows = connection.create_cursor().execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plans.extend(row[3] for row in rows if "vault_unitkey" in row[3])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        assert not UnitKey.objects.filter(shred_reason="nobody asks for this").exists()
        assert plans == ["SCAN vault_unitkey"]  # the canary
        plans.clear()
        services.shred_now(units[:2], "erasure")
    narrow = ("(id=?)", "(bucket_id=?)", "USING INDEX vault_unit_ordered")
    assert plans
    assert [plan for plan in plans if not plan.endswith(narrow)] == []


def test_one_run_may_be_unfinished_and_the_event_stands_in_the_trail():
    units = make_units(2)
    run = ShredRun.objects.get(id=services.shred_now(units[:1], "erasure").run_id)
    assert run.state == ShredRun.State.DONE
    assert Event.objects.filter(type="vault.shredded").count() == 1
    ShredRun.objects.create(units=0, started_at=run.started_at)
    with pytest.raises(IntegrityError), transaction.atomic():
        ShredRun.objects.create(units=0, started_at=run.started_at)

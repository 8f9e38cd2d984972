"""Backups while the portal runs: what they hold, what they never hold, and their end (R31, R26)."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from dsr_portal.audit.models import Event
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import stores
from dsr_portal.vault import backups, files, keys, places, selectors, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.errors import Damaged, LedgerBroken
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Backup, Blob, LedgerNote, UnitKey
from tests.support import backups as lab
from tests.support.vault import copy_ring, use_places

pytestmark = pytest.mark.django_db(transaction=True)

PICTURE = b"a picture of a face " * 1000


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> Any:
    use_places(settings, tmp_path)
    settings.DSR_VAR = tmp_path / "var"
    settings.DSR_VAULT_DIR = tmp_path / "var" / "vault"
    yield
    keys.forget_all()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def make(kind: UnitKind = UnitKind.ENROLLED_FACE) -> Any:
    staged = vault.stage_unit(kind=kind, owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    staged.add("picture", PICTURE)
    with transaction.atomic():
        return staged.save()


def sqlite_only() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("looks into the copied file of SQLite")


def command(name: str, *args: object, **options: Any) -> dict[str, Any]:
    from io import StringIO

    out = StringIO()
    call_command(name, *map(str, args), stdout=out, json=True, **options)
    return dict(json.loads(out.getvalue()))


def test_a_backup_holds_database_and_files_and_neither_ring_nor_ledger(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R26, R31: it opens with the ring of now and with nothing that lies in it."""
    sqlite_only()
    unit = make()
    said = command("backup", place)
    folder = Path(said["folder"])
    rings = copy_ring(settings.DSR_RING, tmp_path / "thief")
    assert lab.opened_from(folder, rings, unit, "picture") == PICTURE
    bucket = UnitKey.objects.get(id=unit).bucket_id
    secret = bytes(keys.keeper().ring.get(bucket))
    ring_bytes = (settings.DSR_RING[0] / "ring").read_bytes()
    assert secret in ring_bytes, "the canary: the key is where it belongs"
    names = set()
    for path in folder.rglob("*"):
        if path.is_file():
            names.add(path.name)
            data = path.read_bytes()
            assert secret not in data
            assert PICTURE[:40] not in data
    blob = Blob.objects.exclude(file="").get().file
    assert names == {"database.sqlite3", "files.txt", "manifest.json", "manifest.mac", blob}
    assert said["files"] == 1
    assert not list(place.glob(".part-*"))
    row = Backup.objects.get()
    assert (row.state, row.name) == (Backup.State.KEPT, folder.name)
    assert row.ends_at - row.made_at == timedelta(days=30)
    event = Event.objects.get(type="backup.made")
    assert (event.subject_id, event.data["files"]) == (row.id, 1)
    assert command("backup", folder, check=True)["backup"] == folder.name
    assert [one["backup"] for one in command("backup", list=True)["backups"]] == [folder.name]
    assert "backups" in stores, "backups are a store of the inventory (design 5)"


def test_the_copy_is_of_one_moment_while_others_write(place: Path) -> None:
    """Design 5: every row of the copy has its blobs; no writer is stopped."""
    sqlite_only()
    stop, made = threading.Event(), []

    def write() -> None:
        try:
            while not stop.is_set():
                made.append(make())
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(made) < 3:
            stop.wait(0.01)
        folder = lab.back_up(place)
        during = len(made)
    finally:
        stop.set()
        thread.join()
    rows = sqlite3.connect(folder / "database.sqlite3")
    units = rows.execute("select count(*) from vault_unitkey").fetchone()[0]
    blobs = rows.execute("select count(*) from vault_blob").fetchone()[0]
    assert blobs == 2 * units
    assert 3 <= units <= during + 1
    manifest = backups.check(folder)
    assert manifest.body["files"] == units
    assert manifest.body["counts"]["units"] == units


def test_deleted_rows_are_not_in_the_copy(place: Path) -> None:
    """A copy of pages would bring what was deleted; VACUUM INTO copies what is there."""
    sqlite_only()
    unit = make()
    wrapped = bytes(UnitKey.objects.get(id=unit).wrapped)
    assert wrapped in (lab.back_up(place) / "database.sqlite3").read_bytes()
    assert vault.shred_now([unit], "erased").done
    assert wrapped not in (lab.back_up(place) / "database.sqlite3").read_bytes()


def test_a_destination_among_keys_or_data_is_refused(settings: Any, tmp_path: Path) -> None:
    """R26, R31: not inside var/, not beside the ring, not in a folder that has the ring."""
    inside = [settings.DSR_VAR / "b", settings.DSR_RING[0], settings.DSR_LEDGER[1] / "b"]
    for folder in [*inside, tmp_path]:
        with pytest.raises(CommandError, match="Name another folder"):
            call_command("backup", str(folder))
    (tmp_path / "link").symlink_to(settings.DSR_RING[0])
    with pytest.raises(BadInput):
        lab.back_up(tmp_path / "link")
    assert not Backup.objects.exists()


def test_a_full_disk_is_refused_and_nothing_is_left(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input: what, why; no half backup and none registered as kept."""
    make()
    usage = shutil.disk_usage(place.parent)
    with monkeypatch.context() as patch:
        patch.setattr(backups.shutil, "disk_usage", lambda _: usage._replace(free=10))
        with pytest.raises(Unavailable, match="disk has 0 MB left"):
            lab.back_up(place)
    assert not Backup.objects.exists()

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backups, "_copy", full)
        with pytest.raises(Unavailable, match="became full"):
            lab.back_up(place)
    assert Backup.objects.get().state == Backup.State.FAILED
    assert not [path for path in place.iterdir() if path.is_dir()]
    assert lab.back_up(place).is_dir()


def test_a_disk_that_fails_after_the_rename_leaves_no_backup_that_is_in_no_list(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R31: one that is registered as failed is not there to be restored."""
    make()

    real = backups.places.sync_folder

    def fails(folder: Path) -> None:
        if folder == place:
            raise OSError(5, "Input/output error")
        real(folder)

    with monkeypatch.context() as patch:
        patch.setattr(backups.places, "sync_folder", fails)
        with pytest.raises(OSError, match="Input/output"):
            lab.back_up(place)
    assert Backup.objects.get().state == Backup.State.FAILED
    assert not [path for path in place.iterdir() if path.is_dir()]
    assert lab.back_up(place).is_dir()


def test_a_backup_that_could_not_be_noted_is_registered_by_the_next(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-20: whole on the disk, not whole in the list; nothing is thrown away."""

    def fails(*_arguments: Any) -> None:
        raise OperationalError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr(backups, "_note_made", fails)
        with pytest.raises(OperationalError):
            backups.make(place=place, days=30, actor=lab.OPERATOR)
    row = Backup.objects.get()
    assert row.state == Backup.State.MAKING
    assert backups.check(place / row.name).id == row.id, "the canary: it lies there whole"
    backups.make(place=place, days=30, actor=lab.OPERATOR)
    assert set(Backup.objects.values_list("state", flat=True)) == {Backup.State.KEPT}
    assert {one.name for one in place.glob("dsr-*")} == set(
        Backup.objects.values_list("name", flat=True)
    )


def test_what_is_left_of_a_failed_backup_goes_and_stops_no_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-20: a folder nobody can use, or that could not be removed, is not taken for a backup."""
    unusable = backups.make(place=place, days=30, actor=lab.OPERATOR)
    (unusable.folder / "manifest.json").write_text("{}")
    Backup.objects.update(state=Backup.State.MAKING)
    real = backups.places.sync_folder

    def fails(folder: Path) -> None:
        if folder == place:
            raise OSError(5, "broken disk")
        real(folder)

    with monkeypatch.context() as patch:
        patch.setattr(backups.places, "sync_folder", fails)
        patch.setattr(backups.shutil, "rmtree", lambda *_arguments, **_more: None)
        with pytest.raises(OSError, match="broken disk"):
            backups.make(place=place, days=30, actor=lab.OPERATOR)
    assert len(list(place.glob("dsr-*"))) == 2, "the canary: both are left"
    made = backups.make(place=place, days=30, actor=lab.OPERATOR)
    assert [one.name for one in place.glob("dsr-*")] == [made.folder.name]
    states = Backup.objects.order_by("made_at").values_list("state", flat=True)
    assert list(states) == [Backup.State.FAILED, Backup.State.FAILED, Backup.State.KEPT]


def test_a_file_destroyed_while_the_backup_runs_is_no_damage_and_a_lost_one_is(
    place: Path, settings: Any
) -> None:
    """R31: the rows went before the file, so the two can be told apart."""
    sqlite_only()
    victim, lost, kept = make(), make(), make()
    name = Blob.objects.exclude(file="").get(unit_id=lost).file

    def fault(step: str) -> None:
        if step == "database":
            assert vault.shred_now([victim], "erased").done
            files.remove(name)

    folder = backups.make(place=place, days=1, actor=lab.OPERATOR, fault=fault).folder
    body = backups.check(folder).body
    assert (len(body["gone"]), body["damaged"], body["files"]) == (1, [name], 1)
    assert body["ledger_number"] == 0, "the entry is newer than the copy"
    assert kept
    with pytest.raises(SystemExit):
        call_command("backup", str(place))


@pytest.mark.parametrize("part", ["database.sqlite3", "files.txt", "manifest.json", "files"])
def test_a_changed_part_is_found(place: Path, part: str) -> None:
    """R31: every part has its hash, and the manifest is bound by the ring."""
    sqlite_only()
    make()
    folder = lab.back_up(place)
    path = folder / part
    if path.is_dir():
        path = next(one for one in path.rglob("*") if one.is_file())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged):
        backups.check(folder)
    with pytest.raises(CommandError, match="damaged"):
        call_command("backup", str(folder), check=True)


def test_ended_backups_go_and_with_them_what_the_ledger_kept_for_them(
    place: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """R31: entries older than the oldest kept backup go; the register tells the end."""
    units = [make() for _ in range(5)]
    assert vault.shred_now(units[:1], "erased").done
    first = lab.back_up(place, days=10)
    assert vault.shred_now(units[1:2], "erased").done
    second = lab.back_up(place, days=20)
    assert vault.shred_now(units[2:3], "erased").done
    third = lab.back_up(place, days=30)
    book = shredding.ledger()
    assert (book.first_number(), book.newest().number) == (1, 3)
    begun = clock.now()
    assert [row.name for row in selectors.backups_holding(begun)] == [
        third.name,
        second.name,
        first.name,
    ]
    assert command("backup", prune=True) == {
        "removed": [],
        "unreachable": [],
        "ledger_entries_removed": 1,
    }
    assert book.first_number() == 2, "the oldest backup knows entry 1 already"

    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=15))
    said = command("backup", prune=True)
    assert said["removed"] == [first.name]
    assert not first.exists()
    assert second.exists()
    assert book.first_number() == 3
    assert book.verify(keys.keeper().ring.ledger_head()) == 1
    with pytest.raises(LedgerBroken, match="entries 2 to 2 are missing"):
        book.must_continue(1)
    removed = Backup.objects.get(name=first.name)
    assert removed.state == Backup.State.REMOVED
    assert removed not in selectors.backups_holding(begun)

    # A disk that is not mounted keeps its backups: they are not said to be gone.
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=40))
    place.rename(place.with_name("elsewhere"))
    place.mkdir()
    with pytest.raises(SystemExit):
        command("backup", prune=True)
    assert {row.name for row in selectors.backups_holding(begun)} == {second.name, third.name}
    assert vault.shred_now(units[3:4], "erased").done


def test_two_backups_at_once_are_refused(place: Path, settings: Any) -> None:
    with places.alone(settings.DSR_VAR / "backup.lock"), pytest.raises(Conflict):
        lab.back_up(place)


def test_what_the_block_list_says_is_in_the_ledger_before_the_keys_go() -> None:
    """R31: keyed hashes for the block list are part of the entry, then their rows go."""
    unit = make()
    note = f"FILE:{'ab' * 32}:{new_id()}"
    with transaction.atomic():
        vault.note_in_ledger(kind="block.added", value=note)
        vault.request_shred([unit], reason="erased")
    assert vault.run_shred().done
    entry = shredding.ledger().newest()
    assert entry is not None
    assert [one["value"] for one in entry.body["notes"]] == [note]
    assert entry.body["shredded"][0]["reason"] == "erased"
    assert len(entry.body["replaced"]) == 1
    assert not LedgerNote.objects.exists()
    assert vault.shred_now([make()], "later").done
    assert shredding.ledger().newest().body["notes"] == []
    with pytest.raises(LookupError), transaction.atomic():
        vault.note_in_ledger(kind="nobody.reads", value="x")

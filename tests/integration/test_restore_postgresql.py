"""Backup and restore on PostgreSQL: pg_dump of a snapshot, all or nothing, then gone on (R31)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.core.errors import Conflict, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import restoring
from dsr_portal.gallery import connector
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import backups, keys, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Backup, UnitKey
from tests.support import backups as machines
from tests.support import erasure as lab

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> Any:
    if connection.vendor != "postgresql":
        pytest.skip("runs on PostgreSQL (make test-services)")
    lab.own_places(settings, tmp_path / "old")
    holders.holder().drop()
    yield
    holders.holder().drop()


def make(kind: UnitKind = UnitKind.CASE_FILE) -> Any:
    staged = vault.stage_unit(kind=kind, owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    staged.add("picture", b"face" * 4000)
    with transaction.atomic():
        return staged.save()


def gone(shown: lab.Shown) -> None:
    """What the saga does to the stores, without its case: gallery, block list, index, keys."""
    record = shown.records[0]
    case_id = new_id()
    gallery.block_addresses(case_id=case_id, actor=lab.OPERATOR, image_ids=[shown.image.id])
    gallery.mark_erasing(record_ids=[record.id], case_id=case_id, actor=lab.OPERATOR)
    held = connector.current()
    held.destroy_picture(image_id=shown.image.id, actor=lab.OPERATOR, case_id=case_id)
    recognition.erase_records(record_ids=[record.id])
    recognition.apply_erasure()
    held.destroy_face(record_id=record.id)
    assert vault.run_shred().done
    gallery.mark_erased(record_ids=[record.id], case_id=case_id, actor=lab.OPERATOR)


def test_a_restore_killed_at_any_step_goes_on_and_who_was_erased_stays_gone(
    settings: Any, tmp_path: Path
) -> None:
    """R31, E-12: loaded in one transaction; an interrupted one is named and finished."""
    own, stranger = lab.picture(1), lab.picture(2)
    recognition.seal_shards()
    place = tmp_path / "backups"
    folder = machines.back_up(place)
    assert (folder / "database.pgdump").read_bytes()[:5] == b"PGDMP"
    gone(own)
    later = make()
    machines.lose_everything(settings)

    with machines.new_machine(settings, tmp_path):
        points = ["copied", "begun", "replayed", "files", "purged", "indexed"]
        for one in machines.restores(place, points):
            assert one["killed"], one
        assert Backup.objects.get().state == Backup.State.RESTORING
        with pytest.raises(SystemCheckError, match="A restore was interrupted"):
            call_command("check", databases=["default"])
        assert machines.restores(place, [""])[0]["code"] == 0

        assert Backup.objects.get().state == Backup.State.KEPT
        call_command("check", databases=["default"])
        trail = audit.verify()
        assert trail.ok
        assert len(trail.restores) == 1
        assert Event.objects.filter(type="erasure.restore_done").count() == 1
        assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
        assert blocked(page=own.page)
        with pytest.raises(vault.Shredded):
            connector.current().picture(own.image.id)
        assert connector.current().picture(stranger.image.id) == stranger.picture
        assert vault.unit_state(later) == vault.UnitState.UNKNOWN
        with holders.holder().current() as held:
            held.must_be_whole()
            assert not held.index.contains(own.records[0].id)
            assert held.index.contains(stranger.records[0].id)
        ring = keys.keeper().ring
        assert set(UnitKey.objects.values_list("bucket_id", flat=True)) <= ring.ids()
        assert shredding.ledger().verify(ring.ledger_head()) > 0
        make()
        with pytest.raises(Conflict, match="not_empty"):
            restoring.restore(place)
        connection.close()


def test_a_missing_program_is_named_and_nothing_is_registered_as_kept(
    settings: Any, tmp_path: Path
) -> None:
    """Bad input: which program, what to do."""
    settings.DSR_PG_DUMP = "pg_dump-that-is-not-here"
    make()
    with pytest.raises(Unavailable, match="pg_dump-that-is-not-here"):
        machines.back_up(tmp_path / "backups")
    assert Backup.objects.get().state == Backup.State.FAILED
    settings.DSR_PG_DUMP = "pg_dump"
    folder = machines.back_up(tmp_path / "backups")
    assert backups.check(folder).body["counts"]["units"] == 1

"""kill -9 at every step of a restore and of a backup (R31): started over, never half there."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import services
from dsr_portal.gallery import connector
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import BlockEntry, Record
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import backups, keys, selectors, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Backup, ShredRun
from tests.support import backups as machines
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = [
    "checked",
    "copied",
    "migrated",
    "begun",
    "replayed",
    "first_file",
    "files",
    "purged.enrolled_face",
    "purged.source_image",
    "purged",
    "indexed",
    "destroyed",
    "ended",
    "ready",
    "emptied",
]


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> Any:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's restore has a test of its own")
    lab.own_places(settings, tmp_path / "old")
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def erased(case: Case) -> None:
    services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()


def test_a_restore_killed_at_every_step_is_started_over_until_it_is_whole(
    settings: Any, tmp_path: Path
) -> None:
    """R31: before the rename there is no database anybody could serve; after it all is done."""
    own, group, stranger = lab.picture(1), lab.picture(2, faces=2), lab.picture(3)
    recognition.seal_shards()
    case = lab.ready_case([own.records[0], group.records[0]])
    place = tmp_path / "backups"
    machines.back_up(place)
    erased(case)
    blocks = BlockEntry.objects.count()
    machines.lose_everything(settings)

    with machines.new_machine(settings, tmp_path):
        seen = machines.restores(place, [*POINTS, "placed", ""])
        for one in seen[: len(POINTS)]:
            assert (one["killed"], one["database"]) == (True, False), one
        assert seen[-2] == {"point": "placed", "killed": True, "code": 0, "database": True}
        assert seen[-1]["code"] == 3, "it is done: another restore is refused as not empty"

        trail = audit.verify()
        assert trail.ok
        assert len(trail.restores) == 1, "one restore, however often it was begun"
        assert Event.objects.filter(type="erasure.restore_done").count() == 1
        assert Record.objects.filter(state="ERASED").count() == 2
        assert BlockEntry.objects.count() == blocks > 0
        assert blocked(page=own.page)
        assert connector.current().picture(stranger.image.id) == stranger.picture
        survivor = Record.objects.get(id=group.records[1].id)
        assert connector.current().face(survivor.id).crop()
        with holders.holder().current() as held:
            held.must_be_whole()
            for record in (own.records[0], group.records[0]):
                assert not held.index.contains(record.id)
            assert held.index.contains(survivor.id)
        assert not lab.found_in_files(lab.plain_patterns(own))
        assert not ShredRun.objects.exclude(state="done").exists()
        lab.run_all()
        ring = keys.keeper().ring
        assert shredding.ledger().verify(ring.ledger_head()) > 0
        left = {path.name for path in Path(settings.DSR_VAR).rglob("*.restoring*")}
        assert left == set()


@pytest.mark.parametrize("step", ["registered", "database", "first_file", "filled", "renamed"])
def test_a_backup_killed_at_any_step_is_whole_or_gone(
    step: str, settings: Any, tmp_path: Path
) -> None:
    """R31: none exists that is not registered; a half one is never taken for a backup."""
    staged = vault.stage_unit(kind=UnitKind.SOURCE_IMAGE, owner=new_id())
    staged.add("picture", os.urandom(9000))
    with transaction.atomic():
        unit = staged.save()
    place = tmp_path / "backups"
    connection.close()
    child = os.fork()
    if not child:

        def fault(point: str) -> None:
            if point == step:
                os.kill(os.getpid(), signal.SIGKILL)

        backups.make(place=place, days=5, actor=machines.OPERATOR, fault=fault)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    row = Backup.objects.get()
    assert row.state == Backup.State.MAKING
    assert list(selectors.backups_holding(row.made_at)) == [row], "it counts until it is known"
    finished = step == "renamed"
    assert (place / row.name).exists() == finished

    second = machines.back_up(place)

    row.refresh_from_db()
    assert row.state == (Backup.State.KEPT if finished else Backup.State.FAILED)
    names = {path.name for path in place.iterdir() if path.is_dir()}
    assert names == ({row.name, second.name} if finished else {second.name})
    for name in names:
        assert backups.check(place / name).body["files"] == 1
    assert vault.read(unit, "picture")

"""One person, everything that may hold her, and every way back (E-04, E-12, R30, R31)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.db import connection

from dsr_portal.core.actor import Actor
from dsr_portal.documents import services as documents
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.erasure import repeat, restoring, services
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery import connector
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery import services as gallery_services
from dsr_portal.gallery.models import ImportRun, LookUp, Record, SourceImage
from dsr_portal.jobs.models import Job
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Shard
from dsr_portal.vault import files as vault_files
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob
from tests.support import backups as machines
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.vault import copy_ring

pytestmark = pytest.mark.django_db(transaction=True)

RECIPIENTS = ("Lumen Analytics", "Border Desk", "Tenant Check")


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> Any:
    if connection.vendor != "sqlite":
        pytest.skip("files of an embedded database are copied")
    lab.own_places(settings, tmp_path / "old")
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def unfinished_export(shown: list[lab.Shown]) -> bytes:
    """A package that was being written when its process died: sealed, in no row."""
    staged = vault.stage_unit(kind=vault.UnitKind.DOCUMENT, owner=shown[0].image.id)
    staged.add("zip", b"".join(one.picture for one in shown))
    return b"".join(one.picture for one in shown)


def folder_of(shown: list[lab.Shown], place: Path) -> Path:
    place.mkdir()
    for number, one in enumerate(shown):
        (place / f"{number}.jpg").write_bytes(one.picture)
    return place


def test_erased_from_seven_pictures_and_nothing_brings_her_back(
    settings: Any, tmp_path: Path
) -> None:
    """Byte scan, an older shard file, a backup, an unfinished export, restore and re-import."""
    alone = [lab.picture(number) for number in range(1, 6)]
    shared = [lab.picture(6, faces=2), lab.picture(7, faces=3)]
    stranger = lab.picture(8)
    every = [*alone, *shared]
    mine = [one.records[0] for one in every]
    others = [record for one in shared for record in one.records[1:]]
    codes = [one.templates[0] for one in every]
    for record, name in zip(mine, RECIPIENTS, strict=False):
        lab.seen_by(record, name)
    recognition.seal_shards()
    case = lab.ready_case(mine)
    unfinished_export(every)
    plain = [pattern for one in alone for pattern in lab.plain_patterns(one)]
    plain += [code[64:112] for code in codes]

    # Old copies: a shard's file and its ring of that day, and a backup. The canary: they open.
    (shard,) = Shard.objects.all()
    old_unit = shard.unit
    old_file = Blob.objects.exclude(file="").filter(unit_id=old_unit).values_list("file", flat=True)
    kept = tmp_path / "older"
    kept.mkdir()
    for name in old_file:
        shutil.copy(vault_files.path_of(name), kept / name)
    folder = machines.back_up(tmp_path / "backups")
    rings = copy_ring(settings.DSR_RING, tmp_path / "old-ring")
    held = machines.opened_from(folder, rings, old_unit, "rows")
    assert held is not None
    assert all(code in held for code in codes)
    assert machines.opened_from(folder, rings, alone[0].image.unit, "picture") == alone[0].picture

    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    counted = plan.records.values_list("picture", flat=True)
    assert sorted(counted) == ["covered"] * 2 + ["whole"] * 5
    backups = plan.verifications.get(store="backups")
    assert (backups.state, backups.method) == ("pending", "sealed_without_keys")
    assert backups.until is not None
    assert plan.document_id is not None
    pages = pypdfium2.PdfDocument(documents.open_document(plan.document_id))
    text = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    assert f"the last one is removed by {day(backups.until)}" in text

    # Byte scan, also of the old copies: sealed, and no key that exists now opens them.
    assert not lab.found_in_files(plain)
    for path in [*kept.iterdir(), *(one for one in folder.rglob("*") if one.is_file())]:
        assert not [pattern for pattern in plain if pattern in path.read_bytes()], path
    rings_now = settings.DSR_RING
    assert machines.opened_from(folder, rings_now, old_unit, "rows") is None
    for one in every:
        assert machines.opened_from(folder, rings_now, one.image.unit, "picture") is None
        assert machines.opened_from(folder, rings_now, one.records[0].unit, "template") is None

    # Look-ups by three recipients stay to be told, without their purpose.
    facts = gallery.recipients_of([record.id for record in mine])
    assert sorted(fact.recipient for fact in facts) == sorted(RECIPIENTS)
    assert LookUp.objects.count() == 3
    nothing_came_back(mine, codes, others, stranger)

    # The crawl again: each of the seven files is refused.
    imported_again(folder_of(every, tmp_path / "crawl"))
    nothing_came_back(mine, codes, others, stranger)
    assert repeat.repeat(case_id=case.id, actor=support.OFFICER).found == 0

    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(tmp_path / "backups")
        assert not lab.found_in_files(plain)
        nothing_came_back(mine, codes, others, stranger)
        imported_again(folder_of(every, tmp_path / "crawl-2"))
        nothing_came_back(mine, codes, others, stranger)


def imported_again(place: Path) -> None:
    report = gallery_services.import_folder(
        path=place, manifest=None, source="Second crawl", legal_basis="none", actor=Actor.operator()
    )
    assert (report.seen, report.counts.refused, report.counts.imported) == (7, 7, 0)
    assert ImportRun.objects.get(id=report.run_id).refused == 7


def nothing_came_back(
    mine: list[Record], codes: list[bytes], others: list[Record], stranger: lab.Shown
) -> None:
    """She is in no row, no index and no answer; everybody else is as before."""
    import numpy as np

    rows = Record.objects.filter(id__in=[record.id for record in mine])
    assert {row.state for row in rows} == {Record.State.ERASED}
    with holders.holder().current() as held:
        for code in codes:
            assert not held.index.search(np.frombuffer(code, "<f4").copy(), 0.9).hits
        for record in [*others, *stranger.records]:
            assert held.index.contains(record.id)
    for record in others:
        fresh = Record.objects.get(id=record.id)
        assert fresh.state == Record.State.HELD
        assert connector.current().picture(fresh.image_id)
        assert vault.read(fresh.unit, "template")
    assert connector.current().picture(stranger.image.id) == stranger.picture
    states = SourceImage.objects.filter(id__in=[record.image_id for record in rows])
    assert {one.state for one in states} == {SourceImage.State.ERASED}
    units = {record.unit for record in mine}
    assert {vault.unit_state(unit) for unit in units} == {vault.UnitState.SHREDDED}

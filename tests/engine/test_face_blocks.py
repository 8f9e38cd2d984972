"""A face its person asked to keep out is not enrolled again, and no report says so (E-12, E-13)."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import face_blocks, hashes, selectors, services
from dsr_portal.gallery.models import BlockEntry, FaceBlock, Record, SourceImage
from dsr_portal.recognition import face_blocks as faces
from dsr_portal.vault import services as vault
from tests.support.gallery import copy, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

OFFICER = Actor("S-1001", "officer", "staff")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> Any:
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    yield
    forget_index()


def import_it(folder: Path) -> dict[str, Any]:
    out = StringIO()
    call_command(
        "import_gallery", folder, "--source", "Halden Images", "--legal-basis", "none", "--json",
        stdout=out, stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    answer = json.loads(out.getvalue())
    return {name: answer[name] for name in ("seen", "imported", "duplicates", "rejected", "faces")}


def block(record: Record) -> FaceBlock:
    made = face_blocks.prepare(case_id=new_id(), record_ids=[record.id])
    assert made is not None
    with unit_of_work():
        return face_blocks.keep(made, actor=OFFICER)


def mina(tmp_path: Path) -> Record:
    """Mina's record from her own photo, and no other picture in the gallery."""
    import_it(copy(["photos/mina.jpg"], tmp_path / "first"))
    return Record.objects.get()


def test_without_a_block_both_pictures_are_taken_and_one_shows_the_person(tmp_path: Path) -> None:
    """The canary of what follows: nothing else keeps these pictures out."""
    record = mina(tmp_path)
    names = ["gallery/canal-walk.jpg", "photos/tomas.jpg"]
    probe = copy(names, tmp_path / "probe")
    assert import_it(probe)["imported"] == 2, "the canary: without a block both are taken"
    alike = [one for one in Record.objects.exclude(id=record.id) if _alike(record, one)]
    assert len(alike) == 1, "the canary: one of the two is Mina"


def _alike(one: Record, other: Record) -> bool:
    """By the engine alone: cosine of the two templates above the strong threshold."""
    rows = [np.frombuffer(vault.read(face.unit, "template"), dtype="<f4") for face in (one, other)]
    return float(rows[0] @ rows[1]) >= 0.72


def test_a_blocked_face_is_not_stored_and_ends_on_wish(tmp_path: Path) -> None:
    """E-12, tier 2: a new picture, a second copy of it in the batch, and a stranger's beside it."""
    record = mina(tmp_path)
    known = (SourceImage.objects.count(), Record.objects.count())
    row = block(record)
    second = copy(["gallery/canal-walk.jpg"], tmp_path / "second")
    (second / "copy.jpg").write_bytes((second / "canal-walk.jpg").read_bytes())
    copy(["photos/tomas.jpg"], second)
    counts = import_it(second)
    # The two pictures of Mina look like known ones; nothing of them is stored.
    assert counts == {"seen": 3, "imported": 1, "duplicates": 2, "rejected": 0, "faces": 1}
    assert (SourceImage.objects.count(), Record.objects.count()) == (known[0] + 1, known[1] + 1)
    assert face_blocks.end(case_id=row.case_id, actor=Actor.person(row.case_id))
    assert not face_blocks.end(case_id=row.case_id, actor=Actor.person(row.case_id))
    vault.run_shred()
    assert vault.unit_state(row.unit) == vault.UnitState.SHREDDED
    third = copy(["gallery/canal-walk.jpg"], tmp_path / "third")
    assert import_it(third)["imported"] == 1
    assert selectors.coverage().pictures == known[0] + 2


def test_a_block_made_while_an_import_runs_is_obeyed(tmp_path: Path) -> None:
    """E-12: what was read before the block came is not written after it."""
    record = mina(tmp_path)
    second = copy(["gallery/canal-walk.jpg", "photos/tomas.jpg"], tmp_path / "second")
    asked: list[FaceBlock] = []

    def meanwhile(done: int, total: int, faces_found: int) -> None:
        if done == total and not asked:
            asked.append(block(record))

    report = services.import_folder(
        path=second,
        source="Halden Images",
        legal_basis="none",
        actor=Actor.operator(),
        progress=meanwhile,
    )
    assert asked, "the canary: the block came when every picture had been read"
    assert (report.counts.imported, report.counts.duplicates, report.counts.faces) == (1, 1, 1)
    assert Record.objects.count() == 2


def test_an_address_and_a_file_blocked_while_an_import_runs_are_not_written(
    tmp_path: Path,
) -> None:
    """E-12: the list is asked again in the transaction that writes."""
    folder = copy(["gallery/canal-walk.jpg", "photos/tomas.jpg", "photos/mina.jpg"], tmp_path / "x")
    page = "https://pages.example.org/canal"
    listing = tmp_path / "listing.csv"
    listing.write_text(
        "path,page_url\n"
        f"canal-walk.jpg,{page}\n"
        "tomas.jpg,https://pages.example.org/tomas\n"
        "mina.jpg,https://pages.example.org/mina\n"
    )
    tomas = hashes.of_file((folder / "tomas.jpg").read_bytes())
    wanted = {
        BlockEntry.Kind.PAGE: hashes.of_address(page),
        BlockEntry.Kind.FILE: tomas,
    }

    def meanwhile(done: int, total: int, faces_found: int) -> None:
        if done == total:
            for kind, hashed in wanted.items():
                BlockEntry.objects.get_or_create(
                    kind=kind,
                    hash=hashes.for_block(kind, hashed),
                    defaults={"since": clock.now()},
                )

    report = services.import_folder(
        path=folder,
        manifest=listing,
        source="Halden Images",
        legal_basis="none",
        actor=Actor.operator(),
        progress=meanwhile,
    )
    assert BlockEntry.objects.count() == 2, "the canary: both came when everything had been read"
    assert (report.counts.imported, report.counts.refused) == (1, 2)
    assert not SourceImage.objects.filter(file_hash=tomas).exists()


def test_a_block_ends_by_itself_and_under_another_model_stops_nothing(tmp_path: Path) -> None:
    record = mina(tmp_path)
    row = block(record)
    template = vault.read(record.unit, "template")
    assert face_blocks.Gate().turns_away([template]) == [True]
    FaceBlock.objects.update(model="another")
    assert face_blocks.Gate().turns_away([template]) == [False]
    FaceBlock.objects.update(model=row.model, until=clock.now() - timedelta(seconds=1))
    assert face_blocks.Gate().turns_away([template]) == [False]
    assert face_blocks.expire() == 1
    assert face_blocks.expire() == 0
    event = Event.objects.get(type="face_block.ended")
    assert event.data == {"reason": "expired"}


def test_the_code_fits_neither_the_index_nor_what_a_person_was_given(tmp_path: Path) -> None:
    """R32: own matrix, own key; the same person, yet not alike in any other frame."""
    from dsr_portal.recognition.disclosed import disclosed_templates

    record = mina(tmp_path)
    row = block(record)
    code = np.frombuffer(vault.read(row.unit, "code"), dtype="<f4")
    stored = np.frombuffer(vault.read(record.unit, "template"), dtype="<f4")
    given = np.asarray(disclosed_templates([record.id])[record.id])
    assert abs(float(code @ stored)) < 0.5
    assert abs(float(code @ given)) < 0.5
    assert faces.any_of([stored.tobytes()], [code.tobytes()], threshold=0.999) == [True]


def test_no_comparison_is_about_fewer_than_a_hundred_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-13: asked for one, it compares a hundred; the answer is yes or no for the one."""
    record = mina(tmp_path)
    code = vault.read(block(record).unit, "code")
    stored = vault.read(record.unit, "template")
    compared: list[int] = []
    real = np.vstack

    def counting(parts: Any) -> Any:
        rows = real(parts)
        compared.append(len(rows))
        return rows

    monkeypatch.setattr(np, "vstack", counting)
    assert faces.any_of([stored], [code], threshold=0.9) == [True]
    assert compared == [faces.AT_LEAST]
    assert faces.any_of([], [code], threshold=0.9) == []
    assert faces.any_of([stored], [], threshold=0.9) == [False]

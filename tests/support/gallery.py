"""Galleries for tests: rendered people, and templates without any picture or engine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.gallery.models import Appearance, ImportRun, Record, Source, SourceImage
from dsr_portal.recognition import changes, fusing, holder, services
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import ModelVersion
from dsr_portal.vault import keys
from dsr_portal.vault import services as vault
from tests.support.vault import use_places

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "fixtures" / "people"
DIMENSIONS = 128


def own_places(settings: Any, folder: Path) -> None:
    """Ring, ledger, vault, broker and lock file of one test's own."""
    use_places(settings, folder / "vault-places")
    settings.DSR_VAR = folder / "var"
    settings.DSR_BROKER_DIR = folder / "broker"
    keys.forget_all()


def copy(names: Sequence[str], target: Path) -> Path:
    """Copy pictures of the rendered people ("gallery/choir.jpg") into one flat folder."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(PEOPLE / name, target / Path(name).name)
    return target


# -- templates without pictures -----------------------------------------------------------------


class NoEngine:
    """Stands where the engine would, for tests of the index alone."""

    def __init__(self) -> None:
        from biometrics.identity import ModelId

        self.model_id = ModelId("Test", "ab" * 32, "five-point-112-v1", "cd" * 32)


def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model row without weights, and probes that are templates already (float32 bytes)."""
    engine = NoEngine()
    monkeypatch.setattr(engines, "engine", lambda: engine)
    monkeypatch.setattr(
        fusing,
        "embed_probes",
        lambda pictures: fusing.EmbeddedPhotos(
            np.stack([np.frombuffer(one, dtype="<f4") for one in pictures]), (1.0,) * len(pictures)
        ),
    )


def random_templates(count: int, seed: int = 7) -> Any:
    """Unit vectors in no relation to each other, float32 (count, 128)."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")


def near(template: Any, seed: int = 1, by: float = 0.03) -> Any:
    """A unit vector close to another (cosine about 0.95)."""
    row = template + by * np.random.default_rng(seed).normal(size=DIMENSIONS)
    return (row / np.linalg.norm(row)).astype("<f4")


def a_source(name: str = "Archive") -> Source:
    return Source.objects.get_or_create(
        name=name, defaults={"legal_basis": "none", "created_at": clock.now()}
    )[0]


def an_image(**facts: str) -> SourceImage:
    """A picture row with its vault unit; `facts` as an import keeps them."""
    source = a_source()
    run, _ = ImportRun.objects.get_or_create(
        source=source,
        listing_hash="0" * 64,
        defaults={"started_at": clock.now(), "state": ImportRun.State.DONE},
    )
    image_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=image_id)
    staged.add("picture", b"picture " + image_id.bytes)
    staged.add_json("facts", {"path": "a.jpg", **facts})
    from dsr_portal.gallery import hashes

    with unit_of_work():
        unit = staged.save()
        image = SourceImage.objects.create(
            id=image_id,
            source=source,
            run=run,
            unit=unit,
            file_hash=hashes.of_file(b"picture " + image_id.bytes),
            state=SourceImage.State.SEARCHABLE,
            width=10,
            height=10,
            imported_at=clock.now(),
        )
        page, picture = facts.get("page_url", ""), facts.get("image_url", "")
        Appearance.objects.create(
            image=image,
            run=run,
            field="facts",
            facts_hash=hashes.of_facts(image_id.bytes),
            page_hash=hashes.of_address(page) if page else "",
            image_hash=hashes.of_address(picture) if picture else "",
            path_hash=hashes.of_path(facts.get("path", "a.jpg")),
            seen_at=clock.now(),
        )
    return image


def a_record(image: SourceImage | None = None, template: bytes = b"\0" * 512) -> Record:
    """An enrolled face with its vault unit; no row of the index."""
    image = image or an_image()
    record_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record_id)
    staged.add("crop", b"crop")
    staged.add("template", template)
    staged.add_json(
        "face",
        {
            "box": [1, 2, 3, 4],
            "landmarks": [[0.0, 0.0]] * 5,
            "quality": {"sharpness": 0.5},
            "findings": [],
            "of": [10, 10],
        },
    )
    with unit_of_work():
        unit = staged.save()
        return Record.objects.create(
            id=record_id,
            image=image,
            face_number=Record.objects.filter(image=image).count() + 1,
            unit=unit,
            state_changed_at=clock.now(),
            enrolled_at=clock.now(),
        )


def enrol(templates: Any) -> list[UUID]:
    """Enrol bare templates: vault units and rows of the index, without pictures."""
    model: ModelVersion = engines.model_row()
    new = []
    for template in templates:
        record_id = new_id()
        staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record_id)
        staged.add("template", template.astype("<f4").tobytes())
        new.append(SimpleNamespace(record_id=record_id, staged=staged))
    with unit_of_work():
        services.add_templates(
            model=engines.facts_of(model),
            templates=[
                services.NewTemplate(record_id=one.record_id, unit=one.staged.save()) for one in new
            ],
        )
    return [one.record_id for one in new]


def forget_index() -> None:
    """As if this process had just begun."""
    holder.holder().drop()


__all__ = [
    "PEOPLE",
    "ROOT",
    "a_record",
    "a_source",
    "an_image",
    "changes",
    "copy",
    "enrol",
    "forget_index",
    "near",
    "own_places",
    "random_templates",
    "without_engine",
]

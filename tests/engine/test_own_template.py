"""The face code of a photo somebody sends is made in memory and kept nowhere (real DeepFace)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.apps import apps

from biometrics.memory_scan import Needle, scan_file
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.core.actor import Actor
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import Candidate, Search, SearchState
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob
from tests.support import answers, gallery

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = ("team-atelier-noor.jpg", "canal-walk.jpg")
QUEUES = ("search", "light", "probe")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> Any:
    gallery.own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    gallery.forget_index()
    yield
    gallery.forget_index()


@pytest.fixture
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is opened to be looked through, outside the installation's own."""
    return tmp_path_factory.mktemp("opened")


def where(template: bytes, folder: Path, opened: Path) -> set[str]:
    """Files, tables and opened vault fields with this face code in any of its forms."""
    needles = [Needle.from_text(one) for one in recognition.needles_of(template)]
    shutil.rmtree(opened)
    opened.mkdir()
    for model in apps.get_models():
        rows = [one for row in model._default_manager.values_list() for one in row]
        kept = b"\n".join(one if isinstance(one, bytes) else str(one).encode() for one in rows)
        (opened / model.__name__).write_bytes(kept)
    for unit, name in Blob.objects.values_list("unit_id", "field").distinct():
        if vault.unit_state(unit) == vault.UnitState.LIVE:
            with (opened / f"field {name}").open("ab") as file:
                file.write(vault.read(unit, name))
    places = [path for one in (folder, opened) for path in one.rglob("*") if path.is_file()]
    return {path.name for path in places if scan_file(path, needles).total}


def test_the_face_code_of_a_photo_is_in_no_file_row_or_vault_field(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P-06, B-02, R8: after the search it is nowhere; a code of the gallery is where it belongs."""
    codes: list[bytes] = []
    real = recognition.search_own_rows

    def seen(template: Any, *args: Any, **how: Any) -> Any:
        codes.append(np.asarray(template, dtype="<f4").tobytes())
        return real(template, *args, **how)

    monkeypatch.setattr(recognition, "search_own_rows", seen)
    answers.staff()
    answers.imported(tmp_path / "crawl", PICTURES)
    case = answers.requested((gallery.PEOPLE / "photos" / "mina.jpg").read_bytes())
    jobs.run_due(queues=QUEUES)
    answers.identified(case)
    jobs.run_due(queues=QUEUES)
    search = Search.objects.get(case=case)
    assert search.state == SearchState.COMPLETE
    assert len(codes) == 1, "one code, made for this search"

    assert where(codes[0], tmp_path, opened) == set()
    held = Candidate.objects.filter(case=case).first()
    assert held is not None
    enrolled = vault.read(held.record.unit, "template")
    assert "field template" in where(enrolled, tmp_path, opened), "the same look finds a kept one"
    with unit_of_work():
        vault.write_small(case.file_unit, "planted", codes[0])
    (tmp_path / "planted in clear").write_bytes(b"so to say" + codes[0])
    assert where(codes[0], tmp_path, opened) == {"planted in clear", "field planted"}

    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    vault.run_shred()
    assert search.probe is not None
    assert vault.unit_state(search.probe.unit) == vault.UnitState.SHREDDED

"""An import is a batch ahead of what it writes, and keeps what each picture gives by itself."""

import shutil
import threading

import pytest

from dsr_portal.core.actor import Actor
from dsr_portal.gallery import connector, importing, selectors, services
from dsr_portal.gallery.models import Appearance, ImportBatch, Record, SourceImage
from dsr_portal.recognition import analysis
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import Change
from dsr_portal.vault import confined
from dsr_portal.vault import services as vault
from tests.support.gallery import copy, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

PICTURES = (
    "gallery/office-five.jpg",
    "gallery/staff-page.jpg",
    "gallery/summer-run.jpg",
    "photos/plant.jpg",
)


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    monkeypatch.setattr(importing, "BATCH", 2)
    yield
    forget_index()


@pytest.fixture
def folder(tmp_path):
    return copy(PICTURES, tmp_path / "pictures")


def import_it(folder):
    return services.import_folder(
        path=folder, source="Halden Images", legal_basis="none", actor=Actor.operator()
    )


def kept(record):
    face = connector.current().face(record.id)
    return (
        vault.read(record.unit, "template"),
        face.crop(),
        face.box,
        vault.read_json(record.unit, "face"),
    )


def one_by_one(path):
    """What a picture gives by itself: decoded, looked at and embedded, nothing beside it."""
    picture = confined.decode_picture(path.read_bytes())
    return [
        (
            face.template,
            face.crop,
            face.box,
            {
                "box": list(face.box),
                "landmarks": [[round(value, 2) for value in point] for point in face.landmarks],
                "quality": face.quality,
                "findings": list(face.findings),
                "of": [picture.width, picture.height],
            },
        )
        for face in analysis.analyse_gallery_picture(picture)
    ]


def test_templates_rows_and_numbers_are_those_of_one_picture_after_the_other(folder):
    """Bit for bit: how pictures are put together for the network changes no value."""
    report = import_it(folder)
    assert (report.counts.imported, report.counts.faces) == (4, 8)
    files = sorted(folder.iterdir())
    in_order = []
    for path in files:
        records = sorted(selectors.by_path(path.name), key=lambda one: one.face_number)
        assert [kept(record) for record in records] == one_by_one(path), path.name
        in_order += [record.id for record in records]
    numbered = Change.objects.order_by("number").values_list("record_id", flat=True)
    assert list(numbered) == in_order
    assert len(in_order) == Record.objects.count() == 8


def test_a_picture_read_before_its_twin_was_written_is_known_by_then(folder, monkeypatch):
    """The second batch is on its way while the first is written; it holds the same bytes."""
    shutil.copy(folder / "office-five.jpg", folder / "z-again.jpg")
    read, write, decode = threading.Event(), importing._write, importing._decode

    def told(one, session):
        decode(one, session)
        if one.item.path.name == "z-again.jpg":
            assert one.known_id is None
            read.set()

    def late(batch, row, model):
        assert row.ordinal or read.wait(60)
        write(batch, row, model)

    monkeypatch.setattr(importing, "_decode", told)
    monkeypatch.setattr(importing, "_write", late)
    report = import_it(folder)
    assert (report.counts.imported, report.counts.duplicates) == (4, 1)
    assert (SourceImage.objects.count(), Record.objects.count()) == (4, 8)
    (record, *_rest) = selectors.by_path("z-again.jpg")
    assert record.image_id == selectors.by_path("office-five.jpg")[0].image_id
    assert Appearance.objects.filter(image_id=record.image_id).count() == 2


def test_a_picture_that_fails_ends_its_own_batch_only(folder, monkeypatch):
    """The batch before it, on its way at the same time, is written all the same."""
    real = importing._decode

    def fails(one, session):
        if one.item.path.name == "summer-run.jpg":
            raise KeyboardInterrupt
        real(one, session)

    monkeypatch.setattr(importing, "_decode", fails)
    with pytest.raises(KeyboardInterrupt):
        import_it(folder)
    states = ImportBatch.objects.order_by("ordinal").values_list("state", flat=True)
    assert list(states) == ["DONE", "PENDING"]
    assert importing._running == {}
    assert not [one for one in threading.enumerate() if one.name.startswith("import-")]


def test_what_embeds_an_import_is_the_measured_choice_unless_one_is_asked_for(settings):
    before = engines._backend
    try:
        found = []
        for wanted in ("auto", "onnx", "tensorflow"):
            settings.DSR_ENROL_ENGINE = wanted
            found.append(engines.enrol_with())
        assert found == ["onnx", "onnx", "tensorflow"]
    finally:
        engines._backend = before

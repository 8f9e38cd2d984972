"""Files as cameras, phones and attackers make them, of people who do not exist, really imported."""

import json
from io import BytesIO, StringIO

import cv2
import pytest
from django.core.management import call_command
from PIL import Image

from biometrics.config import BiometricsConfig
from dsr_portal.gallery import connector, selectors
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.recognition import engine as engines
from dsr_portal.vault import services as vault
from tests.support import bad_input
from tests.support.crowd import crowd
from tests.support.gallery import PEOPLE, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

# A hundredth of likeness is what another way of writing the same picture may cost.
THE_SAME = 0.97


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    yield
    forget_index()


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "pictures"
    target.mkdir()
    return target


@pytest.fixture
def twelve_at_most(monkeypatch):
    """As with the shipped setting of 300, sooner reached."""
    monkeypatch.setattr(engines, "_config", lambda home: BiometricsConfig(home=home, max_faces=12))
    engines._engine.cache_clear()
    yield
    engines._engine.cache_clear()


def import_it(folder, *options):
    out = StringIO()
    call_command(
        "import_gallery", str(folder), "--source", "Halden Images", "--legal-basis", "none",
        *options, stdout=out, stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    return json.loads(out.getvalue()) if "--json" in options else out.getvalue()


def photo(name):
    return Image.open(PEOPLE / "photos" / f"{name}.jpg").convert("RGB")


def written(picture, name, **how):
    out = BytesIO()
    picture.save(out, name, **how)
    return out.getvalue()


def animated(name, **how):
    """Mina, then Kofi: who looks at the second picture finds somebody else."""
    return written(
        photo("mina"), name, save_all=True, append_images=[photo("kofi")], duration=400, **how
    )


ONE_PICTURE = {
    "plain.jpg": lambda: written(photo("mina"), "JPEG", quality=95),
    "cmyk.jpg": lambda: written(photo("mina").convert("CMYK"), "JPEG", quality=95),
    "still.avif": lambda: written(photo("mina"), "AVIF", quality=90),
    "archive-behind.jpg": lambda: written(photo("mina"), "JPEG", quality=95) + bad_input.archive(),
    "page-behind.jpg": lambda: (
        written(photo("mina"), "JPEG", quality=95) + b"<html>POLYGLOTCANARY</html>"
    ),
    "page-in-comment.jpg": lambda: written(
        photo("mina"), "JPEG", quality=95, comment=b"<script>POLYGLOTCANARY</script>"
    ),
    "archive-behind.png": lambda: written(photo("mina"), "PNG") + bad_input.archive(),
}
SEVERAL_PICTURES = {
    "moving.gif": lambda: animated("GIF"),
    "moving.webp": lambda: animated("WEBP", quality=95),
    "moving.png": lambda: animated("PNG"),
    "moving.avif": lambda: animated("AVIF", quality=90),
    "series.jpg": lambda: animated("MPO", quality=95),
}
NO_PICTURE = {
    "archive.jpg": (bad_input.archive, "format_not_allowed"),
    "page.png": (lambda: b"<html><img src=x></html>", "not_a_picture"),
    "drawing.avif": (lambda: bad_input.SVG, "format_not_allowed"),
    "half.avif": (
        lambda: bad_input.cut(written(photo("mina"), "AVIF", quality=90), 0.5),
        "truncated",
    ),
    "half.gif": (lambda: bad_input.cut(animated("GIF"), 0.2), "truncated"),
    "half-cmyk.jpg": (
        lambda: bad_input.cut(written(photo("mina").convert("CMYK"), "JPEG"), 0.5),
        "truncated",
    ),
}


def test_every_way_to_write_a_portrait_is_enrolled_as_the_same_person(folder):
    """CMYK, AVIF, animations and files that are something else as well: one record each, of the
    first picture, and nothing of what was wrapped around it leaves the bytes of the original."""
    made = {name: make() for name, make in {**ONE_PICTURE, **SEVERAL_PICTURES}.items()}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    answer = import_it(folder, "--json")
    assert (answer["unreadable"], answer["faceless"]) == ([], [])
    assert answer["faces"] == answer["imported"] == len(made)
    plain = person("plain.jpg")
    for name, data in made.items():
        (record,) = selectors.by_path(name)
        kept = connector.current()
        assert kept.picture(record.image_id) == data, name
        assert float(person(name) @ plain) > THE_SAME, name
        several = "first_of_several" in vault.read_json(record.unit, "face")["findings"]
        assert several == (name in SEVERAL_PICTURES), name
        with Image.open(BytesIO(kept.face(record.id).crop())) as crop:
            assert (crop.format, crop.mode, crop.info.get("comment")) == ("JPEG", "RGB", None)
        assert b"POLYGLOTCANARY" not in kept.face(record.id).crop()
    assert any(b"POLYGLOTCANARY" in data for data in made.values())
    # The canary: who is in the second picture of the animations is somebody else.
    written_alone = folder / "kofi.jpg"
    photo("kofi").save(written_alone, quality=95)
    import_it(written_alone, "--json")
    assert float(person("kofi.jpg") @ plain) < THE_SAME


def person(name):
    import numpy as np

    (record,) = selectors.by_path(name)
    return np.frombuffer(vault.read(record.unit, "template"), dtype="<f4")


def test_what_only_looks_like_a_picture_is_counted_and_stops_nothing(folder):
    for name, (make, _code) in NO_PICTURE.items():
        (folder / name).write_bytes(make())
    (folder / "plain.jpg").write_bytes(ONE_PICTURE["plain.jpg"]())
    answer = import_it(folder, "--json")
    refused = {one["path"]: one["code"] for one in answer["unreadable"]}
    assert refused == {name: code for name, (_make, code) in NO_PICTURE.items()}
    assert (answer["faces"], answer["coverage"]["unreadable"]) == (1, len(NO_PICTURE))


def test_a_dense_crowd_is_enrolled_up_to_its_bound_and_coverage_tells_the_rest(
    folder, twelve_at_most
):
    """R15: such a picture can be searched, and some faces in it can not."""
    rgb = crowd(4, 5, wide=160, high=200)
    assert cv2.imwrite(str(folder / "stadium.jpg"), rgb[:, :, ::-1])
    said = import_it(folder)
    assert "Too many faces in one picture, the smallest are not enrolled:" in said
    assert "  stadium.jpg  (8 left out)" in said
    image = SourceImage.objects.get()
    assert (image.state, image.faces_left_out) == ("SEARCHABLE", 8)
    assert Record.objects.filter(image=image).count() == 12
    counted = selectors.coverage()
    assert (counted.searchable, counted.faces, counted.not_searchable) == (1, 12, 0)
    assert (counted.crowds, counted.left_out) == (1, 8)
    again = import_it(folder, "--json")
    assert (again["duplicates"], again["crowds"]) == (1, [])
    assert (again["coverage"]["crowds"], again["coverage"]["left_out"]) == (1, 8)

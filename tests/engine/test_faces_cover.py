"""Other people's faces are gone from the pixels and from everything beside them (A-15, X-14)."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biometrics.faces import find_faces, union_share
from biometrics.redaction import GREY, cover, covered_area
from dsr_portal.core.errors import BadInput
from dsr_portal.recognition import analysis
from dsr_portal.recognition import engine as engines
from dsr_portal.vault import pictures
from dsr_portal.vault.confined import decode_picture
from tests.support.gallery import PEOPLE

pytestmark = pytest.mark.django_db

OFFICE = PEOPLE / "gallery" / "office-five.jpg"
# JPEG rounds: a solid grey comes back within so many steps.
ROUNDING = 4


@pytest.fixture(autouse=True)
def weights(settings: Any, weights_home: Any) -> None:
    settings.DSR_WEIGHTS = weights_home


def pixels(jpeg: bytes) -> np.ndarray:
    with Image.open(BytesIO(jpeg)) as picture:
        return np.array(picture.convert("RGB"))


def office() -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    rgb = pixels(OFFICE.read_bytes())
    return rgb, [face.box for face in find_faces(rgb, engines.config())]


def as_sent(rgb: np.ndarray) -> bytes:
    return pictures.encode_png(rgb.tobytes(), rgb.shape[1], rgb.shape[0])


def test_a_covered_face_is_one_grey_and_nothing_there_can_be_embedded() -> None:
    rgb, boxes = office()
    mine, *others = boxes
    result = analysis.cover_others(as_sent(rgb), keep=[mine])
    covered = pixels(result.jpeg)
    kept = covered_area(mine, rgb.shape, enlarge=0.0)
    for box in others:
        left, top, right, bottom = covered_area(box, rgb.shape)
        region = np.zeros(rgb.shape[:2], bool)
        region[top:bottom, left:right] = True
        region[kept[1] : kept[3], kept[0] : kept[2]] = False
        # JPEG carries a few steps over the edge of a block of 8.
        region[:, :-8] &= region[:, 8:]
        region[:, 8:] &= region[:, :-8]
        region[:-8] &= region[8:]
        region[8:] &= region[:-8]
        assert region.any()
        assert np.abs(covered[region].astype(int) - GREY).max() <= ROUNDING
    found = find_faces(covered, engines.config(), turns="always", smallest=20)
    assert len(found) == 1
    assert engines.config().min_face_px <= found[0].width
    # An import looks for larger faces only, in other sizes of the picture: the same face.
    (again,) = find_faces(covered, engines.config())
    assert analysis.find_gallery_faces(decode_picture(result.jpeg)).faces[0].box == again.box
    assert union_share(again.box, found[0].box) > 0.8


def test_beside_the_person_a_neighbour_is_covered_right_up_to_the_face() -> None:
    """The grey of a neighbour would reach over the person's face: it ends at its box."""
    rgb, boxes = office()
    mine = boxes[0]
    x, y, width, height = mine
    near = (x + width + 2, y, width, height)
    left, top, right, bottom = covered_area(near, rgb.shape)
    assert left < x + width  # the canary: the enlarged cover would touch the face
    covered = cover(rgb, [near], keep=[mine])
    assert (covered[y : y + height, x : x + width] == rgb[y : y + height, x : x + width]).all()
    assert (covered[top:bottom, x + width : right] == GREY).all()
    assert (covered[: max(0, y), left : x + width][top:] == GREY).all()
    result = analysis.cover_others(as_sent(rgb), keep=[mine], known=[near])
    shown = pixels(result.jpeg)[y : y + height, x : x + width].astype(int)
    assert np.abs(shown - rgb[y : y + height, x : x + width]).mean() < ROUNDING


def test_a_face_on_its_side_beside_an_upright_one_is_covered_too() -> None:
    rgb, _boxes = office()
    one = pixels((PEOPLE / "photos" / "mina.jpg").read_bytes())
    other = np.rot90(pixels((PEOPLE / "photos" / "kofi.jpg").read_bytes()))
    side = max(one.shape[0], other.shape[0])
    both = np.full((side, one.shape[1] + other.shape[1], 3), 200, np.uint8)
    both[: one.shape[0], : one.shape[1]] = one
    both[: other.shape[0], one.shape[1] :] = other
    config = engines.config()
    (mine,) = (
        face.box for face in find_faces(both, config, turns="never") if face.box[0] < one.shape[1]
        if face.box[0] + face.box[2] < one.shape[1]
    )  # fmt: skip
    covered = pixels(analysis.cover_others(as_sent(both), keep=[mine]).jpeg)
    left = find_faces(covered, config, turns="always", smallest=20)
    assert [face.box[0] < one.shape[1] for face in left] == [True]
    # Alone it would be found: nothing of it may be left.
    assert find_faces(np.ascontiguousarray(covered[:, one.shape[1] :]), config) == []


def test_no_preview_and_no_camera_data_are_left() -> None:
    """A preview in the EXIF block would show the face that the picture hides."""
    rgb, boxes = office()
    preview = BytesIO()
    Image.fromarray(rgb).resize((160, 120)).save(preview, "JPEG", comment=b"PREVIEWCANARY")
    exif = Image.Exif()
    exif[0x010E] = "EXIFCANARY"
    head = exif.tobytes()
    out = BytesIO()
    Image.fromarray(rgb).save(
        out, "JPEG", quality=95, exif=head + preview.getvalue(), comment=b"COMMENTCANARY"
    )
    sent = out.getvalue()
    assert sent.count(b"\xff\xd8\xff") == 2
    for canary in (b"EXIFCANARY", b"PREVIEWCANARY", b"COMMENTCANARY"):
        assert canary in sent
    result = analysis.cover_others(decode_picture(sent), keep=boxes[:1])
    assert result.jpeg.count(b"\xff\xd8\xff") == 1
    assert b"CANARY" not in result.jpeg
    assert b"Exif" not in result.jpeg
    with Image.open(BytesIO(result.jpeg)) as picture:
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_covering_that_does_not_end_hands_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from biometrics import redaction

    rgb, boxes = office()
    monkeypatch.setattr(redaction, "cover", lambda rgb, boxes, **_: rgb)
    with pytest.raises(BadInput, match="faces_left"):
        analysis.cover_others(as_sent(rgb), keep=boxes[:1])


def test_faces_of_an_animation_say_that_only_its_first_picture_was_looked_at() -> None:
    first = Image.open(PEOPLE / "photos" / "mina.jpg").convert("RGB")
    second = Image.open(PEOPLE / "photos" / "tomas.jpg").convert("RGB").resize(first.size)
    for name in ("GIF", "WEBP", "PNG"):
        out = BytesIO()
        first.save(out, name, save_all=True, append_images=[second])
        (face,) = analysis.find_gallery_faces(decode_picture(out.getvalue())).faces
        assert "first_of_several" in face.findings, name
    alone = BytesIO()
    first.save(alone, "PNG")
    (face,) = analysis.find_gallery_faces(decode_picture(alone.getvalue())).faces
    assert "first_of_several" not in face.findings

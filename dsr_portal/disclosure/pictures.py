"""The pictures of an answer: every face but the person's covered, burned in (law A-15, X-14)."""

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from PIL import Image

from dsr_portal.core.transactions import outside
from dsr_portal.disclosure.camera import Camera
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import confined
from dsr_portal.vault.confined import Metadata, Picture

PRINT_SIDE = 1100
_PRINT_QUALITY = 85
_FACE_QUALITY = 92
# Around the box, as a share of it: the chin and hair that belong to a face picture.
_AROUND = 0.2


@dataclass(frozen=True, slots=True)
class Shown:
    """One record's picture: `whole` and `face` for the package, `small` for the page.

    `faces` in it, the person's own included; `left_open`, faces of others known to be there that
    were not covered. There is no way to leave one open on purpose (law L-06, A-15).
    """

    whole: bytes
    small: bytes
    face: bytes
    width: int
    height: int
    covered: int
    faces: int
    left_open: int
    camera: Camera


@outside("Covering faces for an answer")
def covered_pictures(records: Sequence[Record]) -> dict[UUID, Shown]:
    """A covered picture for each record; pictures are decoded by a confined child (R28)."""
    by_image: dict[UUID, list[Record]] = defaultdict(list)
    for record in records:
        by_image[record.image_id].append(record)
    shown: dict[UUID, Shown] = {}
    with confined.picture_session() as session:
        for image_id, own in by_image.items():
            stored = connector.current().picture(image_id)
            picture = session.decode(stored)
            shown |= _show(picture, session.metadata(stored), image_id, own)
    return shown


def _show(
    picture: Picture, found: Metadata, image_id: UUID, own: Sequence[Record]
) -> dict[UUID, Shown]:
    boxes = {record.id: _box(record.id, picture) for record in own}
    others = Record.objects.filter(image_id=image_id).exclude(id__in=boxes)
    known = [_box(other.id, picture) for other in others.exclude(state=Record.State.ERASED)]
    result = recognition.cover_others(picture, keep=list(boxes.values()), known=known)
    small = _small(result.jpeg)
    faces = len(own) + len(result.covered)
    # A face that was erased here was in the picture, too, and the words may still name it.
    camera = Camera.of(found, alone=faces == 1 and not others.exists())
    return {
        record_id: Shown(
            whole=result.jpeg,
            small=small,
            face=_cut(result.jpeg, box),
            width=result.width,
            height=result.height,
            covered=len(result.covered),
            faces=faces,
            left_open=max(0, len(known) - len(result.covered)),
            camera=camera,
        )
        for record_id, box in boxes.items()
    }


def _box(record_id: UUID, picture: Picture) -> recognition.Box:
    """Where the face is in the picture as decoded now, should it have been decoded larger then."""
    face = connector.current().face(record_id)
    across, down = picture.width / face.of[0], picture.height / face.of[1]
    x, y, width, height = face.box
    return (round(x * across), round(y * down), round(width * across), round(height * down))


def _small(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        if max(picture.size) <= PRINT_SIDE:
            return jpeg
        picture.thumbnail((PRINT_SIDE, PRINT_SIDE))
        return _jpeg(picture, _PRINT_QUALITY)


def _cut(jpeg: bytes, box: recognition.Box) -> bytes:
    x, y, width, height = box
    dx, dy = round(width * _AROUND), round(height * _AROUND)
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        across, down = picture.size
        area = (
            max(0, x - dx),
            max(0, y - dy),
            min(across, x + width + dx),
            min(down, y + height + dy),
        )
        return _jpeg(picture.crop(area), _FACE_QUALITY)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()

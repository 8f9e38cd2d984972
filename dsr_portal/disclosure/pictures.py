"""The pictures of an answer: every face but the person's covered, burned in (law A-15, X-14)."""

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from PIL import Image

from dsr_portal.core.transactions import outside
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import confined

PRINT_SIDE = 1100
_PRINT_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Shown:
    """One record's picture: `whole` for the package, `small` for the page; faces covered."""

    whole: bytes
    small: bytes
    width: int
    height: int
    covered: int


@outside("Covering faces for an answer")
def covered_pictures(records: Sequence[Record]) -> dict[UUID, Shown]:
    """A covered picture for each record; pictures are decoded by a confined child (R28)."""
    held = connector.current()
    kept: dict[UUID, list[recognition.Box]] = defaultdict(list)
    for record in records:
        kept[record.image_id].append(held.face(record.id).box)
    shown: dict[UUID, Shown] = {}
    with confined.picture_session() as session:
        for image_id, boxes in kept.items():
            picture = session.decode(held.picture(image_id))
            others = Record.objects.filter(image_id=image_id).exclude(
                id__in=[record.id for record in records]
            )
            known = [
                held.face(other.id).box
                for other in others.exclude(state=Record.State.ERASED)
            ]
            result = recognition.cover_others(picture, keep=boxes, known=known)
            shown[image_id] = Shown(
                whole=result.jpeg,
                small=_small(result.jpeg),
                width=result.width,
                height=result.height,
                covered=len(result.covered),
            )
    return {record.id: shown[record.image_id] for record in records}


def _small(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        if max(picture.size) <= PRINT_SIDE:
            return jpeg
        picture.thumbnail((PRINT_SIDE, PRINT_SIDE))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=_PRINT_QUALITY)
        return out.getvalue()

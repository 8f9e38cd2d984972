"""Which of the faces in a photo is the person's: what they are shown to choose from (law P-05).

Faces are found, cut out and covered here; none is embedded (R8).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.analysis import Box, at_most, cover_others, jpeg, pixels
from dsr_portal.vault.confined import Picture

if TYPE_CHECKING:
    from biometrics.faces import Face

MOST_FACES = 8
"""So many of the largest faces are offered: each is covered and looked at anew, and a page on a
phone has to stay one a person can read."""

_AROUND = 0.6
_SHOWN_SIDE = 240


@dataclass(frozen=True, slots=True)
class OneFace:
    """One face of a photo, all others covered: JPEGs of our own making, without metadata.

    `picture` takes the photo's place when the person chooses it; `shown` is at most 240 pixels.
    """

    picture: bytes
    shown: bytes


@dataclass(frozen=True, slots=True)
class FacesFound:
    """The faces a person may choose from, from left to right, and how many are not offered:
    smaller ones, those too small to search with, and those that can't be shown alone."""

    faces: tuple[OneFace, ...]
    left_out: int


@outside("Cutting out faces")
def faces_to_choose(picture: Picture | bytes) -> FacesFound:
    """Each of the largest faces of a photo alone, every other face in its cut-out covered.

    What is handed out was searched again: nothing but the one face is found in it (`cover_others`).
    """
    from biometrics.faces import find_faces

    rgb, config = pixels(picture), engines.config()
    with engines.answering():
        found = find_faces(rgb, config, smallest=config.min_probe_face_px)
    wanted = [face for face in found if face.width >= config.min_probe_face_px][:MOST_FACES]
    alone = [_alone(rgb, face, found) for face in sorted(wanted, key=lambda face: face.box[0])]
    faces = tuple(one for one in alone if one is not None)
    return FacesFound(faces, len(found) - len(faces))


def _alone(rgb: Any, face: "Face", found: Sequence["Face"]) -> OneFace | None:
    """The face with what is around it; None where others can't be covered beside it."""
    from biometrics.crops import crop_area

    left, top, right, bottom = crop_area(face.box, rgb.shape, _AROUND)
    others = [_moved(one, left, top) for one in found if one is not face]
    try:
        covered = cover_others(
            _picture(rgb[top:bottom, left:right]), [_moved(face, left, top)], others
        )
    except BadInput:
        return None
    return OneFace(covered.jpeg, jpeg(at_most(pixels(covered.jpeg), _SHOWN_SIDE)))


def _moved(face: "Face", left: int, top: int) -> Box:
    x, y, width, height = face.box
    return (x - left, y - top, width, height)


def _picture(rgb: Any) -> Picture:
    height, width = rgb.shape[:2]
    return Picture(rgb.tobytes(), width, height, "", width, height)

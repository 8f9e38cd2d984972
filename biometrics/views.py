"""Looking at one face several times, so that its landmarks hold still.

Landmarks of small and turned faces jump by a few hundredths of the face from one detection to the
next; the crop is cut by the mean of three looks. That lever passed its test; crops of other sizes
and places and the crop's mirror did not (docs/levers.md).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture
from biometrics.faces import Face, find_faces
from biometrics.pictures import Rgb, require_rgb

# The width in pixels at which the face is looked at again: of 80, 130 and mixtures of 60 to 200
# this gave as much as the best, with two looks.
LOOK_WIDTH: Final = 130
# Room on each side, in widths of the face: a detector needs some of the head around it.
_ROOM = 0.5
# A look at another face: its centre lies farther away than this, in widths of the face.
_ELSEWHERE = 0.3
# The detector sees heads up to about this tilt as well as upright ones.
_TILTED_DEGREES = 20.0

_LEFT_IS_RIGHT: Final = [1, 0, 2, 4, 3]


def steady_landmarks(rgb: Rgb, face: Face, config: BiometricsConfig) -> NDArray[np.float32]:
    """The five landmarks as the mean of up to three looks, float32 (5, 2) in picture pixels.

    The first look is ``face``'s own; the others are at the face alone, brought to one size and
    upright, and at the mirror of that. A look that finds nothing there is left out. Raises
    BadPicture for a picture or landmarks that can't be used, DetectorFailed.
    """
    picture = require_rgb(rgb, max_side=config.max_side, max_pixels=config.max_pixels)
    own = np.asarray(face.landmarks, dtype=np.float64)
    if not np.isfinite(own).all():
        raise BadPicture("landmarks are not finite", code="bad_landmarks")
    part, to_part = _brought_near(picture, face)
    seen = np.hstack([own, np.ones((5, 1))]) @ to_part.T
    looks = [own]
    back = cv2.invertAffineTransform(to_part)
    for mirrored in (False, True):
        found = _look(part, seen, config, mirrored=mirrored)
        if found is not None:
            looks.append(np.hstack([found, np.ones((5, 1))]) @ back.T)
    return np.asarray(np.mean(looks, axis=0), dtype=np.float32)


def mirror(rgb: Rgb) -> Rgb:
    """The picture with left and right exchanged."""
    return np.ascontiguousarray(rgb[:, ::-1])


def _brought_near(picture: Rgb, face: Face) -> tuple[Rgb, NDArray[np.float64]]:
    """The face with some room, LOOK_WIDTH wide and upright, and the 2 x 3 map from the picture."""
    x, y, width, height = face.box
    room = round(_ROOM * max(width, height))
    high, wide = picture.shape[:2]
    left, top = max(0, x - room), max(0, y - room)
    right, bottom = min(wide, x + width + room), min(high, y + height + room)
    if right - left < 2 or bottom - top < 2:
        raise BadPicture("the face lies outside the picture", code="bad_box")
    part = picture[top:bottom, left:right]
    factor = LOOK_WIDTH / width
    size = (max(32, round(part.shape[1] * factor)), max(32, round(part.shape[0] * factor)))
    smaller = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    near = cv2.resize(part, size, interpolation=smaller)
    scale = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
    # Centres of pixels, not corners, are what landmarks count from.
    shift = (0.5 - np.array([left, top])) * scale - 0.5
    matrix = np.hstack([np.diag(scale), shift[:, None]])
    eyes = face.landmarks[1] - face.landmarks[0]
    tilt = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    if abs(tilt) > _TILTED_DEGREES:
        side = int(np.ceil(np.hypot(*size)))
        middle = np.array(size, dtype=np.float64) / 2
        turn = cv2.getRotationMatrix2D((middle[0], middle[1]), tilt, 1.0).astype(np.float64)
        turn[:, 2] = turn[:, 2] + side / 2 - middle
        near = cv2.warpAffine(near, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
        matrix = np.hstack([turn[:, :2] @ matrix[:, :2], turn[:, :2] @ matrix[:, 2:] + turn[:, 2:]])
    return np.asarray(near, dtype=np.uint8), matrix


def _look(
    part: Rgb, expected: NDArray[np.float64], config: BiometricsConfig, *, mirrored: bool
) -> NDArray[np.float64] | None:
    """Landmarks (5, 2) of the face expected there, in pixels of ``part``; None if not seen."""
    centre = expected.mean(axis=0)
    best: tuple[float, NDArray[np.float64]] | None = None
    for face in find_faces(mirror(part) if mirrored else part, config, turns="never"):
        points = np.asarray(face.landmarks, dtype=np.float64)
        if mirrored:
            points = points[_LEFT_IS_RIGHT]
            points[:, 0] = part.shape[1] - 1 - points[:, 0]
        away = float(np.abs(points.mean(axis=0) - centre).max())
        if away < _ELSEWHERE * LOOK_WIDTH and (best is None or away < best[0]):
            best = (away, points)
    return None if best is None else best[1]

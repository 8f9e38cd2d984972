"""Finding faces (YuNet) and bringing each to the one pose that the embedding network knows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture, DetectorFailed
from biometrics.pictures import Rgb, require_rgb

ALIGNMENT_VERSION: Final = "five-point-112-v1"
CROP_SIDE: Final = 112

# Where eyes, nose and mouth corners lie in the 112 x 112 crop that SFace was trained on
# (the published ArcFace template, in the order image-left eye, image-right eye, nose,
# image-left mouth corner, image-right mouth corner).
TEMPLATE: Final[NDArray[np.float64]] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float64,
)

# A face this wide (pixels) at one detection side was already seen well at the side before it.
_SEEN_BEFORE_PX = 160
_SAME_FACE_OVERLAP = 0.4
_TOP_K = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face: box (x, y, width, height) and five landmarks in pixels of the picture.

    ``landmarks`` is float32 (5, 2) in the order of TEMPLATE; ``score`` is the detector's, 0 to 1.
    """

    box: tuple[int, int, int, int]
    landmarks: NDArray[np.float32]
    score: float

    @property
    def width(self) -> int:
        """Width of the box in pixels."""
        return self.box[2]


class _PerThread(threading.local):
    """OpenCV's detector keeps its input size inside: sharing one between threads crashes."""

    def __init__(self) -> None:
        self.detectors: dict[tuple[Path, float, float], Any] = {}


_per_thread = _PerThread()


def find_faces(rgb: Rgb, config: BiometricsConfig) -> list[Face]:
    """All faces of a picture, largest first, then from left to right, then from the top.

    ``rgb``: uint8 (height, width, 3). Raises BadPicture or DetectorFailed. No face is an empty
    list. Small faces are reported too: covering needs them, callers judge size by quality.
    """
    picture = require_rgb(rgb, max_side=config.max_side, max_pixels=config.max_pixels)
    sides = _sides(picture.shape, config)
    # A large picture is shrunk once to the largest side; smaller ones are made from that.
    bgr = np.ascontiguousarray(_shrunk(picture, sides[-1])[:, :, ::-1])
    found: list[Face] = []
    for number, side in enumerate(sides):
        for face, width_seen in _detect(_shrunk(bgr, side), picture.shape, config):
            if number and width_seen > _SEEN_BEFORE_PX:
                continue
            if not any(_overlap(face.box, other.box) > _SAME_FACE_OVERLAP for other in found):
                found.append(face)
    return sorted(found, key=lambda f: (-f.box[2] * f.box[3], f.box[0], f.box[1]))


def align(rgb: Rgb, landmarks: NDArray[np.float32]) -> Rgb:
    """The face as uint8 RGB (112, 112, 3), eyes, nose and mouth where the network expects them.

    ``landmarks``: (5, 2) in picture pixels. Raises BadPicture for points that are not finite
    or lie on one spot.
    """
    picture = require_rgb(rgb)
    points = np.asarray(landmarks, dtype=np.float64)
    matrix = similarity(points, TEMPLATE)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        picture, points = _shrink_around(picture, points, scale)
        matrix = similarity(points, TEMPLATE)
    crop = cv2.warpAffine(
        picture,
        matrix,
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    return np.ascontiguousarray(crop, dtype=np.uint8)


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 2 x 3 matrix of turn, scale and shift that best maps ``source`` on ``target``.

    Least squares over point pairs (n, 2), without mirroring: Umeyama, IEEE PAMI 13 (1991) 376.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise BadPicture(f"expected points (n, 2), got {source.shape}", code="bad_landmarks")
    if not np.isfinite(source).all():
        raise BadPicture("landmarks are not finite", code="bad_landmarks")
    centre_s, centre_t = source.mean(axis=0), target.mean(axis=0)
    s, t = source - centre_s, target - centre_t
    spread = float((s**2).sum())
    if spread < 1e-6:
        raise BadPicture("landmarks lie on one spot", code="bad_landmarks")
    # In two dimensions the best turn and scale have a closed form: no SVD, no sign cases.
    a = float((s * t).sum()) / spread
    b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / spread
    if np.hypot(a, b) < 1e-9:
        raise BadPicture("landmarks have no direction", code="bad_landmarks")
    turn = np.array([[a, -b], [b, a]])
    shift = centre_t - turn @ centre_s
    return np.hstack([turn, shift[:, None]])


def _sides(shape: tuple[int, ...], config: BiometricsConfig) -> list[int]:
    """The detection sides worth trying: a larger one only where the picture has more to show."""
    longest = max(shape[0], shape[1])
    sides = sorted(config.detection_sides)
    return [side for i, side in enumerate(sides) if i == 0 or longest > sides[i - 1] * 1.25]


def _shrunk(picture: Rgb, side: int) -> Rgb:
    """The picture with its longer side at most ``side``."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    if factor >= 1.0:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _detect(
    small: Rgb, shape: tuple[int, ...], config: BiometricsConfig
) -> list[tuple[Face, float]]:
    """Faces of a shrunk BGR picture in pixels of the whole one, each with the width seen."""
    height, width = shape[:2]
    try:
        detector = _detector(config)
        detector.setInputSize((small.shape[1], small.shape[0]))
        _, rows = detector.detect(small)
    except cv2.error as error:
        raise DetectorFailed(str(error)) from error
    if rows is None:
        return []
    back = np.array([width / small.shape[1], height / small.shape[0]])
    finite = [row for row in np.asarray(rows, dtype=np.float64) if np.isfinite(row).all()]
    return [(_to_face(row, back, width, height), float(row[2])) for row in finite]


def _to_face(row: NDArray[np.float64], back: NDArray[np.float64], width: int, height: int) -> Face:
    """One row of YuNet (x, y, w, h, five points, score) in pixels of the whole picture."""
    left, top = np.clip(row[0:2] * back, 0, [width - 1, height - 1])
    right, bottom = np.clip((row[0:2] + row[2:4]) * back, [left + 1, top + 1], [width, height])
    points = (row[4:14].reshape(5, 2) + 0.5) * back - 0.5
    box = (round(left), round(top), max(1, round(right - left)), max(1, round(bottom - top)))
    return Face(box=box, landmarks=points.astype(np.float32), score=float(row[14]))


def _detector(config: BiometricsConfig) -> Any:
    key = (config.detector_file, config.detector_score, config.detector_overlap)
    detector = _per_thread.detectors.get(key)
    if detector is None:
        if not config.detector_file.is_file():
            raise DetectorFailed(f"{config.detector_file.name} is missing", code="weights_missing")
        detector = cv2.FaceDetectorYN.create(
            str(config.detector_file), "", (320, 320), key[1], key[2], _TOP_K
        )
        _per_thread.detectors[key] = detector
    return detector


def _overlap(one: tuple[int, int, int, int], two: tuple[int, int, int, int]) -> float:
    """Shared area over the smaller area, so that a box inside another counts as the same face."""
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / min(one[2] * one[3], two[2] * two[3])


def _shrink_around(
    picture: Rgb, points: NDArray[np.float64], scale: float
) -> tuple[Rgb, NDArray[np.float64]]:
    """Shrink the neighbourhood of the face by area means first.

    A linear warp reads four pixels per output pixel: from a large face it would keep noise and
    leave out most of what the camera saw.
    """
    half = CROP_SIDE / scale
    centre = points.mean(axis=0)
    height, width = picture.shape[:2]
    left, top = (max(0, int(v)) for v in np.floor(centre - half))
    right, bottom = min(width, int(centre[0] + half) + 1), min(height, int(centre[1] + half) + 1)
    if right - left < 2 or bottom - top < 2:
        raise BadPicture("landmarks lie outside the picture", code="bad_landmarks")
    part = picture[top:bottom, left:right]
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    factor = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
    moved = (points - np.array([left, top]) + 0.5) * factor - 0.5
    return np.asarray(small, dtype=np.uint8), moved

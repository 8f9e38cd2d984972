"""Finding faces (YuNet) and bringing each to the one pose that the embedding network knows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture
from biometrics.pictures import Rgb, require_rgb
from biometrics.yunet import Rows, detectors

ALIGNMENT_VERSION: Final = "five-point-112-steady-v2"
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

# Landmarks are best where the detector saw the face at least and at most this wide (pixels). A
# doubling beyond that, and a turned picture, count as so much less of its score.
_GOOD_WIDTH: Final = (48.0, 256.0)
_PER_DOUBLING: Final = 0.05
_TURNED: Final = 0.02
# An upright face that is seen well scores more. One on its side or upside down is found as well,
# with upright landmarks in wrong places, and scores less (docs/faces.md has the measurements).
_SURELY_UPRIGHT: Final = 0.92
# Two boxes of one size are one face above this share of their union; a small box is a part of a
# larger face above this share of itself.
_SAME_FACE_UNION = 0.4
_PART_OF_FACE = 0.6
# Tiles overlap by more than a face that the whole views show too small.
_TILE_SIDE: Final = 1280
_TILE_OVERLAP: Final = 128
# A face that leans further, or is not surely upright, is looked at again by itself: so many faces
# of a picture, about so wide (pixels), in a square of so many.
_LEANS_ABOVE: Final = 20.0
_LEVEL_WIDTH: Final = 112.0
_LEVEL_SIDE: Final = 288
_LEVEL_TURNS: Final = (0.0, -45.0, 45.0, -90.0, 90.0, -135.0, 135.0, 180.0)
_LEVEL_BETTER: Final = 0.005
_MOST_LEVELLED: Final = 12
# Detections are compared in pairs: a picture drawn to be full of them must not take minutes. No
# crowd in 50 megapixels comes near it; such a picture is refused, and so counted as not searched.
_MOST_SEEN: Final = 20_000

# One thread for each call of OpenCV, as for the detector: who has several pictures asks from
# several threads. Its own helping threads turn in loops between calls (docs/engines.md).
cv2.setNumThreads(1)

Box = tuple[int, int, int, int]
Turns = Literal["if_needed", "always", "never"]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face: box (x, y, width, height) and five landmarks in pixels of the picture.

    ``landmarks`` is float32 (5, 2) in the order of TEMPLATE; ``score`` is the detector's, 0 to 1.
    """

    box: Box
    landmarks: NDArray[np.float32]
    score: float

    @property
    def width(self) -> int:
        """Width of the box in pixels."""
        return self.box[2]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the detector is shown: BGR pixels, and how to get back to those of the whole picture.

    ``back`` (2 x 3) takes pixel centres of the view to pixel centres of the picture. A face cut by
    one of ``edges`` (left, top, right, bottom of the view) is seen whole in the next tile.
    """

    bgr: Rgb
    back: NDArray[np.float64]
    edges: tuple[bool, bool, bool, bool] = (False, False, False, False)
    is_turned: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A face and how well the detector saw it: its score, less what spoils landmarks."""

    face: Face
    worth: float


def find_faces(
    rgb: Rgb, config: BiometricsConfig, *, turns: Turns = "if_needed", smallest: int | None = None
) -> list[Face]:
    """All faces of a picture, largest first, then from left to right, then from the top.

    ``rgb``: uint8 (height, width, 3). Raises BadPicture or DetectorFailed. No face is an empty
    list. Smaller faces are reported too, callers judge size by quality.

    The picture is looked at in several sizes and, where those would show a face ``smallest``
    pixels wide (the gallery's least width unless given) too small to be seen, in tiles as well.
    ``turns``: whether it is also turned by 90, 180 and 270 degrees: "if_needed" only where no
    face was found that is surely upright, and the whole picture only; "always" its tiles as well.
    Boxes and landmarks are pixels of the given picture.
    """
    picture = require_rgb(rgb, max_side=config.max_side, max_pixels=config.max_pixels)
    smallest = smallest or config.min_face_px
    whole = _whole_views(picture, smallest, config)
    seen = _look(whole, picture.shape, config)
    for view in _tiles(picture, smallest, config):
        seen += _look([view], picture.shape, config)
    doubtful = not _any_upright(seen)
    if turns == "always" or (turns == "if_needed" and doubtful):
        for quarters in (1, 2, 3):
            turned = [_turned(view, quarters) for view in whole]
            seen += _look(turned, picture.shape, config)
            if turns == "always":
                # One turn after the other: each new shape costs the detector new buffers.
                for view in _tiles(picture, smallest, config):
                    seen += _look([_turned(view, quarters)], picture.shape, config)
    faces = sorted(_merged(seen), key=lambda f: (-_area(f.box), f.box[0], f.box[1]))
    first, rest = faces[:_MOST_LEVELLED], faces[_MOST_LEVELLED:]
    return [_levelled(picture, face, config, doubtful=doubtful) for face in first] + rest


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


def tilt(landmarks: NDArray[np.floating[Any]]) -> float:
    """How far a face leans in the picture plane, in degrees clockwise, -180 to 180.

    From the middle of the eyes to the middle of the mouth, which a turn of the head moves less
    than it moves the line of the eyes.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    across, down = points[3:5].mean(axis=0) - points[0:2].mean(axis=0)
    return float(np.degrees(np.arctan2(-across, down)))


# -- views --------------------------------------------------------------------------------------


def _whole_views(picture: Rgb, smallest: int, config: BiometricsConfig) -> list[_View]:
    """The whole picture in each size worth trying: a larger one only where it has more to show.

    None is larger than the smallest faces wanted need to be seen: the time a look takes grows
    with the area.
    """
    longest = max(picture.shape[:2])
    enough = math.ceil(longest * _seen_scale(smallest, config))
    first, *larger = sorted(config.detection_sides)
    sides = [first]
    for side in larger:
        if min(side, enough) > sides[-1] * 1.25:
            sides.append(min(side, enough))
    # A large picture is shrunk once to the largest side; smaller ones are made from that.
    bgr = _bgr(_shrunk(picture, sides[-1]))
    small = [_shrunk(bgr, side) for side in sides]
    return [_View(one, _scaled(one.shape, picture.shape)) for one in small]


def _seen_scale(smallest: int, config: BiometricsConfig) -> float:
    """How far a picture may be shrunk so that its smallest wanted faces can still be seen."""
    return min(1.0, config.seen_from_px / max(1, smallest))


def _tiles(picture: Rgb, smallest: int, config: BiometricsConfig) -> Iterator[_View]:
    """Overlapping parts of a picture whose whole views show the smallest faces too small.

    The picture is shrunk as far as such a face allows, and further where it would take more than
    ``max_tiles``. One tile at a time: a shrunk copy of a large picture would cost as much again.
    """
    height, width = picture.shape[:2]
    scale = _seen_scale(smallest, config)
    if max(height, width) * scale <= max(config.detection_sides) * 1.25:
        return
    while _tile_count(height * scale) * _tile_count(width * scale) > config.max_tiles:
        scale *= 0.97
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    for top, bottom in _spans(tall):
        for left, right in _spans(wide):
            x0, y0 = math.floor(left * width / wide), math.floor(top * height / tall)
            x1, y1 = math.ceil(right * width / wide), math.ceil(bottom * height / tall)
            part = _resized(picture[y0:y1, x0:x1], right - left, bottom - top)
            back = _scaled(part.shape, (y1 - y0, x1 - x0))
            back[:, 2] += [x0, y0]
            edges = (left > 0, top > 0, right < wide, bottom < tall)
            yield _View(_bgr(part), back, edges)


def _tile_count(length: float) -> int:
    """Tiles that one side of a picture takes."""
    return max(1, math.ceil((length - _TILE_OVERLAP) / (_TILE_SIDE - _TILE_OVERLAP)))


def _spans(length: int) -> list[tuple[int, int]]:
    """Where tiles begin and end along one side: evenly spread, none longer than _TILE_SIDE."""
    count, side = _tile_count(length), min(length, _TILE_SIDE)
    return [(int(at), int(at) + side) for at in np.linspace(0, length - side, count).round()]


def _turned(view: _View, quarters: int) -> _View:
    """The view turned anticlockwise by quarters of a full turn."""
    height, width = view.bgr.shape[:2]
    away = {
        1: np.array([[0.0, -1.0, width - 1.0], [1.0, 0.0, 0.0]]),
        2: np.array([[-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0]]),
        3: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, height - 1.0]]),
    }[quarters]
    back = view.back[:, :2] @ away
    back[:, 2] += view.back[:, 2]
    edges = view.edges
    for _quarter in range(quarters):
        left, top, right, bottom = edges
        edges = (top, right, bottom, left)
    return _View(np.ascontiguousarray(np.rot90(view.bgr, quarters)), back, edges, is_turned=True)


def _scaled(small: tuple[int, ...], whole: tuple[int, ...]) -> NDArray[np.float64]:
    """From pixel centres of a shrunk picture to those of the whole one."""
    across, down = whole[1] / small[1], whole[0] / small[0]
    return np.array([[across, 0.0, across / 2 - 0.5], [0.0, down, down / 2 - 0.5]])


def _shrunk(picture: Rgb, side: int) -> Rgb:
    """The picture with its longer side at most ``side``."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    if factor >= 1.0:
        return picture
    return _resized(picture, max(1, round(width * factor)), max(1, round(height * factor)))


def _bgr(rgb: Rgb) -> Rgb:
    """The detector's order of colours. OpenCV's copy takes a fortieth of numpy's time."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _resized(picture: Rgb, width: int, height: int) -> Rgb:
    if picture.shape[:2] == (height, width):
        return picture
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


# -- detections ---------------------------------------------------------------------------------


def _look(views: list[_View], shape: tuple[int, ...], config: BiometricsConfig) -> list[_Seen]:
    """What the detector sees in these views, in pixels of the whole picture."""
    found = []
    for view in views:
        for row in _detect(view.bgr, config):
            if not _is_cut(row, view):
                worth = _worth(row) - (_TURNED if view.is_turned else 0.0)
                found.append(_Seen(_to_face(row, view.back, shape), worth))
    return found


def _detect(bgr: Rgb, config: BiometricsConfig) -> Rows:
    """Rows of YuNet (x, y, w, h, five points, score) in pixels of what it was shown."""
    detector = detectors.get(config.detector_file, config.detector_score, config.detector_overlap)
    return detector.detect(bgr)


def _is_cut(row: NDArray[np.float64], view: _View) -> bool:
    """Whether the face touches an edge behind which the picture goes on."""
    height, width = view.bgr.shape[:2]
    touches = (row[0] < 2, row[1] < 2, row[0] + row[2] > width - 2, row[1] + row[3] > height - 2)
    return any(touch and edge for touch, edge in zip(touches, view.edges, strict=True))


def _to_face(row: NDArray[np.float64], back: NDArray[np.float64], shape: tuple[int, ...]) -> Face:
    """One row of YuNet in pixels of the whole picture, the box cut at its edges."""
    height, width = shape[:2]
    # A box has edges, a landmark is a point: the middle of the first pixel lies at 0.
    corners = np.array([row[0:2], row[0:2] + row[2:4]]) - 0.5
    corners = corners @ back[:, :2].T + back[:, 2] + 0.5
    left, top = np.clip(corners.min(axis=0), 0, [width - 1, height - 1])
    right, bottom = np.clip(corners.max(axis=0), [left + 1, top + 1], [width, height])
    points = row[4:14].reshape(5, 2) @ back[:, :2].T + back[:, 2]
    box = (round(left), round(top), max(1, round(right - left)), max(1, round(bottom - top)))
    return Face(box=box, landmarks=points.astype(np.float32), score=float(row[14]))


def _worth(row: NDArray[np.float64]) -> float:
    width = max(float(row[2]), 1.0)
    doublings = math.log2(width / min(max(width, _GOOD_WIDTH[0]), _GOOD_WIDTH[1]))
    return float(row[14]) - _PER_DOUBLING * abs(doublings)


def _levelled(picture: Rgb, face: Face, config: BiometricsConfig, *, doubtful: bool) -> Face:
    """The face with the landmarks seen when it is held upright; its box stays.

    Tilted faces are found, but their landmarks are drawn towards the upright. Where the picture
    showed no surely upright face (``doubtful``) or this is none, every direction is tried.
    """
    lean = tilt(face.landmarks)
    doubtful = doubtful or face.score < _SURELY_UPRIGHT
    if not doubtful and abs(lean) <= _LEANS_ABOVE:
        return face
    best = face
    for more in _LEVEL_TURNS if doubtful else _LEVEL_TURNS[:1]:
        seen = _held(picture, face, lean + more, config)
        if seen is not None and seen.score > best.score + _LEVEL_BETTER:
            best = seen
    return replace(face, landmarks=best.landmarks, score=best.score)


def _held(picture: Rgb, face: Face, lean: float, config: BiometricsConfig) -> Face | None:
    """The face as it is seen when the picture is turned back by ``lean``, None if it is not."""
    try:
        view = _level_view(picture, face.landmarks, lean, face.width)
    except BadPicture:
        return None
    rows = [row for row in _detect(view.bgr, config) if _is_central(row)]
    if not rows:
        return None
    return _to_face(max(rows, key=lambda row: float(row[14])), view.back, picture.shape)


def _level_view(picture: Rgb, points: NDArray[np.float32], lean: float, width: int) -> _View:
    """The face upright in the middle of a small picture, about _LEVEL_WIDTH wide."""
    scale = _LEVEL_WIDTH / max(1, width)
    centre = np.asarray(points, dtype=np.float64).mean(axis=0)
    angle = np.radians(lean)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    part, moved, shrunk = picture, centre, np.ones(2)
    if scale < 0.5:
        part, moved, shrunk = _shrunk_part(picture, centre, _LEVEL_SIDE / scale, scale)
    middle = np.full(2, (_LEVEL_SIDE - 1) / 2)
    there = np.hstack([turn / shrunk, (middle - turn / shrunk @ moved)[:, None]])
    small = cv2.warpAffine(part, there, (_LEVEL_SIDE, _LEVEL_SIDE), flags=cv2.INTER_LINEAR)
    undo = np.linalg.inv(turn)
    back = np.hstack([undo, (centre - undo @ middle)[:, None]]).astype(np.float64)
    return _View(_bgr(np.asarray(small, dtype=np.uint8)), back)


def _is_central(row: NDArray[np.float64]) -> bool:
    """Whether a row of a level view is the face in its middle."""
    away = float(np.abs(row[0:2] + row[2:4] / 2 - _LEVEL_SIDE / 2).max())
    return away < _LEVEL_WIDTH / 2


def _any_upright(seen: list[_Seen]) -> bool:
    return any(one.face.score >= _SURELY_UPRIGHT for one in seen)


def _merged(seen: list[_Seen]) -> list[Face]:
    """Each face once, as the detector saw it best; what lies inside a larger face is part of it.

    Raises BadPicture for a picture that is full of detections: nothing is said of its faces.
    """
    if len(seen) > _MOST_SEEN:
        raise BadPicture(f"{len(seen)} detections in one picture", code="too_many_faces")
    if not seen:
        return []
    faces = [one.face for one in sorted(seen, key=lambda s: -s.worth)]
    boxes = np.array([face.box for face in faces], dtype=np.float64)
    best: list[int] = []
    for at in range(len(faces)):
        shared = _shared(boxes[at], boxes[best])
        union = boxes[at, 2] * boxes[at, 3] + boxes[best, 2] * boxes[best, 3] - shared
        if not (shared > _SAME_FACE_UNION * union).any():
            best.append(at)
    kept = boxes[best]
    areas = kept[:, 2] * kept[:, 3]
    return [
        faces[best[at]]
        for at in range(len(best))
        if not ((areas > areas[at]) & (_shared(kept[at], kept) > _PART_OF_FACE * areas[at])).any()
    ]


def _shared(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels that a box shares with each of others (n, 4)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    area: NDArray[np.float64] = np.prod(np.maximum(high - low, 0.0), axis=1)
    return area


def _area(box: Box) -> int:
    return box[2] * box[3]


def shared_area(one: Box, two: Box) -> int:
    """Pixels that lie in both boxes (x, y, width, height)."""
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    return across * down if across > 0 and down > 0 else 0


def union_share(one: Box, two: Box) -> float:
    """Shared area over the area of both together (intersection over union), 0 to 1."""
    shared = shared_area(one, two)
    return shared / (_area(one) + _area(two) - shared) if shared else 0.0


def _shrink_around(
    picture: Rgb, points: NDArray[np.float64], scale: float
) -> tuple[Rgb, NDArray[np.float64]]:
    """Shrink the neighbourhood of the face by area means first.

    A linear warp reads four pixels per output pixel: from a large face it would keep noise and
    leave out most of what the camera saw.
    """
    part, moved, _ = _shrunk_part(picture, points, CROP_SIDE / scale, scale)
    return part, moved


def _shrunk_part(
    picture: Rgb, points: NDArray[np.float64], half: float, scale: float
) -> tuple[Rgb, NDArray[np.float64], NDArray[np.float64]]:
    """What lies within ``half`` of the middle of ``points``, shrunk; points and factors there."""
    centre = points.reshape(-1, 2).mean(axis=0)
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
    return np.asarray(small, dtype=np.uint8), moved, factor

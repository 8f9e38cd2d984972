"""What can be said about a face picture before it is compared, in words of ISO/IEC 29794-5.

The values carry the standard's names for what they estimate; they are estimates from five
landmarks and plain pixel statistics, not the output of a conforming implementation. Units, how each
is made and what each is worth: docs/faces.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture
from biometrics.faces import Face, align, find_faces
from biometrics.pictures import Rgb, require_rgb

Finding = Literal[
    "no_face",
    "several_faces",
    "face_too_small",
    "too_dark",
    "too_bright",
    "low_contrast",
    "uneven_light",
    "blurred",
    "turned_away",
    "head_up_or_down",
    "tilted",
    "on_its_side",
    "cut_off",
    "partly_covered",
    "others_in_background",
]

# Findings that end the way of a picture; with any other the person may go on.
HARD: Final[frozenset[str]] = frozenset({"no_face", "several_faces", "face_too_small"})

# A generic head in millimetres, x to the picture's right, y down, z away from the camera, in the
# order of the detector's landmarks. Depth and height of the nose are fitted to this detector:
# frontal portraits give no pitch, heads rendered at 30 degrees a yaw of 30.
_HEAD: Final = np.array(
    [
        [-31.5, -34.0, 42.0],
        [31.5, -34.0, 42.0],
        [0.0, 3.0, 0.0],
        [-25.0, 34.0, 36.0],
        [25.0, 34.0, 36.0],
    ],
    dtype=np.float64,
)
_DARK_LEVEL, _BRIGHT_LEVEL = 25, 247
_LOW_CONTRAST = 0.05

# What a value of one quality leaves of the likeness of two pictures of a person: points of a
# curve, straight between them. Measured by spoiling one quality at a time on one half of the
# people, told on the other half (docs/faces.md). Pose is a cautious guess, see there.
_CURVES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "inter_eye_distance": ((4, 0.3), (7, 0.62), (10, 0.75), (12.5, 0.88), (16, 0.94), (20, 0.97),
                           (30, 0.99), (40, 1.0)),
    "sharpness": ((0.005, 0.2), (0.0075, 0.65), (0.0095, 0.8), (0.017, 0.92), (0.042, 0.99),
                  (0.06, 1.0)),
    "dynamic_range": ((0.03, 0.62), (0.055, 0.75), (0.09, 0.9), (0.18, 0.98), (0.25, 1.0)),
    "highlights": ((15, 0.8), (30, 0.95), (75, 1.0)),
    "over_exposure": ((0.0, 1.0), (0.22, 0.95), (0.63, 0.84), (0.84, 0.67), (0.92, 0.45)),
    "illumination_uniformity": ((0.2, 0.9), (0.6, 1.0)),
    "head_pose_yaw": ((15, 1.0), (30, 0.9), (45, 0.75), (75, 0.4)),
    "head_pose_pitch": ((15, 1.0), (30, 0.9), (45, 0.75)),
    "inside_picture": ((0.4, 0.4), (0.95, 1.0)),
    "detection_score": ((0.77, 0.45), (0.84, 0.65), (0.9, 0.92), (0.94, 1.0)),
    "eyes_detail": ((0.5, 0.65), (0.85, 1.0)),
    "mouth_detail": ((0.1, 0.85), (0.6, 1.0)),
}  # fmt: skip
_LEAST_SCORE = 0.05
_ON_ITS_SIDE = 60.0
# Rows of the inner face where the aligned crop has eyes and mouth.
_EYES, _MOUTH = slice(22, 42), slice(62, 82)


@dataclass(frozen=True, slots=True)
class Quality:
    """Values by name, findings by code, and whether the face may be compared at all.

    ``components``: what each value leaves of the likeness of two pictures of one person, 0 to 1;
    ``score``: their product, at least 0.05 and at most 1, to weight the photos of one person. It
    says nothing about who somebody is, and no face is refused for it.
    """

    values: dict[str, float]
    findings: tuple[Finding, ...]
    usable: bool
    components: dict[str, float] = field(default_factory=dict)
    score: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ProbeVerdict:
    """What becomes of a picture sent to search with.

    ``code`` is "ok" or the finding that refuses it; ``findings`` are hints with which the
    person may go on; ``face`` is the one face, None unless ``code`` is "ok".
    """

    code: str
    findings: tuple[Finding, ...]
    face: Face | None
    quality: Quality | None

    @property
    def usable(self) -> bool:
        """Whether the picture can be searched with."""
        return self.code == "ok"


def judge_probe(rgb: Rgb, config: BiometricsConfig) -> ProbeVerdict:
    """Find the one face of a picture to search with, or say why it cannot serve.

    A face under ``background_ratio`` of the largest one's width is a passer-by: never compared,
    only mentioned. Raises BadPicture for an array that is no picture.
    """
    faces = find_faces(rgb, config, smallest=config.min_probe_face_px)
    if not faces:
        dim = _scene_luminance(rgb) < config.too_dark_below
        return ProbeVerdict("no_face", ("too_dark",) if dim else (), None, None)
    main = faces[0]
    if any(face.width >= config.background_ratio * main.width for face in faces[1:]):
        return ProbeVerdict("several_faces", (), None, None)
    quality = assess(rgb, main, config, min_face_px=config.min_probe_face_px)
    refused = [finding for finding in quality.findings if finding in HARD]
    if refused:
        return ProbeVerdict(refused[0], (), None, quality)
    background: tuple[Finding, ...] = ("others_in_background",) if len(faces) > 1 else ()
    return ProbeVerdict("ok", quality.findings + background, main, quality)


def assess(
    rgb: Rgb, face: Face, config: BiometricsConfig, *, min_face_px: int | None = None
) -> Quality:
    """Measure one face of a picture; the least width is the gallery's unless another is given."""
    picture = require_rgb(rgb, max_side=config.max_side, max_pixels=config.max_pixels)
    values = _measure(picture, face)
    smallest = config.min_face_px if min_face_px is None else min_face_px
    checks: tuple[tuple[Finding, bool], ...] = (
        ("face_too_small", values["face_width"] < smallest),
        ("too_dark", _is_dim(values, config)),
        ("too_bright", values["over_exposure"] > config.too_bright_above),
        ("low_contrast", values["dynamic_range"] < _LOW_CONTRAST),
        ("uneven_light", values["illumination_uniformity"] < config.uneven_below),
        ("blurred", values["sharpness"] < config.blurred_below),
        ("turned_away", abs(values["head_pose_yaw"]) > config.turned_away_above),
        ("head_up_or_down", abs(values["head_pose_pitch"]) > config.nodding_above),
        ("tilted", config.tilted_above < abs(values["head_pose_roll"]) <= _ON_ITS_SIDE),
        ("on_its_side", abs(values["head_pose_roll"]) > _ON_ITS_SIDE),
        ("cut_off", values["inside_picture"] < 0.9),
        ("partly_covered", _is_covered(values, config)),
    )
    findings = tuple(code for code, hit in checks if hit)
    components = _components(values)
    score = min(1.0, max(_LEAST_SCORE, math.prod(components.values())))
    usable = not HARD.intersection(findings)
    return Quality(values, findings, usable, components, score)


def _components(values: dict[str, float]) -> dict[str, float]:
    """Each value's place on its curve; a turn to either side counts alike."""
    worth = {}
    for name, curve in _CURVES.items():
        at, left = np.array(curve, dtype=np.float64).T
        worth[name] = float(np.interp(abs(values[name]), at, left))
    return worth


def _is_covered(values: dict[str, float], config: BiometricsConfig) -> bool:
    """Hardly any line where eyes or mouth have theirs: dark glasses, a mask, a scarf.

    Told from plain covers only; a hand or a patterned mask has lines of its own.
    """
    eyes = values["eyes_detail"] < config.eyes_covered_below
    return eyes or values["mouth_detail"] < config.mouth_covered_below


def _is_dim(values: dict[str, float], config: BiometricsConfig) -> bool:
    """Too little light, told from the scene and from highlights (eyes, skin), never from skin.

    The mean luminance of a face follows the colour of its skin: a limit on it would tell people
    with dark skin in good light that their picture is too dark.
    """
    dim_scene = values["scene_luminance"] < config.too_dark_below
    return dim_scene or values["highlights"] < config.no_highlights_below


def _measure(picture: Rgb, face: Face) -> dict[str, float]:
    crop = align(picture, face.landmarks)
    skin = _inner_face(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    yaw, pitch, roll = head_pose(face.landmarks)
    low, high, top = np.quantile(skin, [0.05, 0.95, 0.99])
    eyes = face.landmarks[1] - face.landmarks[0]
    return {
        "inter_eye_distance": float(np.hypot(eyes[0], eyes[1])),
        "face_width": float(face.width),
        "sharpness": _sharpness(skin),
        "luminance_mean": float(skin.mean()),
        "luminance_variance": float(skin.var()),
        "highlights": float(top),
        "scene_luminance": _scene_luminance(picture),
        "dynamic_range": float(high - low) / 255.0,
        "illumination_uniformity": _uniformity(skin),
        "eyes_detail": _detail(skin, _EYES),
        "mouth_detail": _detail(skin, _MOUTH),
        "under_exposure": float((skin <= _DARK_LEVEL).mean()),
        "over_exposure": float((skin >= _BRIGHT_LEVEL).mean()),
        "head_pose_yaw": yaw,
        "head_pose_pitch": pitch,
        "head_pose_roll": roll,
        "inside_picture": _share_inside(face, picture.shape),
        "detection_score": face.score,
    }


def head_pose(landmarks: NDArray[np.float32]) -> tuple[float, float, float]:
    """Estimated yaw, pitch and roll in degrees from five landmarks (5, 2).

    A generic head under weak perspective (the affine fit, then the nearest turn). As seen in the
    picture: yaw is positive with the nose to the right (the person's own left), pitch with the
    nose up, roll clockwise. Good to about 5 degrees up to 40: enough for a hint, not for more.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise BadPicture("expected five finite landmarks", code="bad_landmarks")
    flat = points - points.mean(axis=0)
    head = _HEAD - _HEAD.mean(axis=0)
    affine, *_ = np.linalg.lstsq(head, flat, rcond=None)
    first, second = affine[:, 0], affine[:, 1]
    length = (np.linalg.norm(first) + np.linalg.norm(second)) / 2
    if not np.isfinite(affine).all() or length < 1e-6:
        raise BadPicture("landmarks give no pose", code="bad_landmarks")
    rows = np.stack([first / length, second / length])
    u, _, vt = np.linalg.svd(rows, full_matrices=False)
    right, down = u @ vt
    away = np.cross(right, down)
    # The rows take head axes to picture axes; the nose points along the negative third column.
    yaw = np.degrees(np.arctan2(-right[2], away[2]))
    pitch = np.degrees(np.arcsin(np.clip(down[2], -1.0, 1.0)))
    roll = np.degrees(np.arctan2(-right[1], down[1]))
    return float(yaw), float(pitch), float(roll)


def _scene_luminance(picture: Rgb) -> float:
    """Mean grey of the picture; of a large one every n-th pixel says as much."""
    step = max(1, max(picture.shape[:2]) // 640)
    part = np.ascontiguousarray(picture[::step, ::step])
    return float(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).mean())


def _inner_face(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Forehead to chin without hair and background, from the aligned 112 x 112 crop."""
    return np.asarray(grey[20:104, 24:88], dtype=np.uint8)


def _uniformity(skin: NDArray[np.uint8]) -> float:
    """The darker half's median light over the lighter half's: a ratio knows no colour of skin."""
    middle = skin.shape[1] // 2
    halves = (float(np.median(skin[:, :middle])), float(np.median(skin[:, middle:])))
    return (min(halves) + 8.0) / (max(halves) + 8.0)


def _detail(skin: NDArray[np.uint8], rows: slice) -> float:
    """Lines across in some rows over those of the whole face: about 1 where nothing hides them."""
    smooth = cv2.GaussianBlur(skin, (3, 3), 0).astype(np.float64)
    steps = np.abs(np.diff(smooth, axis=0))
    return float(steps[rows].mean() / (steps.mean() + 0.2))


def _sharpness(skin: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian over the variance of the light, so that dim is not blurred."""
    smooth = cv2.GaussianBlur(skin, (3, 3), 0)
    edges = cv2.Laplacian(smooth, cv2.CV_64F)
    return float(edges.var() / (float(skin.var()) + 25.0))


def _share_inside(face: Face, shape: tuple[int, ...]) -> float:
    """Share of the aligned crop's landmarks box, widened as a face is, that the picture shows."""
    low, high = face.landmarks.min(axis=0), face.landmarks.max(axis=0)
    margin = (high - low) * 0.35
    low, high = low - margin, high + margin
    shown = np.minimum(high, [shape[1], shape[0]]) - np.maximum(low, 0)
    return float(np.prod(np.maximum(shown, 0)) / max(float(np.prod(high - low)), 1e-6))

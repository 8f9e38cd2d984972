"""What can be said about a face picture before it is compared, in words of ISO/IEC 29794-5.

The values carry the standard's names for what they estimate; they are estimates from five
landmarks and plain pixel statistics, not the output of a conforming implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    "blurred",
    "turned_away",
    "tilted",
    "cut_off",
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


@dataclass(frozen=True, slots=True)
class Quality:
    """Values by name, findings by code, and whether the face may be compared at all."""

    values: dict[str, float]
    findings: tuple[Finding, ...]
    usable: bool


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
    faces = find_faces(rgb, config)
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
        ("blurred", values["sharpness"] < config.blurred_below),
        ("turned_away", abs(values["head_pose_yaw"]) > config.turned_away_above),
        ("tilted", abs(values["head_pose_roll"]) > config.tilted_above),
        ("cut_off", values["inside_picture"] < 0.9),
    )
    findings = tuple(code for code, hit in checks if hit)
    return Quality(values, findings, usable=not HARD.intersection(findings))


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

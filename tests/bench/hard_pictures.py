"""Another picture of the same person, made from one portrait by a fixed recipe.

Only few people of the shared photographs have two pictures, and those are easy. The recipe turns
a portrait into what a press photographer might have caught: the head turned (a generic depth of a
face, weak perspective), another light, a smaller face, blur, noise, something in front of it, JPEG.
What it can't make: age, expression, make-up, another camera. Landmarks are never handed on: faces
are found again in the result, so the noise of the detector is real.
"""

from __future__ import annotations

import cv2
import numpy as np

# Unit: distance of the eyes. A face is about 2.2 of these wide.
_FACE_WIDTH = 2.2
_ROOM = 2.6


def another_picture(rgb: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB, made from a portrait and its five landmarks (5, 2) in pixels."""
    eyes = float(np.hypot(*(landmarks[1] - landmarks[0])))
    centre = landmarks.mean(axis=0)
    face = _FACE_WIDTH * eyes
    picture = _turned(rgb.astype(np.float32), centre, eyes, rng)
    picture = _lit(picture, centre, face, rng)
    picture = _something_in_front(picture, landmarks, eyes, rng)
    wanted = float(np.exp(rng.uniform(np.log(28), np.log(110))))
    picture = _cut_and_shrunk(picture, centre, face, min(1.0, wanted / face))
    wide = min(wanted, face)
    blur = wide * max(0.0, rng.normal(0.006, 0.008))
    if blur > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    picture = picture + rng.normal(0.0, abs(rng.normal(0.0, 5.0)), picture.shape)
    done, data = cv2.imencode(
        ".jpg",
        np.clip(picture[:, :, ::-1], 0, 255).astype(np.uint8),
        [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 93))],
    )
    assert done
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _turned(
    picture: np.ndarray, centre: np.ndarray, eyes: float, rng: np.random.Generator
) -> np.ndarray:
    """Yaw, pitch and roll of a generic face: a broad bulge with a nose on it.

    The map from the result back to the portrait is found by fixed-point steps; the slopes of the
    depth are so gentle that these converge up to 40 degrees.
    """
    yaw = np.radians(np.clip(rng.normal(0, 18), -38, 38))
    pitch = np.radians(np.clip(rng.normal(0, 8), -18, 18))
    roll = np.radians(np.clip(rng.normal(0, 8), -22, 22))
    rows, columns = np.indices(picture.shape[:2], dtype=np.float64)
    x, y = (columns - centre[0]) / eyes, (rows - centre[1]) / eyes
    x, y = np.cos(roll) * x + np.sin(roll) * y, -np.sin(roll) * x + np.cos(roll) * y
    from_x, from_y = x.copy(), y.copy()
    for _step in range(12):
        depth = 1.1 * np.exp(-0.5 * ((from_x / 0.95) ** 2 + (from_y / 1.3) ** 2))
        depth += 0.3 * np.exp(-0.5 * ((from_x / 0.2) ** 2 + ((from_y - 0.1) / 0.25) ** 2))
        from_x = x - depth * np.sin(yaw) + from_x * (1 - np.cos(yaw))
        from_y = y - depth * np.sin(pitch) + from_y * (1 - np.cos(pitch))
    return cv2.remap(
        picture,
        (from_x * eyes + centre[0]).astype(np.float32),
        (from_y * eyes + centre[1]).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _lit(
    picture: np.ndarray, centre: np.ndarray, face: float, rng: np.random.Generator
) -> np.ndarray:
    """Light from one side, another exposure and another colour of the light."""
    rows, columns = np.indices(picture.shape[:2], dtype=np.float64)
    angle = rng.uniform(0, 2 * np.pi)
    along = ((columns - centre[0]) * np.cos(angle) + (rows - centre[1]) * np.sin(angle)) / face
    side = np.clip(1 + rng.uniform(0, 1.1) * along, 0.25, 1.8)[:, :, None]
    colour = np.exp(rng.normal(0, 0.06, 3))
    gamma = float(np.exp(rng.normal(0, 0.28)))
    return 255.0 * np.clip(picture / 255.0 * side * colour, 0, 1) ** gamma


def _something_in_front(
    picture: np.ndarray, landmarks: np.ndarray, eyes: float, rng: np.random.Generator
) -> np.ndarray:
    """In one of four pictures: glasses, a microphone or hand, or a strip at one side."""
    if rng.random() > 0.25:
        return picture
    covered = picture.copy()
    tone = tuple(float(v) for v in rng.uniform(10, 190) * np.exp(rng.normal(0, 0.1, 3)))
    kind = int(rng.integers(3))
    if kind == 0:
        for eye in landmarks[:2]:
            axes = (round(0.42 * eyes), round(0.3 * eyes))
            spot = (round(float(eye[0])), round(float(eye[1])))
            dark = tuple(value * 0.3 for value in tone)
            cv2.ellipse(covered, spot, axes, 0, 0, 360, dark, -1 if rng.random() < 0.5 else 3)
    elif kind == 1:
        mouth = landmarks[3:].mean(axis=0) + rng.normal(0, 0.25, 2) * eyes
        spot = (round(float(mouth[0])), round(float(mouth[1] + 0.35 * eyes)))
        cv2.ellipse(covered, spot, (round(0.35 * eyes),) * 2, 0, 0, 360, tone, -1)
    else:
        side = 1 if rng.random() < 0.5 else -1
        edge = round(float(landmarks[2][0] + side * rng.uniform(0.6, 0.95) * eyes))
        far = covered.shape[1] if side > 0 else 0
        cv2.rectangle(covered, (edge, 0), (far, covered.shape[0]), tone, -1)
    return covered


def _cut_and_shrunk(
    picture: np.ndarray, centre: np.ndarray, face: float, factor: float
) -> np.ndarray:
    """The neighbourhood of the face, at its new size, on a ground where the portrait ends."""
    half = _ROOM * face / 2
    size = max(24, round(2 * half * factor))
    scale = size / (2 * half)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shift = np.array([[1, 0, size / 2 - centre[0] * scale], [0, 1, size / 2 - centre[1] * scale]])
    return cv2.warpAffine(small, shift, (size, size), borderMode=cv2.BORDER_REPLICATE)

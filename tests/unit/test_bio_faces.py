"""Alignment, cropping, covering and pose on drawn arrays; no weights, no photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biometrics.config import BiometricsConfig
from biometrics.crops import crop_face
from biometrics.errors import BadPicture, DetectorFailed
from biometrics.faces import (
    TEMPLATE,
    Face,
    align,
    find_faces,
    shared_area,
    similarity,
    tilt,
    union_share,
)
from biometrics.quality import head_pose
from biometrics.redaction import GREY, cover, covered_area


def turned(
    points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]
) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (scale * points @ turn.T + shift).astype(np.float32)


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("degrees", [-170, -30, 0, 12, 90])
@pytest.mark.parametrize("scale", [0.2, 1.0, 9.0])
def test_the_similarity_transform_undoes_any_turn_scale_and_shift(
    degrees: float, scale: float
) -> None:
    points = turned(TEMPLATE, degrees, scale, (400.0, 300.0)).astype(np.float64)
    matrix = similarity(points, TEMPLATE)
    back = points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - TEMPLATE).max() < 1e-3


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 12.0])
def test_alignment_brings_the_landmarks_to_the_template(scale: float) -> None:
    """A white dot on each landmark must lie on the template's place, also in large pictures."""
    points = turned(TEMPLATE, 14, scale, (150.0 * scale, 60.0 * scale))
    side = int(330 * scale)
    y, x = np.mgrid[0:side, 0:side]
    picture = np.full((side, side, 3), 20, np.uint8)
    for px, py in points:
        picture[(x - px) ** 2 + (y - py) ** 2 <= (3 * scale) ** 2] = 250
    crop = align(picture, points)
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    for px, py in TEMPLATE:
        part = crop[int(py) - 5 : int(py) + 7, int(px) - 5 : int(px) + 7, 0].astype(float) - 20
        rows, columns = np.mgrid[0:12, 0:12]
        centre = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
        assert np.abs(centre + [int(px) - 5, int(py) - 5] - [px, py]).max() < 0.6


@settings(max_examples=60, deadline=None)
@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.6, 6.0),
    shift=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
)
def test_a_turned_scaled_or_shifted_picture_gives_nearly_the_same_crop(
    degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 255, (26, 26, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (260, 260), interpolation=cv2.INTER_CUBIC)
    points = (TEMPLATE + 70).astype(np.float32)
    side = int(480 * scale)
    matrix = cv2.getRotationMatrix2D((130, 130), -degrees, scale)
    matrix[:, 2] += side / 2 - 130 + np.array(shift)
    moved = np.asarray(cv2.warpAffine(picture, matrix, (side, side)), np.uint8)
    there = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    before, after = align(picture, points), align(moved, there)
    assert np.abs(before.astype(int) - after).mean() < 3.0
    # The canary: one pixel beside it is another crop.
    assert np.abs(before.astype(int) - align(picture, points + 1)).mean() > 3.0


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 7.0, np.float32),
        np.full((5, 2), np.nan, np.float32),
        np.zeros((4, 2), np.float32),
        TEMPLATE.astype(np.float32) * 20 + 90_000,
    ],
)
def test_landmarks_that_are_no_face_are_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(BadPicture):
        align(noise(200, 200), landmarks)


@pytest.mark.parametrize(
    ("array", "code"),
    [
        (np.zeros((50, 50), np.uint8), "not_rgb"),
        (np.zeros((50, 50, 4), np.uint8), "not_rgb"),
        (np.zeros((50, 50, 3), np.float32), "not_uint8"),
        (np.full((50, 50, 3), np.nan), "not_uint8"),
        (np.zeros((50, 50, 3), np.uint16), "not_uint8"),
        ([[[0, 0, 0]] * 50] * 50, "not_uint8"),
        (None, "not_uint8"),
        (np.zeros((2, 50, 50, 3), np.uint8), "not_rgb"),
        (np.broadcast_to(np.zeros(3, np.uint8), (8000, 8000, 3)), "picture_too_large"),
        (np.zeros((0, 50, 3), np.uint8), "picture_too_small"),
        (np.zeros((4, 50, 3), np.uint8), "picture_too_small"),
        (np.zeros((40, 20_000, 3), np.uint8), "picture_too_large"),
    ],
)
def test_arrays_that_are_no_picture_never_reach_native_code(
    array: np.ndarray, code: str, tmp_path: Path
) -> None:
    with pytest.raises(BadPicture) as refused:
        find_faces(array, BiometricsConfig(home=tmp_path))
    assert refused.value.code == code


def test_missing_weights_are_an_error_by_name(tmp_path: Path) -> None:
    with pytest.raises(DetectorFailed) as failed:
        find_faces(noise(64, 64), BiometricsConfig(home=tmp_path))
    assert failed.value.code == "weights_missing"


@pytest.mark.parametrize(
    ("degrees", "expected"), [(0, 0), (20, 20), (-20, -20)], ids=["upright", "right", "left"]
)
def test_roll_follows_the_turn_of_the_picture(degrees: float, expected: float) -> None:
    _, _, roll = head_pose(turned(TEMPLATE, degrees, 2.0, (100, 100)))
    assert roll == pytest.approx(expected, abs=2)


def test_yaw_is_positive_with_the_nose_to_the_right() -> None:
    moved = TEMPLATE.copy()
    moved[2, 0] += 8
    assert head_pose(moved.astype(np.float32))[0] > 8
    moved[2, 0] -= 16
    assert head_pose(moved.astype(np.float32))[0] < -8


@pytest.mark.parametrize(
    "landmarks",
    [np.full((5, 2), np.nan), np.full((5, 2), np.inf), np.zeros((4, 2)), np.zeros((5, 2))],
)
def test_a_pose_of_landmarks_that_are_none_is_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(BadPicture) as refused:
        head_pose(landmarks.astype(np.float32))
    assert refused.value.code == "bad_landmarks"


@pytest.mark.parametrize("degrees", [-170, -90, -30, 0, 45, 90, 135])
def test_the_tilt_is_the_angle_the_face_was_turned_by(degrees: float) -> None:
    upright = tilt(TEMPLATE.astype(np.float32))
    assert abs(upright) < 2
    seen = tilt(turned(TEMPLATE, degrees, 2.0, (100, 100)))
    assert abs((seen - upright - degrees + 180) % 360 - 180) < 0.1


def test_shared_areas_of_boxes() -> None:
    assert shared_area((0, 0, 10, 10), (5, 5, 10, 10)) == 25
    assert shared_area((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert union_share((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert union_share((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert union_share((0, 0, 10, 10), (50, 0, 10, 10)) == 0.0


def face_at(x: int, y: int, w: int, h: int) -> Face:
    return Face(box=(x, y, w, h), landmarks=TEMPLATE.astype(np.float32), score=0.9)


@pytest.mark.parametrize("box", [(50, 60, 20, 30), (0, 0, 20, 30), (90, 90, 20, 30)])
def test_a_crop_is_a_copy_inside_the_picture(box: tuple[int, int, int, int]) -> None:
    picture = noise(100, 100)
    crop = crop_face(picture, face_at(*box))
    assert min(crop.shape[:2]) >= 10
    crop[:] = 0
    assert picture.all()


def test_a_crop_outside_the_picture_or_with_an_odd_margin_is_refused() -> None:
    with pytest.raises(BadPicture):
        crop_face(noise(100, 100), face_at(400, 400, 10, 10))
    for margin in (-0.1, float("nan"), 9.0):
        with pytest.raises(BadPicture):
            crop_face(noise(100, 100), face_at(10, 10, 10, 10), margin)


def test_covering_burns_one_solid_grey_into_a_copy() -> None:
    picture = noise(200, 160)
    box = (60, 50, 40, 50)
    covered = cover(picture, [box])
    left, top, right, bottom = covered_area(box, picture.shape)
    assert left < 60
    assert top < 50
    assert right > 100
    assert bottom > 100
    assert (covered[top:bottom, left:right] == GREY).all()
    outside = np.ones(picture.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert (covered[outside] == picture[outside]).all()
    assert (picture[55, 65] != GREY).any()


def test_covering_at_the_edge_stays_inside() -> None:
    for box in ((-10, -10, 30, 30), (190, 150, 40, 40), (500, 500, 10, 10)):
        assert cover(noise(200, 160), [box]).shape == (160, 200, 3)


def test_a_kept_box_stays_as_it_was_and_the_cover_ends_there() -> None:
    picture = noise(200, 160)
    covered = cover(picture, [(60, 50, 40, 50)], keep=[(20, 40, 40, 70)])
    assert (covered[40:110, 20:60] == picture[40:110, 20:60]).all()
    left, top, right, bottom = covered_area((60, 50, 40, 50), picture.shape)
    assert left < 60  # the canary: without it the cover would reach into the box
    assert (covered[top:bottom, 60:right] == GREY).all()
    assert (covered[top:40, left:right] == GREY).all()


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (0, 0, 10, -1), (0, 0, 10), (0, 0, np.nan, 10)])
def test_a_box_that_is_none_covers_nothing_silently(box: Any) -> None:
    with pytest.raises(BadPicture) as refused:
        cover(noise(50, 50), [box])
    assert refused.value.code == "bad_box"

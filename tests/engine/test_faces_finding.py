"""Faces in odd pictures: turned, tilted, tiny in large scenes, of any size, from threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from biometrics import faces
from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.errors import BadPicture
from biometrics.faces import Face, align, find_faces, shared_area
from biometrics.pipeline import Pipeline
from biometrics.quality import assess, judge_probe
from tests.support.crowd import crowd

PEOPLE = Path(__file__).resolve().parents[2] / "fixtures" / "people"
NAMES = ("mina", "tomas", "kofi", "priya", "henk", "jun")
# Of a picture of 50 megapixels (150 MB) with tiles and turns; the libraries take about 100 MB.
MOST_MEMORY_MB = 700


@pytest.fixture(scope="module")
def config(weights_home: Path) -> BiometricsConfig:
    return BiometricsConfig(home=weights_home)


@pytest.fixture(scope="module")
def pipeline(config: BiometricsConfig) -> Pipeline:
    return Pipeline(Engine(config))


@pytest.fixture(scope="module")
def photos() -> dict[str, np.ndarray]:
    return {name: read(PEOPLE / "photos" / f"{name}.jpg") for name in NAMES}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The size of everything the detector is shown."""
    shown: list[tuple[int, ...]] = []
    detect: Callable[..., Any] = faces._detect

    def counted(bgr: np.ndarray, config: BiometricsConfig) -> Any:
        shown.append(bgr.shape)
        return detect(bgr, config)

    monkeypatch.setattr(faces, "_detect", counted)
    return shown


def read(path: Path) -> np.ndarray:
    bgr = cv2.imread(str(path))
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])


def likeness(pipeline: Pipeline, one: np.ndarray, a: Face, two: np.ndarray, b: Face) -> float:
    first, second = pipeline.templates([align(one, a.landmarks), align(two, b.landmarks)])
    return float(first @ second)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_on_its_side_or_upside_down_gives_the_same_face(
    quarters: int, config: BiometricsConfig, pipeline: Pipeline, photos: dict[str, np.ndarray]
) -> None:
    """The upright look alone loses them, or finds landmarks that belong to nobody: the canary."""
    lost = 0
    for name, rgb in photos.items():
        (upright,) = find_faces(rgb, config)
        turned = np.ascontiguousarray(np.rot90(rgb, quarters))
        (found,) = find_faces(turned, config)
        assert likeness(pipeline, rgb, upright, turned, found) > 0.85, name
        x, y, w, h = found.box
        assert 0 <= x < x + w <= turned.shape[1]
        assert 0 <= y < y + h <= turned.shape[0]
        assert (np.abs(found.landmarks - [x + w / 2, y + h / 2]) < [w, h]).all()
        roll = assess(turned, found, config).values["head_pose_roll"]
        expected = (faces.tilt(upright.landmarks) - 90 * quarters + 180) % 360 - 180
        assert abs((roll - expected + 180) % 360 - 180) < 15, (name, roll)
        never = find_faces(turned, config, turns="never")
        lost += not never or likeness(pipeline, rgb, upright, turned, never[0]) < 0.7
    assert quarters == 2 or lost >= len(photos) / 3


@pytest.mark.parametrize("degrees", [-45, 30, 45])
def test_a_tilted_head_is_looked_at_again_upright(
    degrees: int, config: BiometricsConfig, pipeline: Pipeline, photos: dict[str, np.ndarray]
) -> None:
    for name, rgb in photos.items():
        (upright,) = find_faces(rgb, config)
        side = int(1.4 * max(rgb.shape[:2]))
        matrix = cv2.getRotationMatrix2D((rgb.shape[1] / 2, rgb.shape[0] / 2), -degrees, 1.0)
        matrix[:, 2] += [(side - rgb.shape[1]) / 2, (side - rgb.shape[0]) / 2]
        turned = cv2.warpAffine(rgb, matrix, (side, side), borderValue=(190, 190, 190))
        found = find_faces(np.asarray(turned, np.uint8), config)[0]
        assert likeness(pipeline, rgb, upright, turned, found) > 0.7, name


def test_turning_costs_only_where_no_surely_upright_face_was_found(
    config: BiometricsConfig, photos: dict[str, np.ndarray], looks: list[tuple[int, ...]]
) -> None:
    find_faces(photos["mina"], config)
    upright = len(looks)
    assert upright == 1
    find_faces(np.full((600, 480, 3), 120, np.uint8), config)
    assert len(looks) - upright == 4


def scene(photos: dict[str, np.ndarray], config: BiometricsConfig, width: int) -> tuple[Any, Any]:
    """A large picture with small faces, some where tiles meet; the boxes they should have."""
    rng = np.random.default_rng(3)
    picture = np.full((3072, 4096, 3), 128, np.uint8)
    picture += rng.integers(0, 9, picture.shape, dtype=np.uint8)
    truth = []
    places = [(x, y) for x in (60, 1180, 1500, 2200, 3300, 3900) for y in (70, 1000, 1210, 2700)]
    for number, (x, y) in enumerate(places):
        rgb = photos[NAMES[number % len(NAMES)]]
        (face,) = find_faces(rgb, config)
        factor = width / face.width
        small = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
        left, top, wide, high = (value * factor for value in face.box)
        truth.append((round(x + left), round(y + top), round(wide), round(high)))
    return picture, truth


def test_tiles_find_small_faces_of_large_pictures_each_once(
    config: BiometricsConfig, photos: dict[str, np.ndarray]
) -> None:
    picture, truth = scene(photos, config, 30)
    found = find_faces(picture, config, smallest=30)
    seen = [box for box in truth if any(shared_area(box, f.box) > 0 for f in found)]
    assert len(seen) >= 0.95 * len(truth)
    for box in truth:
        assert sum(shared_area(box, f.box) > 0.3 * box[2] * box[3] for f in found) <= 1
    # The canary: without tiles (a face of 400 pixels needs none) most of them are lost.
    assert len(find_faces(picture, config, smallest=400)) < 0.8 * len(seen)
    picture, truth = scene(photos, config, 20)
    covering = find_faces(picture, config, smallest=20)
    assert len(covering) >= 0.9 * len(truth)


def test_small_faces_of_a_large_picture_on_its_side_are_found_where_all_turns_are_asked_for(
    config: BiometricsConfig, photos: dict[str, np.ndarray]
) -> None:
    """X-14: what is covered is looked for in tiles that are turned, too."""
    picture, upright = scene(photos, config, 24)
    turned = np.ascontiguousarray(np.rot90(picture))
    truth = [(y, picture.shape[1] - x - w, h, w) for x, y, w, h in upright]

    def share(found: list[Face]) -> float:
        return sum(any(shared_area(b, f.box) > 0 for f in found) for b in truth) / len(truth)

    assert share(find_faces(turned, config, turns="always", smallest=24)) >= 0.9
    # The canary: tiles as they are lose many of them.
    assert share(find_faces(turned, config, turns="never", smallest=24)) < 0.8


def test_a_dense_crowd_is_bounded_by_its_looks_and_nobody_of_it_is_forgotten(
    config: BiometricsConfig, pipeline: Pipeline, looks: list[tuple[int, ...]]
) -> None:
    """So many of the largest are looked at by themselves; who is not is counted (R15)."""
    assert config.max_faces == 300
    picture = crowd(18, 19, wide=130, high=163)
    found = find_faces(picture, config)
    wide = [face for face in found if face.width >= config.min_face_px]
    assert len(wide) == 18 * 19
    finding = len(looks)
    by_themselves = {}
    for most in (40, 80):
        looks.clear()
        seen = Pipeline(Engine(replace(config, max_faces=most))).look(picture)
        assert (len(seen.faces), seen.left_out) == (most, 18 * 19 - most)
        assert [one.face.box for one in seen.faces] == [face.box for face in wide[:most]]
        by_themselves[most] = len(looks) - finding
    assert 0 < by_themselves[40] <= 2 * 40 * 1.2
    # The canary: looks are counted, for with twice the faces there are about twice as many.
    assert by_themselves[80] >= by_themselves[40] + 70


def test_a_turned_tile_knows_at_which_of_its_edges_the_picture_goes_on() -> None:
    bgr = np.zeros((20, 30, 3), np.uint8)
    view = faces._View(bgr, np.eye(2, 3), (True, False, False, True))
    assert faces._turned(view, 1).edges == (False, False, True, True)
    assert faces._turned(view, 2).edges == (False, True, True, False)
    assert faces._turned(view, 3).edges == (True, True, False, False)


@pytest.mark.parametrize("longest", [900, 1300, 1700, 2400])
def test_a_whole_picture_is_shown_no_larger_than_its_smallest_faces_need(
    longest: int, config: BiometricsConfig, looks: list[tuple[int, ...]]
) -> None:
    find_faces(np.zeros((600, longest, 3), np.uint8), config, turns="never", smallest=40)
    sides = [max(size[:2]) for size in looks]
    assert sides == [640] + [min(1280, longest * 6 // 10)] * (longest > 1340)


@pytest.mark.parametrize("shape", [(5770, 8660), (3050, 16_380)])
def test_the_number_of_looks_is_bounded_for_the_largest_pictures(
    shape: tuple[int, int], config: BiometricsConfig, looks: list[tuple[int, ...]]
) -> None:
    find_faces(np.zeros((*shape, 3), np.uint8), config, turns="always", smallest=8)
    assert len(looks) <= (len(config.detection_sides) + config.max_tiles) * 4
    assert max(max(size[:2]) for size in looks) <= 1280


def test_a_picture_over_the_limit_never_reaches_the_detector(
    config: BiometricsConfig, looks: list[tuple[int, ...]]
) -> None:
    too_many = np.broadcast_to(np.zeros(3, np.uint8), (7072, 7072, 3))
    for call in (find_faces, judge_probe):
        with pytest.raises(BadPicture) as refused:
            call(too_many, config)
        assert refused.value.code == "picture_too_large"
    assert looks == []


def test_four_threads_find_what_one_finds(
    config: BiometricsConfig, photos: dict[str, np.ndarray]
) -> None:
    """They share one detector (biometrics/yunet.py)."""
    pictures = [*photos.values(), read(PEOPLE / "gallery" / "office-five.jpg")]
    alone = [find_faces(rgb, config) for rgb in pictures]
    assert max(map(len, alone)) == 5
    together: dict[int, list[list[Face]]] = {}

    def work(number: int) -> None:
        for _ in range(2):
            together[number] = [find_faces(rgb, config) for rgb in pictures]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(together) == [0, 1, 2, 3]
    for result in together.values():
        for mine, theirs in zip(alone, result, strict=True):
            assert [face.box for face in mine] == [face.box for face in theirs]
            for one, two in zip(mine, theirs, strict=True):
                assert np.array_equal(one.landmarks, two.landmarks)


def test_memory_stays_bounded_for_fifty_megapixels(weights_home: Path) -> None:
    code = (
        "import re, sys, pathlib, numpy as np\n"
        "from biometrics.config import BiometricsConfig\n"
        "from biometrics.faces import find_faces\n"
        "rgb = np.full((5770, 8660, 3), 90, np.uint8)\n"
        "config = BiometricsConfig(home=pathlib.Path(sys.argv[1]))\n"
        "find_faces(rgb, config, turns='always', smallest=20)\n"
        # Of this program alone: what getrusage tells begins with the size of who started it.
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(weights_home)],
        cwd=PEOPLE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    peak = int(done.stdout)
    assert 150 < peak < MOST_MEMORY_MB


def test_a_picture_drawn_to_be_full_of_faces_is_refused_and_not_half_searched() -> None:
    """R15: a bound that left faces out unseen would make the count of those left out too small."""
    points = np.zeros((5, 2), dtype=np.float32)

    def drawn(count: int) -> list[Any]:
        return [
            faces._Seen(Face((at * 20, 0, 10, 10), points, 0.9), worth=1 - at / 100_000)
            for at in range(count)
        ]

    assert len(faces._merged(drawn(6_000))) == 6_000
    twice = drawn(300) + [faces._Seen(Face((1, 0, 10, 10), points, 0.8), worth=0.5)]
    assert len(faces._merged(twice)) == 300
    inside = [*drawn(2), faces._Seen(Face((0, 0, 40, 40), points, 0.7), worth=0.1)]
    assert [face.box for face in faces._merged(inside)] == [(0, 0, 40, 40)]
    with pytest.raises(BadPicture) as told:
        faces._merged(drawn(faces._MOST_SEEN + 1))
    assert told.value.code == "too_many_faces"

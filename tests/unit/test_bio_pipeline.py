"""The one way from pixels to templates, with an engine that only counts light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biometrics import pipeline as module
from biometrics import views
from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture
from biometrics.faces import TEMPLATE, Face, align
from biometrics.pipeline import Pipeline
from biometrics.templates import DIMENSION, MEAN_FACE, turn_from_secret
from biometrics.views import steady_landmarks

CONFIG = BiometricsConfig(home=Path("nowhere"))


class Columns:
    """An engine whose numbers are the brightness of places in the crop: left is not right."""

    config = CONFIG

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        self.calls.append(len(crops))
        return np.stack([crop.reshape(-1)[::294][:DIMENSION] + 1.0 for crop in crops]).astype(
            np.float32
        )


def crop(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (112, 112, 3), dtype=np.uint8)


def picture(size: int = 300) -> np.ndarray:
    rows, columns = np.indices((size, size))
    return np.stack([rows % 251, columns % 241, (rows + columns) % 239], axis=2).astype(np.uint8)


def a_face(shift: float = 0.0) -> Face:
    landmarks = (TEMPLATE + 90 + shift).astype(np.float32)
    return Face((95, 95, 100, 110), landmarks, 0.9)


def test_the_template_is_the_embedding_with_the_mean_face_off_and_turned() -> None:
    engine, turn = Columns(), turn_from_secret(b"k" * 32)
    crops = [crop(1), crop(2), crop(3)]
    rows = Pipeline(engine, turn).templates(crops)
    assert engine.calls == [3]
    assert (rows.shape, rows.dtype) == ((3, DIMENSION), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-6)
    straight = engine.embed([crops[1]])[0].astype(np.float64)
    centred = straight / np.linalg.norm(straight) - MEAN_FACE
    expected = centred / np.linalg.norm(centred)
    assert rows[1] == pytest.approx(turn @ expected, abs=1e-5)
    assert Pipeline(engine).templates(crops)[1] == pytest.approx(expected, abs=1e-5)


def test_no_crop_asks_no_engine() -> None:
    engine = Columns()
    assert Pipeline(engine).templates([]).shape == (0, DIMENSION)
    assert engine.calls == []


def test_faces_too_small_or_black_or_impossible_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = a_face()
    narrow = Face((95, 95, 30, 40), good.landmarks, 0.9)
    one_spot = Face((95, 95, 100, 110), np.full((5, 2), 100, np.float32), 0.9)
    monkeypatch.setattr(module, "find_faces", lambda _rgb, _config, **_: [good, one_spot, narrow])
    monkeypatch.setattr(views, "find_faces", lambda _rgb, _config, **_: [])
    pipeline = Pipeline(Columns())
    (seen,) = pipeline.faces(picture())
    assert seen.face is good
    assert seen.crop.shape == (112, 112, 3)
    assert seen.quality.usable
    assert [one.face for one in pipeline.faces(picture(), min_width=20)] == [good, narrow]
    assert pipeline.faces(np.zeros((300, 300, 3), np.uint8)) == []


def test_of_a_crowd_the_largest_are_looked_at_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call is bounded by its looks, not by who sends the picture; a face that fails is no excuse
    to look at a further one."""
    good = a_face()
    one_spot = Face((95, 95, 100, 110), np.full((5, 2), 100, np.float32), 0.9)
    narrow = Face((95, 95, 30, 40), good.landmarks, 0.9)
    crowd = [good] * 4 + [one_spot] + [good] * 7 + [narrow] * 3
    looks: list[int] = []
    monkeypatch.setattr(module, "find_faces", lambda _rgb, _config, **_: crowd)
    monkeypatch.setattr(views, "find_faces", lambda _rgb, _config, **_: looks.append(1) or [])
    engine = Columns()
    for most, faces, left_out in ((5, 4, 7), (12, 11, 0), (300, 11, 0)):
        engine.config = replace(CONFIG, max_faces=most)
        looks.clear()
        seen = Pipeline(engine).look(picture())
        assert (len(seen.faces), seen.left_out) == (faces, left_out)
        assert len(looks) == 2 * min(most, 12)


def test_landmarks_are_the_mean_of_the_looks_and_the_mirror_is_turned_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each further look is off by two pixels of the part, upright to the right and in the mirror
    to its own right, which is left: the mean lies where the face is."""
    face = a_face()

    def look(part: np.ndarray, _config: BiometricsConfig, **_: str) -> list[Face]:
        factor = views.LOOK_WIDTH / face.width
        room = 55
        points = (face.landmarks - [95 - room, 95 - room] + 0.5) * factor - 0.5
        if looks:
            points[:, 0] = part.shape[1] - 1 - points[:, 0]
            points = points[[1, 0, 2, 4, 3]]
        looks.append(1)
        return [Face((0, 0, 9, 9), (points + [2.0, 0.0]).astype(np.float32), 0.9)]

    looks: list[int] = []
    monkeypatch.setattr(views, "find_faces", look)
    steady = steady_landmarks(picture(), face, CONFIG)
    assert len(looks) == 2
    assert steady == pytest.approx(face.landmarks, abs=0.6)
    assert steady.dtype == np.float32


def test_a_look_at_another_face_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    face = a_face()
    elsewhere = Face((0, 0, 9, 9), np.full((5, 2), 400, np.float32), 0.9)
    for answer in ([elsewhere], []):
        monkeypatch.setattr(views, "find_faces", lambda _part, _config, answer=answer, **_: answer)
        assert steady_landmarks(picture(), face, CONFIG) == pytest.approx(face.landmarks, abs=1e-4)


@pytest.mark.parametrize("angle", [30, 90, -135])
def test_a_tilted_head_is_looked_at_upright(angle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector knows upright heads; what it finds there is brought back to the picture."""
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = TEMPLATE.mean(axis=0)
    landmarks = ((TEMPLATE - centre) @ matrix.T + [150, 150]).astype(np.float32)
    face = Face((95, 95, 110, 110), landmarks, 0.9)
    parts: list[np.ndarray] = []

    def look(part: np.ndarray, _config: BiometricsConfig, **_: str) -> list[Face]:
        parts.append(part)
        # Upright, of the size asked for, in the middle: where the tilted face was brought.
        scale = views.LOOK_WIDTH / 110
        middle = (np.array(part.shape[1::-1]) - 1) / 2
        points = (TEMPLATE - centre) * scale + middle
        return [Face((0, 0, 9, 9), points.astype(np.float32), 0.9)]

    monkeypatch.setattr(views, "find_faces", look)
    steady = steady_landmarks(picture(), face, CONFIG)
    assert len(parts) == 2
    assert np.abs(steady - landmarks).max() < 4


def test_landmarks_that_are_no_numbers_are_refused() -> None:
    face = Face((95, 95, 100, 110), np.full((5, 2), np.nan, np.float32), 0.9)
    with pytest.raises(BadPicture):
        steady_landmarks(picture(), face, CONFIG)
    with pytest.raises(BadPicture):
        align(picture(), face.landmarks)

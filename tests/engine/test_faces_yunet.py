"""The detector's numbers are those of OpenCV's runner of the same file, from any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import DetectorFailed
from biometrics.yunet import Detector

PEOPLE = Path(__file__).resolve().parents[2] / "fixtures" / "people"
PIXELS, SCORE = 0.05, 1e-4
"""What a few last bits of a float32 may become: pixels of a place, and of the score."""


@pytest.fixture(scope="module")
def config(weights_home: Path) -> BiometricsConfig:
    return BiometricsConfig(home=weights_home)


@pytest.fixture(scope="module")
def detector(config: BiometricsConfig) -> Detector:
    return Detector(config.detector_file, config.detector_score, config.detector_overlap)


def by_opencv(config: BiometricsConfig, bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
    size = (bgr.shape[1], bgr.shape[0])
    runner = cv2.FaceDetectorYN.create(
        str(config.detector_file), "", size, config.detector_score, config.detector_overlap, 5000
    )
    _, rows = runner.detect(bgr)
    return np.empty((0, 15)) if rows is None else np.asarray(rows, dtype=np.float64)


def shown(path: Path, longest: int) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(path))
    factor = longest / max(bgr.shape[:2])
    size = (round(bgr.shape[1] * factor), round(bgr.shape[0] * factor))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def require_equal(found: NDArray[np.float64], known: NDArray[np.float64]) -> None:
    assert found.shape == known.shape
    # Scores that differ in their last bits may stand in another order.
    found, known = (rows[np.lexsort((rows[:, 1], rows[:, 0]))] for rows in (found, known))
    np.testing.assert_allclose(found[:, :14], known[:, :14], atol=PIXELS)
    np.testing.assert_allclose(found[:, 14], known[:, 14], atol=SCORE)


def test_rendered_people_in_several_sizes(config: BiometricsConfig, detector: Detector) -> None:
    faces = 0
    for path in sorted((PEOPLE / "photos").glob("*.jpg")):
        # Sides that are no multiple of 32 are padded, and an odd one as well.
        for longest in (97, 320, 643):
            bgr = shown(path, longest)
            found = detector.detect(bgr)
            require_equal(found, by_opencv(config, bgr))
            faces += len(found)
    assert faces >= 18


def test_photographs(shared_faces: Path, config: BiometricsConfig, detector: Detector) -> None:
    faces = 0
    for path in sorted(shared_faces.rglob("*.jpg"))[::7]:
        bgr = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        found = detector.detect(bgr)
        require_equal(found, by_opencv(config, bgr))
        faces += len(found)
    assert faces >= 10


def test_a_crowd_with_doubles_to_put_away(config: BiometricsConfig, detector: Detector) -> None:
    faces = [shown(path, 160) for path in sorted((PEOPLE / "photos").glob("*.jpg"))[:12]]
    tiles = [cv2.resize(face, (120, 160)) for face in faces]
    rows = [np.hstack(tiles[first : first + 6]) for first in range(0, len(tiles) - 5, 6)]
    crowd = np.ascontiguousarray(np.vstack(rows), dtype=np.uint8)
    found = detector.detect(crowd)
    assert len(found) >= 6
    assert (np.diff(found[:, 14]) <= 0).all()
    require_equal(found, by_opencv(config, crowd))


def test_a_picture_without_a_face(config: BiometricsConfig, detector: Detector) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert detector.detect(noise).shape == (0, 15)
    assert by_opencv(config, noise).shape == (0, 15)


def test_threads_share_one_detector(detector: Detector) -> None:
    """With OpenCV's runner this ended the process."""
    pictures = [
        shown(path, longest)
        for path in sorted((PEOPLE / "photos").glob("*.jpg"))[:6]
        for longest in (200, 330)
    ]
    alone = [detector.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(detector.detect, pictures * 5))
    for number, rows in enumerate(together):
        np.testing.assert_array_equal(rows, alone[number % len(pictures)])


def test_a_file_that_is_another_network_is_refused(
    config: BiometricsConfig, tmp_path: Path
) -> None:
    with pytest.raises(DetectorFailed, match="is not YuNet"):
        Detector(config.embedder_file, 0.7, 0.3)
    broken = tmp_path / "yunet.onnx"
    broken.write_bytes(b"\xff\xff\xff\xff no network")
    with pytest.raises(DetectorFailed, match="no ONNX file"):
        Detector(broken, 0.7, 0.3)
    with pytest.raises(DetectorFailed, match="missing") as told:
        Detector(tmp_path / "none.onnx", 0.7, 0.3)
    assert told.value.code == "weights_missing"


def test_a_graph_with_weights_as_they_are_is_taken_too(
    config: BiometricsConfig, detector: Detector, tmp_path: Path
) -> None:
    """The published file stores plain numbers: nothing is left to multiply out."""
    from biometrics.yunet import made_ready

    plain = tmp_path / "plain.onnx"
    plain.write_bytes(made_ready(config.detector_file))
    assert not [n for n in onnx.load(str(plain)).graph.node if n.op_type == "DequantizeLinear"]
    bgr = shown(sorted((PEOPLE / "photos").glob("*.jpg"))[0], 320)
    again = Detector(plain, config.detector_score, config.detector_overlap)
    np.testing.assert_array_equal(again.detect(bgr), detector.detect(bgr))

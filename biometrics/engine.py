"""Embedding faces with DeepFace, offline, one caller at a time, checked before first use."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics import templates, weights
from biometrics.config import EMBEDDER_FILE, BiometricsConfig
from biometrics.errors import BadPicture, EngineFailed
from biometrics.faces import ALIGNMENT_VERSION, CROP_SIDE
from biometrics.identity import ModelId
from biometrics.pictures import Rgb

MODEL_NAME: Final = "SFace"
DIMENSION: Final = 128

_BATCH = 64

# DeepFace builds its models without a lock of its own, so two first calls would load twice;
# one lock for the process also keeps its caches with one caller at a time.
_deepface_lock = threading.Lock()


class Engine:
    """Embeds aligned crops with DeepFace's SFace.

    Nothing is imported or loaded before ``start`` (called by the first ``embed``): processes
    that never embed stay small, and a forked worker loads its own copy.
    """

    def __init__(self, config: BiometricsConfig) -> None:
        self._config = config
        self._deepface: Any = None
        self._model_id: ModelId | None = None
        self._starting = threading.Lock()

    @property
    def config(self) -> BiometricsConfig:
        """The settings this engine was made with."""
        return self._config

    @property
    def model_id(self) -> ModelId:
        """Identity of the templates that come from this engine; reads and hashes the weights."""
        if self._model_id is None:
            self._model_id = model_id_of(self._config)
        return self._model_id

    def start(self) -> None:
        """Check the weights, load DeepFace and the network, compare with a known answer.

        Raises weights.WeightsMissing or WeightsDamaged for the files, EngineFailed otherwise.
        """
        with self._starting:
            if self._deepface is not None:
                return
            self._model_id = _model_id(weights.check(self._config.home))
            _tell_deepface(self._config.home)
            try:
                deepface = importlib.import_module("deepface.DeepFace")
            except ImportError as error:
                raise EngineFailed(f"DeepFace can't be imported: {error}") from error
            weights.forbid_downloads()
            _self_test(deepface)
            self._deepface = deepface

    def embed(self, crops: Sequence[Rgb]) -> NDArray[np.float32]:
        """Embeddings, float32 (n, 128), of n aligned crops, each uint8 RGB (112, 112, 3).

        Not of unit length (see templates.to_template). Raises BadPicture for a wrong or blank
        crop and EngineFailed for anything the network must not answer.
        """
        for crop in crops:
            _require_crop(crop)
        if not crops:
            return np.empty((0, DIMENSION), dtype=np.float32)
        self.start()
        parts = [
            _represent(self._deepface, crops[first : first + _BATCH])
            for first in range(0, len(crops), _BATCH)
        ]
        return np.concatenate(parts, axis=0)


def model_id_of(config: BiometricsConfig) -> ModelId:
    """The model identity of a weight folder; hashes the files (50 ms), loads no network."""
    return _model_id(weights.check(config.home))


def _model_id(manifest: weights.WeightsManifest) -> ModelId:
    return ModelId(
        name=MODEL_NAME,
        weights_sha256=manifest.sface_sha256,
        alignment_version=ALIGNMENT_VERSION,
        mean_face_sha256=templates.MEAN_FACE_SHA256,
    )


def _tell_deepface(home: Path) -> None:
    """DeepFace takes its engine and its folder from the environment only."""
    wanted = {
        "DEEPFACE_HOME": str(home),
        "DEEPFACE_BACKEND_ENGINE": "onnx",
        "DEEPFACE_ONNX_PROVIDERS": "cpu",
    }
    os.environ.update(wanted)
    os.environ.setdefault("DEEPFACE_LOG_LEVEL", "40")


def _represent(deepface: Any, crops: Sequence[Rgb]) -> NDArray[np.float32]:
    # DeepFace's "skip" detector takes the crop as the face, and only then may detection be
    # unenforced: with a detector it would embed a whole picture in which no face was found.
    images = [np.ascontiguousarray(crop[:, :, ::-1]) for crop in crops]
    with _deepface_lock:
        try:
            answer = deepface.represent(
                images,
                model_name=MODEL_NAME,
                detector_backend="skip",
                enforce_detection=False,
                align=False,
                normalization="base",
            )
        except weights.WeightsError:
            raise
        except (ValueError, RuntimeError, TypeError) as error:
            raise EngineFailed(f"DeepFace could not embed: {error}") from error
    # A list of one comes back flat: one dictionary per face instead of one list per picture.
    per_picture = [answer] if len(images) == 1 else answer
    if len(per_picture) != len(images) or any(len(faces) != 1 for faces in per_picture):
        raise EngineFailed("DeepFace did not answer with one embedding per crop")
    rows = [np.asarray(faces[0]["embedding"], dtype=np.float32).ravel() for faces in per_picture]
    if any(row.shape != (DIMENSION,) for row in rows):
        raise EngineFailed("DeepFace answered with another dimension")
    embeddings = np.stack(rows)
    if not np.isfinite(embeddings).all():
        raise EngineFailed("DeepFace answered with values that are not finite")
    if (np.linalg.norm(embeddings, axis=1) < 1e-3).any():
        raise EngineFailed("DeepFace answered with an empty embedding")
    return embeddings


def _require_crop(crop: Rgb) -> None:
    if not isinstance(crop, np.ndarray) or crop.dtype != np.uint8:
        raise BadPicture("expected a crop of uint8", code="not_uint8")
    if crop.shape != (CROP_SIDE, CROP_SIDE, 3):
        raise BadPicture(f"expected a crop 112 x 112 x 3, got {crop.shape}", code="not_a_crop")
    # DeepFace guesses the scale of values from their maximum: with nothing above one it would
    # read the picture as 0..1 and embed something else.
    if int(crop.max()) <= 1:
        raise BadPicture("the crop is black", code="blank_crop")


def _self_test(deepface: Any) -> None:
    """Wrong weights, a broken graph or a changed channel order show as numbers, not as errors.

    The picture and its known numbers come from the lock of the weights; here they pass through
    DeepFace, as every face will.
    """
    known = weights.read_lock().self_test[EMBEDDER_FILE]
    answer = _represent(deepface, [weights.fixed_picture(CROP_SIDE)])[0].astype(np.float64)
    wanted = np.array([known["norm"], *known["values"]])
    found = np.array([np.linalg.norm(answer), *answer[: len(known["values"])]])
    worst = float(np.max(np.abs(wanted - found) / np.maximum(1.0, np.abs(wanted))))
    if not worst <= weights.SELF_TEST_TOLERANCE:
        raise EngineFailed(f"self-test: an embedding differs from the known one by {worst:.4f}")

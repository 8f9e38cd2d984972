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

from biometrics import models, templates, weights
from biometrics.config import EMBEDDER_FILE, BiometricsConfig
from biometrics.errors import BadPicture, EngineFailed, EngineTaken
from biometrics.faces import ALIGNMENT_VERSION, CROP_SIDE
from biometrics.identity import ModelId
from biometrics.models import SFACE, Backend, ModelEntry
from biometrics.pictures import Rgb

__all__ = ["BATCH", "Backend", "Engine", "model_id_of"]

# DeepFace's ONNX client takes one crop after the other whatever it is given; for TensorFlow 32
# crops are near the best rate, and larger batches only need more memory (docs/engines.md).
BATCH: Final = 32

# Named and not imported: the module imports DeepFace.
ONNX_CLIENT: Final = "biometrics.onnx_sface.SFaceOnnxClient"

# DeepFace builds its models without a lock of its own, so two first calls would load twice;
# one lock for the process also keeps its caches with one caller at a time.
_deepface_lock = threading.Lock()

# DeepFace chooses its engine once per process, and TensorFlow's threads do not survive a fork:
# a forked child would wait for them for ever.
_taken: tuple[int, Backend] | None = None


class Engine:
    """Embeds aligned crops with one of DeepFace's models, on onnxruntime or on TensorFlow.

    Nothing is imported or loaded before ``start`` (called by the first ``embed``): processes
    that never embed stay small, and a forked worker loads its own copy. For SFace, the model
    that is shipped, both back ends read the same file and give the same templates
    (docs/engines.md); ONNX starts fast and suits single probes, TensorFlow suits batches. Another
    ``model`` runs on the back end its entry names. A process keeps to the first it started.
    ``threads`` bounds TensorFlow's; None for one per processor this process may use.
    """

    def __init__(
        self,
        config: BiometricsConfig,
        *,
        backend: Backend | None = None,
        model: ModelEntry = SFACE,
        threads: int | None = None,
    ) -> None:
        chosen = backend or model.engine
        if chosen not in models.SUFFIX_OF or (chosen != model.engine and not model.shipped):
            raise EngineFailed(f"there is no back end {backend!r} for {model.name}")
        self._config = config
        self._model = model
        self._backend: Backend = chosen
        self._threads = threads or len(os.sched_getaffinity(0))
        self._deepface: Any = None
        self._model_id: ModelId | None = None
        self._starting = threading.Lock()

    @property
    def config(self) -> BiometricsConfig:
        """The settings this engine was made with."""
        return self._config

    @property
    def backend(self) -> Backend:
        """What DeepFace runs on here."""
        return self._backend

    @property
    def model(self) -> ModelEntry:
        """What embeds here: name, file, licence, lengths."""
        return self._model

    @property
    def dimension(self) -> int:
        """Numbers in an embedding."""
        return self._model.dimension

    @property
    def model_id(self) -> ModelId:
        """Identity of the templates that come from this engine; reads and hashes the weights."""
        if self._model_id is None:
            self._model_id = model_id_of(self._config, self._model)
        return self._model_id

    def start(self) -> None:
        """Check the weights, load DeepFace and the network, compare with a known answer.

        Raises weights.WeightsMissing or WeightsDamaged for the files, EngineTaken where this
        process began with the other back end or was forked after TensorFlow began, EngineFailed
        otherwise.
        """
        with self._starting:
            _require_free(self._backend)
            if self._deepface is not None:
                return
            self._model_id = model_id_of(self._config, self._model)
            _tell_deepface(self._config.home, self._backend)
            if self._backend == "tensorflow":
                _bound_tensorflow(self._threads)
            try:
                deepface = importlib.import_module("deepface.DeepFace")
            except (ImportError, ValueError) as error:
                raise EngineFailed(f"DeepFace can't be imported: {error}") from error
            _take(self._backend)
            weights.forbid_downloads()
            _self_test(deepface, self._model)
            self._deepface = deepface

    def embed(self, crops: Sequence[Rgb]) -> NDArray[np.float32]:
        """Embeddings, float32 (n, dimension), of n aligned crops, each uint8 RGB (112, 112, 3).

        Not of unit length (see templates.to_template). Raises BadPicture for a wrong or blank
        crop and EngineFailed for anything the network must not answer.
        """
        for crop in crops:
            _require_crop(crop)
        if not crops:
            return np.empty((0, self.dimension), dtype=np.float32)
        self.start()
        parts = [
            _represent(self._deepface, self._model, crops[first : first + BATCH])
            for first in range(0, len(crops), BATCH)
        ]
        return np.concatenate(parts, axis=0)


def model_id_of(config: BiometricsConfig, model: ModelEntry = SFACE) -> ModelId:
    """The identity of a model's templates; hashes the files (50 ms), loads no network.

    No mean face was measured for a model that is not shipped: nothing is taken off its embeddings.
    """
    weights.check(config.home)
    models.check_file(model, config.home)
    return ModelId(
        name=model.name,
        weights_sha256=model.sha256,
        alignment_version=ALIGNMENT_VERSION,
        mean_face_sha256=templates.vector_sha256(templates.mean_face_of(model)),
    )


def _require_free(backend: Backend) -> None:
    """Refuse the other back end, and TensorFlow's remains in a forked child."""
    if _taken is None:
        return
    pid, first = _taken
    if first != backend:
        raise EngineTaken(f"this process began with {first}; {backend} needs one of its own")
    if first == "tensorflow" and pid != os.getpid():
        raise EngineTaken("TensorFlow began before this process was forked: start a new one")


def _take(backend: Backend) -> None:
    """Keep which back end this process has, and let DeepFace know our clients of SFace."""
    global _taken  # noqa: PLW0603 - DeepFace's own choice is one per process, too
    from deepface.commons import backend_utils

    if backend_utils.get_backend_engine() != backend:
        raise EngineTaken(f"DeepFace already runs on {backend_utils.get_backend_engine()} here")
    if _taken is None:
        _taken = (os.getpid(), backend)
    from deepface.modules import modeling

    from biometrics import keras_sface

    # "SFace" exists for any engine; an entry for one engine goes before it.
    clients = modeling.AVAILABLE_MODELS["facial_recognition"][SFACE.name]
    if backend == "tensorflow":
        clients["tensorflow"] = keras_sface.CLIENT
    else:
        clients["onnx"] = ONNX_CLIENT


def _bound_tensorflow(threads: int) -> None:
    """As many threads as asked for, told before TensorFlow makes its pools."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.set_visible_devices([], "GPU")
    except (ImportError, RuntimeError) as error:
        raise EngineFailed(f"TensorFlow can't be started: {error}") from error


def _tell_deepface(home: Path, backend: Backend) -> None:
    """DeepFace takes its engine and its folder from the environment only."""
    wanted = {
        "DEEPFACE_HOME": str(home),
        "DEEPFACE_BACKEND_ENGINE": backend,
        "DEEPFACE_ONNX_PROVIDERS": "cpu",
    }
    os.environ.update(wanted)
    os.environ.setdefault("DEEPFACE_LOG_LEVEL", "40")


def _represent(deepface: Any, model: ModelEntry, crops: Sequence[Rgb]) -> NDArray[np.float32]:
    # DeepFace's "skip" detector takes the crop as the face, and only then may detection be
    # unenforced: with a detector it would embed a whole picture in which no face was found.
    images = [np.ascontiguousarray(crop[:, :, ::-1]) for crop in crops]
    with _deepface_lock:
        try:
            answer = deepface.represent(
                images,
                model_name=model.name,
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
    if any(row.shape != (model.dimension,) for row in rows):
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


def _self_test(deepface: Any, model: ModelEntry) -> None:
    """Wrong weights, a broken graph or a changed channel order show as numbers, not as errors.

    The picture and its known numbers come from the lock of the weights; here they pass through
    DeepFace, as every face will. For a model that is not shipped no numbers are known: two
    different pictures must give two different embeddings of the promised length.
    """
    picture = weights.fixed_picture(CROP_SIDE)
    answer = _represent(deepface, model, [picture])[0].astype(np.float64)
    if not model.shipped:
        other = _represent(deepface, model, [np.ascontiguousarray(picture[::-1])])[0]
        if np.abs(answer - other).max() < 1e-6:
            raise EngineFailed(f"self-test: {model.name} gives every picture the same embedding")
        return
    known = weights.read_lock().self_test[EMBEDDER_FILE]
    wanted = np.array([known["norm"], *known["values"]])
    found = np.array([np.linalg.norm(answer), *answer[: len(known["values"])]])
    worst = float(np.max(np.abs(wanted - found) / np.maximum(1.0, np.abs(wanted))))
    if not worst <= weights.SELF_TEST_TOLERANCE:
        raise EngineFailed(f"self-test: an embedding differs from the known one by {worst:.4f}")

"""What a process needs of the library once: settings, engine, the secret turn, the model's row.

Nothing here imports `biometrics` before it is called: web, beat and parent processes never load
OpenCV, onnxruntime or DeepFace (design, section 2).
"""

import functools
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext as _

from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, PortalError, Unavailable
from dsr_portal.recognition.models import ModelVersion
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from biometrics.config import BiometricsConfig
    from biometrics.engine import Backend, Engine
    from biometrics.models import ModelEntry
    from biometrics.pipeline import Pipeline

TURN = "template-turn"

# Probes and everything interactive: fast to start. Only the enrolment process chooses otherwise.
_backend: "Backend" = "onnx"


DETECTOR = "face_detection_yunet_2023mar"
"""What finds faces and their five points, by its version (law L-04)."""
METRIC = "cosine"
TOP_K = "all_over_threshold"
"""A search is cut at a score, never at a number of hits (design, section 6)."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What documents and the trail say of the model that made the templates (A-03, L-04)."""

    name: str
    weights_sha256: str
    alignment_version: str
    mean_face_sha256: str
    dimensions: int

    @property
    def weights(self) -> str:
        """A short form of the weights' hash, fit for the trail."""
        return self.weights_sha256[:12]

    def __str__(self) -> str:
        return f"{self.name}-{self.weights}"


def config() -> "BiometricsConfig":
    return _config(Path(settings.DSR_WEIGHTS))


@functools.cache
def _config(home: Path) -> "BiometricsConfig":
    from biometrics.config import BiometricsConfig

    return BiometricsConfig(home=home)


def entries() -> "tuple[ModelEntry, ...]":
    """The models an operator offers beside SFace (`DSR_MODELS`)."""
    return _entries(settings.DSR_MODELS)


@functools.cache
def _entries(text: str) -> "tuple[ModelEntry, ...]":
    from biometrics.models import ModelRefused, read_entries

    try:
        return read_entries(text)
    except ModelRefused as error:
        raise ImproperlyConfigured(f"DSR_MODELS: {error}") from error


def entry_named(name: str) -> "ModelEntry":
    """SFace or one of `DSR_MODELS`; `BadInput` for another name."""
    from biometrics.models import ModelRefused, find

    try:
        return find(name, entries())
    except ModelRefused as error:
        raise BadInput(
            error.code, _("There is no model %(name)s here.") % {"name": name}
        ) from error


def entry() -> "ModelEntry":
    """The model that serves: the active one of the rows; SFace before the first enrolment."""
    from biometrics.models import SFACE

    name = ModelVersion.objects.filter(active=True).values_list("name", flat=True).first()
    return SFACE if name is None else entry_named(name)


def engine() -> "Engine":
    """The process's engine for the model that serves; it loads DeepFace when it first embeds."""
    return engine_of(entry())


def engine_of(model: "ModelEntry") -> "Engine":
    """The process's engine for one model: SFace on what this process chose, others on theirs."""
    return _engine(Path(settings.DSR_WEIGHTS), model, _backend if model.shipped else model.engine)


@functools.cache
def _engine(home: Path, model: "ModelEntry", backend: "Backend") -> "Engine":
    from biometrics.engine import Engine

    return Engine(_config(home), backend=backend, model=model)


def pipeline(model: "ModelEntry | None" = None) -> "Pipeline":
    """The library's way from pixels to templates, in this installation's frame."""
    from biometrics.pipeline import Pipeline
    from biometrics.templates import mean_face_of

    chosen = model or entry()
    return Pipeline(engine_of(chosen), turn(chosen.dimension), mean_face_of(chosen))


def enrol_with() -> "Backend":
    """Choose what this process embeds with, before its first embedding; what was chosen.

    `DSR_ENROL_ENGINE`: "auto" takes ONNX, which was measured to be the faster one on processors
    and starts at once; TensorFlow is there for who asks for it (docs/engines.md).
    """
    global _backend  # noqa: PLW0603 - DeepFace runs on one engine per process
    match settings.DSR_ENROL_ENGINE:
        case "tensorflow":
            _backend = "tensorflow"
        case "onnx" | "auto":
            _backend = "onnx"
        case _:
            raise ImproperlyConfigured("DSR_ENROL_ENGINE is auto, tensorflow or onnx")
    return _backend


def turn(dimension: int = 128) -> Any:
    """The installation's secret orthogonal matrix, float64 (dimension, dimension) (R32)."""
    return turn_of(vault.secret(TURN), dimension)


@functools.lru_cache(maxsize=4)
def turn_of(secret: bytes, dimension: int) -> Any:
    """A secret's orthogonal matrix, float64 (dimension, dimension); two secrets, two models."""
    from biometrics.templates import turn_from_secret

    return turn_from_secret(secret, dimension)


def index_model() -> bytes:
    """32 bytes that stand for model and turn in the files of the index."""
    digest = engine().model_id.digest
    return hashlib.sha256(digest + bytes.fromhex(vault.keyed_hash(TURN, digest))).digest()


def model_row() -> ModelVersion:
    """The row of the model this process embeds with; made, and active, at the first use.

    Raises `Unavailable` when another model is the active one: templates are never mixed.
    """
    row = row_of(entry())
    if not row.active:
        raise Unavailable("model_not_active", _("The weights here are not of the active model."))
    return row


def row_of(model: "ModelEntry") -> ModelVersion:
    """The row of a model, made at its first use; active where no other one is."""
    identity = engine_of(model).model_id
    known = {
        "name": identity.name,
        "weights_sha256": identity.weights_sha256,
        "alignment_version": identity.alignment_version,
        "mean_face_sha256": identity.mean_face_sha256,
    }
    row = ModelVersion.objects.filter(**known).first()
    if row is None:
        with transaction.atomic():
            first = not ModelVersion.objects.filter(active=True).exists()
            row, _made = ModelVersion.objects.get_or_create(
                **known,
                defaults={
                    "dimensions": model.dimension,
                    "active": first,
                    "created_at": clock.now(),
                },
            )
    return row


def facts_of(row: ModelVersion) -> ModelFacts:
    return ModelFacts(
        name=row.name,
        weights_sha256=row.weights_sha256,
        alignment_version=row.alignment_version,
        mean_face_sha256=row.mean_face_sha256,
        dimensions=row.dimensions,
    )


class EngineUnavailable(Unavailable):
    """Weights are missing or damaged, or the network did not answer as it must."""


def plain(error: Exception) -> PortalError:
    """The library's error as one of the portal: its code, never its text."""
    code = str(getattr(error, "code", "recognition_failed"))
    return EngineUnavailable(code if code.isascii() and " " not in code else "recognition_failed")


@contextmanager
def answering() -> Iterator[None]:
    """A detector or model that is missing or fails, as an error of the portal, to try again."""
    from biometrics.errors import DetectorFailed, EngineFailed
    from biometrics.weights import WeightsError

    try:
        yield
    except (DetectorFailed, EngineFailed, WeightsError) as error:
        raise plain(error) from error

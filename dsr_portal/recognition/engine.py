"""What a process needs of the library once: settings, engine, the secret turn, the model's row.

Nothing here imports `biometrics` before it is called: web, beat and parent processes never load
OpenCV, onnxruntime or DeepFace (design, section 2).
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dsr_portal.core import clock
from dsr_portal.core.errors import PortalError, Unavailable
from dsr_portal.recognition.models import ModelVersion
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from biometrics.config import BiometricsConfig
    from biometrics.engine import Engine

TURN = "template-turn"


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


def engine() -> "Engine":
    """The process's one engine; it checks weights and loads DeepFace at its first embedding."""
    return _engine(Path(settings.DSR_WEIGHTS))


@functools.cache
def _engine(home: Path) -> "Engine":
    from biometrics.engine import Engine

    return Engine(_config(home))


def turn() -> Any:
    """The installation's secret orthogonal matrix, float64 (128, 128) (R32)."""
    return _turn(vault.secret(TURN))


@functools.lru_cache(maxsize=1)
def _turn(secret: bytes) -> Any:
    from biometrics.templates import turn_from_secret

    return turn_from_secret(secret)


def index_model() -> bytes:
    """32 bytes that stand for model and turn in the files of the index."""
    digest = engine().model_id.digest
    return hashlib.sha256(digest + bytes.fromhex(vault.keyed_hash(TURN, digest))).digest()


def model_row() -> ModelVersion:
    """The row of the model this process embeds with; made, and active, at the first use.

    Raises `Unavailable` when another model is the active one: templates are never mixed.
    """
    identity = engine().model_id
    known = {
        "name": identity.name,
        "weights_sha256": identity.weights_sha256,
        "alignment_version": identity.alignment_version,
        "mean_face_sha256": identity.mean_face_sha256,
    }
    row = ModelVersion.objects.filter(**known).first()
    if row is None:
        from biometrics.templates import DIMENSION

        with transaction.atomic():
            first = not ModelVersion.objects.filter(active=True).exists()
            row, _made = ModelVersion.objects.get_or_create(
                **known,
                defaults={"dimensions": DIMENSION, "active": first, "created_at": clock.now()},
            )
    if not row.active:
        raise Unavailable("model_not_active", _("The weights here are not of the active model."))
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

"""A second model for tests of re-enrolment: SFace on onnxruntime, its numbers four times over.

No package holds trained weights of another model of DeepFace. This one has its own name, hash and
length, so rows, shards and files must keep the two apart; its templates compare as SFace's do.
"""

import json
from typing import Any

import numpy as np

ENTRY = {
    "name": "GhostFaceNet",
    "file": "ghostfacenet_v1.h5",
    "sha256": "ab" * 32,
    "licence": "of this test",
    "dimension": 512,
    "side": 112,
    "engine": "tensorflow",
}
MODELS = json.dumps([ENTRY])


class Doubled:
    """What the portal asks of an engine."""

    def __init__(self, engine: Any, model: Any) -> None:
        from biometrics.identity import ModelId

        self._engine = engine
        self.config, self.dimension = engine.config, model.dimension
        self.model_id = ModelId(model.name, model.sha256, "five-point-112-v1", "00" * 32)

    def start(self) -> None:
        self._engine.start()

    def embed(self, crops: Any) -> Any:
        return np.tile(self._engine.embed(crops), 4)


def install(replace: Any = setattr) -> None:
    """Put the second model where this process looks for engines."""
    from biometrics.models import SFACE
    from dsr_portal.recognition import engine as engines

    original = engines.engine_of

    def engine_of(model: Any) -> Any:
        return original(model) if model.shipped else Doubled(original(SFACE), model)

    replace(engines, "engine_of", engine_of)

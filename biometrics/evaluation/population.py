"""Who is in the test: people, their pictures and faces, duplicates once, two halves kept apart."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.evaluation.dataset import DataSet, Labelled
from biometrics.evaluation.features import Features, Templates
from biometrics.known_pairs import LabelledFaces

SAME_BITS: Final = 10
"""Of 256 bits of the difference hash: a picture saved again or in another size differs by fewer."""
SAME_COSINE: Final = 0.95
NOBODY: Final = -1

Ints = NDArray[np.int64]
_BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The test's people as arrays; persons, pictures and faces are numbered from 0.

    ``labels``: per picture; ``person``: per picture; ``face``: per picture the row of its
    labelled face, -1 where none was found. Rows of ``templates`` and ``plain``, float32 (faces,
    dimension), are the labelled faces first (``labelled`` of them), then the others of the same
    pictures; ``owner``: per face its person, NOBODY for an other face; ``source``: per face its
    picture; ``weights``: per face its weight among photos of a probe; ``facts``: per face width,
    sharpness, yaw.
    """

    names: tuple[str, ...]
    labels: tuple[Labelled, ...]
    person: Ints
    face: Ints
    labelled: int
    templates: Templates
    plain: Templates
    owner: Ints
    source: Ints
    weights: NDArray[np.float64]
    facts: NDArray[np.float64]

    @property
    def people(self) -> int:
        """How many persons have at least one picture."""
        return len(self.names)

    def pictures_of(self) -> list[Ints]:
        """The numbers of each person's pictures."""
        order = np.argsort(self.person, kind="stable")
        ends = np.cumsum(np.bincount(self.person, minlength=self.people))
        return list(np.split(order, ends[:-1]))

    def known_faces(self) -> LabelledFaces:
        """What a calibration is made of: every picture once, those without a face too."""
        labelled = np.arange(self.labelled)
        return LabelledFaces(
            self.templates[labelled],
            self.owner[labelled].astype(np.intp),
            weights=self.weights[labelled],
            faceless=self.person[self.face < 0].astype(np.intp),
        )


@dataclass(frozen=True, slots=True)
class Twin:
    """Two pictures under two names that look like one picture or one person."""

    one: str
    two: str
    why: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the pictures of a set, for the report."""

    labelled: int
    unreadable: dict[str, tuple[str, ...]]
    no_face: tuple[str, ...]
    duplicates: tuple[str, ...]
    other_faces: int
    twins: tuple[Twin, ...]


def build(
    data: DataSet,
    features: Sequence[Features],
    *,
    leave_out: frozenset[str] = frozenset(),
    merged: Mapping[str, str] | None = None,
) -> tuple[Population, Counts]:
    """Number everybody, leaving out what can't be read and all but one of near-duplicates.

    ``leave_out`` (paths) and ``merged`` (identity -> identity) are what a person decided about
    wrong labels.
    """
    names = dict(merged or {})
    unreadable: dict[str, list[str]] = {}
    kept: list[tuple[Labelled, str, Features]] = []
    for label, one in zip(data.pictures, features, strict=True):
        if label.path in leave_out:
            continue
        if one.seen.code not in {"ok", "no_face"}:
            unreadable.setdefault(one.seen.code, []).append(label.path)
            continue
        kept.append((label, names.get(label.identity, label.identity), one))
    duplicates = _duplicates(kept)
    single = [one for one in kept if one[0].path not in duplicates]
    population = _numbered(single)
    counts = Counts(
        labelled=len(data.pictures),
        unreadable={code: tuple(paths) for code, paths in sorted(unreadable.items())},
        no_face=tuple(label.path for label, _, one in single if one.seen.labelled < 0),
        duplicates=tuple(sorted(duplicates)),
        other_faces=len(population.owner) - population.labelled,
        twins=tuple(_twins(population, [one for _, _, one in single])),
    )
    return population, counts


def _numbered(kept: Sequence[tuple[Labelled, str, Features]]) -> Population:
    names = tuple(sorted({name for _, name, _ in kept}))
    number = {name: i for i, name in enumerate(names)}
    rows: list[tuple[int, int, Features, int]] = []
    for picture, (_, name, one) in enumerate(kept):
        if one.seen.labelled >= 0:
            rows.append((number[name], picture, one, one.seen.labelled))
    labelled = len(rows)
    face = np.full(len(kept), -1, dtype=np.int64)
    face[[picture for _, picture, _, _ in rows]] = np.arange(labelled)
    for picture, (_, _, one) in enumerate(kept):
        others = [i for i in range(len(one.seen.faces)) if i != one.seen.labelled]
        rows += [(NOBODY, picture, one, i) for i in others]
    seen = [one.seen.faces[i] for _, _, one, i in rows]
    return Population(
        names=names,
        labels=tuple(label for label, _, _ in kept),
        person=np.array([number[name] for _, name, _ in kept], dtype=np.int64),
        face=face,
        labelled=labelled,
        templates=_rows([one.templates[i] for _, _, one, i in rows]),
        plain=_rows([one.plain[i] for _, _, one, i in rows]),
        owner=np.array([row[0] for row in rows], dtype=np.int64),
        source=np.array([row[1] for row in rows], dtype=np.int64),
        weights=np.array([one.weight for one in seen], dtype=np.float64),
        facts=np.array([(one.box[2], one.sharpness, one.yaw) for one in seen]).reshape(-1, 3),
    )


def _rows(rows: Sequence[Templates]) -> Templates:
    return np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)


# -- the same picture twice ---------------------------------------------------------------------


def _duplicates(kept: Sequence[tuple[Labelled, str, Features]]) -> set[str]:
    """Paths of pictures that a person has already: of each kind the first is kept."""
    by_person: dict[str, list[tuple[str, Features]]] = {}
    for label, name, one in kept:
        by_person.setdefault(name, []).append((label.path, one))
    gone: set[str] = set()
    for pictures in by_person.values():
        if len(pictures) < 2:
            continue
        same = _alike([one for _, one in pictures])
        chosen: list[int] = []
        for number, (path, _) in enumerate(pictures):
            if same[number, chosen].any():
                gone.add(path)
            else:
                chosen.append(number)
    return gone


def _alike(pictures: Sequence[Features]) -> NDArray[np.bool_]:
    """(n, n): the same file, nearly the same light all over, or nearly the same face."""
    files = np.array([one.seen.sha256 for one in pictures])
    bits = _signs(pictures)
    same = (files[:, None] == files[None, :]) | (_differing(bits, bits) <= SAME_BITS)
    faces = [number for number, one in enumerate(pictures) if one.seen.labelled >= 0]
    if faces:
        rows = np.stack([pictures[i].plain[pictures[i].seen.labelled] for i in faces])
        same[np.ix_(faces, faces)] |= rows @ rows.T > SAME_COSINE
    return np.asarray(same, dtype=np.bool_)


def _signs(pictures: Sequence[Features]) -> NDArray[np.float32]:
    """Difference hashes as rows of -1 and 1, so that a product counts equal bits."""
    raw = np.frombuffer(bytes.fromhex("".join(one.seen.dhash for one in pictures)), np.uint8)
    return np.unpackbits(raw.reshape(len(pictures), -1), axis=1).astype(np.float32) * 2 - 1


def _differing(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((one.shape[1] - one @ two.T) / 2, dtype=np.float32)


def _twins(population: Population, pictures: Sequence[Features]) -> Iterator[Twin]:
    """Pictures that lie under two names: one of the labels is wrong, or both are one person."""
    bits = _signs(pictures) if pictures else np.empty((0, 0), dtype=np.float32)
    files = np.array([one.seen.sha256 for one in pictures])
    rows = population.plain[: population.labelled]
    for first in range(0, len(pictures), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(pictures)))
        same_file = files[block, None] == files[None, :]
        near = _differing(bits[block], bits) <= SAME_BITS
        face = np.zeros_like(near)
        have = np.flatnonzero(population.face[block] >= 0)
        all_have = np.flatnonzero(population.face >= 0)
        if len(have) and len(all_have):
            scores = rows[population.face[block][have]] @ rows[population.face[all_have]].T
            face[np.ix_(have, all_have)] = scores > SAME_COSINE
        other = population.person[block, None] != population.person[None, :]
        for one, two in np.argwhere((same_file | near | face) & other).tolist():
            if first + one < two:
                why = "same file" if same_file[one, two] else "same light"
                if not same_file[one, two] and face[one, two]:
                    why = "same face"
                paths = population.labels[first + one].path, population.labels[two].path
                yield Twin(*paths, why)


# -- two halves ---------------------------------------------------------------------------------


def halves(population: Population, seed: int, file: Path | None = None) -> NDArray[np.bool_]:
    """Per person: True in the half on which thresholds are chosen, False in the reporting one.

    People with about as many pictures are dealt out in pairs, so that both halves are alike. A
    ``file`` of an earlier run is kept to; whoever is new is dealt, and the file is written again.
    """
    known = _read_split(file, seed)
    rng = np.random.default_rng(seed)
    counts = np.bincount(population.person, minlength=population.people)
    # Two people of a pair always part; who goes where is drawn.
    order = np.lexsort((rng.permutation(population.people), -counts))
    choosing = np.zeros(population.people, dtype=np.bool_)
    for first in range(0, len(order), 2):
        heads = bool(rng.integers(2))
        for offset, one in enumerate(order[first : first + 2].tolist()):
            choosing[one] = heads if offset == 0 else not heads
    for number, name in enumerate(population.names):
        choosing[number] = known.get(name, bool(choosing[number]))
    if file is not None:
        _write_split(file, seed, population, choosing)
    return choosing


def _read_split(file: Path | None, seed: int) -> dict[str, bool]:
    if file is None or not file.is_file():
        return {}
    try:
        raw: Any = json.loads(file.read_text(encoding="utf-8"))
        if raw["seed"] != seed:
            return {}
        parts = {half: [str(name) for name in raw[half]] for half in ("choosing", "reporting")}
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: half == "choosing" for half, names in parts.items() for name in names}


def _write_split(
    file: Path, seed: int, population: Population, choosing: NDArray[np.bool_]
) -> None:
    halves = {
        half: [name for name, one in zip(population.names, choosing, strict=True) if one == wanted]
        for half, wanted in (("choosing", True), ("reporting", False))
    }
    text = json.dumps({"seed": seed, **halves}, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8")


def split_digest(population: Population, choosing: NDArray[np.bool_]) -> str:
    """A short name of a split, to tell whether two reports rest on the same one."""
    chosen = [name for name, one in zip(population.names, choosing, strict=True) if one]
    return hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:16]


def picture_counts(population: Population) -> dict[int, int]:
    """How many people have one picture, two, and so on."""
    per_person = np.bincount(population.person, minlength=population.people)
    return dict(sorted(Counter(per_person.tolist()).items()))

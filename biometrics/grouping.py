"""Faces of a case's candidates that are surely one person's, so that an officer sees one row.

Chinese whispers (Biemann, TextGraphs 2006): every face takes the label that weighs most among its
neighbours, round after round. Unlike connected components one false edge between two people does
not join them, as long as each has more edges inside. The groups serve one case in memory; they are
a way to show candidates, and nothing about them is stored or decided here.

``python -m biometrics.grouping DIMENSION`` reads templates from standard input (float32, little
endian, one row after another), writes a JSON list of their group numbers and ends, so that a web
page has groups without this library, and no memory keeps them. Exit code 2 for anything else.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BadVector

# Least cosine of an edge: chosen on one half of the people, purity measured on the other
# (docs/fusion.md).
EDGE: Final = 0.52
MOST_FACES: Final = 4096

_MOST_ROUNDS = 50


def group(templates: NDArray[np.float32], *, edge: float = EDGE, seed: int = 0) -> NDArray[np.intp]:
    """A group number for each of n templates, float32 (n, dim) of unit length: intp (n,).

    Numbers count from 0 in the order in which groups first occur. The same templates in the same
    order, with the same seed, give the same groups. ``edge``: pairs of a lower cosine are no
    neighbours. Raises BadVector for other shapes, values that are not finite, and more than
    MOST_FACES faces.
    """
    rows = np.asarray(templates, dtype=np.float64)
    if rows.ndim != 2 or len(rows) > MOST_FACES:
        raise BadVector(f"expected up to {MOST_FACES} templates (n, dim), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise BadVector("values are not finite")
    alike = rows @ rows.T
    np.fill_diagonal(alike, 0.0)
    neighbours = [np.flatnonzero(row >= edge) for row in alike]
    weights = [row[near] for row, near in zip(alike, neighbours, strict=True)]
    labels = np.arange(len(rows), dtype=np.intp)
    rng = np.random.default_rng(seed)
    for _round in range(_MOST_ROUNDS):
        changed = False
        for face in rng.permutation(len(rows)):
            if len(neighbours[face]):
                label = _heaviest(labels[neighbours[face]], weights[face])
                changed |= bool(label != labels[face])
                labels[face] = label
        if not changed:
            break
    return _counted(labels)


def _heaviest(labels: NDArray[np.intp], weights: NDArray[np.float64]) -> int:
    """The label with the largest sum of weights; of equal ones the lowest."""
    names, places = np.unique(labels, return_inverse=True)
    return int(names[np.argmax(np.bincount(places, weights=weights))])


def _counted(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """The same groups, numbered from 0 in the order in which they first occur."""
    _names, first, places = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    numbered: NDArray[np.intp] = rank[places]
    return numbered


def purity(groups: NDArray[np.intp], people: NDArray[np.intp]) -> float:
    """Share of the faces in groups of two and more that belong to their group's main person.

    1.0 where every face stands alone.
    """
    right = total = 0
    for number in np.unique(groups):
        _names, counts = np.unique(people[groups == number], return_counts=True)
        if counts.sum() > 1:
            right += int(counts.max())
            total += int(counts.sum())
    return right / total if total else 1.0


def main(argv: list[str], data: bytes) -> str:
    """The group numbers of the templates in ``data`` as JSON; raises BadVector for other input."""
    if len(argv) != 1 or not argv[0].isdecimal() or not int(argv[0]):
        raise BadVector("expected the dimension of a template")
    width = int(argv[0])
    if len(data) % (4 * width):
        raise BadVector(f"expected whole rows of {width} numbers")
    return json.dumps(group(np.frombuffer(data, dtype="<f4").reshape(-1, width)).tolist())


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:], sys.stdin.buffer.read()))
    except BadVector:
        sys.exit(2)

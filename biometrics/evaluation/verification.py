"""Verification figures: FMR and FNMR over all thresholds, DET, EER (ISO/IEC 19795-1).

Impostor scores come from one picture per person, drawn ten times; genuine scores are means over
people, so that a person with many pictures counts no more than another. Pictures without a face
have no score here: they are told as failures to enrol.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.evaluation import bootstrap
from biometrics.evaluation.features import Templates
from biometrics.evaluation.population import Ints, Population

Floats = NDArray[np.float64]

DRAWS: Final = 10
RATES: Final = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
FEWEST_PAIRS: Final = 10
"""A rate is reported only where at least so many pairs lie over its threshold."""

_BINS = 8_000
_MOST_PEOPLE = 12_000
_MOST_PICTURES = 40
_BLOCK = 1024
_POINTS = 80
_MOST_PAIRS = 300_000


def verify(population: Population, templates: Templates, seed: int) -> dict[str, Any]:
    """FMR, FNMR, DET and EER of templates; None values where there are too few people."""
    rng = np.random.default_rng((seed, 7))
    own = _genuine(population, templates, rng)
    impostor, pairs = np.zeros(_BINS), 0
    for _ in range(DRAWS):
        rows = templates[one_each(population, rng)]
        pairs = len(rows) * (len(rows) - 1) // 2
        for scores in _pairs(rows):
            impostor += np.bincount(_bin(scores), minlength=_BINS)
    found: dict[str, Any] = {
        "people": int(len(np.unique(population.owner[: population.labelled]))),
        "people_with_two_faces": len(own),
        "draws": DRAWS,
        "impostor_pairs_per_draw": pairs,
        "failures_to_enrol": _share(int((population.face < 0).sum()), len(population.face)),
    }
    if not pairs or not len(own):
        return found | {"eer": None, "fnmr_at_fmr": [], "det": []}
    fmr = _from_above(impostor) / (DRAWS * pairs)
    per_person = np.stack([1.0 - _from_above(row) / row.sum() for row in own])
    fnmr = per_person.mean(axis=0)
    return (
        found
        | _eer(population, templates, per_person, fmr, seed)
        | {
            "fnmr_at_fmr": _fnmr_at(fmr, per_person, DRAWS * pairs, seed),
            "det": _det(fmr, fnmr),
        }
    )


def one_each(population: Population, rng: np.random.Generator) -> Ints:
    """One labelled face of each person at random, of at most _MOST_PEOPLE people."""
    order = rng.permutation(population.labelled)
    _, first = np.unique(population.owner[order], return_index=True)
    chosen = order[first]
    if len(chosen) > _MOST_PEOPLE:
        chosen = np.sort(rng.choice(chosen, _MOST_PEOPLE, replace=False))
    return np.asarray(chosen, dtype=np.int64)


def impostor_scores(rows: Templates) -> NDArray[np.float32]:
    """Scores of all pairs of rows, (n * (n - 1) / 2,) float32."""
    parts = list(_pairs(rows))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def _pairs(rows: Templates) -> Iterator[NDArray[np.float32]]:
    """Scores of each pair of rows once, block by block."""
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        scores = block @ rows[first:].T
        later = np.arange(len(rows) - first)[None, :] > np.arange(len(block))[:, None]
        yield scores[later]


def _genuine(population: Population, templates: Templates, rng: np.random.Generator) -> Floats:
    """Per person with two faces the histogram of own scores."""
    faces = np.arange(population.labelled)
    order = faces[np.argsort(population.owner[faces], kind="stable")]
    owner = population.owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    rows = []
    for part in np.split(order, starts[1:]):
        if len(part) < 2:
            continue
        some = part
        if len(part) > _MOST_PICTURES:
            some = rng.choice(part, _MOST_PICTURES, replace=False)
        scores = impostor_scores(templates[some])
        rows.append(np.bincount(_bin(scores), minlength=_BINS).astype(np.float32))
    return np.stack(rows) if rows else np.empty((0, _BINS))


def _bin(scores: NDArray[np.float32]) -> Ints:
    """The bin of each score; bin i holds scores from -1 + 2 i / _BINS."""
    bins = np.floor((scores.astype(np.float64) + 1.0) * (_BINS / 2))
    return np.clip(bins, 0, _BINS - 1).astype(np.int64)


def threshold_of(number: int) -> float:
    """The lowest score of a bin."""
    return -1.0 + 2.0 * number / _BINS


def _from_above(histogram: NDArray[Any]) -> Floats:
    """For each bin how much lies in it or over it."""
    return np.asarray(np.cumsum(histogram[::-1].astype(np.float64))[::-1], dtype=np.float64)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _fnmr_at(fmr: Floats, per_person: Floats, pairs: int, seed: int) -> list[dict[str, Any]]:
    """FNMR with its interval at the lowest threshold that keeps each FMR."""
    found = []
    for rate in RATES:
        if rate * pairs < FEWEST_PAIRS:
            continue
        number = int(np.argmax(fmr <= rate))
        missed = per_person[:, number]
        found.append(
            {
                "fmr": rate,
                "threshold": round(threshold_of(number), 5),
                "fnmr": float(missed.mean()),
                "fnmr_interval": bootstrap.mean_interval(missed, seed),
            }
        )
    return found


def _det(fmr: Floats, fnmr: Floats) -> list[dict[str, float]]:
    """Points of the DET curve, evenly spaced in the logarithm of FMR."""
    lowest = float(fmr[fmr > 0].min())
    points: list[tuple[float, float, float]] = []
    for rate in np.geomspace(1.0, lowest, _POINTS):
        number = int(np.argmax(fmr <= rate * (1 + 1e-12)))
        point = (threshold_of(number), float(fmr[number]), float(fnmr[number]))
        if not points or point != points[-1]:
            points.append(point)
    return [
        {"threshold": round(threshold, 5), "fmr": rate, "fnmr": missed}
        for threshold, rate, missed in points
    ]


def _eer(
    population: Population, templates: Templates, per_person: Floats, fmr: Floats, seed: int
) -> dict[str, Any]:
    """Equal error rate and its interval: people of both kinds of pairs are drawn anew."""
    fnmr = per_person.mean(axis=0)
    number = _crossing(fmr, fnmr)
    eer = float(fmr[number] + fnmr[number]) / 2
    rng = np.random.default_rng((seed, 8))
    rows = templates[one_each(population, rng)]
    low = max(0, number - _BINS // 20)
    if fmr[low] * len(rows) ** 2 / 2 > _MOST_PAIRS:
        low = int(np.argmax(fmr * len(rows) ** 2 / 2 <= _MOST_PAIRS))
    low = min(low, number)
    grid = np.arange(low, _BINS)
    one, two, bins = _pairs_over(rows, low)
    drawn = []
    for _ in range(bootstrap.RESAMPLES // 5):
        times = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        weight = (times[one] * times[two]).astype(np.float64)
        over = _from_above(np.bincount(bins - low, weights=weight, minlength=len(grid)))
        whole = (float(times.sum()) ** 2 - float((times**2).sum())) / 2
        people = np.bincount(
            rng.integers(len(per_person), size=len(per_person)), minlength=len(per_person)
        )
        missed = people @ per_person[:, low:] / len(per_person)
        rates = over / whole
        at = _crossing(rates, missed)
        drawn.append(float(rates[at] + missed[at]) / 2)
    # Without a single error in any sample the samples say nothing.
    interval = bootstrap.percentiles(np.array(drawn)) if max(drawn) > 0.0 else None
    return {
        "eer": eer,
        "eer_interval": interval,
        "eer_threshold": round(threshold_of(number), 5),
    }


def _crossing(fmr: Floats, fnmr: Floats) -> int:
    """Where falling FMR and rising FNMR are nearest to each other."""
    after = int(np.argmax(fnmr >= fmr))
    before = max(0, after - 1)
    return min((before, after), key=lambda number: abs(float(fmr[number] - fnmr[number])))


def _pairs_over(rows: Templates, low: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of rows whose score lies in bin ``low`` or over it: numbers of both, and the bin."""
    found: list[tuple[Ints, Ints, Ints]] = []
    floor = threshold_of(low)
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        scores = block @ rows.T
        at, column = np.nonzero(scores >= floor)
        later = column > at + first
        at, column = at[later], column[later]
        found.append((at + first, column, _bin(scores[at, column])))
    one, two, bins = (np.concatenate(part) for part in zip(*found, strict=True))
    return one, two, bins

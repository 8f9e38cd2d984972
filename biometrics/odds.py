"""How likely a candidate is a stranger: from the densities of genuine and stranger scores.

A score alone says nothing to a person, and its meaning changes with the size of the gallery: of
candidates as alike as this one, about one in twenty may be a stranger among ten thousand faces,
and one in two among a million. Officers read one of four steps, never a percentage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BadVector

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST, _STEP = -1.0, 1.0, 0.005
_GRID: Final[Floats] = np.round(np.arange(_LOWEST, _HIGHEST + _STEP / 2, _STEP), 6)


class Step(Enum):
    """What an officer reads: of candidates this alike about one in so many is a stranger."""

    IN_2 = "1_in_2"
    IN_20 = "1_in_20"
    IN_200 = "1_in_200"
    UNDER_1000 = "under_1_in_1000"


# A step reaches to the geometric middle between it and its neighbour; the last one is a bound.
LIMITS: Final = ((Step.IN_2, 10**-0.8), (Step.IN_20, 10**-1.8), (Step.IN_200, 10**-3.0))


class StrangerTail(Protocol):
    """What is asked of the model of the highest stranger scores (biometrics.tail.Tail)."""

    def fmr(self, threshold: float) -> float:
        """Share of stranger pairs at or over a score, within the reach of the tail."""
        ...


@dataclass(frozen=True, slots=True)
class OddsModel:
    """Log-likelihood ratios over a grid of scores, never falling, never beyond the data.

    ``log_ratio[i]`` is the natural logarithm of genuine density over stranger density at
    ``grid[i]``. It is one value beyond the score at which the measured stranger pairs end.
    """

    grid: tuple[float, ...]
    log_ratio: tuple[float, ...]
    records_per_person: float

    def ratio(self, scores: Sequence[float] | Floats) -> Floats:
        """Genuine density over stranger density, float64 (n,), for n scores (cosines)."""
        asked = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(asked).all():
            raise BadVector("scores are not finite")
        ratio: Floats = np.exp(np.interp(asked, self.grid, self.log_ratio))
        return ratio

    def stranger(self, scores: Sequence[float] | Floats, enrolled: int) -> Floats:
        """P(stranger), float64 (n,), for candidates of a search among ``enrolled`` faces.

        Bayes over one row of the gallery: ``records_per_person`` of ``enrolled`` rows show the
        person on average, all others strangers.
        """
        if enrolled < 1:
            raise BadVector("odds need a gallery with at least one face", code="empty_gallery")
        mates = min(self.records_per_person, float(enrolled))
        return 1.0 / (1.0 + self.ratio(scores) * mates / max(enrolled - mates, 1e-9))

    def step(self, score: float, enrolled: int) -> Step:
        """The step of one candidate."""
        return step_of(float(self.stranger([score], enrolled)[0]))

    def as_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        return {
            "grid": list(self.grid),
            "log_ratio": list(self.log_ratio),
            "records_per_person": self.records_per_person,
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> OddsModel:
        """The model from what ``as_json`` gave."""
        return OddsModel(
            tuple(float(value) for value in content["grid"]),
            tuple(float(value) for value in content["log_ratio"]),
            float(content["records_per_person"]),
        )


def step_of(stranger: float) -> Step:
    """The step for a probability of being a stranger."""
    for step, least in LIMITS:
        if stranger >= least:
            return step
    return Step.UNDER_1000


def fit(
    genuine: Floats,
    people: NDArray[np.intp],
    strangers: Floats,
    tail: StrangerTail,
    *,
    stranger_pairs: int,
    records_per_person: float = 1.0,
) -> OddsModel:
    """Odds from scores of known pairs.

    ``genuine``: float64 (g,) scores of pairs of one person, ``people``: int (g,) whose pair each
    is, for every person weighs the same; ``strangers``: float64 (s,) scores of pairs of different
    people, one picture each. ``stranger_pairs``: how many independent stranger pairs were
    measured; odds never claim more than that. Raises BadVector for empty or uneven input.
    """
    if not len(genuine) or genuine.shape != people.shape or not len(strangers):
        raise BadVector("odds need genuine and stranger scores", code="too_few_pairs")
    beyond = _survival(strangers, tail)
    measured = max(int(np.count_nonzero(beyond >= 1.0 / stranger_pairs)) - 1, 1)
    unseen = 1.0 / (stranger_pairs + 1)
    density = (1.0 - unseen) * -np.gradient(beyond, _STEP) + unseen / (_HIGHEST - _LOWEST)
    known = _genuine_density(genuine, people)
    log_ratio = np.log(known) - np.log(density)
    # Beyond the measured stranger pairs the scores are one interval with one ratio: the share of
    # genuine pairs in it over one stranger in as many pairs as were measured.
    above = float(person_weights(people)[genuine >= _GRID[measured]].sum())
    log_ratio[measured:] = np.log(max(above, unseen) * stranger_pairs)
    series = never_falling(log_ratio, known + density)
    return OddsModel(tuple(_GRID.tolist()), tuple(series.round(6).tolist()), records_per_person)


def _genuine_density(scores: Floats, people: NDArray[np.intp]) -> Floats:
    """Density of genuine scores on the grid, every person weighing the same.

    A Gaussian kernel over a little of everything: one in (people + 1) is kept for what nobody in
    the set looked like (Laplace's rule), so that a small set does not call hard pictures strangers.
    """
    weights = person_weights(people)
    mean = float(weights @ scores)
    spread = max(float(weights @ (scores - mean) ** 2), 1e-6) ** 0.5
    count = len(np.unique(people))
    width = max(1.06 * spread * count**-0.2, 2 * _STEP)
    counts, _ = np.histogram(scores, bins=_edges(), weights=weights)
    offsets = np.arange(-round(5 * width / _STEP), round(5 * width / _STEP) + 1) * _STEP
    kernel = np.exp(-0.5 * (offsets / width) ** 2)
    smooth = np.convolve(counts, kernel / kernel.sum(), mode="full")
    half = len(offsets) // 2
    unseen = 1.0 / (count + 1)
    uniform = np.where(_GRID >= 0.0, 1.0, 1e-9)
    return (1.0 - unseen) * smooth[half : half + len(_GRID)] / _STEP + unseen * uniform


def _survival(strangers: Floats, tail: StrangerTail) -> Floats:
    """Share of stranger pairs at or over each grid score; the model's where the tail begins."""
    ordered: Floats = np.sort(np.asarray(strangers, dtype=np.float64))
    share = 1.0 - np.searchsorted(ordered, _GRID, side="left") / len(ordered)
    start = float(ordered[max(0, int(len(ordered) * 0.998) - 1)])
    modelled = np.array([tail.fmr(score) for score in _GRID[start <= _GRID].tolist()])
    share[start <= _GRID] = np.minimum(modelled, 0.002)
    return np.minimum.accumulate(share)


def _edges() -> Floats:
    return np.concatenate([_GRID - _STEP / 2, [_HIGHEST + _STEP / 2]])


def person_weights(people: NDArray[np.intp]) -> Floats:
    """Weights (n,) of pairs so that every person counts the same; they sum to 1."""
    _, inverse, counts = np.unique(people, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (counts[inverse] * len(counts)), dtype=np.float64)


def never_falling(values: Floats, weights: Floats) -> Floats:
    """The nearest series that never falls (pool adjacent violators; Ayer et al. 1955)."""
    levels: list[float] = []
    sizes: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        levels.append(value)
        sizes.append(weight)
        lengths.append(1)
        while len(levels) > 1 and levels[-2] > levels[-1]:
            total = sizes[-2] + sizes[-1]
            levels[-2] = (levels[-2] * sizes[-2] + levels[-1] * sizes[-1]) / total
            sizes[-2] = total
            lengths[-2] += lengths[-1]
            del levels[-1], sizes[-1], lengths[-1]
    return np.repeat(levels, lengths)


def _pooled(labels: Floats, mass: Floats) -> Floats:
    """``never_falling`` of labels 0 and 1; a run of equal ones stays together whatever happens."""
    starts = np.flatnonzero(np.diff(labels, prepend=-1.0))
    runs = never_falling(labels[starts], np.add.reduceat(mass, starts))
    return np.repeat(runs, np.diff(starts, append=len(labels)))


# -- whether the odds are right -------------------------------------------------------------------


def cllr(genuine: Floats, strangers: Floats, weights: Floats | None = None) -> float:
    """Cost of log-likelihood ratios in bits (Bruemmer and du Preez 2006); 0 is perfect.

    ``genuine``, ``strangers``: likelihood ratios (not logarithms) of held-out pairs;
    ``weights``: of the genuine pairs, summing to 1; None for equal ones.
    """
    cost = np.log2(1.0 + 1.0 / np.maximum(genuine, 1e-300))
    same = float(cost.mean() if weights is None else weights @ cost)
    return 0.5 * (same + float(np.log2(1.0 + strangers).mean()))


def min_cllr(genuine: Floats, strangers: Floats, weights: Floats | None = None) -> float:
    """The least Cllr that any never-falling reading of the same scores could have."""
    parts = np.full(len(genuine), 1.0 / len(genuine)) if weights is None else weights
    scores = np.concatenate([genuine, strangers])
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(strangers))])
    mass = np.concatenate([parts, np.full(len(strangers), 1.0 / len(strangers))])
    # Of equal scores the genuine one comes first, so that a tie is pooled.
    order = np.lexsort((-labels, scores))
    share = _pooled(labels[order], mass[order])
    best = np.empty_like(share)
    best[order] = np.clip(share, 1e-12, 1 - 1e-12)
    ratio = best / (1.0 - best)
    return cllr(ratio[: len(genuine)], ratio[len(genuine) :], parts)

"""How often strangers score high: the tail of impostor scores, and how far it may be trusted.

A generalised Pareto distribution is fitted to the highest 0.2 % of impostor scores (Pickands,
Ann. Stat. 3 (1975) 119: what lies over a high cut follows it) by probability-weighted moments
(Hosking & Wallis, Technometrics 29 (1987) 339). Below the cut the measured shares are kept. The
fit is then tested on scores of other people: where it is off by more than a factor of two at a
false match rate of 1e-5, or where there are too few pairs to tell, it is not usable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BiometricsError

Floats = NDArray[np.float64]

TOP: Final = 0.002
TEST_RATE: Final = 1e-5
TEST_FACTOR: Final = 2.0
FEWEST_IN_TAIL: Final = 50
FEWEST_EXPECTED: Final = 10
"""Pairs the self-test must expect at TEST_RATE: with fewer, chance alone breaks a factor of two."""
REACH_FACTOR: Final = 10
"""A rate under one in ten times the measured pairs is extrapolated."""

_TABLE_POINTS = 257
_NEARLY_ZERO = 1e-9


class TooFewPairs(BiometricsError):
    """Too few impostor scores for a tail to be fitted."""

    code = "too_few_pairs"


@dataclass(frozen=True, slots=True)
class TailTest:
    """The fit held against other people: what it expects at ``rate`` and what was there."""

    rate: float
    threshold: float
    pairs: int
    expected: float
    observed: int

    @property
    def enough(self) -> bool:
        """Whether there are pairs enough to tell."""
        return self.expected >= FEWEST_EXPECTED

    @property
    def passed(self) -> bool:
        """Whether the observed count is within the factor of the expected one."""
        low, high = self.expected / TEST_FACTOR, self.expected * TEST_FACTOR
        return self.enough and low <= self.observed <= high


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """P(score >= threshold) for two different people, from ``pairs`` measured pairs.

    ``cut``: where the fitted part begins; ``share``: of all pairs, how many lie at or over it;
    ``scale`` and ``shape`` of the generalised Pareto distribution; ``test``: the self-test, None
    while it was not made; ``below``: thresholds and measured rates under the cut, (2, k), rising
    thresholds.
    """

    cut: float
    share: float
    scale: float
    shape: float
    pairs: int
    in_tail: int
    below: Floats
    test: TailTest | None = None

    @classmethod
    def fit(
        cls,
        scores: NDArray[np.floating],
        *,
        pairs_total: int | None = None,
        top: float = TOP,
        others: NDArray[np.floating] | None = None,
        others_total: int | None = None,
    ) -> Tail:
        """Fit the highest ``top`` of impostor scores, and test it on scores of ``others``.

        ``scores``: (n,) cosines of pairs of different people, all of them or the highest n of
        ``pairs_total``. ``others``: the same of people who are in none of these pairs; without
        it the tail is not usable. Raises TooFewPairs, or ValueError for wrong arguments.
        """
        values, total = _checked(scores, pairs_total)
        if not 0.0 < top < 0.5:
            raise ValueError("top lies between 0 and 0.5")
        wanted = int(top * total)
        if wanted < FEWEST_IN_TAIL or wanted >= len(values):
            raise TooFewPairs(f"{total} pairs, {len(values)} scores: too few for a tail of {top}")
        ordered = np.sort(values)
        cut = float(ordered[-wanted - 1])
        excess = ordered[-wanted:] - cut
        scale, shape = _fit_excesses(excess)
        tail = cls(
            cut=cut,
            share=wanted / total,
            scale=scale,
            shape=shape,
            pairs=total,
            in_tail=wanted,
            below=_table(ordered[:-wanted], total, wanted),
        )
        return tail if others is None else tail.tested_on(others, others_total)

    def tested_on(self, scores: NDArray[np.floating], pairs_total: int | None = None) -> Tail:
        """This tail with its self-test on scores of other people."""
        values, total = _checked(scores, pairs_total)
        threshold = self.threshold(TEST_RATE)
        test = TailTest(
            rate=TEST_RATE,
            threshold=threshold,
            pairs=total,
            expected=TEST_RATE * total,
            observed=int(np.count_nonzero(values >= threshold)),
        )
        return replace(self, test=test)

    @property
    def usable(self) -> bool:
        """Whether the self-test was made and passed; callers print "not usable" otherwise."""
        return self.test is not None and self.test.passed

    @property
    def reach(self) -> float:
        """The lowest rate the pairs speak for; a lower one must be called extrapolated."""
        return 1.0 / (REACH_FACTOR * self.pairs)

    def as_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        return {**asdict(self), "below": self.below.round(9).tolist()}

    @staticmethod
    def from_json(content: dict[str, Any]) -> Tail:
        """The tail from what ``as_json`` gave."""
        test = TailTest(**content["test"]) if content["test"] else None
        below = np.asarray(content["below"], dtype=np.float64)
        return Tail(**{**content, "below": below, "test": test})

    def fmr(self, threshold: float) -> float:
        """Share of pairs of different people that score ``threshold`` or more.

        Under the lowest known score: the share of the scores that were given (1.0 if all were).
        """
        if threshold < self.cut:
            return float(np.interp(threshold, self.below[0], self.below[1]))
        reduced = (threshold - self.cut) / self.scale
        if abs(self.shape) < _NEARLY_ZERO:
            return float(self.share * np.exp(-reduced))
        inside = 1.0 + self.shape * reduced
        return 0.0 if inside <= 0.0 else float(self.share * inside ** (-1.0 / self.shape))

    def threshold(self, fmr: float) -> float:
        """The threshold at which ``fmr`` of the pairs of different people score as much or more.

        Rates over the highest known one give the lowest known score.
        """
        if not 0.0 < fmr <= 1.0:
            raise ValueError("a rate lies between 0 and 1")
        if fmr >= self.share:
            return float(np.interp(-fmr, -self.below[1], self.below[0]))
        ratio = fmr / self.share
        if abs(self.shape) < _NEARLY_ZERO:
            return float(self.cut - self.scale * np.log(ratio))
        return float(self.cut + self.scale / self.shape * (ratio**-self.shape - 1.0))


def _checked(scores: NDArray[np.floating], pairs_total: int | None) -> tuple[Floats, int]:
    values = np.asarray(scores, dtype=np.float64)
    total = len(values) if pairs_total is None else pairs_total
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("scores are finite numbers (n,)")
    if total < len(values):
        raise ValueError("there can't be fewer pairs than scores")
    return values, total


def _fit_excesses(excess: Floats) -> tuple[float, float]:
    """Scale and shape by probability-weighted moments; ``excess`` (n,) rising, none negative."""
    count = len(excess)
    mean = float(excess.mean())
    left = 1.0 - (np.arange(1, count + 1) - 0.35) / count
    moment = float((left * excess).mean())
    spread = mean - 2.0 * moment
    if mean <= 0.0 or spread <= 0.0:
        raise TooFewPairs("the highest scores are all alike")
    return 2.0 * mean * moment / spread, 2.0 - mean / spread


def _table(lower: Floats, total: int, in_tail: int) -> Floats:
    """Measured rates under the cut: (2, k) thresholds rising, rates falling to the tail's."""
    counts = np.unique(np.geomspace(1, len(lower), _TABLE_POINTS).astype(np.int64))[::-1]
    thresholds = lower[len(lower) - counts]
    rates = (in_tail + counts) / total
    # Equal scores share the highest rate; the first of a run carries it.
    _, first = np.unique(thresholds, return_index=True)
    rates = rates[first]
    rates[-1] = in_tail / total
    return np.stack([thresholds[first], rates])

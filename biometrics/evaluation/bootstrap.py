"""95 % intervals by drawing people anew: pictures of one person are not independent."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]

RESAMPLES: Final = 1000
LEVEL: Final = 0.95

_TAILS = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)
_BLOCK = 100


def resampled_means(values: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Means of samples of people, (resamples, columns), of ``values`` (people, columns).

    The same seed and number of people draw the same people, so that differences are paired.
    """
    rng = np.random.default_rng((seed, len(values)))
    parts = []
    for first in range(0, resamples, _BLOCK):
        drawn = rng.integers(len(values), size=(min(_BLOCK, resamples - first), len(values)))
        counts = np.stack([np.bincount(row, minlength=len(values)) for row in drawn])
        parts.append(counts @ values / len(values))
    return np.concatenate(parts)


def mean_interval(values: Floats, seed: int) -> Interval | None:
    """Interval of a mean of shares over people, (people,), each between 0 and 1.

    Where all people are alike at 0 or 1 drawing them anew says nothing: then the exact interval
    of a share of people is given. None without people.
    """
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if low == high and low in {0.0, 1.0}:
        edge = ((1 - LEVEL) / 2) ** (1 / len(values))
        return (edge, 1.0) if low == 1.0 else (0.0, 1.0 - edge)
    return percentiles(resampled_means(values[:, None], seed)[:, 0])


def fewer_misses(ours: Floats, theirs: Floats, seed: int) -> tuple[float | None, Interval | None]:
    """By what share misses fall from ``theirs`` to ``ours`` (found shares of the same people).

    With its interval by person; None where the other misses nothing.
    """
    if not len(ours) or theirs.min() >= 1.0:
        return None, None
    misses = np.stack([1.0 - ours, 1.0 - theirs], axis=1)
    fewer = 1.0 - float(misses[:, 0].mean()) / float(misses[:, 1].mean())
    drawn = resampled_means(misses, seed)
    some = drawn[:, 1] > 0.0
    if some.mean() < LEVEL:
        return fewer, None
    return fewer, percentiles(1.0 - drawn[some, 0] / drawn[some, 1])


def percentiles(values: Floats) -> Interval:
    """The middle 95 % of resampled figures."""
    low, high = np.percentile(values, _TAILS)
    return float(low), float(high)

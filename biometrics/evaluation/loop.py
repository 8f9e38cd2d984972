"""The officer loop: faces that an officer confirmed widen the search, for at most three hops.

Officers are modelled: a perfect one confirms every face of the person and no stranger; a human
one overlooks some of the person's faces and takes some strangers for the person. A face is shown
once; what the officer made of it stays. As the portal does, a confirmed face far from the photo
(``fusion.drift``) widens nothing: that would take a second officer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics import fusion
from biometrics.evaluation.features import Templates, unit_rows
from biometrics.evaluation.population import Ints, Population
from biometrics.evaluation.searches import Candidates, Floats, Searches, compare, per_person

SHARES_FOR_THE_FIRST: Final = (0.4, 0.6, 0.8, 0.95)
"""Shares of the allowed strangers that the first search may spend, tried on the choosing half."""

_STEPS = 9
_ABOVE_ALL = 1.01
_LOWER = 0.1
_HIGHER = 0.3
"""How far a widened search's threshold is sought under and over that of the first."""


@dataclass(frozen=True, slots=True)
class Officer:
    """Who decides: shares of the person's faces overlooked and of strangers confirmed."""

    name: str
    overlooks: float = 0.0
    confirms_wrongly: float = 0.0


PERFECT: Final = Officer("perfect")
HUMANS: Final = (Officer("human", 0.05, 0.01), Officer("human", 0.05, 0.05))


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What one way of searching showed, per search (q,): faces, and those the officer confirmed.

    Strangers are expected numbers where the gallery is a random part of the set.
    """

    mates: Floats
    mates_confirmed: Floats
    strangers: Floats
    strangers_confirmed: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Opening:
    """The first search, and all faces that the first widened one could add from ``lowest`` on."""

    shown: Candidates
    confirmed: NDArray[np.bool_]
    fresh: Candidates
    lowest: float


class Loop:
    """Runs the loop over searches of one system; ``first`` are the candidates of their probes.

    ``floor``: the score from which candidates are known; thresholds lie over it.
    """

    def __init__(
        self,
        population: Population,
        searches: Searches,
        rows: Templates,
        *,
        first: Candidates,
        templates: Templates,
        gallery: Ints,
        floor: float,
        seed: int,
        guard: float = fusion.DRIFT_BELOW,
    ) -> None:
        self._population = population
        self.searches = searches
        self._rows = rows
        self._first = first
        self._templates = templates
        self._gallery = gallery
        self.floor = floor
        self._seed = seed
        self._guard = guard
        self._opening: tuple[tuple[float, Officer, float], _Opening] | None = None

    def run(self, start: float, later: float, officer: Officer, present: float = 1.0) -> Shown:
        """Search at ``start``, widen at ``later``.

        ``present``: share of the set's faces that the gallery holds beside the person's own.
        """
        opening = self._opened(start, later, officer, present)
        shown = [opening.shown]
        confirmed = [opening.shown.only(opening.confirmed)]
        used = [self._near(confirmed[0])]
        for hop in range(fusion.MOST_HOPS):
            if hop == 0:
                fresh = opening.fresh.only(opening.fresh.score >= later)
            else:
                fresh = self._widened(used, later, shown, officer, present)
            said = self._confirms(fresh, officer)
            shown.append(fresh)
            confirmed.append(fresh.only(said))
            used.append(self._near(confirmed[-1]))
            if not len(used[-1]):
                break
        return self._counted(shown, confirmed, officer, present)

    def _opened(self, start: float, later: float, officer: Officer, present: float) -> _Opening:
        key = (start, officer, present)
        kept = self._opening
        if kept is None or kept[0] != key or later < kept[1].lowest:
            shown = self._in_gallery(self._first.only(self._first.score >= start), officer, present)
            said = self._confirms(shown, officer)
            lowest = min(max(self.floor, start - _LOWER), later)
            used = [self._near(shown.only(said))]
            fresh = self._widened(used, lowest, [shown], officer, present)
            kept = self._opening = (key, _Opening(shown, said, fresh, lowest))
        return kept[1]

    def _widened(
        self,
        confirmed: list[Candidates],
        threshold: float,
        shown: list[Candidates],
        officer: Officer,
        present: float,
    ) -> Candidates:
        """Faces not shown before that the searches find whose officer confirmed some last time."""
        numbers = np.unique(confirmed[-1].search)
        if not len(numbers):
            return confirmed[-1]
        search = np.concatenate([one.search for one in confirmed])
        face = np.concatenate([one.face for one in confirmed])
        order = np.argsort(search, kind="stable")
        search, face = search[order], face[order]
        begin = np.searchsorted(search, numbers)
        end = np.searchsorted(search, numbers, side="right")
        taken = np.concatenate([np.arange(one, two) for one, two in zip(begin, end, strict=True)])
        rows = widened(self._rows[numbers], self._templates[face[taken]], end - begin)
        found = compare(
            self._population,
            self.searches,
            rows,
            templates=self._templates,
            gallery=self._gallery,
            floor=threshold,
            numbers=numbers,
        )
        active = np.zeros(len(self.searches), dtype=np.bool_)
        active[numbers] = True
        before = np.concatenate([self._codes(one.only(active[one.search])) for one in shown])
        found = found.only(~np.isin(self._codes(found), before))
        return self._in_gallery(found, officer, present)

    def without_guard(self) -> Loop:
        """The same searches where every confirmed face widens, however far from the photo."""
        return Loop(
            self._population,
            self.searches,
            self._rows,
            first=self._first,
            templates=self._templates,
            gallery=self._gallery,
            floor=self.floor,
            seed=self._seed,
            guard=-2.0,
        )

    def _near(self, confirmed: Candidates) -> Candidates:
        """Those of the confirmed faces that widen the search on one officer's word."""
        photo, face = self._rows[confirmed.search], self._templates[confirmed.face]
        near = np.einsum("ij,ij->i", photo, face) >= self._guard
        return confirmed.only(near)

    def _codes(self, some: Candidates) -> Ints:
        return np.asarray(some.search * len(self._population.owner) + some.face, dtype=np.int64)

    def _in_gallery(self, some: Candidates, officer: Officer, present: float) -> Candidates:
        """In a smaller gallery each stranger is there by chance, the person's faces always.

        Where strangers change nothing of what follows, all are kept and counted by that chance.
        """
        if present >= 1.0 or officer.confirms_wrongly == 0.0:
            return some
        return some.only(some.mate | (self._chance(some, 1) < present))

    def _confirms(self, some: Candidates, officer: Officer) -> NDArray[np.bool_]:
        if officer == PERFECT:
            return some.mate
        chance = self._chance(some, 0)
        said = np.where(some.mate, chance >= officer.overlooks, chance < officer.confirms_wrongly)
        return np.asarray(said, dtype=np.bool_)

    def _chance(self, some: Candidates, salt: int) -> Floats:
        """A number in [0, 1) for each search and face, the same in every run."""
        return mixed(self._codes(some), self._seed * 2 + salt)

    def _counted(
        self, shown: list[Candidates], confirmed: list[Candidates], officer: Officer, present: float
    ) -> Shown:
        counts: list[Floats] = []
        thinned = present if officer.confirms_wrongly == 0.0 else 1.0
        for part in (shown, confirmed):
            search = np.concatenate([one.search for one in part])
            mate = np.concatenate([one.mate for one in part])
            size = len(self.searches)
            counts.append(np.bincount(search[mate], minlength=size).astype(np.float64))
            strangers = np.bincount(search[~mate], minlength=size)
            counts.append(strangers.astype(np.float64) * thinned)
        return Shown(
            mates=counts[0],
            strangers=counts[1],
            mates_confirmed=counts[2],
            strangers_confirmed=counts[3],
        )


def widened(probes: Templates, confirmed: Templates, counts: Ints) -> Templates:
    """``fusion.widen`` for many searches at once: float32 (q, dimension).

    ``confirmed``: the confirmed faces of the first search, then of the second, and so on;
    ``counts``: (q,) how many each has, at least one.
    """
    starts = np.cumsum(counts) - counts
    rows = probes + np.add.reduceat(confirmed.astype(np.float64), starts, axis=0)
    return unit_rows(rows)


def mixed(codes: Ints, seed: int) -> Floats:
    """Uniform numbers in [0, 1) that depend on code and seed alone (splitmix64)."""
    with np.errstate(over="ignore"):
        x = codes.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)


@dataclass(frozen=True, slots=True)
class LoopThresholds:
    """Score from which the first search and the widened ones show a face."""

    start: float
    later: float
    share_for_the_first: float


def calibrate(loop: Loop, strangers: float, starts: Mapping[float, float]) -> LoopThresholds:
    """Thresholds at which a perfect officer sees ``strangers`` per mated search, all hops together.

    ``starts``: share of these strangers -> the threshold at which the first search alone shows
    them. The share that finds most is taken. Only for the choosing half.
    """
    best: tuple[float, LoopThresholds] | None = None
    for share, start in starts.items():
        later, found = _lowest_later(loop, start, strangers)
        if best is None or found > best[0]:
            best = (found, LoopThresholds(start, later, share))
    if best is None:
        raise ValueError("no share to try")
    return best[1]


def _lowest_later(loop: Loop, start: float, strangers: float) -> tuple[float, float]:
    """The lowest threshold of the widened searches that keeps to the strangers, and what it finds.

    Where the first search alone shows more than allowed nothing is widened, and nothing counts
    as found.
    """
    low, high, found = max(loop.floor, start - _LOWER), start + _HIGHER, -1.0
    best = _ABOVE_ALL
    for _ in range(_STEPS):
        middle = (low + high) / 2
        shown = loop.run(start, middle, PERFECT)
        if _mean(loop, shown.strangers) <= strangers:
            high = best = middle
            found = _mean(loop, shown.mates / loop.searches.mates)
        else:
            low = middle
    return best, found


def _mean(loop: Loop, values: Floats) -> float:
    _, means = per_person(loop.searches, values)
    return float(means.mean())

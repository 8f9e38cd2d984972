"""What a second sweep and scores by each photo's own strangers bring: ``python -m tests.bench.hop
FOLDER`` (docs/levers.md).

Two levers on a search, on the hard pictures of ``levers``:

- **Hop** (query expansion: Chum et al. 2007; weighed by likeness, Radenović et al. 2018): hits at
  or over a strong threshold are averaged with the photo and the gallery is swept once more.
- **Own strangers** (score normalisation: Auckenthaler et al. 2000; Matějka et al. 2017 for the
  highest scores only): a photo's scores are moved, or scaled, by those it has with everybody.

Both arms of a comparison show the same number of strangers per search, in the mean over searches
whose person is in the gallery and searches whose person is not. Numbers are chosen on half of the
choosing people, figures are of the reporting people. Galleries larger than the pictures are filled
with mirrored strangers: the pictures of one of the other people, all of them mirrored at the same
half of the principal directions. Within such a stranger they are as alike as before, to everybody
else as alike as two people are, but far fewer of them are look-alikes (``alike`` prints it).
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.fusion import DRIFT_BELOW, MOST_HOPS, fuse
from tests.bench.levers import (
    FEWER_PER_10_MS,
    PICTURES,
    PLAIN,
    SEED,
    STEADY,
    Faces,
    Network,
    gather,
    interval,
    people_of,
    templates,
    unit,
)

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Found = NDArray[np.float64]
Write = Callable[[str], object]
T = TypeVar("T")

SIZES: Final = (10_000, 100_000)
STRONG_SHARES: Final = (0.003, 0.01, 0.03, 0.1)
WEIGHTS: Final = (0.0, 1.0, 3.0)
TAIL_SHARES: Final = (0.003, 0.01, 0.03)
TAIL_PARTS: Final = (0.25, 0.5, 0.75, 1.0)
FIRST_SHARES: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
MOST_STRONG: Final = 10
SWEEP_MS: Final = 20.0
"""One more sweep of a million faces on one core (docs/index.md, measured)."""
LEAST_PROBE, LEAST_FACE = 80, 40
"""Widths in pixels a portal asks of a photo and of a face of its gallery."""

_BLOCK = 256
_NEVER = -9.0
_KEPT = 20.0
"""Strangers kept per search, in the mean; thresholds sought lie far above."""
_MILLION = 1_000_000


class Normal(Protocol):
    """Scores (q, n) of probes with a gallery, by what each probe has with all of it."""

    def __call__(self, raw: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class OwnTail:
    """Scores less ``part`` of the mean of the probe's highest ``share`` of scores."""

    share: float
    part: float

    def __call__(self, raw: Floats) -> Floats:
        most = max(10, round(raw.shape[1] * self.share))
        top = np.partition(raw, -most, axis=1)[:, -most:]
        moved: Floats = raw - np.float32(self.part) * top.mean(axis=1, keepdims=True)
        return moved


def standard(raw: Floats) -> Floats:
    """Scores less the probe's mean, by their deviation (z-norm)."""
    mean = raw.mean(axis=1, keepdims=True, dtype=np.float64)
    return ((raw - mean) / raw.std(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Hop:
    """What is averaged with the photo: hits from ``strong`` on, weighing likeness ** ``weight``."""

    strong: float
    weight: float


@dataclass(frozen=True, slots=True)
class Way:
    """How a search is made: with a second sweep or without, with scores as they are or moved."""

    hop: Hop | None = None
    normal: Normal | None = None

    def scored(self, raw: Floats) -> Floats:
        return self.normal(raw) if self.normal else raw


DIRECT: Final = Way()


@dataclass(frozen=True, slots=True)
class World:
    """A gallery (n, 128), whose each row is, and its first ``probes`` rows to search with."""

    rows: Floats
    people: Ints
    probes: int

    def shares(self) -> NDArray[np.float64]:
        """What one stranger of a probe's search adds to the mean over people and searches, where
        each search is made twice, with the person in the gallery and without."""
        _names, which, counts = np.unique(
            self.people[: self.probes], return_inverse=True, return_counts=True
        )
        return 0.5 / len(counts) / counts[which]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of both sweeps: of each pair of one person, and of the highest strangers.

    ``hopped``: shares of searches that made a second sweep, person in the gallery and not.
    """

    people: Ints
    mate_of: Ints
    mate: tuple[Floats, Floats]
    stranger: tuple[Floats, Floats]
    stranger_share: NDArray[np.float64]
    highest: Floats
    hopped: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Half:
    """Faces of one half of the people, as the portal and as a plain pipeline embeds them."""

    faces: Faces
    portal: Floats
    plain: Floats

    @staticmethod
    def of(faces: Faces) -> Half:
        rows = np.stack(faces.embeddings)
        plain = unit(rows[:, PLAIN].astype(np.float64)).astype(np.float32)
        return Half(faces, templates(rows, (STEADY,)).astype(np.float32), plain)

    @property
    def owners(self) -> Ints:
        return np.array(self.faces.people)

    @property
    def people(self) -> list[int]:
        return sorted(set(self.owners.tolist()))


# -- galleries -----------------------------------------------------------------------------------


def mirrored(rows: Floats, owners: Ints, people: list[int], n: int, seed: int) -> World:
    """``n`` pictures of strangers who are nobody, made of pictures of ``people``."""
    rng = np.random.default_rng(seed)
    mine = np.flatnonzero(np.isin(owners, people))
    mean = rows[mine].mean(axis=0)
    directions = np.linalg.svd(rows[mine] - mean, full_matrices=False)[2]
    own = [np.flatnonzero(owners == one) for one in people]
    made: list[Floats] = []
    whose: list[int] = []
    while len(whose) < n:
        at = own[int(rng.integers(len(own)))]
        signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), len(directions))
        made.append(((rows[at] - mean) @ directions.T * signs) @ directions + mean)
        whose.extend([-1 - len(made)] * len(at))
    return World(unit(np.concatenate(made)[:n]), np.array(whose[:n]), 0)


def world(half: Half, rows: Floats, people: list[int], *, admitted: bool = False) -> World:
    """Pictures of ``people``, each a probe; ``admitted``: only those wide enough for a portal."""
    widths = np.array(half.faces.widths)
    mine = np.isin(half.owners, people)
    probes = mine & (widths >= LEAST_PROBE) if admitted else mine
    rest = mine & ~probes & (widths >= LEAST_FACE)
    at = np.concatenate([np.flatnonzero(probes), np.flatnonzero(rest)])
    return World(np.ascontiguousarray(rows[at]), half.owners[at], int(probes.sum()))


def beside(of: World, others: World) -> World:
    """A gallery with others in it who are not searched for."""
    return World(
        np.concatenate([of.rows, others.rows]),
        np.concatenate([of.people, others.people]),
        of.probes,
    )


# -- scores --------------------------------------------------------------------------------------


def scores(of: World, way: Way = DIRECT) -> Scores:
    """Every probe against all other rows; with a hop once more with its strong hits."""
    mate_of, mates, strangers, shares, highest = [], [], [], [], []
    share = of.shares()
    floor: float | None = None
    hopped = np.zeros(2)
    for at, same, raw in _blocks(of):
        highest.append(np.where(same, _NEVER, raw).max(axis=1))
        direct = way.scored(raw)
        if floor is None:
            floor = float(np.quantile(direct[~same], 1 - min(1.0, _KEPT / len(of.rows))))
        for kind, allowed in enumerate((np.ones_like(same), ~same)):
            again, made = _hopped(of, at, raw, allowed, way)
            hopped[kind] += made
            if kind == 0:
                which, row = np.nonzero(same & (raw > _NEVER))
                mate_of.append(at[which])
                mates.append((direct[which, row], again[which, row]))
            which, row = np.nonzero(((direct >= floor) | (again >= floor)) & ~same)
            strangers.append((direct[which, row], again[which, row]))
            shares.append(share[at[which]])
    return Scores(
        people=of.people[: of.probes],
        mate_of=np.concatenate(mate_of),
        mate=_joined(mates),
        stranger=_joined(strangers),
        stranger_share=np.concatenate(shares),
        highest=np.concatenate(highest),
        hopped=(float(hopped[0] / of.probes), float(hopped[1] / of.probes)),
    )


def _blocks(of: World) -> Iterator[tuple[Ints, Mask, Floats]]:
    """Probes of a block, whose rows are theirs, and scores in which none finds itself."""
    for first in range(0, of.probes, _BLOCK):
        at = np.arange(first, min(of.probes, first + _BLOCK))
        raw = of.rows[at] @ of.rows.T
        raw[np.arange(len(at)), at] = _NEVER
        yield at, of.people[at, None] == of.people[None, :], raw


def _joined(pairs: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    return np.concatenate([one for one, _ in pairs]), np.concatenate([two for _, two in pairs])


def _hopped(of: World, at: Ints, raw: Floats, allowed: Mask, way: Way) -> tuple[Floats, int]:
    """Scores of the second sweep, for searches that have a strong hit, and how many have one."""
    again = np.full_like(raw, _NEVER)
    if way.hop is None:
        return again, 0
    strong = (raw >= way.hop.strong) & allowed
    which = np.flatnonzero(strong.any(axis=1))
    if not len(which):
        return again, 0
    wide = np.empty((len(which), of.rows.shape[1]), dtype=np.float32)
    for place, one in enumerate(which):
        hits = np.flatnonzero(strong[one])
        hits = hits[np.argsort(-raw[one, hits])][:MOST_STRONG]
        weights = np.concatenate([[1.0], raw[one, hits].astype(np.float64) ** way.hop.weight])
        wide[place] = fuse(np.concatenate([of.rows[at[one]][None], of.rows[hits]]), weights)
    again[which] = _swept(of, wide, at[which], way)
    return again, len(which)


def _swept(of: World, probes: Floats, at: Ints, way: Way) -> Floats:
    """Scores of widened probes; what is its own photo is not found."""
    raw = probes @ of.rows.T
    raw[np.arange(len(at)), at] = _NEVER
    swept = way.scored(raw)
    swept[np.arange(len(at)), at] = _NEVER
    return swept


# -- thresholds and shares -----------------------------------------------------------------------


def lowest(values: Floats, shares: NDArray[np.float64], wanted: float) -> float:
    """The lowest threshold at which no more than ``wanted`` strangers are shown per search."""
    order = np.argsort(-values, kind="stable")
    within = int(np.searchsorted(np.cumsum(shares[order]), wanted, side="right"))
    return float(values[order[within - 1]]) if within else float("inf")


def thresholds(of: Scores, wanted: float, first: float = 1.0) -> tuple[float, float]:
    """Of both sweeps, at ``wanted`` strangers in the union; the first shows ``first`` of them."""
    cut = lowest(of.stranger[0], of.stranger_share, wanted * first)
    left = of.stranger[0] < cut
    spent = float(of.stranger_share[~left].sum())
    return cut, lowest(of.stranger[1][left], of.stranger_share[left], wanted - spent)


def found(of: Scores, cuts: tuple[float, float]) -> Found:
    """Share of a person's other pictures shown, per person."""
    return _per_person(of, (of.mate[0] >= cuts[0]) | (of.mate[1] >= cuts[1]))


def _per_person(of: Scores, shown: Mask) -> Found:
    searches = len(of.people)
    mates = np.bincount(of.mate_of, minlength=searches)
    share = np.bincount(of.mate_of, shown, minlength=searches) / np.maximum(mates, 1)
    asked = mates > 0
    return np.array(
        [share[(of.people == one) & asked].mean() for one in np.unique(of.people[asked])]
    )


# -- officers and several photos -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cuts:
    """Thresholds of a case: of the photo, of the hop, of searches that an officer widened."""

    first: float
    hop: float
    later: float


def looped(of: World, way: Way, cuts: Cuts) -> tuple[NDArray[np.float64], float]:
    """Found per person and strangers per search where a perfect officer widens the search.

    The officer sees what photo and hop showed, confirms the person's faces and no others; those
    far from the photo widen nothing (drift guard). Searches without the person widen never.
    """
    shares, strangers, whose = [], 0.0, of.people[: of.probes]
    share = of.shares()
    for at, same, raw in _blocks(of):
        direct = way.scored(raw) >= cuts.first
        for kind, allowed in enumerate((np.ones_like(same), ~same)):
            shown = direct | (_hopped(of, at, raw, allowed, way)[0] >= cuts.hop)
            if kind == 0:
                _widened(of, at, (raw, same, shown), way, cuts.later)
                mates = same & (raw > _NEVER)
                own = (shown & mates).sum(axis=1) / np.maximum(mates.sum(axis=1), 1)
                shares.append(np.where(mates.any(axis=1), own, np.nan))
            strangers += float(((shown & ~same).sum(axis=1) * share[at]).sum())
    per_search = np.concatenate(shares)
    asked = ~np.isnan(per_search)
    per = [per_search[asked & (whose == one)].mean() for one in np.unique(whose[asked])]
    return np.array(per), strangers


def _widened(of: World, at: Ints, seen: tuple[Floats, Mask, Mask], way: Way, later: float) -> None:
    """Add what the officer's hops bring to the last of ``seen``: scores, own rows, shown rows."""
    raw, same, shown = seen
    used = np.zeros(len(at), dtype=np.int64)
    for _hop in range(MOST_HOPS):
        near = shown & same & (raw >= DRIFT_BELOW)
        which = np.flatnonzero(near.sum(axis=1) > used)
        if not len(which):
            return
        used[which] = near[which].sum(axis=1)
        together = near[which].astype(np.float32) @ of.rows + of.rows[at[which]]
        shown[which] |= _swept(of, unit(together), at[which], way) >= later


def loop_at(of: World, way: Way, wanted: float, first: float, hop_first: float = 1.0) -> Found:
    """Found per person with the officer loop at ``wanted`` strangers in all: what comes before
    the officer shows ``first`` of them, and ``hop_first`` of those come from the first sweep."""
    before = thresholds(scores(of, way), wanted * first, hop_first)
    low, high = before[0] - 0.2, before[0] + 0.4
    if way.normal is standard:
        low, high = before[0] - 2.0, before[0] + 4.0
    for _step in range(11):
        middle = (low + high) / 2
        if looped(of, way, Cuts(*before, middle))[1] > wanted:
            low = middle
        else:
            high = middle
    return looped(of, way, Cuts(*before, high))[0]


def fused(of: World, weights: NDArray[np.float64] | None, way: Way = DIRECT) -> Found:
    """Share found per person of the one picture left over, by the mean of all their others, at
    one stranger per search."""
    probes, mates, own = [], [], []
    for one in np.unique(of.people[: of.probes]):
        rows = np.flatnonzero(of.people[: of.probes] == one)
        for last in rows if len(rows) == PICTURES else ():
            rest = rows[rows != last]
            probes.append(fuse(of.rows[rest], None if weights is None else weights[rest]))
            mates.append(last)
            own.append(one)
    swept = way.scored(np.stack(probes) @ of.rows.T)
    other = np.array(own)[:, None] != of.people[None, :]
    floor = float(np.quantile(swept[other], 1 - min(1.0, _KEPT / len(of.rows))))
    over = swept[other & (swept >= floor)]
    cut = lowest(over, np.full(len(over), 1 / len(swept)), 1.0)
    hits = swept[np.arange(len(mates)), mates] >= cut
    return np.array([hits[np.array(own) == one].mean() for one in np.unique(own)])


# -- choosing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """Numbers chosen on the choosing people.

    ``loop``, ``hop_loop`` and ``tail_loop``: shares of the strangers before the officer, and of
    those from the first sweep.
    """

    strong_share: float
    weight: float
    first: float
    tail: OwnTail
    tail_first: float
    loop: tuple[float, float] = (0.5, 1.0)
    hop_loop: tuple[float, float] = (0.5, 0.5)
    tail_loop: tuple[float, float] = (0.5, 1.0)


def choosing_world(half: Half, size: int) -> World:
    """Half of the choosing people search among themselves and strangers made of the rest."""
    mine, rest = half.people[::2], half.people[1::2]
    alone = world(half, half.portal, mine)
    others = mirrored(half.portal, half.owners, rest, max(0, size - len(alone.rows)), SEED)
    return beside(alone, others) if size > len(alone.rows) else alone


def strong_at(of: World, share: float) -> float:
    """The score that a stranger reaches in this share of searches without the person."""
    return float(np.quantile(scores(of).highest, 1 - share))


def best_first(of: World, way: Way) -> tuple[float, float]:
    """The most found at one stranger per search, and the first sweep's share that finds it."""
    tried = scores(of, way)
    shares = FIRST_SHARES if way.hop else (1.0,)
    return max((float(found(tried, thresholds(tried, 1.0, one)).mean()), one) for one in shares)


def choose(half: Half, write: Write) -> Chosen:
    """The numbers that found most of the choosing people at one stranger per search."""
    of = choosing_world(half, SIZES[0])
    write(f"choosing people, N = {len(of.rows):,}; missed {1 - best_first(of, DIRECT)[0]:.2%}\n\n")
    write("| way | first sweep's strangers | missed |\n|---|---|---|\n")
    tails = [OwnTail(*one) for one in itertools.product(TAIL_SHARES, TAIL_PARTS)]
    _found, _share, tail = _best(of, [("", Way(normal=one), one) for one in tails], write)
    hops = [
        (share, weight, Hop(strong_at(of, share), weight))
        for share, weight in itertools.product(STRONG_SHARES, WEIGHTS)
    ]
    labelled = [(f"{share:.1%} over, ", Way(hop), (share, hop.weight)) for share, _w, hop in hops]
    _found, first, (share, weight) = _best(of, labelled, write)
    hop = Hop(strong_at(of, share), weight)
    tail_first = best_first(of, Way(hop, tail))[1]
    chosen = Chosen(share, weight, first, tail, tail_first)
    small = choosing_world(half, len(half.faces.people))
    own = Hop(strong_at(small, share), weight)
    return replace(
        chosen,
        loop=_best_loop(small, DIRECT, (1.0,)),
        hop_loop=_best_loop(small, Way(own), (0.3, 0.5, 0.7, 0.9)),
        tail_loop=_best_loop(small, Way(normal=tail), (1.0,)),
    )


def _best(of: World, ways: list[tuple[str, Way, T]], write: Write) -> tuple[float, float, T]:
    """What found most: the share found, the first sweep's share of strangers, and what it is."""
    tried = []
    for label, way, what in ways:
        share, first = best_first(of, way)
        write(f"| {label}{way.hop or way.normal} | {first:.0%} | {1 - share:.2%} |\n")
        tried.append((share, first, what))
    return max(tried, key=lambda one: one[0])


def _best_loop(of: World, way: Way, hop_firsts: tuple[float, ...]) -> tuple[float, float]:
    pairs = list(itertools.product(FIRST_SHARES, hop_firsts))
    return max(pairs, key=lambda one: float(loop_at(of, way, 1.0, *one).mean()))


# -- tables --------------------------------------------------------------------------------------


def line(write: Write, words: tuple[str, str, str], new: Found, old: Found, cost: float) -> None:
    """One row: shares missed, their paired difference, and the rule of docs/levers.md.

    ``words``: the lever, what it is compared with, and where; a cost below 0 asks for no rule.
    """
    low, high = interval(new - old)
    fewer = (new.mean() - old.mean()) / max(1 - old.mean(), 1e-9)
    passes = low > 0 and fewer >= FEWER_PER_10_MS * cost / 10
    rule = f"| {cost:.1f} | {'**yes**' if passes else 'no'} |" if cost >= 0 else "|"
    write(
        f"| {' | '.join(words)} | {1 - old.mean():.2%} | {1 - new.mean():.2%} "
        f"| {100 * (new - old).mean():+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] "
        f"| {fewer:.1%} {rule}\n"
    )


def own_ms(tail: OwnTail) -> float:
    """Milliseconds of this thread to find one probe's highest scores among a million."""
    row = np.random.default_rng(SEED).normal(0, 0.1, (1, _MILLION)).astype(np.float32)
    taken = []
    for _round in range(9):
        began = time.thread_time()
        tail(row)
        taken.append(1000 * (time.thread_time() - began))
    return float(np.median(taken))


def report(choosing: Half, reporting: Half, write: Write) -> None:
    """Choose on one half, print the tables of the other."""
    chosen = choose(choosing, write)
    write(f"\nchosen: {chosen}\n\n")
    alike(choosing, reporting, write)
    write("| lever | against | at | missed before | missed with it | difference, points ")
    write("| fewer | ms | passes |\n|---|---|---|---|---|---|---|---|---|\n")
    alone = world(reporting, reporting.portal, reporting.people)
    small = len(alone.rows)
    worlds = [(rate * small, f"FMR {rate:.0e}, N = {small:,}", alone) for rate in (1e-3, 1e-4)] + [
        (1.0, f"N = {small:,}", alone)
    ]
    for size in SIZES:
        others = mirrored(choosing.portal, choosing.owners, choosing.people, size - small, SEED + 1)
        worlds.append((1.0, f"N = {size:,}", beside(alone, others)))
    wide = world(reporting, reporting.portal, reporting.people, admitted=True)
    worlds.append((1.0, f"{wide.probes} wide enough, N = {len(wide.rows):,}", wide))
    cost = own_ms(chosen.tail)
    for wanted, at, of in worlds:
        levers_at(choosing_world(choosing, len(of.rows)), of, chosen, (wanted, at, cost), write)
    against_plain(choosing, reporting, chosen, write)


def alike(choosing: Half, reporting: Half, write: Write) -> None:
    """How many real and how many mirrored strangers lie over a score, as portal and as plain."""
    write(
        "| strangers of the reporting people | rows | over .30, plain .40 | .36, .45 | .45, .50 |"
    )
    write("\n|---|---|---|---|---|\n")
    for name, over, rows, probes in (
        ("portal", (0.30, 0.36, 0.45), choosing.portal, reporting.portal),
        ("plain", (0.40, 0.45, 0.50), choosing.plain, reporting.plain),
    ):
        others = mirrored(rows, choosing.owners, choosing.people, 20_000, SEED).rows
        for kind, strangers in (("real", rows), ("mirrored", others)):
            swept = probes @ strangers.T
            shares = " | ".join(f"{(swept >= cut).mean():.1e}" for cut in over)
            write(f"| {kind}, {name} | {len(strangers):,} | {shares} |\n")
    write("\n")


def levers_at(
    apart: World, of: World, chosen: Chosen, wanted: tuple[float, str, float], write: Write
) -> None:
    """The levers one after another, at as many strangers; ``apart`` gives the strong threshold."""
    strangers, at, cost = wanted
    hop = Hop(strong_at(apart, chosen.strong_share), chosen.weight)
    base, tailed = scores(of), scores(of, Way(normal=chosen.tail))
    before = found(base, thresholds(base, strangers))
    own = found(tailed, thresholds(tailed, strangers))
    zed = scores(of, Way(normal=standard))
    line(write, ("z-norm", "steady", at), found(zed, thresholds(zed, strangers)), before, 0.0)
    line(write, ("own tail", "steady", at), own, before, cost)
    for way, name, old, first in (
        (Way(hop), "steady", before, chosen.first),
        (Way(hop, chosen.tail), "own tail", own, chosen.tail_first),
    ):
        tried = scores(of, way)
        label = f"hop from {hop.strong:.3f} ({tried.hopped[0]:.0%}, {tried.hopped[1]:.1%} hop)"
        after = found(tried, thresholds(tried, strangers, first))
        line(write, (label, name, at), after, old, SWEEP_MS)


def against_plain(choosing: Half, reporting: Half, chosen: Chosen, write: Write) -> None:
    """What the target asks for: misses against plain SFace, at one stranger per search."""
    write("\n| way | against | at | missed before | missed | difference, points | fewer |\n")
    write("|---|---|---|---|---|---|---|\n")
    small = len(reporting.faces.people)
    weights = np.array(reporting.faces.weights)
    for size in (small, SIZES[0]):
        at = f"N = {size:,}"
        of = world(reporting, reporting.portal, reporting.people)
        raw = world(reporting, reporting.plain, reporting.people)
        if size > small:
            people, owners = choosing.people, choosing.owners
            of = beside(of, mirrored(choosing.portal, owners, people, size - small, SEED + 1))
            raw = beside(raw, mirrored(choosing.plain, owners, people, size - small, SEED + 1))
        hop = Hop(strong_at(choosing_world(choosing, size), chosen.strong_share), chosen.weight)
        base, plain, hopped = scores(of), scores(raw), scores(of, Way(hop))
        tail = Way(normal=chosen.tail)
        old = found(plain, thresholds(plain, 1.0))
        loop = loop_at(of, DIRECT, 1.0, *chosen.loop)
        ways = (
            ("one photo", found(base, thresholds(base, 1.0))),
            ("one photo, hop", found(hopped, thresholds(hopped, 1.0, chosen.first))),
            ("officer loop", loop),
        )
        for name, new in ways:
            line(write, (name, "plain, one photo", at), new, old, -1.0)
        new = loop_at(of, Way(hop), 1.0, *chosen.hop_loop)
        line(write, ("hop, then officer loop", "officer loop", at), new, loop, -1.0)
        new = loop_at(of, tail, 1.0, *chosen.tail_loop)
        line(write, ("own tail, officer loop", "officer loop", at), new, loop, -1.0)
        line(write, ("own tail, officer loop", "plain, one photo", at), new, old, -1.0)
        three, mean = fused(of, weights), fused(raw, None)
        line(write, ("three photos", "plain, three averaged", at), three, mean, -1.0)
        new = fused(of, weights, tail)
        line(write, ("three photos, own tail", "three photos", at), new, three, -1.0)


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; the pictures are made unless --keep has their embeddings."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hop", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=Path("var/weights"))
    parser.add_argument("--people", type=int, help="only so many of each half")
    parser.add_argument("--keep", type=Path, help="folder for the embeddings; read where it exists")
    options = parser.parse_args(arguments)
    people = people_of(options.folder)
    network = Network(BiometricsConfig(home=options.home))
    halves = []
    for number, name in enumerate(("choosing", "reporting")):
        kept = options.keep / f"{name}.npz" if options.keep else None
        if kept is not None and kept.exists():
            faces = Faces.load(kept)
        else:
            chosen = list(range(number, len(people), 2))[: options.people]
            faces = gather(people, chosen, network)
            if kept is not None:
                faces.save(kept)
        halves.append(Half.of(faces))
    report(halves[0], halves[1], sys.stdout.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

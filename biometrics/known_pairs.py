"""Scores of people whose names are known, by the searches that the portal makes of their pictures.

One photo; two to five photos fused by quality; and a search that confirmed faces widen, hop by
hop, of which only candidates count that were not shown before. Scores of these mean different
things: each kind has pairs, thresholds and odds of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BiometricsError
from biometrics.fusion import DRIFT_BELOW, MOST_HOPS, MOST_PHOTOS, fuse, widen

Floats = NDArray[np.float64]
Templates = NDArray[np.float32]
People = NDArray[np.intp]

LEAST_PEOPLE: Final = 30

ONE_PHOTO, WIDENED = "one_photo", "widened"
SEVERAL: Final = tuple(range(2, MOST_PHOTOS + 1))

_DRAWS = 10
_SEARCH_DRAWS = 4
_MOST_STRANGERS = 20_000_000
_MOST_PEOPLE = 6_000
_MOST_SEARCHED = 3_000
_LEAST_TO_WIDEN = 3
"""Pictures of a person: one is the photo, one is confirmed, one is left to be found."""


def of_photos(photos: int) -> str:
    """The kind of a search with so many photos."""
    return ONE_PHOTO if photos == 1 else f"photos_{photos}"


KINDS: Final = (*(of_photos(photos) for photos in (1, *SEVERAL)), WIDENED)


def _nobody() -> People:
    return np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Templates of known people: float32 (n, dim) unit rows, and whose each is, int (n,).

    ``weights`` (n,): how much a picture counts among photos of a probe; None: all alike.
    ``faceless`` (m,): whose the pictures are in which no face was found.
    """

    templates: Templates
    people: People
    weights: Floats | None = None
    faceless: People = field(default_factory=_nobody)

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or self.people.shape != (len(self.templates),):
            raise BiometricsError("expected templates (n, dim) and people (n,)")
        if self.weights is not None and self.weights.shape != self.people.shape:
            raise BiometricsError("expected weights (n,)")

    def of(self, people: People) -> LabelledFaces:
        """The pictures of some of the people."""
        kept = np.isin(self.people, people)
        return LabelledFaces(
            self.templates[kept],
            self.people[kept],
            None if self.weights is None else self.weights[kept],
            self.faceless[np.isin(self.faceless, people)],
        )

    def probe(self, rows: NDArray[np.intp]) -> Templates:
        """What these photos of one person are searched with."""
        if len(rows) == 1:
            only: Templates = self.templates[rows[0]]
            return only
        return fuse(self.templates[rows], None if self.weights is None else self.weights[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Cosines of known pairs: of one person (each with the person's number) and of strangers.

    ``strangers`` may hold several draws of pictures of the same people; ``stranger_pairs`` counts
    the pairs of people once. ``per_search``: strangers one probe is compared with; ``searched``:
    people searched for; ``times``: for how many comparisons one score of a stranger stands when
    everybody of them is searched for once. ``lost``: per pair that holds a picture without a
    found face its person. ``left``: share of a person's records such a search still asks for.
    ``searcher``: per score of a stranger who was searched for, where that is known.
    """

    genuine: Floats
    people: People
    strangers: Floats
    stranger_pairs: int
    per_search: int
    searched: int
    times: float
    lost: People = field(default_factory=_nobody)
    left: float = 1.0
    searcher: People = field(default_factory=_nobody)


def halves(faces: LabelledFaces, rng: np.random.Generator) -> tuple[LabelledFaces, LabelledFaces]:
    """The people dealt into two halves."""
    names = rng.permutation(np.unique(faces.people))
    return faces.of(names[: len(names) // 2]), faces.of(names[len(names) // 2 :])


def rows_by_person(people: People) -> dict[int, NDArray[np.intp]]:
    """The rows of each person."""
    order = np.argsort(people, kind="stable")
    names, starts = np.unique(people[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))


# -- one photo ------------------------------------------------------------------------------------


def scores_of(faces: LabelledFaces, rng: np.random.Generator) -> Scores:
    """Every genuine pair; strangers with one picture per person, ten draws of pictures."""
    genuine, whose = [], []
    rows_of = rows_by_person(faces.people)
    for person, rows in rows_of.items():
        if len(rows) < 2:
            continue
        same = faces.templates[rows].astype(np.float64)
        found = (same @ same.T)[np.triu_indices(len(rows), 1)]
        genuine.append(found)
        whose.append(np.full(len(found), person, dtype=np.intp))
    single = all(len(rows) == 1 for rows in rows_of.values())
    chosen = rng.permutation(list(rows_of))[:_MOST_PEOPLE].tolist()
    pairs = len(chosen) * (len(chosen) - 1) // 2
    draws = 1 if single else max(1, min(_DRAWS, _MOST_STRANGERS // max(pairs, 1)))
    strangers = np.concatenate(
        [one_each(faces, [rows_of[one] for one in chosen], rng) for _ in range(draws)]
    )
    per_search, searched = len(rows_of) - 1, len(whose)
    return Scores(
        np.concatenate(genuine) if genuine else np.empty(0),
        np.concatenate(whose) if whose else _nobody(),
        strangers,
        stranger_pairs=pairs,
        per_search=per_search,
        searched=searched,
        times=per_search * searched / max(len(strangers), 1),
        lost=_lost_pairs(faces),
    )


def _lost_pairs(faces: LabelledFaces) -> People:
    """The person of each pair of pictures that can't be compared: one has no found face."""
    names, without = np.unique(faces.faceless, return_counts=True)
    found = np.array([np.count_nonzero(faces.people == one) for one in names.tolist()], np.intp)
    both = found + without
    return np.repeat(names, both * (both - 1) // 2 - found * (found - 1) // 2)


def one_each(
    faces: LabelledFaces, rows_of: Sequence[NDArray[np.intp]], rng: np.random.Generator
) -> Floats:
    """Scores of all pairs of people, one picture of each at random."""
    rows = faces.templates[[int(rng.choice(rows)) for rows in rows_of]].astype(np.float32)
    parts = [(rows[at + 1 :] @ rows[at]).astype(np.float64) for at in range(len(rows) - 1)]
    return np.concatenate(parts) if parts else np.empty(0)


# -- several photos, and searches widened by confirmed faces --------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """One search for one person: the person's rows, shuffled, and one face of everybody else."""

    person: int
    rows: NDArray[np.intp]
    strangers: Templates


def _trials(
    faces: LabelledFaces, least: int, rng: np.random.Generator
) -> tuple[int, Iterator[_Trial]]:
    """How many people have ``least`` pictures with a face, and searches for them, some draws."""
    rows_of = rows_by_person(faces.people)
    able = [person for person, rows in rows_of.items() if len(rows) >= least]
    if len(able) > _MOST_SEARCHED:
        able = rng.permutation(able)[:_MOST_SEARCHED].tolist()
    in_gallery = min(len(rows_of), _MOST_PEOPLE)
    draws = max(1, min(_SEARCH_DRAWS, _MOST_STRANGERS // max(len(able) * in_gallery, 1)))

    def run() -> Iterator[_Trial]:
        for _ in range(draws):
            owner = rng.permutation(list(rows_of))[:_MOST_PEOPLE]
            gallery = faces.templates[[int(rng.choice(rows_of[one])) for one in owner.tolist()]]
            for person in able:
                rows = rng.permutation(rows_of[person])
                yield _Trial(person, rows, gallery[owner != person])

    return len(able), run()


def fused_scores(faces: LabelledFaces, photos: int, rng: np.random.Generator) -> Scores | None:
    """For probes fused of several photos, weighted as the portal weights them.

    None where fewer than 30 people have a picture left over.
    """
    searched, trials = _trials(faces, photos + 1, rng)
    if searched < LEAST_PEOPLE:
        return None
    genuine, whose, strangers = [], [], []
    for trial in trials:
        probe = faces.probe(trial.rows[:photos])
        mates = faces.templates[trial.rows[photos:]].astype(np.float64) @ probe.astype(np.float64)
        genuine.append(mates)
        whose.append(np.full(len(mates), trial.person, dtype=np.intp))
        strangers.append((trial.strangers @ probe).astype(np.float64))
    everybody = len(np.unique(faces.people))
    scores = np.concatenate(strangers)
    return Scores(
        np.concatenate(genuine),
        np.concatenate(whose),
        scores,
        stranger_pairs=searched * (min(everybody, _MOST_PEOPLE) - 1),
        per_search=everybody - 1,
        searched=searched,
        times=(everybody - 1) * searched / len(scores),
    )


def widened_scores(
    faces: LabelledFaces,
    rng: np.random.Generator,
    *,
    first: float,
    later: float | None = None,
) -> Scores | None:
    """For searches that confirmed faces widen: scores of what the search before did not show.

    The photo is searched with at ``first``; an officer who is never wrong confirms; the mean of
    photo and confirmed faces is searched with at ``later``, and so on for three hops. Without
    ``later`` the first hop alone. None where for fewer than 30 people anything was confirmed.
    """
    able, trials = _trials(faces, _LEAST_TO_WIDEN, rng)
    genuine, whose, strangers, searchers, shares = [], [], [], [], []
    begun, made = set(), 0
    for trial in trials:
        made += 1
        mates = faces.templates[trial.rows[1:]]
        probe = faces.templates[trial.rows[0]]
        hops = _hops(probe, mates, trial.strangers, first=first, later=later)
        for own, strange in hops:
            begun.add(trial.person)
            shares.append(len(own) / len(mates))
            genuine.append(own)
            whose.append(np.full(len(own), trial.person, dtype=np.intp))
            strangers.append(strange)
            searchers.append(np.full(len(strange), trial.person, dtype=np.intp))
    if len(begun) < LEAST_PEOPLE:
        return None
    everybody = len(np.unique(faces.people))
    return Scores(
        np.concatenate(genuine),
        np.concatenate(whose),
        np.concatenate(strangers),
        stranger_pairs=len(begun) * (min(everybody, _MOST_PEOPLE) - 1),
        per_search=everybody - 1,
        searched=len(begun),
        times=(everybody - 1) / min(everybody - 1, _MOST_PEOPLE) * able / made,
        left=float(np.mean(shares)),
        searcher=np.concatenate(searchers),
    )


def _hops(
    probe: Templates, mates: Templates, strangers: Templates, *, first: float, later: float | None
) -> Iterator[tuple[Floats, Floats]]:
    """Scores of own faces and of strangers not shown before, hop by hop.

    As the portal does, a confirmed face far from the photo widens nothing.
    """
    near = mates @ probe
    shown, others = near >= first, strangers @ probe >= first
    used = 0
    for _ in range(MOST_HOPS if later is not None else 1):
        confirmed = mates[shown & (near >= DRIFT_BELOW)]
        if len(confirmed) == used:
            return
        used = len(confirmed)
        widened = widen(probe, confirmed)
        own, strange = mates[~shown] @ widened, strangers[~others] @ widened
        yield own.astype(np.float64), strange.astype(np.float64)
        if later is not None:
            shown[np.flatnonzero(~shown)[own >= later]] = True
            others[np.flatnonzero(~others)[strange >= later]] = True

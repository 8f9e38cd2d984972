"""Searches of the test: who is looked for with which photos, and every face that scores high."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics import fusion
from biometrics.evaluation.features import Templates
from biometrics.evaluation.population import Ints, Population

Floats = NDArray[np.float64]

MOST_DRAWS: Final = 10
"""Searches per person; a person with more pictures counts no more than another."""
MOST_SEARCHES: Final = 8000

_BLOCK = 256
_SAMPLE = 400


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Searches, q of them, each with k photos of one person.

    ``photos``: (q, k) picture numbers; ``out``: (q, j) pictures that are not in the gallery of
    this search, its photos among them; ``person``: (q,); ``mates``: (q,) how many other pictures
    of the person there are, with or without a face found; ``made``: (q,) False where no photo
    has a face, so that nothing can be searched.
    """

    photos: Ints
    out: Ints
    person: Ints
    mates: Ints
    made: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.person)

    def only(self, wanted: NDArray[np.bool_]) -> Searches:
        """The searches where ``wanted`` (q,) is True."""
        return Searches(
            self.photos[wanted],
            self.out[wanted],
            self.person[wanted],
            self.mates[wanted],
            self.made[wanted],
        )

    def with_first(self, count: int, population: Population) -> Searches:
        """The same searches with only the first ``count`` photos of each.

        The gallery stays the same: photos left out are in it neither, so that one and three
        photos are asked the same question.
        """
        photos = self.photos[:, :count]
        return replace(self, photos=photos, made=_made(population, photos))


def draw(population: Population, wanted: NDArray[np.bool_], photos: int, seed: int) -> Searches:
    """Searches with ``photos`` photos for each wanted person (people,) who has that many.

    With one photo each picture is a search, at most MOST_DRAWS of a person; with several as many
    random choices. A person with no picture left over is a non-mated search only.
    """
    rng = np.random.default_rng((seed, photos))
    able = [
        pictures
        for one, pictures in enumerate(population.pictures_of())
        if wanted[one] and len(pictures) >= photos
    ]
    most = max(1, min(MOST_DRAWS, MOST_SEARCHES // max(1, len(able))))
    chosen: list[Ints] = []
    for pictures in able:
        chosen.append(_choices(pictures, photos, most, rng))
    rows = np.concatenate(chosen) if chosen else np.empty((0, photos), dtype=np.int64)
    person = population.person[rows[:, 0]]
    have = np.bincount(population.person, minlength=population.people)
    return Searches(
        photos=rows,
        out=rows,
        person=person,
        mates=have[person] - photos,
        made=_made(population, rows),
    )


def _made(population: Population, photos: Ints) -> NDArray[np.bool_]:
    return np.asarray((population.face[photos] >= 0).any(axis=1), dtype=np.bool_)


def _choices(pictures: Ints, photos: int, most: int, rng: np.random.Generator) -> Ints:
    """Up to ``most`` different choices of ``photos`` of the pictures, (draws, photos)."""
    if photos == 1:
        return rng.permutation(pictures)[:most, None]
    possible = math.comb(len(pictures), photos)
    found: dict[frozenset[int], Ints] = {}
    while len(found) < min(most, possible):
        one = rng.choice(pictures, photos, replace=False)
        found.setdefault(frozenset(one.tolist()), one)
    return np.stack(list(found.values()))


def probes(
    population: Population, searches: Searches, templates: Templates, *, weighted: bool
) -> Templates:
    """What is searched with, float32 (q, dimension): the fused photos; zeros where none is made.

    ``weighted``: by the quality of the photos, as the portal does.
    """
    faces = population.face[searches.photos]
    found = np.zeros((len(searches), templates.shape[1]), dtype=np.float32)
    if faces.shape[1] == 1:
        found[searches.made] = templates[faces[searches.made, 0]]
        return found
    for number in np.flatnonzero(searches.made).tolist():
        have = faces[number][faces[number] >= 0]
        weights = population.weights[have] if weighted else None
        found[number] = fusion.fuse(templates[have], weights)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Faces that score ``floor`` or more, of all searches: parallel arrays of equal length.

    ``search``, ``face``: numbers; ``score``: cosine; ``mate``: whether the face is the person's.
    Photos searched with are never among them.
    """

    search: Ints
    face: Ints
    score: NDArray[np.float32]
    mate: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.search)

    def only(self, wanted: NDArray[np.bool_]) -> Candidates:
        """Those where ``wanted`` is True."""
        return Candidates(
            self.search[wanted], self.face[wanted], self.score[wanted], self.mate[wanted]
        )


def compare(
    population: Population,
    searches: Searches,
    rows: Templates,
    *,
    templates: Templates,
    gallery: Ints,
    floor: float,
    numbers: Ints | None = None,
) -> Candidates:
    """Compare searches with the faces ``gallery`` (numbers), block by block.

    ``rows``: what is searched with, (q, dimension), or (m, dimension) for the searches
    ``numbers`` (m,) alone.
    """
    which = np.arange(len(searches)) if numbers is None else numbers
    faces = templates[gallery]
    owner, source = population.owner[gallery], population.source[gallery]
    parts: list[tuple[Ints, Ints, NDArray[np.float32]]] = []
    for first in range(0, len(which), _BLOCK):
        block = which[first : first + _BLOCK]
        scores = rows[first : first + _BLOCK] @ faces.T
        scores[~searches.made[block]] = -2.0
        at, column = np.nonzero(scores >= floor)
        parts.append((block[at], column, scores[at, column]))
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Candidates(none, none, np.empty(0, np.float32), np.empty(0, np.bool_))
    search, column, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    found = Candidates(search, gallery[column], score, owner[column] == searches.person[search])
    out = (source[column][:, None] == searches.out[search]).any(axis=1)
    return found.only(~out)


def floor_at(
    population: Population,
    searches: Searches,
    rows: Templates,
    *,
    templates: Templates,
    gallery: Ints,
    rate: float,
    seed: int,
) -> float:
    """A score under which no threshold will lie: about twice ``rate`` of strangers reach it."""
    made = np.flatnonzero(searches.made)
    if not len(made) or not len(gallery):
        return -1.0
    some = np.random.default_rng(seed).permutation(made)[:_SAMPLE]
    scores = rows[some] @ templates[gallery].T
    strangers = population.owner[gallery][None, :] != searches.person[some][:, None]
    values = scores[strangers]
    share = min(1.0, 2.0 * rate)
    if not len(values) or share * len(values) < 20:
        return -1.0
    return float(np.quantile(values, 1.0 - share))


def per_person(searches: Searches, values: Floats) -> tuple[Ints, Floats]:
    """The people of the searches and the mean of ``values`` (q,) over each one's searches."""
    people, number = np.unique(searches.person, return_inverse=True)
    sums = np.bincount(number, weights=values, minlength=len(people))
    return people, sums / np.bincount(number, minlength=len(people))

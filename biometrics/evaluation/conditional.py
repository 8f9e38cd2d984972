"""How much is found under which conditions: size, sharpness, pose, age gap, groups.

One photo, at one stranger per search and full size, on the reporting half. A mated pair (photo
searched with, other picture of the person) lies in a cell by the worse of its two pictures; a
cell's share is the mean over its people. Cells under 30 people say "too few".
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.evaluation import bootstrap, verification
from biometrics.evaluation.features import Templates
from biometrics.evaluation.identification import Half
from biometrics.evaluation.population import Ints, Population
from biometrics.evaluation.searches import Floats

FEWEST_PEOPLE: Final = 30
TOO_FEW: Final = "too few"

_WIDTHS = (0, 60, 80, 100, 130, 180, 260)
_YAWS = (0, 10, 20, 30, 45)
_GAPS = (0, 1, 3, 5, 10, 20)
_GROUPS = ("gender", "ethnicity", "dataset")


def tables(
    population: Population, half: Half, templates: Templates, threshold: float, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Rows per condition: cell, people, pairs, found with interval, or the note "too few"."""
    photo, other, number = _mated_pairs(population, half)
    found = _found(population, half, number, other, threshold)
    person = population.person[photo]

    def cells(names: NDArray[Any], order: list[str]) -> list[dict[str, Any]]:
        return [
            {"cell": name} | _cell(person[names == name], found[names == name], seed)
            for name in order
            if (names == name).any()
        ]

    width, sharpness, yaw = _worse(population, photo, other)
    out = {
        "face_width_px": cells(*_ranges(width, _WIDTHS)),
        "sharpness": cells(*_ranges(sharpness, _quartiles(sharpness))),
        "yaw_degrees": cells(*_ranges(yaw, _YAWS)),
    }
    years = np.array([np.nan if x.years is None else x.years for x in population.labels])
    gap = np.abs(years[photo] - years[other])
    if np.isfinite(gap).any():
        out["age_gap_years"] = cells(*_ranges(gap, _GAPS, unknown="not dated"))
    out["condition"] = cells(*_named(population, other, "condition"))
    strangers = _Within(population, templates, threshold, seed)
    for group in _GROUPS:
        names, order = _named(population, photo, group)
        rows = cells(names, order)
        out[group] = [row | strangers.rate(group, str(row["cell"])) for row in rows]
    return {name: rows for name, rows in out.items() if rows}


def _mated_pairs(population: Population, half: Half) -> tuple[Ints, Ints, Ints]:
    """All (photo, other picture) pairs of one-photo searches, and the search of each."""
    pictures = population.pictures_of()
    photos, others, numbers = [], [], []
    for number in np.flatnonzero(half.searches.mates > 0).tolist():
        photo = int(half.searches.photos[number, 0])
        mates = pictures[int(half.searches.person[number])]
        mates = mates[mates != photo]
        photos.append(np.full(len(mates), photo))
        others.append(mates)
        numbers.append(np.full(len(mates), number))
    return np.concatenate(photos), np.concatenate(others), np.concatenate(numbers)


def _found(
    population: Population, half: Half, number: Ints, other: Ints, threshold: float
) -> NDArray[np.bool_]:
    hits = half.candidates.only(half.candidates.mate & (half.candidates.score >= threshold))
    size = len(population.labels)
    return np.isin(number * size + other, hits.search * size + population.source[hits.face])


def _worse(population: Population, photo: Ints, other: Ints) -> tuple[Floats, Floats, Floats]:
    """Width and sharpness: the lower; yaw: the larger turn; NaN where a picture has no face."""
    facts = np.full((len(population.labels), 3), np.nan)
    have = population.face >= 0
    facts[have] = population.facts[population.face[have]]
    one, two = facts[photo], facts[other]
    return (
        np.minimum(one[:, 0], two[:, 0]),
        np.minimum(one[:, 1], two[:, 1]),
        np.maximum(np.abs(one[:, 2]), np.abs(two[:, 2])),
    )


def _quartiles(values: Floats) -> tuple[float, ...]:
    known = values[np.isfinite(values)]
    if not len(known):
        return (0.0,)
    quartiles = np.quantile(known, [0.25, 0.5, 0.75])
    return (0.0, *(round(float(value), 4) for value in np.unique(quartiles)))


def _ranges(
    values: Floats, edges: tuple[float, ...], unknown: str = "no face found"
) -> tuple[NDArray[Any], list[str]]:
    """Names of the ranges that values lie in, and these names in order."""
    order = [f"{low:g} to {high:g}" for low, high in zip(edges, edges[1:], strict=False)]
    order += [f"{edges[-1]:g} and more", unknown]
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 1)
    at = np.where(np.isfinite(values), at, len(edges))
    return np.array(order)[at], order


def _named(population: Population, pictures: Ints, group: str) -> tuple[NDArray[Any], list[str]]:
    values = np.array([label.groups.get(group, "") for label in population.labels])[pictures]
    return values, [str(name) for name in np.unique(values) if name]


def _cell(person: Ints, found: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    people, inverse = np.unique(person, return_inverse=True)
    counts: dict[str, Any] = {"people": len(people), "pairs": len(found)}
    if len(people) < FEWEST_PEOPLE:
        return counts | {"found": None, "note": TOO_FEW}
    share = np.bincount(inverse, weights=found) / np.bincount(inverse)
    interval = bootstrap.mean_interval(share, seed)
    return counts | {"found": float(share.mean()), "found_interval": interval}


class _Within:
    """FMR among people of one group: one picture per person, at the same threshold."""

    def __init__(
        self, population: Population, templates: Templates, threshold: float, seed: int
    ) -> None:
        faces = verification.one_each(population, np.random.default_rng((seed, 9)))
        self._labels = [population.labels[population.source[face]] for face in faces]
        self._rows = templates[faces]
        self._threshold = threshold

    def rate(self, group: str, name: str) -> dict[str, Any]:
        """FMR within the group, and the people it rests on."""
        inside = np.array([label.groups.get(group) == name for label in self._labels])
        count = int(inside.sum())
        if count < FEWEST_PEOPLE:
            return {"fmr_within": None, "fmr_people": count}
        scores = verification.impostor_scores(self._rows[inside])
        return {
            "fmr_within": float((scores >= self._threshold).mean()),
            "fmr_people": count,
        }

"""What larger galleries bring: the tail of strangers' scores, the share found beyond the set."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.evaluation import bootstrap
from biometrics.evaluation.features import Templates
from biometrics.evaluation.identification import Half
from biometrics.evaluation.population import Population
from biometrics.evaluation.searches import per_person
from biometrics.evaluation.verification import impostor_scores, one_each
from biometrics.tail import TEST_RATE, Tail, TooFewPairs

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
STRANGERS: Final = (1, 10, 100)
NOT_USABLE: Final = "not usable"
EXTRAPOLATED: Final = "extrapolated"

_MOST_PEOPLE = 6000
_POINTS = 60


def fit(
    population: Population, templates: Templates, choosing: NDArray[np.bool_], seed: int
) -> tuple[Tail | None, dict[str, Any], NDArray[np.float32]]:
    """The tail of the choosing half, tested on the other; what the JSON says of it; test scores.

    One picture per person. None where there are too few people for a tail.
    """
    rng = np.random.default_rng((seed, 11))
    faces = one_each(population, rng)
    chosen = choosing[population.owner[faces]]
    fitted = impostor_scores(templates[faces[chosen][:_MOST_PEOPLE]])
    tested = impostor_scores(templates[faces[~chosen][:_MOST_PEOPLE]])
    try:
        tail = Tail.fit(fitted, others=tested)
    except TooFewPairs as error:
        said = {"usable": False, "note": NOT_USABLE, "why": str(error), "pairs": len(fitted)}
        return None, said, tested
    return tail, _described(tail), tested


def _described(tail: Tail) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": "generalised Pareto over the top 0.2 % of impostor scores",
        "usable": tail.usable,
        "note": "" if tail.usable else NOT_USABLE,
        "pairs": tail.pairs,
        "pairs_in_tail": tail.in_tail,
        "cut": tail.cut,
        "scale": tail.scale,
        "shape": tail.shape,
        "extrapolated_below_fmr": tail.reach,
        "thresholds": [
            {"fmr": rate, "threshold": tail.threshold(rate)} for rate in (1e-3, 1e-4, 1e-5, 1e-6)
        ],
    }
    if tail.test is not None:
        found["self_test"] = {
            "fmr": tail.test.rate,
            "threshold": tail.test.threshold,
            "pairs_of_other_people": tail.test.pairs,
            "expected": tail.test.expected,
            "observed": tail.test.observed,
            "enough_pairs": tail.test.enough,
            "passed": tail.test.passed,
        }
        if not tail.test.enough:
            found["why"] = (
                f"the other people give {tail.test.expected:.1f} pairs at a rate of {TEST_RATE:g}: "
                "too few to test on"
            )
    return found


def expected(
    population: Population, half: Half, templates: Templates, tail: Tail | None, seed: int
) -> list[dict[str, Any]]:
    """Share found with one photo at sizes and strangers per search, by the tail's thresholds."""
    people, search, score = _mate_scores(population, half, templates)
    rows: list[dict[str, Any]] = []
    for n in SIZES:
        for strangers in STRANGERS:
            rate = strangers / n
            row: dict[str, Any] = {"n": n, "strangers_per_search": strangers, "fmr": rate}
            if tail is None or not tail.usable:
                rows.append(row | {"found": None, "note": NOT_USABLE})
                continue
            threshold = tail.threshold(rate)
            over = np.bincount(search, weights=score >= threshold, minlength=len(half.searches))
            mated = half.searches.mates > 0
            share = over[mated] / half.searches.mates[mated]
            _, found = per_person(half.searches.only(mated), share)
            rows.append(
                row
                | {
                    "threshold": threshold,
                    "found": float(found.mean()),
                    "found_interval": bootstrap.mean_interval(found, seed),
                    "people": people,
                    "note": EXTRAPOLATED if rate < tail.reach else "",
                }
            )
    return rows


def _mate_scores(
    population: Population, half: Half, templates: Templates
) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
    """Scores of all mated pairs of made searches: people, and search and score of each pair."""
    pictures = population.pictures_of()
    numbers, scores = [], []
    made = np.flatnonzero((half.searches.mates > 0) & half.searches.made)
    for number in made.tolist():
        mates = pictures[int(half.searches.person[number])]
        faces = population.face[np.setdiff1d(mates, half.searches.out[number])]
        faces = faces[faces >= 0]
        scores.append((templates[faces] @ half.rows[number]).astype(np.float64))
        numbers.append(np.full(len(faces), number))
    people = len(np.unique(half.searches.person[half.searches.mates > 0]))
    if not scores:
        return people, np.empty(0, dtype=np.int64), np.empty(0)
    return people, np.concatenate(numbers), np.concatenate(scores)


def curve(tail: Tail, tested: NDArray[np.float32]) -> tuple[list[Any], list[Any]]:
    """Points (threshold, FMR) of the fit and of what other people show, for the tail's curve."""
    ordered = np.sort(tested)[::-1]
    top = ordered[: max(1, int(0.01 * len(ordered)))]
    at = np.unique(np.geomspace(1, len(top), _POINTS).astype(np.int64))
    measured = [(float(top[i - 1]), float(i / len(ordered))) for i in at.tolist()]
    lowest = min(tail.reach, 1e-7)
    rates = np.geomspace(lowest, 0.01, _POINTS)
    fitted = [(tail.threshold(float(rate)), float(rate)) for rate in rates]
    return fitted, measured

"""The operating point in force: what searches find at the thresholds that serve.

Tables by strangers per search choose a threshold for each line; a portal runs at one. And the
plain pipeline beside each line at as many strangers as were really seen there, for at the same
number wanted the two may show different numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BiometricsError
from biometrics.evaluation import bootstrap
from biometrics.evaluation.identification import (
    FEWEST_PEOPLE,
    PHOTOS,
    Half,
    Row,
    System,
    loop_of,
    non_mated,
    only,
    reporting_half,
    row_of,
    shown_at,
    unguarded,
)
from biometrics.evaluation.loop import HUMANS, PERFECT
from biometrics.evaluation.population import Population

_LEAST = -1.0
_MORE = 1.5


class BadThresholds(BiometricsError):
    """A file of thresholds that can't be read; the text says what is missing."""

    code = "bad_thresholds"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The score from which a search shows a face, that of a widened one, and what they are of."""

    review: float
    widened: float
    model: str
    enrolled: int | None


def read(path: Path) -> OperatingPoint:
    """From what `calibrate --json` or `calibrate --check --json` printed, or a calibration itself.

    Raises BadThresholds in plain words.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        found = content.get("thresholds") or content.get("calibration") or content
        review = _score(found["review"])
        widened = found.get("widened", found.get("loop"))
        return OperatingPoint(
            review=review,
            widened=review if widened is None else _score(widened),
            model=str(found.get("model", "")),
            enrolled=found.get("enrolled"),
        )
    except FileNotFoundError:
        raise BadThresholds(f"{path} is not there.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadThresholds(
            f"{path.name} holds no thresholds: what `calibrate --check --json` prints is expected."
        ) from None


def _score(value: Any) -> float:
    score = float(value["value"] if isinstance(value, dict) else value)
    if not -1.0 <= score <= 1.0:
        raise ValueError("no cosine")
    return score


# -- rows -----------------------------------------------------------------------------------------


def rows_at(
    point: OperatingPoint,
    population: Population,
    choosing: NDArray[np.bool_],
    system: System,
    seed: int,
) -> list[Row]:
    """One, two and three photos at these thresholds, without loop and with each officer."""
    rows: list[Row] = []
    for photos in PHOTOS:
        half = reporting_half(
            population, choosing, system,
            photos=photos, seed=seed, floor=min(point.review, point.widened),
        )  # fmt: skip
        mated = half.searches.mates > 0
        if len(np.unique(half.searches.person[mated])) < FEWEST_PEOPLE:
            continue
        question: dict[str, Any] = {
            "n": population.labelled, "photos": photos, "strangers_per_search": None,
        }  # fmt: skip
        shown = only(shown_at(half.searches, half.candidates, point.review), mated)
        extra = {"threshold": point.review} | non_mated(half, point.review, 1.0)
        searches = half.searches.only(mated)
        rows.append(row_of(question | {"loop": "none"}, extra, searches, shown, seed))
        loop = loop_of(population, system, half, seed)
        for officer in (PERFECT, *HUMANS):
            extra = {"threshold": point.review, "threshold_widened": point.widened}
            if officer == PERFECT:
                extra |= unguarded(loop, point.review, point.widened)
            if officer.confirms_wrongly:
                extra |= {
                    "wrongly_confirms": officer.confirms_wrongly,
                    "overlooks": officer.overlooks,
                }
            shown = loop.run(point.review, point.widened, officer)
            rows.append(
                row_of(question | {"loop": officer.name}, extra, loop.searches, shown, seed)
            )
    return rows


# -- the plain pipeline at as many strangers ------------------------------------------------------


def matched(
    rows: Sequence[Row],
    population: Population,
    choosing: NDArray[np.bool_],
    plain: System,
    seed: int,
) -> list[dict[str, Any]]:
    """Beside each line at full size one plain search of as many photos that shows no more
    strangers of the same searches than were seen there: its share found, and fewer misses."""
    found = []
    for photos in PHOTOS:
        asked = [
            row
            for row in rows
            if row.values["photos"] == photos
            and row.values["n"] == population.labelled
            and row.values["strangers_observed"] is not None
        ]
        if not asked:
            continue
        most = max(row.values["strangers_observed"] for row in asked)
        half = _with_strangers(population, choosing, plain, photos=photos, most=most, seed=seed)
        reached = _Reached(half)
        mated = half.searches.mates > 0
        for row in asked:
            threshold = reached.at(row.values["strangers_observed"])
            shown = only(shown_at(half.searches, half.candidates, threshold), mated)
            other = row_of(
                row.values | {"loop": "none"},
                {"threshold": threshold},
                half.searches.only(mated),
                shown,
                seed,
            )
            found.append(_beside(row, other, seed))
    return found


def _beside(row: Row, other: Row, seed: int) -> dict[str, Any]:
    fewer, interval = bootstrap.fewer_misses(row.found, other.found, seed)
    names = ("n", "photos", "loop", "strangers_per_search", "wrongly_confirms")
    question = {name: row.values[name] for name in names if name in row.values}
    return question | {
        "found": row.values["found"],
        "strangers_observed": row.values["strangers_observed"],
        "plain_found": other.values["found"],
        "plain_strangers_observed": other.values["strangers_observed"],
        "plain_threshold": other.values["threshold"],
        "fewer_misses": fewer,
        "fewer_misses_interval": interval,
        "people": len(row.people),
    }


def _with_strangers(
    population: Population,
    choosing: NDArray[np.bool_],
    plain: System,
    *,
    photos: int,
    most: float,
    seed: int,
) -> Half:
    """The reporting half with candidates down to a score that shows more strangers than these."""
    rate = _MORE * max(most, 1.0) / population.labelled
    half = reporting_half(population, choosing, plain, photos=photos, seed=seed, rate=rate)
    if _Reached(half).most >= most or half.floor <= _LEAST:
        return half
    return reporting_half(population, choosing, plain, photos=photos, seed=seed, floor=_LEAST)


class _Reached:
    """Strangers that mated searches of a half show from each score on, means over people."""

    def __init__(self, half: Half) -> None:
        searches = half.searches
        counted = searches.made & (searches.mates > 0)
        people, number = np.unique(searches.person[counted], return_inverse=True)
        draws = np.bincount(number, minlength=len(people))
        weight = np.zeros(len(searches))
        weight[counted] = 1.0 / (len(people) * draws[number])
        some = half.candidates.only(~half.candidates.mate & counted[half.candidates.search])
        order = np.argsort(-some.score, kind="stable")
        self._scores = some.score[order].astype(np.float64)
        self._reached = np.cumsum(weight[some.search[order]])
        self._floor = half.floor

    @property
    def most(self) -> float:
        return float(self._reached[-1]) if len(self._reached) else 0.0

    def at(self, strangers: float) -> float:
        """The lowest threshold at which no more strangers are shown."""
        allowed = int(np.searchsorted(self._reached, strangers * (1 + 1e-9), side="right"))
        if allowed >= len(self._scores):
            return self._floor
        while allowed > 0 and self._scores[allowed - 1] == self._scores[allowed]:
            allowed -= 1
        return float(np.nextafter(np.float32(self._scores[allowed]), np.float32(2)))


def summary(point: OperatingPoint, model: str) -> dict[str, Any]:
    """What the thresholds are, and whether they are of the model that was measured."""
    return {
        "review": point.review,
        "widened": point.widened,
        "made_for": point.enrolled,
        "model": point.model,
        "same_model": bool(point.model) and point.model == model,
    }


DEFINITION: Final = (
    "at the thresholds given with --thresholds, at full size: no threshold is chosen; strangers "
    "are those that came out. plain_*: one plain search at the lowest threshold that shows no more "
    "strangers of the same searches"
)

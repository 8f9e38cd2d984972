"""Identification by the portal's own question: how much of what is held of a person is found.

Mated searches: all other pictures of the person are in the gallery. Non-mated ones: the person is
wholly removed. A threshold belongs to a number of strangers per search at a gallery size; it is
chosen on one half of the people, among the faces of that half alone, and reported on the other
half, searched in the faces of both. No pair of faces has a part in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.evaluation import bootstrap
from biometrics.evaluation.features import Templates
from biometrics.evaluation.loop import (
    HUMANS,
    PERFECT,
    SHARES_FOR_THE_FIRST,
    Loop,
    LoopThresholds,
    Shown,
    calibrate,
)
from biometrics.evaluation.population import Ints, Population
from biometrics.evaluation.searches import (
    Candidates,
    Floats,
    Searches,
    compare,
    draw,
    floor_at,
    per_person,
    probes,
)

STRANGERS: Final = (0.3, 1.0, 3.0, 10.0)
PHOTOS: Final = (1, 2, 3)
FEWEST_PEOPLE: Final = 3
"""With fewer people in a half neither a threshold nor a share means anything."""

_SIZES = (1, 3)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Templates under test: the pipeline's, or plain ones; ``weighted``: photos by quality."""

    name: str
    templates: Templates
    weighted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """Searches of half the people, what they are made with and what they bring.

    ``owners``: per face whom it shows, a number of its own for each face nobody labelled.
    """

    searches: Searches
    rows: Templates
    gallery: Ints
    candidates: Candidates
    floor: float
    owners: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the table, and the share found per person behind it."""

    values: dict[str, Any]
    people: Ints
    found: Floats

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two rows of two systems the same question."""
        names = ("n", "photos", "loop", "strangers_per_search", "wrongly_confirms")
        return tuple(self.values.get(name) for name in names)


@dataclass(slots=True)
class Identification:
    """All rows of one system, and its thresholds for one photo: (n, strangers) -> score."""

    rows: list[Row] = field(default_factory=list)
    thresholds: dict[tuple[int, float], float] = field(default_factory=dict)
    loop_thresholds: dict[tuple[int, int, float], LoopThresholds] = field(default_factory=dict)
    first: Half | None = None
    not_measured: list[str] = field(default_factory=list)


def sizes(faces: int) -> list[int]:
    """Gallery sizes to report: 1,000, 3,000, 10,000, ... and all faces of the set."""
    found, power = [], 1000
    while power < faces:
        found += [step * power for step in _SIZES if step * power < 0.9 * faces]
        power *= 10
    return [*found, faces]


def identify(
    population: Population,
    choosing: NDArray[np.bool_],
    system: System,
    *,
    seed: int,
    say: Say,
    loops_below: bool = True,
    photos: Sequence[int] = PHOTOS,
    others: bool = False,
) -> Identification:
    """The rows of one system.

    ``loops_below``: the loop is run at every size, not only at full size; ``others``: faces
    without a label are enrolled too; then without the loop and at full size only.
    """
    result = Identification()
    faces = len(population.owner) if others else population.labelled
    wanted = [faces] if others else sizes(faces)
    for count in photos:
        two = _halves(
            population, choosing, system, photos=count, wanted=wanted, seed=seed, others=others
        )
        people = 0 if two is None else min(map(_mated_people, two))
        if two is None or people < FEWEST_PEOPLE:
            result.not_measured.append(
                f"{count} photo{'s' * (count > 1)}: in the smaller half {people} people have a "
                f"picture left over to be found; at least {FEWEST_PEOPLE} are needed"
            )
            continue
        say(f"{system.name}: {count} photo{'s' * (count > 1)}, {len(two[1].searches):,} searches")
        if count == 1:
            result.first = two[1]
        with_loop = [] if others else wanted if loops_below else wanted[-1:]
        _rows_of(
            population,
            system,
            two,
            wanted,
            photos=count,
            with_loop=with_loop,
            seed=seed,
            result=result,
        )
    return result


def same_people(
    population: Population,
    choosing: NDArray[np.bool_],
    system: System,
    identification: Identification,
    *,
    seed: int,
) -> list[Row]:
    """One, two and three photos of the same people against the same pictures, at full size.

    Thresholds are those of each number of photos; no loop.
    """
    searches = draw(population, ~choosing, PHOTOS[-1], seed + 1)
    searches = searches.only(searches.mates > 0)
    if not len(searches):
        return []
    gallery = np.arange(population.labelled)
    rows = []
    for row in identification.rows:
        values = row.values
        if values["loop"] != "none" or values["n"] != population.labelled:
            continue
        part = searches.with_first(values["photos"], population)
        asked = probes(population, part, system.templates, weighted=system.weighted)
        found = compare(
            population, part, asked,
            templates=system.templates, gallery=gallery, floor=values["threshold"],
        )  # fmt: skip
        shown = shown_at(part, found, values["threshold"])
        question = {name: values[name] for name in ("n", "photos", "loop", "strangers_per_search")}
        extra = {"threshold": values["threshold"]}
        rows.append(row_of(question, extra, part, shown, seed))
    return rows


def against(ours: Sequence[Row], theirs: Sequence[Row], seed: int) -> list[dict[str, Any]]:
    """Fewer misses than a system without loop at the same question, paired by person."""
    plain = {row.key[:2] + row.key[3:4]: row for row in theirs if row.values["loop"] == "none"}
    found = []
    for row in ours:
        other = plain.get(row.key[:2] + row.key[3:4])
        if other is None or not np.array_equal(other.people, row.people):
            continue
        fewer, interval = bootstrap.fewer_misses(row.found, other.found, seed)
        question = dict(zip(("n", "photos", "loop", "strangers_per_search"), row.key, strict=False))
        if "wrongly_confirms" in row.values:
            question["wrongly_confirms"] = row.values["wrongly_confirms"]
        found.append(
            question
            | {
                "found": row.values["found"],
                "plain_found": other.values["found"],
                "fewer_misses": fewer,
                "fewer_misses_interval": interval,
                "people": len(row.people),
            }
        )
    return found


# -- halves and thresholds ----------------------------------------------------------------------


def _halves(
    population: Population,
    choosing: NDArray[np.bool_],
    system: System,
    *,
    photos: int,
    wanted: Sequence[int],
    seed: int,
    others: bool,
) -> tuple[Half, Half] | None:
    """The choosing half in its own faces and the reporting half in all; None without searches."""
    faces = np.arange(len(population.owner) if others else population.labelled)
    chosen_faces = faces[choosing[population.person[population.source[faces]]]]
    rate = max(STRANGERS) / min(wanted)
    found = []
    for people, gallery in ((choosing, chosen_faces), (~choosing, faces)):
        searches = draw(population, people, photos, seed)
        if not searches.made.any() or not len(gallery):
            return None
        rows = probes(population, searches, system.templates, weighted=system.weighted)
        floor = floor_at(
            population, searches, rows,
            templates=system.templates, gallery=gallery, rate=rate, seed=seed,
        )  # fmt: skip
        candidates = compare(
            population, searches, rows,
            templates=system.templates, gallery=gallery, floor=floor,
        )  # fmt: skip
        found.append(Half(searches, rows, gallery, candidates, floor, _owners(population)))
    return found[0], found[1]


def reporting_half(
    population: Population,
    choosing: NDArray[np.bool_],
    system: System,
    *,
    photos: int,
    seed: int,
    floor: float | None = None,
    rate: float = 0.0,
) -> Half:
    """The searches of the reporting half in all labelled faces, with candidates from ``floor`` on;
    without one from the score that about twice ``rate`` of strangers reach."""
    gallery = np.arange(population.labelled)
    searches = draw(population, ~choosing, photos, seed)
    rows = probes(population, searches, system.templates, weighted=system.weighted)
    if floor is None:
        floor = floor_at(
            population, searches, rows,
            templates=system.templates, gallery=gallery, rate=rate, seed=seed,
        )  # fmt: skip
    candidates = compare(
        population, searches, rows,
        templates=system.templates, gallery=gallery, floor=floor,
    )  # fmt: skip
    return Half(searches, rows, gallery, candidates, floor, _owners(population))


def _mated_people(half: Half) -> int:
    return len(np.unique(half.searches.person[half.searches.mates > 0]))


def _owners(population: Population) -> Ints:
    alone = population.people + np.arange(len(population.owner))
    return np.where(population.owner >= 0, population.owner, alone)


class Thresholds:
    """Thresholds of a half: which share of comparisons with strangers reaches a score.

    The share is a mean over people, over the searches of each that were made.
    """

    def __init__(self, population: Population, half: Half) -> None:
        made = half.searches.only(half.searches.made)
        people, number = np.unique(made.person, return_inverse=True)
        draws = np.bincount(number, minlength=len(people))
        owner = population.owner[half.gallery]
        owned = np.bincount(owner[owner >= 0], minlength=population.people)
        strangers = np.maximum(len(half.gallery) - owned[made.person], 1)
        weight = np.zeros(len(half.searches))
        weight[half.searches.made] = 1.0 / (len(people) * draws[number] * strangers)
        some = half.candidates.only(~half.candidates.mate)
        order = np.argsort(-some.score, kind="stable")
        self._scores = some.score[order].astype(np.float64)
        self._reached = np.cumsum(weight[some.search[order]])
        self._floor = half.floor

    def at(self, rate: float) -> float:
        """The lowest threshold that at most ``rate`` of the comparisons reach.

        Between two scores the middle is taken.
        """
        scores = self._scores
        allowed = int(np.searchsorted(self._reached, rate * (1 + 1e-9), side="right"))
        if allowed >= len(scores):
            return self._floor
        # Equal scores come all or none.
        while allowed > 0 and scores[allowed - 1] == scores[allowed]:
            allowed -= 1
        if allowed == 0:
            return float(np.nextafter(np.float32(scores[0]), np.float32(2)))
        return float((scores[allowed - 1] + scores[allowed]) / 2)


# -- rows ---------------------------------------------------------------------------------------


def _rows_of(
    population: Population,
    system: System,
    halves: tuple[Half, Half],
    wanted: Sequence[int],
    *,
    photos: int,
    with_loop: Sequence[int],
    seed: int,
    result: Identification,
) -> None:
    chosen, reported = halves
    mated = reported.searches.mates > 0
    thresholds = Thresholds(population, chosen)
    calibrating = loop_of(population, system, chosen, seed)
    reporting = loop_of(population, system, reported, seed)
    faces = len(reported.gallery)
    # The share that the first search may spend is chosen at full size and kept for smaller ones.
    shares: dict[float, tuple[float, ...]] = dict.fromkeys(STRANGERS, SHARES_FOR_THE_FIRST)
    for n in sorted(wanted, reverse=True):
        present = n / faces
        for strangers in STRANGERS:
            rate = strangers / n
            threshold = thresholds.at(rate)
            question = {"n": n, "photos": photos, "strangers_per_search": strangers}
            if photos == 1:
                result.thresholds[n, strangers] = threshold
            shown = shown_at(reported.searches, reported.candidates, threshold, present)
            extra = {"threshold": threshold} | non_mated(reported, threshold, present)
            result.rows.append(
                row_of(
                    question | {"loop": "none"},
                    extra,
                    reported.searches.only(mated),
                    only(shown, mated),
                    seed,
                )  # fmt: skip
            )
            if n not in with_loop:
                continue
            scores = calibrate(
                calibrating,
                rate * len(chosen.gallery),
                {share: thresholds.at(rate * share) for share in shares[strangers]},
            )
            shares[strangers] = (scores.share_for_the_first,)
            result.loop_thresholds[photos, n, strangers] = scores
            for officer in (PERFECT, *HUMANS):
                shown = reporting.run(scores.start, scores.later, officer, present)
                extra = {"threshold": scores.start, "threshold_widened": scores.later}
                if officer == PERFECT and n == faces:
                    extra |= unguarded(reporting, scores.start, scores.later)
                if officer.confirms_wrongly:
                    extra |= {
                        "wrongly_confirms": officer.confirms_wrongly,
                        "overlooks": officer.overlooks,
                    }
                asked = question | {"loop": officer.name}
                result.rows.append(row_of(asked, extra, reporting.searches, shown, seed))


def loop_of(population: Population, system: System, half: Half, seed: int) -> Loop:
    """The loop over the mated searches of a half."""
    mated = half.searches.mates > 0
    number = np.cumsum(mated) - 1
    kept = half.candidates.only(mated[half.candidates.search])
    first = Candidates(number[kept.search], kept.face, kept.score, kept.mate)
    return Loop(
        population,
        half.searches.only(mated),
        half.rows[mated],
        first=first,
        templates=system.templates,
        gallery=half.gallery,
        floor=half.floor,
        seed=seed,
    )


def unguarded(loop: Loop, start: float, later: float) -> dict[str, Any]:
    """What the drift guard costs: found, and strangers, if every confirmed face widened."""
    shown = loop.without_guard().run(start, later, PERFECT)
    _, found = per_person(loop.searches, shown.mates / loop.searches.mates)
    made = loop.searches.made
    _, strangers = per_person(loop.searches.only(made), shown.strangers[made])
    return {
        "found_without_drift_guard": float(found.mean()),
        "strangers_without_drift_guard": float(strangers.mean()) if len(strangers) else None,
    }


def shown_at(
    searches: Searches, candidates: Candidates, threshold: float, present: float = 1.0
) -> Shown:
    """What a single search shows; without an officer all of it counts as seen."""
    over = candidates.only(candidates.score >= threshold)
    size = len(searches)
    mates = np.bincount(over.search[over.mate], minlength=size).astype(np.float64)
    strangers = np.bincount(over.search[~over.mate], minlength=size).astype(np.float64)
    return Shown(mates, mates, strangers * present, np.zeros(size))


def only(shown: Shown, wanted: NDArray[np.bool_]) -> Shown:
    return Shown(
        shown.mates[wanted],
        shown.mates_confirmed[wanted],
        shown.strangers[wanted],
        shown.strangers_confirmed[wanted],
    )


def non_mated(half: Half, threshold: float, present: float) -> dict[str, Any]:
    """FPIR and strangers of searches for people of whom nothing is held, means over people."""
    searches = half.searches
    over = half.candidates.only((half.candidates.score >= threshold) & ~half.candidates.mate)
    absent = np.bincount(over.search, minlength=len(searches)).astype(np.float64)
    figures = {
        "fpir": 1.0 - (1.0 - present) ** absent,
        "strangers_in_faces": absent * present,
        "strangers_in_people": _people(over, half, present),
    }
    made = searches.made
    found: dict[str, Any] = {}
    for name, values in figures.items():
        people, means = per_person(searches.only(made), values[made])
        found[name] = float(means.mean())
        found["non_mated_people"] = len(people)
    found["non_mated_searches"] = int(made.sum())
    return found


def _people(over: Candidates, half: Half, present: float) -> Floats:
    """Expected number of different people among the strangers of each search."""
    size = int(half.owners.max(initial=0)) + 1
    codes = over.search * size + half.owners[over.face]
    which, faces = np.unique(codes, return_counts=True)
    there = 1.0 - (1.0 - present) ** faces
    expected = np.bincount(which // size, weights=there, minlength=len(half.searches))
    return expected.astype(np.float64)


def row_of(
    question: dict[str, Any],
    extra: dict[str, Any],
    searches: Searches,
    shown: Shown,
    seed: int,
) -> Row:
    """One line: means over people of what their mated searches brought."""
    share = shown.mates / searches.mates
    people, found = per_person(searches, share)
    _, complete = per_person(searches, (shown.mates >= searches.mates).astype(np.float64))
    _, nothing = per_person(searches, (shown.mates == 0).astype(np.float64))
    _, confirmed = per_person(searches, shown.mates_confirmed / searches.mates)
    made = searches.made
    _, strangers = per_person(searches.only(made), shown.strangers[made])
    _, wrong = per_person(searches.only(made), shown.strangers_confirmed[made])
    values = {
        "n": question["n"],
        "photos": question["photos"],
        "loop": question["loop"],
        "strangers_per_search": question["strangers_per_search"],
        "found": float(found.mean()),
        "found_interval": bootstrap.mean_interval(found, seed),
        "complete": float(complete.mean()),
        "complete_interval": bootstrap.mean_interval(complete, seed),
        "nothing_found": float(nothing.mean()),
        "found_when_incomplete": _when_incomplete(searches, share),
        "people": len(people),
        "searches": len(searches),
        "strangers_observed": float(strangers.mean()) if len(strangers) else None,
    }
    if question["loop"] != "none":
        values |= {
            "confirmed": float(confirmed.mean()),
            "strangers_confirmed": float(wrong.mean()) if len(wrong) else None,
        }
    return Row(values | extra, people, found)


def _when_incomplete(searches: Searches, share: Floats) -> float | None:
    """Mean share found over people whose answer is incomplete, over their incomplete searches."""
    some = share < 1.0
    if not some.any():
        return None
    _, means = per_person(searches.only(some), share[some])
    return float(means.mean())

"""Thresholds and odds from pictures of known people (rule R22): recall first, strangers second.

The review threshold is the highest score that still finds the wanted share of a person's records;
it does not depend on the size of the gallery. The strong band begins where a search of a gallery
of N faces shows a stranger only as often as allowed. Whatever the set is too small for is not
guessed: it is left out, and the calibration says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics import odds, odds_check
from biometrics.errors import BiometricsError
from biometrics.known_pairs import (
    KINDS,
    LEAST_PEOPLE,
    ONE_PHOTO,
    SEVERAL,
    WIDENED,
    LabelledFaces,
    Scores,
    fused_scores,
    halves,
    of_photos,
    one_each,
    rows_by_person,
    scores_of,
    widened_scores,
)
from biometrics.odds import OddsModel
from biometrics.odds_check import ENOUGH_PEOPLE, OddsCheck
from biometrics.tail import Tail, TailTest, TooFewPairs

Floats = NDArray[np.float64]
People = NDArray[np.intp]

FORMAT: Final = 2
"""Grows when the figures of a calibration change their meaning; older ones are not repeated."""

RECALL_TARGET: Final = 0.985
FPIR_TARGET: Final = 0.01
TAIL_SHARE: Final = 0.002

# With fewer people the review threshold is never set above this: small sets are often portraits,
# and the pictures of a gallery are harder. On press pictures kept apart one stranger per search
# among 13,228 came at 0.36.
CAUTIOUS_REVIEW: Final = 0.36

_BOOTSTRAPS = 500
_TAIL_BOOTSTRAPS = 200
_MOST_TESTED = 6_000


class TooFewPeople(BiometricsError):
    """The set is too small to calibrate with; the message says what is missing."""

    code = "too_few_people"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score with its 95 % interval; ``extrapolated`` when the set has too few pairs for it."""

    value: float
    low: float
    high: float
    extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (bootstrap by person), of so many people.

    ``without_face``: the part of it that was lost because no face was found in a picture.
    """

    value: float
    low: float
    high: float
    people: int
    without_face: float


@dataclass(frozen=True, slots=True)
class RateInterval:
    """95 % interval (bootstrap by person) of the share of stranger pairs at or over ``threshold``.

    None in a calibration where too few pairs were kept to draw them anew, and in older ones.
    """

    threshold: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What ``calibrate`` found, with what it rests on. Plain numbers, nothing about a person.

    ``pictures`` of ``people`` in which a face was found, and ``pictures_without_face``; of
    ``near_duplicates`` one was counted and these were not. ``tail``: of strangers' scores with
    one photo; its test was made with one half of the people on the other.
    """

    format: int
    set_name: str
    made_on: str
    model: str
    people: int
    pictures: int
    pictures_without_face: int
    near_duplicates: int
    people_with_pairs: int
    genuine_pairs: int
    stranger_pairs: int
    enrolled: int
    recall_target: float
    fpir_target: float
    review: Threshold
    strong: Threshold
    loop: Threshold | None
    found: Share
    strangers: float
    tail: Tail
    odds: dict[str, OddsModel]
    checks: dict[str, OddsCheck]
    remarks: tuple[str, ...]
    stranger_rate: RateInterval | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        content = asdict(self)
        content["tail"] = self.tail.as_json()
        content["odds"] = {kind: model.as_json() for kind, model in self.odds.items()}
        return content

    @staticmethod
    def from_json(content: dict[str, Any]) -> Calibration:
        """The calibration from what ``as_json`` gave."""
        values = dict(content)
        for name in ("review", "strong"):
            values[name] = Threshold(**values[name])
        values["loop"] = Threshold(**values["loop"]) if values["loop"] else None
        values["found"] = Share(**values["found"])
        values["odds"] = {
            kind: OddsModel.from_json(model) for kind, model in values["odds"].items()
        }
        values["tail"] = Tail.from_json(values["tail"])
        values["checks"] = {
            kind: OddsCheck.from_json(one) for kind, one in values["checks"].items()
        }
        values["remarks"] = tuple(values["remarks"])
        rate = values.get("stranger_rate")
        values["stranger_rate"] = RateInterval(**rate) if rate else None
        return Calibration(**values)


def calibrate(
    faces: LabelledFaces,
    *,
    set_name: str,
    made_on: str,
    model: str,
    enrolled: int,
    recall_target: float = RECALL_TARGET,
    fpir_target: float = FPIR_TARGET,
    records_per_person: float = 1.0,
    near_duplicates: int = 0,
    seed: int = 0,
) -> Calibration:
    """Thresholds and odds for a gallery of ``enrolled`` faces.

    ``faces`` hold every picture of the set once (``near_duplicates`` were left out before).
    Raises TooFewPeople when there are not at least 30 people with two pictures.
    """
    rng = np.random.default_rng(seed)
    one = scores_of(faces, rng)
    paired = len(np.unique(one.people))
    if paired < LEAST_PEOPLE:
        raise TooFewPeople(
            f"{paired} people have two usable pictures, at least {LEAST_PEOPLE} are needed"
        )
    tail = replace(_tail(one), test=_tail_test(faces, rng))
    review, remarks = _review(one, recall_target, rng)
    remarks += _tail_remarks(tail)
    # A search shows a stranger with probability 1 - (1 - FMR)^N.
    fmr = float(-np.expm1(np.log1p(-fpir_target) / max(enrolled, 1)))
    strong, rate = _strong(faces, one, tail, rng, fmr=fmr, review=review.value)
    if strong.extrapolated:
        remarks.append("strong_extrapolated")
    loop = _loop_threshold(faces, review.value, tail.fmr(review.value), rng)
    if loop is None:
        remarks.append("no_loop_threshold")
    found = _found_held_out(one, recall_target, review.value, rng)
    if found.without_face > 1.0 - recall_target:
        remarks.append("faces_not_found")
    served = _Served(review.value, review.value if loop is None else loop.value)
    models, checks = _all_odds(faces, served, records_per_person, rng)
    if "tail_not_usable" in remarks:
        models = {}
    remarks += _odds_remarks(models, checks)
    return Calibration(
        format=FORMAT,
        set_name=set_name,
        made_on=made_on,
        model=model,
        people=len(np.unique(np.concatenate([faces.people, faces.faceless]))),
        pictures=len(faces.people),
        pictures_without_face=len(faces.faceless),
        near_duplicates=near_duplicates,
        people_with_pairs=paired,
        genuine_pairs=len(one.genuine),
        stranger_pairs=one.stranger_pairs,
        enrolled=enrolled,
        recall_target=recall_target,
        fpir_target=fpir_target,
        review=review,
        strong=strong,
        loop=loop,
        found=found,
        strangers=tail.fmr(review.value) * enrolled,
        tail=tail,
        odds=models,
        checks=checks,
        remarks=tuple(remarks),
        stranger_rate=rate,
    )


# -- the tail of strangers' scores ----------------------------------------------------------------


def _tail(scores: Scores) -> Tail:
    """The tail of all draws, whose reach is that of the pairs counted once."""
    try:
        tail = Tail.fit(scores.strangers, top=TAIL_SHARE)
    except TooFewPairs as error:
        raise TooFewPeople(
            f"{scores.stranger_pairs} pairs of different people are too few: some 25,000 are "
            "needed (about 230 people; single pictures of them count too)"
        ) from error
    return replace(tail, pairs=scores.stranger_pairs)


def _tail_test(faces: LabelledFaces, rng: np.random.Generator) -> TailTest | None:
    """The tail of one half of the people held against the other, one picture of each person.

    None where a half has too few pairs for a tail.
    """
    known, others = (
        one_each(half, list(rows_by_person(half.people).values()), rng)
        for half in halves(_some(faces, rng), rng)
    )
    try:
        return Tail.fit(known, top=TAIL_SHARE, others=others).test
    except TooFewPairs:
        return None


def _some(faces: LabelledFaces, rng: np.random.Generator) -> LabelledFaces:
    names = np.unique(faces.people)
    return faces.of(rng.permutation(names)[:_MOST_TESTED]) if len(names) > _MOST_TESTED else faces


def _tail_remarks(tail: Tail) -> list[str]:
    """What is said of a tail that thresholds and odds can't rest on."""
    if tail.usable:
        return []
    return ["tail_not_usable" if tail.test is not None and tail.test.enough else "tail_not_tested"]


# -- thresholds -----------------------------------------------------------------------------------


def _review(one: Scores, target: float, rng: np.random.Generator) -> tuple[Threshold, list[str]]:
    """The review threshold, rounded towards more candidates, and what is to be said of it."""
    value = _floor(highest_with_recall(one.genuine, one.people, target))
    interval = _bootstrap_review(one, target, rng)
    if len(np.unique(one.people)) >= ENOUGH_PEOPLE:
        return Threshold(value, *interval), []
    if value <= CAUTIOUS_REVIEW:
        return Threshold(value, *interval), ["few_people"]
    cautious = Threshold(CAUTIOUS_REVIEW, CAUTIOUS_REVIEW, CAUTIOUS_REVIEW)
    return cautious, ["few_people", "cautious_review"]


def _strong(
    faces: LabelledFaces,
    one: Scores,
    tail: Tail,
    rng: np.random.Generator,
    *,
    fmr: float,
    review: float,
) -> tuple[Threshold, RateInterval | None]:
    """Where a search shows a stranger as rarely as asked, rounded towards a smaller band; and
    between which shares the strangers at the review threshold lie.

    A tail that did not pass its test may lower nothing: then the strangers that were measured
    have to stay under it too, all but the share that is allowed.
    """
    value = tail.threshold(fmr)
    (low, high), rates = _bootstrap_strong(faces, fmr, review, rng)
    if not tail.usable:
        value = max(value, _measured(one, fmr))
        low, high = max(low, value), max(high, value)
    at_review = tail.fmr(review)
    rate = (
        RateInterval(review, min(rates[0], at_review), max(rates[1], at_review)) if rates else None
    )
    value = max(-_floor(-value), review)
    return Threshold(value, low, high, extrapolated=fmr < tail.reach), rate


def _measured(one: Scores, fmr: float) -> float:
    """The lowest score that no more than this share of the measured strangers reach."""
    allowed = int(fmr * one.stranger_pairs)
    ordered = np.sort(one.strangers)[::-1]
    return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], 2.0))


def highest_with_recall(genuine: Floats, people: People, target: float) -> float:
    """The highest score at or over which the mean share of a person's pairs is still ``target``."""
    order = np.argsort(genuine)[::-1]
    reached = np.cumsum(odds.person_weights(people)[order])
    at = int(np.searchsorted(reached, target - 1e-12))
    return float(genuine[order[min(at, len(order) - 1)]])


def recall_at(genuine: Floats, people: People, threshold: float) -> float:
    """Mean over people of the share of pairs at or over a score."""
    return float(odds.person_weights(people)[genuine >= threshold].sum())


def _bootstrap_review(
    scores: Scores, target: float, rng: np.random.Generator
) -> tuple[float, float]:
    """95 % interval of the review threshold, people drawn again."""
    drawn = _resampled(scores.genuine, scores.people, rng, _BOOTSTRAPS)
    return _interval([highest_with_recall(genuine, whose, target) for genuine, whose in drawn])


def _bootstrap_strong(
    faces: LabelledFaces, fmr: float, review: float, rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """95 % interval of the threshold at a false match rate, and of that rate at ``review``; no
    second one where ``review`` lies under the pairs that are kept.

    People are drawn again and a pair counts as often as both its people were drawn: pairs that
    share a person are not independent. One picture per person; only the highest pairs are kept.
    """
    rows = [int(rng.choice(rows)) for rows in rows_by_person(faces.people).values()]
    first, second, top = _highest_pairs(faces.templates[rows], 10 * TAIL_SHARE)
    values, rates = [], []
    for _ in range(_TAIL_BOOTSTRAPS):
        times = np.bincount(rng.integers(0, len(rows), len(rows)), minlength=len(rows))
        pairs = (int(times.sum()) ** 2 - int((times**2).sum())) // 2
        again = np.repeat(top, times[first] * times[second])
        try:
            tail = Tail.fit(again, pairs_total=max(pairs, len(again)), top=TAIL_SHARE)
        except TooFewPairs:
            continue
        values.append(tail.threshold(fmr))
        rates.append(tail.fmr(review))
    kept = bool(rates) and review >= float(top.min())
    return _interval(values) if values else (-1.0, 1.0), _interval(rates) if kept else None


def _highest_pairs(
    templates: NDArray[np.float32], share: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Row numbers and cosines of the highest ``share`` of all pairs of rows."""
    count = len(templates)
    least = _score_reached(templates, share)
    first, second, top = [], [], []
    for at in range(count - 1):
        row = (templates[at + 1 :] @ templates[at]).astype(np.float64)
        over = np.flatnonzero(row >= least)
        first.append(np.full(len(over), at, dtype=np.intp))
        second.append(over + at + 1)
        top.append(row[over])
    return np.concatenate(first), np.concatenate(second), np.concatenate(top)


def _score_reached(templates: NDArray[np.float32], share: float) -> float:
    rows = templates[:: max(1, len(templates) // 400)]
    scores = (rows @ templates.T).ravel()
    return float(np.quantile(scores[scores < 0.999999], 1.0 - share))


def _resampled(
    genuine: Floats, people: People, rng: np.random.Generator, times: int
) -> Iterator[tuple[Floats, People]]:
    rows_of = list(rows_by_person(people).values())
    for _ in range(times):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        rows = [rows_of[one] for one in drawn]
        again = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
        yield genuine[np.concatenate(rows)], again


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [0.025, 0.975])
    return float(low), float(high)


def _found_held_out(scores: Scores, target: float, most: float, rng: np.random.Generator) -> Share:
    """What a threshold chosen on one half of the people finds for the other, both ways.

    A pair with a picture in which no face was found is missed at every threshold.
    """
    first = _half(scores.people, rng)
    kept: Floats = np.empty(len(scores.genuine))
    for half in (first, ~first):
        threshold = highest_with_recall(scores.genuine[~half], scores.people[~half], target)
        kept[half] = scores.genuine[half] >= min(threshold, most)
    kept = np.concatenate([kept, np.zeros(len(scores.lost))])
    whose = np.concatenate([scores.people, scores.lost])
    lost = np.arange(len(whose)) >= len(scores.people)
    values = [
        float(odds.person_weights(people) @ found)
        for found, people in _resampled(kept, whose, rng, _BOOTSTRAPS)
    ]
    low, high = _interval(values)
    people = len(np.unique(whose))
    weights = odds.person_weights(whose)
    # Where nothing was missed, up to 3 in n may be missed all the same (the rule of three).
    return Share(
        min(float(weights @ kept), 1.0),
        min(low, 1.0 - 3.0 / people) if kept.all() else low,
        min(high, 1.0),
        people=people,
        without_face=float(weights[lost].sum()),
    )


def _floor(score: float) -> float:
    return float(np.floor(score * 1e4) / 1e4)


def _half(people: People, rng: np.random.Generator) -> NDArray[np.bool_]:
    names = np.unique(people)
    return np.isin(people, rng.permutation(names)[: len(names) // 2])


def _loop_threshold(
    faces: LabelledFaces, review: float, strangers_at_review: float, rng: np.random.Generator
) -> Threshold | None:
    """Where the first widened search adds as many strangers as one photo at the review threshold.

    It takes no record away: what the photo alone found stays found.
    """
    scores = widened_scores(faces, rng, first=review)
    if scores is None:
        return None
    try:
        tail = _tail(scores)
    except TooFewPeople:
        return None
    value = tail.threshold(strangers_at_review)
    low, high = _bootstrap_rate(scores, strangers_at_review, rng)
    return Threshold(
        value, min(low, value), max(high, value), extrapolated=strangers_at_review < tail.reach
    )


def _bootstrap_rate(scores: Scores, rate: float, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of the score that this share of strangers reach, searchers drawn again."""
    _, searcher, counts = np.unique(scores.searcher, return_inverse=True, return_counts=True)
    order = np.argsort(scores.strangers)[::-1][: max(int(10 * rate * len(searcher)), 100)]
    top, whose = scores.strangers[order], searcher[order]
    values = []
    for _ in range(_TAIL_BOOTSTRAPS):
        times = np.bincount(rng.integers(0, len(counts), len(counts)), minlength=len(counts))
        reached = np.cumsum(times[whose]) / max(int(times @ counts), 1)
        values.append(float(top[min(int(np.searchsorted(reached, rate)), len(top) - 1)]))
    return _interval(values)


# -- odds -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Served:
    """The scores from which candidates are shown: of a first search, and of a widened one."""

    first: float
    later: float

    def of(self, kind: str) -> float:
        return self.later if kind == WIDENED else self.first


def _all_odds(
    faces: LabelledFaces, served: _Served, records_per_person: float, rng: np.random.Generator
) -> tuple[dict[str, OddsModel], dict[str, OddsCheck]]:
    """Odds for each kind of search that the set has people for and that hold on other people."""
    models: dict[str, OddsModel] = {}
    checks: dict[str, OddsCheck] = {}
    first, second = halves(faces, rng)
    for kind in KINDS:
        known, held_out = (_scores_as(kind, half, served, rng) for half in (first, second))
        if known is None or held_out is None:
            continue
        try:
            model = _fit(known, records_per_person)
        except TooFewPeople:
            continue
        checks[kind] = odds_check.check(model, known, held_out, shown_from=served.of(kind))
        everybody = _scores_as(kind, faces, served, rng) if checks[kind].holds else None
        if everybody is not None:
            models[kind] = _fit(everybody, records_per_person)
    return models, checks


def _scores_as(
    kind: str, faces: LabelledFaces, served: _Served, rng: np.random.Generator
) -> Scores | None:
    """Scores of one kind of search as the portal makes it; None where there are none of people."""
    if kind == ONE_PHOTO:
        scores: Scores | None = scores_of(faces, rng)
    elif kind == WIDENED:
        scores = widened_scores(faces, rng, first=served.first, later=served.later)
    else:
        photos = next(count for count in SEVERAL if of_photos(count) == kind)
        scores = fused_scores(faces, photos, rng)
    return scores if scores is not None and len(scores.genuine) else None


def _odds_remarks(models: dict[str, OddsModel], checks: dict[str, OddsCheck]) -> list[str]:
    """Which kinds of searches have no odds: not tested here, or tested and wrong."""
    return [
        f"no_odds_{kind}" if kind in checks and checks[kind].tested else f"odds_not_tested_{kind}"
        for kind in KINDS
        if kind not in models
    ]


def _fit(scores: Scores, records_per_person: float) -> OddsModel:
    return odds.fit(
        scores.genuine,
        scores.people,
        scores.strangers,
        _tail(scores),
        stranger_pairs=scores.stranger_pairs,
        records_per_person=records_per_person * scores.left,
    )

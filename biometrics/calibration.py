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

from biometrics import odds
from biometrics.errors import BiometricsError
from biometrics.fusion import fuse
from biometrics.odds import OddsModel, Step
from biometrics.tail import Tail, TooFewPairs

Floats = NDArray[np.float64]
People = NDArray[np.intp]

RECALL_TARGET: Final = 0.985
FPIR_TARGET: Final = 0.01
TAIL_SHARE: Final = 0.002
LEAST_PEOPLE: Final = 30
ENOUGH_PEOPLE: Final = 300

ONE_PHOTO, SEVERAL_PHOTOS, WIDENED = "one_photo", "several_photos", "widened"
KINDS: Final = (ONE_PHOTO, SEVERAL_PHOTOS, WIDENED)

# With fewer people the review threshold is never set above this: small sets are often portraits,
# and the pictures of a gallery are harder. On press pictures kept apart one stranger per search
# among 13,228 came at 0.36.
CAUTIOUS_REVIEW: Final = 0.36

_DRAWS = 10
_MOST_STRANGERS = 20_000_000
_MOST_PEOPLE = 6_000
_BOOTSTRAPS = 500
_TAIL_BOOTSTRAPS = 200
_FUSED = {SEVERAL_PHOTOS: 2, WIDENED: 3}
_FUSED_DRAWS = 4
_WRONG_CLLR = 0.01
_STEP_FACTOR = 2.0
_STEP_LEAST = 5


class TooFewPeople(BiometricsError):
    """The set is too small to calibrate with; the message says what is missing."""

    code = "too_few_people"


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Templates of known people: float32 (n, dim) unit rows, and whose each is, int (n,)."""

    templates: NDArray[np.float32]
    people: People

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or self.people.shape != (len(self.templates),):
            raise BiometricsError("expected templates (n, dim) and people (n,)")

    def of(self, people: People) -> LabelledFaces:
        """The faces of some of the people."""
        kept = np.isin(self.people, people)
        return LabelledFaces(self.templates[kept], self.people[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Cosines of known pairs: of one person (each with the person's number) and of strangers.

    ``strangers`` may hold several draws of pictures of the same people; ``stranger_pairs`` counts
    the pairs of people once. ``per_search``: strangers one probe is compared with.
    """

    genuine: Floats
    people: People
    strangers: Floats
    stranger_pairs: int
    per_search: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score with its 95 % interval; ``extrapolated`` when the set has too few pairs for it."""

    value: float
    low: float
    high: float
    extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (bootstrap by person)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StepCheck:
    """Candidates of one step among held-out people: strangers that odds expect, and those seen."""

    step: str
    candidates: int
    expected: float
    observed: int


@dataclass(frozen=True, slots=True)
class OddsCheck:
    """Whether odds fitted on one half of the people hold for the other.

    ``cllr`` and ``least`` in bits; ``holds``: they differ by 0.01 at most, and in no step with at
    least five strangers are expected and seen more than a factor 2 apart.
    """

    cllr: float
    least: float
    steps: tuple[StepCheck, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What ``calibrate`` found, with what it rests on. Plain numbers, nothing about a person."""

    set_name: str
    made_on: str
    model: str
    people: int
    pictures: int
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
    odds: dict[str, OddsModel]
    checks: dict[str, OddsCheck]
    remarks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        content = asdict(self)
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
        values["checks"] = {kind: _check(one) for kind, one in values["checks"].items()}
        values["remarks"] = tuple(values["remarks"])
        return Calibration(**values)


def _check(content: dict[str, Any]) -> OddsCheck:
    steps = tuple(StepCheck(**step) for step in content["steps"])
    return OddsCheck(content["cllr"], content["least"], steps, content["holds"])


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
    seed: int = 0,
) -> Calibration:
    """Thresholds and odds for a gallery of ``enrolled`` faces.

    ``faces`` hold every picture of the set in which a face was found. Raises TooFewPeople when
    there are not at least 30 people with two pictures.
    """
    rng = np.random.default_rng(seed)
    one = scores_of(faces, rng)
    paired = len(np.unique(one.people))
    if paired < LEAST_PEOPLE:
        raise TooFewPeople(
            f"{paired} people have two usable pictures, at least {LEAST_PEOPLE} are needed"
        )
    tail = _tail(one)
    remarks = []
    # Rounded towards more candidates, and towards a smaller strong band.
    review = _floor(highest_with_recall(one.genuine, one.people, recall_target))
    interval = _bootstrap_review(one, recall_target, rng)
    if paired < ENOUGH_PEOPLE:
        remarks.append("few_people")
        if review > CAUTIOUS_REVIEW:
            review, interval = CAUTIOUS_REVIEW, (CAUTIOUS_REVIEW, CAUTIOUS_REVIEW)
            remarks.append("cautious_review")
    # A search shows a stranger with probability 1 - (1 - FMR)^N.
    fmr = float(-np.expm1(np.log1p(-fpir_target) / max(enrolled, 1)))
    extrapolated = fmr < tail.reach
    strong = max(-_floor(-tail.threshold(fmr)), review)
    models, checks = _all_odds(faces, one, records_per_person, recall_target, rng)
    remarks += [f"no_odds_{kind}" for kind in KINDS if kind not in models]
    loop = _loop_threshold(faces, tail.fmr(review), recall_target, rng)
    if extrapolated:
        remarks.append("strong_extrapolated")
    if loop is None:
        remarks.append("no_loop_threshold")
    return Calibration(
        set_name=set_name,
        made_on=made_on,
        model=model,
        people=len(np.unique(faces.people)),
        pictures=len(faces.people),
        people_with_pairs=paired,
        genuine_pairs=len(one.genuine),
        stranger_pairs=one.stranger_pairs,
        enrolled=enrolled,
        recall_target=recall_target,
        fpir_target=fpir_target,
        review=Threshold(review, *interval),
        strong=Threshold(strong, *_bootstrap_strong(faces, fmr, rng), extrapolated),
        loop=loop,
        found=_found_held_out(one, recall_target, review, rng),
        strangers=tail.fmr(review) * enrolled,
        odds=models,
        checks=checks,
        remarks=tuple(remarks),
    )


# -- scores ---------------------------------------------------------------------------------------


def scores_of(faces: LabelledFaces, rng: np.random.Generator) -> Scores:
    """Every genuine pair; strangers with one picture per person, ten draws of pictures."""
    genuine, whose = [], []
    rows_of = _rows_by_person(faces.people)
    for person, rows in rows_of.items():
        if len(rows) < 2:
            continue
        same = faces.templates[rows].astype(np.float64)
        above = np.triu_indices(len(rows), 1)
        found = (same @ same.T)[above]
        genuine.append(found)
        whose.append(np.full(len(found), person, dtype=np.intp))
    single = all(len(rows) == 1 for rows in rows_of.values())
    chosen = rng.permutation(list(rows_of))[:_MOST_PEOPLE].tolist()
    pairs = len(chosen) * (len(chosen) - 1) // 2
    times = 1 if single else max(1, min(_DRAWS, _MOST_STRANGERS // max(pairs, 1)))
    draws = [_strangers(faces, [rows_of[one] for one in chosen], rng) for _ in range(times)]
    return Scores(
        np.concatenate(genuine) if genuine else np.empty(0),
        np.concatenate(whose) if whose else np.empty(0, dtype=np.intp),
        np.concatenate(draws),
        stranger_pairs=pairs,
        per_search=len(rows_of) - 1,
    )


def fused_scores(faces: LabelledFaces, photos: int, rng: np.random.Generator) -> Scores | None:
    """The same for probes fused of several photos; None where too few people have enough."""
    rows_of = _rows_by_person(faces.people)
    able = {person: rows for person, rows in rows_of.items() if len(rows) > photos}
    if len(able) < LEAST_PEOPLE:
        return None
    genuine, whose, strangers = [], [], []
    for _ in range(_FUSED_DRAWS):
        owner = rng.permutation(list(rows_of))[:_MOST_PEOPLE]
        gallery = np.stack([faces.templates[rng.choice(rows_of[one])] for one in owner.tolist()])
        for person, rows in able.items():
            chosen = rng.permutation(rows)
            probe = fuse(faces.templates[chosen[:photos]]).astype(np.float64)
            mates = faces.templates[chosen[photos:]].astype(np.float64) @ probe
            genuine.append(mates)
            whose.append(np.full(len(mates), person, dtype=np.intp))
            strangers.append((gallery[owner != person] @ probe.astype(np.float32)).astype(float))
    return Scores(
        np.concatenate(genuine),
        np.concatenate(whose),
        np.concatenate(strangers),
        stranger_pairs=len(able) * (min(len(rows_of), _MOST_PEOPLE) - 1),
        per_search=len(rows_of) - 1,
    )


def _strangers(
    faces: LabelledFaces, rows_of: Sequence[NDArray[np.intp]], rng: np.random.Generator
) -> Floats:
    rows = [int(rng.choice(rows)) for rows in rows_of]
    one_each = faces.templates[rows].astype(np.float32)
    parts = [
        (one_each[at + 1 :] @ one_each[at]).astype(np.float64) for at in range(len(one_each) - 1)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _rows_by_person(people: People) -> dict[int, NDArray[np.intp]]:
    order = np.argsort(people, kind="stable")
    names, starts = np.unique(people[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))


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


# -- thresholds -----------------------------------------------------------------------------------


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
    faces: LabelledFaces, fmr: float, rng: np.random.Generator
) -> tuple[float, float]:
    """95 % interval of the threshold at a false match rate.

    People are drawn again and a pair counts as often as both its people were drawn: pairs that
    share a person are not independent. One picture per person; only the highest pairs are kept.
    """
    rows = [int(rng.choice(rows)) for rows in _rows_by_person(faces.people).values()]
    first, second, top = _highest_pairs(faces.templates[rows], 10 * TAIL_SHARE)
    values = []
    for _ in range(_TAIL_BOOTSTRAPS):
        times = np.bincount(rng.integers(0, len(rows), len(rows)), minlength=len(rows))
        pairs = (int(times.sum()) ** 2 - int((times**2).sum())) // 2
        again = np.repeat(top, times[first] * times[second])
        try:
            tail = Tail.fit(again, pairs_total=max(pairs, len(again)), top=TAIL_SHARE)
        except TooFewPairs:
            continue
        values.append(tail.threshold(fmr))
    return _interval(values) if values else (-1.0, 1.0)


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
    rows_of = list(_rows_by_person(people).values())
    for _ in range(times):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        rows = [rows_of[one] for one in drawn]
        again = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
        yield genuine[np.concatenate(rows)], again


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [0.025, 0.975])
    return float(low), float(high)


def _found_held_out(scores: Scores, target: float, most: float, rng: np.random.Generator) -> Share:
    """What a threshold chosen on one half of the people finds for the other, both ways."""
    first = _half(scores.people, rng)
    kept: Floats = np.empty(len(scores.genuine))
    for half in (first, ~first):
        threshold = highest_with_recall(scores.genuine[~half], scores.people[~half], target)
        kept[half] = scores.genuine[half] >= min(threshold, most)
    values = [
        float(odds.person_weights(people) @ found)
        for found, people in _resampled(kept, scores.people, rng, _BOOTSTRAPS)
    ]
    low, high = _interval(values)
    people = len(np.unique(scores.people))
    # Where nothing was missed, up to 3 in n may be missed all the same (the rule of three).
    return Share(
        min(float(odds.person_weights(scores.people) @ kept), 1.0),
        min(low, 1.0 - 3.0 / people) if kept.all() else low,
        min(high, 1.0),
    )


def _floor(score: float) -> float:
    return float(np.floor(score * 1e4) / 1e4)


def _half(people: People, rng: np.random.Generator) -> NDArray[np.bool_]:
    names = np.unique(people)
    return np.isin(people, rng.permutation(names)[: len(names) // 2])


def _loop_threshold(
    faces: LabelledFaces, strangers_at_review: float, target: float, rng: np.random.Generator
) -> Threshold | None:
    """Where a widened search brings as many strangers as one photo does at the review threshold.

    It is never set so high that the widened search would miss more than the recall target allows.
    """
    scores = fused_scores(faces, _FUSED[WIDENED], rng)
    if scores is None:
        return None
    limit = highest_with_recall(scores.genuine, scores.people, target)
    alike = _tail(scores).threshold(strangers_at_review)
    drawn = _resampled(scores.genuine, scores.people, rng, _BOOTSTRAPS)
    values = [min(alike, highest_with_recall(genuine, whose, target)) for genuine, whose in drawn]
    return Threshold(min(alike, limit), *_interval(values))


# -- odds -----------------------------------------------------------------------------------------


def _all_odds(
    faces: LabelledFaces,
    one: Scores,
    records_per_person: float,
    recall_target: float,
    rng: np.random.Generator,
) -> tuple[dict[str, OddsModel], dict[str, OddsCheck]]:
    """Odds for each kind of search that the set has people for and that hold on other people."""
    models: dict[str, OddsModel] = {}
    checks: dict[str, OddsCheck] = {}
    first = np.unique(faces.people)[_half(np.unique(faces.people), rng)]
    halves = faces.of(first), faces.of(np.setdiff1d(faces.people, first))
    for kind in KINDS:
        scores = one if kind == ONE_PHOTO else fused_scores(faces, _FUSED[kind], rng)
        if scores is None:
            continue
        check = _check_odds(halves, kind, records_per_person, recall_target, rng)
        if check is not None:
            checks[kind] = check
            if check.holds:
                models[kind] = _fit(scores, records_per_person)
    return models, checks


def _fit(scores: Scores, records_per_person: float) -> OddsModel:
    return odds.fit(
        scores.genuine,
        scores.people,
        scores.strangers,
        _tail(scores),
        stranger_pairs=scores.stranger_pairs,
        records_per_person=records_per_person,
    )


def _check_odds(
    halves: tuple[LabelledFaces, LabelledFaces],
    kind: str,
    records_per_person: float,
    recall_target: float,
    rng: np.random.Generator,
) -> OddsCheck | None:
    """Fit on one half, look at the other; None where a half has too few people for this kind."""
    known, held_out = (
        scores_of(half, rng) if kind == ONE_PHOTO else fused_scores(half, _FUSED[kind], rng)
        for half in halves
    )
    if known is None or held_out is None or not len(known.genuine) or not len(held_out.genuine):
        return None
    try:
        model = _fit(known, records_per_person)
    except TooFewPeople:
        return None
    weights = odds.person_weights(held_out.people)
    genuine, strangers = model.ratio(held_out.genuine), model.ratio(held_out.strangers)
    cost = odds.cllr(genuine, strangers, weights)
    least = odds.min_cllr(held_out.genuine, held_out.strangers, weights)
    review = highest_with_recall(known.genuine, known.people, recall_target)
    steps = tuple(_steps(model, held_out, weights, review))
    off = [
        step
        for step in steps
        if max(step.expected, step.observed) >= _STEP_LEAST
        and not 1 / _STEP_FACTOR <= (step.observed + 1) / (step.expected + 1) <= _STEP_FACTOR
    ]
    return OddsCheck(cost, least, steps, cost - least <= _WRONG_CLLR and not off)


def _steps(model: OddsModel, scores: Scores, weights: Floats, review: float) -> Iterator[StepCheck]:
    """Strangers per step if every person of the half were searched for once at this threshold."""
    searches = len(np.unique(scores.people))
    enrolled = scores.per_search + 1
    share = model.stranger(scores.strangers, enrolled)
    mates = model.stranger(scores.genuine, enrolled)
    times = scores.per_search * searches / len(scores.strangers)
    records = weights * searches * model.records_per_person
    limits = [1.0 + 1e-9, *(least for _step, least in odds.LIMITS), -1.0]
    for step, upper, lower in zip(Step, limits[:-1], limits[1:], strict=True):
        strange = (share < upper) & (share >= lower) & (scores.strangers >= review)
        same = (mates < upper) & (mates >= lower) & (scores.genuine >= review)
        seen = float(np.count_nonzero(strange)) * times
        expected = float(share[strange].sum()) * times + float(records[same] @ mates[same])
        yield StepCheck(
            step.value, round(seen + float(records[same].sum())), round(expected, 3), round(seen)
        )

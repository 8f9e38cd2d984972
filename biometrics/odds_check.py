"""Whether odds hold for people they were not made from (Cllr, and strangers step by step).

Odds that were not put to a test say nothing: a test without strangers among its candidates is
none, and few people can't tell 0.01 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics import odds
from biometrics.known_pairs import LEAST_PEOPLE, Scores
from biometrics.odds import OddsModel, Step

Floats = NDArray[np.float64]

ENOUGH_PEOPLE: Final = 300
STRANGERS_TO_TELL: Final = 5

_WRONG_CLLR = 0.01
_STEP_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class StepCheck:
    """Candidates of one step among held-out people: strangers that odds expect, and those seen."""

    step: str
    candidates: int
    expected: float
    observed: int

    @property
    def off(self) -> bool:
        """Whether enough strangers are expected or seen to tell, and the two are far apart."""
        ratio = (self.observed + 1) / (self.expected + 1)
        told = max(self.expected, self.observed) >= STRANGERS_TO_TELL
        return told and not 1 / _STEP_FACTOR <= ratio <= _STEP_FACTOR


@dataclass(frozen=True, slots=True)
class OddsCheck:
    """How odds fitted on one half of the people did on the other.

    ``cllr`` and ``least`` in bits; ``people`` searched for in both halves. ``tested``: 300 people
    at least, own faces of 30 in each half, and in at least one step five strangers seen.
    ``holds``: tested, both costs differ by 0.01 at most, and in no step with at least five
    strangers are expected and seen more than a factor 2 apart.
    """

    cllr: float
    least: float
    steps: tuple[StepCheck, ...]
    people: int
    tested: bool
    holds: bool

    @staticmethod
    def from_json(content: dict[str, Any]) -> OddsCheck:
        """The check from its plain values."""
        steps = tuple(StepCheck(**step) for step in content["steps"])
        return OddsCheck(**{**content, "steps": steps})


def check(model: OddsModel, known: Scores, held_out: Scores, *, shown_from: float) -> OddsCheck:
    """Odds made of ``known`` looked at on ``held_out``; candidates score ``shown_from`` or more."""
    weights = odds.person_weights(held_out.people)
    genuine, strangers = model.ratio(held_out.genuine), model.ratio(held_out.strangers)
    cost = odds.cllr(genuine, strangers, weights)
    least = odds.min_cllr(held_out.genuine, held_out.strangers, weights)
    steps = tuple(_steps(model, held_out, weights, shown_from))
    people = known.searched + held_out.searched
    own_faces = min(len(np.unique(half.people)) for half in (known, held_out))
    tested = (
        people >= ENOUGH_PEOPLE
        and own_faces >= LEAST_PEOPLE
        and any(step.observed >= STRANGERS_TO_TELL for step in steps)
    )
    holds = tested and cost - least <= _WRONG_CLLR and not any(step.off for step in steps)
    return OddsCheck(cost, least, steps, people, tested, holds)


def _steps(
    model: OddsModel, scores: Scores, weights: Floats, shown_from: float
) -> Iterator[StepCheck]:
    """Strangers per step if every person of the half were searched for once."""
    enrolled = scores.per_search + 1
    share = model.stranger(scores.strangers, enrolled)
    mates = model.stranger(scores.genuine, enrolled)
    records = weights * scores.searched * model.records_per_person
    limits = [1.0 + 1e-9, *(least for _step, least in odds.LIMITS), -1.0]
    for step, upper, lower in zip(Step, limits[:-1], limits[1:], strict=True):
        strange = (share < upper) & (share >= lower) & (scores.strangers >= shown_from)
        same = (mates < upper) & (mates >= lower) & (scores.genuine >= shown_from)
        seen = float(np.count_nonzero(strange)) * scores.times
        expected = float(share[strange].sum()) * scores.times + float(records[same] @ mates[same])
        yield StepCheck(
            step.value, round(seen + float(records[same].sum())), round(expected, 3), round(seen)
        )

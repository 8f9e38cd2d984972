"""Plain rules of the two-person review, without rows: what is dealt, what counts (R19)."""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

from dsr_portal.matching.models import Verdict

T = TypeVar("T")

DEALT_WHOLE = 20
"""Up to this many candidates the second person sees all of them."""

NEAREST = 10
MIXED_SHARE = 10
MIXED_AT_LEAST = 5
_ROUND = 10


def deal(first: Mapping[T, str], by_rank: Sequence[T], draw: Random) -> list[T]:
    """What the second person decides, given the first one's verdicts.

    Everything called "same person" or "inconclusive", mixed with a random tenth, at least five,
    of "not the same" (R19). How much is dealt must not tell what the first person said: where
    there are few candidates all are dealt; else the nearest ten always belong to it and the
    number is rounded up with further rejected ones.
    """
    if len(first) <= DEALT_WHOLE:
        return list(first)
    positive = [one for one, verdict in first.items() if verdict != Verdict.NOT_SAME]
    rejected = [one for one, verdict in first.items() if verdict == Verdict.NOT_SAME]
    share = max(MIXED_AT_LEAST, math.ceil(len(rejected) / MIXED_SHARE))
    near = set(by_rank[:NEAREST])
    chosen = {*positive, *near, *draw.sample(rejected, min(share, len(rejected)))}
    rest = [one for one in rejected if one not in chosen]
    missing = -len(chosen) % _ROUND
    chosen.update(draw.sample(rest, min(missing, len(rest))))
    return list(chosen)


def overlooked(first: Mapping[T, str], second: Mapping[T, str]) -> bool:
    """A "same person" among what the first one rejected: then all rejected ones come back."""
    return any(
        verdict == Verdict.SAME and first.get(one) == Verdict.NOT_SAME
        for one, verdict in second.items()
    )


def disputed(first: Mapping[T, str], second: Mapping[T, str]) -> list[T]:
    """What the two persons see differently: a supervisor decides it with a reason."""
    return [one for one, verdict in second.items() if verdict != first.get(one)]

"""What is laid before the second person, for any first decisions (R19)."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.matching import rules
from dsr_portal.matching.models import Verdict

VERDICTS = st.sampled_from(list(Verdict))
FIRST = st.lists(VERDICTS, max_size=400).map(lambda said: dict(enumerate(map(str, said))))
SEEDS = st.integers(0, 2**32)


def rejected(first):
    return [one for one, said in first.items() if said == Verdict.NOT_SAME]


@given(FIRST, SEEDS)
def test_second_sees_every_positive_and_a_tenth_at_least_five_of_the_rest(first, seed):
    dealt = rules.deal(first, sorted(first), Random(seed))
    assert len(dealt) == len(set(dealt))
    assert set(dealt) <= set(first)
    assert {one for one, said in first.items() if said != Verdict.NOT_SAME} <= set(dealt)
    out = rejected(first)
    least = min(len(out), max(5, math.ceil(len(out) / 10)))
    assert sum(one in set(out) for one in dealt) >= least


@given(FIRST, SEEDS)
def test_how_many_are_dealt_tells_little_and_nothing_where_they_are_few(first, seed):
    dealt = rules.deal(first, sorted(first), Random(seed))
    if len(first) <= rules.DEALT_WHOLE:
        assert set(dealt) == set(first)
    else:
        assert len(dealt) % 10 == 0 or len(dealt) == len(first)
        assert set(range(rules.NEAREST)) <= set(dealt)


@given(st.integers(21, 300), st.integers(0, 10), SEEDS)
def test_a_handful_of_positives_among_the_nearest_looks_like_none(size, positives, seed):
    """The number dealt is the same whether the first found nobody or up to ten of the nearest."""
    nobody = dict.fromkeys(range(size), str(Verdict.NOT_SAME))
    some = nobody | dict.fromkeys(range(positives), str(Verdict.SAME))
    sizes = {
        math.ceil(len(rules.deal(first, range(size), Random(seed))) / 10)
        for first in (nobody, some)
    }
    assert max(sizes) - min(sizes) <= 1


@given(FIRST, FIRST)
def test_disputed_is_exactly_where_two_persons_differ(first, second):
    seen = {one: said for one, said in second.items() if one in first}
    differ = set(rules.disputed(first, seen))
    assert differ == {one for one in seen if first[one] != seen[one]}
    if rules.overlooked(first, seen):
        assert differ

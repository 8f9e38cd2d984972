"""The tail of impostor scores against distributions whose parameters are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biometrics.tail import Tail, TooFewPairs, _fit_excesses

PAIRS = 4_000_000


def pareto(rng, shape, scale, count):
    uniform = rng.random(count)
    return scale * np.expm1(-shape * np.log(uniform)) / shape


def with_tail(seed, shape, scale, *, pairs=PAIRS, top=0.002, cut=0.34):
    """Scores whose highest part is known: uniform under the cut, Pareto over it."""
    rng = np.random.default_rng(seed)
    high = int(pairs * top)
    low = rng.uniform(-0.3, cut, pairs - high)
    return np.concatenate([low, cut + pareto(rng, shape, scale, high)])


@pytest.mark.parametrize("shape", [-0.3, -0.1, 0.1, 0.25])
def test_the_parameters_of_a_known_tail_are_found(shape):
    rng = np.random.default_rng(7)
    scale, found = _fit_excesses(np.sort(pareto(rng, shape, 0.03, 50_000)))
    assert scale == pytest.approx(0.03, rel=0.03)
    assert found == pytest.approx(shape, abs=0.03)


@pytest.mark.parametrize("shape", [-0.2, 0.05])
def test_rates_far_out_are_near_the_true_ones(shape):
    tail = Tail.fit(with_tail(3, shape, 0.03))
    for rate in (1e-3, 1e-4, 1e-5):
        true = 0.34 + 0.03 * ((rate / 0.002) ** -shape - 1) / shape
        assert tail.threshold(rate) == pytest.approx(true, abs=0.01)


def test_the_highest_scores_alone_give_the_same_fit():
    scores = with_tail(5, 0.05, 0.03, pairs=500_000)
    whole, part = Tail.fit(scores), Tail.fit(np.sort(scores)[-20_000:], pairs_total=500_000)
    assert (whole.cut, whole.scale, whole.shape) == (part.cut, part.scale, part.shape)
    assert part.fmr(-1.0) == pytest.approx(0.04)
    assert whole.fmr(-1.0) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(rate=st.floats(1e-8, 0.9))
def test_threshold_and_rate_undo_each_other(rate):
    tail = TAIL
    assert tail.fmr(tail.threshold(rate)) == pytest.approx(rate, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(one=st.floats(-1, 1), two=st.floats(-1, 1))
def test_a_higher_threshold_never_lets_more_through(one, two):
    low, high = sorted((one, two))
    assert TAIL.fmr(low) >= TAIL.fmr(high)


def test_measured_rates_are_kept_under_the_cut():
    scores = with_tail(9, 0.05, 0.03, pairs=200_000)
    tail = Tail.fit(scores)
    for threshold in (-0.1, 0.1, 0.3):
        assert tail.fmr(threshold) == pytest.approx(np.mean(scores >= threshold), rel=0.02)


def test_a_tail_is_usable_only_after_other_people_confirmed_it():
    scores = with_tail(1, 0.05, 0.03)
    assert not Tail.fit(scores).usable
    same = Tail.fit(scores, others=with_tail(2, 0.05, 0.03))
    assert same.usable
    assert same.test.expected == pytest.approx(40)
    heavier = Tail.fit(scores, others=with_tail(2, 0.3, 0.03))
    assert heavier.test.enough
    assert not heavier.usable


def test_too_few_pairs_of_others_prove_nothing():
    tail = Tail.fit(with_tail(1, 0.05, 0.03), others=with_tail(2, 0.05, 0.03, pairs=100_000))
    assert not tail.test.enough
    assert not tail.usable


def test_reach_is_one_in_ten_times_the_pairs():
    assert Tail.fit(with_tail(1, 0.05, 0.03)).reach == pytest.approx(1 / 40_000_000)


@pytest.mark.parametrize(
    ("scores", "total"),
    [(np.linspace(0, 1, 1000), None), (np.linspace(0, 1, 100), 100_000), (np.ones(100_000), None)],
)
def test_too_few_scores_are_refused(scores, total):
    with pytest.raises(TooFewPairs):
        Tail.fit(scores, pairs_total=total)


def test_wrong_scores_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Tail.fit(np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="fewer pairs"):
        Tail.fit(np.linspace(0, 1, 100), pairs_total=10)


TAIL = Tail.fit(with_tail(4, -0.1, 0.03, pairs=300_000))

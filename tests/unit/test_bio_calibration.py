"""Thresholds and odds on modelled people whose truth is known (R15, R21, R22)."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biometrics import calibration, odds
from biometrics.calibration import (
    CAUTIOUS_REVIEW,
    Calibration,
    LabelledFaces,
    TooFewPeople,
    calibrate,
    highest_with_recall,
    recall_at,
)
from biometrics.errors import BadVector, BiometricsError
from biometrics.odds import OddsModel, Step, step_of
from biometrics.tail import Tail


def modelled(people, pictures, *, noise=0.75, seed=1, dimension=64):
    """Unit vectors around a direction per person; some pictures are harder than others."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, dimension)) * np.linspace(1.5, 0.2, dimension)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    hard = noise * rng.gamma(6, 1 / 6, size=(people * pictures, 1)) / np.sqrt(dimension)
    rows = np.repeat(centres, pictures, axis=0)
    rows += rng.normal(size=rows.shape) * hard
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return LabelledFaces(rows.astype(np.float32), np.repeat(np.arange(people), pictures))


def made(faces, **more):
    values = {
        "set_name": "modelled",
        "made_on": "2026-11-22",
        "model": "m",
        "enrolled": 10_000,
        **more,
    }
    return calibrate(faces, **values)


@cache
def large():
    return made(modelled(400, 5))


def test_the_review_threshold_finds_the_wanted_share_of_other_people_too():
    """R22: recall first; chosen on one half it holds on the other within its interval."""
    found = large()
    assert found.people_with_pairs == 400
    assert found.genuine_pairs == 400 * 10
    assert found.found.low <= 0.985 <= found.found.high
    assert found.review.low <= found.review.value <= found.review.high
    others = calibration.scores_of(modelled(400, 5, seed=2), np.random.default_rng(0))
    assert recall_at(others.genuine, others.people, found.review.value) == pytest.approx(
        0.985, abs=0.01
    )


def test_the_review_threshold_does_not_rise_with_the_gallery_and_the_strong_one_does():
    """R22."""
    faces = modelled(250, 3)
    small, great = made(faces, enrolled=1_000), made(faces, enrolled=10_000_000)
    assert small.review.value == great.review.value
    assert small.strong.value < great.strong.value
    assert great.strangers == pytest.approx(small.strangers * 10_000)
    assert great.strong.extrapolated
    assert "strong_extrapolated" in great.remarks


def test_the_strong_band_shows_a_stranger_as_rarely_as_asked():
    """FPIR at N of other people: 1 - (1 - FMR)^N at the threshold, within a factor of two."""
    faces = modelled(500, 2)
    found = made(faces, enrolled=300, fpir_target=0.1)
    others = calibration.scores_of(modelled(500, 2, seed=9), np.random.default_rng(0)).strangers
    expected = 1 - (1 - 0.1) ** (1 / 300)
    tail = Tail.fit(calibration.scores_of(faces, np.random.default_rng(0)).strangers)
    threshold = tail.threshold(expected)
    seen = float(np.mean(others >= threshold))
    assert expected / 2 <= seen <= expected * 2
    assert found.strong.value >= threshold - 0.02


def test_a_small_set_never_sets_a_review_threshold_above_the_cautious_one():
    """Portraits are easy: 98.5 % of them are found at a score most other pictures never reach."""
    faces = modelled(60, 2, noise=0.2)
    singles = modelled(400, 1, seed=5)
    both = LabelledFaces(
        np.concatenate([faces.templates, singles.templates]),
        np.concatenate([faces.people, singles.people + 1000]),
    )
    found = made(both)
    assert found.people_with_pairs == 60
    assert found.review.value == CAUTIOUS_REVIEW
    assert {"few_people", "cautious_review"} <= set(found.remarks)
    assert found.found.low <= 1 - 3 / 60


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (modelled(20, 3), "20 people have two usable pictures"),
        (modelled(40, 2), "pairs of different people are too few"),
    ],
)
def test_a_set_that_is_too_small_is_refused_in_words(faces, words):
    with pytest.raises(TooFewPeople, match=words):
        made(faces)


def test_odds_hold_on_people_they_were_not_made_from():
    """Cllr - minCllr <= 0.01, and strangers per step within a factor two."""
    for kind, check in large().checks.items():
        assert check.holds, kind
        assert check.cllr - check.least <= 0.01
    assert set(large().odds) == set(calibration.KINDS)


def test_odds_that_do_not_hold_are_left_out(monkeypatch):
    monkeypatch.setattr(calibration, "_WRONG_CLLR", -1.0)
    found = made(modelled(250, 2))
    assert found.odds == {}
    assert not found.checks["one_photo"].holds
    assert "no_odds_one_photo" in found.remarks


def test_observed_strangers_follow_the_odds_among_other_people():
    """Of candidates the odds call a stranger with p, a share p are: by bins, on other people."""
    model = large().odds["one_photo"]
    others = calibration.scores_of(modelled(300, 2, noise=1.2, seed=3), np.random.default_rng(0))
    enrolled = others.per_search
    share = model.stranger(others.strangers, enrolled)
    mates = model.stranger(others.genuine, enrolled)
    times = enrolled / len(others.strangers) * 300
    candidates = share < 0.9
    seen = candidates.sum() * times
    expected = share[candidates].sum() * times + mates[mates < 0.9].sum()
    assert seen > 5
    assert 1 / 2.5 < expected / seen < 2.5


def test_odds_worsen_with_the_gallery_and_never_rise_above_the_data():
    model = large().odds["one_photo"]
    score = 0.6
    steps = [model.stranger([score], n)[0] for n in (100, 10_000, 1_000_000)]
    assert steps == sorted(steps)
    # 400 people give 79,800 pairs: beyond them no score makes a better promise.
    assert model.ratio([1.0])[0] <= 79_800
    assert model.step(1.0, 10_000_000) is Step.IN_2


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.integers(1, 10**8))
def test_a_higher_score_is_never_more_likely_a_stranger(scores, enrolled):
    model = large().odds["one_photo"]
    found = model.stranger(sorted(scores), enrolled)
    assert (np.diff(found) <= 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize(
    ("stranger", "step"),
    [
        (0.9, Step.IN_2),
        (0.5, Step.IN_2),
        (0.15, Step.IN_20),
        (0.05, Step.IN_20),
        (0.01, Step.IN_200),
        (0.005, Step.IN_200),
        (0.0009, Step.UNDER_1000),
    ],
)
def test_steps(stranger, step):
    assert step_of(stranger) is step


def test_it_is_kept_as_plain_values():
    content = json.loads(json.dumps(large().as_json()))
    assert Calibration.from_json(content) == large()
    assert OddsModel.from_json(content["odds"]["widened"]) == large().odds["widened"]


def test_recall_counts_every_person_alike():
    """A person with many pictures does not outvote one with two."""
    genuine = np.array([0.9] * 10 + [0.2])
    people = np.array([1] * 10 + [2])
    assert recall_at(genuine, people, 0.5) == pytest.approx(0.5)
    assert highest_with_recall(genuine, people, 0.5) == 0.9
    assert highest_with_recall(genuine, people, 0.51) == 0.2


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_pooling_never_falls_and_keeps_the_sum(values):
    series = odds.never_falling(np.array(values), np.ones(len(values)))
    assert (np.diff(series) >= -1e-9).all()
    assert series.sum() == pytest.approx(sum(values), abs=1e-6)


def test_cllr_by_hand():
    assert odds.cllr(np.array([1.0]), np.array([1.0])) == pytest.approx(1.0)
    assert odds.cllr(np.array([3.0]), np.array([1 / 3])) == pytest.approx(np.log2(4 / 3))
    perfect = odds.min_cllr(np.array([0.8, 0.9]), np.array([0.1, 0.2, 0.3]))
    assert perfect == pytest.approx(0.0, abs=1e-9)
    useless = odds.min_cllr(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    assert useless == pytest.approx(1.0, abs=1e-6)


def test_wrong_input_is_named():
    with pytest.raises(BiometricsError):
        LabelledFaces(np.zeros((3, 4), np.float32), np.zeros(2, np.intp))
    model = large().odds["one_photo"]
    with pytest.raises(BadVector, match="not finite"):
        model.stranger([float("nan")], 10)
    with pytest.raises(BadVector, match="at least one face"):
        model.stranger([0.5], 0)
    with pytest.raises(BadVector, match="scores"):
        odds.fit(np.empty(0), np.empty(0, np.intp), np.zeros(3), None, stranger_pairs=3)

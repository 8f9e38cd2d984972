"""Thresholds and odds on modelled people whose truth is known (R15, R21, R22)."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biometrics import calibration, known_pairs, odds, odds_check
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
from biometrics.known_pairs import fused_scores, widened_scores
from biometrics.odds import OddsModel, Step, step_of
from biometrics.tail import Tail, TailTest


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
def large_faces():
    return modelled(400, 5)


@cache
def large():
    return made(large_faces())


def test_the_review_threshold_finds_the_wanted_share_of_other_people_too():
    """N-14, R22: recall first; chosen on one half it holds on the other within its interval."""
    found = large()
    assert found.people_with_pairs == 400
    assert found.genuine_pairs == 400 * 10
    assert found.found.low <= 0.985 <= found.found.high
    assert found.review.low <= found.review.value <= found.review.high
    others = calibration.scores_of(modelled(400, 5, seed=2), np.random.default_rng(0))
    assert recall_at(others.genuine, others.people, found.review.value) == pytest.approx(
        0.985, abs=0.01
    )


def test_the_share_of_strangers_at_the_review_threshold_has_an_interval_that_holds_elsewhere():
    """B-07: people drawn anew, for pairs that share a person are not independent."""
    found = large()
    rate = found.stranger_rate
    assert rate is not None
    assert rate.threshold == found.review.value
    assert 0 < rate.low < found.tail.fmr(found.review.value) < rate.high < 1
    others = calibration.scores_of(modelled(400, 5, seed=2), np.random.default_rng(0))
    share = float((others.strangers >= rate.threshold).mean())
    assert rate.low < share < rate.high
    fewer = made(modelled(250, 5, seed=4)).stranger_rate
    assert fewer is not None
    assert fewer.high / fewer.low > rate.high / rate.low


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


def test_pictures_without_a_face_are_missed_at_every_threshold():
    """R15: a letter that left them out would call a search better than it is."""
    faces = modelled(320, 2)
    seen = made(faces)
    everywhere = made(replace(faces, faceless=np.arange(0, 320, 4)))
    # Every fourth person has a third picture, without a face: two of their three pairs are lost.
    assert everywhere.found.without_face == pytest.approx(1 / 4 * 2 / 3)
    assert everywhere.found.value < seen.found.value - 0.15
    assert everywhere.found.people == 320
    assert everywhere.pictures_without_face == 80
    assert everywhere.review.value == seen.review.value
    assert "faces_not_found" in everywhere.remarks
    assert "faces_not_found" not in seen.remarks


def test_a_person_none_of_whose_pairs_can_be_compared_counts_as_missed():
    """One picture with a face and one without: nothing of this person is ever found."""
    faces = modelled(320, 2)
    rows = np.concatenate([np.arange(640), [0, 2, 4]])
    more = LabelledFaces(faces.templates[rows], np.concatenate([faces.people, [900, 901, 902]]))
    found = made(replace(more, faceless=np.array([900, 901, 902]))).found
    assert found.people == 323
    assert found.without_face == pytest.approx(3 / 323)


def test_odds_hold_on_people_they_were_not_made_from():
    """Cllr - minCllr <= 0.01, and strangers per step within a factor two; each number of photos
    for itself, as far as people have pictures left over."""
    for kind, check in large().checks.items():
        assert check.holds == (kind in large().odds), kind
        assert check.cllr - check.least <= 0.01 or not check.holds
    assert set(large().odds) == {"one_photo", "photos_2", "photos_3", "photos_4"}
    untested = {"odds_not_tested_photos_5", "odds_not_tested_widened"}
    assert untested <= set(large().remarks)


@pytest.mark.parametrize("faces", [modelled(320, 2, noise=0.2), modelled(240, 2)])
def test_odds_that_met_no_strangers_or_few_people_were_not_tested(faces):
    """R15, R21: a test without strangers holds whatever the odds say."""
    found = made(faces)
    check = found.checks["one_photo"]
    assert check.people < 300 or sum(step.observed for step in check.steps) < 5
    assert not check.tested
    assert not check.holds
    assert found.odds == {}
    assert "odds_not_tested_one_photo" in found.remarks


def test_photos_weigh_in_the_odds_as_they_do_in_a_search():
    """What is fitted is what is served: a photo that hardly counts hardly moves the scores."""
    faces = modelled(60, 3, noise=1.2)
    heavy = np.tile([1.0, 1e-9, 1e-9], 60)
    weighted = replace(faces, weights=heavy)
    rows = np.flatnonzero(faces.people == 7)
    assert weighted.probe(rows) == pytest.approx(faces.templates[rows[0]], abs=1e-6)
    assert weighted.probe(rows) != pytest.approx(faces.probe(rows), abs=1e-3)
    alike = fused_scores(faces, 2, np.random.default_rng(0))
    apart = fused_scores(weighted, 2, np.random.default_rng(0))
    assert not np.allclose(alike.genuine, apart.genuine)
    assert weighted.of(np.array([7, 8])).weights.tolist() == heavy[:6].tolist()


def circle(*degrees):
    """Unit vectors in a plane."""
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def hops(photo, mates, strangers, *, first, later):
    found = known_pairs._hops(
        circle(photo)[0],
        circle(*mates),
        circle(*strangers),
        first=np.cos(np.radians(first)),
        later=np.cos(np.radians(later)),
    )
    return [
        tuple(np.degrees(np.arccos(np.clip(one, -1, 1))).round(3) for one in hop) for hop in found
    ]


def test_a_widened_search_is_measured_by_what_was_not_shown_before():
    """Photo at 0, within 20 degrees: the face at 18 is confirmed; the mean at 9 looks 20 far."""
    (first, strange), (second, other) = hops(0, [18, 28, 45], [10, 27, 60], first=20, later=20)
    assert first.tolist() == pytest.approx([19, 36], abs=0.01)
    assert strange.tolist() == pytest.approx([18, 51], abs=0.01)
    # The mean of 0, 18 and 28 lies at some 15.4: the face at 45 stays unfound, and it ends.
    assert second.tolist() == pytest.approx([29.6], abs=0.2)
    assert other.tolist() == pytest.approx([44.6], abs=0.2)


def test_a_confirmed_face_far_from_the_photo_widens_no_measured_search():
    """The drift guard: at 80 degrees from the photo a face waits for a second officer."""
    assert len(hops(0, [40, 60, 100], [], first=50, later=50)) == 2
    assert hops(0, [80, 100], [], first=85, later=85) == []


def test_a_widened_search_asks_for_what_the_photo_left():
    scores = widened_scores(large_faces(), np.random.default_rng(0), first=large().review.value)
    assert 0 < scores.left < 0.05
    assert (scores.genuine < 0.9).all()
    assert scores.searched <= 400
    assert large().loop.low <= large().loop.value <= large().loop.high


def test_the_tail_is_tested_on_the_other_half_of_the_people():
    """R22: where the test can't tell, or fails, the calibration says so."""
    assert "tail_not_tested" in large().remarks
    assert not large().tail.usable
    crowd = modelled(2_900, 1, dimension=32)
    test = calibration._tail_test(crowd, np.random.default_rng(1))
    assert test.pairs == 1_450 * 1_449 // 2
    assert test.enough
    assert test.passed


def test_a_strong_band_on_a_tail_that_failed_stays_over_the_strangers_measured():
    """Canary: two people of the set are nearly one face; no model may put the band under them."""
    faces = modelled(320, 2)
    templates = faces.templates.copy()
    templates[2:4] = templates[0:2] + 0.01
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    planted = LabelledFaces(templates, faces.people)
    one = calibration.scores_of(planted, np.random.default_rng(0))
    fitted = calibration._tail(one)
    highest = float(one.strangers.max())
    assert fitted.threshold(1e-6) < highest

    def strong(tail):
        rng = np.random.default_rng(0)
        return calibration._strong(planted, one, tail, rng, fmr=1e-6, review=0.3)[0]

    def tested(observed):
        return replace(fitted, test=TailTest(1e-5, 0.5, 2_000_000, 20.0, observed))

    assert strong(tested(21)).value < highest
    for tail in (tested(90), fitted):
        assert strong(tail).value > highest
        assert strong(tail).low <= strong(tail).value <= strong(tail).high


def test_no_odds_rest_on_a_tail_that_failed(monkeypatch):
    failed = TailTest(1e-5, 0.5, 2_000_000, 20.0, 90)
    monkeypatch.setattr(calibration, "_tail_test", lambda faces, rng: failed)
    found = made(large_faces())
    assert found.checks["one_photo"].holds
    assert found.odds == {}
    assert "tail_not_usable" in found.remarks


def test_odds_that_do_not_hold_are_left_out(monkeypatch):
    monkeypatch.setattr(odds_check, "_WRONG_CLLR", -1.0)
    found = made(modelled(320, 2))
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
    assert Calibration.from_json(content).as_json() == large().as_json()
    assert OddsModel.from_json(content["odds"]["photos_3"]) == large().odds["photos_3"]


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

"""Several templates as one: weights, limits, the officer loop's mean and its drift guard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biometrics import fusion
from biometrics.errors import BadVector
from biometrics.fusion import apart, drift, fuse, fuse_photos, weight_of, widen
from biometrics.quality import Quality


def units(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 128))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(weights=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=5), seed=st.integers(0, 999))
def test_the_fused_template_is_the_unit_of_the_weighted_mean(
    weights: list[float], seed: int
) -> None:
    rows = units(len(weights), seed)
    mean = np.average(rows.astype(np.float64), axis=0, weights=weights)
    fused = fuse(rows, weights)
    assert fused.dtype == np.float32
    assert fused == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert fuse(rows[::-1], weights[::-1]) == pytest.approx(fused, abs=1e-6)
    assert fuse(rows, [weight * 7 for weight in weights]) == pytest.approx(fused, abs=1e-6)


def test_what_is_fused_stays_as_it_was() -> None:
    """The function overwrites its own copies at the end, never what it was given."""
    for kind in (np.float32, np.float64):
        rows = units(3).astype(kind)
        before = rows.copy()
        fuse(rows, np.ones(3))
        assert (rows == before).all()
    probe, confirmed = units(1)[0], units(2, seed=1)
    before = np.concatenate([probe[None], confirmed])
    widen(probe, confirmed)
    assert (np.concatenate([probe[None], confirmed]) == before).all()


@pytest.mark.parametrize(
    ("rows", "weights"),
    [
        (np.empty((0, 128), np.float32), None),
        (units(1)[0], None),
        (np.full((2, 128), np.nan, np.float32), None),
        (np.stack([units(1)[0], -units(1)[0]]), None),
        (units(2), [1.0]),
        (units(2), [1.0, -0.1]),
        (units(2), [0.0, 0.0]),
        (units(2), [1.0, float("inf")]),
    ],
)
def test_what_cannot_be_fused_is_refused(rows: np.ndarray, weights: list[float] | None) -> None:
    with pytest.raises(BadVector):
        fuse(rows, weights)


def test_of_more_than_five_photos_the_best_five_count() -> None:
    rows, weights = units(7), [0.2, 0.9, 0.8, 0.1, 0.7, 0.6, 0.5]
    assert fuse_photos(rows, weights) == pytest.approx(
        fuse(rows[[1, 2, 4, 5, 6]], [0.9, 0.8, 0.7, 0.6, 0.5]), abs=1e-7
    )
    assert fuse_photos(rows[:1], [0.01]) == pytest.approx(rows[0], abs=1e-6)
    with pytest.raises(BadVector):
        fuse_photos(rows, weights[:6])


def test_the_officer_loop_counts_every_confirmed_face_like_the_probe() -> None:
    probe, confirmed = units(1)[0], units(3, seed=4)
    assert widen(probe, confirmed) == pytest.approx(
        fuse(np.concatenate([probe[None], confirmed])), abs=1e-7
    )
    assert widen(probe, confirmed[:0]) == pytest.approx(probe, abs=1e-6)
    with pytest.raises(BadVector):
        widen(probe, confirmed[0])
    assert fusion.MOST_HOPS == 3


@given(cosine=st.floats(-1.0, 1.0))
def test_a_confirmed_face_far_from_the_probe_drifts(cosine: float) -> None:
    one, other = np.eye(128, dtype=np.float32)[:2]
    face = (cosine * one + np.sqrt(1 - cosine**2) * other).astype(np.float32)
    if abs(cosine - fusion.DRIFT_BELOW) > 1e-6:
        assert drift(one, face) == (cosine < fusion.DRIFT_BELOW)
    assert drift(one, face, below=-1.1) is False


def test_a_template_that_is_no_number_counts_as_far() -> None:
    probe = units(1)[0]
    assert drift(probe, np.full(128, np.nan, np.float32))
    with pytest.raises(BadVector):
        drift(probe, units(2))


def test_a_wrong_face_far_from_the_probe_would_pull_strangers_in() -> None:
    """Why there is a guard: what a drifting face does to the score of its own other picture."""
    probe, stranger = units(2)
    other = fuse(np.stack([stranger, units(1, seed=9)[0]]), [1.0, 0.5])
    before = float(probe @ other)
    after = float(widen(probe, stranger[None]) @ other)
    assert drift(probe, stranger)
    assert before < 0.36 < after


def test_a_weight_lies_over_zero_and_up_to_one() -> None:
    weight = weight_of(Quality({"face_width": 60.0}, (), usable=True))
    assert 0.0 < weight <= 1.0


def near(row: np.ndarray, seed: int, by: float = 0.03) -> np.ndarray:
    other = row + np.random.default_rng(seed).normal(scale=by, size=row.shape)
    return (other / np.linalg.norm(other)).astype(np.float32)


@given(count=st.integers(2, 5), stranger=st.integers(0, 4), seed=st.integers(0, 99))
def test_one_stranger_among_the_photos_is_seen_wherever_they_stand(
    count: int, stranger: int, seed: int
) -> None:
    person, other = units(2, seed)
    photos = np.stack([near(person, seed + number) for number in range(count)])
    assert not apart(photos)
    photos[stranger % count] = other
    assert apart(photos)


def test_two_people_do_not_hide_behind_each_other() -> None:
    """Each of four is near the mean of the others here, and every pair is looked at."""
    one, other = units(2)
    photos = np.stack([one, near(one, 1), other, near(other, 2)])
    assert apart(photos)
    mean = fuse(photos)
    assert all(not drift(mean, photo) for photo in photos), "the mean alone would not tell"


def test_one_photo_is_never_apart_and_what_is_no_number_always() -> None:
    assert not apart(units(1))
    broken = units(2)
    broken[1] = np.nan
    assert apart(broken)
    with pytest.raises(BadVector):
        apart(units(1)[0])

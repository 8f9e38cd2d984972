"""Faces grouped around a case's hits: one person a row, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biometrics.errors import BadVector
from biometrics.grouping import EDGE, MOST_FACES, group, purity
from tests.bench import modelled


def people(count: int, faces: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Modelled templates: people in random directions, faces scattered around each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 128))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, faces, axis=0) + rng.normal(
        scale=spread / np.sqrt(128), size=(count * faces, 128)
    )
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.repeat(np.arange(count), faces)


def test_every_person_is_one_group_and_numbers_follow_the_order() -> None:
    rows, who = people(6, 5, spread=0.5)
    groups = group(rows)
    assert (groups == who).all()
    assert purity(groups, who) == 1.0


def candidates_of_cases(cases: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """What searches over a loose threshold bring, in a modelled gallery full of look-alikes."""
    made = modelled.gallery(20_000, seed=301)
    rng = np.random.default_rng(302)
    several = np.flatnonzero(np.bincount(made.people) >= 5)
    found = []
    for person in rng.choice(several, cases, replace=False):
        scores = made.rows @ modelled.pictures(rng, made.centres[person : person + 1])[0]
        best = np.argsort(-scores)[:400]
        hits = best[scores[best] >= 0.30]
        found.append((made.rows[hits], made.people[hits]))
    return found


def purity_of(cases: list[tuple[np.ndarray, np.ndarray]], edge: float) -> float:
    """Over the candidates of all cases together."""
    groups, people, past = [], [], 0
    for number, (rows, who) in enumerate(cases):
        groups.append(group(rows, edge=edge) + past)
        people.append(who + number * 1_000_000)
        past += len(rows)
    return purity(np.concatenate(groups), np.concatenate(people))


def test_groups_of_candidates_are_pure_where_strangers_look_alike() -> None:
    """99.5 % is asked for; a looser edge, at which the same strangers get mixed, fails."""
    cases = candidates_of_cases(60)
    assert sum(len(rows) for rows, _who in cases) > 1000
    assert sum(len(np.unique(who)) > 5 for _rows, who in cases) > 30, "searches bring strangers"
    assert purity_of(cases, EDGE) >= 0.995
    assert purity_of(cases, 0.40) < 0.95


def test_one_false_edge_does_not_join_two_people() -> None:
    """Connected components would: here one face lies between two people."""
    rows, who = people(2, 6, spread=0.5)
    between = rows[0].astype(np.float64) + rows[6]
    rows[6] = between / np.linalg.norm(between)
    assert float(rows[0] @ rows[6]) > EDGE
    groups = group(rows)
    assert (groups[:6] == groups[0]).all()
    assert (groups[7:] == groups[7]).all()
    assert groups[0] != groups[7]
    assert (who[1:6] == who[0]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), edge=st.floats(0.2, 0.8))
def test_groups_are_deterministic_counted_from_zero_and_never_join_unconnected_faces(
    seed: int, count: int, edge: float
) -> None:
    rows, _who = people(count, 2, spread=1.0, seed=seed)
    groups = group(rows, edge=edge, seed=seed)
    assert (groups == group(rows, edge=edge, seed=seed)).all()
    first = [int(np.flatnonzero(groups == number)[0]) for number in range(groups.max() + 1)]
    assert first == sorted(first)
    linked = (rows.astype(np.float64) @ rows.T.astype(np.float64)) >= edge
    reach = np.linalg.matrix_power(linked.astype(float) + np.eye(len(rows)), len(rows)) > 0
    assert reach[groups[:, None] == groups[None, :]].all()


def test_a_face_without_neighbours_stands_alone() -> None:
    rows, _who = people(4, 1, spread=0.0)
    assert group(rows).tolist() == [0, 1, 2, 3]
    assert group(rows[:0]).shape == (0,)


def test_what_cannot_be_grouped_is_refused() -> None:
    for wrong in (
        np.zeros(128, np.float32),
        np.full((2, 128), np.inf, np.float32),
        np.zeros((MOST_FACES + 1, 128), np.float32),
    ):
        with pytest.raises(BadVector):
            group(wrong)


def test_purity_counts_faces_in_groups_of_two_and_more() -> None:
    groups = np.array([0, 0, 0, 1, 2, 2])
    assert purity(groups, np.array([5, 5, 6, 7, 8, 8])) == pytest.approx(4 / 5)
    assert purity(np.arange(3), np.zeros(3, int)) == 1.0

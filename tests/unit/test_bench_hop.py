"""Both arms of the hop's measurement show as many strangers, and its strangers are what it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import hop, modelled


@pytest.fixture(scope="module")
def of() -> hop.World:
    """60 people with four modelled pictures each."""
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(60), 4)
    # One of each family of look-alikes.
    centres = modelled.gallery(9_000, seed=7).centres[:: modelled.FAMILY][:60]
    return hop.World(modelled.pictures(rng, centres[people]), people, len(people))


@pytest.mark.parametrize(
    "way", [hop.DIRECT, hop.Way(hop.Hop(0.5, 1.0)), hop.Way(hop.Hop(0.3, 0.0))]
)
def test_no_more_strangers_are_shown_than_were_wanted(of: hop.World, way: hop.Way) -> None:
    tried = hop.scores(of, way)
    for wanted in (0.5, 1.0):
        cuts = hop.thresholds(tried, wanted, 0.7 if way.hop else 1.0)
        shown = (tried.stranger[0] >= cuts[0]) | (tried.stranger[1] >= cuts[1])
        strangers = float(tried.stranger_share[shown].sum())
        assert wanted - 0.1 < strangers <= wanted + 1e-9


def test_a_hop_shows_what_the_photo_showed_and_its_scores_are_those_of_the_mean(
    of: hop.World,
) -> None:
    strong = hop.Hop(0.6, 0.0)
    tried, plain = hop.scores(of, hop.Way(strong)), hop.scores(of)
    cut = 0.7
    assert np.array_equal(tried.mate[0], plain.mate[0])
    with_hop = hop.found(tried, (cut, cut))
    assert (with_hop >= hop.found(plain, (cut, cut))).all()
    assert with_hop.mean() > hop.found(plain, (cut, cut)).mean()
    raw = of.rows @ of.rows[0]
    raw[0] = -9
    mean = of.rows[0] + of.rows[raw >= strong.strong].sum(axis=0)
    expected = of.rows[1:4] @ (mean / np.linalg.norm(mean))
    assert np.allclose(tried.mate[1][tried.mate_of == 0], expected, atol=1e-5)


def test_mirrored_strangers_keep_their_own_likeness_and_are_nobody(of: hop.World) -> None:
    made = hop.mirrored(of.rows, of.people, list(range(60)), 400, seed=3)
    first = made.rows[made.people == made.people[0]]
    assert len(first) == 4
    inside = (first @ first.T)[np.triu_indices(4, 1)]
    assert inside.mean() > 0.6
    assert (made.rows @ of.rows.T).mean() < 0.1
    assert not set(made.people.tolist()) & set(of.people.tolist())


def test_own_tail_moves_every_score_of_a_probe_alike() -> None:
    raw = np.random.default_rng(1).normal(0, 0.1, (3, 1000)).astype(np.float32)
    moved = hop.OwnTail(0.01, 0.5)(raw)
    by = raw - moved
    assert np.allclose(by, by[:, :1], atol=1e-6)
    assert np.allclose(by[:, 0], 0.5 * np.sort(raw, axis=1)[:, -10:].mean(axis=1), atol=1e-6)

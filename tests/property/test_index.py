"""The index against numpy: whatever happened before, a search finds exactly what is there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from biometrics.index import FaceIndex

DIM = 16
MODEL = b"m" * 32
SHARD_ROWS = 24

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 20)),
        st.tuples(st.just("erase"), st.integers(1, 12)),
        st.tuples(st.just("seal"), st.just(0)),
        st.tuples(st.just("graphs"), st.just(0)),
        st.tuples(st.just("reload"), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class World:
    """The index and what ought to be in it, as plainly as can be."""

    rng: np.random.Generator
    index: FaceIndex
    truth: dict[uuid.UUID, NDArray[np.float32]] = field(default_factory=dict)
    erased: list[NDArray[np.float32]] = field(default_factory=list)
    change: int = 0


def new_index(rng: np.random.Generator) -> FaceIndex:
    return FaceIndex(MODEL, dimension=DIM, shard_rows=SHARD_ROWS, m=4, ef_construction=20, rng=rng)


def unit_rows(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    # Few directions and equal rows, so that many scores lie at or near any threshold.
    centres = np.eye(DIM)[rng.integers(0, 3, n)]
    rows = centres + rng.normal(0, 0.15, (n, DIM))
    rows[rng.random(n) < 0.3] = centres[0] + np.linspace(0.01, 0.2, DIM)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def add(world: World, n: int) -> None:
    ids = [uuid.UUID(bytes=world.rng.bytes(16)) for _ in range(n)]
    rows = unit_rows(world.rng, n)
    world.change += 1
    world.index.add(ids, rows, world.change)
    world.truth.update(zip(ids, rows, strict=True))


def erase(world: World, n: int) -> None:
    held = list(world.truth)
    count = min(n, len(held))
    chosen = [held[i] for i in world.rng.choice(len(held), count, replace=False)] if held else []
    unknown = uuid.UUID(bytes=world.rng.bytes(16))
    world.change += 1
    done = world.index.erase([*chosen, unknown], world.change)
    assert done.rows == len(chosen)
    assert done.missing == (unknown,)
    world.erased.extend(world.truth.pop(id_) for id_ in chosen)


def reload(world: World) -> None:
    world.index.seal()
    other = new_index(world.rng)
    for number in range(world.index.shards):
        assert other.load_shard(world.index.shard_bytes(number)) == number
        if world.index.has_graph(number):
            other.load_graph(number, world.index.graph_bytes(number))
            assert other.has_graph(number)
    world.index = other


def take(world: World, step: tuple[str, int]) -> None:
    name, n = step
    if name == "add":
        add(world, n)
    elif name == "erase":
        erase(world, n)
    elif name == "seal":
        world.index.seal()
    elif name == "graphs":
        world.index.build_graphs()
    else:
        reload(world)


def brute_force(world: World, probe: NDArray[np.float32]) -> dict[uuid.UUID, float]:
    return {
        id_: float(np.sum(row.astype(np.float64) * probe.astype(np.float64)))
        for id_, row in world.truth.items()
    }


def check(world: World, probe: NDArray[np.float32], threshold: float) -> None:
    scores = brute_force(world, probe)
    wanted = {id_: score for id_, score in scores.items() if score >= threshold}
    result = world.index.search(probe, threshold)
    assert {hit.id: hit.score for hit in result.hits} == wanted
    assert result.compared == len(world.truth) == len(world.index)
    assert result.found_by_graph + result.added_by_sweep == len(wanted)
    ordered = [hit.score for hit in result.hits]
    assert ordered == sorted(ordered, reverse=True)

    early = world.index.search_graph(probe, threshold)
    assert {hit.id for hit in early} <= set(wanted)
    assert len(early) == result.found_by_graph

    below = sorted((score for score in scores.values() if score < threshold), reverse=True)[:10]
    nearest = world.index.nearest_below(probe, threshold, 10)
    assert [hit.score for hit in nearest] == below
    assert len({hit.id for hit in nearest}) == len(nearest)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), steps=STEPS)
def test_every_sequence_of_changes_searches_like_numpy(
    seed: int, steps: list[tuple[str, int]]
) -> None:
    rng = np.random.default_rng(seed)
    world = World(rng, new_index(rng))
    for step in steps:
        take(world, step)
    probe = unit_rows(rng, 1)[0]
    check(world, probe, 0.6)
    scores = sorted(brute_force(world, probe).values())
    for score in [scores[i] for i in range(0, len(scores), 7)]:
        # Thresholds on a score, one step of float64 beside it, and within 1e-6 of it.
        for threshold in (score, np.nextafter(score, 2), score - 1e-6, score + 1e-6, score + 1e-9):
            check(world, probe, float(threshold))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), steps=STEPS)
def test_erased_templates_are_in_no_byte_of_any_file(
    seed: int, steps: list[tuple[str, int]]
) -> None:
    rng = np.random.default_rng(seed)
    world = World(rng, new_index(rng))
    add(world, 6)
    for step in steps:
        take(world, step)
    add(world, 3)
    # The canary must be seen before, or its absence afterwards would prove nothing.
    world.index.seal()
    world.index.build_graphs()
    canary_id, canary = next(reversed(world.truth.items()))
    assert sum(f.count(canary.tobytes()) for f in files(world)) >= 2
    world.index.erase([canary_id])
    world.erased.append(world.truth.pop(canary_id))
    world.index.build_graphs()
    held = {row.tobytes() for row in world.truth.values()}
    for data in files(world):
        for row in world.erased:
            assert row.tobytes() in held or row.tobytes() not in data


def files(world: World) -> list[bytes]:
    """Everything the index would write; a shard that is wholly erased has no graph."""
    found = []
    for number in range(world.index.shards):
        found.append(world.index.shard_bytes(number))
        if world.index.has_graph(number):
            found.append(world.index.graph_bytes(number))
    return found

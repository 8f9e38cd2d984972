"""What every face index must do, whatever its sweep: equal the truth after any changes.

The suite knows an implementation only by the function that makes one (``MAKERS``) and by the
public methods; truth is a dictionary and sums in float64.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from numpy.typing import NDArray

from biometrics.errors import FaceIndexError
from biometrics.index import FaceIndex, SearchResult, graphs

DIM = 16
MODEL = b"m" * 32
SHARD_ROWS = 24

Maker = Callable[[np.random.Generator], FaceIndex]
Truth = dict[uuid.UUID, NDArray[np.float32]]


def float32_index(rng: np.random.Generator) -> FaceIndex:
    return FaceIndex(
        MODEL,
        dimension=DIM,
        shard_rows=SHARD_ROWS,
        m=4,
        ef_construction=20,
        sweep="float32",
        rng=rng,
    )


def int8_index(rng: np.random.Generator) -> FaceIndex:
    return FaceIndex(
        MODEL, dimension=DIM, shard_rows=SHARD_ROWS, m=4, ef_construction=20, sweep="int8", rng=rng
    )


MAKERS: list[Maker] = [float32_index, int8_index]


def unit_rows(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    # Few directions and equal rows, so that many scores lie at or near any threshold.
    centres = np.eye(DIM)[rng.integers(0, 3, n)]
    rows = centres + rng.normal(0, 0.15, (n, DIM))
    rows[rng.random(n) < 0.3] = centres[0] + np.linspace(0.01, 0.2, DIM)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(truth: Truth, probe: NDArray[np.float32]) -> dict[uuid.UUID, float]:
    wide = probe.astype(np.float64)
    return {id_: float(np.sum(row.astype(np.float64) * wide)) for id_, row in truth.items()}


def thresholds_near(scores: list[float]) -> list[float]:
    """On scores, one step of float64 beside them, and within 1e-6 of them."""
    found = [0.6]
    for score in sorted(scores)[:: max(1, len(scores) // 4)]:
        found += [score, np.nextafter(score, 2), score - 1e-6, score + 1e-6, score + 1e-9]
    return [float(one) for one in found]


def require_truth(index: FaceIndex, truth: Truth, probes: NDArray[np.float32]) -> None:
    """Every way to search gives what the sums in float64 give."""
    assert len(index) == len(truth)
    for probe in probes:
        scores = brute_force(truth, probe)
        for threshold in thresholds_near(list(scores.values())):
            result = index.search(probe, threshold)
            require_result(result, truth, scores, threshold)
            early = index.search_graph(probe, threshold)
            assert [hit for hit in result.hits if hit.found_by == "hnswlib"] == early
            require_nearest(index, probe, scores, threshold)
    for threshold in (0.6, float(np.median([*scores.values(), 0.5]))):
        one_by_one = [index.search(probe, threshold) for probe in probes]
        assert index.search_many(probes, threshold) == one_by_one


def require_result(
    result: SearchResult, truth: Truth, scores: dict[uuid.UUID, float], threshold: float
) -> None:
    wanted = {id_: score for id_, score in scores.items() if score >= threshold}
    assert {hit.id: hit.score for hit in result.hits} == wanted
    assert len(result.hits) == len(wanted)
    assert result.compared == len(truth)
    assert result.found_by_graph + result.added_by_sweep == len(wanted)
    assert [hit.score for hit in result.hits] == sorted(wanted.values(), reverse=True)


def require_nearest(
    index: FaceIndex, probe: NDArray[np.float32], scores: dict[uuid.UUID, float], threshold: float
) -> None:
    below = sorted((score for score in scores.values() if score < threshold), reverse=True)[:10]
    nearest = index.nearest_below(probe, threshold, 10)
    assert [hit.score for hit in nearest] == below
    assert len({hit.id for hit in nearest}) == len(nearest)


class World(RuleBasedStateMachine):
    """An index, what ought to be in it, and the files that survive a crash.

    ``truth`` stands for the vault and the rows of the database: after a crash the files are
    loaded and everything that happened since they were written is applied again.
    """

    make: Maker

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.index = type(self).make(self.rng)
        self.truth: Truth = {}
        self.files: list[tuple[bytes, bytes | None]] = []
        self.in_files: Truth = {}
        self.change = 0

    def next_change(self) -> int:
        self.change += 1
        return self.change

    def some(self, n: int) -> list[uuid.UUID]:
        held = list(self.truth)
        return [held[i] for i in self.rng.choice(len(held), min(n, len(held)), replace=False)]

    @rule(n=st.integers(1, 20))
    def add(self, n: int) -> None:
        ids = [uuid.UUID(bytes=self.rng.bytes(16)) for _ in range(n)]
        rows = unit_rows(self.rng, n)
        self.index.add(ids, rows, self.next_change())
        self.truth.update(zip(ids, rows, strict=True))

    @rule(n=st.integers(1, 12))
    def erase(self, n: int) -> None:
        chosen = self.some(n) if self.truth else []
        unknown = uuid.UUID(bytes=self.rng.bytes(16))
        done = self.index.erase([*chosen, unknown], self.next_change())
        assert (done.rows, done.missing) == (len(chosen), (unknown,))
        for id_ in chosen:
            del self.truth[id_]
            assert not self.index.contains(id_)

    @rule()
    def restrict(self) -> None:
        """A restricted record is still found: its own person must get it."""
        self.index.follow(self.next_change())

    @rule()
    def seal(self) -> None:
        self.index.seal()
        assert self.index.tail_rows == 0

    @rule()
    def build_graphs(self) -> None:
        self.index.build_graphs()
        for number in range(self.index.shards):
            assert self.index.has_graph(number) == (self.index.shard_size(number) > 0)

    @rule()
    def save(self) -> None:
        """All shards at once, as they are committed; the tail is in no file."""
        self.index.seal()
        self.files = [
            (
                self.index.shard_bytes(number),
                self.index.graph_bytes(number) if self.index.has_graph(number) else None,
            )
            for number in range(self.index.shards)
        ]
        self.in_files = dict(self.truth)

    @rule()
    def crash(self) -> None:
        """Memory is lost; what was written is loaded, then what happened since is applied."""
        self.index = type(self).make(self.rng)
        for number, (rows, graph) in enumerate(self.files):
            assert self.index.load_shard(rows) == number
            if graph is not None:
                self.index.load_graph(number, graph)
        assert set(self.index.ids()) == self.in_files.keys()
        self.index.erase([id_ for id_ in self.in_files if id_ not in self.truth], self.change)
        late = [id_ for id_ in self.truth if id_ not in self.in_files]
        if late:
            self.index.add(late, np.stack([self.truth[id_] for id_ in late]), self.change)

    @rule(seed=st.integers(0, 2**16))
    def search(self, seed: int) -> None:
        probes = unit_rows(np.random.default_rng(seed), 6)
        require_truth(self.index, self.truth, probes[:1])
        one_by_one = [self.index.search(probe, 0.7) for probe in probes]
        assert self.index.search_many(probes, 0.7) == one_by_one

    @invariant()
    def holds_the_truth(self) -> None:
        assert set(self.index.ids()) == self.truth.keys()
        assert len(self.index) == len(self.truth)
        assert self.index.applied_change <= self.change

    def teardown(self) -> None:
        require_truth(self.index, self.truth, unit_rows(self.rng, 2))


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_sequence_of_changes_searches_like_float64(make: Maker) -> None:
    machine = type("Machine", (World,), {"make": staticmethod(make)})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it untyped
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), dimension=st.sampled_from([2, 7, 128, 512]))
def test_both_sweeps_give_the_same_hits_at_any_dimension(seed: int, dimension: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((90, dimension)) * rng.choice([1e-42, 1e-3, 1.0], (1, dimension))
    rows += np.eye(dimension)[0] * rng.choice([0.0, 1.0, 1e3])
    rows[40:60] = rows[0]  # equal rows
    rows[60:80] = rows[0] + 1e-7 * rng.standard_normal((20, dimension))
    rows[:, 0] += 1e-30
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    ids = [uuid.UUID(int=n + 1) for n in range(len(unit))]
    truth = dict(zip(ids, unit, strict=True))
    for sweep in ("float32", "int8"):
        index = FaceIndex(MODEL, dimension=dimension, shard_rows=32, sweep=sweep)
        index.add(ids, unit, 1)
        index.seal()
        for probe in unit[[0, 5, 60]]:
            scores = brute_force(truth, probe)
            for threshold in thresholds_near(list(scores.values())):
                require_result(index.search(probe, threshold), truth, scores, threshold)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), erased=st.integers(1, 8))
def test_erased_templates_are_in_no_byte_of_any_file(seed: int, erased: int) -> None:
    rng = np.random.default_rng(seed)
    index = int8_index(rng)
    rows = rng.standard_normal((60, DIM))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    ids = [uuid.UUID(bytes=rng.bytes(16)) for _ in range(60)]
    index.add(ids, unit, 1)
    index.seal()
    index.build_graphs()
    gone = rng.choice(60, erased, replace=False).tolist()
    # The canary must be seen before, or its absence afterwards would prove nothing.
    for row in gone:
        assert sum(data.count(unit[row].tobytes()) for data in files(index)) == 2
        assert sum(data.count(ids[row].bytes) for data in files(index)) == 1
    index.erase([ids[row] for row in gone], 2)
    index.build_graphs()
    for row in gone:
        assert sum(data.count(unit[row].tobytes()) for data in files(index)) == 0
        assert sum(data.count(ids[row].bytes) for data in files(index)) == 0


def files(index: FaceIndex) -> list[bytes]:
    """Everything the index would write; a shard that is wholly erased has no graph."""
    found = []
    for number in range(index.shards):
        found.append(index.shard_bytes(number))
        if index.has_graph(number):
            found.append(index.graph_bytes(number))
    return found


class Untouchable:
    """Stands in for hnswlib: a damaged file must never get as far."""

    def __init__(self, *_: object) -> None:
        raise AssertionError("hnswlib was handed a damaged file")


def sound_files() -> tuple[FaceIndex, bytes, bytes]:
    rng = np.random.default_rng(7)
    index = float32_index(rng)
    index.add([uuid.UUID(int=n + 1) for n in range(20)], unit_rows(rng, 20), 1)
    index.seal()
    index.build_graphs()
    return index, index.shard_bytes(0), index.graph_bytes(0)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_before_hnswlib_sees_a_byte(data: st.DataObject) -> None:
    index, shard, graph = sound_files()
    sound = data.draw(st.sampled_from([shard, graph]))
    bad = bytearray(sound)
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(bad) - 1), st.integers(1, 255)), max_size=4)
    ):
        bad[at] ^= value
    bad = bad[: data.draw(st.integers(0, len(bad)))] if data.draw(st.booleans()) else bad
    bad += data.draw(st.binary(max_size=3))
    if bytes(bad) == sound:
        return
    with mock.patch.object(graphs.hnswlib, "Index", Untouchable):
        with pytest.raises(FaceIndexError):
            index.load_graph(0, bytes(bad))
        with pytest.raises(FaceIndexError):
            float32_index(np.random.default_rng(0)).load_shard(bytes(bad))

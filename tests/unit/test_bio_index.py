"""The face index in small: damaged files, odd input, what hnswlib found and what it did not."""

from __future__ import annotations

import doctest
import threading
import uuid
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
import pytest

import biometrics.index
from biometrics import index_format
from biometrics.errors import (
    BadVector,
    DuplicateFace,
    FaceIndexError,
    IndexDamaged,
    IndexMismatch,
    IndexOutOfMemory,
)
from biometrics.index import FaceIndex, face_index, graphs, in_place, shards, sweep
from biometrics.index.probes import MOST_PROBES, Probes
from biometrics.memory import pages_of

DIM = 32
MODEL = b"m" * 32


def unit_rows(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids_of(n: int, first: int = 1) -> list[uuid.UUID]:
    return [uuid.UUID(int=first + i) for i in range(n)]


def new_index(model: bytes = MODEL, shard_rows: int = 64) -> FaceIndex:
    return FaceIndex(model, dimension=DIM, shard_rows=shard_rows, m=4, ef_construction=32)


def built(n: int = 60) -> FaceIndex:
    index = new_index()
    index.add(ids_of(n), unit_rows(n), 1)
    index.seal()
    assert index.build_graphs() == [0]
    return index


def test_hnswlib_finds_and_the_tail_is_added_by_the_sweep() -> None:
    index = built()
    rows = unit_rows(60)
    probe = rows[5]
    late = uuid.UUID(int=900)
    index.add([late], probe[None, :], 7)
    result = index.search(probe, 0.9)
    assert [(hit.id, hit.found_by) for hit in result.hits] == [
        (uuid.UUID(int=6), "hnswlib"),
        (late, "sweep"),
    ]
    assert (result.compared, result.found_by_graph, result.added_by_sweep) == (61, 1, 1)
    assert (result.shards, result.shards_swept_only, result.tail_rows) == (1, 0, 1)
    assert result.applied_change == 7
    assert [hit.id for hit in index.search_graph(probe, 0.9)] == [uuid.UUID(int=6)]


def test_hnswlib_is_asked_for_more_until_the_last_hit_lies_under_the_threshold() -> None:
    # More hits than the first k (256): a fixed k would cut them silently (R22).
    rows = np.tile(unit_rows(1), (700, 1)) + np.random.default_rng(1).normal(0, 0.01, (700, DIM))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    index = FaceIndex(MODEL, dimension=DIM, shard_rows=2000)
    index.add(ids_of(700), rows, 1)
    index.add(ids_of(600, 5000), unit_rows(600, 3), 2)
    index.seal()
    index.build_graphs()
    result = index.search(rows[0], 0.95)
    assert len(result.hits) == 700
    assert result.found_by_graph > 600


def test_a_shard_without_a_graph_is_swept_and_counted_as_such() -> None:
    index = built()
    done = index.erase([uuid.UUID(int=3)], 4)
    assert done.shards == (0,)
    assert not index.has_graph(0)
    result = index.search(unit_rows(60)[8], 0.9)
    assert result.shards_swept_only == 1
    assert [hit.found_by for hit in result.hits] == ["sweep"]
    assert result.compared == 59
    assert result.applied_change == 4


@pytest.mark.parametrize("sealed", [True, False])
def test_erased_rows_are_overwritten_before_erase_returns(sealed: bool) -> None:
    index, rows = built(), unit_rows(60)
    if not sealed:
        index = new_index()
        index.add(ids_of(60), rows, 1)
    blocks = index._shards + index._tail
    canary = rows[2].tobytes()
    assert sum(block.rows.tobytes().count(canary) for block in blocks) == 1
    index.erase([uuid.UUID(int=3)])
    assert sum(block.rows.tobytes().count(canary) for block in blocks) == 0
    assert sum(block.ids.tobytes().count(uuid.UUID(int=3).bytes) for block in blocks) == 0
    for block in blocks:
        if block.codes is not None:
            assert (block.codes.values[: block.used][~block.live[: block.used]] == 128).all()
    assert not index.contains(uuid.UUID(int=3))
    assert index.contains(uuid.UUID(int=4))


def test_no_single_template_is_left_in_scratch_buffers() -> None:
    index, rows = built(), unit_rows(60)
    index.search(rows[2], 0.5)
    index.nearest_below(rows[2], 0.5)
    index.search_graph(rows[2], 0.5)
    assert not any(buffer.any() for buffer in index._probes.buffers)


def test_rows_are_shuffled_inside_a_shard_and_shards_follow_enrolment() -> None:
    index, rows = new_index(shard_rows=64), unit_rows(128)
    index.add(ids_of(128), rows, 1)
    assert index.seal() == [0, 1]
    order = [int.from_bytes(raw.tobytes(), "big") for raw in index._shards[0].ids[:64]]
    assert sorted(order) == list(range(1, 65))
    assert order != sorted(order)


def test_a_last_shard_that_is_not_full_is_filled_up_by_the_next_seal() -> None:
    index = built(40)
    index.add(ids_of(50, 100), unit_rows(50, 9), 2)
    assert index.seal() == [0, 1]
    assert (index.shard_size(0), index.shard_size(1), index.tail_rows) == (64, 26, 0)
    assert index.seal() == []
    assert len(index) == 90


def test_every_flipped_bit_and_every_cut_of_a_file_is_refused() -> None:
    index = built()
    shard, graph = index.shard_bytes(0), index.graph_bytes(0)
    rng = np.random.default_rng(3)
    for at in sorted({*range(100), *rng.integers(0, len(shard), 60).tolist()}):
        bad = bytearray(shard)
        bad[at] ^= 1 << int(rng.integers(0, 8))
        with pytest.raises((IndexDamaged, IndexMismatch)):
            new_index().load_shard(bytes(bad))
    for at in sorted({*range(140), *rng.integers(0, len(graph), 60).tolist()}):
        bad = bytearray(graph)
        bad[at] ^= 1 << int(rng.integers(0, 8))
        with pytest.raises((IndexDamaged, IndexMismatch)):
            index.load_graph(0, bytes(bad))
    for length in (0, 1, 50, len(shard) - 1):
        with pytest.raises(IndexDamaged):
            new_index().load_shard(shard[:length])
    for length in (0, 1, 150, len(graph) - 1):
        with pytest.raises(IndexDamaged):
            index.load_graph(0, graph[:length])
    index.load_graph(0, graph)
    assert index.graph_bytes(0) == graph


def test_a_graph_that_is_wrong_inside_is_refused_even_with_a_right_hash() -> None:
    """hnswlib reads such files silently or crashes: the walk must see them before it does."""
    index = built()
    block = index._shards[0]
    shape = index._shape(block)
    start = index_format._GRAPH.size + 32
    payload = index.graph_bytes(0)[start:]
    digest = index_format.shard_digest(block.ids[:60], block.rows[:60])

    def refused(changed: bytes) -> None:
        data = index_format.pack_graph(changed, model=MODEL, shape=shape, digest=digest)
        with pytest.raises(IndexDamaged):
            index.load_graph(0, data)

    level0 = index_format._HNSW.size
    spots = {
        "room": 8,
        "count": 16,
        "top level": 48,
        "entry point": 52,
        "link count": level0,
        "first link": level0 + 4,
        "vector": level0 + shape.links0 + 1,
        "label": level0 + shape.element - 8,
        "upper size": level0 + 60 * shape.element,
    }
    for at in spots.values():
        changed = bytearray(payload)
        changed[at] ^= 0x55
        refused(bytes(changed))
    refused(payload[:-1])
    refused(payload + b"\x00" * 4)


def test_files_of_another_model_or_shard_are_refused() -> None:
    index = built()
    shard, graph = index.shard_bytes(0), index.graph_bytes(0)
    with pytest.raises(IndexMismatch):
        new_index(b"n" * 32).load_shard(shard)
    other = new_index()
    other.add(ids_of(60), unit_rows(60, 4), 1)
    other.seal()
    with pytest.raises(IndexMismatch):
        other.load_graph(0, graph)


def test_a_damaged_graph_leaves_the_shard_searchable_without_it() -> None:
    index = new_index()
    index.load_shard(built().shard_bytes(0))
    with pytest.raises(IndexDamaged):
        index.load_graph(0, b"damaged")
    result = index.search(unit_rows(60)[1], 0.9)
    assert (len(result.hits), result.shards_swept_only) == (1, 1)


def test_odd_input_is_refused_by_name() -> None:
    index, rows = built(), unit_rows(60)
    with pytest.raises(DuplicateFace):
        index.add([uuid.UUID(int=1)], rows[:1], 2)
    with pytest.raises(DuplicateFace):
        index.add([uuid.UUID(int=70), uuid.UUID(int=70)], rows[:2], 2)
    broken = rows[:1].copy()
    broken[0, 3] = np.nan
    wrong: list[Any] = [broken, rows[:1] * 2, rows[:1, :5], rows[:1].astype(np.float64)]
    for bad in wrong:
        with pytest.raises(BadVector):
            index.add([uuid.UUID(int=71)], bad, 2)
    ragged: list[Any] = [[[1.0], [1.0, 2.0]], object(), None, [["a"] * DIM]]
    for bad in ragged:
        with pytest.raises(BadVector):
            index.add([uuid.UUID(int=71)], bad, 2)
        with pytest.raises(BadVector):
            index.search_many(bad, 0.5)
    for bad in (broken[0], rows[0] * 0, rows[:1], rows[0, :5]):
        with pytest.raises(BadVector):
            index.search(bad, 0.5)
        with pytest.raises(BadVector):
            index.search_graph(bad, 0.5)
    odd: list[Any] = [float("nan"), float("inf"), "0.5", None]
    for threshold in odd:
        with pytest.raises(BadVector):
            index.search(rows[0], threshold)
        with pytest.raises(BadVector):
            index.search_many(rows[:2], threshold)
    no_ids: list[Any] = ["71", 71, None]
    for id_ in no_ids:
        with pytest.raises(FaceIndexError):
            index.add([id_], rows[:1], 2)
        with pytest.raises(FaceIndexError):
            index.erase([id_])
    with pytest.raises(FaceIndexError):
        index.add([], rows[:1], 2)
    with pytest.raises(FaceIndexError):
        FaceIndex(MODEL, sweep="float16")  # type: ignore[arg-type]  # what is refused here
    with pytest.raises(FaceIndexError):
        FaceIndex(b"short")
    with pytest.raises(FaceIndexError):
        index.shard_bytes(5)
    assert len(index) == 60


def test_an_empty_index_answers() -> None:
    index = new_index()
    probe = unit_rows(1)[0]
    result = index.search(probe, 0.1)
    assert (result.hits, result.compared, result.shards) == ([], 0, 0)
    assert index.search_graph(probe, 0.1) == []
    assert index.nearest_below(probe, 0.1) == []
    assert index.search_many(unit_rows(3), 0.1) == [result] * 3
    assert index.search_many(unit_rows(3)[:0], 0.1) == []
    assert index.seal() == []
    assert index.build_graphs() == []


def test_a_wholly_erased_shard_keeps_its_number_and_can_be_written() -> None:
    index = built()
    index.erase(ids_of(60))
    again = new_index()
    assert again.load_shard(index.shard_bytes(0)) == 0
    assert len(again) == 0
    assert again.build_graphs() == []


def test_a_graph_whose_shard_changed_meanwhile_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, rows = built(), unit_rows(60)
    index.erase([uuid.UUID(int=9)])
    real = hnswlib.Index

    class SlowIndex(real):  # type: ignore[misc, valid-type]  # a base known at run time
        def set_num_threads(self, n: int) -> None:
            super().set_num_threads(n)
            index.erase([uuid.UUID(int=10)])  # comes in while the graph is built

    monkeypatch.setattr(hnswlib, "Index", SlowIndex)
    assert index.build_graphs() == []
    assert not index.has_graph(0)
    monkeypatch.setattr(hnswlib, "Index", real)
    assert index.build_graphs() == [0]
    assert index.search(rows[3], 0.9).found_by_graph == 1
    assert index.search(rows[9], 0.9).hits == []


def test_no_byte_of_a_graph_touches_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    index = built()
    index.load_graph(0, index.graph_bytes(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dimension", [2, 128, 512])
def test_no_product_is_further_off_than_the_bound_says(dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    rows = rng.standard_normal((4000, dimension))
    rows[:1000] = np.abs(rows[:1000])  # errors of sums that only grow
    rows[1000:1500, 1:] *= 1e-41  # values and products under the least normal number
    rows[1000:1500, 0] = 1.0
    rows[1500:2000] *= rng.choice([1e-20, 1.0], (500, dimension))
    rows[:, 0] += 1e-3
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    bound = sweep.product_error(dimension)
    assert dimension * 2.0**-24 < bound < 1.01 * dimension * 2.0**-24
    floats = sweep.Float32Sweep(dimension)
    for some in (unit[:3], unit[1000:1064]):  # one product each, and one for all
        probes = Probes(dimension).load(some, 0.0)
        exact = some.astype(np.float64) @ unit.astype(np.float64).T
        products = floats.products(unit, probes)
        assert np.abs(products - exact).max() <= bound
        for threshold in (0.0, 0.3, 1.0):
            assert (products[exact >= threshold] >= floats.cut(threshold)).all()
            assert float(floats.cut(threshold)) > threshold - 2 * bound - 1e-6


@pytest.mark.parametrize("dimension", [2, 128, 512])
def test_the_whole_numbers_name_every_row_over_the_threshold_and_few_others(
    dimension: int,
) -> None:
    rng = np.random.default_rng(dimension)
    rows = rng.standard_normal((3000, dimension))
    rows[:500] *= rng.choice([1e-30, 1e-3, 1.0], (500, dimension))
    rows[:, 0] += 0.01
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    whole = sweep.Int8Sweep(dimension)
    codes = whole.encode(unit, len(unit))
    assert codes is not None
    decoded = codes.step * (codes.values.astype(np.float64) - 128)
    assert np.linalg.norm(unit - decoded, axis=1).max() <= codes.error * (1 + 1e-12)
    probes = Probes(dimension)
    for some in (unit[:1], unit[7:9], unit[1000:1064]):
        exact = some.astype(np.float64) @ unit.astype(np.float64).T
        for threshold in (-0.5, 0.1, 0.4, float(exact[0, 17]), 3.0, -3.0):
            with probes.load(some, threshold):
                which, row = whole.near(unit, codes, probes)
            named = np.zeros(exact.shape, dtype=bool)
            named[which, row] = True
            assert named[exact >= threshold].all()
            assert not named[exact < threshold - 4 * codes.error].any()


@pytest.mark.parametrize("dimension", [128, 512])
def test_rows_that_lie_as_badly_as_can_be_are_named(dimension: int) -> None:
    """Rows along what the codes of a probe leave out, exact in eight bits themselves."""
    rng = np.random.default_rng(dimension)
    whole, probes = sweep.Int8Sweep(dimension), Probes(dimension)
    for _ in range(40):
        row = rng.standard_normal(dimension)
        probe = (row / np.linalg.norm(row)).astype(np.float32)
        coded = probes.load(probe[None, :], 0.0).codes()
        high, low = coded.columns[:, 0].astype(float), coded.columns[:, 1].astype(float)
        left_out = probe - coded.step[0] * (128 * high + low)
        for worst in (low, left_out):
            bad = (np.where(worst > 0, 1.0, -1.0) / np.sqrt(dimension)).astype(np.float32)[None, :]
            score = float(np.sum(bad[0].astype(np.float64) * probe.astype(np.float64)))
            codes = whole.encode(bad, 1)
            with probes.load(probe[None, :], score):
                assert whole.near(bad, codes, probes)[1].tolist() == [0]


def test_a_sum_that_a_processor_gets_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sweep._whole_products
    monkeypatch.setattr(sweep, "_whole_products", lambda *a: np.clip(real(*a), -32768, 32767))
    with pytest.raises(FaceIndexError):
        sweep.Int8Sweep(128)


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_many_probes_at_once_are_many_searches(name: sweep.SweepName) -> None:
    rows = unit_rows(400)
    index = FaceIndex(MODEL, dimension=DIM, shard_rows=128, m=8, sweep=name)
    index.add(ids_of(400), rows, 1)
    index.seal()
    index.build_graphs([0, 1])
    index.add([uuid.UUID(int=900)], rows[:1], 2)
    index.erase([uuid.UUID(int=2)], 3)
    for count in (1, 2, 4, 5, 16, MOST_PROBES, MOST_PROBES + 3):
        probes = rows[:count]
        assert index.search_many(probes, 0.5) == [index.search(one, 0.5) for one in probes]
    assert not any(buffer.any() for buffer in index._probes.buffers)


def test_rows_no_link_leads_to_are_known_and_become_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = unit_rows(3000)

    def graph() -> FaceIndex:
        index = FaceIndex(MODEL, dimension=DIM, shard_rows=3000, m=2, ef_construction=8)
        index.add(ids_of(3000), rows, 1)
        index.seal()
        index.build_graphs()
        return index

    repaired = graph()
    monkeypatch.setattr(graphs.ShardGraph, "_repaired", lambda self, rows: self)
    plain = graph()
    assert plain.unreached(0) > 10
    assert repaired.unreached(0) < plain.unreached(0) / 10
    # They are what the graph can't find, and the sweep does.
    block = plain._shards[0]
    assert block.graph is not None
    for row in block.graph.unreached()[:20].tolist():
        probe = block.rows[row].copy()
        own = uuid.UUID(bytes=block.ids[row].tobytes())
        assert own not in {hit.id for hit in plain.search_graph(probe, 0.99)}
        found = {hit.id: hit.found_by for hit in plain.search(probe, 0.99).hits}
        assert found[own] == "sweep"
    again = FaceIndex(MODEL, dimension=DIM, shard_rows=3000, m=2, ef_construction=8)
    again.load_shard(repaired.shard_bytes(0))
    again.load_graph(0, repaired.graph_bytes(0))
    assert again.unreached(0) == repaired.unreached(0)


def test_searches_additions_and_erasures_from_many_threads_leave_the_truth() -> None:
    index = new_index(shard_rows=64)
    rows = unit_rows(600)
    index.add(ids_of(200), rows[:200], 1)
    errors: list[Exception] = []
    go = threading.Barrier(5)

    def guarded(work: Any) -> None:
        go.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            errors.append(error)

    def add() -> None:
        for n in range(200, 600, 10):
            index.add(ids_of(10, n + 1), rows[n : n + 10], n)

    def erase() -> None:
        for n in range(0, 200, 5):
            assert index.erase(ids_of(5, n + 1), 600 + n).rows == 5

    def maintain() -> None:
        for _ in range(12):
            index.seal()
            index.build_graphs()

    def search() -> None:
        for n in range(120):
            for result in (index.search(rows[n], 0.3), *index.search_many(rows[n : n + 2], 0.3)):
                assert result.found_by_graph + result.added_by_sweep == len(result.hits)
                assert all(hit.score >= 0.3 for hit in result.hits)

    threads = [
        threading.Thread(target=guarded, args=(work,))
        for work in (add, erase, maintain, search, search)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(index.ids()) == set(ids_of(400, 201))
    for n in (200, 350, 599):
        assert index.search(rows[n], 0.999).hits[0].id == uuid.UUID(int=n + 1)


def test_when_memory_runs_out_nothing_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    index, rows = new_index(shard_rows=64), unit_rows(300)
    index.add(ids_of(100), rows[:100], 1)
    index.seal()
    index.add(ids_of(20, 101), rows[100:120], 2)
    saved = index.shard_bytes(0)
    made = 0

    class Scarce(shards.Block):
        def __init__(self, *args: int) -> None:
            nonlocal made
            made += 1
            if made > 1:
                raise MemoryError
            super().__init__(*args)

    monkeypatch.setattr(shards, "Block", Scarce)
    monkeypatch.setattr(face_index, "Block", Scarce)
    with pytest.raises(IndexOutOfMemory):
        index.add(ids_of(180, 121), rows[120:], 3)
    made = 1
    with pytest.raises(IndexOutOfMemory):
        index.seal()
    with pytest.raises(IndexOutOfMemory):
        new_index().load_shard(saved)
    monkeypatch.undo()
    assert (len(index), index.shards, index.tail_rows, index.applied_change) == (120, 2, 20, 2)
    for n in (0, 99, 119):
        assert [hit.id for hit in index.search(rows[n], 0.999).hits] == [uuid.UUID(int=n + 1)]
    assert index.seal() == [1]
    assert len(index) == 120


def test_a_wiped_index_holds_nothing() -> None:
    index = built()
    index.add([uuid.UUID(int=900)], unit_rows(61)[60:], 2)
    blocks = index._blocks()
    index.wipe()
    assert (len(index), index.shards, index.ids()) == (0, 0, [])
    assert not any(block.rows.any() or block.ids.any() or block.live.any() for block in blocks)


def test_a_shard_with_codes_and_a_graph_holds_its_rows_once() -> None:
    """hnswlib's own vectors are the rows (docs/index.md); erasing overwrites them there."""
    index, rows = built(), unit_rows(60)
    block = index._shards[0]
    held = {block.ids[n].tobytes(): block.rows[n].copy() for n in range(60)}
    seen = block.rows
    assert not seen.flags.owndata
    assert seen.strides == (index._shape(block).element, 4)
    assert all((held[id_.bytes] == row).all() for id_, row in zip(ids_of(60), rows, strict=True))
    # It is hnswlib's memory, not a copy of it.
    assert block.graph is not None
    before = block.graph.payload()
    kept, seen[3] = seen[3].copy(), 0.5
    assert block.graph.payload().count(seen[3].tobytes()) == 1
    seen[3] = kept
    assert block.graph.payload() == before
    index.erase([uuid.UUID(int=3)])
    assert not seen.any()
    assert block.rows.flags.c_contiguous
    assert [hit.id for hit in index.search(rows[9], 0.999).hits] == [uuid.UUID(int=10)]


def test_rows_are_kept_where_the_graph_does_not_hold_them_in_order() -> None:
    index, rows = built(), unit_rows(60)
    index.erase([uuid.UUID(int=60)])
    assert index.build_graphs() == [0]
    block = index._shards[0]
    graph = block.graph
    assert graph is not None
    own = np.array(block.rows)
    assert graph.vectors(own) is not None
    own[7, 3] = np.nextafter(own[7, 3], np.float32(1))
    assert graph.vectors(own) is None
    other = hnswlib.Index("ip", DIM)
    other.init_index(59, M=4, ef_construction=32)
    other.add_items(block.rows, np.arange(59)[::-1], 1)
    assert in_place.vectors_in_place(other, index._shape(block), np.array(block.rows)) is None
    assert in_place.vectors_in_place(object(), index._shape(block), np.array(block.rows)) is None
    found = index.search(rows[9], 0.999)
    assert [(hit.id, hit.found_by) for hit in found.hits] == [(uuid.UUID(int=10), "hnswlib")]


@pytest.mark.parametrize("freed", [False, True])
def test_memory_of_another_graph_with_the_same_rows_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, freed: bool
) -> None:
    """What lies beside a graph may point to one that was freed, or to the one before it."""
    index = built()
    block = index._shards[0]
    shape = index._shape(block)
    rows, before = np.array(block.rows), block.graph
    payload = index.graph_bytes(0)[index_format._GRAPH.size + 32 :]
    graph = graphs.ShardGraph.load(payload, shape)
    assert before is not None
    assert before._index is not graph._index
    own = graph.vectors(rows)
    assert own is not None
    stale = pages_of((shape.rows, shape.element), np.uint8)
    other = block.rows.ctypes.data - shape.links0
    if freed:
        # As the allocator leaves it: its first words written over, the rest as it was.
        elements = payload[index_format._HNSW.size :][: stale.nbytes]
        stale[:] = np.frombuffer(elements, np.uint8).reshape(stale.shape)
        stale[0, :16] = 255
        other = stale.ctypes.data
    real = in_place._blocks
    monkeypatch.setattr(in_place, "_blocks", lambda *args: iter([other, *real(*args)]))
    seen = graph.vectors(rows)
    assert seen is not None
    assert seen.ctypes.data == own.ctypes.data
    monkeypatch.setattr(in_place, "_blocks", lambda *_: iter([other]))
    assert graph.vectors(rows) is None
    # Proving it left no trace.
    assert graph.payload() == payload


def test_without_a_way_to_hnswlibs_memory_everything_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_place, "_MEMORY", "/proc/self/nothing")
    index, rows = built(), unit_rows(60)
    block = index._shards[0]
    assert block.rows.flags.c_contiguous
    assert index.search(rows[4], 0.999).found_by_graph == 1
    index.erase([uuid.UUID(int=5)])
    assert index.search(rows[4], 0.999).hits == []


def test_when_rows_can_not_leave_the_graph_nothing_is_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, rows = built(), unit_rows(60)

    def scarce(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(shards, "pages_of", scarce)
    with pytest.raises(IndexOutOfMemory):
        index.erase([uuid.UUID(int=5)])
    assert index.contains(uuid.UUID(int=5))
    monkeypatch.undo()
    assert index.search(rows[4], 0.999).found_by_graph == 1
    assert index.erase([uuid.UUID(int=5)]).rows == 1


def test_an_opened_shard_is_in_no_search_before_it_is_taken() -> None:
    data, index, rows = built().shard_bytes(0), new_index(), unit_rows(60)
    opened = index.open_shard(data)
    assert (len(index), index.search(rows[3], 0.9).hits) == (0, [])
    assert index.take_shard(opened) == 0
    assert [hit.id for hit in index.search(rows[3], 0.999).hits] == [uuid.UUID(int=4)]
    again = index.open_shard(data)
    with pytest.raises(DuplicateFace):
        index.take_shard(again)
    assert not again.block.rows.any()
    assert len(index) == 60


def test_a_change_that_touches_no_row_is_followed() -> None:
    index = built()
    index.follow(9)
    index.follow(4)
    assert (index.applied_change, len(index), index.has_graph(0)) == (9, 60, True)


def test_the_example_in_the_documentation_runs() -> None:
    done = doctest.testmod(biometrics.index)
    assert (done.attempted > 5, done.failed) == (True, 0)

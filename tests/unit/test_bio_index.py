"""The face index in small: damaged files, odd input, what hnswlib found and what it did not."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
import pytest

from biometrics import index_format
from biometrics.errors import BadVector, DuplicateFace, FaceIndexError, IndexDamaged, IndexMismatch
from biometrics.index import FaceIndex

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
    assert not index.contains(uuid.UUID(int=3))
    assert index.contains(uuid.UUID(int=4))


def test_no_single_template_is_left_in_scratch_buffers() -> None:
    index, rows = built(), unit_rows(60)
    index.search(rows[2], 0.5)
    index.nearest_below(rows[2], 0.5)
    index.search_graph(rows[2], 0.5)
    scratch = index._scratch
    for buffer in (scratch.query32, scratch.query64, scratch.rows32, scratch.rows64):
        assert not buffer.any()


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
    for bad in (broken[0], rows[0] * 0, rows[:1]):
        with pytest.raises(BadVector):
            index.search(bad, 0.5)
    with pytest.raises(BadVector):
        index.search(rows[0], float("nan"))
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

    class SlowIndex(real):  # type: ignore[misc, valid-type]
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

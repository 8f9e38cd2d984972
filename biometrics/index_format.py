"""Shards and graphs as bytes: written with a hash, checked in full before anything else reads them.

hnswlib has no checksum of its own: a flipped bit loads silently, answers wrongly or crashes the
process, and a save on a full disk raises nothing. So every byte is checked here first, also the
structure inside a graph, and files are handed to hnswlib only through sealed memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import FaceIndexError, IndexDamaged, IndexMismatch
from biometrics.memory import wipe

VERSION: Final = 1
ID_BYTES: Final = 16
_SHARD_MAGIC: Final = b"DSRSHARD"
_GRAPH_MAGIC: Final = b"DSRGRAPH"
# magic, version, dimension, rows, change, model; then SHA-256 of this and the body.
_SHARD: Final = struct.Struct("<8sHHIQ32s")
# magic, version, dimension, rows, M, ef_construction, model, digest of the shard, payload length.
_GRAPH: Final = struct.Struct("<8sHHIHH32s32sQ")
_HASH: Final = 32
# hnswlib 0.8.0, hnswalg.h saveIndex: offsetLevel0, max_elements, cur_element_count,
# size_data_per_element, label_offset, offsetData, maxlevel, enterpoint, maxM, maxM0, M, mult,
# ef_construction; then level 0, then per element a size and its upper links.
_HNSW: Final = struct.Struct("<QQQQQQiIQQQdQ")
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
# Rounding of a float32 length; anything further off is no template.
UNIT_TOLERANCE: Final = 1e-3
_COMPARED: Final = 1024

Ids = NDArray[np.uint8]
Payload = bytes | bytearray | memoryview
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ShardContent:
    """What a shard file holds: ids uint8 (n, 16), rows float32 (n, dim), newest change number."""

    ids: Ids
    rows: Rows
    change: int


def pack_shard(ids: Ids, rows: Rows, *, model: bytes, change: int) -> bytes:
    """Ids and rows as one file; the caller encrypts it."""
    header = _SHARD.pack(_SHARD_MAGIC, VERSION, rows.shape[1], rows.shape[0], change, model)
    id_view, row_view = _bytes_of(ids), _bytes_of(rows.astype("<f4", copy=False))
    digest = hashlib.sha256(header)
    digest.update(id_view)
    digest.update(row_view)
    return b"".join((header, digest.digest(), id_view, row_view))


def unpack_shard(data: bytes, *, model: bytes, dimension: int, most_rows: int) -> ShardContent:
    """Check and read a shard file; the arrays are read-only views into ``data``.

    Raises IndexDamaged, or IndexMismatch for another model or dimension.
    """
    start = _SHARD.size + _HASH
    if len(data) < start:
        raise IndexDamaged("the shard is shorter than its header")
    magic, version, dim, count, change, of_model = _SHARD.unpack_from(data)
    if magic != _SHARD_MAGIC or version != VERSION:
        raise IndexDamaged("not a shard of this version")
    body = memoryview(data)[start:]
    if count > most_rows or len(body) != count * (ID_BYTES + 4 * dim):
        raise IndexDamaged("the shard's length does not fit its header")
    digest = hashlib.sha256(memoryview(data)[: _SHARD.size])
    digest.update(body)
    if digest.digest() != data[_SHARD.size : start]:
        raise IndexDamaged("the shard's hash does not fit")
    if of_model != model or dim != dimension:
        raise IndexMismatch("the shard belongs to another model")
    ids = np.frombuffer(body[: count * ID_BYTES], dtype=np.uint8).reshape(count, ID_BYTES)
    rows = np.frombuffer(body[count * ID_BYTES :], dtype="<f4").reshape(count, dim)
    if not rows_are_templates(rows):
        raise IndexDamaged("a row of the shard is no template")
    if len(np.unique(ids.view("S16").ravel())) != count or not ids.any(axis=1).all():
        raise IndexDamaged("the ids of the shard are not distinct")
    return ShardContent(ids, rows, change)


def rows_are_templates(rows: Rows) -> bool:
    """Whether all rows are finite and of unit length (within UNIT_TOLERANCE)."""
    if not np.isfinite(rows).all():
        return False
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return bool((np.abs(lengths - 1.0) <= UNIT_TOLERANCE).all())


def shard_digest(ids: Ids, rows: Rows) -> bytes:
    """32 bytes that tie a graph to exactly these rows in this order."""
    digest = hashlib.sha256(_bytes_of(ids))
    for first in range(0, len(rows), _COMPARED):
        # Rows inside a graph are copied for this, part by part.
        digest.update(_bytes_of(rows[first : first + _COMPARED]))
    return digest.digest()


def pack_graph(payload: bytes, *, model: bytes, shape: GraphShape, digest: bytes) -> bytes:
    """A graph as hnswlib wrote it, with the header that says whose graph it is."""
    header = _GRAPH.pack(
        _GRAPH_MAGIC,
        VERSION,
        shape.dimension,
        shape.rows,
        shape.m,
        shape.ef_construction,
        model,
        digest,
        len(payload),
    )
    check = hashlib.sha256(header)
    check.update(payload)
    return b"".join((header, check.digest(), payload))


def unpack_graph(
    data: bytes, *, model: bytes, shape: GraphShape, digest: bytes, rows: Rows
) -> memoryview:
    """Check a graph file from header to last link; returns what may be given to hnswlib."""
    start = _GRAPH.size + _HASH
    if len(data) < start:
        raise IndexDamaged("the graph is shorter than its header")
    magic, version, dim, count, m, ef, of_model, of_shard, length = _GRAPH.unpack_from(data)
    if magic != _GRAPH_MAGIC or version != VERSION:
        raise IndexDamaged("not a graph of this version")
    payload = memoryview(data)[start:]
    if len(payload) != length:
        raise IndexDamaged("the graph's length does not fit its header")
    check = hashlib.sha256(memoryview(data)[: _GRAPH.size])
    check.update(payload)
    if check.digest() != data[_GRAPH.size : start]:
        raise IndexDamaged("the graph's hash does not fit")
    if of_model != model or (dim, count, m, ef) != shape.key or of_shard != digest:
        raise IndexMismatch("the graph belongs to another shard")
    check_hnsw(payload, shape=shape, rows=rows)
    return payload


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The numbers that decide a graph file's layout."""

    dimension: int
    rows: int
    m: int
    ef_construction: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        """For comparing with a header."""
        return (self.dimension, self.rows, self.m, self.ef_construction)

    @property
    def links0(self) -> int:
        """Bytes of one element's links at level 0: a count and 2 M ids."""
        return 8 * self.m + 4

    @property
    def element(self) -> int:
        """Bytes of one element at level 0: links, vector, label."""
        return self.links0 + 4 * self.dimension + 8

    @property
    def upper(self) -> int:
        """Bytes of one element's links at one upper level: a count and M ids."""
        return 4 * self.m + 4


def check_hnsw(payload: Payload, *, shape: GraphShape, rows: Rows) -> None:
    """Walk hnswlib's own file: sizes, labels, vectors and every link; raises IndexDamaged."""
    top, entry = _check_hnsw_header(payload, shape)
    level0_end = _HNSW.size + shape.rows * shape.element
    if len(payload) < level0_end:
        raise IndexDamaged("the graph is truncated")
    elements = np.frombuffer(payload[_HNSW.size : level0_end], dtype=np.uint8)
    _check_level0(elements.reshape(shape.rows, shape.element), shape, rows)
    highest, at, levels = 0, level0_end, 0
    for number in range(shape.rows):
        if at + 4 > len(payload):
            raise IndexDamaged("the graph is truncated")
        size = int.from_bytes(payload[at : at + 4], "little")
        levels, rest = divmod(size, shape.upper)
        at += 4
        if rest or at + size > len(payload):
            raise IndexDamaged("the graph's upper links are damaged")
        if size:
            _check_links(np.frombuffer(payload[at : at + size], dtype="<u4"), shape, levels)
        if number == entry and levels != top:
            raise IndexDamaged("the graph's entry point is damaged")
        highest = max(highest, levels)
        at += size
    if at != len(payload) or highest != top:
        raise IndexDamaged("the graph's size does not fit its content")


def _check_hnsw_header(payload: Payload, shape: GraphShape) -> tuple[int, int]:
    if len(payload) < _HNSW.size:
        raise IndexDamaged("the graph is truncated")
    (offset0, room, count, element, label_at, data_at, top, entry, max_m, max_m0, m, _, ef) = (
        _HNSW.unpack_from(payload)
    )
    found = (offset0, room, count, element, label_at, data_at, max_m, max_m0, m, ef)
    expected = (
        0,
        shape.rows,
        shape.rows,
        shape.element,
        shape.element - 8,
        shape.links0,
        shape.m,
        2 * shape.m,
        shape.m,
        max(shape.m, shape.ef_construction),
    )
    if found != expected or not 0 <= top < 64 or entry >= shape.rows:
        raise IndexDamaged("the graph's own header is damaged")
    return top, entry


def _check_level0(elements: NDArray[np.uint8], shape: GraphShape, rows: Rows) -> None:
    links, labels = _links_and_labels(elements, shape)
    if not np.array_equal(np.sort(labels), np.arange(shape.rows, dtype=np.uint64)):
        raise IndexDamaged("the graph's labels are damaged")
    counts = links[:, 0]
    listed = np.arange(2 * shape.m)[None, :] < counts[:, None]
    if (counts > 2 * shape.m).any() or (links[:, 1:][listed] >= shape.rows).any():
        raise IndexDamaged("the graph's links are damaged")
    for first in range(0, shape.rows, _COMPARED):
        part = slice(first, first + _COMPARED)
        wanted = rows[labels[part].astype(np.intp)]
        same = np.array_equal(elements[part, shape.links0 : -8], wanted.view(np.uint8))
        wipe(wanted)
        if not same:
            raise IndexDamaged("the graph's vectors are not the shard's")


def _check_links(words: NDArray[np.uint32], shape: GraphShape, levels: int) -> None:
    lists = words.reshape(levels, shape.m + 1)
    for links in lists:
        count = int(links[0])
        if count > shape.m or (links[1 : 1 + count] >= shape.rows).any():
            raise IndexDamaged("the graph's upper links are damaged")


@dataclass(frozen=True, slots=True, eq=False)
class LowestLevel:
    """The links of all elements at level 0 by hnswlib's own numbers, and whose rows they are.

    ``links``: uint32 (n, 2 M), of which the first ``counts`` of each row are set; ``labels``: the
    row numbers, (n,); ``entry``: where every search begins.
    """

    links: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    labels: NDArray[np.uint64]
    entry: int


def lowest_level(payload: Payload, shape: GraphShape) -> LowestLevel:
    """Read the links of a graph that hnswlib has just written.

    Raises IndexDamaged for one that was cut short: hnswlib says nothing then.
    """
    _top, entry = _check_hnsw_header(payload, shape)
    end = _HNSW.size + shape.rows * shape.element
    if len(payload) < end:
        raise IndexDamaged("the graph is truncated")
    elements = np.frombuffer(payload[_HNSW.size : end], dtype=np.uint8)
    words, labels = _links_and_labels(elements.reshape(shape.rows, shape.element), shape)
    return LowestLevel(words[:, 1:], words[:, 0], labels, entry)


def add_link(payload: bytearray, shape: GraphShape, source: int, target: int) -> None:
    """Let an element's list at level 0 name another one, if it has a free place."""
    at = _HNSW.size + source * shape.element
    count = int.from_bytes(payload[at : at + 4], "little")
    if count >= 2 * shape.m:
        return
    place = at + 4 * (1 + count)
    payload[place : place + 4] = target.to_bytes(4, "little")
    payload[at : at + 4] = (count + 1).to_bytes(4, "little")


def _links_and_labels(
    elements: NDArray[np.uint8], shape: GraphShape
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    words = np.ascontiguousarray(elements[:, : shape.links0]).view("<u4")
    labels = np.ascontiguousarray(elements[:, -8:]).view("<u8").ravel()
    return words, labels


@contextmanager
def memory_file() -> Iterator[tuple[int, str]]:
    """An anonymous file in memory and a path to it: no byte of a graph touches a disk."""
    descriptor = os.memfd_create("graph", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def write_sealed(descriptor: int, payload: Payload) -> None:
    """Write all of it and seal the file: what was checked is what will be read."""
    left = memoryview(payload)
    while left:
        left = left[os.write(descriptor, left) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    if os.fstat(descriptor).st_size != len(payload):
        raise FaceIndexError("the graph was not written in full")


def read_all(descriptor: int) -> bytes:
    """The whole file from its start."""
    size = os.fstat(descriptor).st_size
    parts, at = [], 0
    while at < size:
        part = os.pread(descriptor, min(size - at, 1 << 24), at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    contiguous = np.ascontiguousarray(array)
    return contiguous.data.cast("B") if contiguous.size else memoryview(b"")

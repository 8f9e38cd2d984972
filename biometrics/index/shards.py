"""Rows in memory: where templates lie, how a row is found by its id, how it is overwritten."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics import index_format as fmt
from biometrics.errors import FaceIndexError
from biometrics.index.graphs import ShardGraph
from biometrics.index.probes import PADDING, Floats, RowNumbers
from biometrics.index.sweep import Codes
from biometrics.memory import pages_of, wipe

SHARD_ROWS: Final = 16_384
DIMENSION: Final = 128

Ids = NDArray[np.uint8]

# Above this many rows a graph is only dropped: overwriting them one by one would take seconds.
_OVERWRITE_IN_GRAPH: Final = 256


class Block:
    """Rows in one padded buffer: a shard, or a part of the tail.

    Templates lie only in such large buffers; a lone array of 512 bytes would stay in numpy's
    cache of small blocks after it is freed. Where a shard has codes and a graph, ``rows`` are
    hnswlib's own vectors, seen in place: only rows that the codes name are read then.
    """

    __slots__ = (
        "_keys",
        "_order",
        "_shared",
        "codes",
        "graph",
        "ids",
        "live",
        "rows",
        "used",
        "version",
    )

    def __init__(self, capacity: int, dimension: int) -> None:
        room = max(capacity, PADDING)
        self.rows: Floats = pages_of((room, dimension), np.float32)
        self.ids: Ids = np.zeros((room, fmt.ID_BYTES), dtype=np.uint8)
        self.live: NDArray[np.bool_] = np.zeros(room, dtype=np.bool_)
        self.used = 0
        self.version = 0
        self.codes: Codes | None = None
        self.graph: ShardGraph | None = None
        # Whether ``rows`` lie in the graph and nowhere else.
        self._shared = False
        self._keys: NDArray[np.uint64] | None = None
        self._order: NDArray[np.uint32] | None = None

    @property
    def living(self) -> int:
        """How many rows are not erased."""
        return int(np.count_nonzero(self.live[: self.used]))

    @property
    def digest(self) -> bytes:
        """32 bytes that tie a graph to exactly these rows in this order."""
        return fmt.shard_digest(self.ids[: self.used], self.rows[: self.used])

    def find(self, wanted: Ids) -> RowNumbers:
        """Numbers of the living rows whose id is among ``wanted``, uint8 (n, 16), ascending."""
        keys, order = self._sorted()
        asked = _keys_of(wanted)
        first = np.searchsorted(keys, asked, "left")
        counts = np.searchsorted(keys, asked, "right") - first
        # Different ids may share a key, so all rows of a run are compared in full.
        which = np.repeat(np.arange(len(asked)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = order[np.repeat(first, counts) + within].astype(np.intp)
        same = (self.ids[rows] == wanted[which]).all(axis=1) & self.live[rows]
        return np.unique(rows[same])

    def shares_ids(self, other: Block) -> bool:
        """Whether a living row of each has the same id; quick where both are sorted already."""
        keys, _order = self._sorted()
        asked, order = other._sorted()
        # Both ascending: each search begins where the one before ended.
        places = np.searchsorted(keys, asked)
        places[places == len(keys)] = 0
        alike = keys[places] == asked if len(keys) else np.zeros(len(asked), dtype=np.bool_)
        rows = order[alike]
        return bool(len(self.find(other.ids[rows[other.live[rows]]])))

    def sort_ids(self) -> None:
        """Make ready for ``find`` and ``shares_ids``, which otherwise sort at their first call."""
        self._sorted()

    def put(self, ids: Ids, rows: Floats) -> None:
        """Append rows; the caller has made sure that there is room."""
        end = self.used + len(ids)
        self.ids[self.used : end], self.rows[self.used : end] = ids, rows
        self.live[self.used : end] = True
        self.used = end
        self._forget_order()

    def erase(self, rows: RowNumbers) -> None:
        """Overwrite rows, codes and ids, in the graph too before it is dropped.

        Raises MemoryError, and then nothing was changed.
        """
        self.drop_graph(rows)
        self.rows[rows] = 0.0
        self.ids[rows] = 0
        self.live[rows] = False
        if self.codes is not None:
            self.codes.erase(rows)
        self._forget_order()

    def take_graph(self, graph: ShardGraph) -> None:
        """Keep the graph of these rows, and the rows themselves only once, in it."""
        if self.codes is not None:
            seen = graph.vectors(self.rows[: self.used])
            if seen is not None:
                wipe(self.rows)
                self.rows = seen
                self._shared = True
        self.graph = graph

    def drop_graph(self, rows: RowNumbers | None = None) -> None:
        """Let the graph go; a few ``rows`` are overwritten in it first.

        Raises MemoryError where the rows lie in the graph and can't be copied out of it; then
        nothing was changed.
        """
        if self._shared:
            seen, own = self.rows, pages_of((len(self.live), self.rows.shape[1]), np.float32)
            own[: self.used] = seen[: self.used]
            self.rows, self._shared = own, False
            wipe(seen)
        elif self.graph is not None and rows is not None and len(rows) <= _OVERWRITE_IN_GRAPH:
            self.graph.overwrite(rows)
        self.graph = None
        self.version += 1

    def compact(self) -> None:
        """Close the holes that erasure left; row by row, so that no copy is made elsewhere."""
        if self.living == self.used:
            return
        self.drop_graph()
        self._forget_order()
        target = 0
        for source in np.flatnonzero(self.live[: self.used]).tolist():
            if source != target:
                self.rows[target] = self.rows[source]
                self.ids[target] = self.ids[source]
                if self.codes is not None:
                    self.codes.values[target] = self.codes.values[source]
            target += 1
        holes = np.arange(target, self.used)
        self.rows[holes], self.ids[holes] = 0.0, 0
        if self.codes is not None:
            self.codes.erase(holes)
        self.live[:target], self.live[holes] = True, False
        self.used = target

    def wipe(self) -> None:
        """Before a block is let go."""
        self.graph = None
        self.version += 1
        self._forget_order()
        # Where hnswlib has the rows, this overwrites them there.
        self.rows[:] = 0.0
        self.ids[:] = 0
        self.live[:] = False
        if self.codes is not None:
            self.codes.wipe()
        self.used = 0

    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        if self._keys is None or self._order is None:
            keys = _keys_of(self.ids[: self.used])
            order = np.argsort(keys, kind="stable")
            self._keys, self._order = keys[order], order.astype(np.uint32)
        return self._keys, self._order

    def _forget_order(self) -> None:
        if self._keys is not None:
            self._keys[:] = 0
        self._keys = self._order = None


def fill(
    sources: Sequence[Block], *, shard_rows: int, dimension: int, rng: np.random.Generator
) -> list[Block]:
    """New shards from compacted blocks: in order of enrolment, shuffled inside a shard.

    The sources stay as they are, so that nothing is lost when memory runs out on the way.
    """
    left = sum(source.used for source in sources)
    filled: list[Block] = []
    places: RowNumbers = np.empty(0, dtype=np.intp)
    for source in sources:
        done = 0
        while done < source.used:
            if not len(places):
                size = min(shard_rows, left)
                filled.append(Block(size, dimension))
                filled[-1].used = size
                places = rng.permutation(size)
                left -= size
            now, places = np.split(places, [min(len(places), source.used - done)])
            target, upto = filled[-1], done + len(now)
            target.rows[now] = source.rows[done:upto]
            target.ids[now] = source.ids[done:upto]
            target.live[now] = True
            done = upto
    return filled


def raw_ids(ids: Sequence[uuid.UUID]) -> Ids:
    """Ids as uint8 (n, 16), read-only. Raises FaceIndexError for anything that is no UUID."""
    if not all(isinstance(id_, uuid.UUID) for id_ in ids):
        raise FaceIndexError("an id is no UUID")
    joined = b"".join(id_.bytes for id_ in ids)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(ids), fmt.ID_BYTES)


def _keys_of(ids: Ids) -> NDArray[np.uint64]:
    """One number per id to sort by; the halves of a UUID mixed, for one of them may be a time."""
    halves = np.ascontiguousarray(ids).view(np.uint64)
    keys: NDArray[np.uint64] = halves[:, 0] ^ halves[:, 1]
    return keys

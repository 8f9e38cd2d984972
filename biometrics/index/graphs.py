"""hnswlib's graph of one shard: built, repaired, asked, saved. It finds; it never decides.

A graph is never edited once it is in use: it is dropped when a row of its shard is erased, for
links of other rows would point to where the erased one lay (index figures: docs/index.md).
"""

from __future__ import annotations

from typing import Any, Final

import hnswlib
import numpy as np

from biometrics import index_format as fmt
from biometrics.errors import FaceIndexError, IndexDamaged
from biometrics.index.in_place import vectors_in_place
from biometrics.index.probes import Floats, RowNumbers
from biometrics.memory import pages_of, wipe

# Chosen on modelled templates (docs/index.md): links per row, width of the search while building.
M: Final = 16
EF_CONSTRUCTION: Final = 100
# The first question, and the least width of a search. The width decides what is missed.
FIRST_K: Final = 32
SEARCH_WIDTH: Final = 512

_GROWTH: Final = 4
_LINKS_BACK: Final = 4
# hnswlib's own float32 distances are only asked where to stop; exact scores decide.
_MARGIN: Final = 1e-4
_SEED: Final = 100


class ShardGraph:
    """The graph of a shard whose rows do not change while it lives."""

    def __init__(self, index: Any, shape: fmt.GraphShape) -> None:
        self._index = index
        self._shape = shape
        index.set_num_threads(1)

    @classmethod
    def build(cls, rows: Floats, shape: fmt.GraphShape) -> ShardGraph:
        """Some seconds for a full shard, on one thread. Raises FaceIndexError where hnswlib
        gives up."""
        index = hnswlib.Index("ip", shape.dimension)
        try:
            index.init_index(
                max_elements=shape.rows,
                M=shape.m,
                ef_construction=shape.ef_construction,
                random_seed=_SEED,
            )
            # One thread: then elements lie in the order of the rows (vectors_in_place).
            index.add_items(rows, np.arange(shape.rows), 1)
        except RuntimeError as error:
            raise FaceIndexError("hnswlib could not build a graph") from error
        return cls(index, shape)._repaired(rows)

    @classmethod
    def load(cls, payload: fmt.Payload, shape: fmt.GraphShape) -> ShardGraph:
        """From bytes that index_format has checked."""
        index = hnswlib.Index("ip", shape.dimension)
        with fmt.memory_file() as (descriptor, path):
            fmt.write_sealed(descriptor, payload)
            try:
                index.load_index(path, shape.rows)
            except RuntimeError as error:
                raise IndexDamaged("hnswlib refused the graph") from error
        return cls(index, shape)

    def payload(self) -> bytes:
        """The graph as hnswlib writes it; the caller walks it, for a cut save raises nothing."""
        with fmt.memory_file() as (descriptor, path):
            self._index.save_index(path)
            return fmt.read_all(descriptor)

    def ask(self, probe: Floats, threshold: float) -> RowNumbers:
        """Rows hnswlib names for a probe (1, dim), asked for more until the last lies under
        the threshold."""
        found: RowNumbers = np.empty(0, dtype=np.intp)
        k = min(FIRST_K, self._shape.rows)
        while True:
            self._index.set_ef(max(2 * k, SEARCH_WIDTH))
            try:
                labels, distances = self._index.knn_query(probe, k, 1)
            except RuntimeError:
                # Some rows of a graph can't be reached: then k is never filled. The sweep
                # decides in any case; keep what the smaller k gave, or ask for fewer.
                if len(found) or k == 1:
                    return found
                k = max(1, k // 2)
                continue
            found = labels[0][1.0 - distances[0] >= threshold - _MARGIN].astype(np.intp)
            if len(found) < k or k == self._shape.rows:
                return found
            k = min(_GROWTH * k, self._shape.rows)

    def vectors(self, rows: Floats) -> Floats | None:
        """hnswlib's own vectors where they lie, if they are ``rows``; see in_place."""
        return vectors_in_place(self._index, self._shape, rows)

    def overwrite(self, rows: RowNumbers) -> None:
        """Write zeros over rows, just before the graph is dropped."""
        try:
            self._index.add_items(np.zeros((len(rows), self._shape.dimension), np.float32), rows, 1)
        except RuntimeError:
            # Only a courtesy: the graph's memory is freed next, and the process is recycled.
            return

    def unreached(self) -> RowNumbers:
        """Rows to which no path of links leads from where a search begins."""
        level = fmt.lowest_level(self.payload(), self._shape)
        rows: RowNumbers = level.labels[_unreached(level)].astype(np.intp)
        return rows

    def _repaired(self, rows: Floats) -> ShardGraph:
        """The same graph with links to the rows that no search could reach.

        hnswlib drops a row from all lists when its neighbours have nearer ones, and the nearest
        have full lists. So the nearest rows that have a free place get a link to it.
        """
        payload = bytearray(self.payload())
        level = fmt.lowest_level(payload, self._shape)
        lost = _unreached(level)
        if not len(lost):
            return self
        ordered = rows[level.labels.astype(np.intp)]
        # In a mapping of its own: a few rows alone would stay in numpy's cache of small blocks.
        alone = pages_of((len(lost), self._shape.dimension), np.float32)
        # Mode "raise" would gather them in another block first and let that go with rows in it.
        np.take(ordered, lost, axis=0, out=alone, mode="clip")
        near = ordered @ alone.T
        near[lost] = -np.inf
        near[level.counts >= 2 * self._shape.m] = -np.inf
        for element, scores in zip(lost.tolist(), near.T, strict=True):
            nearest = np.argsort(scores)[: -_LINKS_BACK - 1 : -1]
            for source in nearest[np.isfinite(scores[nearest])].tolist():
                fmt.add_link(payload, self._shape, source, element)
        wipe(ordered, alone)
        return ShardGraph.load(payload, self._shape)


def _unreached(level: fmt.LowestLevel) -> RowNumbers:
    """Breadth first over the lowest level, where every row lies and every search ends."""
    seen = np.zeros(len(level.links), dtype=np.bool_)
    front = np.array([level.entry])
    places = np.arange(level.links.shape[1])
    while len(front):
        seen[front] = True
        listed = level.links[front][places < level.counts[front][:, None]]
        front = np.unique(listed[~seen[listed]])
    return np.flatnonzero(~seen)

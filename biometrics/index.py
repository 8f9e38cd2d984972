"""The face index: hnswlib finds, an exact sweep over every row proves, erased rows are gone.

Rows lie in shards (float32 matrices of at most 16,384 rows) in order of enrolment; within a shard
in random order, so that a position tells nothing about who was enrolled together. New faces wait
in an exact tail until ``seal``. Graphs are disposable: one per shard, never edited, dropped when
a row of their shard is erased.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import hnswlib
import numpy as np
from numpy.typing import NDArray

from biometrics import index_format as fmt
from biometrics.errors import BadVector, DuplicateFace, FaceIndexError, IndexDamaged

SHARD_ROWS: Final = 16_384
DIMENSION: Final = 128
M: Final = 16
EF_CONSTRUCTION: Final = 100

_FIRST_K = 256
_BLOCK = 256
_FEW = 32
_OVERWRITE_IN_GRAPH = 256

FoundBy = Literal["hnswlib", "sweep"]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hit:
    """One enrolled face at or over the threshold; ``score`` is the exact cosine (float64)."""

    id: uuid.UUID
    score: float
    found_by: FoundBy


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A whole search. ``compared`` is N: every living row was decided in the sweep."""

    hits: list[Hit]
    compared: int
    found_by_graph: int
    added_by_sweep: int
    shards: int
    shards_swept_only: int
    tail_rows: int
    applied_change: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What ``erase`` did: shards whose files must be rewritten, and ids that were not there."""

    rows: int
    tail_rows: int
    shards: tuple[int, ...]
    missing: tuple[uuid.UUID, ...]


class _Block:
    """Rows in one padded buffer: a shard, or a part of the tail.

    Templates lie only in such large buffers; a lone array of 512 bytes would stay in numpy's
    cache of small blocks after it is freed.
    """

    __slots__ = ("change", "graph", "ids", "live", "rows", "used", "version")

    def __init__(self, capacity: int, dimension: int) -> None:
        room = max(capacity, _BLOCK)
        self.rows: Floats = np.zeros((room, dimension), dtype=np.float32)
        self.ids: NDArray[np.uint8] = np.zeros((room, fmt.ID_BYTES), dtype=np.uint8)
        self.live: NDArray[np.bool_] = np.zeros(room, dtype=np.bool_)
        self.used = 0
        self.version = 0
        self.change = 0
        self.graph: Any = None

    @property
    def living(self) -> int:
        return int(np.count_nonzero(self.live[: self.used]))

    def find(self, wanted: NDArray[np.bytes_]) -> NDArray[np.intp]:
        """Row numbers of the living rows whose id is among ``wanted`` (S16)."""
        if len(wanted) > _FEW:
            same = np.isin(self.ids[: self.used].view("S16").ravel(), wanted)
        else:
            halves = self.ids[: self.used].view(np.uint64)
            same = np.zeros(self.used, dtype=np.bool_)
            for one in wanted.view(np.uint64).reshape(-1, 2):
                same |= (halves[:, 0] == one[0]) & (halves[:, 1] == one[1])
        return np.flatnonzero(same & self.live[: self.used])

    def put(self, at: int, ids: NDArray[np.uint8], rows: Floats) -> None:
        end = at + len(ids)
        self.ids[at:end], self.rows[at:end], self.live[at:end] = ids, rows, True
        self.used = max(self.used, end)

    def erase(self, rows: NDArray[np.intp]) -> None:
        """Overwrite rows and ids with zeros, in the graph too before it is dropped."""
        self.rows[rows] = 0.0
        self.ids[rows] = 0
        self.live[rows] = False
        self.drop_graph(rows)

    def drop_graph(self, rows: NDArray[np.intp] | None = None) -> None:
        graph, self.graph = self.graph, None
        self.version += 1
        if graph is None or rows is None or len(rows) > _OVERWRITE_IN_GRAPH:
            return
        try:
            graph.add_items(np.zeros((len(rows), self.rows.shape[1]), np.float32), rows, 1)
        except RuntimeError:
            # Only a courtesy: the graph's memory is freed next, and the process is recycled.
            return

    def compact(self) -> None:
        """Close the holes that erasure left; row by row, so that no copy is made elsewhere."""
        if self.living == self.used:
            return
        self.drop_graph()
        target = 0
        for source in np.flatnonzero(self.live[: self.used]).tolist():
            if source != target:
                self.rows[target] = self.rows[source]
                self.ids[target] = self.ids[source]
            target += 1
        self.rows[target : self.used] = 0.0
        self.ids[target : self.used] = 0
        self.live[:target], self.live[target : self.used] = True, False
        self.used = target

    def wipe(self) -> None:
        """Before a block is let go."""
        self.drop_graph()
        self.rows[:] = 0.0
        self.ids[:] = 0
        self.live[:] = False
        self.used = 0


class _Scratch:
    """The only places where single templates are copied to; padded, and wiped after each use."""

    def __init__(self, dimension: int) -> None:
        self.query32: Floats = np.zeros((_BLOCK, dimension), dtype=np.float32)
        self.query64 = np.zeros((_BLOCK, dimension), dtype=np.float64)
        self.rows32: Floats = np.zeros((_BLOCK, dimension), dtype=np.float32)
        self.rows64 = np.zeros((_BLOCK, dimension), dtype=np.float64)

    def wipe(self) -> None:
        for buffer in (self.query32, self.query64, self.rows32, self.rows64):
            buffer[:] = 0.0


class FaceIndex:
    """Templates of one model in memory; all methods may be called from any thread.

    ``model`` is 32 bytes that stand for everything templates depend on (ModelId.digest, and the
    turn): files of another model are refused.
    """

    def __init__(
        self,
        model: bytes,
        *,
        dimension: int = DIMENSION,
        shard_rows: int = SHARD_ROWS,
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
        rng: np.random.Generator | None = None,
    ) -> None:
        if len(model) != 32 or dimension < 2 or shard_rows < 1:
            raise FaceIndexError("the index needs 32 bytes of model, a dimension and a shard size")
        self._model = model
        self._dimension = dimension
        self._shard_rows = shard_rows
        self._m = m
        self._ef = ef_construction
        self._rng = rng or np.random.default_rng(secrets.randbits(128))
        self._shards: list[_Block] = []
        self._tail: list[_Block] = []
        self._change = 0
        self._scratch = _Scratch(dimension)
        self._lock = threading.RLock()
        # |float32 dot - exact dot| <= gamma_n |x||y| for any order of summation (Higham, Accuracy
        # and Stability, 3.1), both lengths being 1 within the tolerance.
        unit = dimension * 2.0**-24
        # The last term is the rounding of a threshold that is compared in float32.
        self._bound = 1.01 * unit / (1.0 - unit) * (1.0 + fmt.UNIT_TOLERANCE) ** 2 + 2.0**-23

    # -- what it holds -----------------------------------------------------------------------

    def __len__(self) -> int:
        with self._lock:
            return sum(block.living for block in self._blocks())

    @property
    def shards(self) -> int:
        """How many shards there are; their numbers are 0 to shards - 1."""
        return len(self._shards)

    @property
    def tail_rows(self) -> int:
        """Living rows that wait to be sealed."""
        with self._lock:
            return sum(block.living for block in self._tail)

    @property
    def applied_change(self) -> int:
        """The newest change number that was applied."""
        return self._change

    def shard_size(self, number: int) -> int:
        """Living rows of a shard."""
        with self._lock:
            return self._shard(number).living

    def has_graph(self, number: int) -> bool:
        """Whether hnswlib is asked for this shard; without a graph it is swept only."""
        with self._lock:
            return self._shard(number).graph is not None

    def contains(self, id_: uuid.UUID) -> bool:
        """Whether a living row has this id."""
        wanted = _keys([id_])
        with self._lock:
            return any(len(block.find(wanted)) for block in self._blocks())

    def ids(self) -> list[uuid.UUID]:
        """The ids of all living rows, in no promised order."""
        with self._lock:
            return [
                uuid.UUID(bytes=block.ids[row].tobytes())
                for block in self._blocks()
                for row in np.flatnonzero(block.live[: block.used]).tolist()
            ]

    # -- changes -----------------------------------------------------------------------------

    def add(self, ids: Sequence[uuid.UUID], templates: Floats, change: int) -> None:
        """Append faces to the tail: ids and templates float32 (n, dim) of unit length.

        ``change`` is the number of the change that brought them. All or nothing: raises
        DuplicateFace for an id that is held already or given twice, BadVector for a row that is
        no template (not finite, or not of unit length).
        """
        rows = self._checked(templates)
        if len(ids) != len(rows):
            raise FaceIndexError("as many ids as templates are needed")
        raw = _raw(ids)
        wanted = np.ascontiguousarray(raw).view("S16").ravel()
        with self._lock:
            if len(np.unique(wanted)) != len(wanted) or not raw.any(axis=1).all():
                raise DuplicateFace("an id is given twice, or is empty")
            if any(len(block.find(wanted)) for block in self._blocks()):
                raise DuplicateFace("an id is held already")
            done = 0
            while done < len(ids):
                block = self._open_tail()
                take = min(self._shard_rows - block.used, len(ids) - done)
                block.put(block.used, raw[done : done + take], rows[done : done + take])
                done += take
            self._change = max(self._change, change)

    def erase(self, ids: Iterable[uuid.UUID], change: int = 0) -> Erasure:
        """Overwrite the rows at once; they are in no search that begins after this returns.

        The graphs of touched shards are dropped; their files still hold the old rows until they
        are rewritten (``shard_bytes``) and the old ones are destroyed. Unknown ids are reported.
        """
        asked = list(dict.fromkeys(ids))
        wanted = _keys(asked)
        found: set[bytes] = set()
        tail_rows, touched = 0, []
        with self._lock:
            for number, block in enumerate(self._blocks()):
                rows = block.find(wanted)
                if not len(rows):
                    continue
                found.update(block.ids[row].tobytes() for row in rows.tolist())
                block.erase(rows)
                if number < len(self._shards):
                    touched.append(number)
                else:
                    tail_rows += len(rows)
            self._change = max(self._change, change)
        missing = tuple(id_ for id_ in asked if id_.bytes not in found)
        return Erasure(len(found), tail_rows, tuple(touched), missing)

    def seal(self) -> list[int]:
        """Move the tail into shards; returns the numbers of the shards to be written anew.

        A last shard that is not full yet is filled up first and changes. New shards have no
        graph until ``build_graphs``.
        """
        with self._lock:
            if not self.tail_rows:
                self._drop_tail()
                return []
            sources = self._tail
            first = len(self._shards)
            if self._shards and self._shards[-1].living < self._shard_rows:
                first -= 1
                sources = [self._shards.pop(), *self._tail]
            for block in sources:
                block.compact()
            self._shards.extend(self._fill(sources))
            for block in sources:
                block.wipe()
            self._tail = []
            return list(range(first, len(self._shards)))

    def build_graphs(self, only: Iterable[int] | None = None, *, threads: int = 1) -> list[int]:
        """Build missing graphs (some seconds for a full shard); returns the shards done.

        Searches and erasures go on meanwhile: a graph whose shard changed while it was built is
        thrown away.
        """
        with self._lock:
            numbers = list(range(len(self._shards))) if only is None else list(only)
            jobs = [self._shard(number) for number in numbers]
        return [n for n, block in zip(numbers, jobs, strict=True) if self._build(n, block, threads)]

    # -- search ------------------------------------------------------------------------------

    def search(self, template: Floats, threshold: float) -> SearchResult:
        """Every living row whose exact cosine is at or over the threshold, best first.

        hnswlib is asked first, then every row is swept: the hits are the sweep's, and each says
        whether hnswlib had found it.
        """
        with self._lock, _Query(self, template, threshold) as query:
            hits: list[Hit] = []
            compared = swept_only = 0
            for number, block in enumerate(self._blocks()):
                seen = set(self._ask_graph(block, query).tolist())
                swept_only += number < len(self._shards) and block.graph is None
                rows = self._candidates(block, query)
                scores = self._exact(block, rows, query)
                compared += block.living
                for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
                    if score >= threshold:
                        by: FoundBy = "hnswlib" if row in seen else "sweep"
                        hits.append(_hit(block, row, score, by))
            hits.sort(key=_best_first)
            by_graph = sum(hit.found_by == "hnswlib" for hit in hits)
            return SearchResult(
                hits=hits,
                compared=compared,
                found_by_graph=by_graph,
                added_by_sweep=len(hits) - by_graph,
                shards=len(self._shards),
                shards_swept_only=swept_only,
                tail_rows=self.tail_rows,
                applied_change=self._change,
            )

    def search_graph(self, template: Floats, threshold: float) -> list[Hit]:
        """What hnswlib alone finds, within milliseconds: preliminary, never a count or a proof."""
        with self._lock, _Query(self, template, threshold) as query:
            hits = []
            for block in self._shards:
                rows = self._ask_graph(block, query)
                scores = self._exact(block, rows, query)
                for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
                    if score >= threshold:
                        hits.append(_hit(block, row, score, "hnswlib"))
            return sorted(hits, key=_best_first)

    def nearest_below(self, template: Floats, threshold: float, k: int = 10) -> list[Hit]:
        """The k nearest living rows under the threshold, best first, exactly (R19)."""
        if k < 1:
            return []
        with self._lock, _Query(self, template, threshold) as query:
            blocks = self._blocks()
            scores = [self._product(block, query) for block in blocks]
            surely = np.concatenate(
                [s[s < threshold - self._bound] for s in scores] or [np.empty(0, np.float32)]
            )
            # Rows this near the k-th best may still change places with it in exact arithmetic.
            # Holes score minus infinity and stay below any cut.
            cut = -2.0
            if len(surely) > k:
                kth = float(np.partition(surely, len(surely) - k)[-k])
                cut = max(cut, kth - 2 * self._bound)
            hits = []
            for block, found in zip(blocks, scores, strict=True):
                rows = np.flatnonzero((found >= cut) & (found < threshold + self._bound))
                exact = self._exact(block, rows, query)
                for row, score in zip(rows.tolist(), exact.tolist(), strict=True):
                    if score < threshold:
                        hits.append(_hit(block, row, score, "sweep"))
            return sorted(hits, key=_best_first)[:k]

    # -- files -------------------------------------------------------------------------------

    def shard_bytes(self, number: int) -> bytes:
        """A shard as a file, without the rows that were erased; the caller encrypts it."""
        with self._lock:
            block = self._shard(number)
            block.compact()
            n = block.used
            return fmt.pack_shard(
                block.ids[:n], block.rows[:n], model=self._model, change=self._change
            )

    def load_shard(self, data: bytes) -> int:
        """Take in a shard file; returns its number. Raises IndexDamaged or IndexMismatch."""
        content = fmt.unpack_shard(
            data, model=self._model, dimension=self._dimension, most_rows=self._shard_rows
        )
        with self._lock:
            if self._tail:
                raise FaceIndexError("shards are loaded before new faces are added")
            wanted = content.ids.view("S16").ravel()
            if len(wanted) and any(len(block.find(wanted)) for block in self._blocks()):
                raise DuplicateFace("the shard holds an id that is held already")
            block = _Block(len(content.ids), self._dimension)
            block.put(0, content.ids, content.rows)
            self._shards.append(block)
            self._change = max(self._change, content.change)
            return len(self._shards) - 1

    def graph_bytes(self, number: int) -> bytes:
        """A shard's graph as a file. Raises FaceIndexError where there is none."""
        with self._lock:
            block = self._shard(number)
            if block.graph is None:
                raise FaceIndexError("the shard has no graph")
            with fmt.memory_file() as (descriptor, path):
                block.graph.save_index(path)
                payload = fmt.read_all(descriptor)
            shape = self._shape(block)
            # A save that was cut short raises nothing in hnswlib; the walk notices.
            fmt.check_hnsw(payload, shape=shape, rows=block.rows)
            return fmt.pack_graph(payload, model=self._model, shape=shape, digest=_digest(block))

    def load_graph(self, number: int, data: bytes) -> None:
        """Give a shard the graph that was saved for exactly its rows.

        Raises IndexDamaged or IndexMismatch before hnswlib sees a byte.
        """
        with self._lock:
            block = self._shard(number)
            block.compact()
            payload = fmt.unpack_graph(
                data,
                model=self._model,
                shape=self._shape(block),
                digest=_digest(block),
                rows=block.rows,
            )
            graph = hnswlib.Index("ip", self._dimension)
            with fmt.memory_file() as (descriptor, path):
                fmt.write_sealed(descriptor, payload)
                try:
                    graph.load_index(path, block.used)
                except RuntimeError as error:
                    raise IndexDamaged("hnswlib refused the graph") from error
            graph.set_num_threads(1)
            block.graph = graph

    # -- inside ------------------------------------------------------------------------------

    def _blocks(self) -> list[_Block]:
        return [*self._shards, *self._tail]

    def _shard(self, number: int) -> _Block:
        if not 0 <= number < len(self._shards):
            raise FaceIndexError(f"there is no shard {number}")
        return self._shards[number]

    def _open_tail(self) -> _Block:
        if not self._tail or self._tail[-1].used >= self._shard_rows:
            self._tail.append(_Block(self._shard_rows, self._dimension))
        return self._tail[-1]

    def _drop_tail(self) -> None:
        for block in self._tail:
            block.wipe()
        self._tail = []

    def _fill(self, sources: list[_Block]) -> list[_Block]:
        """New shards from compacted blocks: in order of enrolment, shuffled inside a shard."""
        left = sum(block.used for block in sources)
        filled: list[_Block] = []
        places: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        at = 0
        for source in sources:
            for row in range(source.used):
                if at == len(places):
                    size = min(self._shard_rows, left)
                    filled.append(_Block(size, self._dimension))
                    filled[-1].used = size
                    places, at = self._rng.permutation(size), 0
                    left -= size
                target, place = filled[-1], int(places[at])
                target.rows[place] = source.rows[row]
                target.ids[place] = source.ids[row]
                target.live[place] = True
                at += 1
        return filled

    def _shape(self, block: _Block) -> fmt.GraphShape:
        return fmt.GraphShape(self._dimension, block.used, self._m, self._ef)

    def _build(self, number: int, block: _Block, threads: int) -> bool:
        with self._lock:
            if block.graph is not None or not block.living:
                return False
            block.compact()
            version, count = block.version, block.used
        graph = hnswlib.Index("ip", self._dimension)
        graph.init_index(max_elements=count, M=self._m, ef_construction=self._ef, random_seed=100)
        graph.add_items(block.rows[:count], np.arange(count), threads)
        graph.set_num_threads(1)
        with self._lock:
            current = number < len(self._shards) and self._shards[number] is block
            if not current or block.version != version:
                return False
            block.graph = graph
            return True

    def _checked(self, templates: Floats) -> Floats:
        rows = np.ascontiguousarray(templates)
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != self._dimension:
            raise BadVector(f"expected float32 (n, {self._dimension}), got {rows.shape}")
        if not fmt.rows_are_templates(rows):
            raise BadVector("a row is not finite or not of unit length")
        return rows

    def _ask_graph(self, block: _Block, query: _Query) -> NDArray[np.intp]:
        """Rows hnswlib names, asked for more until the last lies under the threshold."""
        found: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        if block.graph is None:
            return found
        k = min(_FIRST_K, block.used)
        while True:
            block.graph.set_ef(max(2 * k, _FIRST_K))
            try:
                labels, distances = block.graph.knn_query(query.row32, k, 1)
            except RuntimeError:
                # Some rows of a graph can't be reached: then k is never filled. The sweep
                # decides in any case; keep what the smaller k gave, or ask for fewer.
                if len(found) or k == 1:
                    return found
                k = max(1, k // 2)
                continue
            rows = labels[0].astype(np.intp)
            found = rows[(rows < block.used) & (1.0 - distances[0] >= query.threshold - 1e-4)]
            if len(found) < k or k == block.used:
                return found
            k = min(4 * k, block.used)

    def _product(self, block: _Block, query: _Query) -> Floats:
        """float32 products of all rows; holes score minus infinity."""
        scores: Floats = block.rows[: block.used] @ query.row32[0]
        scores[~block.live[: block.used]] = -np.inf
        return scores

    def _candidates(self, block: _Block, query: _Query) -> NDArray[np.intp]:
        return np.flatnonzero(self._product(block, query) >= query.threshold - self._bound)

    def _exact(self, block: _Block, rows: NDArray[np.intp], query: _Query) -> NDArray[np.float64]:
        """The one arithmetic that decides: float64 sums of products of the float32 values."""
        scratch = self._scratch
        scores = np.empty(len(rows), dtype=np.float64)
        for first in range(0, len(rows), _BLOCK):
            part = rows[first : first + _BLOCK]
            n = len(part)
            np.take(block.rows, part, axis=0, out=scratch.rows32[:n], mode="clip")
            scratch.rows64[:n] = scratch.rows32[:n]
            scratch.rows64[:n] *= query.row64
            np.sum(scratch.rows64[:n], axis=1, out=scores[first : first + n])
        return scores


class _Query:
    """A probe in padded buffers for the length of one search, wiped at its end."""

    def __init__(self, index: FaceIndex, template: Floats, threshold: float) -> None:
        if not np.isfinite(threshold):
            raise BadVector("the threshold is not finite", code="bad_threshold")
        row = np.asarray(template)
        if row.ndim != 1:
            raise BadVector(f"expected one template, got {row.shape}")
        self.threshold = float(threshold)
        self._scratch = index._scratch
        self._scratch.query32[0] = index._checked(row[None, :])[0]
        self._scratch.query64[0] = self._scratch.query32[0]

    @property
    def row32(self) -> Floats:
        """float32 (1, dim)."""
        return self._scratch.query32[:1]

    @property
    def row64(self) -> NDArray[np.float64]:
        """The same values as float64 (1, dim)."""
        return self._scratch.query64[:1]

    def __enter__(self) -> _Query:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.wipe()


def _hit(block: _Block, row: int, score: float, by: FoundBy) -> Hit:
    return Hit(uuid.UUID(bytes=block.ids[row].tobytes()), score, by)


def _best_first(hit: Hit) -> tuple[float, bytes]:
    return (-hit.score, hit.id.bytes)


def _raw(ids: Sequence[uuid.UUID]) -> NDArray[np.uint8]:
    joined = b"".join(id_.bytes for id_ in ids)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(ids), fmt.ID_BYTES)


def _keys(ids: Sequence[uuid.UUID]) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(_raw(ids)).view("S16").ravel()


def _digest(block: _Block) -> bytes:
    return fmt.shard_digest(block.ids[: block.used], block.rows[: block.used])

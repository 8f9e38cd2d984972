"""FaceIndex: shards and tail under one lock; changes, searches and files."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biometrics import index_format as fmt
from biometrics.errors import (
    BadVector,
    DuplicateFace,
    FaceIndexError,
    IndexOutOfMemory,
)
from biometrics.index.graphs import EF_CONSTRUCTION, M, ShardGraph
from biometrics.index.probes import MOST_PROBES, Floats, Probes, RowNumbers
from biometrics.index.shards import DIMENSION, SHARD_ROWS, Block, fill, raw_ids
from biometrics.index.sweep import Float32Sweep, SweepName, sweep_of

FoundBy = Literal["hnswlib", "sweep"]


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


@dataclass(frozen=True, slots=True)
class OpenedShard:
    """A checked shard file on its way into the index (``open_shard``, ``take_shard``)."""

    block: Block
    change: int


class FaceIndex:
    """Templates of one model in memory; all methods may be called from any thread.

    ``model`` is 32 bytes that stand for everything templates depend on (ModelId.digest, and the
    turn): files of another model are refused. ``sweep``: "int8" reads a quarter of the bytes, needs
    128 more per face and shares its rows with the graph, where "float32" keeps both; the hits are
    the same (docs/index.md).
    """

    def __init__(
        self,
        model: bytes,
        *,
        dimension: int = DIMENSION,
        shard_rows: int = SHARD_ROWS,
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
        sweep: SweepName = "int8",
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
        self._shards: list[Block] = []
        self._tail: list[Block] = []
        self._change = 0
        self._sweep = sweep_of(sweep, dimension)
        self._floats = Float32Sweep(dimension)
        self._probes = Probes(dimension)
        self._lock = threading.RLock()

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
        wanted = raw_ids([id_])
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
        no template (not finite, or not of unit length), IndexOutOfMemory.
        """
        rows, raw = self._checked(templates), raw_ids(ids)
        if len(ids) != len(rows):
            raise FaceIndexError("as many ids as templates are needed")
        with self._lock, _memory():
            if len(np.unique(raw.view("V16"))) != len(raw) or not raw.any(axis=1).all():
                raise DuplicateFace("an id is given twice, or is empty")
            if any(len(block.find(raw)) for block in self._blocks()):
                raise DuplicateFace("an id is held already")
            done = 0
            for block in self._room_for(len(raw)):
                upto = min(done + self._shard_rows - block.used, len(raw))
                block.put(raw[done:upto], rows[done:upto])
                done = upto
            self._change = max(self._change, change)

    def erase(self, ids: Iterable[uuid.UUID], change: int = 0) -> Erasure:
        """Overwrite the rows at once; they are in no search that begins after this returns.

        The graphs of touched shards are dropped; their files still hold the old rows until they
        are rewritten (``shard_bytes``) and the old ones are destroyed. Unknown ids are reported.
        """
        asked = list(dict.fromkeys(ids))
        wanted = raw_ids(asked)
        found: set[bytes] = set()
        tail_rows, touched = 0, []
        with self._lock, _memory():
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

    def follow(self, change: int) -> None:
        """Note a change that touches no row: a restricted record is still found (docs/index.md)."""
        with self._lock:
            self._change = max(self._change, change)

    def wipe(self) -> None:
        """Overwrite everything and hold nothing, before the index is let go."""
        with self._lock:
            for block in self._blocks():
                block.wipe()
            self._shards, self._tail = [], []

    def seal(self) -> list[int]:
        """Move the tail into shards; returns the numbers of the shards to be written anew.

        A last shard that is not full yet is filled up first and changes. New shards have no
        graph until ``build_graphs``. Raises IndexOutOfMemory, and then nothing was moved.
        """
        with self._lock, _memory():
            sources = [block for block in self._tail if block.living]
            first = len(self._shards)
            if sources and first and self._shards[-1].living < self._shard_rows:
                first -= 1
                sources.insert(0, self._shards[first])
            for block in sources:
                block.compact()
            filled = fill(
                sources, shard_rows=self._shard_rows, dimension=self._dimension, rng=self._rng
            )
            for block in filled:
                block.codes = self._sweep.encode(block.rows, block.used)
            for block in (*self._shards[first:], *self._tail):
                block.wipe()
            self._shards[first:], self._tail = filled, []
            return list(range(first, len(self._shards)))

    def build_graphs(self, only: Iterable[int] | None = None, *, threads: int = 1) -> list[int]:
        """Build missing graphs (some seconds for a full shard); returns the shards done.

        Searches and erasures go on meanwhile: a graph whose shard changed while it was built is
        thrown away. ``threads`` shards are built at a time.
        """
        with self._lock:
            numbers = list(range(len(self._shards))) if only is None else list(only)
            jobs = [self._shard(number) for number in numbers]
        with ThreadPoolExecutor(max(1, threads), thread_name_prefix="graphs") as pool:
            built = list(pool.map(self._build, numbers, jobs))
        return [number for number, done in zip(numbers, built, strict=True) if done]

    # -- search ------------------------------------------------------------------------------

    def search(self, template: Floats, threshold: float) -> SearchResult:
        """Every living row whose exact cosine is at or over the threshold, best first.

        hnswlib is asked first, then every row is swept: the hits are the sweep's, and each says
        whether hnswlib had found it.
        """
        with self._asking(_one(template), threshold) as probes:
            return self._search(probes)[0]

    def search_many(self, templates: Floats, threshold: float) -> list[SearchResult]:
        """``search`` for each of the templates, float32 (q, dim), in one pass over the rows.

        The results are those of one search after the other; each costs a fraction of one.
        """
        rows = self._checked(templates)
        results: list[SearchResult] = []
        with self._lock:
            for first in range(0, len(rows), MOST_PROBES):
                with self._asking(rows[first : first + MOST_PROBES], threshold) as probes:
                    results.extend(self._search(probes))
        return results

    def search_graph(self, template: Floats, threshold: float) -> list[Hit]:
        """What hnswlib alone finds, within milliseconds: preliminary, never a count or a proof."""
        with self._asking(_one(template), threshold) as probes:
            hits: list[Hit] = []
            for block in self._shards:
                if block.graph is not None:
                    rows = block.graph.ask(probes.rows32, threshold)
                    scores = probes.scores(block.rows, rows, np.zeros_like(rows))
                    reached = scores >= threshold
                    hits += _hits(block, rows[reached], scores[reached], by_graph=rows)
            return sorted(hits, key=_best_first)

    def nearest_below(self, template: Floats, threshold: float, k: int = 10) -> list[Hit]:
        """The k nearest living rows under the threshold, best first, exactly (R19)."""
        if k < 1:
            return []
        with self._asking(_one(template), threshold) as probes:
            blocks, bound = self._blocks(), self._floats.bound
            found = [self._living_products(block, probes) for block in blocks]
            surely = np.concatenate(
                [part[part < threshold - bound] for part in found] or [np.empty(0, np.float32)]
            )
            # Rows this near the k-th best may still change places with it in exact arithmetic.
            # Holes score minus infinity and stay below any cut.
            cut = -2.0
            if len(surely) > k:
                kth = float(np.partition(surely, len(surely) - k)[-k])
                cut = max(cut, kth - 2 * bound)
            hits: list[Hit] = []
            for block, part in zip(blocks, found, strict=True):
                rows = np.flatnonzero((part >= cut) & (part < threshold + bound))
                scores = probes.scores(block.rows, rows, np.zeros_like(rows))
                below = scores < threshold
                hits += _hits(block, rows[below], scores[below], by_graph=None)
            return sorted(hits, key=_best_first)[:k]

    # -- files -------------------------------------------------------------------------------

    def shard_bytes(self, number: int) -> bytes:
        """A shard as a file, without the rows that were erased; the caller encrypts it."""
        with self._lock, _memory():
            block = self._shard(number)
            block.compact()
            n = block.used
            return fmt.pack_shard(
                block.ids[:n], block.rows[:n], model=self._model, change=self._change
            )

    def load_shard(self, data: bytes) -> int:
        """Take in a shard file; returns its number.

        Raises IndexDamaged, IndexMismatch, DuplicateFace or IndexOutOfMemory.
        """
        return self.take_shard(self.open_shard(data))

    def open_shard(self, data: bytes) -> OpenedShard:
        """Check a shard file and lay its rows out, the work of ``load_shard``; in any thread.

        Nothing of it is in the index before ``take_shard``. Raises IndexDamaged, IndexMismatch or
        IndexOutOfMemory.
        """
        content = fmt.unpack_shard(
            data, model=self._model, dimension=self._dimension, most_rows=self._shard_rows
        )
        with _memory():
            block = Block(len(content.ids), self._dimension)
            block.put(content.ids, content.rows)
            block.codes = self._sweep.encode(block.rows, block.used)
            block.sort_ids()
        return OpenedShard(block, content.change)

    def take_shard(self, opened: OpenedShard) -> int:
        """Let an opened shard be searched; returns its number. Raises DuplicateFace."""
        with self._lock:
            if self._tail:
                raise FaceIndexError("shards are loaded before new faces are added")
            if any(block.shares_ids(opened.block) for block in self._blocks()):
                opened.block.wipe()
                raise DuplicateFace("the shard holds an id that is held already")
            self._shards.append(opened.block)
            self._change = max(self._change, opened.change)
            return len(self._shards) - 1

    def graph_bytes(self, number: int) -> bytes:
        """A shard's graph as a file. Raises FaceIndexError where there is none."""
        with self._lock, _memory():
            block = self._shard(number)
            if block.graph is None:
                raise FaceIndexError("the shard has no graph")
            payload = block.graph.payload()
            shape = self._shape(block)
            # A save that was cut short raises nothing in hnswlib; the walk notices.
            fmt.check_hnsw(payload, shape=shape, rows=block.rows)
            return fmt.pack_graph(payload, model=self._model, shape=shape, digest=block.digest)

    def load_graph(self, number: int, data: bytes) -> None:
        """Give a shard the graph that was saved for exactly its rows.

        Raises IndexDamaged or IndexMismatch before hnswlib sees a byte.
        """
        with self._lock, _memory():
            block = self._shard(number)
            block.compact()
            shape = self._shape(block)
            payload = fmt.unpack_graph(
                data, model=self._model, shape=shape, digest=block.digest, rows=block.rows
            )
            block.take_graph(ShardGraph.load(payload, shape))

    def unreached(self, number: int) -> int:
        """Rows of a shard's graph that hnswlib can't reach; the sweep alone finds them."""
        with self._lock:
            graph = self._shard(number).graph
            return 0 if graph is None else len(graph.unreached())

    # -- inside ------------------------------------------------------------------------------

    def _blocks(self) -> list[Block]:
        return [*self._shards, *self._tail]

    def _shard(self, number: int) -> Block:
        if not 0 <= number < len(self._shards):
            raise FaceIndexError(f"there is no shard {number}")
        return self._shards[number]

    def _room_for(self, count: int) -> list[Block]:
        """The tail's blocks with room for so many rows, made before the first row is written."""
        room = [block for block in self._tail[-1:] if block.used < self._shard_rows]
        left = count - sum(self._shard_rows - block.used for block in room)
        fresh = [Block(self._shard_rows, self._dimension) for _ in range(0, left, self._shard_rows)]
        self._tail.extend(fresh)
        return [*room, *fresh]

    def _shape(self, block: Block) -> fmt.GraphShape:
        return fmt.GraphShape(self._dimension, block.used, self._m, self._ef)

    def _build(self, number: int, block: Block) -> bool:
        with self._lock:
            if block.graph is not None or not block.living:
                return False
            block.compact()
            version, shape = block.version, self._shape(block)
        with _memory():
            graph = ShardGraph.build(block.rows[: shape.rows], shape)
        with self._lock:
            current = number < len(self._shards) and self._shards[number] is block
            if not current or block.version != version:
                return False
            block.take_graph(graph)
            return True

    def _checked(self, templates: Floats) -> Floats:
        try:
            rows = np.ascontiguousarray(templates)
        except (TypeError, ValueError) as error:
            raise BadVector("templates are one array of numbers") from error
        if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != self._dimension:
            raise BadVector(f"expected float32 (n, {self._dimension}), got {rows.shape}")
        if not fmt.rows_are_templates(rows):
            raise BadVector("a row is not finite or not of unit length")
        return rows

    @contextmanager
    def _asking(self, templates: Floats, threshold: float) -> Iterator[Probes]:
        """The lock and checked probes, which are overwritten at the end."""
        if not isinstance(threshold, float | int | np.floating) or not np.isfinite(threshold):
            raise BadVector("the threshold is no finite number", code="bad_threshold")
        rows = self._checked(templates)
        with self._lock, _memory(), self._probes.load(rows, float(threshold)) as probes:
            yield probes

    def _search(self, probes: Probes) -> list[SearchResult]:
        """One result per probe: what the sweep named, decided exactly."""
        hits: list[list[Hit]] = [[] for _ in range(probes.count)]
        for block in self._blocks():
            asked = self._ask_graph(block, probes)
            which, rows = self._sweep.near(block.rows[: block.used], block.codes, probes)
            if not len(rows):
                continue
            scores = probes.scores(block.rows, rows, which)
            reached = (scores >= probes.threshold) & block.live[rows]
            which, rows, scores = which[reached], rows[reached], scores[reached]
            for number in set(which.tolist()):
                own = which == number
                hits[number] += _hits(block, rows[own], scores[own], by_graph=asked[number])
        return [self._result(sorted(found, key=_best_first)) for found in hits]

    def _ask_graph(self, block: Block, probes: Probes) -> list[RowNumbers | None]:
        graph = block.graph
        if graph is None:
            return [None] * probes.count
        return [
            graph.ask(probes.rows32[number : number + 1], probes.threshold)
            for number in range(probes.count)
        ]

    def _result(self, hits: list[Hit]) -> SearchResult:
        by_graph = sum(hit.found_by == "hnswlib" for hit in hits)
        return SearchResult(
            hits=hits,
            compared=len(self),
            found_by_graph=by_graph,
            added_by_sweep=len(hits) - by_graph,
            shards=len(self._shards),
            shards_swept_only=sum(block.graph is None for block in self._shards),
            tail_rows=self.tail_rows,
            applied_change=self._change,
        )

    def _living_products(self, block: Block, probes: Probes) -> Floats:
        """float32 products of all rows with one probe; holes score minus infinity."""
        scores: Floats = self._floats.products(block.rows[: block.used], probes)[0].copy()
        scores[~block.live[: block.used]] = -np.inf
        return scores


@contextmanager
def _memory() -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise IndexOutOfMemory("no memory is left for the index") from error


def _one(template: Floats) -> Floats:
    row = np.asarray(template)
    if row.ndim != 1:
        raise BadVector(f"expected one template, got {row.shape}")
    return row[None, :]


def _hits(
    block: Block,
    rows: RowNumbers,
    scores: NDArray[np.float64],
    *,
    by_graph: RowNumbers | None,
) -> list[Hit]:
    """Hits of one block; ``by_graph`` are the rows hnswlib named."""
    seen = set() if by_graph is None else set(by_graph.tolist())
    return [
        Hit(
            uuid.UUID(bytes=block.ids[row].tobytes()),
            score,
            "hnswlib" if row in seen else "sweep",
        )
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
    ]


def _best_first(hit: Hit) -> tuple[float, bytes]:
    return (-hit.score, hit.id.bytes)

"""The index in the memory of this process: loaded from sealed shards, kept up with the changes.

Only processes of queue `search` have one. Truth is in the vault and in the rows; whatever disagrees
with them is thrown away and loaded again, and a file that is damaged is made anew from the
templates (`shards.rebuild`).
"""

import hashlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Mod
from django.utils.translation import gettext as _

from dsr_portal.core.errors import PortalError, Unavailable
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.recognition import changes, damage, failures, groups, leaving, processes
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import (
    Change,
    ChangeHead,
    Holder,
    ModelVersion,
    Shard,
    Template,
)
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from biometrics.index import FaceIndex, OpenedShard

log = logging.getLogger(__name__)

ROWS = damage.ROWS
GRAPH = damage.GRAPH
TEMPLATE = "template"
_ADD_ROWS = 1024
GRAPHS_AT_START = 8
"""Graphs loaded before the first search, about a second's work; the others follow."""

_BREATH_SECONDS = 0.02
_LOADS = 3
_CATCH_UPS = 8

Signature = tuple[tuple[int, UUID], ...]


@dataclass(slots=True)
class Loaded:
    """One filled index, the rows it was filled from and how far it has followed the changes.

    `numbers` are the shards' numbers in the order of the index; `missing` those whose file was
    found damaged: they are rebuilt, and until then no search is whole.
    """

    index: "FaceIndex"
    model: ModelVersion
    signature: Signature
    applied: int
    row_id: UUID
    numbers: list[int] = field(default_factory=list)
    missing: tuple[int, ...] = ()

    def positions(self, numbers: Sequence[int]) -> list[int]:
        """Where shards lie in the index, of those that it holds."""
        return [self.numbers.index(number) for number in numbers if number in self.numbers]

    def must_be_whole(self) -> None:
        """`Unavailable` while a part is rebuilt: then nothing may be counted or claimed."""
        if self.missing:
            raise Unavailable(
                "index_rebuilding",
                _("A part of the search index is being rebuilt. The search waits for it."),
                shards=len(self.missing),
            )


class SearchHolder:
    """This process's index; every use is under one lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded: Loaded | None = None

    @contextmanager
    def current(self) -> Iterator[Loaded]:
        """The index with every committed change applied, for the length of the block."""
        require_outside_transaction("Using the index")
        with self._lock:
            self._leave_when_asked()
            with failures.typed():
                loaded = self._up_to_date()
            if not processes.renew(loaded.row_id, applied=loaded.applied):
                loaded.row_id = processes.register(applied=loaded.applied, loaded=0).id
            yield loaded

    def drop(self) -> None:
        """Overwrite every row and let the index go; stray copies end with the process."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
            if loaded is not None:
                loaded.index.wipe()

    def is_loaded(self) -> bool:
        return self._loaded is not None

    def _up_to_date(self) -> Loaded:
        try:
            for _attempt in range(_CATCH_UPS):
                loaded = self._loaded
                if loaded is None or not self._still_right(loaded):
                    self.drop()
                    loaded = self._loaded = _load()
                    if loaded.numbers[GRAPHS_AT_START:]:
                        self._let_graphs_follow(loaded)
                _apply(loaded, changes.head_number())
                # What another process sealed or erased while this one added was not added.
                still = changes.head_number() == loaded.applied
                if still and signature(loaded.model) == loaded.signature:
                    return loaded
            raise being_written()
        except Exception:
            # Half applied would be wrong for ever: the next use loads from what is true.
            self.drop()
            raise

    def _let_graphs_follow(self, loaded: Loaded) -> None:
        """Load the other graphs between searches: a sweep needs none of them."""

        def work() -> None:
            try:
                for number in loaded.numbers[GRAPHS_AT_START:]:
                    # Whoever waits for the index goes first.
                    time.sleep(_BREATH_SECONDS)
                    with self._lock:
                        if self._loaded is not loaded:
                            return
                        take_graphs(loaded.index, loaded.model, loaded.numbers, [number])
            except (PortalError, BiometricsError, DatabaseError):
                # Shards without a graph are swept, and said to be; the next load tries again.
                log.warning("graphs were left out of the index", exc_info=True)
            finally:
                connection.close()

        from biometrics.errors import BiometricsError

        threading.Thread(target=work, name="index-graphs", daemon=True).start()

    def _leave_when_asked(self) -> None:
        """A holder that is to be recycled serves no search any more: its job waits for the next."""
        row = processes.own_row()
        if row is None or row.state != Holder.State.RECYCLING:
            return
        self.drop()
        if leaving.after_this_job():
            raise Unavailable("holder_recycling", _("The search process is being replaced."))

    def _still_right(self, loaded: Loaded) -> bool:
        known = Holder.objects.filter(id=loaded.row_id).exists()
        return (
            known
            and loaded.applied <= changes.head_number()
            and signature(loaded.model) == loaded.signature
        )


_holder = SearchHolder()


def holder() -> SearchHolder:
    """This process's holder; a forked child begins with its own, empty one."""
    return _holder


def _after_fork() -> None:
    global _holder  # noqa: PLW0603 - one per process
    _holder = SearchHolder()


os.register_at_fork(after_in_child=_after_fork)


def signature(model: ModelVersion) -> Signature:
    """Which shards this process has to hold and where they lie; others' changes are seen by it."""
    rows = Shard.objects.filter(model=model).order_by("number").values_list("number", "unit")
    return tuple(row for row in rows if groups.of_shard(row[0]) == groups.own())


def require_unwritten(held: Loaded) -> None:
    """In the transaction that writes shards: they are still those this index was filled from.

    One process writes a group's shards. Where a second one does, its commit would drop the rows the
    other just sealed, and leave the other's file with their templates behind: it is refused.
    """
    ChangeHead.objects.select_for_update().filter(id=1).first()
    if signature(held.model) != held.signature:
        raise being_written()


def layout(model: ModelVersion) -> str:
    """One text for how rows are dealt out to shards now: sealing changes it, nothing else does.

    Parts of a search by groups belong together only when they were made under the same layout.
    """
    rows = Shard.objects.filter(model=model).order_by("number").values_list("number", "sealed_at")
    facts = ";".join(f"{number} {sealed_at.isoformat()}" for number, sealed_at in rows)
    return hashlib.sha256(facts.encode()).hexdigest()


# -- loading ------------------------------------------------------------------------------------


def new_index(shard_rows: int | None = None) -> "FaceIndex":
    from biometrics.index import FaceIndex
    from biometrics.memory import give_large_blocks_back

    give_large_blocks_back()
    return FaceIndex(
        engines.index_model(),
        dimension=engines.entry().dimension,
        shard_rows=shard_rows or settings.DSR_SHARD_ROWS,
    )


class _Replaced(Exception):
    """Another process wrote a shard anew while it was being loaded."""


def _load() -> Loaded:
    """Fill an index from shards, without what was erased since they were written, and the tail."""
    processes.reap()
    model = engines.model_row()
    for _attempt in range(_LOADS):
        index = new_index()
        try:
            return _fill(index, model)
        except (vault.Shredded, _Replaced):
            index.wipe()
        except BaseException:
            index.wipe()
            raise
    raise being_written()


def being_written() -> Unavailable:
    """Another process writes the shards this one reads or writes; later it goes."""
    return Unavailable("index_changes", _("The search index is being written. Please try again."))


def _fill(index: "FaceIndex", model: ModelVersion) -> Loaded:
    start = changes.head_number()
    seen = signature(model)
    numbers, missing = _take_shards(index, model)
    owed = _owed(model)
    index.erase(list(owed), start)
    take_graphs(index, model, numbers, numbers[:GRAPHS_AT_START])
    if groups.own() == groups.TAIL:
        _add_tail(index, model, after=0, upto=start)
    if signature(model) != seen:
        raise _Replaced
    # Rows that stood in an old shard file were in this memory for a moment: nothing erased
    # at or after the first of them counts as never seen here.
    loaded = min(owed.values()) - 1 if owed else start
    row = processes.register(applied=start, loaded=loaded)
    return Loaded(index, model, seen, start, row.id, numbers, missing)


def _own_shards(model: ModelVersion) -> list[Shard]:
    rows = Shard.objects.filter(model=model).order_by("number")
    return [row for row in rows if groups.of_shard(row.number) == groups.own()]


def _take_shards(index: "FaceIndex", model: ModelVersion) -> tuple[list[int], tuple[int, ...]]:
    """Take every sound shard file; numbers of the shards in the index, and of those left out.

    This thread reads and decrypts, others check what was read: it is most of the work of a start.
    """
    from biometrics.errors import DuplicateFace, FaceIndexError, IndexOutOfMemory

    numbers: list[int] = []
    missing: list[int] = []
    waiting: deque[tuple[Shard, Future[OpenedShard]]] = deque()

    def take(shard: Shard, opened: "Future[OpenedShard]") -> None:
        try:
            index.take_shard(opened.result())
        except IndexOutOfMemory:
            raise
        except DuplicateFace as error:
            # One of the two holds rows of the other: it may be the one that was taken before.
            damage.report_foreign_rows(model, numbers)
            leave_out(shard, error.code)
        except FaceIndexError as error:
            leave_out(shard, error.code)
        else:
            numbers.append(shard.number)

    def leave_out(shard: Shard, code: str) -> None:
        damage.report(shard, ROWS, code)
        missing.append(shard.number)

    threads = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(threads, thread_name_prefix="index-load") as pool:
        for shard in _own_shards(model):
            try:
                data = damage.read_rows(shard)
            except damage.ShardDamaged as error:
                leave_out(shard, error.code)
                continue
            waiting.append((shard, pool.submit(index.open_shard, data)))
            if len(waiting) > threads:
                take(*waiting.popleft())
        while waiting:
            take(*waiting.popleft())
    return numbers, tuple(sorted(missing))


def take_graphs(
    index: "FaceIndex", model: ModelVersion, held: Sequence[int], wanted: Sequence[int]
) -> None:
    """Take saved graphs of the `wanted` shards among the `held` ones, in the index's order.

    A damaged one is left out and built anew, for the sweep needs none.
    """
    from biometrics.errors import FaceIndexError, IndexOutOfMemory

    shards = {shard.number: shard for shard in _own_shards(model)}
    for number in wanted:
        position, shard = held.index(number), shards[number]
        # Where rows were erased since, the rewrite is on its way and a new graph after it.
        whole = 0 < index.shard_size(position) == shard.rows
        if not whole or index.has_graph(position) or not vault.has(shard.unit, GRAPH):
            continue
        try:
            index.load_graph(position, vault.read(shard.unit, GRAPH))
        except IndexOutOfMemory:
            raise
        except (FaceIndexError, vault.Damaged) as error:
            damage.report(shard, GRAPH, damage.reason_of(error))


def _owed(model: ModelVersion) -> dict[UUID, int]:
    """Erased records whose rows still stand in their shard's file, with their change numbers."""
    rows = Template.objects.filter(
        model=model, shard__isnull=False, erased_change__gt=F("shard__rewritten_change")
    )
    return {
        record_id: change
        for record_id, change in rows.values_list("record_id", "erased_change")
        if change is not None
    }


def _add_tail(index: "FaceIndex", model: ModelVersion, *, after: int, upto: int) -> None:
    """Add the templates of changes after..upto that no shard holds, in order of enrolment."""
    rows = Template.objects.filter(
        model=model,
        shard=None,
        erased_change=None,
        change_number__gt=after,
        change_number__lte=upto,
    ).order_by("change_number")
    waiting = list(rows.values_list("record_id", "unit", "change_number"))
    for first in range(0, len(waiting), _ADD_ROWS):
        add_rows(index, waiting[first : first + _ADD_ROWS])


def add_rows(index: "FaceIndex", rows: Sequence[tuple[UUID, UUID, int]]) -> int:
    """Read templates (record, unit, change number) from the vault into the index; how many.

    What was shredded since is left out: it was erased. Rows lie in one padded buffer meanwhile.
    """
    import numpy as np

    matrix = np.zeros((_ADD_ROWS, engines.entry().dimension), dtype="<f4")
    ids: list[UUID] = []
    try:
        for record_id, unit, _number in rows:
            try:
                matrix[len(ids)] = np.frombuffer(vault.read(unit, TEMPLATE), dtype="<f4")
            except vault.Shredded:
                continue
            ids.append(record_id)
        if ids:
            index.add(ids, matrix[: len(ids)], rows[-1][2])
    finally:
        matrix[:] = 0.0
    return len(ids)


def _apply(loaded: Loaded, head: int) -> None:
    """Follow the changes up to `head`: additions first, then what was erased since."""
    if head <= loaded.applied:
        return
    if groups.own() == groups.TAIL:
        _add_tail(loaded.index, loaded.model, after=loaded.applied, upto=head)
    erased = Change.objects.filter(
        kind=Change.Kind.ERASE, number__gt=loaded.applied, number__lte=head
    )
    gone = list(erased.values_list("record_id", flat=True))
    if gone:
        loaded.index.erase(gone, head)
    loaded.index.follow(head)
    loaded.applied = head


# -- reading ------------------------------------------------------------------------------------


def enrolled(model: ModelVersion, applied: int) -> int:
    """N of this group: templates at a change number, counted from the rows and not the index."""
    rows = Template.objects.filter(model=model, change_number__lte=applied)
    if groups.count() > 1:
        rows = _of_own_group(rows)
    # Two counts over indexes instead of one that reads every row.
    return rows.count() - rows.filter(erased_change__lte=applied).count()


def _of_own_group(rows: QuerySet[Template]) -> QuerySet[Template]:
    numbered = rows.annotate(group=Mod("shard__number", groups.count()))
    mine = Q(group=groups.own())
    if groups.own() == groups.TAIL:
        mine |= Q(shard=None)
    return numbered.filter(mine)


def templates_of(model: ModelVersion, record_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Templates of living records, from the vault, in the order of enrolment."""
    rows = Template.objects.filter(model=model, record_id__in=record_ids, erased_change=None)
    units = rows.order_by("change_number").values_list("record_id", "unit")
    return {record_id: vault.read(unit, TEMPLATE) for record_id, unit in units}

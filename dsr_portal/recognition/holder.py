"""The index in the memory of this process: loaded from sealed shards, kept up with the changes.

One per process of queue `search`. Truth is in the vault and in the rows; whatever disagrees with
them is thrown away and loaded again.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext as _

from dsr_portal.core.errors import IntegrityFailure, Unavailable
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.recognition import changes, leaving, processes
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import Change, Holder, ModelVersion, Shard, Template
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from biometrics.index import FaceIndex

ROWS = "rows"
GRAPH = "graph"
TEMPLATE = "template"
_ADD_ROWS = 1024

Signature = tuple[tuple[int, UUID], ...]


@dataclass(slots=True)
class Loaded:
    """One filled index, the rows it was filled from and how far it has followed the changes."""

    index: "FaceIndex"
    model: ModelVersion
    signature: Signature
    applied: int
    row_id: UUID


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
            loaded = self._loaded
            if loaded is None or not self._still_right(loaded):
                self.drop()
                loaded = self._loaded = _load()
            _apply(loaded, changes.head_number())
            if not processes.renew(loaded.row_id, applied=loaded.applied):
                loaded.row_id = processes.register(applied=loaded.applied, loaded=0).id
            yield loaded

    def drop(self) -> None:
        """Overwrite every row and let the index go; stray copies end with the process."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
            if loaded is not None:
                wipe(loaded.index)

    def is_loaded(self) -> bool:
        return self._loaded is not None

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
    """Which shards there are and where they lie; it differs once another process changed them."""
    return tuple(Shard.objects.filter(model=model).order_by("number").values_list("number", "unit"))


def wipe(index: "FaceIndex") -> None:
    """Overwrite every row of an index."""
    index.erase(index.ids())


# -- loading ------------------------------------------------------------------------------------


def new_index() -> "FaceIndex":
    from biometrics.index import FaceIndex
    from biometrics.memory import give_large_blocks_back

    give_large_blocks_back()
    return FaceIndex(engines.index_model(), shard_rows=settings.DSR_SHARD_ROWS)


def _load() -> Loaded:
    """Fill an index from shards, without what was erased since they were written, and the tail."""
    processes.reap()
    model = engines.model_row()
    start = changes.head_number()
    seen = signature(model)
    index = new_index()
    for number, unit in seen:
        if index.load_shard(vault.read(unit, ROWS)) != number:
            raise IntegrityFailure("shard_order", "The shards are not numbered from 0.")
    owed = _owed(model)
    index.erase(list(owed), start)
    for number, unit in seen:
        if index.shard_size(number) and vault.has(unit, GRAPH):
            _load_graph(index, number, unit)
    _add_tail(index, model, after=0, upto=start)
    # Rows that stood in an old shard file were in this memory for a moment: nothing erased
    # at or after the first of them counts as never seen here.
    loaded = min(owed.values()) - 1 if owed else start
    row = processes.register(applied=start, loaded=loaded)
    return Loaded(index, model, seen, start, row.id)


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


def _load_graph(index: "FaceIndex", number: int, unit: UUID) -> None:
    """Take a saved graph; a damaged one is left out, for the sweep needs none."""
    from biometrics.errors import FaceIndexError

    try:
        index.load_graph(number, vault.read(unit, GRAPH))
    except (FaceIndexError, vault.UnknownUnit):
        return


def _add_tail(index: "FaceIndex", model: ModelVersion, *, after: int, upto: int) -> None:
    """Add the templates of changes after..upto that no shard holds, in order of enrolment."""
    rows = Template.objects.filter(
        model=model,
        shard=None,
        erased_change=None,
        change_number__gt=after,
        change_number__lte=upto,
    ).order_by("change_number")
    waiting: list[tuple[UUID, bytes, int]] = []
    for record_id, unit, number in rows.values_list("record_id", "unit", "change_number"):
        try:
            waiting.append((record_id, vault.read(unit, TEMPLATE), number))
        except vault.Shredded:
            continue
        if len(waiting) == _ADD_ROWS:
            _add(index, waiting)
    _add(index, waiting)


def _add(index: "FaceIndex", waiting: list[tuple[UUID, bytes, int]]) -> None:
    if not waiting:
        return
    import numpy as np

    ids = [record_id for record_id, _template, _number in waiting]
    matrix = np.frombuffer(b"".join(t for _id, t, _n in waiting), dtype="<f4").copy()
    try:
        index.add(ids, matrix.reshape(len(ids), -1), waiting[-1][2])
    finally:
        matrix[:] = 0.0
        waiting.clear()


def _apply(loaded: Loaded, head: int) -> None:
    """Follow the changes up to `head`: additions first, then what was erased since."""
    if head <= loaded.applied:
        return
    _add_tail(loaded.index, loaded.model, after=loaded.applied, upto=head)
    erased = Change.objects.filter(
        kind=Change.Kind.ERASE, number__gt=loaded.applied, number__lte=head
    )
    gone = list(erased.values_list("record_id", flat=True))
    if gone:
        loaded.index.erase(gone, head)
    loaded.applied = head


# -- reading ------------------------------------------------------------------------------------


def enrolled(model: ModelVersion, applied: int) -> int:
    """N: templates of the model at a change number, counted from the rows and not the index."""
    alive = Q(erased_change=None) | Q(erased_change__gt=applied)
    return Template.objects.filter(alive, model=model, change_number__lte=applied).count()


def templates_of(model: ModelVersion, record_ids: Sequence[UUID]) -> list[bytes]:
    """Templates of living records, from the vault."""
    rows = Template.objects.filter(model=model, record_id__in=record_ids, erased_change=None)
    return [vault.read(unit, TEMPLATE) for unit in rows.values_list("unit", flat=True)]

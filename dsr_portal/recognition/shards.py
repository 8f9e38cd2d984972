"""Writing shards: sealing the tail, writing without erased rows, making damaged files anew.

A shard is one vault unit: a new file under a new key, synced and committed, then the old unit is
shredded. Until the commit a file is staged only; whatever dies before leaves the rows where they
were. Callers run in the process that holds the shards' group.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import changes, damage, failures, groups, processes
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.holder import Loaded
from dsr_portal.recognition.models import ModelVersion, Shard, Template
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from biometrics.index import FaceIndex
    from biometrics.index_format import ShardContent

ACTOR = Actor.system("recognition")
_AT_ONCE = 512

Commit = Callable[[], AbstractContextManager[None]]
"""The unit of work results are written in: a job's own, which repeats its token."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _File:
    """A shard's file on its way: staged, and the records in it."""

    shard_id: UUID
    unit: vault.Staged
    ids: list[UUID]


# -- sealing ------------------------------------------------------------------------------------


@outside("Sealing shards")
def seal_shards(commit: Commit = unit_of_work) -> int:
    """Write the tail into shards, each with its graph, and commit them; how many shards changed."""
    own = holders.holder()
    with own.current() as held:
        held.must_be_whole()
        try:
            with failures.typed():
                positions = held.index.seal()
                if not positions:
                    return 0
                _number(held, positions)
                held.index.build_graphs(positions)
                _commit_sealed(held, positions, commit)
        except BaseException:
            # Memory is ahead of the rows now: load again from what is true.
            own.drop()
            raise
        if groups.count() > 1:
            # Full shards go to their groups; this one keeps only its own.
            own.drop()
        return len(positions)


def _number(held: Loaded, positions: Sequence[int]) -> None:
    """Give new shards the lowest free numbers; one that is not full yet stays with the tail."""
    taken = set(Shard.objects.filter(model=held.model).values_list("number", flat=True))
    for position in range(len(held.numbers), positions[-1] + 1):
        number = 0
        full = held.index.shard_size(position) >= settings.DSR_SHARD_ROWS
        while number in taken or not (full or groups.of_shard(number) == groups.TAIL):
            number += 1
        taken.add(number)
        held.numbers.append(number)


def _commit_sealed(held: Loaded, positions: Sequence[int], commit: Commit) -> None:
    """Stage shard files, then swap rows in one transaction; old files are shredded."""
    known = {row.number: row for row in Shard.objects.filter(model=held.model)}
    staged = {held.numbers[at]: _stage(held, at, known.get(held.numbers[at])) for at in positions}
    with commit():
        holders.require_unwritten(held)
        for number, file in staged.items():
            old = known.get(number)
            file.unit.save()
            row, _new = Shard.objects.update_or_create(
                model=held.model,
                number=number,
                defaults={
                    "id": file.shard_id,
                    "unit": file.unit.unit_id,
                    "rows": len(file.ids),
                    "live_rows": len(file.ids),
                    "sealed_at": clock.now(),
                    "rewritten_change": held.applied,
                },
            )
            if old is not None:
                vault.request_shred([old.unit], reason="shard_rewritten")
            _point_to(row, held.model, file.ids)
        if known.keys() & staged.keys():
            vault.enqueue_shred()
        audit_event(
            "index.sealed",
            actor=ACTOR,
            shards=len(staged),
            rows=sum(len(file.ids) for file in staged.values()),
            change=held.applied,
        )
        # Here and not after the commit: by then another process may have written more.
        written = holders.signature(held.model)
    held.signature = written


def _stage(held: Loaded, position: int, known: Shard | None) -> _File:
    shard_id = known.id if known is not None else new_id()
    return _stage_from(held.index, position, shard_id)


def _stage_from(index: "FaceIndex", position: int, shard_id: UUID) -> _File:
    data = index.shard_bytes(position)
    staged = vault.stage_unit(kind=vault.UnitKind.INDEX_SHARD, owner=shard_id)
    staged.add(holders.ROWS, data)
    if index.has_graph(position):
        staged.add(holders.GRAPH, index.graph_bytes(position))
    return _File(shard_id, staged, ids_in(data))


def ids_in(data: bytes) -> list[UUID]:
    """The record ids of a shard file of this installation's model."""
    return [UUID(bytes=row.tobytes()) for row in unpacked(data).ids]


def unpacked(data: bytes) -> "ShardContent":
    """A shard file of this installation's model, checked: ids uint8 (n, 16), rows float32."""
    from biometrics.index_format import unpack_shard

    return unpack_shard(
        data,
        model=engines.index_model(),
        dimension=engines.entry().dimension,
        most_rows=settings.DSR_SHARD_ROWS,
    )


def _point_to(shard: Shard, model: ModelVersion, ids: Sequence[UUID]) -> None:
    for first in range(0, len(ids), _AT_ONCE):
        Template.objects.filter(model=model, record_id__in=ids[first : first + _AT_ONCE]).update(
            shard=shard
        )


@outside("Building graphs")
def build_graphs(commit: Commit = unit_of_work, *, most: int | None = None) -> int:
    """Give shards without a graph a new one and keep it, all or `most`; how many were built."""
    with holders.holder().current() as held, failures.typed():
        # Some may only not be loaded yet.
        holders.take_graphs(held.index, held.model, held.numbers, held.numbers)
        built = held.index.build_graphs(_without_graph(held)[:most])
        units = dict(held.signature)
        for position in built:
            staged = vault.stage_into(units[held.numbers[position]])
            staged.add(holders.GRAPH, held.index.graph_bytes(position))
            with commit():
                staged.save()
        return len(built)


@outside("Looking for graphs")
def graph_is_missing() -> bool:
    """True while a shard of this process's index has rows and no graph."""
    with holders.holder().current() as held:
        return bool(_without_graph(held))


def _without_graph(held: Loaded) -> list[int]:
    index = held.index
    return [at for at in range(index.shards) if index.shard_size(at) and not index.has_graph(at)]


# -- writing without what was erased --------------------------------------------------------------


@outside("Erasing from the index")
def apply_erasure(commit: Commit = unit_of_work) -> int:
    """Overwrite erased rows in memory and write touched shards anew without them; shards written.

    Resumable: what is still owed is read from the rows each time. A shard whose file is damaged is
    made anew from the templates that are left.
    """
    own = holders.holder()
    with own.current() as held:
        owed = Template.objects.filter(
            model=held.model, erased_change__gt=F("shard__rewritten_change")
        )
        numbers = sorted(
            number
            for number in set(owed.values_list("shard__number", flat=True))
            if groups.of_shard(number) == groups.own()
        )
        positions = held.positions(numbers)
        try:
            if positions:
                with failures.typed():
                    _commit_without_erased(held, positions, commit)
        except BaseException:
            own.drop()
            raise
        damaged = [number for number in numbers if number not in held.numbers]
        for shard in Shard.objects.filter(model=held.model, number__in=damaged):
            rebuild_shard(unit=shard.unit)
        return len(numbers)


def _commit_without_erased(held: Loaded, positions: Sequence[int], commit: Commit) -> None:
    known = {row.number: row for row in Shard.objects.filter(model=held.model)}
    staged = {held.numbers[at]: _stage(held, at, known[held.numbers[at]]) for at in positions}
    with commit():
        holders.require_unwritten(held)
        for number, file in staged.items():
            _swap(known[number], file, held.applied, reason="rows_erased")
        _order_graphs(known[min(staged)], held.applied)
        audit_event(
            "index.rewritten",
            actor=ACTOR,
            shards=len(staged),
            rows=sum(len(file.ids) for file in staged.values()),
            change=held.applied,
        )
        # Here and not after the commit: by then another process may have written more.
        written = holders.signature(held.model)
    held.signature = written


def _swap(row: Shard, file: _File, change: int, *, reason: str) -> None:
    """Point a shard to its new file and order the end of the old one, in the caller's commit."""
    file.unit.save()
    vault.request_shred([row.unit], reason=reason)
    vault.enqueue_shred()
    row.unit = file.unit.unit_id
    row.rows = row.live_rows = len(file.ids)
    row.rewritten_change = change
    row.save(update_fields=["unit", "rows", "live_rows", "rewritten_change"])


def _order_graphs(shard: Shard, change: int) -> None:
    kind = groups.kind(damage.GRAPHS, groups.of_shard(shard.number))
    jobs.enqueue(kind=kind, subject="index", idempotency_key=f"{kind}:{change}")


# -- making a damaged file anew -------------------------------------------------------------------


@outside("Rebuilding a shard")
def rebuild_shard(
    *, unit: UUID, commit: Commit = unit_of_work, progress: Progress | None = None
) -> int:
    """Make the shard of a damaged unit anew from its templates in the vault; rows written.

    Nothing is done when the shard has another file by now. A template that can't be read ends it
    with the vault's error: no row is left out in silence.
    """
    shard = Shard.objects.select_related("model").filter(unit=unit).first()
    if shard is None:
        return 0
    start = changes.head_number()
    # Templates pass through this process, so it counts as one that held them.
    if processes.own_row() is None:
        processes.register(applied=start, loaded=start)
    index = holders.new_index(max(settings.DSR_SHARD_ROWS, shard.rows))
    try:
        with failures.typed():
            rows = _fill_from_templates(index, shard, start, progress)
            index.build_graphs()
            file = _stage_from(index, 0, shard.id)
        with commit():
            if not Shard.objects.select_for_update().filter(id=shard.id, unit=unit).exists():
                raise holders.being_written()
            _swap(shard, file, start, reason="shard_rebuilt")
            audit_event(
                "index.rebuilt",
                actor=ACTOR,
                subject_id=shard.id,
                shard=shard.number,
                rows=rows,
                change=start,
            )
    finally:
        index.wipe()
    return rows


def _fill_from_templates(
    index: "FaceIndex", shard: Shard, start: int, progress: Progress | None
) -> int:
    living = _living_of(shard, start)
    total, done = living.count(), 0
    for batch in _batches(living):
        done += holders.add_rows(index, batch)
        if progress is not None:
            progress(done, total)
    if done:
        index.seal()
    else:
        _seal_empty(index)
    return done


def _living_of(shard: Shard, start: int) -> QuerySet[Template]:
    return Template.objects.filter(
        model=shard.model, shard=shard, erased_change=None, change_number__lte=start
    ).order_by("change_number")


def _batches(living: QuerySet[Template]) -> Any:
    rows = list(living.values_list("record_id", "unit", "change_number"))
    for first in range(0, len(rows), _AT_ONCE):
        yield rows[first : first + _AT_ONCE]


def _seal_empty(index: "FaceIndex") -> None:
    """A shard may have lost its last row; it stays, as a file without rows."""
    import numpy as np

    row = np.zeros((1, engines.entry().dimension), dtype=np.float32)
    row[0, 0] = 1.0
    placeholder = new_id()
    index.add([placeholder], row, index.applied_change)
    index.seal()
    index.erase([placeholder])

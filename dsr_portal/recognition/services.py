"""What the rest of the portal asks of recognition: enrol, search, cover, erase, look into memory.

No route takes an image or a vector outside a case (R20): callers are matching, disclosure,
erasure and the import. Searching, sealing and erasing happen in the process that holds the index
(queue `search`); everything else in any worker.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import changes, processes
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.analysis import (
    Box,
    Covered,
    FoundFace,
    ProbeVerdict,
    analyse_gallery_picture,
    cover_faces,
    cover_others,
    embed_probes,
    judge_probe,
)
from dsr_portal.recognition.disclosed import disclosed_templates
from dsr_portal.recognition.engine import EngineUnavailable, ModelFacts
from dsr_portal.recognition.holder import Loaded
from dsr_portal.recognition.models import Change, Holder, ModelVersion, Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture

__all__ = [
    "Absence",
    "Box",
    "Covered",
    "EngineUnavailable",
    "FoundFace",
    "MemoryScan",
    "ModelFacts",
    "NewTemplate",
    "ProbeVerdict",
    "RecordHit",
    "SearchOutcome",
    "absent",
    "active_model",
    "add_templates",
    "analyse_gallery_picture",
    "apply_erasure",
    "build_graphs",
    "cover_faces",
    "cover_others",
    "disclosed_templates",
    "enqueue_seal",
    "erase_records",
    "erasure_settled",
    "holders_applied",
    "holders_recycled",
    "judge_probe",
    "nearest_below",
    "needles_of",
    "prepare_engine",
    "record_changes",
    "recycle_holders",
    "scan_holder",
    "seal_shards",
    "search_probe",
    "template_facts",
]

ACTOR = Actor.system("recognition")

Commit = Callable[[], AbstractContextManager[None]]
"""The unit of work results are written in: a job's own, which repeats its token."""


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A record's template, already staged in field "template" of its unit."""

    record_id: UUID
    unit: UUID


@dataclass(frozen=True, slots=True)
class RecordHit:
    """One record at or over the threshold; `found_by` is "hnswlib" or "sweep"."""

    record_id: UUID
    score: float
    found_by: str


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """A search of every enrolled face. `compared` must equal `enrolled`, counted from the rows.

    A preliminary outcome holds what hnswlib alone found: `compared` is 0 and it proves nothing.
    `swept_only` counts shards without a graph and the rows that wait for a shard.
    """

    hits: tuple[RecordHit, ...]
    compared: int
    enrolled: int
    found_by_graph: int
    added_by_sweep: int
    swept_only: int
    applied_change: int
    model: ModelFacts
    milliseconds: int

    @property
    def whole(self) -> bool:
        """N of N: the first claim of R15 may be printed."""
        return self.compared == self.enrolled


@dataclass(frozen=True, slots=True)
class Absence:
    """What a look for erased records in memory and shard files found; all empty when gone."""

    ids_in_memory: int
    templates_in_memory: int
    ids_in_files: int
    templates_in_files: int
    shards: int
    rows: int
    applied_change: int

    @property
    def gone(self) -> bool:
        return not (
            self.ids_in_memory
            or self.templates_in_memory
            or self.ids_in_files
            or self.templates_in_files
        )


@dataclass(frozen=True, slots=True)
class MemoryScan:
    """A byte scan of this process: one count per pattern, and whether a planted canary was seen."""

    counts: tuple[int, ...]
    bytes: int
    regions: int
    unreadable: int
    canary_found: bool

    @property
    def total(self) -> int:
        return sum(self.counts)


# -- the model -----------------------------------------------------------------------------------


def prepare_engine() -> ModelFacts:
    """Load and check the engine now, so that the first picture does not wait for it."""
    from biometrics.errors import BiometricsError
    from biometrics.weights import WeightsError

    try:
        engines.engine().start()
        return engines.facts_of(engines.model_row())
    except (BiometricsError, WeightsError) as error:
        raise engines.plain(error) from error


def active_model() -> ModelFacts | None:
    """The model templates are made with, from the rows; None before the first enrolment."""
    row = ModelVersion.objects.filter(active=True).first()
    return engines.facts_of(row) if row else None


# -- enrolment -----------------------------------------------------------------------------------


def record_changes(*, kind: str, record_ids: Sequence[UUID]) -> list[int]:
    """Give a restriction (RESTRICT) or its end (LIFT) its numbers in the caller's transaction."""
    return changes.draw(kind, record_ids)


def add_templates(*, model: ModelFacts, templates: Sequence[NewTemplate]) -> list[int]:
    """Number new templates in the caller's unit of work; holders add them at their next search."""
    row = ModelVersion.objects.get(
        name=model.name,
        weights_sha256=model.weights_sha256,
        alignment_version=model.alignment_version,
        mean_face_sha256=model.mean_face_sha256,
    )
    numbers = changes.draw(Change.Kind.ENROL, [one.record_id for one in templates])
    Template.objects.bulk_create(
        Template(record_id=one.record_id, model=row, unit=one.unit, change_number=number)
        for one, number in zip(templates, numbers, strict=True)
    )
    return numbers


def template_facts(record_ids: Sequence[UUID]) -> dict[UUID, ModelFacts]:
    """Which model made the living template of each record (law A-03)."""
    rows = Template.objects.filter(record_id__in=record_ids, erased_change=None)
    return {row.record_id: engines.facts_of(row.model) for row in rows.select_related("model")}


# -- search --------------------------------------------------------------------------------------


@outside("Searching the gallery")
def search_probe(
    *,
    picture: Picture | bytes,
    threshold: float,
    more: Sequence[Picture | bytes] = (),
    confirmed: Sequence[UUID] = (),
    preliminary: Callable[[SearchOutcome], None] | None = None,
) -> SearchOutcome:
    """Every record at or over the threshold, best first: hnswlib finds, the sweep proves.

    Several pictures, and the templates of `confirmed` records, are fused into one mean template.
    `preliminary` is called with what hnswlib found, within milliseconds, before the sweep.
    Raises `BadInput` with the probe's verdict when a picture has no usable face.
    """
    began = time.monotonic()
    with _template([picture, *more], confirmed) as template, holders.holder().current() as held:
        model = engines.facts_of(held.model)
        if preliminary is not None:
            first = [_hit(hit) for hit in held.index.search_graph(template, threshold)]
            preliminary(
                SearchOutcome(
                    hits=tuple(first),
                    compared=0,
                    enrolled=holders.enrolled(held.model, held.applied),
                    found_by_graph=len(first),
                    added_by_sweep=0,
                    swept_only=0,
                    applied_change=held.applied,
                    model=model,
                    milliseconds=round((time.monotonic() - began) * 1000),
                )
            )
        found = held.index.search(template, threshold)
        return SearchOutcome(
            hits=tuple(_hit(hit) for hit in found.hits),
            compared=found.compared,
            enrolled=holders.enrolled(held.model, held.applied),
            found_by_graph=found.found_by_graph,
            added_by_sweep=found.added_by_sweep,
            swept_only=found.shards_swept_only + found.tail_rows,
            applied_change=held.applied,
            model=model,
            milliseconds=round((time.monotonic() - began) * 1000),
        )


@outside("Searching the gallery")
def nearest_below(
    *, picture: Picture | bytes, threshold: float, count: int = 10
) -> list[RecordHit]:
    """The nearest records under the threshold, best first: what a second person looks at (R19)."""
    with _template([picture], ()) as template, holders.holder().current() as held:
        return [_hit(hit) for hit in held.index.nearest_below(template, threshold, count)]


class _template:
    """The fused template of a search, overwritten at its end."""

    def __init__(self, pictures: Sequence[Picture | bytes], confirmed: Sequence[UUID]) -> None:
        self._pictures, self._confirmed = pictures, confirmed
        self._rows: list[Any] = []

    def __enter__(self) -> Any:
        import numpy as np

        probes = embed_probes(self._pictures)
        self._rows.append(probes)
        rows = probes
        if self._confirmed:
            raw = holders.templates_of(engines.model_row(), self._confirmed)
            if raw:
                known = np.frombuffer(b"".join(raw), dtype="<f4").reshape(len(raw), -1)
                rows = np.concatenate([probes, known])
                self._rows.append(rows)
        mean = rows.astype(np.float64).mean(axis=0)
        fused = (mean / np.linalg.norm(mean)).astype(np.float32)
        mean[:] = 0.0
        self._rows.append(fused)
        return fused

    def __exit__(self, *_: object) -> None:
        for rows in self._rows:
            rows[:] = 0.0


def _hit(hit: Any) -> RecordHit:
    return RecordHit(hit.id, float(hit.score), str(hit.found_by))


# -- sealing -------------------------------------------------------------------------------------


def enqueue_seal() -> None:
    """Have the search worker move new faces from the tail into shards; in a unit of work."""
    jobs.enqueue(
        kind="recognition.seal",
        subject="index",
        idempotency_key=f"recognition.seal:{changes.head_number()}",
    )


@outside("Sealing shards")
def seal_shards(commit: Commit = unit_of_work) -> int:
    """Write the tail into shards, each with its graph, and commit them; how many shards changed.

    Until the commit the files are staged only; a crash leaves the rows in the tail.
    """
    own = holders.holder()
    with own.current() as held:
        numbers = held.index.seal()
        if not numbers:
            return 0
        try:
            held.index.build_graphs(numbers)
            _commit_shards(held, numbers, commit)
        except Exception:
            # Memory is ahead of the rows now: load again from what is true.
            own.drop()
            raise
        return len(numbers)


def _commit_shards(held: Loaded, numbers: Sequence[int], commit: Commit) -> None:
    """Stage shard files, then swap rows in one transaction; old files are shredded."""
    known = {row.number: row for row in Shard.objects.filter(model=held.model)}
    staged = {number: _stage_shard(held, number, known.get(number)) for number in numbers}
    with commit():
        for number, (shard_id, unit, ids) in staged.items():
            old = known.get(number)
            unit.save()
            row, _new = Shard.objects.update_or_create(
                model=held.model,
                number=number,
                defaults={
                    "id": shard_id,
                    "unit": unit.unit_id,
                    "rows": len(ids),
                    "live_rows": len(ids),
                    "sealed_at": clock.now(),
                    "rewritten_change": held.applied,
                },
            )
            if old is not None:
                vault.request_shred([old.unit], reason="shard_rewritten")
            _point_to(row, held.model, ids)
        if known.keys() & staged.keys():
            vault.enqueue_shred()
        audit_event(
            "index.sealed",
            actor=ACTOR,
            shards=len(staged),
            rows=sum(len(ids) for _id, _unit, ids in staged.values()),
            change=held.applied,
        )
    held.signature = holders.signature(held.model)


def _stage_shard(
    held: Loaded, number: int, known: Shard | None
) -> tuple[UUID, vault.Staged, list[UUID]]:
    shard_id = known.id if known is not None else new_id()
    data = held.index.shard_bytes(number)
    staged = vault.stage_unit(kind=vault.UnitKind.INDEX_SHARD, owner=shard_id)
    staged.add(holders.ROWS, data)
    if held.index.has_graph(number):
        staged.add(holders.GRAPH, held.index.graph_bytes(number))
    return shard_id, staged, _ids_in(data)


def _ids_in(data: bytes) -> list[UUID]:
    """The record ids of a shard file of this installation's model."""
    from django.conf import settings

    from biometrics.index_format import unpack_shard
    from biometrics.templates import DIMENSION

    content = unpack_shard(
        data,
        model=engines.index_model(),
        dimension=DIMENSION,
        most_rows=settings.DSR_SHARD_ROWS,
    )
    return [UUID(bytes=row.tobytes()) for row in content.ids]


def _point_to(shard: Shard, model: ModelVersion, ids: Sequence[UUID]) -> None:
    for first in range(0, len(ids), 500):
        Template.objects.filter(model=model, record_id__in=ids[first : first + 500]).update(
            shard=shard
        )


@outside("Building graphs")
def build_graphs(commit: Commit = unit_of_work) -> int:
    """Give every shard without a graph a new one and keep it; how many were built."""
    with holders.holder().current() as held:
        wanted = [n for n in range(held.index.shards) if not held.index.has_graph(n)]
        built = held.index.build_graphs(wanted)
        units = dict(held.signature)
        for number in built:
            staged = vault.stage_into(units[number])
            staged.add(holders.GRAPH, held.index.graph_bytes(number))
            with commit():
                staged.save()
        return len(built)


# -- erasure -------------------------------------------------------------------------------------


def erase_records(*, record_ids: Sequence[UUID]) -> list[int]:
    """Number the erasure of records in the caller's unit of work and order it in the index.

    From the commit no search that begins later finds them. Already erased ones keep their number.
    Returns one number per record that has or had a template, in ascending order.
    """
    with unit_of_work():
        rows = Template.objects.select_for_update().filter(record_id__in=list(record_ids))
        fresh = sorted({row.record_id for row in rows if row.erased_change is None})
        drawn = dict(zip(fresh, changes.draw(Change.Kind.ERASE, fresh), strict=True))
        for record_id, number in drawn.items():
            Template.objects.filter(record_id=record_id, erased_change=None).update(
                erased_change=number
            )
        numbers = {row.erased_change for row in rows if row.erased_change is not None}
        numbers |= set(drawn.values())
        if drawn:
            jobs.enqueue(
                kind="recognition.erase",
                subject="index",
                idempotency_key=f"recognition.erase:{max(drawn.values())}",
            )
    return sorted(numbers)


@outside("Erasing from the index")
def apply_erasure(commit: Commit = unit_of_work) -> int:
    """Overwrite erased rows in memory and write touched shards anew without them; shards written.

    Resumable: what is still owed is read from the rows each time.
    """
    own = holders.holder()
    with own.current() as held:
        owed = Template.objects.filter(
            model=held.model, erased_change__gt=F("shard__rewritten_change")
        )
        numbers = sorted(set(owed.values_list("shard__number", flat=True)))
        if not numbers:
            return 0
        try:
            _rewrite(held, numbers, commit)
        except Exception:
            own.drop()
            raise
        return len(numbers)


def _rewrite(held: Loaded, numbers: Sequence[int], commit: Commit) -> None:
    known = {row.number: row for row in Shard.objects.filter(model=held.model)}
    staged = {number: _stage_shard(held, number, known[number]) for number in numbers}
    with commit():
        for number, (_id, unit, ids) in staged.items():
            row = known[number]
            unit.save()
            vault.request_shred([row.unit], reason="rows_erased")
            row.unit = unit.unit_id
            row.rows = row.live_rows = len(ids)
            row.rewritten_change = held.applied
            row.save(update_fields=["unit", "rows", "live_rows", "rewritten_change"])
        vault.enqueue_shred()
        jobs.enqueue(
            kind="recognition.graphs",
            subject="index",
            idempotency_key=f"recognition.graphs:{held.applied}",
        )
        audit_event(
            "index.rewritten",
            actor=ACTOR,
            shards=len(staged),
            rows=sum(len(ids) for _id, _unit, ids in staged.values()),
            change=held.applied,
        )
    held.signature = holders.signature(held.model)


def erasure_settled(change: int) -> bool:
    """True when no shard file holds a row erased at or before this change any more."""
    return not Template.objects.filter(
        erased_change__lte=change, erased_change__gt=F("shard__rewritten_change")
    ).exists()


def holders_applied(change: int) -> bool:
    """True when every process that may hold templates has followed the changes to this number."""
    processes.reap()
    return not processes.alive().filter(applied_change__lt=change).exists()


def holders_recycled(change: int) -> bool:
    """True when every process that ever held what this change erased was seen gone (design, 6)."""
    processes.reap()
    return not processes.alive().filter(loaded_change__lt=change).exists()


def recycle_holders(change: int) -> int:
    """Have every process that held what this change erased end after its work; how many.

    Call inside a unit of work. Searches wait meanwhile and none is lost: jobs are rows.
    """
    processes.reap()
    asked = processes.alive().filter(loaded_change__lt=change)
    count = asked.update(state=Holder.State.RECYCLING)
    if count:
        jobs.enqueue(
            kind="recognition.recycle",
            subject="index",
            idempotency_key=f"recognition.recycle:{change}",
        )
    return count


# -- proof ---------------------------------------------------------------------------------------


@outside("Looking into the index")
def absent(*, record_ids: Sequence[UUID], templates: Sequence[bytes] = ()) -> Absence:
    """Look for erased records by id and by template in memory and in every shard's file.

    Runs in the search worker. A template counts as present when a row is the same direction
    (cosine of at least 0.9999), which no other picture of the person reaches.
    """
    import numpy as np

    wanted = set(record_ids)
    rows = [np.frombuffer(raw, dtype="<f4").copy() for raw in templates]
    try:
        with holders.holder().current() as held:
            in_memory = sum(held.index.contains(one) for one in wanted)
            same = sum(bool(held.index.search(row, 0.9999).hits) for row in rows)
            ids_in_files, copies, seen = _in_files(held, wanted, templates)
            return Absence(
                ids_in_memory=in_memory,
                templates_in_memory=same,
                ids_in_files=ids_in_files,
                templates_in_files=copies,
                shards=len(held.signature),
                rows=seen,
                applied_change=held.applied,
            )
    finally:
        for row in rows:
            row[:] = 0.0


def _in_files(held: Loaded, wanted: set[UUID], templates: Sequence[bytes]) -> tuple[int, int, int]:
    """Ids and templates of erased records found in shard files, and how many rows were read."""
    ids_found = copies = seen = 0
    for _number, unit in held.signature:
        data = vault.read(unit, holders.ROWS)
        ids = _ids_in(data)
        seen += len(ids)
        ids_found += len(wanted.intersection(ids))
        copies += sum(data.count(one) for one in templates)
        if vault.has(unit, holders.GRAPH):
            graph = vault.read(unit, holders.GRAPH)
            copies += sum(graph.count(one) for one in templates)
    return ids_found, copies, seen


def needles_of(template: bytes) -> list[str]:
    """Masked byte patterns of a template for `scan_holder`, as text for a verification kit.

    Make them in another process than the one to be scanned.
    """
    import numpy as np

    from biometrics.memory_scan import template_needles

    return [one.to_text() for one in template_needles(np.frombuffer(template, dtype="<f4"))]


@outside("Scanning memory")
def scan_holder(*, needles: Sequence[str]) -> MemoryScan:
    """Count masked patterns in all memory of this process; run it in the search worker.

    A canary planted for the scan must be found once, or the scan proves nothing (R30).
    """
    import secrets

    from biometrics.errors import ScanFailed
    from biometrics.memory_scan import Needle, scan_process

    canary = bytearray(secrets.token_bytes(48))
    patterns = [Needle.from_text(text) for text in needles]
    try:
        report = scan_process("self", [*patterns, Needle.of(bytes(canary))])
    except ScanFailed as error:
        raise engines.plain(error) from error
    finally:
        found_canary = len(canary)
        canary[:] = bytes(found_canary)
    return MemoryScan(
        counts=report.counts[:-1],
        bytes=report.scanned_bytes,
        regions=report.regions,
        unreadable=report.unreadable,
        canary_found=report.counts[-1] > 0,
    )

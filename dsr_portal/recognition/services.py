"""What the rest of the portal asks of recognition: enrol, search, cover, erase, look into memory.

No route takes an image or a vector outside a case (R20): callers are matching, disclosure,
erasure and the import. Searching, sealing and erasing happen in the process that holds the index
(queue `search`); everything else in any worker.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext as _

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.errors import BadInput, Unavailable
from dsr_portal.core.transactions import outside
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import changes, damage, groups, processes
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.again import forget_units, no_process_holds, write_index_anew
from dsr_portal.recognition.analysis import (
    Box,
    Covered,
    FoundFace,
    ProbeVerdict,
    analyse_gallery_picture,
    area_of_cut_out,
    cover_faces,
    cover_others,
    cut_again,
    judge_probe,
)
from dsr_portal.recognition.candidates import group_hits
from dsr_portal.recognition.choosing import FacesFound, OneFace, faces_to_choose
from dsr_portal.recognition.disclosed import disclosed_templates
from dsr_portal.recognition.engine import DETECTOR, METRIC, TOP_K, EngineUnavailable, ModelFacts
from dsr_portal.recognition.fusing import PhotosApart, ProbeTemplate
from dsr_portal.recognition.holder import Loaded
from dsr_portal.recognition.models import Change, Holder, ModelVersion, Shard, Template
from dsr_portal.recognition.scanning import MemoryScan, needles_of, scan_holder
from dsr_portal.recognition.shards import (
    apply_erasure,
    build_graphs,
    rebuild_shard,
    seal_shards,
    unpacked,
)
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture

__all__ = [
    "DETECTOR",
    "METRIC",
    "TOP_K",
    "Absence",
    "Box",
    "Covered",
    "EngineUnavailable",
    "FacesFound",
    "FoundFace",
    "MemoryScan",
    "ModelFacts",
    "NewTemplate",
    "OneFace",
    "PhotosApart",
    "ProbeVerdict",
    "RecordHit",
    "SearchOutcome",
    "WidenedSearch",
    "absent",
    "active_model",
    "add_templates",
    "analyse_gallery_picture",
    "apply_erasure",
    "area_of_cut_out",
    "build_graphs",
    "cover_faces",
    "cover_others",
    "cut_again",
    "disclosed_templates",
    "enqueue_seal",
    "enrolled_since",
    "erase_records",
    "erasure_settled",
    "faces_to_choose",
    "faces_to_widen",
    "forget_units",
    "group_hits",
    "has_enrolled_since",
    "holders_applied",
    "holders_recycled",
    "judge_probe",
    "needles_of",
    "no_process_holds",
    "prepare_engine",
    "rebuild_shard",
    "record_changes",
    "recycle_holders",
    "require_alike",
    "scan_holder",
    "seal_shards",
    "search_probe",
    "shared_by_groups",
    "template_facts",
    "template_moved",
    "widen_search",
    "widened_by",
    "write_index_anew",
]


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
    `swept_only` counts shards without a graph and the rows that wait for a shard. `nearest` are
    the nearest under the threshold, best first, as many as were asked for.
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
    nearest: tuple[RecordHit, ...] = ()

    @property
    def whole(self) -> bool:
        """N of N: the first claim of R15 may be printed."""
        return self.compared == self.enrolled


@dataclass(frozen=True, slots=True)
class WidenedSearch:
    """A hop of the officer loop: the new candidates, best first, and what widened the probe.

    `drifted` are confirmed records that lie far from the probe and were left out: the second
    officer decides whether they may widen it. `outcome` is the whole search (with the records
    known before), None when nothing was left to widen the probe with.
    """

    hits: tuple[RecordHit, ...]
    used: tuple[UUID, ...]
    drifted: tuple[UUID, ...]
    outcome: SearchOutcome | None


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


# -- the model -----------------------------------------------------------------------------------


def prepare_engine() -> ModelFacts:
    """Load and check engine and detector now, so that the first picture does not wait for them."""
    from biometrics.errors import BiometricsError
    from biometrics.weights import WeightsError

    try:
        engines.engine().start()
        engines.pipeline().start()
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


def template_moved(*, record_id: UUID, before: UUID, now: UUID) -> None:
    """Note, in the caller's unit of work, that a record's template lies in another unit now."""
    with unit_of_work():
        Template.objects.filter(record_id=record_id, unit=before).update(unit=now)


def enrolled_since(change: int, *, among: Collection[UUID]) -> set[UUID]:
    """Which of these records were enrolled after a change number and are still there."""
    rows = Template.objects.filter(model__active=True, erased_change=None)
    rows = rows.filter(change_number__gt=change, record_id__in=list(among))
    return set(rows.values_list("record_id", flat=True))


def has_enrolled_since(change: int) -> bool:
    """Whether anything was enrolled after a change number and is still there."""
    rows = Template.objects.filter(model__active=True, erased_change=None)
    return rows.filter(change_number__gt=change).exists()


def template_facts(record_ids: Sequence[UUID]) -> dict[UUID, ModelFacts]:
    """Which model made the living template of each record (law A-03)."""
    rows = Template.objects.filter(record_id__in=record_ids, erased_change=None, model__active=True)
    return {row.record_id: engines.facts_of(row.model) for row in rows.select_related("model")}


# -- search --------------------------------------------------------------------------------------


@outside("Searching the gallery")
def search_probe(
    *,
    picture: Picture | bytes,
    threshold: float,
    more: Sequence[Picture | bytes] = (),
    vouched: bool = False,
    preliminary: Callable[[SearchOutcome], None] | None = None,
    nearest: int = 0,
) -> SearchOutcome:
    """Every record at or over the threshold, best first: hnswlib finds, the sweep proves.

    Several pictures of the person are fused into one template, each by its quality; of more than
    five the best five count. Photos so unlike that one would not find the other raise
    `PhotosApart`, unless a person `vouched` that they show one. What a review confirmed widens the
    search (`widen_search`).
    `preliminary` is called with what hnswlib found, within milliseconds, before the sweep.
    `nearest`: how many of the nearest under the threshold come along, for a second person looks at
    them where nothing was found (R19). Raises `BadInput` with the probe's verdict when a picture
    has no usable face.
    """
    alike = None if vouched else _alike(threshold)
    with ProbeTemplate([picture, *more], alike=alike) as template:
        return _searched(template, threshold, preliminary, nearest)


def _alike(threshold: float) -> float:
    """How alike photos of one probe have to be: each would find the other, and none has drifted."""
    from biometrics.fusion import DRIFT_BELOW

    return max(threshold, DRIFT_BELOW)


@outside("Searching the gallery")
def widen_search(
    *,
    picture: Picture | bytes,
    threshold: float,
    confirmed: Sequence[UUID],
    hop: int,
    more: Sequence[Picture | bytes] = (),
    known: Collection[UUID] = (),
    approved: Collection[UUID] = (),
) -> WidenedSearch:
    """Search again with the mean of the probe and the faces an officer confirmed (R22).

    `hop` counts the widenings of a case from 1; a fourth is refused with `BadInput`. `threshold`
    is the one calibrated for widened probes. `known` are records that are candidates of the case
    already: only others are hits. A confirmed face far from the probe does not widen it before
    the second officer confirmed it too (`approved`): one wrong face would lead to a stranger's
    pictures.
    """
    from biometrics.fusion import MOST_HOPS

    if not 1 <= hop <= MOST_HOPS:
        raise BadInput("too_many_hops", _("A search is widened at most three times."))
    probe = ProbeTemplate([picture, *more], tuple(confirmed), frozenset(approved))
    with probe as template:
        if not probe.used:
            return WidenedSearch((), (), probe.drifted, None)
        outcome = _searched(template, threshold)
    return widened_by(outcome, known={*known, *confirmed}, used=probe.used, drifted=probe.drifted)


def widened_by(
    outcome: SearchOutcome,
    *,
    known: Collection[UUID],
    used: Sequence[UUID],
    drifted: Sequence[UUID],
) -> WidenedSearch:
    """A hop whose hits are only those that are no candidates of the case already."""
    fresh = tuple(hit for hit in outcome.hits if hit.record_id not in known)
    return WidenedSearch(fresh, tuple(used), tuple(drifted), outcome)


# What one process finds out before several groups are asked (`group_search`).


def shared_by_groups() -> bool:
    """Whether the shards are shared, so that no process alone can prove a search."""
    return groups.count() > 1


@outside("Embedding a probe")
def require_alike(*, pictures: Sequence[Picture | bytes], threshold: float) -> None:
    """Raise `PhotosApart` as `search_probe` would, without searching."""
    if len(pictures) > 1:
        with ProbeTemplate(pictures, alike=_alike(threshold)):
            pass


@outside("Embedding a probe")
def faces_to_widen(
    *, pictures: Sequence[Picture | bytes], confirmed: Sequence[UUID], approved: Collection[UUID]
) -> tuple[tuple[UUID, ...], tuple[UUID, ...]]:
    """Which of the confirmed records widen a probe, and which lie too far from it."""
    probe = ProbeTemplate(pictures, tuple(confirmed), frozenset(approved))
    with probe:
        return probe.used, probe.drifted


def _searched(
    template: Any,
    threshold: float,
    preliminary: Callable[[SearchOutcome], None] | None = None,
    nearest: int = 0,
) -> SearchOutcome:
    """Ask the graphs, then sweep every row, with one template of unit length."""
    _one_group_holds_all()
    outcome, below, _layout = search_own_rows(template, threshold, preliminary, nearest)
    return replace(outcome, nearest=tuple(below))


def _one_group_holds_all() -> None:
    """Where groups share the shards, `group_search` asks them all; one alone proves nothing."""
    if groups.count() > 1:
        raise Unavailable("search_in_groups", _("The search index is shared by several groups."))


def search_own_rows(
    template: Any,
    threshold: float,
    preliminary: Callable[[SearchOutcome], None] | None = None,
    nearest: int = 0,
) -> tuple[SearchOutcome, list[RecordHit], str]:
    """Search what this process holds: the outcome, the `nearest` below, and the layout it was
    made under (`holder.layout`). Everything there is, where all shards are in one group.

    Raises `Unavailable` while a part is rebuilt, after `preliminary` saw what the graphs found.
    """
    began = time.monotonic()
    with holders.holder().current() as held:
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
        held.must_be_whole()
        found = held.index.search(template, threshold)
        below = held.index.nearest_below(template, threshold, nearest) if nearest else []
        outcome = SearchOutcome(
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
        return outcome, [_hit(hit) for hit in below], holders.layout(held.model)


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
            for group in groups.every():
                kind = groups.kind("recognition.erase", group)
                jobs.enqueue(
                    kind=kind, subject="index", idempotency_key=f"{kind}:{max(drawn.values())}"
                )
    return sorted(numbers)


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
    asked = list(processes.alive().filter(loaded_change__lt=change))
    Holder.objects.filter(id__in=[row.id for row in asked]).update(state=Holder.State.RECYCLING)
    for row in asked:
        jobs.enqueue(
            kind=groups.kind("recognition.recycle", row.group),
            subject=row.id,
            idempotency_key=f"recognition.recycle:{change}:{row.id}",
        )
    return len(asked)


# -- proof ---------------------------------------------------------------------------------------


@outside("Looking into the index")
def absent(*, record_ids: Sequence[UUID], templates: Sequence[bytes] = ()) -> Absence:
    """Look for erased records by id and by template in memory and in every shard's file.

    Runs in the search worker. A template counts as present when a row is the same direction
    (cosine of at least 0.9999), which no other picture of the person reaches.
    """
    import numpy as np

    wanted = {one.bytes for one in record_ids}
    rows = [np.frombuffer(raw, dtype="<f4").copy() for raw in templates]
    try:
        with holders.holder().current() as held:
            in_memory = sum(held.index.contains(one) for one in set(record_ids))
            same = sum(bool(held.index.search(row, 0.9999).hits) for row in rows)
            ids_in_files, copies, seen = _in_files(held, wanted, templates)
            return Absence(
                ids_in_memory=in_memory,
                templates_in_memory=same,
                ids_in_files=ids_in_files,
                templates_in_files=copies,
                shards=Shard.objects.filter(model=held.model).count(),
                rows=seen,
                applied_change=held.applied,
            )
    finally:
        for row in rows:
            row[:] = 0.0


def _in_files(held: Loaded, wanted: set[bytes], templates: Sequence[bytes]) -> tuple[int, int, int]:
    """Ids and templates of erased records found in shard files, and how many rows were read."""
    ids_found = copies = seen = 0
    for shard in Shard.objects.filter(model=held.model).order_by("number"):
        unit = shard.unit
        data = _read_or_rebuild(shard)
        ids = unpacked(data).ids
        seen += len(ids)
        ids_found += sum(row.tobytes() in wanted for row in ids)
        copies += sum(data.count(one) for one in templates)
        if vault.has(unit, holders.GRAPH):
            graph = vault.read(unit, holders.GRAPH)
            copies += sum(graph.count(one) for one in templates)
    return ids_found, copies, seen


def _read_or_rebuild(shard: Shard) -> bytes:
    """A shard's file; where it is damaged, order it anew and let the caller's job wait."""
    try:
        return damage.read_rows(shard)
    except damage.ShardDamaged as error:
        damage.report(shard, damage.ROWS, error.code)
        raise Unavailable("index_rebuilding", _("A part of the index is being rebuilt.")) from error

"""The verification kit: what the checks look for, sealed under a key of its own (rule R30).

Made by the run itself, before anything goes, in the process that is replaced at its end; opened by
the checks; destroyed last, and at the latest after 24 hours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.core.transactions import outside
from dsr_portal.erasure import duplicates, patterns
from dsr_portal.erasure.models import Plan, PlanRecord, PlanUnit
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob, UnitKey

KIT = "kit"
TEMPLATES = "templates"
_IN_MEMORY = 1
"""Slices of each picture looked for in memory: few patterns make the scan quick."""


_opened_here: set[UUID] = set()


def seen_in_clear(plan: Plan) -> bool:
    """True where this process, or the one it was forked from, read what the plan erases."""
    return plan.id in _opened_here


@dataclass(slots=True)
class Kit:
    """Masked patterns, the addresses to look up, names of files that must be gone."""

    files: list[str] = field(default_factory=list)
    memory: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    file_hashes: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    links: list[list[str]] = field(default_factory=list)
    """Where the pictures came from, for the certificate: address, and what became of it."""
    covered: dict[str, list[list[int]]] = field(default_factory=dict)
    """Boxes to be covered, by picture: x, y, width, height, and the size they are measured in."""
    templates: list[bytes] = field(default_factory=list)
    units: list[PlanUnit] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "memory": self.memory,
            "addresses": self.addresses,
            "file_hashes": self.file_hashes,
            "blobs": self.blobs,
            "links": self.links,
            "covered": self.covered,
            "template_sizes": [len(one) for one in self.templates],
        }


@outside("Making a verification kit")
def make(plan: Plan) -> tuple[Kit, vault.Staged]:
    """Read what will go, keep it as patterns, and seal those; the caller saves both."""
    kit = Kit()
    _opened_here.add(plan.id)
    rows = list(plan.records.select_related("record__image").order_by("record_id"))
    more = duplicates.pictures_that_go(plan)
    _take_pictures(kit, rows, more)
    for row in rows:
        _take_face(kit, row.record)
        if row.picture != PlanRecord.Picture.WHOLE:
            face = connector.current().face(row.record_id)
            boxes = kit.covered.setdefault(str(row.record.image_id), [])
            boxes.append([*face.box, *face.of])
    for probe in _photos_that_go(plan):
        _take_slices(kit, vault.read(probe.unit, "picture"))
        kit.units.append(_unit(plan, probe.unit, PlanUnit.Holds.PROBE))
    for row in rows:
        kit.units += [_unit(plan, one, PlanUnit.Holds.FACE) for one in faces_of(row.record)]
    images = {image.id: image for image in [*(row.record.image for row in rows), *more]}.values()
    kit.units += [_unit(plan, image.unit, PlanUnit.Holds.PICTURE) for image in images]
    named = Blob.objects.filter(unit_id__in=[one.unit for one in kit.units]).exclude(file="")
    kit.blobs = sorted(named.values_list("file", flat=True))
    staged = vault.stage_unit(kind=vault.UnitKind.VERIFICATION_KIT, owner=plan.id)
    staged.add_json(KIT, kit.as_json())
    staged.add(TEMPLATES, b"".join(kit.templates))
    return kit, staged


def _photos_that_go(plan: Plan) -> QuerySet[Probe]:
    """What the person sent goes with what they asked to erase, and not with our own decision."""
    rows = Probe.objects.filter(case_id=plan.case_id).exclude(state=ProbeState.DELETED)
    return rows.none() if plan.own else rows


def _take_pictures(kit: Kit, rows: Iterable[PlanRecord], more: Iterable[SourceImage]) -> None:
    held = connector.current()
    fates = {row.record.image: PlanRecord.Picture(row.picture) for row in rows}
    fates |= dict.fromkeys(more, PlanRecord.Picture.WHOLE)
    for image, fate in fates.items():
        _take_slices(kit, held.unseen(image.id))
        if image.file_hash:
            kit.file_hashes.append(image.file_hash)
        facts = held.facts(image.id)
        kit.links += [
            [one.page_url or one.image_url or one.path, fate.value] for one in facts.appearances
        ]
        if fate is PlanRecord.Picture.WHOLE:
            # A covered picture keeps its addresses with the other people's records.
            _take_facts(kit, facts)


def _take_facts(kit: Kit, facts: connector.ImageFacts) -> None:
    for one in facts.appearances:
        kit.addresses += [url for url in (one.page_url, one.image_url) if url]
        for text in (one.page_url, one.image_url, one.caption, one.path, *one.other.values()):
            data = text.encode("utf-8", "surrogateescape")
            if len(data) >= patterns.SHORTEST:
                kit.files.append(patterns.masked(data))


def faces_of(record: Record) -> list[UUID]:
    """The record's own unit and those with its template of another model."""
    others = vault.unit_ids(owner=record.id, kind=vault.UnitKind.ENROLLED_FACE)
    return sorted({record.unit, *others})


def _take_face(kit: Kit, record: Record) -> None:
    _take_slices(kit, vault.read(record.unit, "crop"))
    for unit in faces_of(record):
        if not vault.has(unit, "template"):
            continue
        template = vault.read(unit, "template")
        needles = recognition.needles_of(template)
        if unit == record.unit:
            kit.templates.append(template)
        kit.files += needles
        kit.memory += needles


def _take_slices(kit: Kit, data: bytes) -> None:
    pieces = [patterns.masked(piece) for piece in patterns.picture_forms(data)]
    kit.files += pieces
    kit.memory += pieces[:_IN_MEMORY]


def _unit(plan: Plan, unit: UUID, holds: str) -> PlanUnit:
    bucket = UnitKey.objects.filter(id=unit).values_list("bucket_id", flat=True).first()
    return PlanUnit(plan=plan, unit=unit, bucket=bucket, holds=holds)


def remember_unit(plan: Plan, unit: UUID, holds: str) -> None:
    """Add a unit that was found on the way (a rewritten shard, a picture replaced meanwhile)."""
    if not PlanUnit.objects.filter(plan=plan, unit=unit).exists():
        _unit(plan, unit, holds).save()


@outside("Opening a verification kit")
def open_kit(plan: Plan) -> Kit | None:
    """The kit, without templates; None once it was destroyed."""
    if plan.kit_unit is None:
        return None
    try:
        found = vault.read_json(plan.kit_unit, KIT)
    except vault.Shredded:
        return None
    return Kit(
        files=found["files"],
        memory=found["memory"],
        addresses=found["addresses"],
        file_hashes=found["file_hashes"],
        blobs=found["blobs"],
        links=found["links"],
        covered=found["covered"],
    )


@outside("Opening a verification kit")
def open_templates(plan: Plan) -> list[bytes]:
    """The erased templates in clear. After this the process has to be replaced."""
    if plan.kit_unit is None:
        return []
    _opened_here.add(plan.id)
    try:
        sizes = vault.read_json(plan.kit_unit, KIT)["template_sizes"]
        data = vault.read(plan.kit_unit, TEMPLATES)
    except vault.Shredded:
        return []
    found, at = [], 0
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return found

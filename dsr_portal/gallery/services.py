"""What may happen to records: hold, restriction, erasure, block (R1, E-12); import and look-ups.

Whoever calls has checked that the person may do this: gallery knows cases by id only. Every
service opens or joins a unit of work, locks the rows and writes its events there.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.core.registries import lift_guards
from dsr_portal.gallery import covers, hashes, notices, states
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.importing import import_folder
from dsr_portal.gallery.lookups import record_lookups
from dsr_portal.gallery.models import (
    Appearance,
    BlockEntry,
    CollectionStop,
    Hold,
    InspectionHold,
    Notice,
    Record,
    Restriction,
    Source,
    SourceImage,
)
from dsr_portal.gallery.sources import collection_stopped, declare_source
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault

__all__ = [
    "block_addresses",
    "blocked",
    "collection_stopped",
    "declare_source",
    "hold",
    "import_folder",
    "lift_own_decision",
    "lift_restriction",
    "mark_erased",
    "mark_erasing",
    "record_lookups",
    "release_holds",
    "require_free",
    "restrict",
    "restricted",
    "resume_collection",
    "spare_records",
    "stop_collection",
    "unblock",
]


# Kinds of notes in the erasure ledger: a restored block list gets them again (R31).
BLOCKED = "block.added"
UNBLOCKED = "block.removed"
OWN_DECISION = "own_decision"
"""Restricted because the controller may not use it, whoever it shows: no case's end lifts that, and
it keeps nobody's erasure waiting."""
_STANDING = frozenset({Record.State.HELD, Record.State.RESTRICTED})


def _locked(record_ids: Iterable[UUID]) -> list[Record]:
    """The rows, locked in the order of their ids so that two services never wait in a circle."""
    wanted = set(record_ids)
    rows = list(Record.objects.select_for_update().filter(id__in=wanted).order_by("id"))
    if len(rows) != len(wanted):
        raise NotFound("no_such_record", _("There is no such picture."))
    return rows


def _move(row: Record, action: str) -> bool:
    """Set the state that follows an action; True when it changed."""
    target = states.after(row.state, action)
    if target == row.state:
        return False
    row.state = target
    row.state_changed_at = clock.now()
    row.save(update_fields=["state", "state_changed_at"])
    return True


# -- hold ---------------------------------------------------------------------------------------


def hold(*, record_ids: Iterable[UUID], case_id: UUID, actor: Actor) -> set[UUID]:
    """Keep candidates as they are until the case has decided about them.

    The ids of those that are kept. A record another case is erasing, or has erased, is not: only
    what this returns may become a candidate.
    """
    with unit_of_work():
        kept = [row for row in _locked(record_ids) if row.state in _STANDING]
        for row in kept:
            _made, new = Hold.objects.get_or_create(
                record=row, case_id=case_id, until=None, defaults={"since": clock.now()}
            )
            if new:
                audit_event("record.held", actor=actor, case_id=case_id, subject_id=row.id)
    return {row.id for row in kept}


def release_holds(*, case_id: UUID, record_ids: Iterable[UUID] | None = None, actor: Actor) -> int:
    """End this case's holds, on all its records or on those named."""
    with unit_of_work():
        rows = Hold.objects.select_for_update().filter(case_id=case_id, until=None)
        if record_ids is not None:
            rows = rows.filter(record_id__in=list(record_ids))
        ended = list(rows.order_by("record_id"))
        for row in ended:
            row.until = clock.now()
            row.save(update_fields=["until"])
            audit_event("record.released", actor=actor, case_id=case_id, subject_id=row.record_id)
    return len(ended)


# -- restriction --------------------------------------------------------------------------------


def restrict(*, record_ids: Iterable[UUID], case_id: UUID, actor: Actor, reason: str) -> int:
    """Take records out of use for everything but this case (Art. 18; R1); how many are new."""
    fresh = 0
    with unit_of_work():
        for row in _locked(record_ids):
            if Restriction.objects.filter(record=row, case_id=case_id, lifted_at=None).exists():
                continue
            _move(row, "restrict")
            Restriction.objects.create(
                record=row, case_id=case_id, reason_code=reason, since=clock.now()
            )
            (change,) = recognition.record_changes(kind="RESTRICT", record_ids=[row.id])
            audit_event(
                "record.restricted",
                actor=actor,
                case_id=case_id,
                subject_id=row.id,
                reason=reason,
                change=change,
            )
            fresh += 1
    return fresh


def lift_restriction(
    *, record_ids: Iterable[UUID], case_id: UUID, actor: Actor, reason: str
) -> int:
    """End this case's restriction of records; they stay restricted while another case needs it.

    A reason that somebody has to bear out is asked about first (`lift_guards`).
    """
    if reason in lift_guards:
        lift_guards.get(reason)(case_id)
    standing = Restriction.objects.filter(case_id=case_id, lifted_at=None)
    mine = standing.exclude(reason_code=OWN_DECISION)
    return _lift(mine, record_ids, case_id=case_id, actor=actor, reason=reason)


def lift_own_decision(*, record_ids: Iterable[UUID], case_id: UUID, actor: Actor) -> int:
    """End what two persons had locked of the controller's own accord; how many are lifted."""
    standing = Restriction.objects.filter(case_id=case_id, lifted_at=None)
    mine = standing.filter(reason_code=OWN_DECISION)
    return _lift(mine, record_ids, case_id=case_id, actor=actor, reason=OWN_DECISION)


def _lift(
    standing: QuerySet[Restriction],
    record_ids: Iterable[UUID],
    *,
    case_id: UUID,
    actor: Actor,
    reason: str,
) -> int:
    lifted = 0
    with unit_of_work():
        for row in _locked(record_ids):
            if not standing.filter(record=row).update(lifted_at=clock.now()):
                continue
            if not _stays_locked(row):
                _move(row, "lift")
            (change,) = recognition.record_changes(kind="LIFT", record_ids=[row.id])
            audit_event(
                "record.restriction_lifted",
                actor=actor,
                case_id=case_id,
                subject_id=row.id,
                reason=reason,
                change=change,
            )
            lifted += 1
    return lifted


def _stays_locked(row: Record) -> bool:
    """Whether a case still restricts it, or its picture is put aside (law C-09)."""
    kept = Restriction.objects.filter(record=row, lifted_at=None).exists()
    return kept or covers.is_covered(row.image_id)


def restricted(record_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these the controller's product must not use now: restricted, going or gone."""
    wanted = set(record_ids)
    usable = set(
        Record.objects.filter(id__in=wanted, state=Record.State.HELD).values_list("id", flat=True)
    )
    return wanted - usable


# -- erasure ------------------------------------------------------------------------------------


def require_free(
    *, record_ids: Iterable[UUID], case_id: UUID, also_images: Collection[UUID] = ()
) -> None:
    """`Conflict` while another case holds or an authority inspects one of these records, or a
    senior officer has to decide about its picture (law C-09).

    `also_images` are pictures without a record that go with them.
    """
    with unit_of_work():
        rows = _locked(record_ids)
        _refuse_held_by_others(rows, case_id)
        images = {*(row.image_id for row in rows), *also_images}
        _refuse_inspected(images)
        covers.refuse_evidence(images)


def mark_erasing(
    *,
    record_ids: Iterable[UUID],
    case_id: UUID | None,
    actor: Actor,
    also_images: Collection[UUID] = (),
) -> int:
    """Begin the erasure of confirmed records, or without a case of those past their term.

    `Conflict` while another case holds or an authority inspects one of them: theirs comes first.
    `also_images` as for `require_free`.
    """
    begun = 0
    with unit_of_work():
        rows = _locked(record_ids)
        _refuse_held_by_others(rows, case_id)
        images = {*(row.image_id for row in rows), *also_images}
        _refuse_inspected(images)
        covers.refuse_evidence(images)
        for row in rows:
            if _move(row, "erase"):
                audit_event("record.erasing", actor=actor, case_id=case_id, subject_id=row.id)
                begun += 1
        if case_id is not None:
            # Now, while the records' units still open: what recipients will be told (Art. 19).
            notices.prepare(
                record_ids=[row.id for row in rows],
                case_id=case_id,
                ground=str(Notice.Ground.ERASURE),
                actor=actor,
            )
    return begun


def _refuse_held_by_others(rows: Sequence[Record], case_id: UUID | None) -> None:
    ids = [row.id for row in rows]
    others = Hold.objects.filter(record_id__in=ids, until=None)
    locked = Restriction.objects.filter(record_id__in=ids, lifted_at=None)
    others_locked = locked.exclude(reason_code=OWN_DECISION)
    if case_id is not None:
        others = others.exclude(case_id=case_id)
        others_locked = others_locked.exclude(case_id=case_id)
    waiting = others.count() + others_locked.count()
    if waiting:
        raise Conflict(
            "held_by_other_case",
            _("Another case has to decide about one of these pictures first."),
            records=waiting,
        )


def _refuse_inspected(image_ids: Collection[UUID]) -> None:
    images = SourceImage.objects.filter(id__in=image_ids)
    sources = set(images.values_list("source_id", flat=True))
    holds = InspectionHold.objects.filter(lifted_at=None)
    if holds.filter(source=None).exists() or holds.filter(source_id__in=sources).exists():
        raise Conflict(
            "inspection_hold",
            _("An authority asked to keep these pictures as they are until it has looked."),
        )


def keep_for_inspection(*, source_id: UUID | None) -> InspectionHold:
    """Nothing of a source, or of the whole gallery, is erased or corrected until it is let go.

    Who asked for it and who ends it is the caller's to write down.
    """
    if source_id is not None and not Source.objects.filter(id=source_id).exists():
        raise BadInput("no_source", _("There is no such source."))
    with unit_of_work():
        return InspectionHold.objects.create(source_id=source_id, since=clock.now())


def let_go_after_inspection(*, hold_id: UUID) -> None:
    with unit_of_work():
        held = InspectionHold.objects.filter(id=hold_id, lifted_at=None)
        held.update(lifted_at=clock.now())


def spare_records(*, record_ids: Iterable[UUID], case_id: UUID, actor: Actor) -> int:
    """Undo `mark_erasing` before anything was erased; a standing restriction stays."""
    spared = 0
    with unit_of_work():
        for row in _locked(record_ids):
            if row.state != Record.State.ERASING:
                continue
            _move(row, "spare")
            if _stays_locked(row):
                _move(row, "restrict")
            audit_event("record.spared", actor=actor, case_id=case_id, subject_id=row.id)
            spared += 1
        notices.cancel(case_id=case_id)
    return spared


def mark_erased(*, record_ids: Iterable[UUID], case_id: UUID | None, actor: Actor) -> int:
    """Note that records are gone from every store; their holds and restrictions end."""
    ended = 0
    with unit_of_work():
        for row in _locked(record_ids):
            if not _move(row, "erased"):
                continue
            moment = clock.now()
            Hold.objects.filter(record=row, until=None).update(until=moment)
            Restriction.objects.filter(record=row, lifted_at=None).update(lifted_at=moment)
            audit_event("record.erased", actor=actor, case_id=case_id, subject_id=row.id)
            ended += 1
    return ended


# -- collect not again ---------------------------------------------------------------------------


def block_addresses(
    *,
    case_id: UUID,
    actor: Actor,
    image_ids: Iterable[UUID] = (),
    pages: Iterable[str] = (),
    images: Iterable[str] = (),
    file_hashes: Iterable[str] = (),
) -> int:
    """Block addresses and files from collection, those of whole pictures and those named (E-12).

    Call it before the pictures' rows lose their hashes. Raises `BadInput` for a bad address.
    """
    page_hashes = {hashes.of_address(page) for page in pages}
    image_hashes = {hashes.of_address(image) for image in images}
    files = set(file_hashes)
    with unit_of_work():
        wanted = list(image_ids)
        for page, image in Appearance.objects.filter(image_id__in=wanted).values_list(
            "page_hash", "image_hash"
        ):
            page_hashes |= {page} - {""}
            image_hashes |= {image} - {""}
        rows = SourceImage.objects.filter(id__in=wanted).exclude(file_hash=None)
        files |= {str(known) for known in rows.values_list("file_hash", flat=True)}
        added = {
            kind: _block(kind, hashed, case_id)
            for kind, hashed in (
                (BlockEntry.Kind.PAGE, page_hashes),
                (BlockEntry.Kind.IMAGE, image_hashes),
                (BlockEntry.Kind.FILE, files),
            )
        }
        if any(added.values()):
            audit_event(
                "block.added",
                actor=actor,
                case_id=case_id,
                pages=added[BlockEntry.Kind.PAGE],
                images=added[BlockEntry.Kind.IMAGE],
                files=added[BlockEntry.Kind.FILE],
            )
    return sum(added.values())


def _block(kind: BlockEntry.Kind, hashed: Iterable[str], case_id: UUID) -> int:
    made = 0
    for one in sorted(hashed):
        hashed_again = hashes.for_block(kind, one)
        _entry, new = BlockEntry.objects.get_or_create(
            kind=kind,
            hash=hashed_again,
            defaults={"case_id": case_id, "since": clock.now()},
        )
        if new:
            vault.note_in_ledger(kind=BLOCKED, value=f"{kind}:{hashed_again}:{case_id}")
        made += new
    return made


def unblock(*, case_id: UUID, actor: Actor) -> int:
    """End the blocks a case set, on the person's wish (E-13)."""
    with unit_of_work():
        removed, _kinds = BlockEntry.objects.filter(case_id=case_id).delete()
        if removed:
            vault.note_in_ledger(kind=UNBLOCKED, value=str(case_id))
            audit_event("block.removed", actor=actor, case_id=case_id, entries=removed)
    return removed


# -- stop of collection ---------------------------------------------------------------------------


def stop_collection(
    *,
    source: Source | None,
    reason: str,
    actor: Actor,
    country: str = "",
    language: str = "",
    with_place: bool = False,
) -> CollectionStop:
    """Refuse imports of a source, or of all, until it is lifted (R23).

    A country of the source's site (ISO 3166, two letters), a language (ISO 639) or place data
    narrow it to pictures that fit all of them; see `scopes`. Raises `BadInput` for other codes.
    """
    country, language = country.strip().upper(), language.strip().lower()
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        raise BadInput("stop_country", _("The country is a code of two letters."))
    if language and not re.fullmatch(r"[a-z]{2,3}", language):
        raise BadInput("stop_language", _("The language is a code of two or three letters."))
    with unit_of_work():
        row = CollectionStop.objects.create(
            source=source,
            country=country,
            language=language,
            with_place=with_place,
            reason_code=reason,
            since=clock.now(),
        )
        audit_event(
            "gallery.collection_stopped",
            actor=actor,
            subject_id=row.id,
            reason=reason,
            source=source.id if source is not None else None,
            country=country or None,
            language=language or None,
            with_place=with_place,
        )
    return row


def resume_collection(*, stop_id: UUID, actor: Actor) -> None:
    with unit_of_work():
        changed = CollectionStop.objects.filter(id=stop_id, lifted_at=None).update(
            lifted_at=clock.now()
        )
        if not changed:
            raise NotFound("no_such_stop", _("There is no such stop of collection."))
        audit_event("gallery.collection_resumed", actor=actor, subject_id=stop_id)

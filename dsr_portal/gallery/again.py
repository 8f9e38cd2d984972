"""After a restore: what the erasure ledger says was destroyed goes again, as the erasure did it.

The backup brought rows back whose units no key opens any more (R31). Other people's records in a
picture that was destroyed stay: their own face is all that is left of it.
"""

from collections.abc import Sequence
from uuid import UUID

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import GoneUnit
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import (
    Appearance,
    BlockEntry,
    Hold,
    RecipientChannel,
    Record,
    Restriction,
    SourceImage,
)
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture

_SHORT = 400
_LEFT_WITH_FACE = "restored_face_only"
"""Code of a picture that is another person's face cut out of one that was destroyed."""


# -- block list -----------------------------------------------------------------------------------


def block(values: Sequence[str]) -> int:
    """Put hashes back on the block list; how many were not there."""
    made = 0
    for value in values:
        kind, hashed, case_id = value.split(":")
        _entry, new = BlockEntry.objects.get_or_create(
            kind=BlockEntry.Kind(kind),
            hash=hashed,
            defaults={"case_id": UUID(case_id), "since": clock.now()},
        )
        made += new
    return made


def unblock(values: Sequence[str]) -> int:
    """Take a case's hashes off again: the person's wish outlives the backup (E-13)."""
    removed, _kinds = BlockEntry.objects.filter(case_id__in=[UUID(one) for one in values]).delete()
    return removed


def channels_replaced(values: Sequence[str]) -> int:
    """Addresses of recipients that were replaced after the backup are in use no more; what is sent
    waits until two persons list one again (R33)."""
    ids = [UUID(one) for one in values]
    rows = RecipientChannel.objects.filter(id__in=ids, state=RecipientChannel.State.SERVING)
    return rows.update(state=RecipientChannel.State.REPLACED)


# -- faces ----------------------------------------------------------------------------------------


def faces_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """Records of destroyed faces are ERASED again and leave the index; how many."""
    gone = {unit.id for unit in units}
    done = 0
    for some in _in_parts(sorted(gone)):
        with unit_of_work():
            rows = Record.objects.select_for_update().filter(unit__in=some)
            standing = list(rows.exclude(state=Record.State.ERASED).order_by("id"))
            for row in standing:
                _end(row, actor)
            recognition.erase_records(record_ids=[row.id for row in standing])
            recognition.forget_units(some)
        done += len(standing)
    return done


def _end(row: Record, actor: Actor) -> None:
    moment = clock.now()
    row.state, row.state_changed_at = Record.State.ERASED, moment
    row.save(update_fields=["state", "state_changed_at"])
    Hold.objects.filter(record=row, until=None).update(until=moment)
    Restriction.objects.filter(record=row, lifted_at=None).update(lifted_at=moment)
    audit_event("record.erased", actor=actor, subject_id=row.id)


def cases_of(unit_ids: Sequence[UUID]) -> set[UUID]:
    """Cases that hold or restrict a record of these units: they have to be told."""
    found: set[UUID] = set()
    for some in _in_parts(unit_ids):
        rows = {"record__unit__in": some}
        found |= set(Hold.objects.filter(**rows, until=None).values_list("case_id", flat=True))
        restricted = Restriction.objects.filter(**rows, lifted_at=None)
        found |= set(restricted.values_list("case_id", flat=True))
    return found


# -- pictures -------------------------------------------------------------------------------------


@outside("Putting faces in the place of a picture")
def pictures_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """Rows of destroyed pictures are emptied again; how many.

    Call it when the faces are done. Where a covered picture had taken its place after the backup,
    that one is lost: each other record in it gets its own cut-out as its picture.
    """
    done = 0
    for some in _in_parts(sorted(unit.id for unit in units)):
        rows = SourceImage.objects.filter(unit__in=some).exclude(state=SourceImage.State.ERASED)
        for image in rows.order_by("id"):
            for row in _standing(image):
                _own_picture(row, image)
            _empty(image, actor)
            done += 1
    return done


def _standing(image: SourceImage) -> list[Record]:
    rows = Record.objects.filter(image=image).exclude(state=Record.State.ERASED)
    return list(rows.order_by("id"))


@vault.retry_stale
def _own_picture(row: Record, image: SourceImage) -> None:
    fresh_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=fresh_id)
    crop = vault.read(row.unit, "crop")
    shape = decode_picture(crop)
    staged.add(connector.PICTURE, crop)
    staged.add_json("facts", {})
    with unit_of_work():
        fresh = SourceImage.objects.create(
            id=fresh_id,
            source=image.source,
            run=image.run,
            unit=staged.save(),
            state=SourceImage.State.SEARCHABLE,
            problem=_LEFT_WITH_FACE,
            width=shape.width,
            height=shape.height,
            imported_at=image.imported_at,
            counted_from=image.counted_from,
            covered_from=image,
        )
        Record.objects.filter(id=row.id).update(image=fresh)


def _empty(image: SourceImage, actor: Actor) -> None:
    with unit_of_work():
        Appearance.objects.filter(image=image).delete()
        image.state, image.file_hash = SourceImage.State.ERASED, None
        image.save(update_fields=["state", "file_hash"])
        audit_event("gallery.picture_destroyed", actor=actor, subject_id=image.id)


def _in_parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[first : first + _SHORT] for first in range(0, len(ids), _SHORT)]

"""A request being written: sealed from the first letter, gone at Send or after 24 hours (P-06)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from dsr_portal.cases.intake import destroy_draft
from dsr_portal.cases.models import Draft, DraftPhoto
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

LIFETIME = timedelta(hours=24)
PHOTO, FILE = "photo", "file"
MOST_PHOTOS = 5
"""Photos of one person that a search is made with at most; more of them find no more."""


@vault.retry_stale
def start_draft() -> Draft:
    """A new, empty draft; its id is the only thing a session keeps."""
    draft_id = new_id()
    unit = vault.stage_unit(kind=UnitKind.DRAFT, owner=draft_id)
    unit.add_json("answers", {})
    moment = clock.now()
    with transaction.atomic():
        unit.save()
        return Draft.objects.create(
            id=draft_id, unit=unit.unit_id, created_at=moment, expires_at=moment + LIFETIME
        )


def get_draft(draft_id: UUID | str | None) -> Draft | None:
    """The draft while it lives, None when it is over, was sent or never was."""
    if draft_id is None:
        return None
    draft = Draft.objects.filter(id=draft_id).first()
    return draft if draft is not None and draft.expires_at > clock.now() else None


def answers(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = vault.read_json(draft.unit, "answers")
    return found


def save_answers(*, draft: Draft, changes: Mapping[str, Any], step: int) -> None:
    """Keep what one step asked; the furthest step reached is remembered."""
    unit = vault.stage_into(draft.unit)
    unit.add_json("answers", {**answers(draft), **changes})
    with transaction.atomic():
        unit.save()
        _locked(draft.id)
        draft.step = max(draft.step, step)
        draft.save(update_fields=["step"])


@vault.retry_stale
def put_file(*, draft: Draft, data: bytes) -> None:
    """Put an exact file into the draft; one that was there before is destroyed."""
    unit = _staged(draft, FILE, data)
    with transaction.atomic():
        row = _locked(draft.id)
        unit.save()
        _replace_file(row, unit.unit_id)
    draft.refresh_from_db()


def take_out_file(*, draft: Draft) -> None:
    """Destroy the exact file of a draft."""
    with transaction.atomic():
        _replace_file(_locked(draft.id), None)
    draft.refresh_from_db()


def file_of(draft: Draft) -> bytes | None:
    """The bytes of the exact file, None where there is none."""
    return None if draft.file_unit is None else vault.read(draft.file_unit, FILE)


@vault.retry_stale
def put_photo(*, draft: Draft, data: bytes, instead: UUID | None = None) -> None:
    """Add a photo, or put it in the place of another one of the draft, which is destroyed.

    Raises `Conflict("photo_limit")` for the sixth, `NotFound("no_photo")` where there is none to
    replace any more.
    """
    unit = _staged(draft, PHOTO, data)
    with transaction.atomic():
        row = _locked(draft.id)
        if instead is None and row.photos.count() >= MOST_PHOTOS:
            raise Conflict("photo_limit", _("Five photos are here already. Replace one of them."))
        unit.save()
        if instead is None:
            DraftPhoto.objects.create(draft=row, unit=unit.unit_id)
            return
        photo = _photo(row, instead)
        _destroy(photo.unit)
        photo.unit = unit.unit_id
        photo.save(update_fields=["unit"])


def take_out_photo(*, draft: Draft, photo_id: UUID) -> None:
    """Destroy one photo of a draft."""
    with transaction.atomic():
        photo = _photo(_locked(draft.id), photo_id)
        _destroy(photo.unit)
        photo.delete()


def take_out_photos(*, draft: Draft) -> None:
    """Destroy every photo of a draft."""
    with transaction.atomic():
        for photo in _locked(draft.id).photos.all():
            _destroy(photo.unit)
            photo.delete()


def photos_of(draft: Draft) -> list[DraftPhoto]:
    """The photos of a draft in the order they came."""
    return list(draft.photos.order_by("id"))


def photo_bytes(photo: DraftPhoto) -> bytes:
    return vault.read(photo.unit, PHOTO)


def discard(*, draft: Draft) -> None:
    """The person does not want to go on: everything typed so far is destroyed."""
    with transaction.atomic():
        row = Draft.objects.select_for_update().filter(id=draft.id).first()
        if row is not None:
            destroy_draft(row, reason="discarded")


def sweep_drafts() -> int:
    """Destroy every draft nobody sent within 24 hours; returns how many (law P-06)."""
    swept = 0
    for draft_id in list(
        Draft.objects.filter(expires_at__lte=clock.now()).values_list("id", flat=True)
    ):
        with transaction.atomic():
            row = Draft.objects.select_for_update().filter(id=draft_id).first()
            if row is not None:
                destroy_draft(row, reason="expired")
                swept += 1
    return swept


def _locked(draft_id: UUID) -> Draft:
    row = Draft.objects.select_for_update().filter(id=draft_id).first()
    if row is None:
        raise NotFound("draft_over", _("This request was open too long and is gone. Start again."))
    return row


def _staged(draft: Draft, kind: str, data: bytes) -> vault.Staged:
    unit = vault.stage_unit(kind=UnitKind.DRAFT, owner=draft.id)
    unit.add(kind, data)
    return unit


def _photo(row: Draft, photo_id: UUID) -> DraftPhoto:
    photo = row.photos.filter(id=photo_id).first()
    if photo is None:
        raise NotFound("no_photo", _("This photo is not there any more."))
    return photo


def _destroy(unit: UUID) -> None:
    vault.request_shred([unit], reason="draft_changed")
    vault.enqueue_shred()


def _replace_file(row: Draft, unit: UUID | None) -> None:
    if row.file_unit is not None:
        _destroy(row.file_unit)
    row.file_unit = unit
    row.save(update_fields=["file_unit"])

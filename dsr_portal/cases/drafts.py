"""A request being written: sealed from the first letter, gone at Send or after 24 hours (P-06)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from dsr_portal.cases.intake import destroy_draft
from dsr_portal.cases.models import Draft
from dsr_portal.core import clock
from dsr_portal.core.errors import NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

LIFETIME = timedelta(hours=24)
PHOTO, FILE = "photo", "file"
_UNIT_OF = {PHOTO: "photo_unit", FILE: "file_unit"}


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
def put_file(*, draft: Draft, kind: str, data: bytes) -> None:
    """Put a photo or an exact file into the draft; one that was there before is destroyed."""
    unit = vault.stage_unit(kind=UnitKind.DRAFT, owner=draft.id)
    unit.add(kind, data)
    with transaction.atomic():
        row = _locked(draft.id)
        unit.save()
        _replace(row, kind, unit.unit_id)
    draft.refresh_from_db()


def take_out(*, draft: Draft, kind: str) -> None:
    """Destroy the photo or file of a draft."""
    with transaction.atomic():
        _replace(_locked(draft.id), kind, None)
    draft.refresh_from_db()


def file_of(draft: Draft, kind: str) -> bytes | None:
    """The bytes of photo or file, None where there is none."""
    unit = getattr(draft, _UNIT_OF[kind])
    return None if unit is None else vault.read(unit, kind)


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


def _replace(row: Draft, kind: str, unit: UUID | None) -> None:
    column = _UNIT_OF[kind]
    old = getattr(row, column)
    if old is not None:
        vault.request_shred([old], reason="draft_changed")
        vault.enqueue_shred()
    setattr(row, column, unit)
    row.save(update_fields=[column])

"""Files found in another system, handed to the person with the answer (law A-17, A-20).

An officer brings each: a PDF, a picture or plain text, looked at by content in the confined child
(R28). What is of others in it is the officer's to cover, and to state. A file is a vault unit of
its own: it can be taken away before the answer, and ends when the case closes; what the package
holds of it ends with the package.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import answered
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case
from dsr_portal.cases.other_models import (
    FoundFile,
    FoundMedia,
    OthersInIt,
    SearchedOutcome,
    SearchedSystem,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.core.registries import GoneUnit
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import (
    INSPECTOR,
    ChildFailed,
    PictureRefused,
    decode_picture,
    run_piped,
)
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import jpeg_of

MOST_FILES = 20
MAX_WHAT = 120
_FILE, _WHAT = "file", "what"
_UNFIT_PDF = frozenset({"not_a_pdf", "damaged", "locked", "too_large"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Found:
    """One file in clear: of which system, what the officer calls it, and its bytes."""

    system: str
    what: str
    media: str
    data: bytes


def attach(
    *, case_id: UUID, system_id: UUID, data: bytes, what: str, others: str, actor: Actor
) -> FoundFile:
    """Add a file to what a system was stated to hold. Call it outside a transaction.

    `others` states that nothing of other people is in it, or that it was covered. Raises `BadInput`
    with file_what, file_others, file_missing, file_too_large, file_kind; `Conflict` with
    found_first, too_many_files, answer_made.
    """
    require_outside_transaction("Adding a file of another system")
    require_reviewer(actor)
    said = " ".join(what.split())
    if not said or len(said) > MAX_WHAT:
        raise BadInput("file_what", _("Write what it is, in at most 120 characters."))
    if others not in OthersInIt.values:
        raise BadInput("file_others", _("State whether other people are in it."))
    media, body = _checked(data)
    return _attach(
        case_id=case_id,
        system_id=system_id,
        body=body,
        what=said,
        file=FoundFile(media=media, others=others),
        actor=actor,
    )


@vault.retry_stale
def _attach(
    *, case_id: UUID, system_id: UUID, body: bytes, what: str, file: FoundFile, actor: Actor
) -> FoundFile:
    staged = vault.stage_unit(kind=UnitKind.FOUND_FILE, owner=case_id)
    staged.add(_FILE, body)
    staged.add(_WHAT, what.encode())
    with unit_of_work():
        case = lock(case_id)
        answered.require_open(case)
        answered.require_answer_open(case)
        searched = case.searched.filter(system_id=system_id, outcome=SearchedOutcome.FOUND).first()
        if searched is None:
            raise Conflict("found_first", _("Write down first what this system holds."))
        if of_case(case).count() >= MOST_FILES:
            raise Conflict("too_many_files", _("A request takes up to 20 files."))
        row = FoundFile.objects.create(
            searched=searched,
            unit=staged.save(),
            media=file.media,
            size=len(body),
            others=file.others,
            by=actor.id,
            at=clock.now(),
        )
        record(
            "systems.file_added",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            media=row.media,
            bytes=row.size,
            others=row.others,
        )
    return row


def take_away(*, case_id: UUID, file_id: UUID, actor: Actor) -> None:
    """It does not belong to this answer; its key is destroyed. Raises `Conflict`, `NotFound`."""
    require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        answered.require_open(case)
        answered.require_answer_open(case)
        row = of_case(case).filter(id=file_id).first()
        if row is None:
            raise NotFound("no_file", _("There is no such file."))
        _end(row, actor=actor, reason="file_taken_away")


def of_case(case: Case) -> QuerySet[FoundFile]:
    """Those that are there, in the order in which they came."""
    rows = FoundFile.objects.filter(searched__case=case, ended_at=None, unit__isnull=False)
    return rows.select_related("searched__system").order_by("at", "id")


def what_of(row: FoundFile) -> str:
    """What the officer called it; "" once it is gone. Outside a transaction."""
    if row.unit is None or not vault.has(row.unit, _WHAT):
        return ""
    return vault.read(row.unit, _WHAT).decode()


def opened(case: Case) -> list[Found]:
    """Every file of a case in clear; outside a transaction."""
    return [
        Found(
            system=row.searched.system.name,
            what=what_of(row),
            media=row.media,
            data=vault.read(row.unit, _FILE),
        )
        for row in of_case(case)
        if row.unit is not None
    ]


# -- the end --------------------------------------------------------------------------------------


def delete_all(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: the answer's package keeps its own copy until its own end."""
    if reason not in {"closed", "withdrawn", "purged"}:
        return
    for row in FoundFile.objects.select_for_update().filter(
        searched__case_id=case_id, ended_at=None
    ):
        _end(row, actor=actor, reason="file_over")


def files_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: a file whose key is destroyed is gone (R31); how many."""
    rows = FoundFile.objects.filter(unit__in=[unit.id for unit in units])
    return rows.update(unit=None, ended_at=clock.now())


def forget(searched: SearchedSystem, *, actor: Actor) -> None:
    """The system holds nothing after all: what was attached goes; in the caller's unit of work."""
    for row in searched.files.select_for_update().filter(ended_at=None):
        _end(row, actor=actor, reason="file_over")


def _end(row: FoundFile, *, actor: Actor, reason: str) -> None:
    if row.unit is not None and vault.unit_state(row.unit) == vault.UnitState.LIVE:
        vault.request_shred([row.unit], reason=reason)
        vault.enqueue_shred()
    row.unit, row.ended_at = None, clock.now()
    row.save(update_fields=["unit", "ended_at"])
    record(
        "systems.file_ended",
        actor=actor,
        case_id=row.searched.case_id,
        subject_id=row.id,
        media=row.media,
    )


# -- looking at the bytes -------------------------------------------------------------------------


def _checked(data: bytes) -> tuple[FoundMedia, bytes]:
    """What kind it is by its content, and the bytes that are kept; a picture is encoded anew."""
    if not data:
        raise BadInput("file_missing", _("Choose a file."))
    if len(data) > settings.DSR_MAX_UPLOAD:
        raise BadInput("file_too_large", _("This file is too large. We take up to 20 MB."))
    if data.startswith(b"%PDF-"):
        return FoundMedia.PDF, _opening_pdf(data)
    if _is_text(data):
        return FoundMedia.TEXT, data
    try:
        # Encoded anew: what a camera wrote into it can show what was covered (previews).
        return FoundMedia.PICTURE, jpeg_of(decode_picture(data))
    except PictureRefused:
        raise _unfit() from None


def _opening_pdf(data: bytes) -> bytes:
    try:
        verdict = json.loads(run_piped(INSPECTOR, data))["verdict"]
    except (ChildFailed, ValueError, KeyError):
        raise _unfit() from None
    if verdict in _UNFIT_PDF:
        raise _unfit()
    return data


def _is_text(data: bytes) -> bool:
    try:
        return _CONTROL.search(data.decode()) is None
    except UnicodeDecodeError:
        return False


def _unfit() -> BadInput:
    return BadInput(
        "file_kind",
        _("We take PDF files that open without a password, pictures, and plain text (UTF-8)."),
    )

"""A document as proof: covered, looked at by one officer, noted, destroyed (law R-07, R-08).

It is never asked for first. Nothing reads it but the eyes of the officer it was laid before: its
picture goes through the confined decoder, into a vault unit of its own, and to no face code.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.proof_models import DocumentEnd, DocumentKind, DocumentWhy, ProofDocument
from dsr_portal.cases.states import BEFORE_SEARCH
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import GoneUnit
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture, decode_picture
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import decode_own, jpeg_of

PICTURE = "picture"
MOST_AREAS = 20
_AREA = re.compile(r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")
_SWEEP = Actor.system("case-schedule")


class Area(NamedTuple):
    """A rectangle in hundredths of the picture: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


def areas_of(text: str) -> list[Area]:
    """Rectangles as an officer writes them, one a line. Raises `BadInput("area_unfit")`."""
    areas = []
    for line in filter(str.strip, text.splitlines()):
        found = _AREA.fullmatch(line)
        area = Area(*map(int, found.groups())) if found else None
        if area is None or not area.width or not area.height or max(area[:2]) > 99:
            raise BadInput(
                "area_unfit", _("Write each area as left, top, width, height, like 10, 60, 80, 20.")
            )
        areas.append(area)
    if len(areas) > MOST_AREAS:
        raise BadInput("area_unfit", _("These are too many areas. Cover larger ones."))
    return areas


# -- giving ---------------------------------------------------------------------------------------


def give(
    *,
    case_id: UUID,
    actor: Actor,
    data: bytes,
    kind: str,
    why: str = DocumentWhy.PREFERS,
    areas: Sequence[Area] = (),
) -> ProofDocument:
    """Keep a picture of a document until somebody looked at it; a newer one takes its place.

    The person sends it because they prefer to; staff write down why. Call it outside a transaction.
    Raises `PictureRefused`, `BadInput`, `NotAllowed`, `Conflict` with document_first, proof_late.
    """
    require_outside_transaction("Keeping a document")
    _require_may_give(case_id, actor)
    picture = jpeg_of(covered(decode_picture(data), areas))
    given = ProofDocument(kind=_kind(kind), why=_why(why), covered=bool(areas))
    return _give(case_id, actor, picture, given)


@vault.retry_stale
def _give(case_id: UUID, actor: Actor, picture: bytes, given: ProofDocument) -> ProofDocument:
    staged = vault.stage_unit(kind=UnitKind.PROOF, owner=case_id)
    staged.add(PICTURE, picture)
    with unit_of_work():
        case = lock(case_id)
        _require_not_first(case, given.why)
        for standing in case.proof_documents.select_for_update().filter(destroyed_at=None):
            _destroy(standing, actor=actor, how=DocumentEnd.OVER)
        proof = ProofDocument.objects.create(
            case=case,
            kind=given.kind,
            why=given.why,
            covered=given.covered,
            given_at=clock.now(),
            given_by=actor.id if actor.is_human_staff else "",
            unit=staged.save(),
        )
        record(
            "proof.given",
            actor=actor,
            case_id=case.id,
            subject_id=proof.id,
            kind=proof.kind,
            why=proof.why,
        )
    return proof


def note_seen(*, case_id: UUID, actor: Actor, kind: str, shows: bool, why: str) -> ProofDocument:
    """A document was shown by hand or in a call, and nothing of it was taken: note and be done."""
    require_reviewer(actor)
    kind, why = _kind(kind), _why(why)
    with unit_of_work():
        case = lock(case_id)
        _require_not_first(case, why)
        proof = ProofDocument.objects.create(
            id=new_id(),
            case=case,
            kind=kind,
            why=why,
            given_at=clock.now(),
            given_by=actor.id,
            laid_before=actor.id,
            shows=shows,
            checked_by=actor.id,
            checked_on=clock.today(),
            destroyed_at=clock.now(),
            ended_how=DocumentEnd.CHECKED,
        )
        _record_checked(proof, actor)
    return proof


def covered(picture: Picture, areas: Sequence[Area]) -> Picture:
    """The same picture with these areas black; the pixels under them are nowhere any more."""
    rows = bytearray(picture.rgb)
    for area in areas:
        left = picture.width * area.left // 100
        right = min(picture.width, -(-picture.width * (area.left + area.width) // 100))
        bottom = min(picture.height, -(-picture.height * (area.top + area.height) // 100))
        for row in range(picture.height * area.top // 100, bottom):
            start = (row * picture.width + left) * 3
            rows[start : start + (right - left) * 3] = bytes((right - left) * 3)
    return replace(picture, rgb=bytes(rows))


# -- looking --------------------------------------------------------------------------------------


def take(*, proof_id: UUID, actor: Actor) -> ProofDocument:
    """One officer takes it; from then on nobody else sees it. Raises `NotAllowed`, `Conflict`."""
    require_reviewer(actor)
    with unit_of_work():
        proof = _standing(proof_id)
        if proof.case.opener and proof.case.opener == actor.id:
            raise NotAllowed("opener_barred", _("You entered this request, so another one looks."))
        if proof.laid_before not in {"", actor.id}:
            raise NotAllowed("laid_before_another", _("A colleague looks at this document."))
        proof.laid_before = actor.id
        proof.save(update_fields=["laid_before"])
        record("proof.taken", actor=actor, case_id=proof.case_id, subject_id=proof.id)
    return proof


def picture_of(*, proof_id: UUID, actor: Actor) -> bytes:
    """The picture, for the officer it was laid before and for nobody else; each is an event."""
    proof = ProofDocument.objects.filter(id=proof_id).first()
    if proof is None or proof.unit is None:
        raise NotFound("no_proof", _("This document is not here any more."))
    _require_laid_before(proof, actor)
    data = vault.read(proof.unit, PICTURE)
    with unit_of_work():
        record("proof.seen", actor=actor, case_id=proof.case_id, subject_id=proof.id)
    return data


def cover(*, proof_id: UUID, actor: Actor, areas: Sequence[Area]) -> ProofDocument:
    """Cover what the person left open; what was there before is destroyed."""
    require_outside_transaction("Covering a document")
    if not areas:
        raise BadInput("area_unfit", _("Write at least one area."))
    proof = ProofDocument.objects.filter(id=proof_id, unit__isnull=False).first()
    if proof is None or proof.unit is None:
        raise NotFound("no_proof", _("This document is not here any more."))
    _require_laid_before(proof, actor)
    rgb, width, height = decode_own(vault.read(proof.unit, PICTURE))
    shown = Picture(rgb, width, height, "JPEG", width, height)
    return _keep_covered(proof.id, proof.unit, actor, jpeg_of(covered(shown, areas)))


@vault.retry_stale
def _keep_covered(proof_id: UUID, before: UUID, actor: Actor, picture: bytes) -> ProofDocument:
    owner = ProofDocument.objects.values_list("case_id", flat=True).get(id=proof_id)
    staged = vault.stage_unit(kind=UnitKind.PROOF, owner=owner)
    staged.add(PICTURE, picture)
    with unit_of_work():
        proof = _standing(proof_id)
        if proof.unit != before:
            raise Conflict("proof_changed", _("It was covered meanwhile. Look at it again."))
        proof.unit, proof.covered = staged.save(), True
        proof.save(update_fields=["unit", "covered"])
        vault.request_shred([before], reason="proof_covered")
        vault.enqueue_shred()
        record("proof.covered", actor=actor, case_id=proof.case_id, subject_id=proof.id)
    return proof


def check(*, proof_id: UUID, actor: Actor, shows: bool) -> ProofDocument:
    """Say whether it shows who asks; with that the picture is destroyed, whatever was said."""
    require_reviewer(actor)
    with unit_of_work():
        proof = _standing(proof_id)
        _require_laid_before(proof, actor)
        proof.shows, proof.checked_by, proof.checked_on = shows, actor.id, clock.today()
        _destroy(proof, actor=actor, how=DocumentEnd.CHECKED)
        _record_checked(proof, actor)
    return proof


def _record_checked(proof: ProofDocument, actor: Actor) -> None:
    record(
        "proof.checked",
        actor=actor,
        case_id=proof.case_id,
        subject_id=proof.id,
        kind=proof.kind,
        shows=bool(proof.shows),
        on=proof.checked_on,
    )


def require_shown(case: Case) -> None:
    """`Conflict("document_not_checked")` where no document was looked at that showed who asks.

    One from before the newest photo or name does not count (R2).
    """
    if not case.proof_documents.filter(shows=True, lapsed_at=None).exists():
        raise Conflict(
            "document_not_checked",
            _(
                "No document was looked at since the newest photo or name came."
                " Note it first; a document is never the first thing."
            ),
        )


# -- the end --------------------------------------------------------------------------------------


def end_due() -> int:
    """Destroy what nobody looked at within `DSR_PROOF_DAYS`; how many."""
    before = clock.now() - timedelta(days=settings.DSR_PROOF_DAYS)
    due = ProofDocument.objects.filter(destroyed_at=None, given_at__lte=before)
    return sum(
        quietly(partial(_end, one), doing="proof", of=one)
        for one in list(due.values_list("id", flat=True))
    )


def _end(proof_id: UUID) -> bool:
    with unit_of_work():
        proof = ProofDocument.objects.select_for_update().get(id=proof_id)
        if proof.destroyed_at is not None:
            return False
        _destroy(proof, actor=_SWEEP, how=DocumentEnd.TERM)
    return True


def delete_all(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: what is still there goes when the request is decided about or ends."""
    if reason not in {"closed", "withdrawn", "purged"}:
        return
    end_of(case_id, actor=actor)


def end_of(case_id: UUID, *, actor: Actor) -> None:
    """Nobody needs a document of this case any more; in the caller's unit of work."""
    for proof in ProofDocument.objects.select_for_update().filter(
        case_id=case_id, destroyed_at=None
    ):
        _destroy(proof, actor=actor, how=DocumentEnd.OVER)


def proofs_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: a document whose key is destroyed is destroyed (R31); how many."""
    return ProofDocument.objects.filter(unit__in=[unit.id for unit in units]).update(
        unit=None, destroyed_at=clock.now(), ended_how=DocumentEnd.OVER
    )


def _destroy(proof: ProofDocument, *, actor: Actor, how: DocumentEnd) -> None:
    if proof.unit is not None and vault.unit_state(proof.unit) == vault.UnitState.LIVE:
        vault.request_shred([proof.unit], reason=f"proof_{how}")
        vault.enqueue_shred()
    proof.unit, proof.destroyed_at, proof.ended_how = None, clock.now(), how
    proof.save()
    record(
        "proof.destroyed",
        actor=actor,
        case_id=proof.case_id,
        subject_id=proof.id,
        how=str(how),
    )


# -- guards ---------------------------------------------------------------------------------------


def _standing(proof_id: UUID) -> ProofDocument:
    """The document, its case locked first; `NotFound("no_proof")` once it is destroyed."""
    found = ProofDocument.objects.filter(id=proof_id).values_list("case_id", flat=True).first()
    if found is not None:
        lock(found)
        proof = ProofDocument.objects.select_for_update(of=("self",)).select_related("case")
        standing = proof.filter(id=proof_id, destroyed_at=None).first()
        if standing is not None:
            return standing
    raise NotFound("no_proof", _("This document is not here any more."))


def _require_laid_before(proof: ProofDocument, actor: Actor) -> None:
    if proof.laid_before != actor.id or not actor.is_human_staff:
        raise NotAllowed("laid_before_another", _("Only the officer it was laid before sees it."))


def _require_may_give(case_id: UUID, actor: Actor) -> None:
    if actor != Actor.person(case_id):
        require_reviewer(actor)


def _require_not_first(case: Case, why: str) -> None:
    """L3 is never the first offer: preferred, or after another way or an ask (law R-07)."""
    if case.status not in BEFORE_SEARCH or case.withdrawn_at is not None:
        raise Conflict("proof_late", _("Nothing is checked about who asks any more."))
    tried = case.asks.exists() or case.identity_checks.exists()
    if why == DocumentWhy.NOTHING_ELSE and not tried:
        raise Conflict("document_first", _("Offer another way first: a document is the last one."))


def _kind(given: str) -> str:
    if given not in DocumentKind.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    return given


def _why(given: str) -> str:
    if given not in DocumentWhy.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    return given

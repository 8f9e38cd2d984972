"""Using a picture again that two persons had locked of the controller's own accord (end of R6).

The lock outlives the request it came from, so its end is no step of a case. One person says why,
another agrees; a ground that the program can see must not hold any more. Whoever named the page is
not told: they never showed who they are, and a letter would say that a picture was there (R3,
Art. 11(2)). Lock order: case, then proposal, then records.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import page_wishes, recusals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case
from dsr_portal.cases.page_models import PageAction, PageGround, PageUnlock, PageVerdict
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.transactions import outside
from dsr_portal.disclosure.named_page import MOST_WITHOUT_SUPERVISOR
from dsr_portal.gallery import scopes
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, Restriction, SourceImage
from dsr_portal.gallery.sources import NO_BASIS
from dsr_portal.matching.services import require_reviewer

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Locked:
    """One picture that is locked so: where it came from and why, never what it shows."""

    verdict: PageVerdict
    case: Case
    source: str
    faces: int
    holds: bool
    """Whether the program still sees the ground it was locked for."""
    waiting: PageUnlock | None


@outside("Looking at locked pictures")
def standing(staff: Staff) -> list[Locked]:
    """Every picture locked by a decision on one named page, the oldest lock first; none of a case
    this person must not work on (X-09)."""
    rows = _verdicts().exclude(wish__case__in=recusals.kept_from(staff))
    rows = rows.order_by("agreed_at", "id")
    found = [(row, _locked_records(row)) for row in rows]
    return [_shown(row, len(records)) for row, records in found if records]


def _verdicts() -> Any:
    """Pictures to be erased are none of them: their lock ends with the erasure."""
    rows = PageVerdict.objects.filter(action=PageAction.LOCK, agreed_at__isnull=False)
    return rows.select_related("wish__case").prefetch_related("unlocks")


def _shown(row: PageVerdict, faces: int) -> Locked:
    image = _image(row)
    return Locked(
        verdict=row,
        case=row.wish.case,
        source=image.source.name,
        faces=faces,
        holds=_holds(row, image),
        waiting=row.unlocks.filter(decided_at=None).first(),
    )


def _image(row: PageVerdict) -> SourceImage:
    return SourceImage.objects.select_related("source").get(id=row.image_id)


def _holds(row: PageVerdict, image: SourceImage) -> bool:
    """Two grounds are facts the program knows; that a page is gone a person states."""
    if row.ground == PageGround.NO_BASIS:
        return image.source.legal_basis == NO_BASIS
    return row.ground == PageGround.STOPPED and scopes.stopped(image)


def _locked_records(row: PageVerdict) -> list[UUID]:
    if row.image_id in page_wishes.to_erase(row.wish.case):
        return []
    rows = Restriction.objects.filter(
        record__image_id=row.image_id,
        case_id=row.wish.case_id,
        reason_code=gallery.OWN_DECISION,
        lifted_at=None,
    )
    return list(rows.order_by("record_id").values_list("record_id", flat=True))


# -- one says why, another decides ------------------------------------------------------------


def propose(*, verdict_id: UUID, reason: str, actor: Actor) -> PageUnlock:
    """Say why a locked picture may be used again. Nothing changes before another person agrees.

    Raises `BadInput("reason_missing")`; `NotAllowed("opener_barred")`; `Conflict` with not_locked,
    ground_holds, proposed_already.
    """
    require_reviewer(actor)
    words = reason.strip()
    if not words or len(words) > MAX_REASON:
        raise BadInput("reason_missing", _("Write in a few sentences why, without names."))
    verdict = _one(verdict_id)
    _require_ground_over(verdict)
    with unit_of_work():
        case = lock(verdict.wish.case_id)
        _require_locked(verdict)
        _require_no_part(verdict, case, actor)
        if verdict.unlocks.filter(decided_at=None).exists():
            raise Conflict("proposed_already", _("This was proposed and waits for another person."))
        made = PageUnlock.objects.create(
            verdict=verdict, reason=words, proposed_by=actor.id, proposed_at=clock.now()
        )
        record(
            "page.unlock_proposed",
            actor=actor,
            case_id=case.id,
            subject_id=made.id,
            verdict=verdict.id,
        )
    return made


def agree(*, unlock_id: UUID, actor: Actor) -> PageUnlock:
    """Another person agrees: the picture is used and searched again, unless a case needs its lock.

    Raises as `propose` does; `NotAllowed` with second_person, supervisor_needed.
    """
    require_reviewer(actor)
    verdict = _verdict_of(unlock_id)
    seen = _grounds_of(verdict)
    _require_ground_over(verdict)
    with unit_of_work():
        row, case = _waiting(unlock_id, verdict)
        if _grounds_of(verdict) != seen:
            raise Conflict("ground_changed", _("Its ground changed just now. Look at it again."))
        if row.proposed_by == actor.id:
            raise NotAllowed("second_person", _("You proposed this, so another person decides."))
        _require_no_part(verdict, case, actor)
        records = _require_locked(verdict)
        if len(records) > MOST_WITHOUT_SUPERVISOR and actor.role != "supervisor":
            raise NotAllowed("supervisor_needed", _("More than 50 records: a supervisor agrees."))
        _decide(row, actor, agreed=True)
        lifted = gallery.lift_own_decision(record_ids=records, case_id=case.id, actor=actor)
        record(
            "page.unlocked",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            verdict=verdict.id,
            records=lifted,
        )
    return row


def turn_down(*, unlock_id: UUID, actor: Actor) -> PageUnlock:
    """It stays locked; who proposed it may take it back."""
    require_reviewer(actor)
    verdict = _verdict_of(unlock_id)
    with unit_of_work():
        row, case = _waiting(unlock_id, verdict)
        _require_no_part(verdict, case, actor)
        _decide(row, actor, agreed=False)
        record(
            "page.unlock_dropped",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            verdict=verdict.id,
        )
    return row


def _decide(row: PageUnlock, actor: Actor, *, agreed: bool) -> None:
    row.agreed, row.decided_by, row.decided_at = agreed, actor.id, clock.now()
    row.save(update_fields=["agreed", "decided_by", "decided_at"])


# -- guards -------------------------------------------------------------------------------------


def _one(verdict_id: UUID) -> PageVerdict:
    found: PageVerdict | None = _verdicts().filter(id=verdict_id).first()
    if found is None:
        raise NotFound("no_verdict", _("There is no such decision."))
    return found


def _verdict_of(unlock_id: UUID) -> PageVerdict:
    """Which decision it is about, before anything is locked."""
    row = PageUnlock.objects.filter(id=unlock_id).first()
    if row is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    return _one(row.verdict_id)


def _waiting(unlock_id: UUID, verdict: PageVerdict) -> tuple[PageUnlock, Case]:
    case = lock(verdict.wish.case_id)
    row = PageUnlock.objects.select_for_update().get(id=unlock_id)
    if row.decided_at is not None:
        raise Conflict("proposal_over", _("This was settled already."))
    return row, case


@outside("Looking whether a ground still holds")
def _require_ground_over(verdict: PageVerdict) -> None:
    if _holds(verdict, _image(verdict)):
        raise Conflict("ground_holds", _("What it was locked for still holds: it stays locked."))


def _grounds_of(verdict: PageVerdict) -> tuple[str, frozenset[UUID]]:
    """What the grounds rest on, without opening anything: asked again once the case is locked."""
    source = _image(verdict).source
    return source.legal_basis, frozenset(one.id for one in scopes.standing(source.id))


def is_used(unlock: PageUnlock) -> bool:
    """Whether every face of the picture is in use again: the lock of another request, or that the
    picture is put aside, keeps it locked."""
    faces = Record.objects.filter(image_id=unlock.verdict.image_id)
    return not gallery.restricted(faces.values_list("id", flat=True))


def _require_locked(verdict: PageVerdict) -> list[UUID]:
    records = _locked_records(verdict)
    if not records:
        raise Conflict("not_locked", _("This picture is not locked by this decision any more."))
    return records


def _require_no_part(verdict: PageVerdict, case: Case, actor: Actor) -> None:
    """Who entered the request or wrote its wish down decides nothing about it (R19)."""
    if actor.id in {case.opener, verdict.wish.asked_by}:
        raise NotAllowed("opener_barred", _("You wrote this down, so another person decides."))

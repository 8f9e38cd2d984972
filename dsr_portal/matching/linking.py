"""Linking two requests by hand: duplicates are linked, never refused (law R-05, N-02, N-03).

A link changes nothing of either: each keeps its clock, its check of who asks and its answer, and
nobody outside sees it (R3). None is made or ended while two persons decide about one of them: what
the first has seen could show in it (R19).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.link_models import CaseLink, LinkKind
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.selectors import case_for, visible_to
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.matching.models import Review
from dsr_portal.matching.reviews import OPEN
from dsr_portal.vault import services as vault

MAX_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Linked:
    """A link as one of its two requests shows it; `words` are from that request's own file."""

    id: UUID
    other: Case
    kind: str
    words: str
    made_by: str
    made_at: datetime


def link(*, case_id: UUID, to: str, kind: str, words: str, actor: Actor, staff: Staff) -> CaseLink:
    """Link a request with another one, by its reference, and write down why.

    Raises `NotAllowed`, `NotFound`; `BadInput` with no_such_choice, words_missing, link_to_itself;
    `Conflict` with linked_already, review_open, case_over.
    """
    require_reviewer(actor)
    if kind not in LinkKind.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    why = words_of(words, code="words_missing", limit=MAX_WORDS)
    other = case_for(staff, to)
    if other.id == case_id:
        raise BadInput("link_to_itself", _("Write the reference of another request."))
    with unit_of_work():
        first, second = (lock(one) for one in sorted([case_id, other.id]))
        _require_not_deciding(first, second)
        if Status.PURGED in {first.status, second.status}:
            raise Conflict("case_over", _("What was said in one of them is destroyed already."))
        if _standing(first.id).filter(first=first, second=second).exists():
            raise Conflict("linked_already", _("These two are linked already."))
        row = CaseLink(
            id=new_id(),
            first=first,
            second=second,
            kind=kind,
            made_by=actor.id,
            made_at=clock.now(),
        )
        row.field = f"link.{row.id}"
        for one in (first, second):
            vault.write_small(one.file_unit, row.field, why.encode())
        row.save(force_insert=True)
        _record("case.linked", row, actor)
    return row


def unlink(*, case_id: UUID, link_id: UUID, actor: Actor) -> CaseLink:
    """They have nothing to do with each other after all; the trail keeps both moments."""
    require_reviewer(actor)
    found = _standing(case_id).filter(id=link_id).first()
    if found is None:
        raise NotFound("no_link", _("There is no such link."))
    with unit_of_work():
        first, second = (lock(one) for one in (found.first_id, found.second_id))
        _require_not_deciding(first, second)
        row = CaseLink.objects.select_for_update().get(id=link_id)
        if row.ended_at is not None:
            raise Conflict("no_link", _("There is no such link."))
        row.ended_by, row.ended_at = actor.id, clock.now()
        row.save(update_fields=["ended_by", "ended_at"])
        _record("case.unlinked", row, actor)
    return row


def links_of(staff: Staff, case: Case) -> list[Linked]:
    """The links of a request this person may see, the newest first; outside a transaction."""
    mine = set(visible_to(staff).values_list("id", flat=True))
    rows = _standing(case.id).select_related("first", "second").order_by("-made_at")
    return [
        Linked(
            row.id, other, str(row.get_kind_display()), _words(case, row), row.made_by, row.made_at
        )
        for row in rows
        if (other := row.second if row.first_id == case.id else row.first).id in mine
    ]


def end_links(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: nothing connects a destroyed request with another one but the trail."""
    if reason != "purged":
        return
    with unit_of_work():
        for row in _standing(case_id).select_for_update():
            row.ended_at = clock.now()
            row.save(update_fields=["ended_at"])
            _record("case.unlinked", row, actor)


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of linking this request now."""
    if Review.objects.filter(case=case, state__in=OPEN).exists():
        return Conflict(
            "review_open",
            _("Two persons are deciding about one of them. Link or unlink when they are done."),
        )
    return None


def _require_not_deciding(*pair: Case) -> None:
    for one in pair:
        problem = why_not(one)
        if problem is not None:
            raise problem


def _standing(case_id: UUID) -> QuerySet[CaseLink]:
    mine = Q(first_id=case_id) | Q(second_id=case_id)
    return CaseLink.objects.filter(mine, ended_at=None)


def _words(case: Case, row: CaseLink) -> str:
    kept = case.status != Status.PURGED and vault.has(case.file_unit, row.field)
    return vault.read(case.file_unit, row.field).decode() if kept else ""


def _record(event: str, row: CaseLink, actor: Actor) -> None:
    """Once in the trail of each of the two."""
    for case_id in (row.first_id, row.second_id):
        record(event, actor=actor, case_id=case_id, subject_id=row.id, kind=row.kind)

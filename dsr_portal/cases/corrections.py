"""What a person says is wrong in a picture of their answer: read, counted and settled (Art. 16).

Each thing has a month of its own from the day it reached us (law E-01, D-01). One letter tells
what became of all that was open; while one is open the case stays so, and its picture locked.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Min, Q, QuerySet

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import evidence_locks, letters, proposals
from dsr_portal.cases.correction_models import Correction, CorrectionState
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    LetterKind,
    Proposal,
    ProposalKind,
    ProposalState,
    RightCode,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import selectors as gallery_rows
from dsr_portal.gallery.models import Notice, Record
from dsr_portal.vault import services as vault

_RULE = Actor.system("corrections")
_MOST_NAMES = 12


# -- reading ------------------------------------------------------------------------------------


def open_in(case_id: UUID) -> QuerySet[Correction]:
    rows = Correction.objects.filter(
        case_id=case_id, state=CorrectionState.OPEN, case__withdrawn_at=None
    )
    return rows.order_by("due_on", "asked_at", "id")


def told_of_all(case: Case, wish: CaseRight) -> bool:
    """Whether this is the wish to correct, and all that was said to be wrong is settled."""
    if wish.right != RightCode.RECTIFICATION:
        return False
    return case.corrections.exists() and not open_in(case.id).exists()


def due_in(case_id: UUID) -> date | None:
    """The earliest last day of what is open."""
    found: date | None = open_in(case_id).aggregate(first=Min("due_on"))["first"]
    return found


def overdue(case_id: UUID) -> bool:
    due = due_in(case_id)
    return due is not None and due < clock.today()


def keeps_open(before: datetime) -> set[UUID]:
    """Cases that stay open for one: it is not settled, or its letter left after this moment."""
    late = Q(state=CorrectionState.OPEN) | Q(letter__isnull=False) & (
        Q(letter__sent_at=None) | Q(letter__sent_at__gt=before)
    )
    return set(Correction.objects.filter(late).values_list("case_id", flat=True))


def said(row: Correction) -> Mapping[str, str]:
    """What is right and the person's own words, as they came."""
    found: Mapping[str, str] = vault.read_json(row.case.file_unit, row.field)
    return found


def done_field(row: Correction) -> str:
    return f"{row.field}.done"


def before_field(row: Correction) -> str:
    """Where what stood there before lies, as long as the case file does."""
    return f"{row.field}.before"


def put_right(row: Correction) -> Mapping[str, str]:
    """Which column was written and what stands there now; {} where nothing was."""
    if not vault.has(row.case.file_unit, done_field(row)):
        return {}
    found: Mapping[str, str] = vault.read_json(row.case.file_unit, done_field(row))
    return found


def facts_of(row: Correction) -> str:
    """What an officer wrote to the person about why less was done."""
    if row.proposal is None or not row.proposal.field:
        return ""
    return vault.read(row.case.file_unit, row.proposal.field).decode()


def proposed(row: Correction) -> Proposal | None:
    """A proposal to do less about it that waits for another person."""
    waiting = Proposal.objects.filter(
        case_id=row.case_id, kind=ProposalKind.CORRECTION, state=ProposalState.WAITING
    )
    found = waiting.first()
    return found if found is not None and found.codes["correction"] == str(row.id) else None


def agreed_otherwise(row: Correction) -> list[Proposal]:
    """What two persons agreed to write instead of what was asked, newest first."""
    rows = Proposal.objects.filter(
        case_id=row.case_id, kind=ProposalKind.CORRECTION, state=ProposalState.AGREED
    )
    wanted = rows.filter(codes__correction=str(row.id), codes__how="otherwise")
    return list(wanted.select_related("case").order_by("-settled_at"))


def keep_otherwise(proposal: Proposal, *, column: str, value: str) -> None:
    """What is proposed to stand where, in the caller's unit of work: never in a column of codes."""
    kept = {"column": column, "after": value}
    vault.write_json(proposal.case.file_unit, f"proposal.{proposal.id}.put", kept)


def otherwise(proposal: Proposal) -> Mapping[str, str]:
    """What a proposal would write and where; {} where it writes nothing."""
    name = f"proposal.{proposal.id}.put"
    if not vault.has(proposal.case.file_unit, name):
        return {}
    found: Mapping[str, str] = vault.read_json(proposal.case.file_unit, name)
    return found


# -- settling -----------------------------------------------------------------------------------


def settle(row: Correction, *, state: CorrectionState, actor: Actor, **more: Any) -> None:
    """Write down what became of one; with the last open one the letter is written.

    In the caller's unit of work, under the case's lock.
    """
    row.state, row.decided_at, row.decided_by = state, clock.now(), actor.id
    for name, value in more.items():
        setattr(row, name, value)
    row.save()
    record(
        "correction.settled",
        actor=actor,
        case_id=row.case_id,
        subject_id=row.id,
        what=row.what,
        state=str(state),
        ground=row.ground or None,
        agreed_by=row.agreed_by or None,
    )
    if not open_in(row.case_id).exists():
        _tell(row.case, actor)


def _tell(case: Case, actor: Actor) -> None:
    rows = list(case.corrections.filter(letter=None).order_by("number", "asked_at", "id"))
    newest = max(rows, key=lambda one: (one.decided_at, one.id))
    letter = letters.write(
        case=case,
        kind=LetterKind.RECTIFICATION,
        key=f"rectification:{newest.id}",
        actor=actor if actor.is_human_staff else _RULE,
        agreed_by=next((one.agreed_by for one in rows if one.agreed_by), ""),
        facts={
            "items": [str(one.id) for one in rows],
            "others": _others(case.id),
            "lock": _lock(case, rows),
        },
    )
    Correction.objects.filter(id__in=[one.id for one in rows]).update(letter=letter)


def _others(case_id: UUID) -> list[str]:
    """Who is told of the correction, by name, as far as one letter takes them (Art. 19)."""
    told = gallery_rows.recipients_told(case_id)
    ground = Notice.Ground.RECTIFICATION
    return [f"{one.recipient} ({one.country})" for one in told if one.ground == ground][
        :_MOST_NAMES
    ]


def _lock(case: Case, rows: Iterable[Correction]) -> str:
    """What becomes of the lock under which it was looked at (Art. 18(1)(a), 18(3))."""
    if all(one.state in {CorrectionState.GONE, CorrectionState.LEFT} for one in rows):
        return "none"
    if evidence_locks.erases_next(case):
        return "erase"
    return "kept" if evidence_locks.keeps_locked(case) else "ends"


def settle_gone() -> int:
    """What is open about a picture that was erased meanwhile ends with a letter; how many."""
    rows = Correction.objects.filter(state=CorrectionState.OPEN)
    erased = Record.objects.filter(
        id__in=rows.values("record_id"), state=Record.State.ERASED
    ).values("id")
    gone = list(rows.filter(record_id__in=erased).order_by("id").values_list("id", "case_id"))
    return sum(
        quietly(
            partial(_gone, row_id, case_id), doing="correction of an erased picture", of=case_id
        )
        for row_id, case_id in gone
    )


def _gone(row_id: UUID, case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        row = Correction.objects.select_for_update().get(id=row_id)
        if row.state != CorrectionState.OPEN or case.withdrawn_at is not None:
            return False
        row.case = case
        if proposed(row) is not None:
            proposals.lapse(case, actor=_RULE, kinds=(ProposalKind.CORRECTION,))
        settle(row, state=CorrectionState.GONE, actor=_RULE)
    return True

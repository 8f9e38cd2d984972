"""Keeping one record longer than was said although erasure was asked (Art. 17(3); law E-03).

Before the last day one officer names fact, ground and a later day, another decides, and a letter
tells the person with the remedies (Art. 12(4)). After that day nobody can: the record is erased.
"""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import letters, proposals
from dsr_portal.cases.correction_models import Lengthening
from dsr_portal.cases.exemptions import standing
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    HeldBack,
    LetterKind,
    Proposal,
    ProposalKind,
    Status,
    Withheld,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure.models import AnswerRecord, AnswerState
from dsr_portal.disclosure.withholding import LONGEST_DAYS
from dsr_portal.gallery.models import Record
from dsr_portal.law.articles import Exemption
from dsr_portal.vault import services as vault


def lengthenable(case: Case) -> list[Withheld]:
    """Exemptions whose last day has not passed, of records that are still kept."""
    if case.status == Status.PURGED:
        return []
    today = clock.today()
    rows = [one for one in standing(case) if one.until is not None and one.until >= today]
    kept = Record.objects.filter(id__in=[one.record_id for one in rows])
    going = set(kept.filter(state=Record.State.ERASING).values_list("id", flat=True))
    return [one for one in rows if one.record_id not in going]


def why_not(case: Case) -> Conflict | None:
    """What stands in the way now; None where a later day may be proposed."""
    if not lengthenable(case):
        return Conflict(
            "nothing_kept", _("No picture is kept from the erasure, or its last day has passed.")
        )
    return None


def lengthen(
    *,
    case_id: UUID,
    actor: Actor,
    record_id: UUID,
    ground: str,
    facts: str,
    until: date | None,
) -> Proposal:
    """Propose a later last day for one record that is kept from erasure.

    Raises `BadInput` with no_such_ground, no_such_record, until_missing, until_far and those of the
    words; `Conflict("nothing_kept")`.
    """
    require_reviewer(actor)
    if ground not in list(Exemption):
        raise BadInput("no_such_ground", _("Choose the ground."))
    with unit_of_work():
        case = lock(case_id)
        row = _row(case, record_id)
        _require_day(row, until)
        return proposals.propose(
            case=case,
            kind=ProposalKind.LENGTHEN,
            actor=actor,
            codes={
                "record": str(record_id),
                "exemption": str(ground),
                "until": until.isoformat() if until else "",
            },
            words=letters.own_words(facts, case, code="facts_missing"),
        )


def number_in_answer(case: Case, record_id: UUID) -> int | None:
    """Which picture of the answer it is; None where the answer does not show it."""
    rows = AnswerRecord.objects.filter(
        answer__case=case, answer__state=AnswerState.APPROVED, record_id=record_id
    )
    return rows.values_list("ordinal", flat=True).first()


def _row(case: Case, record_id: UUID) -> Withheld:
    problem = why_not(case)
    if problem is not None:
        raise problem
    for row in lengthenable(case):
        if row.record_id == record_id:
            return row
    raise BadInput("no_such_record", _("Choose one of the pictures that are kept."))


def _require_day(row: Withheld, until: date | None) -> None:
    if until is None or row.until is None or until <= row.until:
        raise BadInput("until_missing", _("Name a day after the last one that was said."))
    if (until - clock.today()).days > LONGEST_DAYS:
        raise BadInput("until_far", _("Name a day within a year. After it, decide anew."))


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    row = _row(case, UUID(proposal.codes["record"]))
    _require_day(row, date.fromisoformat(proposal.codes["until"]))


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    row = Withheld.objects.select_for_update().get(
        case=case, record_id=UUID(proposal.codes["record"]), what=HeldBack.ERASURE
    )
    before, until = row.until, date.fromisoformat(proposal.codes["until"])
    if before is None:
        return
    numbers = [proposal.proposed_by, actor.id]
    names = dict(Staff.objects.filter(staff_no__in=numbers).values_list("staff_no", "display_name"))
    letter = letters.write(
        case=case,
        kind=LetterKind.EXEMPTION,
        key=f"exemption:{proposal.id}",
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        agreed_by=actor.id,
        facts={
            "number": number_in_answer(case, row.record_id),
            "before": before.isoformat(),
            "until": until.isoformat(),
            "ground": proposal.codes["exemption"],
            "words": vault.read(case.file_unit, proposal.field).decode(),
            "by": [names.get(number, number) for number in numbers],
        },
    )
    Lengthening.objects.create(
        id=new_id(),
        withheld=row,
        proposal=proposal,
        letter=letter,
        ground=proposal.codes["exemption"],
        before=before,
        until=until,
        agreed_by=actor.id,
        at=clock.now(),
    )
    row.until, row.ground = until, proposal.codes["exemption"]
    row.save(update_fields=["until", "ground"])
    record(
        "record.exemption_lengthened",
        actor=actor,
        case_id=case.id,
        subject_id=row.record_id,
        ground=row.ground,
        before=before,
        until=until,
        letter=letter.id,
    )


HANDLER = proposals.Handler(agreed=_agreed, check=_check)

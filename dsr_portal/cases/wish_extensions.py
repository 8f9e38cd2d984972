"""Taking longer than a month for one wish that was added later (Art. 12(3); law D-06).

As for a request: proposed with a reason of the law's list, agreed to by another person, told by a
letter within the first month of that wish. The date of the request stays where it is.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import extensions, letters, proposals, wish_clocks
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Letter,
    LetterKind,
    Proposal,
    ProposalKind,
)
from dsr_portal.cases.wish_models import WishExtension
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.law.articles import ExtensionReason

_LETTERS = Actor.system("letters")


def added(case: Case, right: str) -> CaseRight:
    """A wish that came later than the request. Raises `NotFound("no_wish")`."""
    rows = case.rights.filter(right=right, added_at__isnull=False).select_related("case")
    row = rows.first()
    if row is None:
        raise NotFound("no_wish", _("No such wish was added to this request."))
    return row


def why_not(row: CaseRight) -> Conflict | None:
    """What stands in the way of more time for this wish now; None where it may be proposed."""
    case = row.case
    if case.status in wish_clocks.NO_MORE_OWED or case.withdrawn_at is not None:
        return Conflict("case_over", _("What was asked is being done, or the request is closed."))
    if WishExtension.objects.filter(right=row).exists():
        return Conflict("extended_already", _("The period was made longer once; that is all."))
    if wish_clocks.clock_of(row).period.first.is_late(clock.today()):
        return Conflict("extension_late", _("The first date of this wish has passed: it is late."))
    return None


def propose(
    *, case_id: UUID, right: str, actor: Actor, reason: str, months: int, words: str
) -> Proposal:
    """Propose to take longer for this wish; another person agrees, then the letter leaves.

    Raises `NotFound("no_wish")`; `BadInput` with no_such_reason, months_out_of_range, reason_tells
    and those of `letters.own_words`; `Conflict` with extension_late, extended_already, case_over.
    """
    require_reviewer(actor)
    extensions.require_known(reason, months)
    with unit_of_work():
        case = lock(case_id)
        row = added(case, right)
        _require(row, reason)
        filled = letters.own_words(words, case)
        return proposals.propose(
            case=case,
            kind=ProposalKind.WISH_EXTENSION,
            actor=actor,
            codes={"wish": row.right, "reason": str(ExtensionReason(reason)), "months": months},
            words=filled,
            one_for="wish",
        )


def _require(row: CaseRight, reason: str) -> None:
    problem = why_not(row)
    if problem is not None:
        raise problem
    extensions.require_may_tell(row.case, reason)


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require(added(case, proposal.codes["wish"]), proposal.codes["reason"])


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """The letter is written; the new date waits for the day it is sent."""
    row = added(case, proposal.codes["wish"])
    counted = wish_clocks.clock_of(row).period
    told_of = extensions.facts_of(
        proposal, case, counted.counts_from, counted.paused_days, counted.due.legal
    )
    letter = letters.write(
        case=case,
        kind=LetterKind.WISH_EXTENSION,
        key=f"wish_extension:{row.id}",
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        agreed_by=actor.id,
        facts=told_of | {"right": row.right, "asked_on": counted.counts_from.isoformat()},
    )
    WishExtension.objects.create(
        right=row,
        proposal=proposal,
        letter=letter,
        reason=proposal.codes["reason"],
        months=int(proposal.codes["months"]),
    )


def told(letter: Letter, case: Case) -> None:
    """The letter was sent: inside the first month of the wish it counts, after it is void."""
    extension = WishExtension.objects.select_for_update().get(letter=letter)
    row = CaseRight.objects.select_related("case").get(id=extension.right_id)
    today = clock.today()
    extension.void = wish_clocks.clock_of(row).period.first.is_late(today)
    extension.told_on = None if extension.void else today
    extension.save(update_fields=["void", "told_on"])
    record(
        "wish.extension_void" if extension.void else "wish.extended",
        actor=_LETTERS,
        case_id=case.id,
        subject_id=extension.id,
        right=row.right,
        months=extension.months,
        letter=letter.id,
    )
    if not extension.void:
        wish_clocks.keep(row, actor=_LETTERS, why="extended")


HANDLER = proposals.Handler(agreed=_agreed, check=_check)

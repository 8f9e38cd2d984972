"""Taking longer than a month: proposed with a reason, agreed to, told in time, once (law D-06).

Nothing moves before the letter was sent. One that was sent after the first date is void: the case
is late, and says so. Staff, holidays and backlog are no reasons; the list has none of them.
"""

from datetime import date
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import letters, proposals
from dsr_portal.cases.clocks import clock_of, keep
from dsr_portal.cases.levels import DISCLOSURE_LEVEL
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    Extension,
    Letter,
    LetterKind,
    Proposal,
    ProposalKind,
    Status,
)
from dsr_portal.cases.states import BEFORE_SEARCH
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.law import deadlines
from dsr_portal.law.articles import EXTENSION_REASONS, ExtensionReason
from dsr_portal.law.deadlines import MAX_EXTRA_MONTHS
from dsr_portal.vault import services as vault

TELLING = frozenset({ExtensionReason.MANY_FACES, ExtensionReason.MANY_RECORDS})
"""Reasons that say that something was found: only to who was checked twice, and only once two
persons have decided that it is theirs (R2, R3, R19)."""

_OVER = frozenset({Status.DELIVERED, Status.ERASING, Status.CLOSED, Status.PURGED})
_LETTERS = Actor.system("letters")


def propose(*, case_id: UUID, actor: Actor, reason: str, months: int, words: str) -> Proposal:
    """Propose to take longer; another person agrees, then the letter leaves.

    Raises `BadInput` with no_such_reason, months_out_of_range, reason_tells and those of
    `letters.own_words`; `Conflict` with extension_late, extended_already, case_over.
    """
    require_reviewer(actor)
    require_known(reason, months)
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        require_may_tell(case, reason)
        filled = letters.own_words(words, case)
        return proposals.propose(
            case=case,
            kind=ProposalKind.EXTENSION,
            actor=actor,
            codes={"reason": str(ExtensionReason(reason)), "months": months},
            words=filled,
        )


def require_known(reason: str, months: int) -> None:
    """Raises `BadInput` with no_such_reason, months_out_of_range."""
    if reason not in list(ExtensionReason):
        raise BadInput("no_such_reason", _("Choose one of the reasons the law knows."))
    if not 1 <= months <= MAX_EXTRA_MONTHS:
        raise BadInput("months_out_of_range", _("One or two further months, not more."))


def require_may_tell(case: Case, reason: str) -> None:
    """`BadInput("reason_tells")` for a reason that says that something was found, too early."""
    known = case.level >= DISCLOSURE_LEVEL
    if reason in TELLING and not (known and case.status == Status.DECIDED):
        raise BadInput(
            "reason_tells",
            _(
                "This reason tells that something was found. It can be given once two persons "
                "have decided, and only where who is asking is known well enough."
            ),
        )


def reason_words(reason: str) -> str:
    """A reason as the letter says it."""
    return str(EXTENSION_REASONS[ExtensionReason(reason)])


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of an extension now; None where it may be proposed."""
    if case.status in _OVER or case.withdrawn_at is not None:
        return Conflict("case_over", _("This request is answered or closed."))
    if Extension.objects.filter(case=case).exists():
        return Conflict("extended_already", _("The period was made longer once; that is all."))
    if clock_of(case).first.is_late(clock.today()):
        return Conflict("extension_late", _("The first date has passed: the case is late."))
    return None


def _require_open(case: Case) -> None:
    problem = why_not(case)
    if problem is not None:
        raise problem


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_open(case)
    require_may_tell(case, proposal.codes["reason"])


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """The letter is written; the new date waits for the day it is sent."""
    counted = clock_of(case)
    letter = letters.write(
        case=case,
        kind=LetterKind.EXTENSION,
        key=f"extension:{case.id}",
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        agreed_by=actor.id,
        facts=facts_of(proposal, case, counted.counts_from, counted.paused_days, counted.due.legal),
    )
    Extension.objects.create(
        case=case,
        proposal=proposal,
        letter=letter,
        reason=proposal.codes["reason"],
        months=int(proposal.codes["months"]),
    )


def facts_of(
    proposal: Proposal, case: Case, counts_from: date, paused_days: int, first_due: date
) -> dict[str, object]:
    """What the letter about a longer period says: of the request, or of one wish in it."""
    due = deadlines.due_dates(
        counts_from,
        calendar=case.calendar,
        months=1 + int(proposal.codes["months"]),
        paused_days=paused_days,
        regime=deadlines.Regime(case.regime),
    )
    return {
        "first_due": first_due.isoformat(),
        "new_due": due.legal.isoformat(),
        "reason": proposal.codes["reason"],
        "words": vault.read(case.file_unit, proposal.field).decode(),
        "progress": progress(case),
    }


def progress(case: Case) -> str:
    """Where the case stands, in words that do not depend on what was found (R3)."""
    with translation.override(case.language):
        if case.status in BEFORE_SEARCH:
            return _("We have your request, and we are checking who is asking.")
        return _("We have your request, we know who is asking, and we are working on it.")


def told(letter: Letter, case: Case) -> None:
    """The letter was sent: inside the first period it counts, after it there is no extension."""
    extension = Extension.objects.select_for_update().get(letter=letter)
    today = clock.today()
    extension.void = clock_of(case).first.is_late(today)
    extension.told_on = None if extension.void else today
    extension.save(update_fields=["void", "told_on"])
    if extension.void:
        record("extension.void", actor=_LETTERS, case_id=case.id, subject_id=extension.id)
        return
    case.extension = extension
    record(
        "extension.told",
        actor=_LETTERS,
        case_id=case.id,
        subject_id=extension.id,
        reason=extension.reason,
        months=extension.months,
        letter=letter.id,
    )
    keep(case, actor=_LETTERS, why="extended")


HANDLER = proposals.Handler(agreed=_agreed, check=_check)

"""Reading mail: a person says what it asks for, the wider reading first (law T-09).

The clock runs since the mail reached us, read or not. Less than what its words let one read needs a
reason; that it asks for nothing at all needs another person who read it too.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import proposals, wishes
from dsr_portal.cases.levels import DISCLOSURE_LEVEL, of_right, required_level
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mail_intake import require_may_fetch
from dsr_portal.cases.mailbox import MAIL_READING
from dsr_portal.cases.messages import keep_message, queue_wrote, words_of
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Direction,
    Mail,
    MailRole,
    MailState,
    Outcome,
    Proposal,
    ProposalKind,
    RightCode,
    Status,
)
from dsr_portal.cases.moves import advance
from dsr_portal.cases.services import run_purgers, take_wish
from dsr_portal.cases.states import BEFORE_SEARCH, Action
from dsr_portal.cases.texts import rights_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.law import reading
from dsr_portal.vault import services as vault


@dataclass(frozen=True, slots=True)
class MailSeen:
    """A mail as a person at the desk reads it; `suggested` is what its words let one read."""

    mail: Mail
    subject: str
    sender: str
    name: str
    words: str
    parts: list[dict[str, Any]]
    suggested: list[str]


def waiting() -> QuerySet[Mail]:
    """Mails nobody has read yet, the oldest first."""
    standing = Mail.objects.filter(state=MailState.WAITING, case__withdrawn_at=None)
    standing = standing.exclude(case__status=Status.PURGED)
    return standing.select_related("case", "may_belong").order_by("arrived_at", "id")


def mails_of(case: Case) -> QuerySet[Mail]:
    """Mails of a case, as they came; none of one that was destroyed."""
    if case.status == Status.PURGED:
        return Mail.objects.none()
    return case.mails.order_by("arrived_at", "id")


def find(case: Case, mail_id: UUID) -> Mail:
    mail = mails_of(case).select_related("case", "may_belong").filter(id=mail_id).first()
    if mail is None:
        raise NotFound("no_mail", _("There is no such mail."))
    return mail


def seen(mail: Mail) -> MailSeen:
    """Open what could be read of it; outside a transaction."""
    kept = vault.read_json(mail.unit, MAIL_READING)
    return MailSeen(
        mail=mail,
        subject=kept["subject"],
        sender=kept["sender"],
        name=kept["name"],
        words=kept["words"],
        parts=[
            {"name": name, "kind": kind, "size": size}
            for _number, name, kind, size in kept["parts"]
        ],
        suggested=_suggested(mail, f"{kept['subject']}\n{kept['words']}"),
    )


def _suggested(mail: Mail, words: str) -> list[str]:
    """The wider reading: what the words say and, of the mail that opened it, what was taken."""
    wide = set(reading.rights_in(words))
    if mail.role == MailRole.OPENED:
        wide |= _asked(mail.case)
    else:
        wide -= set(mail.case.rights.values_list("right", flat=True))
    return [right for right in RightCode.values if right in wide]


def _asked(case: Case) -> set[str]:
    """What was asked from the beginning."""
    return set(case.rights.filter(added_at=None).values_list("right", flat=True))


def read_as(
    *,
    mail: Mail,
    actor: Actor,
    rights: Collection[str],
    narrower: str = "",
    urgent: bool = False,
) -> Mail:
    """Write down what a mail asks for. The mail that opened the case settles what was asked from
    its first day; a later one may add to it, with a month from the day that one reached us.

    Raises `BadInput` with no_right or narrower_reading; `Conflict` with already_read, right_late.
    """
    require_may_fetch(actor)
    chosen = wishes.read_wide(rights)
    not_taken = [right for right in seen(mail).suggested if right not in chosen]
    if mail.role == MailRole.OPENED and not chosen:
        raise BadInput(
            "no_right",
            _("Tick what they ask for. A mail that asks for nothing is set aside by two people."),
        )
    if not_taken and not narrower.strip():
        raise BadInput(
            "narrower_reading",
            _("Their words can be read wider (%(rights)s). Take those too, or write why not.")
            % {"rights": ", ".join(str(RightCode(one).label) for one in not_taken)},
            rights=not_taken,
        )
    words = words_of(narrower, code="narrower_missing") if narrower.strip() else ""
    with unit_of_work():
        case = lock(mail.case_id)
        row = _unread(mail)
        if words:
            vault.write_small(case.file_unit, f"narrower.{row.id}", words.encode())
        if row.role == MailRole.OPENED:
            added, taken_out = _settle(case, chosen, actor)
        else:
            added = add_written(case, chosen, actor=actor, asked_at=row.arrived_at)
            taken_out = []
        if urgent and not case.urgent:
            case.urgent = True
            case.save(update_fields=["urgent"])
        _mark(row, MailState.READ, by=actor.id)
        record(
            "mail.read",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            rights=_in_order(chosen),
            added=added,
            taken_out=taken_out,
            urgent=urgent,
        )
        if added or taken_out:
            _tell_reading(case, chosen, actor)
    return row


def _unread(mail: Mail) -> Mail:
    row = Mail.objects.select_for_update().get(id=mail.id)
    if row.state != MailState.WAITING:
        raise Conflict("already_read", _("Somebody read this mail meanwhile."))
    return row


def _mark(row: Mail, state: MailState, *, by: str) -> None:
    row.state, row.read_by, row.read_at = state, by, clock.now()
    row.save(update_fields=["state", "read_by", "read_at"])


def _settle(case: Case, chosen: set[str], actor: Actor) -> tuple[list[str], list[str]]:
    """Make what was asked from the first day what a person reads; the level follows (R2)."""
    before = _asked(case)
    added, taken_out = chosen - before, before - chosen
    if not added and not taken_out:
        return [], []
    if case.status not in BEFORE_SEARCH:
        raise Conflict("right_late", _("The search has begun: enter it as a new request."))
    case.rights.filter(right__in=taken_out, added_at=None).delete()
    case.rights.filter(right__in=added).update(added_at=None, due_on=None)
    later = set(case.rights.values_list("right", flat=True))
    CaseRight.objects.bulk_create(
        CaseRight(case=case, right=right) for right in _in_order(added - later)
    )
    case.required_level = required_level(
        rights=set(case.rights.values_list("right", flat=True)),
        ways=list(case.ways.values_list("kind", flat=True)),
        channel=case.channel,
    )
    case.save(update_fields=["required_level"])
    return _in_order(added), _in_order(taken_out)


def add_written(case: Case, chosen: set[str], *, actor: Actor, asked_at: datetime) -> list[str]:
    """Add what a mail or a letter asks for besides, from the day it reached us; what was new.

    In the caller's unit of work, under the case's lock. Raises `Conflict("right_late")`.
    """
    asked = set(case.rights.values_list("right", flat=True))
    added = _in_order(chosen - asked)
    may = wishes.rights_to_add(case)
    for one in added:
        right = RightCode(one)
        # A mail or a letter shows nobody: after the search began it can lock, and neither open nor
        # erase what somebody else's check gave a level for (R2).
        proven = case.status in BEFORE_SEARCH or of_right(right) < DISCLOSURE_LEVEL
        if right not in may or not proven:
            raise Conflict(
                "right_late",
                _(
                    "The search has begun, and this does not show who wrote it: ask them to add "
                    "this on the page of their request, or enter it as a new request."
                ),
            )
        take_wish(case=case, right=right, actor=actor, asked_at=asked_at)
    return added


def _in_order(rights: Collection[str]) -> list[str]:
    return [right for right in RightCode.values if right in rights]


def _tell_reading(case: Case, chosen: set[str], actor: Actor) -> None:
    """The receipt said something else: the person hears how we read their mail."""
    with translation.override(case.language):
        text = _(
            "A person has read your mail. We work on this: %(rights)s. If you meant something"
            " else, write to us."
        ) % {"rights": "; ".join(rights_words(_in_order(chosen)))}
    keep_message(case, Direction.OUT, text, by=actor.id)
    record("message.sent", actor=actor, case_id=case.id)
    queue_wrote(case)


# -- no request at all --------------------------------------------------------------------------


def propose_no_request(*, case_id: UUID, actor: Actor, reason: str) -> Proposal:
    """Propose to set aside a case whose mail asks for nothing; another person reads it too.

    Raises what `why_not_aside` says, `BadInput("reason_missing")`, `Conflict("proposed_already")`.
    """
    require_reviewer(actor)
    words = words_of(reason, code="reason_missing")
    with unit_of_work():
        case = lock(case_id)
        _require_may_set_aside(case)
        return proposals.propose(case=case, kind=ProposalKind.NO_REQUEST, actor=actor, words=words)


def why_not_aside(case: Case) -> Conflict | None:
    """Why a case can't be set aside as no request; None where it can."""
    opened = case.mails.filter(role=MailRole.OPENED, state=MailState.WAITING)
    if case.status not in BEFORE_SEARCH or not opened.exists():
        return Conflict(
            "was_read", _("Somebody read it as a request already, or it did not come by mail.")
        )
    return None


def _require_may_set_aside(case: Case) -> None:
    problem = why_not_aside(case)
    if problem is not None:
        raise problem


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_may_set_aside(case)


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """Two people read it: the case ends, and whoever wrote hears how to go on (Art. 12(4))."""
    for row in case.mails.select_for_update().filter(state=MailState.WAITING):
        _mark(row, MailState.ASIDE, by=proposal.proposed_by)
    with translation.override(case.language):
        text = _(
            "Two people have read your mail and found no request about your data in it, so we"
            " closed it. If you want something of us, write again: nothing you wrote is held"
            " against you. You can complain to a data protection authority."
        )
    keep_message(case, Direction.OUT, text, by=actor.id)
    record("message.sent", actor=actor, case_id=case.id)
    queue_wrote(case)
    advance(case=case, action=Action.NO_REQUEST, actor=actor, outcome=Outcome.NO_REQUEST)
    run_purgers(case_id=case.id, actor=actor, reason="closed")


HANDLER = proposals.Handler(agreed=_agreed, check=_check)

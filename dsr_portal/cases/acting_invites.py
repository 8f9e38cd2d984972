"""Who gets an account to act for others, and a lost second factor: by people of staff (R11, R19).

Invited is who has an accepted mandate, at the mailbox that mandate names. A lost second factor is
renewed by two persons, and the new link leaves to the same mailbox.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import acting, mandates
from dsr_portal.cases.acting_models import (
    AccountState,
    ActingAccount,
    ActingMandate,
    ActingRecovery,
    LinkPurpose,
)
from dsr_portal.cases.mandate_models import Mandate, MandateState
from dsr_portal.cases.messages import words_of
from dsr_portal.core import clock, mailboxes
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

# -- invited --------------------------------------------------------------------------------------


@vault.retry_stale
def invite(*, mandate_id: UUID, actor: Actor) -> ActingAccount:
    """Invite who acts to an account, or add the mandate to the one their mailbox has already.

    Raises `Conflict` with mandate_not_accepted, no_address, account_there.
    """
    require_reviewer(actor)
    with unit_of_work():
        mandate = mandates.locked(mandate_id)
        if not acting.counts(mandate) or mandate.holds_page:
            raise Conflict(
                "mandate_not_accepted", _("Only who has an accepted mandate gets an account.")
            )
        who = mandates.who_acts(mandate)
        if not who.email:
            raise Conflict("no_address", _("There is no e-mail address to send it to."))
        account = _account_of(who.email) or _new(who, mandate, actor)
        if not _link_all(account, mandate, actor) and account.state != AccountState.INVITED:
            raise Conflict("account_there", _("They have an account that shows this request."))
        if account.state == AccountState.INVITED:
            acting.send(account, LinkPurpose.SET_UP, actor)
    return account


def _new(who: mandates.Representative, mandate: Mandate, actor: Actor) -> ActingAccount:
    account_id = new_id()
    staged = vault.stage_unit(kind=UnitKind.ACCOUNT, owner=account_id)
    language = mandate.case.language
    staged.add_json(
        acting.HOLDER,
        {
            "name": who.name,
            "organisation": who.organisation,
            "email": who.email,
            "language": language,
        },
    )
    account = ActingAccount.objects.create(
        id=account_id,
        email_hash=mandates.mailbox_hash(who.email),
        unit=staged.save(),
        invited_by=actor.id,
        invited_at=clock.now(),
    )
    record("account.invited", actor=actor, case_id=mandate.case_id, subject_id=account.id)
    return account


def link_accepted(mandate: Mandate, *, actor: Actor) -> None:
    """A mandate was accepted: whose mailbox has an account sees it there from now on.

    In the caller's unit of work; nobody gets an account by this.
    """
    if mandate.holds_page:
        return
    email = mandates.who_acts(mandate).email
    account = _account_of(email) if email else None
    if account is not None:
        _link(account, mandate, actor)


def _link(account: ActingAccount, mandate: Mandate, actor: Actor) -> bool:
    _row, new = ActingMandate.objects.get_or_create(
        mandate=mandate, defaults={"account": account, "linked_at": clock.now()}
    )
    if new:
        record("account.linked", actor=actor, case_id=mandate.case_id, subject_id=account.id)
    return new


def _link_all(account: ActingAccount, mandate: Mandate, actor: Actor) -> bool:
    """This mandate, and every accepted one of the same mailbox; whether this one was new.

    The hash finds them; what counts is the address itself.
    """
    new = _link(account, mandate, actor)
    rows = Mandate.objects.filter(
        email_hash=account.email_hash, state=MandateState.ACCEPTED, holds_page=False, acting=None
    )
    for other in rows.select_related("case"):
        if acting.counts(other) and _is_of(account, mandates.who_acts(other).email):
            _link(account, other, actor)
    return new


def _account_of(email: str) -> ActingAccount | None:
    found = ActingAccount.objects.filter(email_hash=mandates.mailbox_hash(email)).first()
    return found if found is not None and _is_of(found, email) else None


def _is_of(account: ActingAccount, email: str) -> bool:
    return mailboxes.compared(acting.holder(account)["email"]) == mailboxes.compared(email)


# -- a lost second factor -------------------------------------------------------------------------


def propose_recovery(*, account_id: UUID, compared: str, actor: Actor) -> ActingRecovery:
    """An officer writes down how they know that it is them; another person decides."""
    require_reviewer(actor)
    words = words_of(compared, code="compared_missing")
    with unit_of_work():
        account = acting.locked(account_id)
        if account.state not in {AccountState.ACTIVE, AccountState.LOCKED}:
            raise Conflict("account_state", _("This account has no second factor to renew."))
        if account.recoveries.filter(decided_at=None).exists():
            raise Conflict("proposed_already", _("This was proposed already."))
        row = ActingRecovery(
            id=new_id(), account=account, proposed_by=actor.id, proposed_at=clock.now()
        )
        row.field = f"recovery.{row.id}"
        vault.write_small(account.unit, row.field, words.encode())
        row.save(force_insert=True)
        record("account.recovery_proposed", actor=actor, subject_id=account.id)
    return row


def decide_recovery(*, recovery_id: UUID, agree: bool, actor: Actor) -> ActingRecovery:
    """The second person. Agreed: the old factor and all sessions end, and a new link leaves to the
    same address. Who proposed may only take it back."""
    require_reviewer(actor)
    found = ActingRecovery.objects.filter(id=recovery_id).values_list("account_id", flat=True)
    if not found:
        raise NotFound("no_proposal", _("There is no such proposal."))
    with unit_of_work():
        account = acting.locked(found[0])
        row = ActingRecovery.objects.select_for_update().get(id=recovery_id)
        if row.decided_at is not None:
            raise Conflict("proposal_over", _("This was settled already."))
        if agree and row.proposed_by == actor.id:
            raise NotAllowed("second_person", _("You proposed this, so another person decides."))
        if agree and account.state not in {AccountState.ACTIVE, AccountState.LOCKED}:
            raise Conflict("account_state", _("This account has no second factor to renew."))
        row.agreed, row.decided_by, row.decided_at = agree, actor.id, clock.now()
        row.save(update_fields=["agreed", "decided_by", "decided_at"])
        record("account.recovery_decided", actor=actor, subject_id=account.id, agreed=agree)
        if agree:
            account.state, account.factor = AccountState.INVITED, None
            account.wrong, account.locked_until = 0, None
            account.epoch += 1
            account.save()
            acting.send(account, LinkPurpose.SET_UP, actor)
    return row


def recovery_words(row: ActingRecovery) -> str:
    return vault.read(row.account.unit, row.field).decode()

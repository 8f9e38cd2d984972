"""Accounts of who acts for others: a link by e-mail and a code of an app to sign in, and nothing
but the mandates that are in force now (R11; law C-04).

An account is no person of staff: it has no password, no role and no row that the sign-in of desk
and oversight knows. Each look asks the mandate again, so that an end takes effect at once. Inviting
and renewing a lost second factor is `acting_invites`.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import mandates
from dsr_portal.cases.acting_models import (
    AccountState,
    ActingAccount,
    ActingLink,
    ActingMandate,
    LinkPurpose,
)
from dsr_portal.cases.codes import acting_token, token_hash
from dsr_portal.cases.mandate_models import Mandate, MandateState
from dsr_portal.cases.models import Status
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock, totp
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import GoneUnit
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import enqueue, queue_effect
from dsr_portal.vault import services as vault

HOLDER = "holder"
INVITED_FOR = timedelta(days=7)
LINK_FOR = timedelta(minutes=15)
BETWEEN_LINKS = timedelta(minutes=1)
MOST_LINKS, WITHIN = 10, timedelta(days=1)
"""Anybody who knows an address can ask for its link, so only so many leave."""
ASKED = "cases.account_link"
KEEP_ASKED = timedelta(days=7)
"""For how long an operator can see that such a job failed."""
WRONG_BEFORE_WAIT, WAIT = 5, timedelta(minutes=15)
WRONG_BEFORE_LOCK = 10
IDLE_FOR = timedelta(days=30)
"""How long an account without any mandate in force is kept, for a new one may come."""
MAILS = {LinkPurpose.SET_UP: "mail.account_invited", LinkPurpose.SIGN_IN: "mail.account_link"}
_SCHEDULE = Actor.system("acting-accounts")


class AccountLinkClosed(PortalError):
    """The link does not open: unknown, used, replaced or out of time; which is not said."""

    http_status = 404


class WrongAppCode(PortalError):
    """The code is not the app's of now. `context` has `locked` when no more are taken for now."""

    http_status = 422


# -- links ----------------------------------------------------------------------------------------


def ask_link(*, email: str) -> None:
    """Have a link to sign in sent, if this mailbox has an account that may.

    The caller can't tell: any address is one look and one job; a worker does the rest.
    """
    found = ActingAccount.objects.filter(email_hash=mandates.mailbox_hash(email))
    account_id = found.values_list("id", flat=True).first()
    with unit_of_work():
        enqueue(kind=ASKED, subject=account_id or new_id(), idempotency_key=f"{ASKED}:{new_id()}")


def sweep_asked() -> int:
    """Remove the rows of asks that ended `KEEP_ASKED` ago, also of addresses without an account.

    They hold no address, but when somebody asked; nothing reads them any more. How many.
    """
    over = Job.objects.filter(
        kind=ASKED,
        state__in=[JobState.DONE, JobState.FAILED],
        finished_at__lt=clock.now() - KEEP_ASKED,
    )
    return over.delete()[0]


def send_asked(account_id: UUID) -> None:
    """Send the link somebody asked for, in the caller's unit of work; a subject that is no account
    stands for an address without one. A link that still opens is not replaced: who knows nothing
    but the address would end it."""
    account = ActingAccount.objects.select_for_update().filter(id=account_id).first()
    if account is None or not may_enter(account):
        return
    now = clock.now()
    asked = account.links.filter(purpose=LinkPurpose.SIGN_IN)
    if (
        account.links.filter(made_at__gt=now - BETWEEN_LINKS).exists()
        or asked.filter(used_at=None, ended_at=None, until__gt=now).exists()
        or asked.filter(made_at__gt=now - WITHIN).count() >= MOST_LINKS
    ):
        return
    send(account, LinkPurpose.SIGN_IN, Actor.representative(account.id))


def send(account: ActingAccount, purpose: LinkPurpose, actor: Actor) -> None:
    """A new link and its mail; one that was not used yet ends."""
    now = clock.now()
    account.links.filter(used_at=None, ended_at=None).update(ended_at=now)
    link_id = new_id()
    row = ActingLink.objects.create(
        id=link_id,
        account=account,
        purpose=purpose,
        token_hash=token_hash(acting_token(unit=account.unit, link_id=link_id)),
        made_at=now,
        until=now + (INVITED_FOR if purpose == LinkPurpose.SET_UP else LINK_FOR),
    )
    record("account.link_sent", actor=actor, subject_id=account.id, purpose=str(purpose))
    kind = MAILS[purpose]
    queue_effect(kind=kind, subject_id=row.id, unique_key=f"{kind}:{row.id}")


def find_link(token: str, purpose: LinkPurpose) -> ActingLink:
    """The link, if it may be opened now; changes nothing. Raises `AccountLinkClosed`."""
    rows = ActingLink.objects.filter(token_hash=token_hash(token), purpose=purpose)
    found = rows.filter(used_at=None, ended_at=None).select_related("account").first()
    states = {AccountState.INVITED} if purpose == LinkPurpose.SET_UP else {AccountState.ACTIVE}
    if found is None or found.until <= clock.now() or found.account.state not in states:
        raise AccountLinkClosed("link_over", _("This link doesn't open any more."))
    return found


def secret_of(link: ActingLink) -> bytes:
    """The second factor that a link sets up: the same each time it is opened."""
    return _secret(link.account, link.id)


def _secret(account: ActingAccount, factor: UUID) -> bytes:
    return vault.derive(account.unit, b"acting-totp|" + factor.bytes, totp.SECRET_BYTES)


# -- signing in -----------------------------------------------------------------------------------


def set_up(*, token: str, code: str) -> ActingAccount:
    """The app shows the right code: the account is in use, and this link has done its work."""
    link = find_link(token, LinkPurpose.SET_UP)
    with unit_of_work():
        account = locked(link.account_id)
        link = find_link(token, LinkPurpose.SET_UP)
        step = _step(account, link.id, code)
        if step is not None:
            account.state, account.factor = AccountState.ACTIVE, link.id
            _enter(account, link, step)
            record("account.set_up", actor=_self(account), subject_id=account.id)
            return account
    raise WrongAppCode("wrong_code", _("This is not the code the app shows now."), locked=False)


def sign_in(*, token: str, code: str) -> ActingAccount:
    """Link and code: both were needed, and neither works again.

    Raises `AccountLinkClosed`, `WrongAppCode`; after five wrong codes none is taken for a quarter
    of an hour, after ten in a row none before two persons of staff renewed the second factor.
    """
    link = find_link(token, LinkPurpose.SIGN_IN)
    with unit_of_work():
        account = locked(link.account_id)
        link = find_link(token, LinkPurpose.SIGN_IN)
        if not may_enter(account) or account.factor is None:
            raise AccountLinkClosed("link_over", _("This link doesn't open any more."))
        waits = account.locked_until is not None and account.locked_until > clock.now()
        step = None if waits else _step(account, account.factor, code)
        if step is not None:
            _enter(account, link, step)
            record("account.signed_in", actor=_self(account), subject_id=account.id)
            return account
        none_now = waits or _wrong(account)
    raise WrongAppCode("wrong_code", _("This is not the code the app shows now."), locked=none_now)


def _step(account: ActingAccount, factor: UUID, code: str) -> int | None:
    # The phone's clock is the world's, also where the portal's own is invented (demo).
    now = clock.real_now().timestamp()
    return totp.matching_step(_secret(account, factor), code, now=now, after=account.last_step)


def _enter(account: ActingAccount, link: ActingLink, step: int) -> None:
    account.last_step, account.wrong, account.locked_until = step, 0, None
    account.signed_in_at = clock.now()
    account.save()
    link.used_at = clock.now()
    link.save(update_fields=["used_at"])


def _wrong(account: ActingAccount) -> bool:
    """Count a wrong code; whether none is taken for now."""
    account.wrong += 1
    if account.wrong >= WRONG_BEFORE_LOCK:
        account.state = AccountState.LOCKED
        account.epoch += 1
    elif account.wrong == WRONG_BEFORE_WAIT:
        account.locked_until = clock.now() + WAIT
    account.save(update_fields=["wrong", "state", "epoch", "locked_until"])
    for_good = account.state == AccountState.LOCKED
    record("account.refused", actor=_self(account), subject_id=account.id, locked=for_good)
    return for_good or account.locked_until is not None and account.locked_until > clock.now()


def signed_out(*, account_id: UUID) -> None:
    with unit_of_work():
        account = locked(account_id)
        record("account.signed_out", actor=_self(account), subject_id=account.id)


# -- what an account sees -------------------------------------------------------------------------


def of_session(*, account_id: UUID, epoch: int) -> ActingAccount | None:
    """The account of a session, while it may still be used."""
    account = ActingAccount.objects.filter(id=account_id, epoch=epoch).first()
    return account if account is not None and may_enter(account) else None


def may_enter(account: ActingAccount) -> bool:
    """In use, and at least one mandate of it is in force."""
    return account.state == AccountState.ACTIVE and bool(mandates_of(account))


def mandates_of(account: ActingAccount) -> list[Mandate]:
    """Mandates in force now, the earliest date first; never one of somebody else."""
    rows = Mandate.objects.filter(acting__account=account, state=MandateState.ACCEPTED)
    found = rows.select_related("case").order_by("case__due_on", "case__reference")
    return [one for one in found if counts(one)]


def mandate_for(account: ActingAccount, mandate_id: UUID) -> Mandate:
    """One of them; absent, ended and somebody else's look the same."""
    found = next((one for one in mandates_of(account) if one.id == mandate_id), None)
    if found is None:
        raise NotFound("no_mandate", _("There is no such request, or your mandate has ended."))
    return found


def opened(*, account: ActingAccount, mandate: Mandate) -> None:
    """Who acts opened a request from their overview; it stands in the trail of that case."""
    with unit_of_work():
        record(
            "account.case_opened",
            actor=Actor.representative(mandate.id),
            case_id=mandate.case_id,
            subject_id=account.id,
        )


def holder(account: ActingAccount) -> dict[str, str]:
    """Name, organisation, address and language, opened from the account's unit."""
    return dict(vault.read_json(account.unit, HOLDER))


def account_of(mandate: Mandate) -> ActingAccount | None:
    """The account that shows this mandate, in whatever state it is."""
    row = ActingMandate.objects.filter(mandate=mandate).select_related("account").first()
    return None if row is None else row.account


def is_seen_with_account(mandate: Mandate) -> bool:
    """Whether who acts can open the request from an account: the person reads that."""
    account = account_of(mandate)
    used = account is not None and account.state in {AccountState.ACTIVE, AccountState.LOCKED}
    return used and counts(mandate)


def counts(mandate: Mandate) -> bool:
    return mandates.in_force(mandate) and mandate.case.status != Status.PURGED


# -- the end --------------------------------------------------------------------------------------


def close_idle() -> int:
    """Close accounts without a mandate in force for thirty days; name and address are destroyed."""
    rows = ActingAccount.objects.exclude(state=AccountState.CLOSED).values_list("id", flat=True)
    return sum(quietly(partial(_close_if_idle, one), doing="closing", of=one) for one in rows)


def _close_if_idle(account_id: UUID) -> bool:
    with unit_of_work():
        account = locked(account_id)
        now = clock.now()
        if mandates_of(account):
            if account.idle_since is not None:
                account.idle_since = None
                account.save(update_fields=["idle_since"])
            return False
        if account.idle_since is None:
            account.idle_since = now
            account.save(update_fields=["idle_since"])
        if account.idle_since > now - IDLE_FOR:
            return False
        _close(account)
        if vault.unit_state(account.unit) == vault.UnitState.LIVE:
            vault.request_shred([account.unit], reason="account_closed")
        record("account.closed", actor=_SCHEDULE, subject_id=account.id)
    return True


def _close(account: ActingAccount) -> None:
    account.state, account.email_hash = AccountState.CLOSED, None
    account.closed_at, account.epoch = clock.now(), account.epoch + 1
    account.save()
    account.links.filter(used_at=None, ended_at=None).update(ended_at=clock.now())


def accounts_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: accounts whose unit was destroyed are closed (R31); how many."""
    rows = ActingAccount.objects.filter(unit__in=[one.id for one in units])
    found = list(rows.exclude(state=AccountState.CLOSED))
    for account in found:
        _close(account)
    return len(found)


def locked(account_id: UUID) -> ActingAccount:
    return ActingAccount.objects.select_for_update().get(id=account_id)


def _self(account: ActingAccount) -> Actor:
    return Actor.representative(account.id)

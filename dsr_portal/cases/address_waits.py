"""How long nothing leaves after a new address was given, and who keeps away from it (R12, R13)."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases.address_models import AddressChange, AddressKind, ChangeState
from dsr_portal.cases.models import Case, Letter, ProposalState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.jobs.models import Effect, EffectState

WAIT = timedelta(hours=72)
TOLD = "mail.address_asked"
_NO_WAIT = (ChangeState.DONE, ChangeState.LAPSED)
_RENEWED = "case.code_renewed"
_HAD_THE_CODE = (_RENEWED, "receipt.printed")


def waits_until(case: Case) -> datetime | None:
    """The moment before which nothing leaves that opens an answer; None where nothing holds it.

    A change that was stopped or replaced waits as long as it would have: an officer has that time.
    """
    rows = AddressChange.objects.filter(case=case).exclude(state__in=_NO_WAIT)
    until = max((ends_at(row) for row in rows.select_related("letter", "proposal")), default=None)
    return until if until and clock.now() < until else None


def ends_at(change: AddressChange) -> datetime:
    """When the wait of one change is over: 72 hours after the old address was told, and after a
    second person agreed where one is needed.

    As long as that mail waits for a relay, that letter for the post, or that proposal for another
    person, the wait has not begun.
    """
    if change.state != ChangeState.WAITING:
        return change.until
    told, agreed = _told_at(change), _agreed_at(change)
    begins = clock.now() if told is None or agreed is None else max(told, agreed)
    return max(change.until, begins + WAIT)


def _agreed_at(change: AddressChange) -> datetime | None:
    """A person's own change needs nobody; nor does a postal one: other people pack and post."""
    if not change.by or change.what == AddressKind.POSTAL:
        return change.at
    if change.proposal is None or change.proposal.state != ProposalState.AGREED:
        return None
    return change.proposal.settled_at


def _told_at(change: AddressChange) -> datetime | None:
    if change.letter is not None:
        return change.letter.sent_at
    mail = Effect.objects.filter(unique_key=mail_key(change)).first()
    if mail is not None and mail.state == EffectState.PENDING:
        return None
    # A mailbox that takes no mail any more can't be told; one nobody gave neither.
    return change.at if mail is None else mail.sent_at or change.at


def mail_key(change: AddressChange) -> str:
    """What the mail to the old mailbox is found by."""
    return f"{TOLD}:{change.id}"


def require_waited(case: Case) -> None:
    """Raise `Conflict("address_waits")` while a new address waits."""
    if waits_until(case) is not None:
        raise Conflict(
            "address_waits",
            _(
                "A new address was given. For 72 hours nothing leaves that opens an answer."
                " Come back then."
            ),
        )


def require_not_writer(case: Case, actor: Actor) -> None:
    """Who wrote down a new postal address has no part in what is posted to it."""
    rows = AddressChange.objects.filter(case=case, what=AddressKind.POSTAL, by=actor.id)
    if rows.filter(state__in=[ChangeState.WAITING, ChangeState.DONE]).exists():
        raise NotAllowed(
            "wrote_it_down", _("You wrote down the new address, so other people pack and post.")
        )


def require_not_changer(case: Case, actor: Actor) -> None:
    """Who changes where an answer goes never has the code that opens it in hand (R12, R13)."""
    changed = Q(by=actor.id) | Q(proposal__agreements__by=actor.id)
    if AddressChange.objects.filter(changed, case=case).exists():
        raise NotAllowed(
            "changed_address",
            _("You had part in a new address of this request, so other people see to the code."),
        )


def require_not_code_holder(case: Case, actor: Actor) -> None:
    """The same the other way round: a new code and a printed one were in their hands."""
    _require_never(_HAD_THE_CODE, case, actor)


def require_not_renewer(case: Case, actor: Actor) -> None:
    """Who enters a request prints its code and mends its address; who renews a code does not."""
    _require_never((_RENEWED,), case, actor)


def _require_never(types: tuple[str, ...], case: Case, actor: Actor) -> None:
    if events_for_case(case.id).filter(type__in=types, actor_id=actor.id).exists():
        raise NotAllowed(
            "had_code",
            _("You had the code of this request in hand, so other people change its address."),
        )


def require_may_warn(letter: Letter, actor: Actor) -> None:
    """The letter to the old address is posted by another person than who wrote the new one down."""
    if AddressChange.objects.filter(letter=letter, by=actor.id).exists():
        raise NotAllowed(
            "wrote_it_down", _("You wrote down the new address, so another person posts this.")
        )

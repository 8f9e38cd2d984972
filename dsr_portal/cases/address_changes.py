"""A new address of a person: asked, told to the old one, objected to, in force (R12, R13).

The person asks on their page with the receipt code, staff after a check they record; an e-mail
address that staff wrote down takes a second person. The old address hears of it at once and can
stop it with one click. For 72 hours nothing leaves that opens an answer, by mail or by post; then
links are made anew and go to the address in force.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import address_waits, codes, deliveries, letters, proposals, recusals
from dsr_portal.cases.address_models import AddressChange, AddressKind, ChangeState, StoppedBy
from dsr_portal.cases.confirmations import MAX_NAME, MAX_POSTAL
from dsr_portal.cases.intake import contact_hash
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import (
    Case,
    IdentityWay,
    LetterKind,
    Proposal,
    ProposalKind,
    Status,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.paper_models import PaperPack
from dsr_portal.cases.services import raise_flag
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, PortalError
from dsr_portal.core.ids import new_id
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

OBJECTED = "address_objected"
"""Flag for officers: who reads the old mailbox did not ask for the new address."""
MOST_A_DAY = 3
MAX_EMAIL = 254
_OLD_ADDRESS = Actor.system("old-address")
_SCHEDULE = Actor.system("address-changes")


class ChangeClosed(PortalError):
    """The link of the mail to the old address has nothing to stop: unknown, over, stopped."""

    http_status = 404


def waiting(case: Case) -> AddressChange | None:
    return AddressChange.objects.filter(case=case, state=ChangeState.WAITING).first()


# -- asking ---------------------------------------------------------------------------------------


def ask_own(*, case_id: UUID, what: str, given: Mapping[str, str], code: str) -> None:
    """The person gives a new address, with the second factor again (R12).

    Raises `WrongCode`, `BadInput`; `Conflict` with case_over, changes_used.
    """
    case = Case.objects.filter(id=case_id).first()
    if case is None or not codes.check_code(case=case, code=code):
        raise deliveries.WrongCode("wrong_code", _("This is not the code of this request."))
    _ask(case_id, Actor.person(case_id), AddressKind(what), _read(AddressKind(what), given))


def ask_for(
    *,
    case_id: UUID,
    actor: Actor,
    what: str,
    given: Mapping[str, str],
    way: str,
    compared: str,
) -> None:
    """Staff write down a new address after a check they record; the words go to the vault.

    An e-mail address is a proposal: with the code it opens the answer, so another person agrees.
    Raises `NotAllowed`, also with had_code; `BadInput`; `Conflict("case_over")`.
    """
    require_reviewer(actor)
    if way not in IdentityWay.values:
        raise BadInput("no_such_way", _("Choose one of the ways."))
    words = words_of(compared, code="compared_missing")
    address = _read(AddressKind(what), given)
    _ask(case_id, actor, AddressKind(what), address, way=way, words=words)


def _read(what: AddressKind, given: Mapping[str, str]) -> dict[str, str]:
    """The new address as it is kept. Raises `BadInput` with the field it is about."""
    if what == AddressKind.EMAIL:
        email = given.get("email", "").strip()
        try:
            validate_email(email)
        except ValidationError as error:
            raise BadInput(
                "email_unfit", _("This address misses something. It looks like name@site.org.")
            ) from error
        if len(email) > MAX_EMAIL:
            raise BadInput("email_unfit", _("This address is too long. Shorten it."))
        return {"email": email}
    name, postal = given.get("name", "").strip(), given.get("postal", "").strip()
    if not postal:
        raise BadInput("no_postal", _("Write the postal address."))
    if len(name) > MAX_NAME or len(postal) > MAX_POSTAL:
        raise BadInput("postal_too_long", _("This address is too long. Shorten it."))
    return {"postal": postal} | ({"name": name} if name else {})


@vault.retry_stale
def _ask(
    case_id: UUID,
    actor: Actor,
    what: AddressKind,
    address: Mapping[str, str],
    *,
    way: str = "",
    words: str = "",
) -> None:
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        contact = vault.read_json(case.contact_unit, "contact")
        if all(contact.get(name, "") == value for name, value in address.items()):
            # What stands already is no change, and tells nobody anything.
            return
        _require_room(case, actor)
        if actor.is_human_staff:
            address_waits.require_not_code_holder(case, actor)
        AddressChange.objects.filter(case=case, state=ChangeState.WAITING).update(
            state=ChangeState.REPLACED, settled_at=clock.now()
        )
        proposals.lapse(case, actor=actor, kinds=(ProposalKind.ADDRESS,))
        row = _write(case, actor, what, address, way)
        if actor.is_human_staff and _is_email(row):
            row.proposal = proposals.propose(
                case=case, kind=ProposalKind.ADDRESS, actor=actor, words=words
            )
            row.save(update_fields=["proposal"])
        elif words:
            vault.write_small(case.file_unit, row.field, words.encode())
        record(
            "contact.change_asked",
            actor=actor,
            case_id=case.id,
            what=str(what),
            way=way or None,
        )
        _tell_old(case, row, contact, actor)


def _write(
    case: Case, actor: Actor, what: AddressKind, address: Mapping[str, str], way: str
) -> AddressChange:
    change_id, moment = new_id(), clock.now()
    field = f"address.{change_id}"
    vault.write_json(case.contact_unit, field, dict(address))
    token = codes.address_token(contact_unit=case.contact_unit, change_id=change_id)
    return AddressChange.objects.create(
        id=change_id,
        case=case,
        what=what,
        field=field,
        token_hash=codes.token_hash(token),
        by=actor.id if actor.is_human_staff else "",
        way=way,
        at=moment,
        until=moment + address_waits.WAIT,
    )


def _tell_old(case: Case, row: AddressChange, contact: Mapping[str, str], actor: Actor) -> None:
    """By mail where we know a mailbox, else by letter; who gave neither has no old address."""
    if contact.get("email"):
        queue_effect(
            kind=address_waits.TOLD, subject_id=row.id, unique_key=address_waits.mail_key(row)
        )
    elif contact.get("postal"):
        row.letter = letters.write(
            case=case, kind=LetterKind.ADDRESS, key=f"address:{row.id}", actor=actor, facts={}
        )
        row.save(update_fields=["letter"])


def _require_room(case: Case, actor: Actor) -> None:
    """Each tells the old mailbox, which nobody may flood."""
    today = AddressChange.objects.filter(case=case, by="", at__gt=clock.now() - timedelta(days=1))
    if not actor.is_human_staff and today.count() >= MOST_A_DAY:
        raise Conflict(
            "changes_used", _("You gave three new addresses today. Try again tomorrow, or call us.")
        )


def _require_open(case: Case) -> None:
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        raise Conflict("case_over", _("This request is closed."))


# -- stopping -------------------------------------------------------------------------------------


def find(token: str) -> AddressChange:
    """The change the mail to the old address was about; changes nothing. Raises `ChangeClosed`."""
    rows = AddressChange.objects.filter(token_hash=codes.token_hash(token))
    row = rows.select_related("case").first()
    if row is None or not _may_object(row):
        raise ChangeClosed("link_over", _("There is nothing to stop any more."))
    return row


def _may_object(row: AddressChange) -> bool:
    """Whether its link stops what waits: also a later change than the mail was about, as long as
    the mailbox that got the mail is the one in force."""
    if waiting(row.case) is None:
        return False
    moved = AddressChange.objects.filter(
        case=row.case, what=AddressKind.EMAIL, state=ChangeState.DONE, settled_at__gt=row.at
    )
    return not moved.exists()


def object_to(*, token: str) -> None:
    """Who reads the old mailbox did not ask for it: it stops, and officers are told (R13)."""
    found = find(token)
    with unit_of_work():
        case = lock(found.case_id)
        if not _may_object(found):
            raise ChangeClosed("link_over", _("There is nothing to stop any more."))
        _stop(case, StoppedBy.OLD_ADDRESS, _OLD_ADDRESS)
        raise_flag(case_id=case.id, code=OBJECTED, actor=_OLD_ADDRESS)


def stop(*, case_id: UUID, actor: Actor) -> None:
    """The person keeps the old address, or an officer stops the change for them.

    Raises `Conflict("no_change")`, `NotAllowed`.
    """
    own = actor == Actor.person(case_id)
    if not own and not actor.is_human_staff:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))
    if not own:
        require_reviewer(actor)
    with unit_of_work():
        _stop(lock(case_id), StoppedBy.PERSON if own else StoppedBy.DESK, actor)


def _stop(case: Case, how: StoppedBy, actor: Actor) -> None:
    row = waiting(case)
    if row is None:
        raise Conflict("no_change", _("There is nothing to stop any more."))
    row.state, row.stopped_by = ChangeState.STOPPED, how
    row.save(update_fields=["state", "stopped_by"])
    record(
        "contact.change_stopped", actor=actor, case_id=case.id, what=row.what, how=row.stopped_by
    )
    proposals.lapse(case, actor=actor, kinds=(ProposalKind.ADDRESS,))


# -- the second person ----------------------------------------------------------------------------


def proposed_email(proposal: Proposal) -> str:
    """What another person agrees to, for their eyes alone; empty once it was destroyed."""
    if not vault.has(proposal.case.contact_unit, proposal.address_change.field):
        return ""
    given = vault.read_json(proposal.case.contact_unit, proposal.address_change.field)
    return str(given["email"])


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_open(case)
    address_waits.require_not_code_holder(case, actor)


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """The 72 hours begin now; what the beat looks for moves along."""
    row = proposal.address_change
    row.until = max(row.until, clock.now() + address_waits.WAIT)
    row.save(update_fields=["until"])


def _turned_down(proposal: Proposal, case: Case, actor: Actor) -> None:
    """Turned down, the change stops; one that was stopped or replaced took its proposal along."""
    row = waiting(case)
    if row is not None and row.proposal_id == proposal.id:
        _stop(case, StoppedBy.DESK, actor)


HANDLER = proposals.Handler(agreed=_agreed, dropped=_turned_down, check=_check)


# -- in force -------------------------------------------------------------------------------------


def settle_due() -> int:
    """What waited long enough counts now, and what was held for it leaves; how many."""
    rows = AddressChange.objects.filter(
        state__in=[ChangeState.WAITING, ChangeState.STOPPED],
        settled_at=None,
        until__lte=clock.now(),
    )
    due = rows.order_by("until").values_list("id", flat=True)
    return sum(quietly(partial(_settle, one), doing="a new address", of=one) for one in list(due))


@vault.retry_stale
def _settle(change_id: UUID) -> bool:
    case_id = AddressChange.objects.values_list("case_id", flat=True).get(id=change_id)
    with unit_of_work():
        case = lock(case_id)
        row = AddressChange.objects.select_for_update(of=("self",)).get(id=change_id)
        if row.settled_at is not None or row.until > clock.now():
            return False
        over = case.withdrawn_at is not None or case.status == Status.PURGED
        if not over and address_waits.ends_at(row) > clock.now():
            return False
        if row.state == ChangeState.WAITING:
            row.state = ChangeState.LAPSED if over else ChangeState.DONE
        row.settled_at = clock.now()
        row.save(update_fields=["state", "settled_at"])
        if over:
            proposals.lapse(case, actor=_SCHEDULE, kinds=(ProposalKind.ADDRESS,))
            return True
        if row.state == ChangeState.DONE:
            _take_over(case, row)
        if address_waits.waits_until(case) is None:
            deliveries.leave_after_wait(
                case, actor=_SCHEDULE, anew=row.state == ChangeState.DONE and _is_email(row)
            )
    return True


def _take_over(case: Case, row: AddressChange) -> None:
    """The new address takes the place of the old one."""
    given = vault.read_json(case.contact_unit, row.field)
    contact = vault.read_json(case.contact_unit, "contact")
    vault.write_json(case.contact_unit, "contact", contact | given)
    record("contact.changed", actor=_SCHEDULE, case_id=case.id, what=row.what)
    if not _is_email(row):
        # What was printed has the old address on it.
        PaperPack.objects.filter(delivery__case=case, posted_on=None).delete()
        return
    # Whose the other mailbox is stays written down: a new address frees nobody.
    recusals.write_down(case)
    # A code that came back proved the other mailbox.
    case.mail_codes.all().delete()
    case.contact_hash = contact_hash(given["email"])
    case.save(update_fields=["contact_hash"])
    queue_effect(
        kind="mail.address_changed", subject_id=row.id, unique_key=f"mail.address_changed:{row.id}"
    )


def _is_email(row: AddressChange) -> bool:
    return row.what == AddressKind.EMAIL

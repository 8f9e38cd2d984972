"""A link of their own for the person and for who acts for them: each sees only theirs (R11).

Looking at a link spends nothing. Opening it shows the code of whoever it was sent to, once: who
comes later with the same link is told that it was opened, and when.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import codes
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mandate_models import Addressee, Invitation, Mandate
from dsr_portal.cases.models import Case, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.ids import new_id
from dsr_portal.jobs.services import queue_effect

MAILS = {Addressee.PERSON: "mail.represented", Addressee.REPRESENTATIVE: "mail.representing"}


class InvitationClosed(PortalError):
    """The link does not open: `code` is link_unknown, link_opened or link_over."""

    http_status = 404


def make(mandate: Mandate, addressee: Addressee, *, actor: Actor) -> Invitation:
    """A new link and its mail, in the caller's unit of work; one that was not opened yet ends."""
    end(mandate, addressee)
    case = mandate.case
    invitation_id = new_id()
    row = Invitation.objects.create(
        id=invitation_id,
        case=case,
        mandate=mandate,
        addressee=addressee,
        token_hash=codes.token_hash(_token(case, invitation_id)),
        counter=case.code_counter,
        made_at=clock.now(),
    )
    record(
        "invitation.sent",
        actor=actor,
        case_id=case.id,
        subject_id=mandate.id,
        addressee=str(addressee),
    )
    kind = MAILS[addressee]
    queue_effect(kind=kind, subject_id=row.id, unique_key=f"{kind}:{row.id}")
    return row


def end(mandate: Mandate, addressee: Addressee) -> None:
    """Links of one of the two that nobody opened yet open no more."""
    mandate.invitations.filter(addressee=addressee, opened_at=None, ended_at=None).update(
        ended_at=clock.now()
    )


def token_of(row: Invitation) -> str:
    return _token(row.case, row.id)


def _token(case: Case, invitation_id: UUID) -> str:
    return codes.invitation_token(contact_unit=case.contact_unit, invitation_id=invitation_id)


def find(token: str) -> Invitation:
    """The link, if it may be opened; changes nothing. Raises `InvitationClosed`.

    `context` of link_opened has `at`, when it was opened.
    """
    found = (
        Invitation.objects.filter(token_hash=codes.token_hash(token))
        .select_related("case", "mandate")
        .first()
    )
    if found is None:
        raise InvitationClosed("link_unknown", _("There is no such link."))
    if found.opened_at is not None:
        raise InvitationClosed(
            "link_opened", _("This link was opened already."), at=found.opened_at
        )
    over = found.ended_at is not None or found.case.status == Status.PURGED
    newer = found.addressee == Addressee.PERSON and found.counter != found.case.code_counter
    if over or newer:
        raise InvitationClosed("link_over", _("This link doesn't open any more."))
    return found


def open_once(token: str) -> Invitation:
    """Open the link; from now on the code it shows is the way in. Raises `InvitationClosed`."""
    with unit_of_work():
        case = lock(find(token).case_id)
        row = find(token)
        row.case = case
        row.opened_at = clock.now()
        row.save(update_fields=["opened_at"])
        person = row.addressee == Addressee.PERSON
        record(
            "invitation.opened",
            actor=Actor.person(case.id) if person else Actor.representative(row.mandate_id),
            case_id=case.id,
            subject_id=row.mandate_id,
            addressee=row.addressee,
        )
    return row


def opened(case: Case) -> bool:
    """Whether the person opened a link of their own and saw the receipt code in force."""
    return case.invitations.filter(
        addressee=Addressee.PERSON, opened_at__isnull=False, counter=case.code_counter
    ).exists()

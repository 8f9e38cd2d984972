"""How recipients are told: addresses that one person proposes and another approves (R33)."""

import re
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock, egress
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery.models import Recipient, RecipientChannel
from dsr_portal.vault import services as vault

MAY_LIST = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
_MAILBOX = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LONGEST = 500
REPLACED = "recipient.channel_replaced"
"""Note of the erasure ledger: no restore brings this address back into use (R31)."""

Kind = RecipientChannel.Kind
State = RecipientChannel.State


def propose(*, recipient_id: UUID, kind: str, address: str, actor: Actor) -> RecipientChannel:
    """Propose the address a recipient is told at; nothing goes there before another approves."""
    _require(actor)
    clean = _clean(Kind(kind), address)
    with unit_of_work():
        recipient = Recipient.objects.select_for_update().filter(id=recipient_id).first()
        if recipient is None:
            raise NotFound("no_recipient", _("There is no such recipient."))
        RecipientChannel.objects.filter(recipient=recipient, state=State.PROPOSED).update(
            state=State.REJECTED, decided_by=actor.id, decided_at=clock.now()
        )
        row = RecipientChannel.objects.create(
            recipient=recipient,
            kind=kind,
            address=clean,
            proposed_by=actor.id,
            proposed_at=clock.now(),
        )
        _record("recipient.channel_proposed", row, actor)
    return row


def approve(*, channel_id: UUID, actor: Actor) -> RecipientChannel:
    """Put a proposed address in use; never by who proposed it. Waiting notices leave then."""
    from dsr_portal.gallery import notices

    _require(actor)
    with unit_of_work():
        row = _proposed(channel_id)
        if row.proposed_by == actor.id:
            raise NotAllowed("channel_two_persons", _("Another person must approve this address."))
        old = serving(row.recipient_id)
        if old is not None:
            old.state = State.REPLACED
            old.save(update_fields=["state"])
            vault.note_in_ledger(kind=REPLACED, value=str(old.id))
        row.state, row.decided_by, row.decided_at = State.SERVING, actor.id, clock.now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        _record("recipient.channel_approved", row, actor)
        notices.channel_opened(row)
    return row


def reject(*, channel_id: UUID, actor: Actor) -> RecipientChannel:
    """Leave things as they are; the proposer may take the own proposal back."""
    _require(actor)
    with unit_of_work():
        row = _proposed(channel_id)
        row.state, row.decided_by, row.decided_at = State.REJECTED, actor.id, clock.now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        _record("recipient.channel_rejected", row, actor)
    return row


def serving(recipient_id: UUID) -> RecipientChannel | None:
    return RecipientChannel.objects.filter(recipient_id=recipient_id, state=State.SERVING).first()


def is_listed(url: str) -> bool:
    """What egress asks: whether this very address is in use for a recipient (R33)."""
    rows = RecipientChannel.objects.filter(kind=Kind.CALL, state=State.SERVING, address=url)
    return rows.exists()


def recipients() -> QuerySet[Recipient]:
    return Recipient.objects.order_by("name", "country").prefetch_related("channels")


def _clean(kind: str, address: str) -> str:
    text = address.strip()
    if kind == Kind.CALL:
        egress.parse(text)
        return text
    if kind == Kind.MAIL and not _MAILBOX.fullmatch(text):
        raise BadInput("channel_bad_mailbox", _("Give one e-mail address."))
    if not text or len(text) > _LONGEST:
        raise BadInput("channel_bad_address", _("Give the address, in 500 characters at most."))
    return text


def _proposed(channel_id: UUID) -> RecipientChannel:
    row = RecipientChannel.objects.select_for_update().filter(id=channel_id).first()
    if row is None:
        raise NotFound("no_channel", _("There is no such proposal."))
    if row.state != State.PROPOSED:
        raise Conflict("channel_settled", _("This proposal is already settled."))
    return row


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_LIST:
        raise NotAllowed("channel_role", _("Supervisors and directors list addresses."))


def _record(event: str, row: RecipientChannel, actor: Actor) -> None:
    audit_event(event, actor=actor, subject_id=row.id, recipient=row.recipient_id, way=row.kind)

"""Systems of the controller that may ask and report through the API: two persons, one token (R20).

They ask `restricted?(ids)` and `blocked?(address, file hash)` and report look-ups. None of them can
send a picture or read anything of a person.
"""

import hashlib
import secrets
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery.channels import MAY_LIST
from dsr_portal.gallery.models import ConnectedSystem

PREFIX = "dsr_"
State = ConnectedSystem.State


def propose(*, name: str, actor: Actor) -> ConnectedSystem:
    """Propose that a system may use the API; it has no token before another person approves."""
    _require(actor)
    clean = name.strip()
    if not clean or len(clean) > 100:
        raise BadInput("system_name", _("Name the system, in 100 letters at most."))
    try:
        with unit_of_work():
            row = ConnectedSystem.objects.create(
                name=clean, proposed_by=actor.id, proposed_at=clock.now()
            )
            audit_event("system.proposed", actor=actor, subject_id=row.id)
    except IntegrityError as error:
        raise Conflict("system_known", _("There is a system of this name.")) from error
    return row


def approve(*, system_id: UUID, actor: Actor) -> str:
    """Let a proposed system in; the token, which nobody can read again."""
    _require(actor)
    token = PREFIX + secrets.token_urlsafe(32)
    with unit_of_work():
        row = _row(system_id)
        if row.state != State.PROPOSED:
            raise Conflict("system_settled", _("This proposal is already settled."))
        if row.proposed_by == actor.id:
            raise NotAllowed("system_two_persons", _("Another person must approve this system."))
        row.state, row.token_hash = State.SERVING, _hash(token)
        row.approved_by, row.approved_at = actor.id, clock.now()
        row.save(update_fields=["state", "token_hash", "approved_by", "approved_at"])
        audit_event("system.approved", actor=actor, subject_id=row.id)
    return token


def end(*, system_id: UUID, actor: Actor) -> None:
    """Take a system's access, or a proposal back; one person is enough to close a door."""
    _require(actor)
    with unit_of_work():
        row = _row(system_id)
        if row.state == State.ENDED:
            raise Conflict("system_settled", _("This system has no access any more."))
        _end(row, actor)


def after_restore(*, actor: Actor) -> int:
    """Close every door, in the caller's unit of work; how many systems lost their access (R31).

    A token may have been taken back after the backup was made, because it was stolen.
    """
    rows = list(ConnectedSystem.objects.select_for_update().filter(state=State.SERVING))
    for row in rows:
        _end(row, actor)
    return len(rows)


def _end(row: ConnectedSystem, actor: Actor) -> None:
    row.state, row.token_hash = State.ENDED, ""
    row.ended_by, row.ended_at = actor.id, clock.now()
    row.save(update_fields=["state", "token_hash", "ended_by", "ended_at"])
    audit_event("system.ended", actor=actor, subject_id=row.id)


def by_token(token: str) -> ConnectedSystem | None:
    """The system a token belongs to; None for any other text."""
    if not token.startswith(PREFIX):
        return None
    return ConnectedSystem.objects.filter(token_hash=_hash(token), state=State.SERVING).first()


def systems() -> QuerySet[ConnectedSystem]:
    return ConnectedSystem.objects.exclude(state=State.ENDED)


def _hash(token: str) -> str:
    """The token is 256 random bits: its plain hash tells nothing and needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def _row(system_id: UUID) -> ConnectedSystem:
    row = ConnectedSystem.objects.select_for_update().filter(id=system_id).first()
    if row is None:
        raise NotFound("no_system", _("There is no such system."))
    return row


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_LIST:
        raise NotAllowed("system_role", _("Supervisors and directors let systems in."))

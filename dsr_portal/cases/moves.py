"""Moving a case along the table of states.py, and nothing else."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import pauses, unsent, wish_clocks
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Outcome, Status
from dsr_portal.cases.states import Action, transition
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, PortalError

log = logging.getLogger(__name__)

_STAMPS = {
    Status.DECIDED: "decided_at",
    Status.DELIVERED: "delivered_at",
    Status.CLOSED: "closed_at",
    Status.PURGED: "purged_at",
}
# Going back is no new decision and no new delivery.
_BACK = frozenset({Action.STOP_ERASURE, Action.STOP_UNDELIVERED, Action.ANSWER_ANEW})
_AGAIN = frozenset({Action.COME_BACK, Action.REOPEN, Action.SEND_BACK})
_COMES_TO = {
    Action.NOT_IDENTIFIED: Outcome.NOT_IDENTIFIED,
    Action.NAMED_PAGE: Outcome.NAMED_PAGE,
}
# What a case that is opened or decided again has not reached yet; the trail keeps when it had.
_ANEW: dict[str, None | str] = {
    "outcome": "",
    "decided_at": None,
    "delivered_at": None,
    "closed_at": None,
    "delete_now_at": None,
}


_UNDELIVERED: dict[str, None | str] = {"outcome": "", "delivered_at": None}
_NOT_REACHED = {**dict.fromkeys(_AGAIN, _ANEW), Action.ANSWER_ANEW: _UNDELIVERED}


def advance(*, case: Case, action: Action, actor: Actor, outcome: str = "") -> Case:
    """Take one arrow of the table; `case` itself is brought up to date.

    Raises `Conflict("no_such_step")` and `NotAllowed`; see `states.transition`.
    """
    with unit_of_work():
        row = lock(case.id)
        arrow = transition(
            status=row.status,
            action=action,
            actor=actor,
            rights=set(row.rights.values_list("right", flat=True)),
            opener=row.opener,
            delivered=row.delivered_at is not None,
            outcome=row.outcome,
        )
        if arrow.target is Status.SEARCHING and row.level < row.required_level:
            raise NotAllowed(
                "level_not_met", _("No search before the identity level is met."), level=row.level
            )
        before = row.status
        row.status = arrow.target
        changed = ["status"]
        if action in _BACK:
            row.delete_now_at = None
            changed.append("delete_now_at")
        not_reached = _NOT_REACHED.get(action, {})
        for name, value in not_reached.items():
            setattr(row, name, value)
        changed += not_reached
        outcome = _COMES_TO.get(action, outcome)
        stamp = None if action in _BACK else _STAMPS.get(arrow.target)
        if stamp is not None:
            setattr(row, stamp, clock.now())
            changed.append(stamp)
        if outcome:
            row.outcome = Outcome(outcome)
            changed.append("outcome")
        row.save(update_fields=changed)
        record(
            arrow.event,
            actor=actor,
            case_id=row.id,
            action=str(action),
            before=str(before),
            after=str(row.status),
            outcome=row.outcome or None,
        )
        if before == Status.NEEDS_INFO:
            if pauses.end_pauses(row, actor=actor):
                changed += ["due_unrolled", "due_on"]
            unsent.drop(row, kinds=unsent.QUESTIONS, actor=actor)
        if arrow.target in wish_clocks.NO_MORE_OWED:
            wish_clocks.resume(row, actor=actor)
    for name in changed:
        setattr(case, name, getattr(row, name))
    return case


def quietly(act: Callable[[], object], *, doing: str, of: UUID) -> bool:
    """Do one of many; one that can't go on must not stop the others. Whether it was done."""
    try:
        return bool(act())
    except PortalError as error:
        log.warning("%s of %s does not go on: %s", doing, of, error.code)
        return False

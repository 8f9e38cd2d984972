"""Moving a case along the table of states.py, and nothing else."""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Case, Outcome, Status
from dsr_portal.cases.states import Action, transition
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, NotFound

_STAMPS = {
    Status.DECIDED: "decided_at",
    Status.DELIVERED: "delivered_at",
    Status.CLOSED: "closed_at",
    Status.PURGED: "purged_at",
}
# Going back is no new decision and no new delivery.
_BACK = frozenset({Action.STOP_ERASURE, Action.STOP_UNDELIVERED})


def lock(case_id: UUID) -> Case:
    """The case's row, locked until the caller's transaction ends."""
    case = Case.objects.select_for_update().filter(id=case_id).first()
    if case is None:
        raise NotFound("no_case", _("There is no such case."))
    return case


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
    for name in changed:
        setattr(case, name, getattr(row, name))
    return case

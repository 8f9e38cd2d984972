"""Keeping as evidence what was to be erased: the wish is the case's, the plan that waits is ours.

A plan in its hold window, or one that waits for a person, is stopped; what was begun can't be.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import evidence_locks
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import EvidenceLock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.erasure.selectors import current_plan
from dsr_portal.erasure.services import stop_plan

_NOT_BEGUN = frozenset({PlanState.HOLD, PlanState.WAITING})


def keep_as_evidence(*, case_id: UUID, years: int, actor: Actor) -> EvidenceLock:
    """Lock instead of erasing (Art. 18(1)(c)). Raises as `evidence_locks.ask`, and
    `Conflict("erasure_runs")` where the person knows that it runs.

    Where nobody outside knows of it the wish is taken as in any other request (R3): it keeps what
    is left.
    """
    with unit_of_work():
        case = lock(case_id)
        plan = _stoppable(case_id)
        if plan is not None:
            stop_plan(plan_id=plan.id, actor=actor)
            case.refresh_from_db()
        standing = evidence_locks.in_force(case_id) is not None
        if not standing and not evidence_locks.may_ask(case) and current_plan(case_id) is not None:
            raise Conflict("erasure_runs", _("The erasure has begun and can't be stopped."))
        return evidence_locks.ask(case_id=case_id, years=years, actor=actor)


def _stoppable(case_id: UUID) -> Plan | None:
    plan = current_plan(case_id)
    return plan if plan is not None and plan.state in _NOT_BEGUN else None

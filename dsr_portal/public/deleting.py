"""Delete now, and stopping it: the wish is the case's, what follows is the erasure room's (R4)."""

from typing import Any

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import evidence_locks, exemptions, services
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.public_status import has_opened
from dsr_portal.compliance import breaches
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure import correcting
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState


def delete_now(*, case: Case, code: str) -> Case:
    """Write the wish down and, in the same unit of work, begin the hold window."""
    actor = Actor.person(case.id)

    def also(locked: Case) -> None:
        erasure.start_erasure(case_id=locked.id, actor=actor)

    return services.delete_now(case_id=case.id, code=code, actor=actor, also=also)


def stoppable(case: Case) -> Plan | None:
    """The plan in its hold window, in which the person may still change their mind.

    None before anything was delivered: that there is one would tell that something was found (R3).
    """
    return None if case.delivered_at is None else _held(case)


def lock_offered(case: Case) -> bool:
    """Locking instead of deleting; also while the person sees that an erasure waits."""
    return evidence_locks.may_ask(case) or stoppable(case) is not None


def lock_context(case: Case) -> dict[str, Any]:
    """What the page of a request says of a lock; the same whatever was found (R3)."""
    if case.status == Status.PURGED:
        return {"lock": None, "may_lock": False}
    return {"lock": evidence_locks.in_force(case.id), "may_lock": lock_offered(case)}


def kept_context(case: Case) -> dict[str, Any]:
    """What is kept although it was to be deleted, until which day; told where the answer was read,
    which says so as well (Art. 17(3), R3)."""
    if case.status == Status.PURGED or not has_opened(case):
        return {"kept_longer": []}
    return {"kept_longer": exemptions.standing(case)}


def correction_context(case: Case) -> dict[str, Any]:
    """What the page of a request says of it: nothing before an answer with pictures was opened."""
    if case.status == Status.PURGED:
        return {"may_correct": False, "corrections": []}
    return {
        "may_correct": correcting.why_not(case, Actor.person(case.id)) is None,
        "corrections": list(case.corrections.order_by("asked_at", "id")),
    }


def _held(case: Case) -> Plan | None:
    plan = plans.current_plan(case.id)
    return plan if plan is not None and plan.state == PlanState.HOLD else None


def withdraw(*, case: Case) -> None:
    """Take the request back, and with it an erasure that waits and that nobody outside sees."""
    actor = Actor.person(case.id)
    with unit_of_work():
        plan = plans.current_plan(case.id)
        held = plan is not None and plan.state == PlanState.HOLD and case.delivered_at is None
        # A plan that waits for another case would wait for ever once its own case is over.
        if plan is not None and (held or plan.state == PlanState.WAITING):
            erasure.stop_plan(plan_id=plan.id, actor=actor)
        services.withdraw(case_id=case.id, actor=actor)


def stop(*, case: Case, not_me: bool = False) -> None:
    """Stop in the hold window; with `not_me` the answer showed somebody else (law O-07)."""
    plan = stoppable(case)
    if plan is None:
        raise Conflict("erasure_runs", "")
    actor = Actor.person(case.id)
    if not_me:
        breaches.report_wrong_person(case_id=case.id, actor=actor)
    else:
        erasure.stop_plan(plan_id=plan.id, actor=actor)

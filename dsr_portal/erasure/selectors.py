from collections.abc import Sequence
from uuid import UUID

from dsr_portal.erasure.models import Plan, PlanState, Step, Verification


def current_plan(case_id: UUID) -> Plan | None:
    """The plan in force, else the newest that was stopped."""
    rows = Plan.objects.filter(case_id=case_id).order_by("-frozen_at")
    return rows.exclude(state=PlanState.STOPPED).first() or rows.first()


def steps(case_id: UUID) -> Sequence[Step]:
    plan = current_plan(case_id)
    return list(plan.steps.order_by("ordinal")) if plan else []


def verifications(case_id: UUID) -> Sequence[Verification]:
    """What was checked about each store, for the plan in force."""
    plan = current_plan(case_id)
    return list(plan.verifications.order_by("checked_at", "store")) if plan else []

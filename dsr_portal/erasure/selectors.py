from collections.abc import Sequence
from uuid import UUID

from dsr_portal.cases.models import Case
from dsr_portal.cases.states import OVER
from dsr_portal.erasure.models import Plan, PlanRecord, PlanState, Step, Verification
from dsr_portal.jobs.models import Job, JobState

VERIFY = "erasure.verify"


def current_plan(case_id: UUID) -> Plan | None:
    """The plan of what the person asked: the one in force, else the newest that was stopped."""
    rows = Plan.objects.filter(case_id=case_id, own=False).order_by("-frozen_at")
    return rows.exclude(state=PlanState.STOPPED).first() or rows.first()


def opened_again_since(plan: Plan, case: Case) -> bool:
    """Whether the request was opened again after this plan was done: a plan that is done closes its
    request, and what a second answer tells of has a plan of its own (law O-03)."""
    return plan.state == PlanState.DONE and case.status not in OVER


def own_plan(case_id: UUID) -> Plan | None:
    """The plan of what the controller decided by itself about a named page, if one stands."""
    rows = Plan.objects.filter(case_id=case_id, own=True).exclude(state=PlanState.STOPPED)
    return rows.order_by("-frozen_at").first()


def steps(case_id: UUID) -> Sequence[Step]:
    plan = current_plan(case_id)
    return list(plan.steps.order_by("ordinal")) if plan else []


def verifications(case_id: UUID) -> Sequence[Verification]:
    """What was checked about each store, for the plan in force."""
    plan = current_plan(case_id)
    return list(plan.verifications.order_by("checked_at", "store")) if plan else []


def shared_pictures(case_id: UUID) -> Sequence[PlanRecord]:
    """Records of the plan in force whose picture others share, with what was decided of it."""
    plan = current_plan(case_id)
    if plan is None:
        return []
    rows = plan.records.exclude(picture=PlanRecord.Picture.WHOLE)
    return list(rows.select_related("plan").order_by("record_id"))


def checks_failed(plan: Plan) -> bool:
    """Whether the checks of an erasure failed for good and wait for a person (R30)."""
    if plan.state != PlanState.VERIFYING or plan.verified_at is not None:
        return False
    newest = Job.objects.filter(kind=VERIFY, subject=str(plan.id)).order_by("-created_at").first()
    return newest is not None and newest.state == JobState.FAILED

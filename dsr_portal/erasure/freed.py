"""Erasing what showed the abuse of a child, once no authority needs it any more (law C-09).

Two senior officers said so: who confirmed it, and who wrote down the word of police or hotline. It
moves no case and tells the person nothing; the certificate stays with the documents of the case.
"""

from functools import partial
from uuid import UUID

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.cases.moves import lock, quietly
from dsr_portal.cases.page_wishes import LETTER_LEFT
from dsr_portal.core import clock
from dsr_portal.erasure import duplicates, services
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.erasure.selectors import own_plan
from dsr_portal.gallery.models import PutAside, Record, SourceImage


def start_due() -> int:
    """Plan the erasure of every picture that is free; how many plans began."""
    rows = PutAside.objects.filter(state=PutAside.State.FREED)
    left = rows.exclude(image__state=SourceImage.State.ERASED).order_by("freed_at")
    return sum(
        quietly(partial(_start, row_id), doing="erasure of what was put aside", of=row_id)
        for row_id in list(left.values_list("id", flat=True))
    )


def _start(put_aside_id: UUID) -> bool:
    """One at a time in a case: the next waits until the plan before it is done.

    A picture in which no record stands goes as a whole, as a copy without a face does.
    """
    with unit_of_work():
        row = PutAside.objects.select_related("image").get(id=put_aside_id)
        if row.case_id is None:
            return False
        case = lock(row.case_id)
        if case.status not in LETTER_LEFT:
            return False
        standing = Record.objects.filter(image=row.image_id).exclude(state=Record.State.ERASED)
        record_ids = sorted(standing.values_list("id", flat=True))
        plan = own_plan(case.id)
        if plan is None or plan.state == PlanState.DONE:
            plan = _new_plan(case, row)
        if plan.state != PlanState.WAITING:
            return False
        if not record_ids:
            who = {"first": row.confirmed_by, "second": row.freed_by}
            duplicates.let_go(plan, row.image, **who, at=row.freed_at)
        services.begin(plan, case, record_ids, services.approver_of(plan))
    return plan.state == PlanState.HOLD


def _new_plan(case: Case, row: PutAside) -> Plan:
    """In the names of the two: who confirmed it and who wrote down that it may be erased."""
    moment = clock.now()
    return Plan.objects.create(
        case=case,
        own=True,
        state=PlanState.WAITING,
        frozen_at=moment,
        hold_until=moment,
        requested_by=row.confirmed_by,
        requester_role=Role.SUPERVISOR,
        approver=row.freed_by,
        approver_role=Role.SUPERVISOR,
    )

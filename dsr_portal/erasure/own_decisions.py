"""Erasing pictures by the controller's own decision, for a page somebody named (end of rule R6).

Two persons decided it about the picture, whoever it shows, and the person was told neutrally. So
nothing of it moves the case, shows on its page or reaches the person: the certificate stays sealed
with the documents of the case (R2, R3).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import evidence_locks, page_wishes
from dsr_portal.cases.models import Case, Delivery, DeliveryKind
from dsr_portal.cases.moves import lock, quietly
from dsr_portal.cases.page_models import PageVerdict
from dsr_portal.core import clock
from dsr_portal.erasure import duplicates, services
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.erasure.selectors import own_plan
from dsr_portal.gallery.models import Record, SourceImage


def start_due() -> int:
    """Plan what two persons decided to erase, once the letter left; how many plans began."""
    return sum(
        quietly(partial(_start, case.id), doing="own erasure", of=case.id)
        for case in page_wishes.erasures_due()
    )


def _start(case_id: UUID) -> bool:
    """Freeze the plan of what is left to erase, or try one that waits; whether it began."""
    with unit_of_work():
        case = lock(case_id)
        wanted = page_wishes.to_erase(case)
        standing = SourceImage.objects.filter(id__in=wanted)
        images = list(standing.exclude(state=SourceImage.State.ERASED).order_by("id"))
        plan = own_plan(case.id)
        if not images or (plan is not None and plan.state != PlanState.WAITING):
            return False
        if evidence_locks.in_force(case.id) is not None:
            return False
        if plan is None:
            plan = _new_plan(case)
        record_ids = _records(images)
        _pictures_without_face(plan, images, record_ids, wanted)
        services.begin(plan, case, sorted(record_ids), services.approver_of(plan))
    return plan.state == PlanState.HOLD


def _new_plan(case: Case) -> Plan:
    """In the name of who agreed: the person under whose name the letter left."""
    letters = Delivery.objects.filter(case=case, kind=DeliveryKind.LETTER)
    left = letters.filter(released_at__isnull=False).order_by("-created_at").first()
    if left is None:
        raise services.not_decided()
    moment = clock.now()
    return Plan.objects.create(
        case=case,
        own=True,
        state=PlanState.WAITING,
        frozen_at=moment,
        hold_until=moment,
        requested_by=left.approved_by,
        requester_role=left.approver_role,
        approver=left.approved_by,
        approver_role=left.approver_role,
    )


def _records(images: Sequence[SourceImage]) -> dict[UUID, UUID]:
    """Every face that stands in one of the pictures, with its picture."""
    rows = Record.objects.filter(image__in=images).exclude(state=Record.State.ERASED)
    return dict(rows.values_list("id", "image_id"))


def _pictures_without_face(
    plan: Plan,
    images: Sequence[SourceImage],
    records: Mapping[UUID, UUID],
    wanted: Mapping[UUID, PageVerdict],
) -> None:
    """They go as a whole, as copies without a face do; the two persons are those of the verdict."""
    for image in images:
        if image.id in records.values():
            continue
        verdict = wanted[image.id]
        duplicates.let_go(
            plan,
            image,
            first=verdict.decided_by,
            second=verdict.agreed_by,
            at=verdict.agreed_at,
        )

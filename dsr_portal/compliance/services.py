"""Opening cases to an authority and making audit reports (GDPR Art. 31, 58(1); law O-06, L-25)."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.compliance.models import AuditReport, CaseGrant, Order, ReportState
from dsr_portal.compliance.selectors import may_read
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed, NotFound
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import enqueue
from dsr_portal.law import authorities

KIND = "compliance.audit_report"
TRAIL = "trail.json"
ORDERS = "orders.json"
SEARCHES = "searches.json"
_SCHEDULE = Actor.system("compliance")
# The DPO decides no case (law G-02) but works with the authority (GDPR Art. 39(1)(d), (e)).
MAY_GRANT = frozenset({Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})


def grant_case(*, case_id: UUID, authority_code: str, until: datetime, actor: Actor) -> CaseGrant:
    """Open one case to one authority until a moment; a second grant only moves the end."""
    if actor.kind != "staff" or actor.role not in MAY_GRANT:
        raise NotAllowed("grant_role", _("Only a supervisor, the DPO or a director opens a case."))
    if until <= clock.now():
        raise BadInput("grant_over", _("Choose an end in the future."))
    code = authorities.normalise(authority_code)
    if code not in authorities.all_authorities():
        raise BadInput("no_authority", _("There is no authority with this code."))
    with unit_of_work():
        case = Case.objects.select_for_update().filter(id=case_id).first()
        if case is None:
            raise NotFound("no_case", _("There is no such case."))
        grant, _created = CaseGrant.objects.update_or_create(
            case=case,
            authority_code=code,
            revoked_at=None,
            defaults={"granted_by": actor.id, "since": clock.now(), "until": until},
        )
        record(
            "oversight.granted",
            actor=actor,
            case_id=case.id,
            subject_id=grant.id,
            authority=code,
            until=clock.local_date(until),
        )
    return grant


def request_report(*, case_id: UUID, authority_code: str, actor: Actor) -> AuditReport:
    """Queue an audit report; each is a new document and prints the trail's head of its moment."""
    if not may_read(actor=actor, authority_code=authority_code, case_id=case_id):
        raise NotFound("no_case", _("There is no such case."))
    with unit_of_work():
        report = AuditReport.objects.create(
            case_id=case_id,
            authority_code=authority_code,
            requested_by=actor.id,
            requester_role=actor.role,
            requested_at=clock.now(),
        )
        record(
            "oversight.report_requested",
            actor=actor,
            case_id=case_id,
            subject_id=report.id,
            authority=authority_code or "none",
        )
        enqueue(
            kind=KIND,
            subject=report.id,
            idempotency_key=f"{KIND}:{report.id}",
        )
    return report


def looked_at(*, case_id: UUID, authority_code: str, actor: Actor, what: str) -> None:
    """Every look of an authority is in the trail (law O-06)."""
    with unit_of_work():
        record(
            "oversight.viewed",
            actor=actor,
            case_id=case_id,
            authority=authority_code or "none",
            what=what,
        )


def looked_at_order(*, order: Order, authority_code: str, actor: Actor) -> None:
    """A look at an order: in the trail like a look at a case (law O-06)."""
    with unit_of_work():
        record(
            "oversight.viewed",
            actor=actor,
            subject_id=order.id,
            authority=authority_code or "none",
            what="order",
        )


def close_failed() -> int:
    """Mark reports whose job has failed for good, so that no page waits for them."""
    closed = 0
    for report in AuditReport.objects.filter(state=ReportState.QUEUED):
        failed = Job.objects.filter(
            kind=KIND, subject=str(report.id), state=JobState.FAILED
        ).first()
        if failed is None:
            continue
        with unit_of_work():
            row = AuditReport.objects.select_for_update().get(id=report.id)
            if row.state != ReportState.QUEUED:
                continue
            row.state, row.error_code = ReportState.FAILED, failed.error_code
            row.save(update_fields=["state", "error_code"])
            record(
                "oversight.report_failed",
                actor=_SCHEDULE,
                case_id=row.case_id,
                subject_id=row.id,
                reason=failed.error_code,
            )
            closed += 1
    return closed

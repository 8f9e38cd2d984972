import json
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit import services as audit
from dsr_portal.compliance import board, orders, report, services
from dsr_portal.compliance.models import AuditReport, ReportState
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Kind
from dsr_portal.jobs.context import JobContext

ACTOR = Actor.system("compliance")


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode()


def audit_report(ctx: JobContext) -> None:
    """Make the audit PDF with the case's events attached for machines."""
    row = AuditReport.objects.select_related("case").filter(id=ctx.subject_id).first()
    if row is None or row.state != ReportState.QUEUED:
        return
    with translation.override(settings.LANGUAGE_CODE):
        built = report.build(
            case=row.case,
            authority_code=row.authority_code,
            requested_by=row.requested_by,
            role=row.requester_role,
        )
    files = {
        services.TRAIL: built.export,
        services.ORDERS: built.touching.data(),
        services.SEARCHES: {"case": row.case.reference, "searches": built.searches},
    }
    ctx.must_be_ours()
    prepared = documents.prepare_document(
        kind=Kind.AUDIT,
        case_id=row.case_id,
        reference=row.case.reference,
        template="documents/audit.html",
        context=built.context,
        language=settings.LANGUAGE_CODE,
        title=_("Audit report of one case"),
        attachments={name: _json(content) for name, content in files.items()},
        # The head trail.json ends with, so that the print proves the file.
        head=audit.Head(built.export["head"]["number"], built.export["head"]["hash"]),
        sheet=report.SHEET,
    )
    with ctx.complete():
        document = prepared.save(actor=ACTOR)
        row.document_id = document.id
        row.trail_verified = built.verified
        row.state = ReportState.READY
        row.save(update_fields=["document_id", "trail_verified", "state"])
        audit.record(
            "oversight.report_made",
            actor=ACTOR,
            case_id=row.case_id,
            subject_id=row.id,
            document_id=document.id,
            sha256=document.sha256,
            trail_verified=built.verified,
            first_broken=built.verification.first_broken,
            missing=list(built.missing),
        )


job_kinds.register(JobKind(name=services.KIND, queue="light", handler=audit_report))
job_kinds.register(JobKind(name=orders.KIND, queue="light", handler=orders.run_checks))
job_kinds.register(JobKind(name=board.KIND, queue="light", handler=board.make))

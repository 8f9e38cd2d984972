"""The pages of data protection authorities: read only, scoped, every look in the trail."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.services import actor_for, staff_of
from dsr_portal.audit import selectors as audit
from dsr_portal.audit import services as audit_services
from dsr_portal.cases.models import Case
from dsr_portal.compliance import accountability, concerning, selectors, services
from dsr_portal.compliance.models import AuditReport, Order, ReportState
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.documents import services as documents
from dsr_portal.law import authorities


def _reader(request: HttpRequest) -> tuple[Actor, str]:
    staff = staff_of(request)
    return actor_for(staff), staff.authority_code


def _case(actor: Actor, code: str, reference: str) -> Case:
    found = selectors.case_for(actor=actor, authority_code=code, reference=reference)
    if found is None:
        raise NotFound("no_case", _("There is no such case, or it was not opened to you."))
    return found


@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """The cases this reader may see."""
    actor, code = _reader(request)
    cases = selectors.cases_open_to(actor=actor, authority_code=code)
    context = {
        "cases": cases.prefetch_related("rights"),
        "outcomes": selectors.outcomes(cases),
        "lines": accountability.register(),
        "authority": authorities.get(code) if code else None,
        "head": audit_services.head(),
    }
    return render(request, "oversight/register.html", context)


@require_GET
def head(request: HttpRequest) -> HttpResponse:
    """The newest head, to keep: with it a later change of the trail shows."""
    return render(request, "oversight/head.html", {"head": audit_services.head()})


@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The orders of this reader's authority with their state; the DPO reads all."""
    actor, code = _reader(request)
    found = concerning.readable_orders(actor=actor, authority_code=code).order_by(
        "-served_on", "id"
    )
    rows = [(one, concerning.authority_name(one.authority_code)) for one in found]
    return render(request, "oversight/orders.html", {"orders": rows})


@require_GET
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """One order: its dates, what each check says, the penalty; the look itself is an event."""
    actor, code = _reader(request)
    found = concerning.readable_orders(actor=actor, authority_code=code).filter(id=order_id).first()
    if found is None:
        raise NotFound("no_order", _("There is no such order, or it is not yours."))
    services.looked_at_order(order=found, authority_code=code, actor=actor)
    context = {
        "order": found,
        "authority": concerning.authority_name(found.authority_code),
        "fulfilled": concerning.fulfilled(found),
        "penalty": concerning.penalty_words(found),
        "measures": _measures(found, actor, code),
    }
    return render(request, "oversight/order.html", context)


def _measures(found: Order, actor: Actor, code: str) -> list[tuple[str, str, list[Case], int]]:
    """Each measure with its check, the named cases that are open to this reader, and how many
    others it names."""
    open_here = selectors.cases_open_to(actor=actor, authority_code=code)
    rows = []
    for one in concerning.measures_of(found):
        named = [row.case_id for row in one.cases.all()]
        shown = list(open_here.filter(id__in=named))
        words = concerning.check_words(one)
        rows.append((str(one.get_kind_display()), words, shown, len(named) - len(shown)))
    return rows


@require_GET
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """One case: its dates, reports and trail; the look itself is an event."""
    actor, code = _reader(request)
    found = _case(actor, code, reference)
    services.looked_at(case_id=found.id, authority_code=code, actor=actor, what="case")
    reports = selectors.reports(actor=actor, authority_code=code, case_id=found.id)
    context = {
        "case": found,
        "reports": reports,
        "waiting": any(report.state == ReportState.QUEUED for report in reports),
        "timeline": audit.timeline(found.id),
        "open_until": selectors.open_until(authority_code=code, case_id=found.id),
    }
    return render(request, "oversight/case.html", context)


@require_POST
def request_report(request: HttpRequest, reference: str) -> HttpResponse:
    """Queue a report; the page tells when it is there."""
    actor, code = _reader(request)
    found = _case(actor, code, reference)
    services.request_report(case_id=found.id, authority_code=code, actor=actor)
    return redirect("oversight:case", reference=reference)


@require_GET
def download(request: HttpRequest, reference: str, report_id: UUID) -> HttpResponse:
    """A report made for this reader's authority; the download is an event."""
    actor, code = _reader(request)
    found = _case(actor, code, reference)
    wanted = "" if actor.kind == "staff" else code
    report = AuditReport.objects.filter(
        id=report_id, case=found, authority_code=wanted, state=ReportState.READY
    ).first()
    if report is None or report.document_id is None:
        raise NotFound("no_report", _("There is no such report."))
    services.looked_at(case_id=found.id, authority_code=code, actor=actor, what="report")
    response = HttpResponse(
        documents.open_document(report.document_id), content_type="application/pdf"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{found.reference}.pdf"'
    return response

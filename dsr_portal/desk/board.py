"""Figures over many requests, and the monthly reports (law G-01, L-18, B-09)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dsr_portal.compliance import board, statistics
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import for_governance


@for_governance
@require_GET
def figures(request: HttpRequest, actor: Actor) -> HttpResponse:
    context = {"figures": statistics.of_last_year(), "reports": board.reports()}
    return render(request, "desk/figures.html", context)


@for_governance
@require_GET
def report(request: HttpRequest, actor: Actor, report_id: UUID) -> HttpResponse:
    response = HttpResponse(board.pdf_of(report_id=report_id), content_type="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="board-report.pdf"'
    return response

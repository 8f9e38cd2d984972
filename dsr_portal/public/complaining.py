"""The papers for a complaint, on the page of a request (R25)."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from dsr_portal.cases import complaint
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.public.status import with_case


@require_GET
@with_case
def pack(request: HttpRequest, case: Case) -> HttpResponse:
    """Made now and not kept; the same whatever was found (R3)."""
    data = complaint.pack(case=case, actor=Actor.person(case.id))
    response = HttpResponse(data, content_type="application/zip")
    name = f"complaint-{case.reference}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

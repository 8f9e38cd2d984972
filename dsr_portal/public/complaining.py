"""What a person takes away from the page of a request: papers for a complaint (R25), own data."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dsr_portal.cases import complaint
from dsr_portal.cases.models import Case, Status
from dsr_portal.core.actor import Actor
from dsr_portal.matching import own_data as taking_along
from dsr_portal.public.status import with_case


@require_GET
@with_case
def pack(request: HttpRequest, case: Case) -> HttpResponse:
    """Made now and not kept; the same whatever was found (R3)."""
    data = complaint.pack(case=case, actor=Actor.person(case.id))
    return _zip(data, f"complaint-{case.reference}.zip")


@require_GET
@with_case
def own_data(request: HttpRequest, case: Case) -> HttpResponse:
    """What they gave us, for machines, while it is here (Art. 20; law E-10)."""
    if case.status == Status.PURGED:
        messages.info(request, _("The data of this request are deleted."))
        return redirect("public:case")
    data = taking_along.package(case=case, actor=Actor.person(case.id))
    return _zip(data, f"own-data-{case.reference}.zip")


def _zip(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

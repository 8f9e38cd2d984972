"""How long pictures of each source are kept, what ends when, and what waits (N-08, A-16)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import for_orders
from dsr_portal.erasure import term_ends
from dsr_portal.gallery import terms


@for_orders
@require_GET
def gallery_terms(request: HttpRequest, actor: Actor) -> HttpResponse:
    rows = [(one, terms.words(one.term)) for one in term_ends.overview()]
    return render(request, "desk/gallery_terms.html", {"rows": rows})

"""One page dealt with for who does not show who they are (rule R6); nothing of any match."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.cases import page_wishes
from dsr_portal.cases.models import Case, WayIn, WayKind
from dsr_portal.cases.selectors import way_text
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.public import sending
from dsr_portal.public.forms import OnePageForm
from dsr_portal.public.status import with_case


@require_http_methods(["GET", "POST"])
@with_case
def one_page(request: HttpRequest, case: Case) -> HttpResponse:
    """Choose one page or file that was named, or name a page now; while it waits, take it back."""
    wish = page_wishes.in_force(case)
    if wish is None and not page_wishes.may_ask(case):
        messages.info(request, _("We are already working on the whole request."))
        return redirect("public:case")
    if wish is not None and request.method == "POST":
        page_wishes.take_back(case_id=case.id, actor=Actor.person(case.id))
        messages.success(request, _("Taken back. Your whole request goes on."))
        return redirect("public:case")
    form = OnePageForm(request.POST or None, named=named(case))
    if request.method == "POST" and form.is_valid():
        try:
            sending.one_page(case=case, **form.chosen())
        except Conflict as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("We have it. Two people look at this one page."))
            return redirect("public:case")
    context = {
        "form": form,
        "wish": wish,
        "wished": words_of(case, wish.way) if wish is not None else "",
    }
    status = 422 if form.errors else 200
    return render(request, "public/one_page.html", context, status=status)


def named(case: Case) -> list[tuple[str, str]]:
    """What can be chosen, as the person wrote it."""
    return [(str(way.id), words_of(case, way)) for way in page_wishes.ways_to_choose(case)]


def words_of(case: Case, way: WayIn) -> str:
    return way_text(case, way) if way.kind == WayKind.PAGE else _("The file you sent")

"""One page dealt with for who does not show who they are: the wish, and what is decided (R6)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import page_wishes
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, WayIn, WayKind
from dsr_portal.cases.page_models import PageWish
from dsr_portal.core.actor import Actor
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import OnePageForm, OnePageWishForm
from dsr_portal.disclosure import named_page


@for_reviewers
@require_http_methods(["GET", "POST"])
def one_page(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Write the wish down, or decide about each picture at what was named; no picture is shown."""
    found = cases.case_for(staff_of(request), reference)
    wish = page_wishes.in_force(found)
    if wish is None:
        return _wish(request, actor, found)
    if request.POST.get("do") == "back":
        page_wishes.take_back(case_id=found.id, actor=actor)
        messages.success(request, _("Taken back. The whole request goes on."))
        return redirect("desk:case", reference=found.reference)
    return _decide(request, actor, found, wish)


def _wish(request: HttpRequest, actor: Actor, found: Case) -> HttpResponse:
    named = [(str(way.id), words_of(found, way)) for way in page_wishes.ways_to_choose(found)]
    form = OnePageWishForm(request.POST or None, named=named)

    def act() -> None:
        page_wishes.ask(case_id=found.id, way_id=form.cleaned_data["which"], actor=actor)

    if done(request, form, act, _("Written down. Now it can be decided.")):
        return redirect("desk:one_page", reference=found.reference)
    may_ask = page_wishes.may_ask(found)
    return form_page(
        request, "desk/one_page.html", found, form, wish=None, may_ask=may_ask, named=named
    )


def _decide(request: HttpRequest, actor: Actor, found: Case, wish: PageWish) -> HttpResponse:
    pictures = named_page.look(wish)
    form = OnePageForm(request.POST or None, pictures=pictures)

    def act() -> None:
        named_page.propose(
            case_id=found.id,
            actor=actor,
            verdicts=form.verdicts(),
            why=form.cleaned_data["why"],
        )

    if done(request, form, act, _("The letter is being made. Another person reads all of it.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(
        request,
        "desk/one_page.html",
        found,
        form,
        wish=wish,
        wished=words_of(found, wish.way),
        pictures=pictures,
        not_yet=named_page.why_not_yet(found) or named_page.writer_barred(wish, actor),
    )


def words_of(found: Case, way: WayIn) -> str:
    if way.kind == WayKind.PAGE:
        return cases.way_text(found, way)
    return str(way.get_kind_display())

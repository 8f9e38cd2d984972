"""Pages for saying no: the whole request, one picture of the answer, one of the erasure."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import refusals
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, HeldBack
from dsr_portal.core.actor import Actor
from dsr_portal.core.templatetags.ui import day
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import HoldBackForm, RefusalForm
from dsr_portal.disclosure import lengthening, withholding
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.law.articles import EXEMPTIONS, REFUSAL_GROUNDS, WITHHOLDING
from dsr_portal.matching import selectors as matching

TEMPLATE = "desk/refuse.html"


def proposed_words() -> str:
    return _("Proposed. Nothing changes before another person agrees.")


@for_reviewers
@require_http_methods(["GET", "POST"])
def refuse(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The evidence form of Art. 12(5); two others agree, one of them a supervisor (law R-04)."""
    found = cases.case_for(staff_of(request), reference)
    form = RefusalForm(request.POST or None)

    def act() -> None:
        refusals.propose(case_id=found.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, proposed_words()):
        return redirect("desk:case", reference=found.reference)
    return form_page(
        request,
        TEMPLATE,
        found,
        form,
        title=_("Refuse as abusive"),
        lead=_(
            "We have to prove it: what happened, and that the aim is abusive. Two more persons "
            "agree, one of them a supervisor. The person gets every word of it."
        ),
        not_yet=refusals.why_not(found),
    )


@for_reviewers
@require_http_methods(["GET", "POST"])
def hold_back(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Hold one picture back from the answer; the answer says so and why (law R-02)."""
    found = cases.case_for(staff_of(request), reference)
    return _one_picture(
        request,
        actor,
        found,
        withholding.withhold,
        pictures=_pictures(found, HeldBack.ANSWER),
        not_yet=withholding.why_not(found),
        title=_("Hold one picture back from the answer"),
        lead=_(
            "Other people's faces are covered anyway. This is for one picture that can't be shown "
            "even so. The answer names it as a partial refusal."
        ),
    )


@for_reviewers
@require_http_methods(["GET", "POST"])
def hold_back_code(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Hold the face code of one picture back; it is given unless two persons say why not (A-04)."""
    found = cases.case_for(staff_of(request), reference)
    return _one_picture(
        request,
        actor,
        found,
        withholding.withhold_template,
        pictures=_pictures(found, HeldBack.TEMPLATE),
        not_yet=withholding.why_not(found),
        title=_("Hold one face code back from the answer"),
        lead=_(
            "The face code is the person's own data and is given. This is for one that can't be: "
            "say whose rights it would harm and how. The picture stays in the answer, which prints "
            "the reason."
        ),
    )


@for_reviewers
@require_http_methods(["GET", "POST"])
def exempt(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Keep one picture although erasure was asked: on a ground of Art. 17(3), until a day."""
    found = cases.case_for(staff_of(request), reference)
    return _one_picture(
        request,
        actor,
        found,
        withholding.exempt,
        pictures=_pictures(found, HeldBack.ERASURE),
        dated=True,
        not_yet=withholding.why_not(found),
        title=_("Keep one picture from the erasure"),
        lead=_(
            "One picture at a time, on one ground, until a day. It stays locked and out of search, "
            "and the answer says so."
        ),
    )


@for_reviewers
@require_http_methods(["GET", "POST"])
def lengthen(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Keep one picture longer than was said, before its last day (Art. 17(3)); or let it end."""
    found = cases.case_for(staff_of(request), reference)
    return _one_picture(
        request,
        actor,
        found,
        lengthening.lengthen,
        pictures=_kept(found),
        dated=True,
        not_yet=lengthening.why_not(found),
        title=_("Keep one picture longer"),
        lead=_(
            "Only where it is still needed: with its ground, the facts and a later day, before the "
            "last day that was said. The person gets a letter and can complain. Do nothing, and "
            "its erasure starts the day after."
        ),
    )


def _one_picture(
    request: HttpRequest,
    actor: Actor,
    found: Case,
    propose: Callable[..., object],
    *,
    pictures: list[tuple[str, str]],
    dated: bool = False,
    **shown: Any,
) -> HttpResponse:
    """The form of a proposal about one picture on one ground; what is kept has a last day.

    Kept until a day is for a ground of Art. 17(3); held back is for a ground of refusal.
    """
    of_grounds = EXEMPTIONS if dated else {one: REFUSAL_GROUNDS[one] for one in sorted(WITHHOLDING)}
    form = HoldBackForm(
        request.POST or None,
        pictures=pictures,
        grounds=[(one.value, facts.text) for one, facts in of_grounds.items()],
        dated=dated,
    )

    def act() -> None:
        propose(case_id=found.id, actor=actor, **_chosen(form))

    if done(request, form, act, proposed_words()):
        return redirect("desk:case", reference=found.reference)
    return form_page(request, TEMPLATE, found, form, **shown)


def _kept(found: Case) -> list[tuple[str, str]]:
    """The pictures that are kept, by number in the answer and last day."""
    return [
        (
            str(row.record_id),
            _("Picture %(number)s: kept until %(day)s")
            % {
                "number": lengthening.number_in_answer(found, row.record_id) or _("not shown"),
                "day": day(row.until),
            },
        )
        for row in lengthening.lengthenable(found)
    ]


def _chosen(form: HoldBackForm) -> dict[str, Any]:
    return {**form.cleaned_data, "record_id": UUID(form.cleaned_data["record_id"])}


def _pictures(found: Case, what: HeldBack) -> list[tuple[str, str]]:
    """The confirmed pictures not held back yet, by number and where each stood."""
    outcome = matching.held_now(found.id)
    held = cases.held_back(found.id, what)
    same = [one for one in outcome.same if one not in held] if outcome else []
    images = dict(Record.objects.filter(id__in=same).values_list("id", "image_id"))
    held_by = connector.current()
    return [
        (
            str(one),
            _("Picture %(number)s: %(page)s")
            % {"number": number, "page": held_by.facts(images[one]).page_url or _("no page")},
        )
        for number, one in enumerate(same, start=1)
        if one in images
    ]

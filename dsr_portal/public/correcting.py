"""Saying what is wrong in a picture of the answer, and what is right (Art. 16; law E-01).

Only once the answer was opened: before that nothing outside tells that there is a picture (R3).
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.cases import mandates
from dsr_portal.cases.correction_models import Correction, Wrong
from dsr_portal.cases.letters import named_person
from dsr_portal.cases.models import Case
from dsr_portal.cases.texts import day_words
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import Breach
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.disclosure import correcting
from dsr_portal.disclosure.contents import appearance_rows
from dsr_portal.disclosure.correcting import Place
from dsr_portal.public import deleting, representing, sessions
from dsr_portal.public.forms import CorrectionForm
from dsr_portal.public.status import with_case


@require_http_methods(["GET", "POST"])
@with_case
def correct(request: HttpRequest, case: Case) -> HttpResponse:
    """The person: one thing at a time: which picture, what is wrong, what is right."""
    return _page(request, case, Actor.person(case.id), "public:case", "public:correct")


@require_http_methods(["GET", "POST"])
def correct_for(request: HttpRequest) -> HttpResponse:
    """Who acts for the person, where they read the answer: the same, on their own page (R11)."""
    mandate = representing.acts_here(request)
    if mandate is None or not mandates.may_read_answer(mandate):
        return redirect("public:representing")
    with translation.override(mandate.case.language):
        here = ("public:representing", "public:correct_for")
        return _page(request, mandate.case, representing.actor_of(mandate), *here)


def _page(request: HttpRequest, case: Case, actor: Actor, back: str, here: str) -> HttpResponse:
    problem = correcting.why_not(case, actor)
    if problem is not None:
        messages.info(request, str(problem.message))
        return redirect(back)
    found = correcting.places(case)
    form = CorrectionForm(request.POST or None, places=[(one.key, _name(one)) for one in found])
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["what"] == Wrong.NOT_ME:
            return _not_me(request, case, actor, form.cleaned_data)
        row = _said(case, actor, form)
        if row is not None:
            words = _(
                "We have it. The picture is locked while we look. You get an answer by %(day)s."
            )
            messages.success(request, words % {"day": day_words(row.due_on)})
            return redirect(here)
    context = {
        "case": case,
        "form": form,
        "back": reverse(back),
        "pictures": [(_name(one), appearance_rows(one.facts)) for one in found],
        **deleting.correction_context(case),
    }
    status = 422 if form.errors else 200
    return render(request, "public/correct.html", context, status=status)


def _said(case: Case, actor: Actor, form: CorrectionForm) -> Correction | None:
    try:
        return correcting.ask(case_id=case.id, actor=actor, **form.cleaned_data)
    except PortalError as error:
        form.add_error(None, str(error.message))
        return None


def _not_me(request: HttpRequest, case: Case, actor: Actor, given: dict[str, Any]) -> HttpResponse:
    """It shows somebody else: the links close first, then the picture is marked (O-07, E-01)."""
    breach = breaches.report_wrong_person(case_id=case.id, actor=actor)
    sessions.forget_grant(request)
    try:
        correcting.ask(case_id=case.id, actor=actor, **given)
    except PortalError as error:
        messages.info(request, str(error.message))
    return told(request, case, breach, acts=actor.role == "representative")


def told(request: HttpRequest, case: Case, breach: Breach, *, acts: bool) -> HttpResponse:
    """What follows, by whom and when, with the way back to the page of who said it."""
    context = {
        "case": case,
        "write_by": breach.write_by,
        "person": named_person(case),
        "acts": acts,
        # Nobody writes to the dead: then who acts is who gets the words, as before.
        "to_person": acts and not mandates.is_for_the_dead(case),
    }
    return render(request, "public/not_me_told.html", context)


def _name(place: Place) -> str:
    if place.second:
        return _("Picture %(number)s, place %(second)s") % {
            "number": place.number,
            "second": place.second + 1,
        }
    return _("Picture %(number)s") % {"number": place.number}

"""The controller's other systems: their list, and what each held for one case (law A-17)."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import other_systems
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.cases.other_models import SearchedOutcome, SystemKind
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_governance, for_reviewers


class SystemForm(PlainForm):
    """One system outside the portal that people search by hand."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=SystemKind.choices)


class SearchedForm(PlainForm):
    """What one system holds of the person."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("What was found"), choices=SearchedOutcome.choices
    )
    words = forms.CharField(
        label=gettext_lazy("What it holds, or why it can hold nothing"),
        help_text=gettext_lazy("The person reads this in the answer, word for word."),
        max_length=other_systems.MAX_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@for_governance
@require_GET
def register(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _register(request, actor, SystemForm())


def _register(request: HttpRequest, actor: Actor, form: SystemForm) -> HttpResponse:
    context = {
        "rows": other_systems.register(),
        "listed": other_systems.listed(),
        "none": other_systems.none_stated(),
        "is_director": actor.role == Role.DIRECTOR,
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "desk/other_systems.html", context, status=status)


@for_governance
@require_POST
def act(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a system, end one, or state that there are none."""
    do = request.POST.get("do")
    if do == "none":
        other_systems.state_none(actor=actor)
        messages.success(request, _("Stated. It stands until a system is listed."))
        return redirect("desk:other_systems")
    if do == "end":
        other_systems.end(system_id=_id(request), actor=actor)
        messages.success(request, _("Ended. No case waits for it any more."))
        return redirect("desk:other_systems")
    form = SystemForm(request.POST)
    if form.is_valid():
        other_systems.enter(actor=actor, **form.cleaned_data)
        messages.success(request, _("Listed. Answers that are not made yet wait for it."))
        return redirect("desk:other_systems")
    return _register(request, actor, form)


@for_reviewers
@require_http_methods(["GET", "POST"])
def searched(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """One line for each system: what it holds of this person."""
    found = cases.case_for(staff_of(request), reference)
    if request.method == "GET":
        return _searched(request, found, SearchedForm())
    form = SearchedForm(request.POST)
    if form.is_valid():
        try:
            other_systems.state(
                case_id=found.id, system_id=_id(request), actor=actor, **form.cleaned_data
            )
        except PortalError as error:
            form.add_error("words", error.message)
    if not form.is_valid():
        return _searched(request, found, form, about=request.POST.get("system", ""))
    messages.success(request, _("Written down."))
    return redirect("desk:searched", reference=found.reference)


def _searched(
    request: HttpRequest, case: Case, form: SearchedForm, about: str = ""
) -> HttpResponse:
    context = {
        "case": case,
        "lines": other_systems.lines(case),
        "none": other_systems.none_stated(),
        "outcomes": SearchedOutcome.choices,
        "form": form,
        "about": about,
    }
    status = 422 if form.errors else 200
    return render(request, "desk/searched.html", context, status=status)


def _id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("system", ""))
    except ValueError:
        raise NotFound("no_system", _("There is no such entry.")) from None

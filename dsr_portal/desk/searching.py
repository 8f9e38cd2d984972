"""The controller's other systems: their list, standing answers, and what each held for one case
(law A-17)."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import found_files, other_systems, standing_answers
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, RightCode
from dsr_portal.cases.other_models import (
    OthersInIt,
    SearchedOutcome,
    SystemKind,
    ThereErased,
)
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import ChoiceCards, PlainForm
from dsr_portal.desk.access import for_governance, for_reviewers


class SystemForm(PlainForm):
    """One system outside the portal that people search by hand."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=SystemKind.choices)


class StandingForm(PlainForm):
    """Why one system can hold nothing of anybody, and when that is looked at again."""

    system = forms.ChoiceField(label=gettext_lazy("System"), widget=forms.Select)
    reason = forms.CharField(
        label=gettext_lazy("Why it can hold nothing about a person who asks"),
        help_text=gettext_lazy("People read this in their answer, word for word."),
        max_length=standing_answers.MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    until = forms.DateField(
        label=gettext_lazy("Looked at again by"),
        help_text=gettext_lazy("At most a year ahead. After that day each case asks again."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(one.id), one.name) for one in other_systems.listed()]
        cast("forms.ChoiceField", self.fields["system"]).choices = choices


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


class ErasedForm(PlainForm):
    """What became of what was found in one system."""

    erased = forms.ChoiceField(
        label=gettext_lazy("What became of it there"), choices=ThereErased.choices
    )
    words = forms.CharField(
        label=gettext_lazy("What was deleted, or why it is kept and until when"),
        help_text=gettext_lazy("The person reads this in the certificate, word for word."),
        max_length=other_systems.MAX_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class FoundFileForm(PlainForm):
    """A file that was found in one system, with what is said of other people in it."""

    upload = forms.FileField(
        label=gettext_lazy("The file"),
        help_text=gettext_lazy("PDF, picture or plain text, up to 20 MB."),
    )
    what = forms.CharField(
        label=gettext_lazy("What it is"),
        help_text=gettext_lazy("The person reads this in the answer, word for word."),
        max_length=found_files.MAX_WHAT,
    )
    others = forms.ChoiceField(
        label=gettext_lazy("Other people in it"), choices=OthersInIt.choices, widget=ChoiceCards
    )

    def clean_upload(self) -> bytes:
        """The bytes as they came; the confined child looks at them (R28)."""
        upload = self.cleaned_data["upload"]
        if upload.size > settings.DSR_MAX_UPLOAD:
            raise forms.ValidationError(
                _("This file is too large. We take up to 20 MB."), code="too_large"
            )
        data: bytes = upload.read()
        return data


@for_governance
@require_GET
def register(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _register(request, actor, SystemForm())


def _register(
    request: HttpRequest, actor: Actor, form: SystemForm, standing: StandingForm | None = None
) -> HttpResponse:
    standing = standing or StandingForm()
    settled = standing_answers.to_settle()
    in_force = {row.id for row in standing_answers.in_force().values()}
    rows = other_systems.register()
    context = {
        "rows": rows,
        "standing_rows": [
            {"system": one, "row": settled[one.id], "in_force": settled[one.id].id in in_force}
            for one in rows
            if one.id in settled
        ],
        "listed": other_systems.listed(),
        "none": other_systems.none_stated(),
        "is_director": actor.role == Role.DIRECTOR,
        "me": actor.id,
        "form": form,
        "standing": standing,
    }
    status = 422 if form.errors or standing.errors else 200
    return render(request, "desk/other_systems.html", context, status=status)


@for_governance
@require_POST
def act(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a system, end one, state that there are none; propose a standing answer or settle it."""
    do = request.POST.get("do", "")
    if do == "propose":
        return _propose(request, actor)
    if do in _STEPS:
        said = _STEPS[do](request, actor)
        messages.success(request, said)
        return redirect("desk:other_systems")
    form = SystemForm(request.POST)
    if form.is_valid():
        other_systems.enter(actor=actor, **form.cleaned_data)
        messages.success(request, _("Listed. Answers that are not made yet wait for it."))
        return redirect("desk:other_systems")
    return _register(request, actor, form)


def _propose(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = StandingForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            standing_answers.propose(
                system_id=UUID(given["system"]),
                reason=given["reason"],
                until=given["until"],
                actor=actor,
            )
        except PortalError as error:
            form.add_error("until" if error.code == "standing_until" else "reason", error.message)
    if not form.is_valid():
        return _register(request, actor, SystemForm(), form)
    messages.success(request, _("Proposed. It stands once another person agrees."))
    return redirect("desk:other_systems")


def _none(request: HttpRequest, actor: Actor) -> str:
    other_systems.state_none(actor=actor)
    return _("Stated. It stands until a system is listed.")


def _end(request: HttpRequest, actor: Actor) -> str:
    other_systems.end(system_id=_id(request), actor=actor)
    return _("Ended. No case waits for it any more.")


def _agree(request: HttpRequest, actor: Actor) -> str:
    standing_answers.agree(standing_id=_id(request, "standing"), actor=actor)
    return _("Agreed. It answers for every case until its day.")


def _end_standing(request: HttpRequest, actor: Actor) -> str:
    standing_answers.end(standing_id=_id(request, "standing"), actor=actor)
    return _("Ended. Each case asks about this system again.")


_STEPS: dict[str, Callable[[HttpRequest, Actor], str]] = {
    "none": _none,
    "end": _end,
    "agree": _agree,
    "end_standing": _end_standing,
}


@for_reviewers
@require_http_methods(["GET", "POST"])
def searched(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """One line for each system: what it holds of this person, files of it, what became of it."""
    found = cases.case_for(staff_of(request), reference)
    if request.method == "GET":
        return _searched(request, found, _forms())
    do = request.POST.get("do", "state")
    if do == "take":
        found_files.take_away(case_id=found.id, file_id=_id(request, "file"), actor=actor)
    else:
        forms_now = _forms(request, do)
        if not _stated(request, found, actor, do, forms_now.get(do)):
            return _searched(request, found, forms_now, about=request.POST.get("system", ""))
    messages.success(request, _("Written down."))
    return redirect("desk:searched", reference=found.reference)


_FORMS: dict[str, type[PlainForm]] = {
    "state": SearchedForm,
    "erased": ErasedForm,
    "file": FoundFileForm,
}


def _attach(*, upload: bytes, **said: Any) -> None:
    found_files.attach(data=upload, **said)


_SERVICES: dict[str, Callable[..., Any]] = {
    "state": other_systems.state,
    "erased": other_systems.state_erased,
    "file": _attach,
}
_FIELD_OF = {"file_others": "others", "file_what": "what"}


def _forms(request: HttpRequest | None = None, do: str = "") -> dict[str, PlainForm]:
    """Each form of a line; the one that was sent with what was written in it."""
    return {
        name: kind(request.POST, request.FILES) if request is not None and name == do else kind()
        for name, kind in _FORMS.items()
    }


def _stated(
    request: HttpRequest, case: Case, actor: Actor, do: str, form: PlainForm | None
) -> bool:
    if form is None:
        raise NotFound("no_step", _("There is no such step."))
    if form.is_valid():
        try:
            _SERVICES[do](case_id=case.id, system_id=_id(request), actor=actor, **form.cleaned_data)
        except PortalError as error:
            field = _FIELD_OF.get(error.code, "upload" if do == "file" else "words")
            form.add_error(field, error.message)
    return form.is_valid()


def _searched(
    request: HttpRequest, case: Case, forms_now: dict[str, PlainForm], about: str = ""
) -> HttpResponse:
    wrong = next((form for form in forms_now.values() if form.errors), None)
    context = {
        "case": case,
        "lines": other_systems.lines(case),
        "none": other_systems.none_stated(),
        "outcomes": SearchedOutcome.choices,
        "there": ThereErased.choices,
        "others": OthersInIt.choices,
        "erasure_asked": case.rights.filter(right=RightCode.ERASURE).exists(),
        "form": forms_now["state"],
        "erased": forms_now["erased"],
        "file": forms_now["file"],
        "wrong": wrong,
        "about": about,
    }
    return render(request, "desk/searched.html", context, status=422 if wrong else 200)


def _id(request: HttpRequest, name: str = "system") -> UUID:
    try:
        return UUID(request.POST.get(name, ""))
    except ValueError:
        raise NotFound("no_system", _("There is no such entry.")) from None

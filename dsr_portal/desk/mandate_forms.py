"""Forms about who acts for the person (R11)."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.asking import MAX_ASK
from dsr_portal.cases.child_models import ActsFor
from dsr_portal.cases.mandate_models import (
    AnswerTo,
    MandateDoubt,
    MandateKind,
    MandateMeans,
    MandateRefusal,
)
from dsr_portal.cases.messages import MAX_WORDS
from dsr_portal.core import clock
from dsr_portal.core.forms import ChoiceBoxes, ChoiceCards, PlainForm


def read_document(upload: Any) -> bytes:
    """The bytes as they came; nobody opens them outside the confined child (R28)."""
    if not upload:
        return b""
    if upload.size > settings.DSR_MAX_UPLOAD:
        raise forms.ValidationError(
            _("This file is too large. We take up to 20 MB."), code="too_large"
        )
    data: bytes = upload.read()
    return data


class MandateForm(PlainForm):
    """Who acts, and what the mandate says; nothing is asked that it does not need."""

    kind = forms.ChoiceField(
        label=_("Who acts for the person?"), choices=MandateKind.choices, widget=ChoiceCards
    )
    name = forms.CharField(label=_("Name"), max_length=200)
    organisation = forms.CharField(label=_("Organisation"), required=False, max_length=200)
    email = forms.EmailField(
        label=_("E-mail address of who acts"),
        help_text=_("Never the person's own: each of the two gets a link that is theirs."),
        required=False,
    )
    postal = forms.CharField(
        label=_("Postal address of who acts"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    rights = forms.MultipleChoiceField(label=_("What does it cover?"), widget=ChoiceBoxes)
    answer_to = forms.ChoiceField(
        label=_("To whom does it say the answer goes?"),
        help_text=_("Where it says nothing: to the person."),
        choices=AnswerTo.choices,
        initial=AnswerTo.PERSON,
        widget=ChoiceCards,
    )
    until = forms.DateField(
        label=_("Its last day"),
        help_text=_("Year-month-day, if it names one."),
        required=False,
    )
    law_of = forms.CharField(
        label=_("For who died: the state whose law counts"),
        help_text=_("Two letters, like FR."),
        required=False,
        max_length=2,
    )
    document = forms.FileField(
        label=_("The mandate as it came"),
        help_text=_("Kept encrypted. A copy is enough; no notary, no form of ours."),
        required=False,
    )

    def __init__(self, *args: Any, rights: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rights"] = forms.MultipleChoiceField(
            label=self.fields["rights"].label,
            choices=rights,
            initial=[right for right, _label in rights],
            widget=ChoiceBoxes,
        )

    def clean_document(self) -> bytes:
        return read_document(self.cleaned_data.get("document"))


class AcceptMandateForm(PlainForm):
    words = forms.CharField(
        label=_("What did you look at?"),
        help_text=_("Kept in the case file. For who died: which national rule lets them act."),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class AskMandateForm(PlainForm):
    """One ask: the fact, a sentence, and at least two free ways to mend it."""

    doubts = forms.MultipleChoiceField(
        label=_("Which fact makes us ask?"), choices=MandateDoubt.choices, widget=ChoiceBoxes
    )
    words = forms.CharField(
        label=_("Say it in a sentence"),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    means = forms.MultipleChoiceField(
        label=_("What can they choose from?"),
        help_text=_("At least two. We never ask for a notary or a certified copy."),
        choices=MandateMeans.choices,
        widget=ChoiceBoxes,
    )


class RefuseMandateForm(PlainForm):
    reason = forms.ChoiceField(
        label=_("Why is it not accepted?"), choices=MandateRefusal.choices, widget=ChoiceCards
    )
    words = forms.CharField(
        label=_("Say it to them in a sentence"),
        help_text=_("Who acts and the person both read it."),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != MandateKind.HEIR:
            self.fields["reason"] = forms.ChoiceField(
                label=self.fields["reason"].label,
                choices=[
                    one for one in MandateRefusal.choices if one[0] != MandateRefusal.NATIONAL_LAW
                ],
                widget=ChoiceCards,
            )


class EndMandateForm(PlainForm):
    compared = forms.CharField(
        label=_("How did the person tell us that nobody acts for them any more?"),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class RecoverForm(PlainForm):
    """Whose second factor is renewed, and how an officer knows that it is them (R11)."""

    compared = forms.CharField(
        label=_("How do you know that it is them?"),
        help_text=_("A call back to a number you found yourself, a register, a visit."),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ChildForm(PlainForm):
    """What an officer decides about a child's request (law C-01, C-02)."""

    acts = forms.ChoiceField(label=_("Who asks?"), choices=ActsFor.choices, widget=ChoiceCards)
    interest = forms.CharField(
        label=_("What is in the child's own interest, and how do you know?"),
        help_text=_("What the child said, in their words. Kept in the case file."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    conflict = forms.BooleanField(
        label=_("Child and guardian, or two guardians, want different things"),
        help_text=_("Nothing goes on before a supervisor, another person, has decided."),
        required=False,
    )
    photo = forms.BooleanField(
        label=_("A photo may be sent and compared"),
        help_text=_("Only where nothing milder finds the pictures, and the child wants it."),
        required=False,
    )


class SeveralFiles(forms.ClearableFileInput):
    """One field, many files; where nothing is kept there is nothing to clear."""

    template_name = "django/forms/widgets/file.html"
    allow_multiple_selected = True


class PapersField(forms.FileField):
    """Mandates by the names of their files, as they came."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> dict[str, bytes]:
        uploads = [one for one in data or [] if one]
        names = [one.name for one in uploads]
        if len(set(names)) != len(names):
            raise forms.ValidationError(_("Two files have the same name."), code="same_name")
        return {one.name: read_document(one) for one in uploads}


class BatchForm(PlainForm):
    """A list of people and the mandate of each; checked before anything is made (R11)."""

    kind = forms.ChoiceField(
        label=_("Who acts for these people?"),
        choices=[
            one
            for one in MandateKind.choices
            if one[0] not in {MandateKind.PARENT, MandateKind.HEIR}
        ],
        widget=ChoiceCards,
    )
    name = forms.CharField(label=_("Name"), max_length=200)
    organisation = forms.CharField(label=_("Organisation"), required=False, max_length=200)
    email = forms.EmailField(label=_("E-mail address of who acts"), required=False)
    postal = forms.CharField(
        label=_("Postal address of who acts"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    received = forms.DateField(
        label=_("On which day did it reach us?"),
        help_text=_("Year-month-day. The month of each request counts from it."),
    )
    listed = forms.FileField(
        label=_("The list (CSV)"),
        help_text=_(
            "First line: name, email, postal, rights, pages, language, answer_to, until, mandate."
            " One person a line; rights and pages with a space between them; mandate is the name"
            " of the file."
        ),
    )
    papers = PapersField(label=_("The mandates (PDF), one for each line"))
    only_good = forms.BooleanField(
        label=_("Make only the good lines"),
        help_text=_("Where whoever sent the list wants that. The others can be sent again."),
        required=False,
    )

    def clean_received(self) -> date:
        day: date = self.cleaned_data["received"]
        if day > clock.today():
            raise forms.ValidationError(_("A request can't arrive in the future."))
        return day

    def clean_listed(self) -> bytes:
        return read_document(self.cleaned_data["listed"])

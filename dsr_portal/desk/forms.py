from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.models import IdentityElement, IdentityWay, Status
from dsr_portal.core.forms import ChoiceCards, PlainForm
from dsr_portal.law import authorities
from dsr_portal.matching.models import Verdict


class QueueForm(forms.Form):
    """The filter bar of the queue; every view of the list has an address."""

    q = forms.CharField(label=_("Reference"), required=False, max_length=12)
    status = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Open"))] + list(Status.choices)
    )
    mine = forms.BooleanField(label=_("Waits for me"), required=False)


class IdentityForm(PlainForm):
    """What an officer records about who is asking (R6, R7)."""

    way = forms.ChoiceField(
        label=_("How did you check who is asking?"),
        choices=IdentityWay.choices,
        widget=ChoiceCards,
    )
    element = forms.ChoiceField(
        label=_("Which further, independent fact fits?"),
        choices=[("", _("None yet")), *IdentityElement.choices],
        required=False,
        widget=ChoiceCards,
        help_text=_("Look first at what is already there. No photo or camera way counts alone."),
    )
    compared = forms.CharField(
        label=_("What did you compare with what?"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=1500,
    )


class ViewForm(PlainForm):
    """A first view, before the band is shown (R21)."""

    decision = forms.ChoiceField(
        label=_("What do you see?"), choices=Verdict.choices, widget=ChoiceCards
    )


class ConfirmForm(ViewForm):
    """The decision itself. A changed view needs a reason, and so does a supervisor's decision."""

    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=1500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed when you change your view."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["decision"].label = _("What do you decide?")


def _authority_choices() -> list[tuple[str, str]]:
    return [(one.code, f"{one.code}: {one.name}") for one in authorities.states()]


class AuthorityForm(PlainForm):
    """Opening a case to an authority for a time (law O-06)."""

    authority = forms.ChoiceField(label=_("Authority"), choices=_authority_choices)
    days = forms.IntegerField(label=_("For how many days"), min_value=1, max_value=365, initial=90)

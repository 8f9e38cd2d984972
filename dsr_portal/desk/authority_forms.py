"""Forms of the pages about authorities: stops of collection, orders, breaches, the director."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dsr_portal.compliance.collection import MAX_REASON
from dsr_portal.compliance.models import StopReason
from dsr_portal.core.forms import PlainForm
from dsr_portal.gallery.models import Source


class StopForm(PlainForm):
    """What is collected no more: rules about the source, never about a nationality (R23)."""

    reason = forms.ChoiceField(
        label=_("Why does collection stop?"), choices=StopReason.choices, widget=forms.Select
    )
    country = forms.CharField(
        label=_("Only from sites of this country"),
        help_text=_("Two letters, like FR. Empty: from everywhere. It is the site's country."),
        required=False,
        max_length=2,
    )
    language = forms.CharField(
        label=_("Only in this language"),
        help_text=_("Two letters, like fr. Empty: in every language."),
        required=False,
        max_length=3,
    )
    with_place = forms.BooleanField(
        label=_("Only pictures that come with place data"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"] = forms.ModelChoiceField(
            label=_("Only from this source"),
            queryset=Source.objects.order_by("name"),
            required=False,
            empty_label=_("Every source"),
        )


class LiftForm(PlainForm):
    """Why collection may go on."""

    reason = forms.CharField(
        label=_("Why may collection go on?"),
        help_text=_("What changed, and which decision allows it. No names of persons."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

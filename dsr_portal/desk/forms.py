from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases.models import Channel, IdentityElement, IdentityWay, Status
from dsr_portal.core.forms import ChoiceCards, PlainForm
from dsr_portal.law import authorities
from dsr_portal.matching.models import Verdict
from dsr_portal.matching.probes import MAX_REFERENCE
from dsr_portal.matching.reviews import MAX_REASON

VIEW, CONFIRM = "view", "confirm"


class QueueForm(forms.Form):
    """The filter bar of the queue; every view of the list has an address."""

    q = forms.CharField(label=_("Reference"), required=False, max_length=12)
    status = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Open")), *Status.choices]
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
        max_length=MAX_REASON,
    )


class ConsentForm(PlainForm):
    """A consent that came on paper, by mail or by phone (R8)."""

    channel = forms.ChoiceField(
        label=_("How did the consent reach us?"),
        choices=[choice for choice in Channel.choices if choice[0] != Channel.WEB],
        widget=forms.Select,
    )
    reference = forms.CharField(
        label=_("Where is it kept?"),
        max_length=MAX_REFERENCE,
        help_text=_("For example the number of the letter. The person's own words, not a note."),
    )


ASK_PHOTO = _(
    "We can't look for you yet with what you sent. A photo of your face would let us: you can send"
    " one on this page. If you'd rather not, tell us here what else we could look for, or call us."
)


class MessageForm(PlainForm):
    """Words to the person, shown on the page of their request and never in a mail."""

    text = forms.CharField(
        label=_("Write to the person"),
        help_text=_("Nothing of what a search found: that is for the answer (rule R3)."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    waits = forms.BooleanField(
        label=_("The request waits for what they say"), required=False, initial=True
    )

    def __init__(self, *args: Any, can_wait: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_wait:
            del self.fields["waits"]


class AuthorityForm(PlainForm):
    """Which data protection authority may read this case."""

    def __init__(self, *args: Any, country: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = authorities.all_authorities()
        codes = Staff.objects.filter(role=Role.REGULATOR, is_active=True)
        there = sorted(set(codes.values_list("authority_code", flat=True)) & set(known))
        named = [(code, f"{code}: {known[code].short or known[code].name}") for code in there]
        initial = country if country in there else None
        self.fields["authority"] = forms.ChoiceField(
            label=_("Authority"), choices=named, initial=initial
        )


class DecisionForm(PlainForm):
    """What a person sees, and after the band was shown what they decide (R21).

    `picture` and `stage` say what the page showed, so that a form sent twice changes nothing.
    """

    picture = forms.UUIDField(widget=forms.HiddenInput)
    stage = forms.ChoiceField(choices=[(VIEW, VIEW), (CONFIRM, CONFIRM)], widget=forms.HiddenInput)
    decision = forms.ChoiceField(
        label=_("What do you see?"),
        choices=[(verdict.value, capfirst(verdict.label)) for verdict in Verdict],
        widget=ChoiceCards,
    )
    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed when you change your view."),
    )

    def __init__(self, *args: Any, stage: str, supervisor: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if stage == VIEW:
            del self.fields["reason"]
            return
        self.fields["decision"].label = _("What do you decide?")
        if supervisor:
            self.fields["reason"].help_text = _("A supervisor's decision always has a reason.")

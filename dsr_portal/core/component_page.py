"""Every component in every state on one page: for page authors, and for the axe test (WCAG 2.2)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from dsr_portal.core import clock
from dsr_portal.core.forms import ChoiceBoxes, ChoiceCards, CodeInput, PhotoInput, PlainForm


class SampleForm(PlainForm):
    """One field of each kind."""

    right = forms.MultipleChoiceField(
        label=_("What do you want from us?"),
        help_text=_("You can choose both."),
        choices=[("access", _("Tell me what you hold")), ("erasure", _("Delete it"))],
        widget=ChoiceBoxes(hints={"access": _("With pictures, sources and who was shown them.")}),
    )
    way = forms.ChoiceField(
        label=_("How can we find you?"),
        choices=[("photo", _("With a photo")), ("page", _("With a page address"))],
        widget=ChoiceCards(hints={"photo": _("We make a face code of it, then delete both.")}),
    )
    photo = forms.FileField(
        label=_("Your photo"),
        help_text=_("JPEG, PNG, WEBP or HEIC, up to 20 MB. We delete it when your request ends."),
        widget=PhotoInput(),
    )
    address = forms.EmailField(label=_("E-mail address"), required=False)
    code = forms.CharField(
        label=_("Receipt code"),
        help_text=_("16 letters and digits from your receipt."),
        widget=CodeInput(),
    )
    words = forms.CharField(
        label=_("Is there anything we should know?"),
        required=False,
        widget=forms.Textarea({"rows": 4}),
    )
    agree = forms.BooleanField(
        label=_("Compare my photo with the pictures you hold"),
        help_text=_("You can withdraw this at any time."),
    )


class SampleFilters(forms.Form):
    q = forms.CharField(label=_("Reference"), required=False)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any")), ("review", _("Review"))]
    )


class SampleDecision(forms.Form):
    decision = forms.ChoiceField(
        label=_("Is this the same person?"),
        choices=[
            ("same", _("1 Same person")),
            ("not_same", _("2 Not the same")),
            ("inconclusive", _("3 Can't tell")),
        ],
        widget=ChoiceCards,
    )


def sample_context() -> dict[str, Any]:
    """Everything `ui/all.html` shows; dates are relative to today."""
    today, moment = clock.today(), clock.now()
    face = static("sample-face.svg")
    return {
        "plain_form": SampleForm(prefix="plain"),
        "form": SampleForm(data={"form-address": "mina@"}, prefix="form"),
        "filters": SampleFilters(prefix="list"),
        "decision": SampleDecision(prefix="decide"),
        "dates": [today + timedelta(days=days) for days in (21, 3, 0, -2)],
        "due": today + timedelta(days=12),
        "moment": moment,
        "summary": [
            {"key": _("What you want"), "value": _("Tell me what you hold"), "change": "#right"},
            {"key": _("Your photo"), "value": _("One photo, face found"), "change": "#photo"},
            {"key": _("Reference"), "value": "K7M-2QX4"},
        ],
        "steps": [
            {"title": _("Received"), "state": "done", "when": _("3 March 2026")},
            {
                "title": _("Checking"),
                "state": "now",
                "text": _("A person compares your photo with possible matches."),
            },
            {"title": _("Answer ready"), "state": "next", "when": _("by 2 April 2026")},
        ],
        "facts": [
            (_("Reference"), "K7M-2QX4"),
            (_("Rights"), _("Access, erasure")),
            (_("Level"), "L2"),
            (_("With"), "Nadia Roth"),
        ],
        "activity": [
            {"when": moment, "text": _("Photo checked: one face, sharp, well lit"), "who": "A-17"},
            {"when": moment - timedelta(hours=2), "text": _("Request received")},
        ],
        "chips": [("all", _("All")), ("mine", _("Mine")), ("late", _("Late"))],
        "rows": [(_("Received"), 42), (_("Checking"), 17), (_("Answer ready"), 9), (_("Late"), 0)],
        "left": {
            "src": face,
            "original": face,
            "alt": _("The person's photo"),
            "caption": _("Photo sent"),
        },
        "right": {
            "src": face,
            "original": face,
            "alt": _("Picture from the gallery"),
            "caption": _("Possible match 3 of 7"),
        },
        "face": face,
        "authority": {
            "name": "Autoriteit Persoonsgegevens",
            "address": "Postbus 93374, 2509 AJ Den Haag",
            "url": "https://www.autoriteitpersoonsgegevens.nl/",
        },
    }


def component_page(request: HttpRequest) -> HttpResponse:
    """The demo mounts this at /demo/ui/."""
    return render(request, "ui/all.html", sample_context())

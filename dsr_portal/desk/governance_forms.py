"""Forms of the pages about how the portal itself is answered for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dsr_portal.compliance.ai_act import LONGEST as LONGEST_PROOF
from dsr_portal.compliance.processor_models import ProcessorRole
from dsr_portal.core.forms import PlainForm
from dsr_portal.gallery import terms
from dsr_portal.law import authorities
from dsr_portal.policy.assessment import LONGEST, LONGEST_ADVICE, Said
from dsr_portal.policy.assessment_draft import PARTS
from dsr_portal.policy.assessment_models import AiClass, Assessment

_DAY = {"type": "date"}
MAX_WORDS = 500
"""As a setting keeps reason and note."""


class TermForm(PlainForm):
    """The days for which pictures of a source are kept, why, and what the DPIA says of it."""

    days = forms.IntegerField(
        label=_("Days for which pictures of this source are kept"),
        help_text=_("A term that was stated can be changed, not taken away."),
        min_value=1,
        max_value=terms.LONGEST,
    )
    reason = forms.CharField(
        label=_("Why this term?"),
        help_text=_("No names of persons."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    dpia_note = forms.CharField(
        label=_("Note to the impact assessment"),
        help_text=_("What it says of this change, or where."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def said(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "value": given["days"],
            "reason": given["reason"],
            "dpia_note": given["dpia_note"],
        }


class AssessmentForm(PlainForm):
    """Every part of the impact assessment, the consultation and the class under the AI Act."""

    risk_stays_high = forms.ChoiceField(
        label=_("Is a high risk left after the measures?"),
        choices=[("", _("not stated yet")), ("no", _("No")), ("yes", _("Yes: Art. 36 applies"))],
        required=False,
    )
    consulted_on = forms.DateField(
        label=_("Consulted on"), widget=forms.DateInput(attrs=_DAY), required=False
    )
    ai_class = forms.ChoiceField(
        label=_("Class under the AI Act"),
        choices=[("", _("not stated yet")), *AiClass.choices],
        required=False,
    )
    ai_class_by = forms.CharField(label=_("Author of the memo"), max_length=120, required=False)
    ai_class_on = forms.DateField(
        label=_("Date of the memo"), widget=forms.DateInput(attrs=_DAY), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for part in PARTS:
            self.fields[part.code] = forms.CharField(
                label=part.title,
                help_text=part.law,
                max_length=LONGEST,
                required=False,
                widget=forms.Textarea(attrs={"rows": 8}),
            )
        known = authorities.all_authorities()
        self.fields["consulted"] = forms.ChoiceField(
            label=_("Authority consulted (Art. 36)"),
            choices=[("", _("none")), *((code, known[code].name) for code in sorted(known))],
            required=False,
        )
        first = [part.code for part in PARTS]
        self.order_fields([*first, "risk_stays_high", "consulted", "consulted_on"])

    @classmethod
    def of(cls, version: Assessment) -> "AssessmentForm":
        high = {None: "", True: "yes", False: "no"}[version.risk_stays_high]
        return cls(
            initial={
                **version.sections,
                "risk_stays_high": high,
                "consulted": version.consulted,
                "consulted_on": version.consulted_on,
                "ai_class": version.ai_class,
                "ai_class_by": version.ai_class_by,
                "ai_class_on": version.ai_class_on,
            }
        )

    def sections(self) -> dict[str, str]:
        return {part.code: self.cleaned_data[part.code] for part in PARTS}

    def said(self) -> Said:
        given = self.cleaned_data
        return Said(
            risk_stays_high={"yes": True, "no": False}.get(given["risk_stays_high"]),
            consulted=given["consulted"],
            consulted_on=given["consulted_on"],
            ai_class=given["ai_class"],
            ai_class_by=given["ai_class_by"],
            ai_class_on=given["ai_class_on"],
        )


class AdviceForm(PlainForm):
    advice = forms.CharField(
        label=_("Your advice"),
        max_length=LONGEST_ADVICE,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class BanForm(PlainForm):
    """Since when no faces are collected from the internet, and what shows it (AI-02)."""

    stopped_on = forms.DateField(
        label=_("Collection stopped on"), widget=forms.DateInput(attrs=_DAY)
    )
    proof = forms.CharField(
        label=_("What shows it"),
        help_text=_("An order, a log, a contract that ended. No names of persons who asked us."),
        max_length=LONGEST_PROOF,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ProcessorForm(PlainForm):
    """One processor with its contract, or a server of the controller's own (P-15)."""

    name = forms.CharField(label=_("Name"), max_length=120)
    role = forms.ChoiceField(label=_("What for"), choices=ProcessorRole.choices)
    hosts = forms.CharField(
        label=_("Its servers"),
        help_text=_("Hosts as the settings name them, like mail.example.org, spaces between."),
        max_length=500,
        required=False,
    )
    country = forms.CharField(
        label=_("Country"), help_text=_("Two letters, like NL."), max_length=2, required=False
    )
    contract_on = forms.DateField(
        label=_("Contract signed on"), widget=forms.DateInput(attrs=_DAY), required=False
    )
    terms = forms.CharField(
        label=_("Terms of Art. 28(3)"),
        help_text=_("Which contract, and where it has instructions, secrecy, security, deletion."),
        max_length=500,
        required=False,
    )
    safeguard = forms.CharField(
        label=_("Safeguard for a transfer outside the EEA"), max_length=300, required=False
    )

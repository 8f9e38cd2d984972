"""Forms of the pages about authorities: stops of collection, orders, breaches, the director."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.compliance.accountable_models import Duty
from dsr_portal.compliance.breaches import MAX_WORDS as MAX_FACT
from dsr_portal.compliance.collection import MAX_REASON
from dsr_portal.compliance.models import (
    Basis,
    BreachKind,
    MeasureKind,
    Penalty,
    Pictures,
    Spared,
    StopReason,
)
from dsr_portal.compliance.orders import MAX_WORDS
from dsr_portal.compliance.retention import MAX_REFERENCE
from dsr_portal.core import clock
from dsr_portal.core.forms import PlainForm
from dsr_portal.gallery.models import Source
from dsr_portal.law import authorities


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


class UnlockForm(PlainForm):
    """Why a picture may be used again."""

    reason = forms.CharField(
        label=_("Why may it be used again?"),
        help_text=_("What changed since it was locked. No names of persons."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class LiftForm(PlainForm):
    """Why collection may go on."""

    reason = forms.CharField(
        label=_("Why may collection go on?"),
        help_text=_("What changed, and which decision allows it. No names of persons."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _attached(upload: Any) -> bytes:
    """The bytes as they came; nobody opens them (R28)."""
    if upload.size > settings.DSR_MAX_UPLOAD:
        raise forms.ValidationError(
            _("This file is too large. We take up to 20 MB."), code="too_large"
        )
    data: bytes = upload.read()
    return data


def _authorities() -> list[tuple[str, str]]:
    known = authorities.all_authorities()
    return [(code, f"{code}: {known[code].short or known[code].name}") for code in sorted(known)]


class OrderForm(PlainForm):
    """An order or question of an authority, as it was served (law O-01, O-02)."""

    reference = forms.CharField(label=_("Its reference"), max_length=80)
    basis = forms.ChoiceField(label=_("Its power"), choices=Basis.choices, widget=forms.Select)
    served_on = forms.DateField(label=_("Served on"), help_text=_("Year-month-day."))
    due_on = forms.DateField(
        label=_("Due on"), help_text=_("As the authority wrote it. It is never moved.")
    )
    penalty = forms.ChoiceField(
        label=_("Penalty"), choices=Penalty.choices, initial=Penalty.NONE, widget=forms.Select
    )
    penalty_amount = forms.DecimalField(
        label=_("Amount"), required=False, min_value=0, max_digits=14, decimal_places=2
    )
    penalty_cap = forms.DecimalField(
        label=_("Highest sum of a daily penalty"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
    )
    currency = forms.RegexField(label=_("Currency"), regex=r"\A[A-Z]{3}\Z", initial="EUR")
    document = forms.FileField(
        label=_("The order itself"),
        help_text=_("As it came. It is kept encrypted and handed out unopened."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        directors = Staff.objects.filter(role=Role.DIRECTOR, is_active=True)
        self.fields["owner"] = forms.ChoiceField(
            label=_("Who answers for it"), choices=[(one.staff_no, str(one)) for one in directors]
        )
        self.fields["authority_code"] = forms.ChoiceField(
            label=_("Authority"), choices=_authorities()
        )
        self.order_fields(["authority_code"])

    def clean_document(self) -> bytes:
        return _attached(self.cleaned_data["document"])

    def clean_served_on(self) -> date:
        day: date = self.cleaned_data["served_on"]
        if day > clock.today():
            raise forms.ValidationError(_("An order can't be served in the future."))
        return day


class MeasureForm(PlainForm):
    """One thing an order asks for."""

    kind = forms.ChoiceField(
        label=_("What is ordered?"), choices=MeasureKind.choices, widget=forms.Select
    )
    words = forms.CharField(
        label=_("In the order's words"),
        help_text=_("Kept encrypted with the order."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    named = forms.CharField(
        label=_("References of the cases"),
        help_text=_("One a line; for requests to answer, an erasure, persons to inform."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    country = forms.CharField(
        label=_("Only from sites of this country"),
        help_text=_("For a stop, or an erasure without cases. Two letters; empty: all."),
        required=False,
        max_length=2,
    )
    language = forms.CharField(label=_("Only in this language"), required=False, max_length=3)
    with_place = forms.BooleanField(
        label=_("Only pictures that come with place data"), required=False
    )

    def clean_named(self) -> list[str]:
        return self.cleaned_data["named"].split()


class EvidenceForm(PlainForm):
    """What shows that an order is complied with."""

    evidence = forms.FileField(
        label=_("What shows it"), help_text=_("One file, up to 20 MB. It is kept encrypted.")
    )

    def clean_evidence(self) -> bytes:
        return _attached(self.cleaned_data["evidence"])


class ChallengeForm(PlainForm):
    """The court that looks at an order (law O-05)."""

    court = forms.CharField(label=_("Court"), max_length=120)
    reference = forms.CharField(label=_("Its reference"), max_length=80)
    suspensive = forms.BooleanField(
        label=_("The court suspended the order"),
        help_text=_("Without such a decision it stays due."),
        required=False,
    )


class DecisionForm(PlainForm):
    """Which decision ended an order."""

    decision = forms.CharField(label=_("Which decision ended it?"), max_length=120)


class DayForm(PlainForm):
    on = forms.DateField(label=_("The authority confirmed on"), help_text=_("Year-month-day."))


_MOMENT = _("Year-month-day and hour, like 2026-03-01 14:30.")


def _text(label: Any, **more: Any) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(label=label, max_length=MAX_FACT, widget=area, **more)


class BreachForm(PlainForm):
    """A breach as somebody noticed it."""

    kind = forms.ChoiceField(
        label=_("What happened?"), choices=BreachKind.choices, widget=forms.Select
    )
    aware_at = forms.DateTimeField(label=_("Since when do we know of it?"), help_text=_MOMENT)
    reference = forms.CharField(
        label=_("Reference of the case, if it is about one"), required=False, max_length=12
    )


class FactsForm(PlainForm):
    """What Art. 33(3) asks for."""

    nature = _text(_("What happened, and whose data are concerned?"))
    effects = _text(_("What may follow for the persons?"))
    measures = _text(_("What was done, and what will be?"))
    people = forms.IntegerField(label=_("About how many persons"), required=False, min_value=0)
    records = forms.IntegerField(
        label=_("About how many pictures or records"), required=False, min_value=0
    )


class NoticeForm(PlainForm):
    """The authority that is notified."""

    late = _text(_("Why after more than 72 hours?"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["authority_code"] = forms.ChoiceField(
            label=_("Authority"), choices=_authorities()
        )
        self.order_fields(["authority_code"])


class NotifiedForm(PlainForm):
    at = forms.DateTimeField(label=_("When did the authority get it?"), help_text=_MOMENT)


class TellForm(PlainForm):
    """A letter to one person about the breach (Art. 34(2)), in plain words."""

    reference = forms.CharField(label=_("Reference of the person's case"), max_length=12)
    nature = _text(_("What happened?"))
    effects = _text(_("What it may mean for them"))
    measures = _text(_("What we do, and what they can do"))


class SpareForm(PlainForm):
    """What is not done, and why; another person agrees."""

    what = forms.ChoiceField(
        label=_("What is not done?"), choices=Spared.choices, widget=forms.Select
    )
    reason = _text(_("Why?"))


class TurnDownForm(PlainForm):
    """Why a proposal not to do something is turned down."""

    reason = _text(_("Why not?"))

    def __init__(self, *args: Any, about: UUID, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"id_{about}_%s", **kwargs)
        self.about = about


class HoldForm(PlainForm):
    """An authority inspects: which, under which reference, and what it wants kept as it is."""

    reference = forms.CharField(
        label=_("Its reference"),
        help_text=_("As the authority writes it. No names of persons who asked us."),
        max_length=MAX_REFERENCE,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["authority_code"] = forms.ChoiceField(
            label=_("Authority"), choices=_authorities()
        )
        self.fields["pictures"] = forms.ChoiceField(
            label=_("Does the authority want pictures kept as they are?"),
            help_text=_("Erasures that people asked for wait as long."),
            choices=self._pictures(),
        )
        self.order_fields(["authority_code", "reference", "pictures"])

    @staticmethod
    def _pictures() -> list[tuple[str, Any]]:
        """None, all, or those of one source by its name."""
        whole = [(one.value, one.label) for one in (Pictures.NONE, Pictures.ALL)]
        named = [
            (
                f"{Pictures.SOURCE}:{one.id}",
                _("Pictures of %(source)s") % {"source": one.name},
            )
            for one in Source.objects.order_by("name")
        ]
        return [*whole, *named]

    def said(self) -> dict[str, Any]:
        """What `retention.hold` takes."""
        said: dict[str, Any] = dict(self.cleaned_data)
        kind, _colon, source = said.pop("pictures").partition(":")
        return {**said, "pictures": kind, "source_id": UUID(source) if source else None}


class ActForm(PlainForm):
    """The director acts: what, who, until when (R24)."""

    what = forms.CharField(
        label=_("What is done?"),
        help_text=_("No names of persons who asked us."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    by = forms.DateField(label=_("Until when?"), help_text=_("Year-month-day."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Staff.objects.filter(is_active=True).exclude(role=Role.REGULATOR)
        self.fields["who"] = forms.ChoiceField(
            label=_("Who does it?"), choices=[(one.staff_no, str(one)) for one in people]
        )
        self.order_fields(["what", "who", "by"])


class NotActForm(PlainForm):
    """The director does not act, and says why."""

    reason = forms.CharField(
        label=_("Why not?"),
        help_text=_("No names of persons who asked us."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AccountableForm(PlainForm):
    """Who answers for a kind of decision, from when, and until when if that is known (G-01)."""

    duty = forms.ChoiceField(label=_("Decision"), choices=Duty.choices, widget=forms.Select)
    staff_no = forms.CharField(label=_("Staff number"), max_length=20)
    stands_in = forms.BooleanField(label=_("This person stands in"), required=False)
    from_on = forms.DateField(
        label=_("From"), widget=forms.DateInput(attrs={"type": "date"}), initial=clock.today
    )
    until_on = forms.DateField(
        label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )

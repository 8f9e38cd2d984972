from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts.models import ProposalKind, Role, Staff
from dsr_portal.cases import confirmations, phone
from dsr_portal.cases.asking import MAX_ASK
from dsr_portal.cases.asking_again import MAX_FACT
from dsr_portal.cases.came_models import Came, Holds
from dsr_portal.cases.child_models import AgeBand
from dsr_portal.cases.correction_models import Wrong
from dsr_portal.cases.intake import MAX_NOTE
from dsr_portal.cases.letters import MAX_WORDS
from dsr_portal.cases.link_models import LinkKind
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import (
    Channel,
    IdentityElement,
    IdentityWay,
    LateReason,
    Means,
    Missing,
    PaperWay,
    PauseGround,
    RightCode,
    Status,
)
from dsr_portal.cases.page_models import PageAction
from dsr_portal.cases.paper_models import ReturnReason
from dsr_portal.cases.phone_models import CallCheck, CallEnd
from dsr_portal.cases.proof_models import DocumentKind, DocumentWhy
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.cases.recusals import MAX_REASON as MAX_LIFT_REASON
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput
from dsr_portal.core.forms import ChoiceBoxes, ChoiceCards, FaceField, PlainForm
from dsr_portal.disclosure.correcting import MAX_RIGHT, MAX_VALUE
from dsr_portal.disclosure.correcting import MAX_WORDS as MAX_CORRECTION_WORDS
from dsr_portal.disclosure.named_page import Seen
from dsr_portal.disclosure.unidentified import MAX_WHY
from dsr_portal.erasure.models import Duplicate, PlanRecord
from dsr_portal.gallery.models import PutAside, RecipientChannel
from dsr_portal.law import authorities
from dsr_portal.law.articles import (
    ABUSE,
    CORRECTION_GROUNDS,
    ERASURE_GROUNDS,
    EXTENSION_REASONS,
    REFUSAL_GROUNDS,
    CorrectionGround,
    ErasureGround,
    ExtensionReason,
)
from dsr_portal.matching.browsing import MAX_WORDS as MAX_WHY_OPEN
from dsr_portal.matching.browsing_models import Why
from dsr_portal.matching.linking import MAX_WORDS as MAX_LINK_WORDS
from dsr_portal.matching.models import Probe, Verdict
from dsr_portal.matching.own_face import MAX_WORDS as MAX_OWN_FACE
from dsr_portal.matching.probes import MAX_REFERENCE
from dsr_portal.matching.reviews import MAX_REASON

VIEW, CONFIRM = "view", "confirm"


class QueueForm(forms.Form):
    """The filter bar of the queue; every view of the list has an address."""

    q = forms.CharField(label=_("Reference"), required=False)
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

    def clean_compared(self) -> str:
        return _kept(self.cleaned_data["compared"])


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
        help_text=_(
            "Nothing of what a search found: that is for the answer (rule R3). What the request "
            "has to wait for is asked on its own page."
        ),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_text(self) -> str:
        return _kept(self.cleaned_data["text"])


def _kept(text: str) -> str:
    """Words as the vault takes them, or an error beside the field, with the words still in it."""
    try:
        return words_of(text, code="words_missing")
    except BadInput as error:
        raise forms.ValidationError(str(error.message), code=error.code) from error


class PostalForm(PlainForm):
    """Where letters to a person go."""

    name = forms.CharField(
        label=_("Name on the letterbox"), required=False, max_length=confirmations.MAX_NAME
    )
    postal = forms.CharField(
        label=_("Postal address"),
        max_length=confirmations.MAX_POSTAL,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PostedForm(PlainForm):
    """The envelope was given to the post, registered (T-13)."""

    number = forms.CharField(
        label=_("Number of the registered letter"),
        help_text=_("As it stands on the slip of the post."),
        max_length=40,
    )


class ReturnedForm(PlainForm):
    """The post brought it back (law L-09)."""

    on = forms.DateField(label=_("On which day did it come back?"), help_text=_("Year-month-day."))
    reason = forms.ChoiceField(
        label=_("Which reason did the post give?"),
        choices=ReturnReason.choices,
        widget=ChoiceCards,
    )


class ArrivedForm(PlainForm):
    on = forms.DateField(
        label=_("On which day did the post hand it over?"), help_text=_("Year-month-day.")
    )


_AREAS_HELP = _(
    "One a line: left, top, width, height in hundredths of the picture, like 10, 60, 80, 20."
)


class CoverForm(PlainForm):
    """Rectangles nobody has to see (law R-08)."""

    areas = forms.CharField(
        label=_("What has to be covered?"),
        help_text=_AREAS_HELP,
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=400,
    )


class ShowsForm(PlainForm):
    shows = forms.TypedChoiceField(
        label=_("Does it show who asks?"),
        choices=[("yes", _("Yes")), ("no", _("No"))],
        coerce=lambda value: value == "yes",
        widget=ChoiceCards,
    )


class NoteDocumentForm(ShowsForm):
    """A document somebody showed by hand or in a call."""

    kind = forms.ChoiceField(
        label=_("What was it?"), choices=DocumentKind.choices, widget=forms.Select
    )
    why = forms.ChoiceField(
        label=_("Why a document?"), choices=DocumentWhy.choices, widget=ChoiceCards
    )


class ScanForm(PlainForm):
    """A document that came by post: what nobody needs is covered before it is kept."""

    scan = forms.FileField(label=_("The scan"))
    kind = forms.ChoiceField(
        label=_("What was it?"), choices=DocumentKind.choices, widget=forms.Select
    )
    why = forms.ChoiceField(
        label=_("Why a document?"), choices=DocumentWhy.choices, widget=ChoiceCards
    )
    areas = forms.CharField(
        label=_("What has to be covered?"),
        help_text=_AREAS_HELP,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=400,
    )

    def clean_scan(self) -> bytes:
        data: bytes = self.cleaned_data["scan"].read()
        return data


class HandedForm(PlainForm):
    how = forms.ChoiceField(
        label=_("How did it leave?"), choices=PaperWay.choices, widget=ChoiceCards
    )


class NewCodeForm(PlainForm):
    """A new check before a new code (R12)."""

    way = forms.ChoiceField(
        label=_("How did you check who is asking?"),
        choices=IdentityWay.choices,
        widget=ChoiceCards,
    )
    compared = forms.CharField(
        label=_("What did you compare with what?"), widget=forms.Textarea(attrs={"rows": 3})
    )

    def clean_compared(self) -> str:
        return _kept(self.cleaned_data["compared"])


class NewEmailForm(NewCodeForm):
    """A new address that staff write down, after a check (R13)."""

    email = forms.EmailField(label=_("New e-mail address"), max_length=254)
    field_order = ("email", "way", "compared")


class NewPostalForm(NewCodeForm):
    name = PostalForm.base_fields["name"]
    postal = PostalForm.base_fields["postal"]
    field_order = ("name", "postal", "way", "compared")


class StopChangeForm(PlainForm):
    """One button: the old address stays."""


class AskForm(PlainForm):
    """What is missing, with at least two ways to choose from (T-07, R-06)."""

    missing = forms.MultipleChoiceField(
        label=_("Which fact makes us ask?"), choices=Missing.choices, widget=ChoiceBoxes
    )
    text = forms.CharField(
        label=_("Say it to the person in a sentence"),
        max_length=MAX_ASK,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    means = forms.MultipleChoiceField(
        label=_("What can they choose from?"),
        help_text=_("At least two. A photo or a document is never the only one."),
        choices=Means.choices,
        widget=ChoiceBoxes,
    )
    stop_clock = forms.BooleanField(
        label=_("The clock stands still until they answer"),
        help_text=_(
            "Only where we can't go on without it. More than three working days after the request"
            " came, another person has to agree."
        ),
        required=False,
    )


class AskAgainForm(AskForm):
    """A second ask: only facts never asked about, and why now, for another person (N-07)."""

    new_fact = forms.CharField(
        label=_("What is new since the last ask?"),
        help_text=_("For the colleague who agrees; the person never reads it."),
        max_length=MAX_FACT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = ("missing", "new_fact", "text", "means", "stop_clock")

    def __init__(self, *args: Any, facts: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left = [choice for choice in Missing.choices if choice[0] in facts]
        self.fields["missing"] = forms.MultipleChoiceField(
            label=self.fields["missing"].label, choices=left, widget=ChoiceBoxes
        )


class ArrivalForm(PlainForm):
    """It reached us earlier than was written down (D-05)."""

    arrived = forms.DateField(
        label=_("On which day did it reach us?"),
        help_text=_("Year-month-day. Any official address of ours counts, read or not."),
    )
    words = forms.CharField(
        label=_("How is that known?"),
        help_text=_("For colleagues: a stamp, a header, what the person showed."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ExtensionForm(PlainForm):
    """More time than a month; the law knows no other reasons than these (D-06)."""

    reason = forms.ChoiceField(
        label=_("Why is it needed?"),
        choices=[(one.value, EXTENSION_REASONS[one]) for one in ExtensionReason],
        widget=ChoiceCards,
    )
    months = forms.TypedChoiceField(
        label=_("How much longer?"),
        choices=[(1, _("One month")), (2, _("Two months"))],
        coerce=int,
        widget=ChoiceCards,
    )
    words = forms.CharField(
        label=_("Say to the person what makes it so, in this case"),
        help_text=_("It stands in the letter. Short sentences, and never what was found."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class WishAskForm(PlainForm):
    """One question about a wish that was added; its own time stands still for it (D-07)."""

    ground = forms.ChoiceField(
        label=_("What do you need to know?"), choices=PauseGround.choices, widget=ChoiceCards
    )
    words = forms.CharField(
        label=_("Ask the person, in this case"),
        help_text=_("It stands in the letter. Short sentences, and never what was found."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


LOCK_YEARS = [(1, _("One year")), (2, _("Two years")), (3, _("Three years"))]


class LinkForm(PlainForm):
    """Which other request belongs to this one, and why."""

    to = forms.CharField(label=_("Reference of the other request"), max_length=12)
    kind = forms.ChoiceField(
        label=_("Why do they belong together?"), choices=LinkKind.choices, widget=ChoiceCards
    )
    words = forms.CharField(
        label=_("What shows it?"),
        help_text=_("Kept in both case files. Write nothing about pictures or what was found."),
        max_length=MAX_LINK_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class WhyOpenForm(PlainForm):
    """Why somebody opens a case that is not their work (law X-09)."""

    why = forms.ChoiceField(label=_("Reason"), choices=Why.choices, widget=ChoiceCards)
    words = forms.CharField(
        label=_("In your words"),
        help_text=_("Kept in the case file."),
        max_length=MAX_WHY_OPEN,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class LiftRecusalForm(PlainForm):
    """Whose word that they must not work on a request is lifted, and why (law X-09)."""

    who = forms.ChoiceField(label=_("Who may work on it again?"), widget=ChoiceCards)
    reason = forms.CharField(
        label=_("Why?"),
        help_text=_("Kept in the case file. Do not write whose request it is."),
        max_length=MAX_LIFT_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, rows: Sequence[Recusal], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["who"]).choices = [
            (str(row.id), f"{row.staff_no}, {day_words(clock.local_date(row.at))}") for row in rows
        ]


class PhoneWishForm(PlainForm):
    """Where and when the person wants to be called (law T-12)."""

    number = forms.CharField(label=_("Number to call"), max_length=40)
    when = forms.CharField(
        label=_("When is it safe to call?"),
        max_length=phone.MAX_WHEN,
        required=False,
    )


class CallForm(PlainForm):
    """One call about the written answer: how it went, the check, what was told."""

    end = forms.ChoiceField(label=_("How did it go?"), choices=CallEnd.choices, widget=ChoiceCards)
    check = forms.ChoiceField(
        label=_("How did you know who was on the phone?"),
        choices=CallCheck.choices,
        required=False,
        widget=ChoiceCards,
    )
    code = forms.CharField(
        label=_("The code they told"),
        help_text=_("It is compared and kept nowhere."),
        max_length=40,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    told = forms.MultipleChoiceField(
        label=_("What of the answer did you tell?"),
        choices=phone.Part.choices,
        required=False,
        widget=ChoiceBoxes,
    )
    words = forms.CharField(
        label=_("What else was said"),
        help_text=_("Nothing that the answer does not say."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AsideKindForm(PlainForm):
    """What a picture is that nobody else should see; no details are asked (law C-09)."""

    kind = forms.ChoiceField(
        label=_("What is it?"), choices=PutAside.Kind.choices, widget=ChoiceCards
    )


class AsideSayForm(PlainForm):
    """Whether a picture that is put aside shows who asked."""

    verdict = forms.ChoiceField(label=_("Your answer"), choices=Verdict.choices, widget=ChoiceCards)


class AsideReportForm(PlainForm):
    """To whom the abuse of a child was reported, when, and their reference."""

    told_to = forms.ChoiceField(
        label=_("Who was told?"), choices=PutAside.ToldTo.choices, widget=ChoiceCards
    )
    told_on = forms.DateField(label=_("On which day?"), help_text=_("Year-month-day."))
    reference = forms.CharField(
        label=_("Their reference"), help_text=_("Nothing about the picture."), max_length=100
    )


class AsideFreeForm(PlainForm):
    """The word of police or hotline that it is not needed any more."""

    reference = forms.CharField(
        label=_("Reference of their word"),
        help_text=_("Nothing about the picture."),
        max_length=100,
    )


class AsideReleaseForm(PlainForm):
    """Why a picture can be shown again; the second person only agrees."""

    reason = forms.CharField(
        label=_("Why can it be shown?"),
        help_text=_("Don't describe the picture or anybody in it."),
        max_length=300,
        required=False,
    )


class AsideLowerForm(PlainForm):
    """Why a picture is intimate and no abuse of a child; the second person only agrees."""

    reason = forms.CharField(
        label=_("Why is it none?"),
        help_text=_("Don't describe the picture or anybody in it."),
        max_length=300,
        required=False,
    )


class AsideShownForm(PlainForm):
    """Where the person saw their intimate picture, on their wish."""

    way = forms.ChoiceField(
        label=_("Where did they see it?"),
        choices=[("visit", _("At a visit")), ("call", _("In a call"))],
        widget=ChoiceCards,
    )


class LockForm(PlainForm):
    """A wish the person told us: keep it locked as evidence, or keep it longer."""

    years = forms.TypedChoiceField(
        label=_("For how long from today?"), choices=LOCK_YEARS, coerce=int, widget=ChoiceCards
    )


class EnterForm(PlainForm):
    """A request that came by another way than the website; every channel counts (T-08, C-10)."""

    channel = forms.ChoiceField(
        label=_("How did it reach us?"),
        choices=[choice for choice in Channel.choices if choice[0] != Channel.WEB],
        widget=forms.Select,
    )
    received = forms.DateField(
        label=_("On which day did it reach us?"),
        help_text=_(
            "Year-month-day. The day it came to any address of ours, also if nobody read it then."
            " The month counts from it."
        ),
    )
    words = forms.CharField(
        label=_("Their own words"),
        help_text=_("Copied from the letter or mail, or noted while they spoke."),
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    rights = forms.MultipleChoiceField(
        label=_("What do they ask for?"),
        help_text=_("Nobody has to name an article. Read it wide: more than one is usual."),
        choices=RightCode.choices,
        widget=ChoiceBoxes,
    )
    narrower = forms.CharField(
        label=_("Why less than the words let one read?"),
        help_text=_("Only where the page asks for it."),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    lock_years = forms.ChoiceField(
        label=_("Do they want it kept, locked, as evidence?"),
        help_text=_("For a claim of theirs (Art. 18(1)(c)). Then nothing is erased meanwhile."),
        choices=[(0, _("No")), *LOCK_YEARS],
        initial=0,
        required=False,
        widget=forms.Select,
    )
    urgent = forms.BooleanField(
        label=_("Somebody uses the pictures to find or hurt them"), required=False
    )
    age_band = forms.ChoiceField(
        label=_("Did they say that it is about somebody under 18?"),
        help_text=_("Nobody is asked for a date of birth."),
        choices=[("", _("Nothing was said")), *AgeBand.choices],
        required=False,
        widget=forms.Select,
    )
    original = forms.FileField(
        label=_("The original"),
        help_text=_("The letter, mail or message as it came. It is kept encrypted."),
        required=False,
    )
    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    email = forms.EmailField(label=_("E-mail address"), required=False)
    postal = forms.CharField(
        label=_("Postal address"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    on_paper = forms.BooleanField(
        label=_("The answer goes on paper, by registered post"),
        help_text=_("Where they want it so. Who wrote by letter usually does."),
        required=False,
    )
    phone = forms.CharField(label=_("Phone"), required=False, max_length=60)
    pages = forms.CharField(
        label=_("Addresses of pages or pictures they named"),
        help_text=_("One a line."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    country = forms.CharField(
        label=_("Country"),
        help_text=_("Two letters, if they said it."),
        required=False,
        max_length=2,
    )
    language = forms.ChoiceField(
        label=_("Language of our letters"), choices=settings.LANGUAGES, widget=forms.Select
    )

    def clean_lock_years(self) -> int:
        return int(self.cleaned_data["lock_years"] or 0)

    def clean_received(self) -> date:
        day: date = self.cleaned_data["received"]
        if day > clock.today():
            raise forms.ValidationError(
                _("A request can't arrive in the future."), code="received_in_future"
            )
        return day

    def clean_original(self) -> bytes:
        """The bytes as they came; nobody opens them outside the confined child (R28)."""
        upload = self.cleaned_data.get("original")
        if not upload:
            return b""
        if upload.size > settings.DSR_MAX_UPLOAD:
            raise forms.ValidationError(
                _("This file is too large. We take up to 20 MB; attach the rest as a second case."),
                code="too_large",
            )
        data: bytes = upload.read()
        return data

    def clean_pages(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["pages"].splitlines() if line.strip()]


class CameForm(PlainForm):
    """What came by post, by phone or in person for a request that is open (T-08, T-11)."""

    how = forms.ChoiceField(
        label=_("How did it reach us?"), choices=Came.choices, widget=forms.Select
    )
    on = forms.DateField(
        label=_("On which day did it reach us?"),
        help_text=_("Year-month-day. A clock that stood still goes on from it."),
    )
    what = forms.ChoiceField(
        label=_("What does it hold?"),
        help_text=_("Where it holds several things, enter it once for each."),
        choices=Holds.choices,
        widget=ChoiceCards,
    )
    original = forms.FileField(
        label=_("The original"),
        help_text=_("The scanned letter. It is kept encrypted. Of a call there is none."),
        required=False,
    )
    photo = forms.FileField(
        label=_("The photo alone"),
        help_text=_("Only where it holds a photo of the person."),
        required=False,
    )
    consent = forms.CharField(
        label=_("Where is their consent to the comparison?"),
        help_text=_("Like: letter of 3 March, binder 2. Without it the photo waits, encrypted."),
        required=False,
        max_length=MAX_REFERENCE,
    )
    words = forms.CharField(
        label=_("Their own words"),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    answers = forms.ChoiceField(
        label=_("Which question of ours do the words answer?"),
        required=False,
        widget=ChoiceCards,
    )
    rights = forms.MultipleChoiceField(
        label=_("What do they ask for besides?"),
        choices=RightCode.choices,
        required=False,
        widget=ChoiceBoxes,
    )

    def __init__(self, *args: Any, questions: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["answers"]).choices = list(questions.items())

    def clean_original(self) -> bytes:
        return _bytes_of(self.cleaned_data.get("original"))

    def clean_photo(self) -> bytes:
        return _bytes_of(self.cleaned_data.get("photo"))


def _bytes_of(upload: Any) -> bytes:
    """The bytes as they came; nobody opens them outside the confined child (R28)."""
    if not upload:
        return b""
    if upload.size > settings.DSR_MAX_UPLOAD:
        raise forms.ValidationError(
            _("This file is too large. We take up to 20 MB."), code="too_large"
        )
    data: bytes = upload.read()
    return data


class SortForm(PlainForm):
    """Which question the words of the person answer (D-07)."""

    answers = forms.ChoiceField(label=_("Which question do they answer?"), widget=ChoiceCards)

    def __init__(self, *args: Any, questions: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["answers"]).choices = list(questions.items())


class MailForm(PlainForm):
    """What a mail asks for, as a person reads it: the wider reading is ticked (T-09)."""

    rights = forms.MultipleChoiceField(
        label=_("What do they ask for?"),
        help_text=_("Nobody has to name an article. Untick only what the words can't mean."),
        choices=RightCode.choices,
        widget=ChoiceBoxes,
        required=False,
    )
    narrower = forms.CharField(
        label=_("Why less than the words let one read?"),
        help_text=_("Only where you untick something. Kept in the case file."),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    urgent = forms.BooleanField(
        label=_("Somebody uses the pictures to find or hurt them"), required=False
    )


class NoRequestForm(PlainForm):
    """Why a mail asks for nothing; another person reads it too before it is set aside."""

    reason = forms.CharField(
        label=_("Why is it no request?"),
        help_text=_("For example an advertisement. Kept in the case file, for the second person."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RefusalForm(PlainForm):
    """The evidence of Art. 12(5): what happened, and the abusive aim it shows (law R-04)."""

    ground = forms.ChoiceField(
        label=_("Ground"),
        choices=[(one.value, REFUSAL_GROUNDS[one].text) for one in sorted(ABUSE)],
        widget=ChoiceCards,
    )
    facts = forms.CharField(
        label=_("What happened? Only what can be shown"),
        help_text=_("It stands in the letter. How often somebody asked is no ground."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    aim = forms.CharField(
        label=_("What shows that the aim is not to know or to check?"),
        help_text=_("It stands in the letter too."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class HoldBackForm(PlainForm):
    """One picture held back from the answer or from the erasure; never several at once."""

    record_id = forms.ChoiceField(label=_("Which picture?"), widget=ChoiceCards)
    ground = forms.ChoiceField(label=_("Ground"), widget=ChoiceCards)
    facts = forms.CharField(
        label=_("What makes it so for this picture?"),
        help_text=_("It stands in the answer. Short sentences."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    until = forms.DateField(
        label=_("Until which day is it needed?"), help_text=_("Year-month-day, within a year.")
    )

    def __init__(
        self,
        *args: Any,
        pictures: list[tuple[str, str]],
        grounds: list[tuple[str, Any]],
        dated: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("record_id", pictures), ("ground", grounds)):
            cast("forms.ChoiceField", self.fields[name]).choices = choices
        if not dated:
            del self.fields["until"]


class GroundsForm(PlainForm):
    """Why the erasure is owed; what the rule proposes is ticked, with what it saw (Art. 17(1))."""

    grounds = forms.MultipleChoiceField(label=_("Why does it have to be deleted?"))
    words = forms.CharField(
        label=_("What makes it so?"),
        help_text=_(
            "Only for a ground without a reason above. It stands in the certificate. Short "
            "sentences."
        ),
        max_length=MAX_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, hints: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (one.value, f"{facts.article}: {facts.text}")
            for one, facts in ERASURE_GROUNDS.items()
            if one != ErasureGround.ORDER
        ]
        self.fields["grounds"] = forms.MultipleChoiceField(
            label=self.fields["grounds"].label,
            help_text=_("One is enough; choose each that applies."),
            choices=choices,
            widget=ChoiceBoxes(hints=hints),
        )


class EnterCorrectionForm(PlainForm):
    """What a person said is wrong, by post, phone or mail, or in the request itself (Art. 16)."""

    place = forms.ChoiceField(label=_("Which picture of the answer?"))
    what = forms.ChoiceField(
        label=_("What is wrong?"),
        choices=[one for one in Wrong.choices if one[0] != Wrong.NOT_ME],
        widget=ChoiceCards,
    )
    right = forms.CharField(label=_("What is right?"), max_length=MAX_RIGHT, required=False)
    words = forms.CharField(
        label=_("In the person's own words"),
        max_length=MAX_CORRECTION_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    reached_on = forms.DateField(
        label=_("On which day did it reach us?"),
        help_text=_("Year-month-day. Its month counts from then."),
        required=False,
    )

    def __init__(self, *args: Any, places: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"] = forms.ChoiceField(
            label=self.fields["place"].label, choices=places, widget=ChoiceCards
        )


class AnswerCorrectionForm(PlainForm):
    """What becomes of one thing said to be wrong; less than asked needs its ground and facts."""

    do = forms.ChoiceField(label=_("What do you do?"), widget=ChoiceCards)
    column = forms.ChoiceField(label=_("Where is it written?"), required=False)
    value = forms.CharField(
        label=_("What stands there from now on"),
        help_text=_("Empty takes it out. Only for putting it right."),
        max_length=MAX_VALUE,
        required=False,
    )
    ground = forms.ChoiceField(label=_("Ground"), required=False, widget=ChoiceCards)
    facts = forms.CharField(
        label=_("What makes it so?"),
        help_text=_(
            "It stands in the letter. Short sentences. Only where less than asked is done."
        ),
        max_length=MAX_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        *args: Any,
        ways: list[tuple[str, str]],
        columns: list[tuple[str, str]],
        grounds: list[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        texts = [(one, CORRECTION_GROUNDS[CorrectionGround(one)].text) for one in grounds]
        for name, choices in (("do", ways), ("ground", texts)):
            old = self.fields[name]
            self.fields[name] = forms.ChoiceField(
                label=old.label, choices=choices, required=old.required, widget=ChoiceCards
            )
        self.fields["column"] = forms.ChoiceField(
            label=self.fields["column"].label, choices=columns, required=False
        )
        if "correct" not in dict(ways):
            del self.fields["column"], self.fields["value"]


class LateForm(PlainForm):
    """Why a date was missed; kept and counted, and never taken back (D-09)."""

    reason = forms.ChoiceField(
        label=_("Why was the date missed?"), choices=LateReason.choices, widget=ChoiceCards
    )
    words = forms.CharField(
        label=_("What happened, and what is done about it?"),
        help_text=_("Kept in the case file, for an authority too."),
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    new_date = forms.DateField(
        label=_("By when will it be done?"),
        help_text=_("Year-month-day. The next letter to the person names it."),
        required=False,
    )


class UnidentifiedForm(PlainForm):
    """Why nobody can tell which records are the person's; without it nothing is refused (T-07)."""

    reasons = forms.MultipleChoiceField(
        label=_("What stands in the way?"),
        choices=[one for one in Missing.choices if one[0] != Missing.WHICH_MEANT],
        widget=ChoiceBoxes,
    )
    why = forms.CharField(
        label=_("How do we know that nothing else would do?"),
        help_text=_("Kept in the case file, for the second person and for an authority."),
        max_length=MAX_WHY,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class OnePageWishForm(PlainForm):
    """The wish of somebody who told us: deal with one thing they named, and ask no more (R6)."""

    def __init__(self, *args: Any, named: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["which"] = forms.TypedChoiceField(
            label=_("Which one do they mean?"), choices=named, coerce=UUID, widget=ChoiceCards
        )


class OnePageForm(PlainForm):
    """One decision for each picture at what was named, each on a ground that holds for it."""

    def __init__(self, *args: Any, pictures: Sequence[Seen], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ids = [one.image_id for one in pictures]
        for number, one in enumerate(pictures, start=1):
            self.fields[f"action_{one.image_id}"] = forms.ChoiceField(
                label=_("Picture %(number)s: what do we do with it?") % {"number": number},
                choices=PageAction.choices,
                widget=ChoiceCards,
            )
            self.fields[f"ground_{one.image_id}"] = forms.ChoiceField(
                label=_("Picture %(number)s: on which ground?") % {"number": number},
                choices=[
                    ("", _("None")),
                    *((ground.value, ground.label) for ground in one.grounds),
                ],
                required=False,
            )
        self.fields["why"] = forms.CharField(
            label=_("What did you look at, and why do you decide so?"),
            help_text=_("Kept in the case file, for the second person and for an authority."),
            max_length=MAX_WHY,
            widget=forms.Textarea(attrs={"rows": 4}),
        )

    def verdicts(self) -> dict[UUID, tuple[str, str]]:
        given = self.cleaned_data
        return {one: (given[f"action_{one}"], given[f"ground_{one}"]) for one in self.ids}


class PhotosForm(PlainForm):
    """Which photos show the person who asks; `seen` names those the page showed."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=400)

    def __init__(self, *args: Any, photos: Sequence[Probe], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"] = forms.TypedMultipleChoiceField(
            label=_("Which photos show the person who asks?"),
            help_text=_(
                "Those you choose are searched with together. The others stay and do not count."
            ),
            coerce=UUID,
            choices=[
                (str(photo.id), _("Photo %(number)s") % {"number": number})
                for number, photo in enumerate(photos, start=1)
                if photo.verdict == "ok"
            ],
            widget=ChoiceBoxes,
            error_messages={"required": _("Choose at least one of these.")},
        )


class OwnFaceForm(PlainForm):
    """Which face in a photo of several people is the person's, by their own word."""

    words = forms.CharField(
        label=_("What did the person say, and how did it reach us?"),
        help_text=_("It is kept sealed with the case. Nobody guesses whose face it is."),
        max_length=MAX_OWN_FACE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, pictures: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["face"] = FaceField(
            label=_("Which face is theirs?"),
            pictures=pictures,
            alt=_("One face from the photo. The others are covered."),
            none_hint=_("The photo is deleted, and the person sends another one."),
        )
        self.order_fields(("face", "words"))


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

    def __init__(
        self,
        *args: Any,
        stage: str,
        supervisor: bool = False,
        on_words: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if stage == VIEW:
            del self.fields["reason"]
            return
        self.fields["decision"].label = _("What do you decide?")
        if on_words:
            self.fields["reason"].help_text = _(
                "“Same person” needs one: what shows that this face is theirs?"
            )
        if supervisor:
            self.fields["reason"].help_text = _("A supervisor's decision always has a reason.")


class SharedPictureForm(PlainForm):
    """What becomes of a picture that shows others too."""

    record_id = forms.UUIDField(widget=forms.HiddenInput)
    picture = forms.ChoiceField(
        choices=[
            choice for choice in PlanRecord.Picture.choices if choice[0] != PlanRecord.Picture.WHOLE
        ]
    )


class ChannelForm(PlainForm):
    """How a recipient is told; another person approves it (R33)."""

    kind = forms.ChoiceField(
        label=_("Tell them by"), choices=RecipientChannel.Kind.choices, widget=forms.Select
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("An e-mail address, a postal address, or https://… for a signed call."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SystemForm(PlainForm):
    """A system of the controller that asks and reports through the API (R20)."""

    name = forms.CharField(label=_("Name of the system"), max_length=100)


class CopyForm(PlainForm):
    """Another controller that published a copy (Art. 17(2))."""

    controller = forms.CharField(label=_("Who published the copy?"), max_length=200)
    address = forms.CharField(
        label=_("Where?"),
        max_length=500,
        required=False,
        help_text=_("The address of the page. It is kept sealed with the case."),
    )


class DuplicateForm(PlainForm):
    """Whether a picture that looks alike is a copy, and which face in it is the person's."""

    duplicate_id = forms.UUIDField(widget=forms.HiddenInput)
    verdict = forms.ChoiceField(choices=Duplicate.Verdict.choices)
    record_id = forms.UUIDField(required=False, widget=forms.HiddenInput)


class NewAccountForm(PlainForm):
    """A new account; another person approves it (R19)."""

    staff_no = forms.CharField(label=_("Staff number"), max_length=20)
    display_name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("Stands in letters this person signs.")
    )
    email = forms.EmailField(label=_("E-mail address at work"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=forms.Select)
    authority_code = forms.CharField(
        label=_("Code of the authority"),
        required=False,
        max_length=20,
        help_text=_("Only for a data protection authority, for example NL."),
    )


class AccountChangeForm(PlainForm):
    """Another role, a new second factor or the end of an account; another person approves it."""

    staff_no = forms.CharField(label=_("Staff number"), max_length=20)
    kind = forms.ChoiceField(
        label=_("What changes"),
        choices=[one for one in ProposalKind.choices if one[0] != ProposalKind.CREATE],
        widget=ChoiceCards,
    )
    role = forms.ChoiceField(
        label=_("New role"),
        required=False,
        choices=[
            ("", _("The role stays")),
            *(one for one in Role.choices if one[0] != Role.REGULATOR),
        ],
        widget=forms.Select,
    )


class TrainingForm(PlainForm):
    """Who has no training in force may read cases and decide none (law P-17)."""

    staff_no = forms.CharField(label=_("Staff number"), max_length=20)
    until = forms.DateField(
        label=_("Trained until"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("The day written in the certificate of the training."),
    )


class StatementForm(PlainForm):
    """What the controller states of its product's query pictures (R16)."""

    words = forms.CharField(
        label=_("What was stated?"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
    name = forms.CharField(label=_("Who stated it?"), max_length=120)
    stated_on = forms.DateField(
        label=_("On which day?"), widget=forms.DateInput(attrs={"type": "date"})
    )

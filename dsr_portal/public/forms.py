"""Forms of the public site. Nothing is compulsory that the law does not need (T-05, R-09)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.validators import EmailValidator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.codes import normalise_code
from dsr_portal.cases.correction_models import Wrong
from dsr_portal.cases.drafts import MOST_PHOTOS
from dsr_portal.cases.intake import MAX_WAY
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import RightCode
from dsr_portal.cases.phone import MAX_WHEN
from dsr_portal.cases.proof_models import DocumentKind
from dsr_portal.core import references
from dsr_portal.core.errors import BadInput
from dsr_portal.core.forms import (
    ChoiceBoxes,
    ChoiceCards,
    CodeInput,
    FaceField,
    PhotoInput,
    PlainForm,
)
from dsr_portal.disclosure.correcting import MAX_RIGHT
from dsr_portal.disclosure.correcting import MAX_WORDS as MAX_CORRECTION_WORDS
from dsr_portal.gallery.addresses import canonical
from dsr_portal.law import country_names
from dsr_portal.vault.confined import PictureRefused, decode_picture
from dsr_portal.vault.pictures import jpeg_of
from dsr_portal.vault.uploads import picture_bytes

MAX_PAGES = 10
CODE_LETTERS = 16
MAIL, POST, NONE = "email", "post", "none"
EMAIL_UNFIT = _("This address misses something. It looks like name@site.org.")


class PhotoField(forms.FileField):
    """A photo: decoded at once in the confined child, kept as pixels of our own (R28, P-07)."""

    widget = PhotoInput

    def clean(self, data: Any, initial: Any = None) -> bytes | None:
        if not data:
            if self.required:
                raise forms.ValidationError(self.error_messages["required"], code="required")
            return None
        try:
            return jpeg_of(decode_picture(picture_bytes(data)))
        except PictureRefused as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error


class ExactFileField(forms.FileField):
    """The exact bytes of a picture the person knows of; they are compared, never looked at."""

    def clean(self, data: Any, initial: Any = None) -> bytes | None:
        if not data:
            return None
        try:
            return picture_bytes(data)
        except PictureRefused as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error


class IfChosen(forms.CharField):
    """Asked only with the choice above it: empty is for the form to judge, not "optional"."""

    def validate(self, value: Any) -> None:
        if value not in self.empty_values:
            super().validate(value)


RIGHTS = [
    (RightCode.ACCESS, _("Tell me what you hold about me")),
    (RightCode.ERASURE, _("Delete it")),
    (RightCode.OBJECTION, _("Stop using my pictures")),
    (RightCode.RESTRICTION, _("Lock it, but keep it")),
    (RightCode.RECTIFICATION, _("Correct something")),
    (RightCode.PORTABILITY, _("Take along what I gave you")),
]
RIGHT_HINTS = {
    RightCode.ACCESS: _(
        "The pictures, where they come from, and who was shown them. You get a copy."
    ),
    RightCode.ERASURE: _(
        "Pictures and face codes. If you also ask what we hold, you get the answer first."
    ),
    RightCode.OBJECTION: _("You object to our using them."),
    RightCode.RESTRICTION: _(
        "For example because you need it as evidence. While it is locked we delete nothing."
    ),
    RightCode.RECTIFICATION: _("For example a wrong name beside a picture."),
    RightCode.PORTABILITY: _(
        "Your photo, your words, your consents: a file for machines. You did not give us the "
        "pictures we collected, so we also tell you what we hold."
    ),
}


ME, CHILD_ASKS, MY_CHILD = "me", "under_16", "my_child"
WHO = [
    (ME, _("For myself")),
    (CHILD_ASKS, _("For myself, and I am under 16")),
    (MY_CHILD, _("For my child, or a child I look after, under 16")),
]
WHO_HINTS = {
    CHILD_ASKS: _("You have the same rights. A person talks with you first."),
    MY_CHILD: _("A person looks at it with you. We ask for no date of birth."),
}


class WishForm(PlainForm):
    rights = forms.MultipleChoiceField(
        label=_("What do you want from us?"),
        help_text=_("You can choose more than one. You don't have to say why."),
        choices=RIGHTS,
        widget=ChoiceBoxes(hints=RIGHT_HINTS),
    )
    who = forms.ChoiceField(
        label=_("For whom do you ask?"),
        choices=WHO,
        required=False,
        initial=ME,
        widget=ChoiceCards(hints=WHO_HINTS),
    )
    urgent = forms.BooleanField(
        label=_("Someone is using these pictures to find or hurt me"),
        help_text=_("No proof needed. We then look at your request first."),
        required=False,
    )


class AddRightForm(PlainForm):
    """One more wish for a request that was sent."""

    def __init__(self, *args: Any, rights: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["right"] = forms.ChoiceField(
            label=_("What else do you want from us?"),
            choices=[one for one in RIGHTS if one[0] in rights],
            widget=ChoiceCards(hints=RIGHT_HINTS),
        )


class CorrectionForm(PlainForm):
    """What is wrong in one picture of the answer, and what is right (Art. 16)."""

    place = forms.ChoiceField(label=_("Which picture?"))
    what = forms.ChoiceField(
        label=_("What is wrong?"),
        choices=Wrong.choices,
        widget=ChoiceCards(
            hints={
                Wrong.MISSING: _("We put your own words beside the picture."),
                Wrong.NOT_ME: _(
                    "We close the links to this answer at once, also for you. A person looks."
                ),
            }
        ),
    )
    right = forms.CharField(
        label=_("What is right?"),
        help_text=_("The right caption, link, name or date. Leave it empty if it is only to go."),
        max_length=MAX_RIGHT,
        required=False,
    )
    words = forms.CharField(
        label=_("In your own words"),
        help_text=_("What shows it, or what is to stand beside the picture. Nothing is required."),
        max_length=MAX_CORRECTION_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, places: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"] = forms.ChoiceField(
            label=self.fields["place"].label, choices=places, widget=ChoiceCards
        )


class LockForm(PlainForm):
    """How long to keep it locked as evidence; the same to ask and to lengthen."""

    years = forms.TypedChoiceField(
        label=_("For how long?"),
        choices=[(1, _("One year")), (2, _("Two years")), (3, _("Three years"))],
        coerce=int,
        widget=ChoiceCards,
    )

    def __init__(self, *args: Any, standing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if standing:
            self.fields["years"].label = _("For how long from today?")


WHY_MORE_PHOTOS = _(
    "Photos taken at different times and in different light together find more pictures than one"
    " does. Each has to show you, alone."
)


class WayForm(PlainForm):
    """What the person is found by. With photos in the draft, `photo` adds one more, and
    `replace_1` … put another one in the place of the first, the second …"""

    photo = PhotoField(
        label=_("A photo of you"),
        help_text=_(
            "The quickest way. JPEG, PNG, WEBP, HEIC, AVIF or GIF, up to 20 MB. Only you in the"
            " picture, face to the light."
        ),
        required=False,
    )
    pages = forms.CharField(
        label=_("Address of a page or picture"),
        help_text=_("Where you saw yourself. One address a line, up to ten."),
        required=False,
        max_length=4000,
        widget=forms.Textarea({"rows": 2, "autocapitalize": "none", "spellcheck": "false"}),
    )
    file = ExactFileField(
        label=_("The very file of a picture"),
        help_text=_("If you have the same file that we hold. We compare its bytes, not the face."),
        required=False,
    )
    account = forms.CharField(
        label=_("An account name"),
        help_text=_("The site and your name there, if pictures came from it."),
        required=False,
        max_length=200,
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )
    other = forms.CharField(
        label=_("Anything else that helps us find you"),
        required=False,
        max_length=1500,
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(self, *args: Any, photos: int = 0, child: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if child or photos >= MOST_PHOTOS:
            del self.fields["photo"]
        elif photos:
            self.fields["photo"].label = _("Add another photo of you")
            self.fields["photo"].help_text = WHY_MORE_PHOTOS
        for number in range(1, photos + 1):
            self.fields[f"replace_{number}"] = PhotoField(
                label=_("Another photo in its place"), required=False
            )

    def clean_pages(self) -> list[str]:
        return read_pages(self.cleaned_data["pages"])


def read_pages(text: str) -> list[str]:
    """Addresses as they were written, one a line; `ValidationError` for one that is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_PAGES:
        raise forms.ValidationError(_("Up to ten addresses. Tell us about more afterwards."))
    for line in lines:
        try:
            canonical(line)
        except BadInput as error:
            raise forms.ValidationError(
                _("“%(line)s” is not an address. It looks like example.org/page."),
                params={"line": line[:80]},
            ) from error
    return lines


YES_WORDS = {
    "comparison": _("Yes, compare my photo"),
    "block_list": _("Yes, keep a face code to stop new collection"),
}


class ConsentForm(PlainForm):
    comparison = forms.BooleanField(required=False)
    block_list = forms.BooleanField(required=False)

    def __init__(self, *args: Any, texts: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in list(self.fields):
            if name in texts:
                self.fields[name].label = YES_WORDS[name]
                self.fields[name].help_text = texts[name]
            else:
                del self.fields[name]


def country_choices() -> list[tuple[str, str]]:
    return [("", str(_("I'd rather not say"))), *country_names.choices()]


class ContactForm(PlainForm):
    use_required_attribute = False

    how = forms.ChoiceField(
        label=_("How do we reach you?"),
        choices=[
            (MAIL, _("By e-mail")),
            (POST, _("By post")),
            (NONE, _("Not at all: I come back here myself")),
        ],
        widget=ChoiceCards(
            hints={
                MAIL: _("We write when we need you or have the answer."),
                POST: _(
                    "The officers see your address and may write to it. The answer waits on this"
                    " site, for your reference and receipt code, or comes on paper if you say so."
                ),
                NONE: _("With your reference and receipt code, shown after sending."),
            }
        ),
    )
    email = IfChosen(
        label=_("E-mail address"),
        help_text=_("Only for answers by e-mail."),
        max_length=254,
        validators=[EmailValidator(EMAIL_UNFIT)],
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    postal = IfChosen(
        label=_("Postal address"),
        help_text=_("With the name on the letterbox."),
        max_length=500,
        widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}),
    )
    paper = forms.BooleanField(
        label=_("Send me the answer on paper"),
        help_text=_(
            "By registered post, to the address above. Then no link opens it. You can change your"
            " mind on the page of your request."
        ),
        required=False,
    )
    language = forms.ChoiceField(label=_("Language of our answer"), choices=settings.LANGUAGES)
    country = forms.ChoiceField(
        label=_("Where you live"),
        help_text=_("Only to name the data protection authority there."),
        required=False,
        choices=country_choices,
        widget=forms.Select({"autocomplete": "country"}),
    )
    guardian = forms.CharField(
        label=_("Your name"),
        help_text=_("You ask for a child, so we have to know who asks."),
        max_length=200,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    responsible = forms.BooleanField(
        label=_("I have parental responsibility for this child"),
        help_text=_(
            "Your word is enough to begin. An officer looks at it. What is good for the child"
            " counts."
        ),
        error_messages={"required": _("Tick this, or let the child ask.")},
    )
    under_18 = forms.BooleanField(
        label=_("I am under 18"),
        help_text=_("You have the same rights. The officers see it and write more simply."),
        required=False,
    )

    def __init__(self, *args: Any, who: str = ME, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if who != MY_CHILD:
            del self.fields["guardian"], self.fields["responsible"]
        if who != ME:
            del self.fields["under_18"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        how = given.get("how")
        if how == MAIL and not given.get("email") and "email" not in self.errors:
            self.add_error("email", _("Write your e-mail address, or choose another way."))
        if how == POST and not given.get("postal"):
            self.add_error("postal", _("Write your postal address, or choose another way."))
        return given


class StatusForm(PlainForm):
    reference = forms.CharField(
        label=_("Reference"),
        help_text=_("It looks like K7M-2QX4 and stands on your receipt."),
        max_length=20,
        widget=CodeInput(),
    )
    code = forms.CharField(
        label=_("Receipt code"),
        help_text=_("16 letters and digits from your receipt."),
        max_length=40,
        widget=CodeInput(),
    )

    def clean_reference(self) -> str:
        written = references.normalise(self.cleaned_data["reference"])
        if written is None:
            raise forms.ValidationError(
                _("This reference has a typing mistake. Compare it with your receipt.")
            )
        return written


class CodeForm(PlainForm):
    code = forms.CharField(
        label=_("Receipt code"),
        help_text=_("16 letters and digits from the receipt page or its PDF."),
        max_length=40,
        widget=CodeInput(),
    )

    def clean_code(self) -> str:
        code = normalise_code(self.cleaned_data["code"])
        if len(code) != CODE_LETTERS:
            raise forms.ValidationError(
                _("A receipt code has 16 letters and digits; this one has %(count)s."),
                params={"count": len(code)},
            )
        return code


class NewEmailForm(CodeForm):
    """Where we write from now on, with the second factor again (R12, R13)."""

    field_order = ("email", "code")

    email = forms.EmailField(
        label=_("New e-mail address"),
        max_length=254,
        error_messages={"invalid": EMAIL_UNFIT},
        widget=forms.EmailInput({"autocomplete": "email"}),
    )


class NewPostalForm(CodeForm):
    field_order = ("name", "postal", "code")

    name = forms.CharField(label=_("Name on the letterbox"), required=False, max_length=120)
    postal = forms.CharField(
        label=_("New postal address"),
        max_length=500,
        widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}),
    )


class AnotherWayForm(PlainForm):
    """Something else to be found by, for who sends no photo or found one more page (law T-06)."""

    use_required_attribute = False

    pages = WayForm.base_fields["pages"]
    file = WayForm.base_fields["file"]
    account = WayForm.base_fields["account"]

    def clean_pages(self) -> list[str]:
        return read_pages(self.cleaned_data["pages"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not any(given.get(name) for name in ("pages", "file", "account")):
            raise forms.ValidationError(_("Name at least one: a page, a file or an account."))
        return given


class OnePageForm(PlainForm):
    """Which one page or file is dealt with for who does not show who they are (rule R6)."""

    OTHER = "other"
    use_required_attribute = False

    page = IfChosen(
        label=_("Address of the page or the picture"),
        help_text=_("For example https://example.org/photos/123"),
        max_length=MAX_WAY,
    )

    def __init__(self, *args: Any, named: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["which"] = forms.ChoiceField(
            label=_("Which one?"),
            choices=[*named, (self.OTHER, _("Another page"))],
            initial=None if named else self.OTHER,
            widget=ChoiceCards if named else forms.HiddenInput,
        )
        self.order_fields(["which", "page"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("which") == self.OTHER and not self.errors:
            try:
                pages = read_pages(given.get("page", ""))
            except forms.ValidationError as error:
                self.add_error("page", error)
            else:
                if len(pages) != 1:
                    self.add_error("page", _("Write the address of one page."))
                given["page"] = "".join(pages[:1])
        return given

    def chosen(self) -> dict[str, Any]:
        """What was chosen, as `sending.one_page` takes it."""
        if self.cleaned_data["which"] == self.OTHER:
            return {"way_id": None, "page": self.cleaned_data["page"]}
        return {"way_id": UUID(self.cleaned_data["which"]), "page": ""}


class MailCodeForm(PlainForm):
    code = forms.CharField(
        label=_("Code from the mail"), max_length=12, widget=CodeInput(digits=True)
    )


class AnotherPhotoForm(PlainForm):
    """The first photo of a request, one more, or one in the place of another."""

    photo = PhotoField(
        label=_("Send a photo of you"),
        help_text=_("JPEG, PNG, WEBP, HEIC, AVIF or GIF, up to 20 MB. Only you in the picture."),
    )
    comparison = forms.BooleanField(required=False)

    def __init__(self, *args: Any, consent: str = "", label: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if label:
            self.fields["photo"].label = label
        if consent:
            self.fields["comparison"].label = YES_WORDS["comparison"]
            self.fields["comparison"].help_text = consent
        else:
            del self.fields["comparison"]


class OwnFaceForm(PlainForm):
    """Which of the faces in a photo is theirs; `pictures` has the address of each, by number.

    `own` is False for who acts for the person: the same question, asked about somebody else.
    """

    def __init__(
        self,
        *args: Any,
        pictures: Mapping[str, str],
        left_out: int = 0,
        own: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["face"] = FaceField(
            label=_("Which of these faces is yours?")
            if own
            else _("Which of these faces is the person's?"),
            help_text=own_face_hint(len(pictures), left_out),
            pictures=pictures,
            alt=_("One face from your photo. The others are covered.")
            if own
            else _("One face from the photo. The others are covered."),
            none_hint=_("We delete this photo. Then you can send another one.")
            if own
            else _("We delete this photo. Then the person can send another one."),
        )


def own_face_hint(shown: int, left_out: int) -> str:
    """Which faces are shown, and what becomes of the others."""
    keeps = gettext(
        "We keep the one you choose and delete the rest. We do not examine other faces."
    )
    if not left_out:
        return keeps
    which = ngettext(
        "We show the largest face that we can show alone.",
        "We show the %(shown)s largest faces that we can show alone.",
        shown,
    ) % {"shown": shown}
    return f"{which} {keeps}"


class DocumentForm(PlainForm):
    """A document the person prefers to show, with everything covered that we don't need (R-08)."""

    kind = forms.ChoiceField(label=_("What is it?"), choices=DocumentKind.choices)
    document = PhotoField(
        label=_("Picture of the document"),
        help_text=_("JPEG, PNG, WEBP, HEIC, AVIF or GIF, up to 20 MB."),
    )


class PhoneForm(CodeForm):
    """Where and when to call about the answer, with the second factor again (law T-12; R12)."""

    field_order = ("number", "when", "code")

    number = forms.CharField(
        label=_("Your phone number"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel"}),
    )
    when = forms.CharField(
        label=_("When can we call?"),
        help_text=_("Name times when you can talk and nobody listens who should not."),
        max_length=MAX_WHEN,
        required=False,
    )


class MessageForm(PlainForm):
    text = forms.CharField(
        label=_("Tell us something"),
        widget=forms.Textarea({"rows": 4}),
    )
    answers = forms.ChoiceField(label=_("What is this about?"), widget=ChoiceCards)

    def __init__(
        self, *args: Any, questions: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        """`questions`: what the words can be about, where that has to be said."""
        super().__init__(*args, **kwargs)
        if questions:
            cast("forms.ChoiceField", self.fields["answers"]).choices = list(questions.items())
        else:
            del self.fields["answers"]

    def clean_text(self) -> str:
        """As much as we can keep; a limit on the field itself would cut what is pasted."""
        try:
            return words_of(self.cleaned_data["text"], code="message_missing")
        except BadInput as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error

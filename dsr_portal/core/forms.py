"""Widgets of the pages' own components; templates in templates/ui/forms/ (docs/ui.md)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

PHOTO_TYPES = "image/jpeg,image/png,image/webp,image/heic,image/heif,image/avif,image/gif"
"""What a person's device offers to choose; the same kinds the confined decoder opens."""


class _Hints(forms.widgets.ChoiceWidget):
    """Choices with a line of explanation each: `hints` maps a value to its words."""

    def __init__(self, *args: Any, hints: Mapping[Any, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hints = {str(value): words for value, words in (hints or {}).items()}

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        option["hint"] = self.hints.get(str(option["value"]), "")
        if option["hint"] and option["attrs"].get("id"):
            option["attrs"]["aria-describedby"] = f"{option['attrs']['id']}_hint"
        return option


class ChoiceCards(_Hints, forms.RadioSelect):
    """One of several, as cards."""


class PictureChoices(ChoiceCards):
    """One of several pictures: `pictures` maps a value to its address, `alt` to what it shows."""

    def __init__(
        self, *args: Any, pictures: Mapping[Any, str], alt: Mapping[Any, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.pictures, self.alt = pictures, alt

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        value = str(option["value"])
        return option | {"src": self.pictures.get(value, ""), "alt": self.alt.get(value, "")}


class FaceField(forms.ChoiceField):
    """One of several faces in a photo, counted from the left, or none of them (law P-05).

    `pictures`: the address of each face alone, by its number; `alt` and `none_hint` say in the
    reader's words what a picture shows and what follows where none is chosen.
    """

    NONE = "none"

    def __init__(
        self,
        *,
        pictures: Mapping[str, str],
        alt: str | Promise,
        none_hint: str | Promise,
        **kwargs: Any,
    ) -> None:
        words = _("Face %(number)s from the left")
        faces = [(number, words % {"number": number}) for number in pictures]
        super().__init__(
            choices=[*faces, (self.NONE, _("None of these"))],
            widget=PictureChoices(
                pictures=pictures,
                alt=dict.fromkeys(pictures, alt),
                hints={self.NONE: none_hint},
            ),
            error_messages={"required": _("Choose one of these.")},
            **kwargs,
        )


class ChoiceBoxes(_Hints, forms.CheckboxSelectMultiple):
    """Any of several, as cards."""


class CodeInput(forms.TextInput):
    """A code somebody copies: one field, pasting allowed, grouped or not, any case."""

    def __init__(self, attrs: Mapping[str, Any] | None = None, *, digits: bool = False) -> None:
        base = {
            "class": "code",
            "autocomplete": "one-time-code" if digits else "off",
            "inputmode": "numeric" if digits else "text",
            "autocapitalize": "characters",
            "spellcheck": "false",
        }
        super().__init__({**base, **(attrs or {})})


class PhotoInput(forms.FileInput):
    """A photo from the camera or a file; a script adds a preview, nothing depends on it."""

    template_name = "ui/forms/photo.html"

    def __init__(self, attrs: Mapping[str, Any] | None = None, *, capture: str = "") -> None:
        base: dict[str, Any] = {"accept": PHOTO_TYPES}
        if capture:
            base["capture"] = capture
        super().__init__({**base, **(attrs or {})})


class PlainForm(forms.Form):
    """A form whose words say what to do; a field's own error_messages come first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            given = type(self).base_fields[name].error_messages.get("required")
            if given == forms.Field.default_error_messages["required"]:
                field.error_messages["required"] = _what_to_do(field)


def _what_to_do(field: forms.Field) -> Any:
    match field:
        case forms.FileField():
            return _("Choose a photo or file.")
        case forms.MultipleChoiceField():
            return _("Choose at least one of these.")
        case forms.ChoiceField():
            return _("Choose one of these.")
        case forms.BooleanField():
            return _("Tick this box to go on.")
    # A question keeps its words, not its mark.
    return format_lazy(_("Fill in: {label}."), label=str(field.label or "").rstrip("?. "))

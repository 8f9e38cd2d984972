"""Words of a case that several pages, mails and documents share, each written once."""

import re
from collections.abc import Callable, Iterable
from datetime import date

from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case, Means, Missing, RightCode
from dsr_portal.core.errors import BadInput


def day_words(day: date) -> str:
    """A date nobody can misread: 12 March 2026."""
    english = (translation.get_language() or "en").startswith("en")
    return str(formats.date_format(day, "j F Y" if english else "DATE_FORMAT"))


def right_words(right: str) -> str:
    """A right as the person asked for it."""
    return {
        RightCode.ACCESS: _("Tell me what you hold about me, and send me a copy"),
        RightCode.ERASURE: _("Delete what you hold about me"),
        RightCode.RESTRICTION: _("Lock what you hold about me, but keep it"),
        RightCode.OBJECTION: _("Stop using my pictures"),
        RightCode.RECTIFICATION: _("Correct what is wrong"),
        RightCode.PORTABILITY: _("Give me what I gave you, in a form that machines can read"),
    }[RightCode(right)]


def rights_words(rights: Iterable[str]) -> list[str]:
    order = list(RightCode.values)
    return [right_words(right) for right in sorted(rights, key=order.index)]


NAMES: dict[str, Callable[[Case], str]] = {
    "reference": lambda case: case.reference,
    "received": lambda case: day_words(case.arrived_on),
    "due": lambda case: day_words(case.due_on),
    "controller": lambda case: str(settings.DSR_CONTROLLER["name"]),
    "phone": lambda case: str(settings.DSR_CONTROLLER["phone"]),
    "email": lambda case: str(settings.DSR_CONTROLLER["email"]),
}
"""What an officer may write in braces in words to a person; there is no template engine."""

_NAME = re.compile(r"\{([^{}]*)\}")


def fill(text: str, case: Case) -> str:
    """Words with the names of the fixed list filled in, in the person's language.

    Raises `BadInput("unknown_name")` for any other name in braces.
    """
    unknown = sorted({name for name in _NAME.findall(text) if name not in NAMES})
    if unknown:
        raise BadInput(
            "unknown_name",
            _("{%(name)s} can't be filled in. These can: %(known)s.")
            % {"name": unknown[0], "known": ", ".join(f"{{{one}}}" for one in NAMES)},
        )
    with translation.override(case.language):
        return _NAME.sub(lambda found: NAMES[found[1]](case), text)


WHY_ASKED: dict[str, Callable[[], str]] = {
    Missing.NOTHING_TO_LOOK_UP: lambda: _(
        "You gave us nothing we could look for: no photo, page, file or account."
    ),
    Missing.NO_WAY_TAKEN: lambda: _("None of the ways to show that it is you was taken."),
    Missing.WAY_DID_NOT_SHOW: lambda: _("The way you took did not show us that it is you."),
    Missing.NAMED_NOT_LINKED: lambda: _(
        "What you named exists without you too: nothing linked it to you."
    ),
    Missing.WHICH_MEANT: lambda: _("It was not clear to us which part you mean."),
}
"""The fact that made us ask, as the person reads it; never what was found (R3)."""

_BY_LETTER: dict[str, Callable[[], str]] = {
    Means.PHOTO: lambda: _("a photo of you, on the page of your request or by post"),
    Means.NAMED: lambda: _("a page address, a file or an account name"),
    Means.IN_WORDS: lambda: _("a few words: which pictures, years or uses you mean"),
}


def choice_words(means: str) -> str:
    """A way to answer as a letter says it: paper has no "this page"."""
    made = _BY_LETTER.get(means)
    return made() if made else str(Means(means).label)

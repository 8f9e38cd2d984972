"""Words of a case that several pages, mails and documents share, each written once."""

import re
from collections.abc import Callable, Iterable
from datetime import date

from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case, RightCode
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
    }[RightCode(right)]


def rights_words(rights: Iterable[str]) -> list[str]:
    order = list(RightCode.values)
    return [right_words(right) for right in sorted(rights, key=order.index)]


NAMES: dict[str, Callable[[Case], str]] = {
    "reference": lambda case: case.reference,
    "received": lambda case: day_words(case.received_on),
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

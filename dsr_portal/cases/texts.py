"""Words of a case that several pages, mails and documents share, each written once."""

from collections.abc import Iterable
from datetime import date

from django.utils import formats, translation
from django.utils.translation import gettext as _

from dsr_portal.cases.models import RightCode


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

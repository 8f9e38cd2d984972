"""Names and times of source systems as a person can read them; the package has them as they are."""

import re
from datetime import date, datetime

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from dsr_portal.documents.templatetags.documents import day, moment


def column_words(name: str) -> str:
    """A plain label for a column: the known ones in words, the others without signs."""
    known = {
        "licence_label": _("Licence"),
        "license_label": _("Licence"),
        "license": _("Licence"),
        "licence": _("Licence"),
        "username": _("Account name"),
        "user_name": _("Account name"),
        "gps": _("Place (GPS)"),
        "lat": _("Latitude"),
        "lon": _("Longitude"),
        "lng": _("Longitude"),
    }
    plain = re.sub(r"[_\s]+", " ", name).strip()
    return known.get(name.casefold(), plain[:1].upper() + plain[1:])


def time_words(text: str) -> str:
    """An ISO 8601 time or date as the reader writes it; any other text as it is."""
    found = _time(text.strip())
    if found is None:
        return text
    if isinstance(found, datetime):
        return moment(found) if timezone.is_aware(found) else f"{day(found)} {found:%H:%M}"
    return day(found)


def _time(text: str) -> datetime | date | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return parse_date(text) or parse_datetime(text)
    except ValueError:
        return None

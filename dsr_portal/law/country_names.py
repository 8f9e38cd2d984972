"""Names of the states a person may live in, in the reader's language (law T-02)."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from dsr_portal.law import authorities

_NAMES = {
    "AT": _("Austria"),
    "BE": _("Belgium"),
    "BG": _("Bulgaria"),
    "CH": _("Switzerland"),
    "CY": _("Cyprus"),
    "CZ": _("Czechia"),
    "DE": _("Germany"),
    "DK": _("Denmark"),
    "EE": _("Estonia"),
    "EL": _("Greece"),
    "ES": _("Spain"),
    "FI": _("Finland"),
    "FR": _("France"),
    "HR": _("Croatia"),
    "HU": _("Hungary"),
    "IE": _("Ireland"),
    "IS": _("Iceland"),
    "IT": _("Italy"),
    "LI": _("Liechtenstein"),
    "LT": _("Lithuania"),
    "LU": _("Luxembourg"),
    "LV": _("Latvia"),
    "MT": _("Malta"),
    "NL": _("Netherlands"),
    "NO": _("Norway"),
    "PL": _("Poland"),
    "PT": _("Portugal"),
    "RO": _("Romania"),
    "SE": _("Sweden"),
    "SI": _("Slovenia"),
    "SK": _("Slovakia"),
    "UK": _("United Kingdom"),
}


def country_name(code: str) -> str:
    """The state of a code, also of a Land's or region's; empty for one that is not listed."""
    return str(_NAMES.get(authorities.normalise(code).partition("-")[0], ""))


def choices() -> list[tuple[str, str]]:
    """Code and name of every state with an authority, in the alphabet of the reader."""
    named = [(one.code, country_name(one.code)) for one in authorities.states()]
    return sorted(named, key=lambda one: unicodedata.normalize("NFKD", one[1]).casefold())

"""Contrast of colours by WCAG 2.2 and the check of an operator's own colours.

An operator may set DSR_BRAND = {"brand", "brand_dark", "link", "link_dark"} as #rrggbb. A colour
that somebody could not read is refused: below 4.5 as text, below 3 as an edge (SC 1.4.3, 1.4.11).
"""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.http import HttpRequest, HttpResponse

TEXT = 4.5
EDGE = 3.0
_HEX = re.compile(r"#(?P<rgb>[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\Z")

# The seven backgrounds of each theme, as in static/ui.css (a test compares).
BACKGROUNDS = {
    "light": ("#fbfaf7", "#ffffff", "#f1efe9", "#e6f1e8", "#fbf0d9", "#fbe9e6", "#e5f0f5"),
    "dark": ("#14191b", "#1c2326", "#0f1315", "#1b2e21", "#332813", "#3a1e1b", "#1a2c35"),
}
ON_BRAND = {"light": "#ffffff", "dark": "#0e1b1a"}
KEYS = {
    "brand": ("light", "--brand"),
    "link": ("light", "--link"),
    "brand_dark": ("dark", "--brand"),
    "link_dark": ("dark", "--link"),
}


def parse(colour: str) -> tuple[int, int, int]:
    """Red, green, blue (0 to 255) of #rgb or #rrggbb; ValueError for anything else."""
    found = _HEX.match(colour.strip())
    if found is None:
        raise ValueError(f"{colour!r} is not a colour like #1f5f5b")
    digits = found["rgb"]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def luminance(colour: str) -> float:
    """Relative luminance from 0 (black) to 1 (white), WCAG 2.2."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in parse(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def problems(brand: Mapping[str, str]) -> list[str]:
    """Why an operator's colours can't be used; empty when they can."""
    found = [f"{key} is not a colour we use" for key in sorted(set(brand) - set(KEYS))]
    for key, (theme, variable) in KEYS.items():
        colour = brand.get(key, "")
        if not colour:
            continue
        try:
            worst = min(contrast(colour, ground) for ground in BACKGROUNDS[theme])
            label = contrast(colour, ON_BRAND[theme])
        except ValueError as error:
            found.append(f"{key}: {error}")
            continue
        # A link is text; the brand is text on quiet places and the ground under a button's label.
        if worst < TEXT:
            found.append(f"{key} {colour} has a contrast of {worst:.2f} on our {theme} backgrounds")
        if variable == "--brand" and label < TEXT:
            found.append(f"{key} {colour} has a contrast of {label:.2f} under a button's label")
    return found


@register()
def brand_is_readable(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"DSR_BRAND: {problem}.",
            hint=f"Text needs {TEXT}:1. Choose a darker colour for light, a lighter one for dark.",
            id="dsr.E010",
        )
        for problem in problems(getattr(settings, "DSR_BRAND", None) or {})
    ]


def brand_css(request: HttpRequest) -> HttpResponse:
    """The operator's colours as a stylesheet of its own: pages carry no inline style."""
    brand = getattr(settings, "DSR_BRAND", None) or {}
    rules = {"light": "", "dark": ""}
    for key, (theme, variable) in KEYS.items():
        if brand.get(key):
            red, green, blue = parse(brand[key])
            rules[theme] += f"{variable}:rgb({red} {green} {blue});"
            if variable == "--brand":
                rules[theme] += f"--brand-hover:rgb({red} {green} {blue});"
    css = f":root{{{rules['light']}}}"
    css += f"@media (prefers-color-scheme:dark){{:root{{{rules['dark']}}}}}"
    response = HttpResponse(css, content_type="text/css")
    response["Cache-Control"] = "public, max-age=3600"
    return response


brand_css.login_required = False  # type: ignore[attr-defined]  # sign-in pages need it too

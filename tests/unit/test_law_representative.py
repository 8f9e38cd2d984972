"""A controller outside the Union names a representative, or production does not start (O-08)."""

from typing import Any

import pytest

from dsr_portal.core.checks import controller_outside_eu_has_representative


@pytest.mark.parametrize(
    ("country", "representative", "errors"),
    [
        ("US", "", ["dsr.E003"]),
        ("us", "", ["dsr.E003"]),
        ("US", "Example Representation BV, Damrak 1, Amsterdam", []),
        ("NL", "", []),
        ("NO", "", []),
    ],
)
def test_a_controller_outside_the_union_must_name_a_representative(
    settings: Any, country: str, representative: str, errors: list[str]
) -> None:
    """O-08, N-08: GDPR Art. 27; the states of the EEA count as inside."""
    settings.DSR_CONTROLLER = {
        **settings.DSR_CONTROLLER,
        "country": country,
        "representative": representative,
    }
    assert [one.id for one in controller_outside_eu_has_representative()] == errors

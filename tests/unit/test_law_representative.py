"""A controller outside the Union names a representative, or production does not start (O-08)."""

from typing import Any

import pytest

from dsr_portal.core.checks import (
    controller_outside_eu_has_representative,
    controller_outside_eu_states_where_requests_go,
)


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


@pytest.mark.parametrize(
    ("country", "transfers", "errors"),
    [
        ("US", [], ["dsr.E006"]),
        ("US", ["United States (standard clauses)"], []),
        ("NL", [], []),
    ],
)
def test_a_controller_outside_states_where_requests_go(
    settings: Any, country: str, transfers: list[str], errors: list[str]
) -> None:
    """P-01: Art. 13(1)(f), the transfer and its safeguard are told before a request is sent."""
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "country": country}
    settings.DSR_REQUEST_TRANSFERS = transfers
    assert [one.id for one in controller_outside_eu_states_where_requests_go()] == errors

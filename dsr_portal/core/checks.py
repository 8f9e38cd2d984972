"""System checks that hold for every site and process."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dsr_portal.core.inventory import undeclared_fields


@register()
def inventory_is_whole(**_: Any) -> list[CheckMessage]:
    """Deny by default: a store nobody declared stops the portal (law A-02)."""
    return [
        Error(
            f"The inventory of stores does not know {problem}.",
            hint="Declare it in the app's stores.py with its class, shredder and verifier.",
            id="dsr.E001",
        )
        for problem in undeclared_fields()
    ]


@register()
def demo_is_never_production(**_: Any) -> list[CheckMessage]:
    """The demo opens accounts and mails at a click; it must be impossible elsewhere (R35)."""
    if settings.DSR_DEMO and settings.DSR_PRODUCTION:
        return [
            Error(
                "DSR_DEMO is on under production settings.",
                hint="Unset DSR_DEMO. The demo runs with dsr_portal.settings.demo only.",
                id="dsr.E002",
            )
        ]
    return []


@register()
def nothing_of_tests_opens_the_door(**_: Any) -> list[CheckMessage]:
    """Egress reaches this machine only for tests with a certificate authority of theirs (R33)."""
    if settings.DSR_EGRESS_TEST_CA and settings.DSR_PRODUCTION:
        return [
            Error(
                "DSR_EGRESS_TEST_CA is set under production settings.",
                hint="Leave it empty: calls to other systems trust the system's store alone.",
                id="dsr.E004",
            )
        ]
    return []


@register(deploy=True)
def controller_outside_eu_states_where_requests_go(**_: Any) -> list[CheckMessage]:
    """GDPR Art. 13(1)(f): people read before they send where their request goes (law P-01)."""
    from dsr_portal.core.countries import IN_EEA

    if settings.DSR_CONTROLLER["country"].upper() in IN_EEA or settings.DSR_REQUEST_TRANSFERS:
        return []
    return [
        Error(
            "The controller is outside the EEA and states no safeguard for requests.",
            hint="Set DSR_REQUEST_TRANSFERS, for example: United States (standard clauses).",
            id="dsr.E006",
        )
    ]


@register(deploy=True)
def controller_outside_eu_has_representative(**_: Any) -> list[CheckMessage]:
    """GDPR Art. 27: a controller outside the EU names a representative everywhere (law O-08)."""
    from dsr_portal.core.countries import IN_EEA

    controller = settings.DSR_CONTROLLER
    if controller["country"].upper() in IN_EEA or controller["representative"]:
        return []
    return [
        Error(
            "The controller is outside the EU and names no representative.",
            hint="Set DSR_CONTROLLER_REPRESENTATIVE (GDPR Art. 27).",
            id="dsr.E003",
        )
    ]

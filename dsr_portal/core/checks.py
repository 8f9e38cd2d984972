"""System checks that hold for every site and process."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from dsr_portal.core import guards
from dsr_portal.core.inventory import stores_without_end, undeclared_fields

_HERE = {"", "localhost", "127.0.0.1", "::1"}
_CHECKED_BY_CLIENT = {"verify-ca", "verify-full"}
_BROKERS_WITH_TLS = {"rediss", "amqps"}
_UNCHECKED = {"none", "cert_none"}


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
def every_store_has_a_term(**_: Any) -> list[CheckMessage]:
    """Deny by default: a store nobody said the end of stops the portal (law L-23, X-10)."""
    return [
        Error(
            f"The inventory of stores says no end of {problem}.",
            hint="Declare its term in the app's stores.py: how long, from what, what ends it.",
            id="dsr.E009",
        )
        for problem in stores_without_end()
    ]


@register(Tags.database, deploy=True)
def guards_are_there(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What the database refuses by itself; a migration that failed can leave it without."""
    if not databases:
        return []
    return [
        Error(
            f"The database does not refuse what {name} is for.",
            hint="Run manage.py migrate to its end; it makes every guard again.",
            id="dsr.E008",
        )
        for name in guards.missing(connection)
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


@register(deploy=True)
def nothing_crosses_a_network_in_clear(**_: Any) -> list[CheckMessage]:
    """GDPR Art. 32: sites, database and broker speak TLS or stay on this machine (law P-10)."""
    return [
        Error(problem, hint=hint, id="dsr.E007")
        for problem, hint in (*_sites_in_clear(), *_database_in_clear(), *_broker_in_clear())
    ]


def _sites_in_clear() -> list[tuple[str, str]]:
    return [
        (f"The address of the site {name!r} is not https.", f"Set DSR_URL_{name.upper()}.")
        for name, address in settings.DSR_URLS.items()
        if urlsplit(address).scheme != "https"
    ]


def _database_in_clear() -> list[tuple[str, str]]:
    database: dict[str, Any] = settings.DATABASES["default"]
    host = str(database.get("HOST") or "")
    mode = database.get("OPTIONS", {}).get("sslmode", "")
    if host in _HERE or host.startswith("/") or mode in _CHECKED_BY_CLIENT:
        return []
    hint = "End DATABASE_URL with ?sslmode=verify-full&sslrootcert=… (or verify-ca)."
    return [("The database is on another machine and its certificate is not checked.", hint)]


def _broker_in_clear() -> list[tuple[str, str]]:
    address = urlsplit(settings.CELERY_BROKER_URL)
    # A path on a socket of this machine has no host either.
    if (address.hostname or "") in _HERE:
        return []
    asked = {value.lower() for value in parse_qs(address.query).get("ssl_cert_reqs", [])}
    if address.scheme in _BROKERS_WITH_TLS and not asked & _UNCHECKED:
        return []
    hint = "Set CELERY_BROKER_URL to rediss://…?ssl_cert_reqs=required or amqps://…."
    return [("The broker is on another machine and not reached by checked TLS.", hint)]

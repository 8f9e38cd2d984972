"""System checks of what every case and letter goes by: clock and authorities (law D-03, D-04)."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from dsr_portal.accounts.models import Staff
from dsr_portal.core import clock
from dsr_portal.law import authorities, deadlines


@register()
def calendar_is_known(**_: Any) -> list[CheckMessage]:
    """`DSR_CALENDAR` names a state or region with holidays: no case could be dated otherwise."""
    try:
        deadlines.check_calendar(settings.DSR_CALENDAR)
    except deadlines.DeadlineError as error:
        return [
            Error(
                f"DSR_CALENDAR: {error}.",
                hint="Name the state where the controller acts, such as NL, or a region: DE-BY.",
                id="cases.E001",
            )
        ]
    return []


@register(Tags.database)
def holidays_were_compared(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Years in which requests of today end, and whose published holidays nobody compared (D-03)."""
    today = clock.today()
    last = deadlines.add_months(today, 1 + deadlines.MAX_EXTRA_MONTHS)
    years = deadlines.not_compared(settings.DSR_CALENDAR, today, last)
    if not years or not _is_in_use(databases):
        return []
    named = " and ".join(map(str, years))
    return [
        Warning(
            f"Nobody compared the holidays of {settings.DSR_CALENDAR} in {named} with the official"
            " list: dates go by the feasts the library knows.",
            hint="Compare them with the notice in the Official Journal, series C, and write the"
            " sheet (docs/deadlines.md, Where holidays come from).",
            id="cases.W001",
        )
    ]


@register(Tags.database)
def addresses_were_checked(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Addresses that letters leave out until the operator has looked (law 5.4)."""
    try:
        unsure = [
            one.code
            for one in authorities.as_set(settings.DSR_AUTHORITIES)
            if one.address_is_unsure
        ]
    except ValueError as error:
        return [Error(f"{error}.", hint="See docs/deadlines.md, Authorities.", id="cases.E002")]
    if not unsure or not _is_in_use(databases):
        return []
    return [
        Warning(
            f"No letter prints the address of these authorities: {', '.join(unsure)}.",
            hint="`manage.py authorities --unsure` says what to compare; then DSR_AUTHORITIES.",
            id="cases.W002",
        )
    ]


def _is_in_use(databases: Sequence[str] | None) -> bool:
    """Whether the database may be asked and somebody works here: before, nothing is dated or
    sent."""
    if not databases or Staff._meta.db_table not in connection.introspection.table_names():
        return False
    return Staff.objects.filter(is_active=True).exists()

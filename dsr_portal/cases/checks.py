"""System checks of the clock every case runs by (law D-03, D-04)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dsr_portal.law import deadlines


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

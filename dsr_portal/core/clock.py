"""The one source of time. The demo may move it forward; leases and timers never follow."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.utils.translation import gettext as _

from dsr_portal.core.errors import BadInput

_CACHE_SECONDS = 1.0
_cached: tuple[float, int] | None = None


def real_now() -> datetime:
    """Real time in UTC, for leases, tickets and anything that must not jump."""
    return datetime.now(UTC)


def now() -> datetime:
    """The portal's time in UTC: real time; the demo begins some days back and moves forward."""
    moment = real_now()
    if settings.DSR_DEMO:
        moment += timedelta(seconds=_offset()) - settings.DSR_DEMO_BACK
    return moment


def today(zone: str | None = None) -> date:
    """The portal's local date in `zone` (an IANA name; the controller's zone when omitted)."""
    return now().astimezone(ZoneInfo(zone or settings.TIME_ZONE)).date()


def local_date(moment: datetime, zone: str | None = None) -> date:
    return moment.astimezone(ZoneInfo(zone or settings.TIME_ZONE)).date()


def forward(delta: timedelta) -> datetime:
    """Move the demo's clock forward and return the new time (R35: forward only, demo only)."""
    from dsr_portal.core.models import DemoClock

    if not settings.DSR_DEMO:
        raise BadInput("clock_not_demo", _("The clock can be moved in the demo only."))
    if delta <= timedelta(0):
        raise BadInput("clock_backwards", _("The demo's clock only goes forward."))
    global _cached  # noqa: PLW0603 - one small cache for the process
    with transaction.atomic():
        row, _made = DemoClock.objects.select_for_update().get_or_create(id=1)
        row.offset_seconds += int(delta.total_seconds())
        row.save()
    _cached = None
    return now()


def catch_up() -> None:
    """End the demo's past: forward to real time where the clock is still behind it."""
    behind = real_now() - now()
    if behind >= timedelta(seconds=1):
        forward(behind)


def _offset() -> int:
    from dsr_portal.core.models import DemoClock

    global _cached  # noqa: PLW0603 - one small cache for the process
    tick = time.monotonic()
    if _cached is not None and tick - _cached[0] < _CACHE_SECONDS:
        return _cached[1]
    try:
        value = DemoClock.objects.filter(id=1).values_list("offset_seconds", flat=True).first() or 0
    except (OperationalError, ProgrammingError):
        # Before the first migration: Django's own checks make an unsaved account, whose creation
        # time asks for the clock. Not remembered, and after that migration it cannot happen.
        if DemoClock._meta.db_table in connection.introspection.table_names():
            raise
        return 0
    _cached = (tick, value)
    return value


def forget_cached_offset() -> None:
    """Drop the cached offset (after a fresh database in tests)."""
    global _cached  # noqa: PLW0603 - one small cache for the process
    _cached = None

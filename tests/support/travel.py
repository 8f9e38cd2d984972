"""Moving the portal's clock in a test: every service asks `core.clock`."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from dsr_portal.core import clock


class Travel:
    """Starts on a working day at ten; only goes where it is told."""

    def __init__(self, patch: pytest.MonkeyPatch, start: str) -> None:
        zone = ZoneInfo(settings.TIME_ZONE)
        self.now = datetime.combine(datetime.fromisoformat(start).date(), time(10), tzinfo=zone)
        patch.setattr(clock, "now", self._now)

    def _now(self) -> datetime:
        # A little later each time, so that what happens in a row has an order.
        self.now += timedelta(milliseconds=1)
        return self.now

    def to(self, day: str) -> None:
        """Eleven o'clock of a day."""
        zone = ZoneInfo(settings.TIME_ZONE)
        there = datetime.combine(datetime.fromisoformat(day).date(), time(11), tzinfo=zone)
        assert there >= self.now - timedelta(hours=1), "the clock only goes forward"
        self.now = max(there, self.now)

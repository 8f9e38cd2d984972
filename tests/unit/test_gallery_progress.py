"""What an operator reads while an import runs: how far, how fast, how long still (1b, step 1)."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from dsr_portal.gallery.management.commands import import_gallery


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: the test sets its one value."""
    moment = [100.0]
    monkeypatch.setattr(import_gallery.time, "monotonic", lambda: moment[0])
    return moment


def told(out: StringIO, ticks: list[float], every: float) -> str:
    progress = import_gallery.Progress(OutputWrapper(out))
    progress(40, 240, 50)  # an interrupted import goes on: these were done before
    for done in (60, 80, 100):
        ticks[0] += every
        progress(done, 240, done + 10)
    progress.end()
    return out.getvalue()


def test_rate_and_time_left_count_what_this_run_did(ticks: list[float]) -> None:
    lines = told(StringIO(), ticks, 10.0).splitlines()
    assert lines == [
        "60 of 240 pictures, 70 faces, 2.0 per second, 90 s left",
        "80 of 240 pictures, 90 faces, 2.0 per second, 80 s left",
        "100 of 240 pictures, 110 faces, 2.0 per second, 70 s left",
    ]


def test_a_log_is_not_flooded_and_a_terminal_keeps_one_line(ticks: list[float]) -> None:
    assert told(StringIO(), ticks, 1.0) == ""
    shown = told(Terminal(), ticks, 1.0)
    assert shown.count(" pictures, ") == 3
    assert "\n" not in shown
    assert "20.0 per second, 7 s left" in shown

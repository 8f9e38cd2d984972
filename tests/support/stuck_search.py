"""Recognition that never comes back the first time, in worker processes that a test kills.

The first attempt is held at a moment a test waits for: after the photo was judged, between the
first hits (already written) and the sweep, after a widened search or after a look-up. Later
attempts run as they are.
"""

import time
from pathlib import Path
from typing import Any

from django.conf import settings

from dsr_portal.matching import named
from dsr_portal.recognition import services

_judge, _search = services.judge_probe, services.search_probe
_widen, _look_up = services.widen_search, named.look_up


def begun(moment: str) -> int:
    """How often a moment was reached, across all processes."""
    path = _mark(moment)
    return len(path.read_text().splitlines()) if path.exists() else 0


def let_pass(moment: str) -> None:
    """Do not hold the first attempt there."""
    _mark(moment).write_text("passed\n")


def _mark(moment: str) -> Path:
    return Path(settings.DSR_BROKER_DIR).parent / f"reached-{moment}"


def _hold_the_first(moment: str) -> None:
    with _mark(moment).open("a") as file:
        file.write("reached\n")
    if begun(moment) == 1:
        time.sleep(300)


def judge_probe(picture: Any) -> Any:
    verdict = _judge(picture)
    _hold_the_first("judged")
    return verdict


def search_probe(*, preliminary: Any = None, **more: Any) -> Any:
    def written_then_held(outcome: Any) -> None:
        preliminary(outcome)
        _hold_the_first("first-hits")

    return _search(preliminary=written_then_held, **more)


def widen_search(**asked: Any) -> Any:
    found = _widen(**asked)
    _hold_the_first("widened")
    return found


def look_up(case: Any) -> Any:
    found = _look_up(case)
    _hold_the_first("looked-up")
    return found


def install() -> None:
    services.judge_probe, services.search_probe = judge_probe, search_probe
    services.widen_search, named.look_up = widen_search, look_up

"""A group of shards that never answers the first time, in a worker process that a test kills.

The first attempt is held after its rows were swept and before anything is written.
"""

import time
from pathlib import Path
from typing import Any

from django.conf import settings

from dsr_portal.recognition import services

_search_own_rows = services.search_own_rows


def begun() -> int:
    """How often this group had swept its rows, across all processes."""
    path = _mark()
    return len(path.read_text().splitlines()) if path.exists() else 0


def _mark() -> Path:
    return Path(settings.DSR_BROKER_DIR).parent / "reached-group"


def search_own_rows(*args: Any, **more: Any) -> Any:
    found = _search_own_rows(*args, **more)
    with _mark().open("a") as file:
        file.write("swept\n")
    if begun() == 1:
        time.sleep(300)
    return found


def install() -> None:
    services.search_own_rows = search_own_rows

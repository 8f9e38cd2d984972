"""Kills the worker (kill -9) once at each named point of an erasure; loaded by test workers."""

import os
import signal
from pathlib import Path

from django.conf import settings

from dsr_portal.erasure import retiring, steps

STORES = tuple(steps._HANDLERS)
POINTS = [
    "looked.duplicates",
    *(f"{moment}.{store}" for store in STORES for moment in ("begun", "done")),
    "covered.pictures",
    "numbered.index",
    "ordered.keys",
    "checked.stores",
    "made.certificate",
    "ordered.kit",
    "destroyed.kit",
]
RETIRING = [
    "numbered.retire",
    "left.retire",
    "ordered.retire",
    "destroyed.retire",
    "checked.retire",
]


def folder() -> Path:
    return Path(settings.DSR_BROKER_DIR).parent.parent / "killed"


def fault(point: str) -> None:
    if point not in POINTS + RETIRING:
        return
    mark = folder() / point
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


# Armed in worker processes only: the test run imports this module for its names.
if __name__ in os.environ.get("DSR_TEST_IMPORTS", "").split(","):
    steps.fault = fault
    retiring.fault = fault

"""Job kinds with which the machinery of jobs is tested in real processes."""

import os
import time
from pathlib import Path

from django.conf import settings

from dsr_portal.audit.services import record
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.context import JobContext
from tests.support.trail import OFFICER

QUICK = "testing.quick"
STUCK = "testing.stuck_at_first"
LONG = "testing.longer_than_its_lease"


def marks() -> list[str]:
    """What handlers have begun, one "subject attempt pid" each, across all processes."""
    path = _marks()
    return path.read_text().splitlines() if path.exists() else []


def clear_marks() -> None:
    _marks().unlink(missing_ok=True)


def _marks() -> Path:
    return Path(settings.DSR_BROKER_DIR).parent / "begun"


def _begin(ctx: JobContext) -> None:
    with _marks().open("a") as file:
        file.write(f"{ctx.subject} {ctx.attempt} {os.getpid()}\n")


def _finish(ctx: JobContext) -> None:
    with ctx.complete():
        record("testing.happened", actor=OFFICER, word="worked", count=ctx.attempt)


def quick(ctx: JobContext) -> None:
    _begin(ctx)
    _finish(ctx)


def stuck_at_first(ctx: JobContext) -> None:
    """The first attempt never ends by itself: somebody must kill it."""
    _begin(ctx)
    if ctx.attempt == 1:
        time.sleep(300)
    _finish(ctx)


def longer_than_its_lease(ctx: JobContext) -> None:
    _begin(ctx)
    time.sleep(settings.DSR_LEASE_SECONDS * 1.5)
    _finish(ctx)


for _kind, _handler in ((QUICK, quick), (STUCK, stuck_at_first), (LONG, longer_than_its_lease)):
    job_kinds.register(JobKind(name=_kind, queue="light", handler=_handler))

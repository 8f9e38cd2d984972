"""Ending a worker's child process after its job, so that its memory is given back whole.

Overwritten rows are gone at once, but libraries keep small copies where nobody can reach them;
only the end of the process ends those (design, section 6).
"""

import logging
import sys
from typing import Any

log = logging.getLogger(__name__)

_leaving = False


def in_worker() -> bool:
    """True inside a task of a Celery worker, whose parent starts another child."""
    if "celery" not in sys.modules:
        return False
    from celery import current_task

    return bool(current_task)


def after_this_job() -> bool:
    """End this process when the running task has reported; False where no parent replaces it."""
    global _leaving  # noqa: PLW0603 - a process ends once
    if not in_worker():
        return False
    if not _leaving:
        from celery.signals import task_postrun

        task_postrun.connect(_leave, weak=False)
        _leaving = True
    return True


def _leave(**_: Any) -> None:
    # Celery writes "WorkerLostError ... exitcode 0" for this; the job's row is done already.
    log.info("this process ends and is replaced: its memory is given back")
    raise SystemExit(0)

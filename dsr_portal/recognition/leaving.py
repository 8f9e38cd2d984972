"""Ending a worker's child process after its job, so that its memory is given back whole.

Overwritten rows are gone at once, but libraries keep small copies where nobody can reach them;
only the end of the process ends those (design, section 6).
"""

import functools
import logging
import sys

log = logging.getLogger(__name__)


def after_this_job() -> bool:
    """End this process when the running task has reported; False where no parent replaces it."""
    if "celery" not in sys.modules:
        return False
    from dsr_portal.jobs import pool

    if not pool.leave_after_this_task():
        return False
    _say_once()
    return True


@functools.cache
def _say_once() -> None:
    """A process ends once, however many of its jobs ask for it."""
    log.info("this process ends and is replaced: its memory is given back")

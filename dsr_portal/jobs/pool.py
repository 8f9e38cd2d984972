"""Celery's prefork pool whose children can leave between two tasks, as if their time was up.

Celery ends a child after a number of tasks or above an amount of memory. A process that held
templates has to end after one certain task: it leaves where it would wait for the next one, its
results delivered, and the parent starts another child. Nothing is reported as lost.
"""

from collections.abc import Callable
from typing import Any

from billiard import pool as billiard_pool
from celery.concurrency import asynpool, prefork

_in_child = False
_leaving = False


def leave_after_this_task() -> bool:
    """End this child when its task has reported; False where no parent would replace it."""
    global _leaving  # noqa: PLW0603 - a process ends once
    _leaving = _in_child
    return _in_child


class _Leaves:
    """Beside a worker class of billiard, which runs in the child."""

    wait_for_job: Callable[..., Any]

    def _make_child_methods(self, *args: Any, **kwargs: Any) -> None:
        global _in_child  # noqa: PLW0603 - a process is forked once
        super()._make_child_methods(*args, **kwargs)  # type: ignore[misc]  # the worker beside has it
        _in_child = True
        self.wait_for_job = _unless_leaving(self.wait_for_job)


class _Worker(_Leaves, billiard_pool.Worker):
    pass


class _AsynWorker(_Leaves, asynpool.Worker):
    pass


class _Pool(billiard_pool.Pool):
    Worker = _Worker


class _AsynPool(asynpool.AsynPool):
    Worker = _AsynWorker


class TaskPool(prefork.TaskPool):
    """What `worker_pool` names: one pool for brokers with an event loop, one for those without."""

    Pool = _AsynPool
    BlockingPool = _Pool


def _unless_leaving(receive: Callable[..., Any]) -> Callable[..., Any]:
    def next_task(*args: Any, **kwargs: Any) -> Any:
        if _leaving:
            raise SystemExit(billiard_pool.EX_RECYCLE)
        return receive(*args, **kwargs)

    return next_task

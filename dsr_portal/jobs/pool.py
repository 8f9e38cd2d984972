"""Celery's prefork pool whose children can leave between two tasks, as if their time was up.

Celery ends a child after a number of tasks or above an amount of memory. A process that held
templates has to end after one certain task: it leaves where it would wait for the next one, its
results delivered, and the parent starts another child. Nothing is reported as lost.

Billiard is in no hurry: a child that goes waits a second, its parent looks for it every 0.8 s, and
a worker that stops waits for both and for a thread that looks for time limits. Here a child goes at
once, is replaced a tenth of a second later, and no thread looks for limits that nobody set.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from billiard import pool as billiard_pool
from celery.concurrency import asynpool, prefork

LOOKS_SECONDS = 0.1
# The parent looks for the first time when its children had time to come up; so often it bears no
# more of them dying than billiard does.
_FIRST_LOOK_SECONDS = 0.8
_STRICT_LOOKS = 10
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
    on_exit: Callable[[int, int], None] | None
    outq: Any

    def _make_child_methods(self, *args: Any, **kwargs: Any) -> None:
        global _in_child  # noqa: PLW0603 - a process is forked once
        super()._make_child_methods(*args, **kwargs)  # type: ignore[misc]  # the worker beside has it
        _in_child = True
        self.wait_for_job = _unless_leaving(self.wait_for_job)

    def _do_exit(self, pid: int, exitcode: int | None, exc: BaseException | None = None) -> None:
        """As billiard's, without the second that it waits after the last message is written."""
        if exitcode is None:
            exitcode = billiard_pool.EX_FAILURE if exc else billiard_pool.EX_OK
        if self.on_exit is not None:
            self.on_exit(pid, exitcode)
        try:
            # Ended by its parent in the middle of the message it would leave the queue locked.
            signal.pthread_sigmask(signal.SIG_BLOCK, {billiard_pool.TERM_SIGNAL})
            self.outq.put((billiard_pool.DEATH, (pid, exitcode)))
        finally:
            os._exit(exitcode)


class _Worker(_Leaves, billiard_pool.Worker):
    pass


class _AsynWorker(_Leaves, asynpool.Worker):
    pass


class _Supervisor(billiard_pool.Supervisor):
    """Replaces children that have ended, soon after; stops looking when it is told to."""

    def __init__(self, pool: "_Pool") -> None:
        super().__init__(pool)
        self._told = threading.Event()

    def close(self) -> None:
        super().close()
        self._told.set()

    def terminate(self) -> None:
        super().terminate()
        self._told.set()

    def body(self) -> None:
        pool = self.pool
        usual = pool.restart_state
        self._told.wait(_FIRST_LOOK_SECONDS)
        try:
            pool.restart_state = billiard_pool.restart_state(10 * pool._processes, 1)
            for _ in range(_STRICT_LOOKS):
                self._look()
            pool.restart_state = usual
            while self._goes_on():
                self._look()
        except billiard_pool.RestartFreqExceeded:
            pool.close()
            pool.join()
            raise

    def _goes_on(self) -> bool:
        return billiard_pool.RUN == self._state == self.pool._state

    def _look(self) -> None:
        if self._goes_on():
            self.pool._maintain_pool()
            self._told.wait(LOOKS_SECONDS)


class _Pool(billiard_pool.Pool):
    Worker = _Worker
    Supervisor = _Supervisor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Where a time limit is set billiard starts the thread all the same.
        super().__init__(*args, **{**kwargs, "enable_timeouts": False})


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

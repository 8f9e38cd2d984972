"""Kills the worker (kill -9) at the end of a job's transaction, once per kind and transaction.

The worst moment there is: everything was done, nothing is committed. Named in
`running_worker(imports=...)`; a test process that imports it is left alone.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings

from dsr_portal.core.registries import Mail, senders
from dsr_portal.jobs.context import JobContext

LETTER = "testing.killed_letter"
# The transactions each kind ends: results on the way (checkpoint), the last ones (complete).
POINTS = (
    "recognition.seal.complete",
    "recognition.erase.complete",
    "recognition.graphs.checkpoint",
    "recognition.graphs.complete",
    "recognition.rebuild_shard.complete",
    "recognition.recycle.complete",
    "recognition.search_group.complete",
    "outbox.deliver.checkpoint",
    "outbox.deliver.complete",
    "vault.shred.complete",
)
# A link to sign in for who acts for somebody (tests/worker/test_letter_kill.py).
ACCOUNT = "cases.account_link.complete"
# What the last of several groups of holders starts (tests/worker/test_case_groups.py).
MERGES = ("matching.search_merged.complete", "matching.widen_merged.complete")


class _Letters:
    def render(self, subject_id: UUID) -> Mail:
        return Mail(to="nobody@example.org", subject="Test", text=str(subject_id))


senders.register(LETTER, _Letters())


def marks() -> set[str]:
    """Points at which a worker was killed."""
    return {path.name for path in _folder().iterdir()} if _folder().is_dir() else set()


def _folder() -> Path:
    return Path(settings.DSR_BROKER_DIR).parent / "killed"


def _die_once(point: str) -> None:
    if point not in {*POINTS, *MERGES, ACCOUNT} or point in marks():
        return
    _folder().mkdir(exist_ok=True)
    (_folder() / point).touch()
    os.kill(os.getpid(), signal.SIGKILL)


Commit = Callable[[JobContext], AbstractContextManager[None]]


def _killing(original: Commit, name: str) -> Commit:
    @contextmanager
    def transaction(ctx: JobContext) -> Iterator[None]:
        with original(ctx):
            yield
            _die_once(f"{ctx.kind}.{name}")

    return transaction


def install() -> None:
    JobContext.checkpoint = _killing(JobContext.checkpoint, "checkpoint")  # type: ignore[method-assign]  # a kill
    JobContext.complete = _killing(JobContext.complete, "complete")  # type: ignore[method-assign]  # a kill


if os.environ.get("DSR_TEST_IMPORTS"):
    install()

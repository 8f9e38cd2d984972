"""What a handler gets: its job, and the only way to write results."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.jobs.errors import LeaseLost
from dsr_portal.jobs.leases import lease_end
from dsr_portal.jobs.models import Job, JobState


@dataclass(slots=True)
class JobContext:
    """One attempt at one job. `subject` is text; `subject_id` reads it as a UUID."""

    job_id: UUID
    kind: str
    subject: str
    attempt: int
    max_attempts: int
    token: UUID
    completed: bool = False
    lost: threading.Event = field(default_factory=threading.Event)

    @property
    def subject_id(self) -> UUID:
        return UUID(self.subject)

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= self.max_attempts

    @contextmanager
    def checkpoint(self) -> Iterator[None]:
        """A unit of work for results on the way; `LeaseLost` when the job is not ours any more."""
        with unit_of_work():
            self._write(lease_until=lease_end())
            yield

    @contextmanager
    def complete(self) -> Iterator[None]:
        """A unit of work for the last results: the job is DONE in the same transaction."""
        with unit_of_work():
            self._write(
                state=JobState.DONE,
                lease_token=None,
                lease_until=None,
                error_code="",
                finished_at=clock.now(),
            )
            yield
        self.completed = True

    def progress(self, done: int, total: int) -> None:
        """Say how far the work is, outside a transaction."""
        self._write(progress_done=done, progress_total=total)

    def last_error(self) -> str:
        """The code an earlier attempt failed with, "" where none did; to be read before the end."""
        codes = Job.objects.filter(id=self.job_id).values_list("error_code", flat=True)
        return codes.first() or ""

    def must_be_ours(self) -> None:
        """Stop before the next long step when the renewing thread has found the lease taken."""
        if self.lost.is_set():
            raise self._lost()

    def _write(self, **values: Any) -> None:
        held = Job.objects.filter(id=self.job_id, lease_token=self.token, state=JobState.RUNNING)
        if held.update(**values) != 1:
            self.lost.set()
            raise self._lost()

    def _lost(self) -> LeaseLost:
        return LeaseLost("lease_lost", "Another worker has taken over this job.", kind=self.kind)

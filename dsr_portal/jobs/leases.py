"""Claiming a job and keeping it: one conditional UPDATE, then a thread that renews the lease.

Leases use real time and never the portal's clock, which the demo moves.
"""

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Q, QuerySet

from dsr_portal.core import clock
from dsr_portal.core.registries import job_kinds
from dsr_portal.jobs.models import Job, JobState

log = logging.getLogger(__name__)
_RENEWALS_PER_LEASE = 6
WORKER_LOST = "worker_lost"


def lease_end() -> datetime:
    return clock.real_now() + timedelta(seconds=settings.DSR_LEASE_SECONDS)


def due_jobs(queues: Collection[str] | None = None) -> QuerySet[Job]:
    """Jobs that wait and may start, and those whose worker went away; oldest first."""
    kinds = [k.name for _, k in job_kinds.items() if queues is None or k.queue in queues]
    return Job.objects.filter(_due(), kind__in=kinds).order_by("run_after", "id")


def claim(job_id: UUID) -> Job | None:
    """Take the job if it is due: the row with our token, or None when it is not ours to run."""
    job = Job.objects.filter(id=job_id).first()
    if job is None or job.state in (JobState.DONE, JobState.FAILED):
        return None
    most = job_kinds.get(job.kind).max_attempts
    token = uuid4()
    taken = Job.objects.filter(_due(), id=job_id, attempts__lt=most).update(
        state=JobState.RUNNING,
        lease_token=token,
        lease_until=lease_end(),
        attempts=F("attempts") + 1,
    )
    return Job.objects.filter(id=job_id, lease_token=token).first() if taken else None


def abandoned(job_id: UUID) -> Job | None:
    """The job if its last attempt took its worker down: nobody may claim it again."""
    job = Job.objects.filter(_due(), id=job_id, state=JobState.RUNNING).first()
    if job is None or job.attempts < job_kinds.get(job.kind).max_attempts:
        return None
    return job


@contextmanager
def renewing(job_id: UUID, token: UUID, lost: threading.Event) -> Iterator[None]:
    """Renew the lease from a thread while the block runs; set `lost` when another has taken it."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_renew, args=(job_id, token, lost, stop), name=f"lease-{job_id}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew(job_id: UUID, token: UUID, lost: threading.Event, stop: threading.Event) -> None:
    pause = settings.DSR_LEASE_SECONDS / _RENEWALS_PER_LEASE
    held = Job.objects.filter(id=job_id, lease_token=token, state=JobState.RUNNING)
    try:
        while not stop.wait(pause):
            try:
                if held.update(lease_until=lease_end()) != 1:
                    lost.set()
                    return
            except DatabaseError:
                # The lease outlives several failed renewals; the next one tries again.
                log.warning("the lease of job %s could not be renewed", job_id, exc_info=True)
                connection.close()
    finally:
        connection.close()


def _due() -> Q:
    return Q(state=JobState.READY, run_after__lte=clock.now()) | Q(
        state=JobState.RUNNING, lease_until__lt=clock.real_now()
    )

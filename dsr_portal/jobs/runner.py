"""Runs one job: claim, handler, outcome in the row. Used by workers, commands and tests alike."""

import logging
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db.models import F, QuerySet

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.registries import job_kinds
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.jobs import leases
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import LeaseLost, Permanent, Waiting, code_of
from dsr_portal.jobs.models import Job, JobState

log = logging.getLogger(__name__)
RETRY_SECONDS = 2
LONGEST_RETRY_SECONDS = 600
WAIT_SECONDS = 300
_ACTOR = Actor.system("jobs")


def run(job_id: UUID) -> bool:
    """Run the job if it is due and free; False when there was nothing to do.

    A second message for the same job, a finished job and one that runs elsewhere are all no work.
    """
    require_outside_transaction("running a job")
    job = leases.claim(job_id)
    if job is None or job.lease_token is None:
        _give_up(job_id)
        return False
    ctx = JobContext(
        job_id=job.id,
        kind=job.kind,
        subject=job.subject,
        attempt=job.attempts,
        max_attempts=job_kinds.get(job.kind).max_attempts,
        token=job.lease_token,
    )
    with leases.renewing(ctx.job_id, ctx.token, ctx.lost):
        _attempt(ctx)
    return True


def run_due(limit: int | None = None, queues: Collection[str] | None = None) -> int:
    """Run due jobs here, one after another, and those they make; the number that ran."""
    ran = 0
    while limit is None or ran < limit:
        job_id = leases.due_jobs(queues).values_list("id", flat=True).first()
        if job_id is None:
            break
        ran += run(job_id)
    return ran


def _attempt(ctx: JobContext) -> None:
    try:
        job_kinds.get(ctx.kind).handler(ctx)
        if not ctx.completed:
            with ctx.complete():
                pass
    except LeaseLost:
        log.warning(
            "job %s (%s): the lease was lost, its results are refused", ctx.job_id, ctx.kind
        )
    except Waiting as error:
        _wait(ctx, code_of(error))
    except Permanent as error:
        _fail(ctx, code_of(error))
    except PortalError as error:
        _retry(ctx, code_of(error))
    except Exception as error:
        _retry(ctx, code_of(error))
        raise


def _retry(ctx: JobContext, code: str) -> None:
    if ctx.is_last_attempt:
        _fail(ctx, code)
        return
    pause = min(RETRY_SECONDS * 2 ** (ctx.attempt - 1), LONGEST_RETRY_SECONDS)
    _ours(ctx).update(
        state=JobState.READY,
        run_after=clock.now() + timedelta(seconds=pause),
        lease_token=None,
        lease_until=None,
        sent_at=None,
        error_code=code,
    )
    log.info("job %s (%s): %s, again in %s s", ctx.job_id, ctx.kind, code, pause)


def _wait(ctx: JobContext, code: str) -> None:
    """Back to the queue without the attempt: nothing failed."""
    _ours(ctx).update(
        state=JobState.READY,
        run_after=clock.now() + timedelta(seconds=WAIT_SECONDS),
        attempts=F("attempts") - 1,
        lease_token=None,
        lease_until=None,
        sent_at=None,
        error_code=code,
    )
    log.info("job %s (%s) waits: %s", ctx.job_id, ctx.kind, code)


def _fail(ctx: JobContext, code: str) -> None:
    _end(ctx.job_id, ctx.token, ctx.kind, ctx.attempt, code)


def _end(job_id: UUID, token: UUID, kind: str, attempts: int, code: str) -> None:
    with unit_of_work():
        ended = Job.objects.filter(id=job_id, lease_token=token, state=JobState.RUNNING).update(
            state=JobState.FAILED,
            lease_token=None,
            lease_until=None,
            error_code=code,
            finished_at=clock.now(),
        )
        if ended:
            record(
                "jobs.failed",
                actor=_ACTOR,
                subject_id=job_id,
                kind=kind,
                error=code,
                attempts=attempts,
            )
            log.error("job %s (%s) failed: %s", job_id, kind, code)


def _give_up(job_id: UUID) -> None:
    """End a job whose every attempt took its worker down, or it would be sent for ever."""
    job = leases.abandoned(job_id)
    if job is not None and job.lease_token is not None:
        _end(job.id, job.lease_token, job.kind, job.attempts, leases.WORKER_LOST)


def _ours(ctx: JobContext) -> QuerySet[Job]:
    return Job.objects.filter(id=ctx.job_id, lease_token=ctx.token, state=JobState.RUNNING)

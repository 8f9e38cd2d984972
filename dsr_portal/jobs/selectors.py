"""How the work stands, for pages that wait, for health and for the desk."""

from datetime import timedelta

from django.db.models import Count, QuerySet

from dsr_portal.core import clock
from dsr_portal.jobs import leases
from dsr_portal.jobs.models import Effect, Job, JobState


def counts_by_state() -> dict[str, dict[str, int]]:
    """Number of jobs by kind and state; every state is named."""
    counts: dict[str, dict[str, int]] = {}
    rows = Job.objects.order_by().values("kind", "state").annotate(number=Count("id"))
    for row in rows:
        states = counts.setdefault(row["kind"], dict.fromkeys(JobState.values, 0))
        states[row["state"]] = row["number"]
    return counts


def longest_wait() -> timedelta:
    """How long the oldest due job has waited: the first sign of missing workers."""
    oldest = leases.due_jobs().values_list("run_after", flat=True).first()
    return max(clock.now() - oldest, timedelta(0)) if oldest else timedelta(0)


def failed_jobs() -> QuerySet[Job]:
    """Jobs that ended without success and wait for an operator."""
    return Job.objects.filter(state=JobState.FAILED)


def job_of_key(idempotency_key: str) -> Job | None:
    """The job a service made under this key."""
    return Job.objects.filter(idempotency_key=idempotency_key).first()


def newest_job(*, kind: str, subject: object) -> Job | None:
    """The newest job of a kind about a subject, for a page that shows progress."""
    return Job.objects.filter(kind=kind, subject=str(subject)).order_by("-id").first()


def effects() -> QuerySet[Effect]:
    """Everything sent or to be sent to the outside, newest first."""
    return Effect.objects.order_by("-created_at", "-id")

"""How the work stands, for pages that wait, for health and for the desk."""

from datetime import timedelta

from django.db.models import Count, QuerySet

from dsr_portal.core import clock
from dsr_portal.jobs import leases
from dsr_portal.jobs.mail import NOT_TAKEN
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from dsr_portal.jobs.outbox import WAITS

FAILED_SHOWN = timedelta(days=7)
"""How long the desk counts a mail that failed; the flag of its case stays."""


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


def newest_job(*, kind: str, subject: object) -> Job | None:
    """The newest job of a kind about a subject, for a page that shows progress."""
    return Job.objects.filter(kind=kind, subject=str(subject)).order_by("-id").first()


def mails_waiting() -> int:
    """Mails that wait because no relay is set up: the desk says so."""
    return Effect.objects.filter(state=EffectState.PENDING, error_code=WAITS).count()


def mails_failed() -> int:
    """Mails of the last week that did not leave for good, whoever they were to."""
    failed = Effect.objects.filter(state=EffectState.FAILED, error_code__in=NOT_TAKEN)
    return failed.filter(created_at__gt=clock.now() - FAILED_SHOWN).count()


def effects() -> QuerySet[Effect]:
    """Everything sent or to be sent to the outside, newest first."""
    return Effect.objects.order_by("-created_at", "-id")

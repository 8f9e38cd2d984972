"""Jobs and outside effects are rows; a broker only carries their ids (design, section 2)."""

from django.db import models
from django.db.models import Q

from dsr_portal.core.clock import now
from dsr_portal.core.models import Row


class JobState(models.TextChoices):
    READY = "ready", "ready"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"


class Job(Row):
    """One piece of work. Who runs it holds a lease; every write of results repeats its token.

    `run_after` follows the portal's clock (the demo may move it forward); `lease_until` and
    `sent_at` are real time.
    """

    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=160, unique=True)
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.READY)
    run_after = models.DateTimeField(default=now)
    attempts = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run_after", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(state=JobState.RUNNING)
                & Q(lease_token__isnull=False, lease_until__isnull=False)
                | ~Q(state=JobState.RUNNING) & Q(lease_token__isnull=True),
                name="job_lease_while_running",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "run_after"], name="job_due"),
            models.Index(fields=["state", "lease_until"], name="job_expired"),
            models.Index(fields=["kind", "subject"], name="job_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class EffectState(models.TextChoices):
    PENDING = "pending", "pending"
    SENT = "sent", "sent"
    FAILED = "failed", "failed"


class Effect(Row):
    """One mail or call to the outside. Says nothing about a person: the app that owns the kind
    opens address and text from the vault at the moment of sending."""

    kind = models.CharField(max_length=64)
    subject_id = models.UUIDField()
    unique_key = models.CharField(max_length=140, unique=True)
    state = models.CharField(max_length=8, choices=EffectState.choices, default=EffectState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at", "id")
        indexes = [models.Index(fields=["subject_id", "kind"], name="effect_of_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

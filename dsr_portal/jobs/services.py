"""Jobs and outside effects for the rest of the portal."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.core.registries import Mail, callers, job_kinds, senders
from dsr_portal.jobs import leases, outbox
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import LeaseLost, Permanent, Transient, Waiting
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from dsr_portal.jobs.runner import run, run_due

__all__ = [
    "JobContext",
    "LeaseLost",
    "Permanent",
    "Transient",
    "Waiting",
    "after_restore",
    "end_old",
    "enqueue",
    "preview",
    "queue_effect",
    "release_held",
    "requeue",
    "send_waiting",
    "run",
    "run_due",
    "sweep",
    "wake",
]

DELIVER = "outbox.deliver"
HELD = "held_after_restore"
_MOST_PER_SWEEP = 500
_MOST_ENDED = 5000
KEEP_ENDED = timedelta(days=3 * 365 + 1)
"""As long as a claim is usually possible: rows say what was done or sent when, by ids."""
_SENDS_PER_LEASE = 4


def enqueue(
    *, kind: str, subject: UUID | str, idempotency_key: str, run_after: datetime | None = None
) -> Job:
    """The job of this key, made if there is none; workers hear of it when the caller commits.

    Call inside the unit of work whose change the job follows from. `Conflict` when the key belongs
    to another kind or subject.
    """
    job_kinds.get(kind)
    job, created = Job.objects.get_or_create(
        idempotency_key=idempotency_key,
        defaults={
            "kind": kind,
            "subject": str(subject),
            "run_after": run_after or clock.now(),
            "sent_at": clock.real_now() if run_after is None else None,
        },
    )
    if (job.kind, job.subject) != (kind, str(subject)):
        raise Conflict("job_key_taken", _("This key belongs to another job."), kind=kind)
    if created and run_after is None:
        _tell(job)
    return job


def sweep() -> int:
    """Send due jobs again whose message may be lost; the number sent.

    Where a queue holds as many messages as jobs wait for it, none is lost: a busy queue, or one
    that no worker reads now, does not fill with copies.
    """
    from dsr_portal.jobs import messages

    before = clock.real_now() - timedelta(seconds=settings.DSR_LEASE_SECONDS / _SENDS_PER_LEASE)
    silent = Q(sent_at__isnull=True) | Q(sent_at__lt=before) | Q(state=JobState.RUNNING)
    waiting = leases.due_jobs().filter(silent).values_list("id", "kind")[:_MOST_PER_SWEEP]
    sent = messages.send(waiting, only_missing=True)
    Job.objects.filter(id__in=sent).update(sent_at=clock.real_now())
    return len(sent)


def end_old() -> int:
    """Remove rows of work done and of sendings that ended `KEEP_ENDED` ago (law X-10); how many.

    A failed job stays until somebody starts it again: what it was to do is not done. A sending
    that failed for good was told where it was asked for, and goes with its own job.
    """
    before = clock.now() - KEEP_ENDED
    sent = Q(state=EffectState.SENT, sent_at__lt=before)
    failed = Q(state=EffectState.FAILED, created_at__lt=before)
    with transaction.atomic():
        effects = Effect.objects.filter(sent | failed)
        ids = [str(one) for one in effects.values_list("id", flat=True)[:_MOST_ENDED]]
        ended = Job.objects.filter(state__in=[JobState.DONE, JobState.FAILED])
        of_effects = ended.filter(kind=DELIVER, subject__in=ids).delete()[0]
        done = Job.objects.filter(state=JobState.DONE, finished_at__lt=before).delete()[0]
        return of_effects + done + Effect.objects.filter(id__in=ids).delete()[0]


def requeue(*, job_id: UUID, actor: Actor) -> None:
    """Give a FAILED job its attempts back (an operator's wish after a repair)."""
    with unit_of_work():
        job = Job.objects.select_for_update().filter(id=job_id).first()
        if job is None:
            raise NotFound("job_unknown")
        if job.state != JobState.FAILED:
            raise Conflict("job_not_failed", _("Only a failed job can be started again."))
        error = job.error_code or None
        job.state, job.attempts, job.error_code = JobState.READY, 0, ""
        job.run_after, job.finished_at, job.sent_at = clock.now(), None, clock.real_now()
        job.save()
        record("jobs.requeued", actor=actor, subject_id=job.id, kind=job.kind, error=error)
        _tell(job)


def wake(code: str) -> int:
    """Begin what waited for a decision that was taken now; how many (see `Waiting`)."""
    with unit_of_work():
        waiting = Job.objects.select_for_update().filter(state=JobState.READY, error_code=code)
        rows = list(waiting.order_by("id"))
        for job in rows:
            job.run_after, job.error_code, job.sent_at = clock.now(), "", clock.real_now()
            job.save(update_fields=["run_after", "error_code", "sent_at"])
            _tell(job)
    return len(rows)


def queue_effect(*, kind: str, subject_id: UUID, unique_key: str) -> Effect:
    """Have something sent to the outside once; call inside the unit of work that decides it."""
    if kind not in callers:
        senders.get(kind)
    effect, _made = Effect.objects.get_or_create(
        unique_key=unique_key, defaults={"kind": kind, "subject_id": subject_id}
    )
    if (effect.kind, effect.subject_id) != (kind, subject_id):
        raise Conflict("effect_key_taken", _("This key belongs to another effect."), kind=kind)
    enqueue(kind=DELIVER, subject=effect.id, idempotency_key=f"{DELIVER}:{unique_key}")
    return effect


def after_restore() -> tuple[int, int]:
    """Make a restored queue work again, in the caller's unit of work: (jobs freed, mails held).

    No worker of the lost installation comes back: what it ran is READY, without counting that
    attempt. What was not sent when the backup was made may have been sent since: it is held, for a
    second letter can't be taken back and `release_held` sends a missing one (R31).
    """
    ran = Job.objects.select_for_update().filter(state=JobState.RUNNING)
    freed = ran.update(
        state=JobState.READY,
        lease_token=None,
        lease_until=None,
        sent_at=None,
        attempts=F("attempts") - 1,
    )
    Job.objects.filter(state=JobState.READY).update(sent_at=None)
    unsent = Effect.objects.filter(state=EffectState.PENDING)
    ids = [str(one) for one in unsent.values_list("id", flat=True)]
    held = unsent.update(state=EffectState.FAILED, error_code=HELD)
    Job.objects.filter(kind=DELIVER, subject__in=ids).exclude(state=JobState.DONE).update(
        state=JobState.FAILED, error_code=HELD, finished_at=clock.now()
    )
    return freed, held


def release_held(*, actor: Actor) -> int:
    """Send what a restore held back (an operator who looked which letters are missing)."""
    with unit_of_work():
        held = list(Effect.objects.select_for_update().filter(error_code=HELD))
        for effect in held:
            stopped = Job.objects.filter(kind=DELIVER, subject=str(effect.id), error_code=HELD)
            # One that waited for a relay has no job to start again: the regular run queues it.
            code = "" if stopped else outbox.WAITS
            effect.state, effect.error_code = EffectState.PENDING, code
            effect.save(update_fields=["state", "error_code"])
            for job in stopped:
                requeue(job_id=job.id, actor=actor)
    return len(held)


def send_waiting() -> int:
    """Queue the mails again that waited for a relay; how many. The regular run."""
    if not outbox.transport():
        return 0
    with unit_of_work():
        waiting = Effect.objects.filter(state=EffectState.PENDING, error_code=outbox.WAITS)
        rows = list(waiting.select_for_update().order_by("created_at")[:_MOST_PER_SWEEP])
        for effect in rows:
            effect.error_code = ""
            effect.save(update_fields=["error_code"])
            key = f"{DELIVER}:{effect.id}:{effect.attempts}"
            enqueue(kind=DELIVER, subject=effect.id, idempotency_key=key)
    return len(rows)


def preview(effect: Effect) -> Mail:
    """The letter of an effect, opened from the vault now (the demo's mail viewer)."""
    return outbox.render(effect)


def _tell(job: Job) -> None:
    """Send the job's id to the broker when the transaction commits."""

    # A function, not a partial: Django names a failed hook by its qualified name.
    def send() -> None:
        _send(job.id, job.kind)

    transaction.on_commit(send, robust=True)


def _send(job_id: UUID, kind: str) -> None:
    from dsr_portal.jobs import messages  # Celery is loaded by the first message only

    if not messages.send([(job_id, kind)]):
        Job.objects.filter(id=job_id).update(sent_at=None)

"""Jobs are rows: a lost or doubled message, a lost lease, an error; each has one outcome."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, InsideTransaction, NotFound, Unavailable
from dsr_portal.core.registries import JobKind, Mail, job_kinds, senders
from dsr_portal.jobs import messages, runner, selectors, services
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.leases import claim
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from tests.support.trail import OFFICER

pytestmark = [pytest.mark.django_db, pytest.mark.db]
KIND = "testing.work"
_handlers: dict[str, Callable[[JobContext], None]] = {}


def handler(ctx: JobContext) -> None:
    _handlers["now"](ctx)


job_kinds.register(JobKind(name=KIND, queue="light", handler=handler, max_attempts=3))


@pytest.fixture(autouse=True)
def broker_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The embedded broker in a folder of its own, also where this run has another broker."""
    settings.DSR_BROKER_DIR = tmp_path / "broker"
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery itself prefers it
    monkeypatch.setitem(messages.app.conf, "broker_url", "embedded://")
    return tmp_path / "broker"


@pytest.fixture
def ran() -> Iterator[list[str]]:
    """Subjects in the order their handler ended; the handler records an event as its result."""
    subjects: list[str] = []

    def work(ctx: JobContext) -> None:
        with ctx.complete():
            note(ctx.attempt)
        subjects.append(ctx.subject)

    _handlers["now"] = work
    yield subjects
    _handlers.clear()


def note(count: int) -> None:
    record("testing.happened", actor=OFFICER, word="worked", count=count)


def enqueue(subject: str = "a", key: str = "key", **more: Any) -> Job:
    with unit_of_work():
        return services.enqueue(kind=KIND, subject=subject, idempotency_key=key, **more)


def expire(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_until=clock.real_now() - timedelta(seconds=1))


def sent_long_ago() -> None:
    Job.objects.update(sent_at=clock.real_now() - timedelta(minutes=5))


def messages_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.msg"))


def test_a_job_runs_once_and_its_row_says_so(ran: list[str]) -> None:
    job = enqueue()
    assert services.run_due() == 1
    job.refresh_from_db()
    assert (ran, job.state, job.attempts, job.lease_token) == (["a"], JobState.DONE, 1, None)
    assert job.finished_at is not None
    assert services.run_due() == 0


def test_one_key_is_one_job_and_cannot_be_another(ran: list[str]) -> None:
    assert enqueue().id == enqueue().id
    with pytest.raises(Conflict):
        enqueue(subject="b")


def test_the_same_message_twice_runs_the_job_once(ran: list[str]) -> None:
    job = enqueue()
    assert [services.run(job.id), services.run(job.id)] == [True, False]
    assert ran == ["a"]


def test_only_one_of_two_workers_claims_a_job() -> None:
    job = enqueue()
    first, second = claim(job.id), claim(job.id)
    assert first is not None
    assert second is None
    assert first.attempts == 1


def test_a_job_waits_for_its_time(ran: list[str]) -> None:
    job = enqueue(run_after=clock.now() + timedelta(hours=1))
    assert services.run_due() == 0
    assert not services.run(job.id)
    Job.objects.update(run_after=clock.now())
    assert services.run_due() == 1


def test_results_after_a_lost_lease_are_refused_and_the_other_workers_stand() -> None:
    job = enqueue()
    seen: list[int] = []

    def overtaken(ctx: JobContext) -> None:
        seen.append(ctx.attempt)
        if ctx.attempt == 1:
            expire(job)
            assert services.run(job.id), "the second worker takes over"
        with ctx.complete():
            note(ctx.attempt)

    _handlers["now"] = overtaken
    services.run(job.id)
    job.refresh_from_db()
    assert (seen, job.state, job.attempts) == ([1, 2], JobState.DONE, 2)
    assert [event.data for event in Event.objects.all()] == [{"word": "worked", "count": 2}]


def test_a_checkpoint_and_progress_of_a_lost_lease_are_refused() -> None:
    job = enqueue()
    refused: list[str] = []

    def overtaken(ctx: JobContext) -> None:
        expire(job)
        assert claim(job.id) is not None
        with pytest.raises(services.LeaseLost), ctx.checkpoint():
            note(1)
        with pytest.raises(services.LeaseLost):
            ctx.progress(1, 2)
        with pytest.raises(services.LeaseLost):
            ctx.must_be_ours()
        refused.append(ctx.subject)

    _handlers["now"] = overtaken
    services.run(job.id)
    job.refresh_from_db()
    assert (refused, job.state, job.progress_total) == (["a"], JobState.RUNNING, 0)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "error", [Unavailable("engine_away"), services.Transient("later"), NotFound("gone")]
)
def test_an_error_is_tried_again_with_growing_pauses_and_then_fails(error: Exception) -> None:
    job = enqueue()

    def fail(ctx: JobContext) -> None:
        raise error

    _handlers["now"] = fail
    pauses = []
    for attempt in (1, 2, 3):
        before = clock.now()
        assert services.run(job.id)
        job.refresh_from_db()
        assert (job.attempts, job.error_code) == (attempt, str(error).split(":", maxsplit=1)[0])
        pauses.append(round((job.run_after - before).total_seconds()))
        Job.objects.filter(state=JobState.READY).update(run_after=clock.now())
    assert pauses[:2] == [runner.RETRY_SECONDS, runner.RETRY_SECONDS * 2]
    assert job.state == JobState.FAILED
    event = Event.objects.get(type="jobs.failed")
    assert (event.subject_id, event.data) == (
        job.id,
        {"kind": KIND, "error": job.error_code, "attempts": 3},
    )


def test_a_permanent_error_fails_at_once_and_an_operator_can_start_it_again(
    ran: list[str],
) -> None:
    work = _handlers["now"]

    def fail(ctx: JobContext) -> None:
        raise services.Permanent("not_a_picture")

    _handlers["now"] = fail
    job = enqueue()
    services.run_due()
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "not_a_picture", 1)
    _handlers["now"] = work
    services.requeue(job_id=job.id, actor=Actor.operator())
    assert services.run_due() == 1
    with pytest.raises(Conflict):
        services.requeue(job_id=job.id, actor=Actor.operator())


def test_a_bug_is_kept_as_a_code_and_raised(ran: list[str]) -> None:
    def fail(ctx: JobContext) -> None:
        raise KeyError("a name that must not enter the row")

    _handlers["now"] = fail
    job = enqueue()
    with pytest.raises(KeyError):
        services.run_due()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.READY, "unexpected.KeyError")


def test_a_result_whose_transaction_fails_leaves_the_job_to_be_run_again() -> None:
    job = enqueue()

    def fail_inside(ctx: JobContext) -> None:
        with ctx.complete():
            note(1)
            raise Unavailable("vault_away")

    _handlers["now"] = fail_inside
    services.run(job.id)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.READY, "vault_away")
    assert not Event.objects.exists()


def test_a_job_that_always_takes_its_worker_down_ends() -> None:
    job = enqueue()
    for _ in range(3):
        assert claim(job.id) is not None
        expire(job)
    assert not services.run(job.id)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "worker_lost")


def test_a_job_never_runs_inside_a_transaction(ran: list[str]) -> None:
    job = enqueue()
    with transaction.atomic(), pytest.raises(InsideTransaction):
        services.run(job.id)


def test_the_demos_clock_does_not_end_a_lease(settings: Any) -> None:
    """Leases use real time: a day forward in the demo must not start a second worker."""
    settings.DSR_DEMO = True
    job = enqueue()
    assert claim(job.id) is not None
    try:
        clock.forward(timedelta(days=30))
        assert claim(job.id) is None
        expire(job)
        assert claim(job.id) is not None
    finally:
        clock.forget_cached_offset()


@pytest.mark.django_db(transaction=True)
def test_a_message_is_sent_on_commit_only_and_holds_no_more_than_the_id(
    broker_folder: Path,
) -> None:
    with unit_of_work():
        job = services.enqueue(kind=KIND, subject="subject-of-job", idempotency_key="sent")
        assert messages_in(broker_folder) == []
    (message,) = messages_in(broker_folder)
    assert (message.parent.name, message.stat().st_mode & 0o777) == ("light", 0o600)
    assert message.parent.stat().st_mode & 0o777 == 0o700
    assert "subject-of-job" not in message.read_text()
    with pytest.raises(NotFound), unit_of_work():
        enqueue_and_fail()
    assert len(messages_in(broker_folder)) == 1
    assert job.sent_at is not None


def enqueue_and_fail() -> None:
    services.enqueue(kind=KIND, subject="b", idempotency_key="never")
    raise NotFound("gone")


@pytest.mark.django_db(transaction=True)
def test_the_sweep_sends_again_what_a_broker_lost_and_only_that(
    broker_folder: Path, ran: list[str]
) -> None:
    for number in range(3):
        enqueue(key=f"job-{number}")
    assert services.sweep() == 0, "just sent"
    sent_long_ago()
    assert services.sweep() == 0, "three messages wait for three jobs"
    messages_in(broker_folder)[0].unlink()
    assert services.sweep() == 1
    sent_long_ago()
    for folder in broker_folder.iterdir():
        for message in folder.iterdir():
            message.unlink()
        folder.rmdir()
    assert services.sweep() == 3, "the broker was emptied between commit and delivery"
    assert services.run_due() == 3


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_does_not_answer_stops_nobody(
    broker_folder: Path, settings: Any, tmp_path: Path
) -> None:
    settings.DSR_BROKER_DIR = tmp_path / "file"
    (tmp_path / "file").write_text("where a folder should be")
    job = enqueue()
    job.refresh_from_db()
    assert (job.state, job.sent_at) == (JobState.READY, None)
    settings.DSR_BROKER_DIR = broker_folder
    assert services.sweep() == 1


class Letters:
    """A sender of the tests: what it is asked for, and what it answers."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def render(self, subject_id: uuid.UUID) -> Mail:
        if self.error:
            raise self.error
        return Mail(to="mina@example.org", subject="Your code", text=f"About {subject_id}")


LETTERS = Letters()
senders.register("testing.letter", LETTERS)


def letter(key: str = "letter-1") -> Effect:
    with unit_of_work():
        return services.queue_effect(
            kind="testing.letter", subject_id=uuid.UUID(int=7), unique_key=key
        )


def test_an_effect_is_sent_once_and_its_row_says_nothing_about_a_person() -> None:
    LETTERS.error = None
    effect = letter()
    assert letter().id == effect.id
    assert services.run_due() == 1
    effect.refresh_from_db()
    assert (effect.state, effect.attempts) == (EffectState.SENT, 1)
    row = str(Effect.objects.filter(id=effect.id).values().get())
    assert "mina" not in row
    assert "Your code" not in row
    assert services.preview(effect).to == "mina@example.org"
    event = Event.objects.get(type="outbox.sent")
    assert event.subject_id == uuid.UUID(int=7)


def test_an_effect_that_cannot_be_sent_now_is_tried_again() -> None:
    LETTERS.error = Unavailable("relay_away")
    effect = letter()
    services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.PENDING, "relay_away")
    LETTERS.error = None
    Job.objects.update(run_after=clock.now())
    services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.attempts) == (EffectState.SENT, 2)


def test_an_effect_whose_address_was_erased_fails_and_is_recorded() -> None:
    LETTERS.error = NotFound("shredded")
    effect = letter()
    services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.FAILED, "shredded")
    assert Event.objects.filter(type="outbox.failed").exists()


def test_health_counts_jobs_by_state_and_the_longest_wait(ran: list[str]) -> None:
    enqueue(key="one")
    services.run_due()
    enqueue(key="two", run_after=clock.now() - timedelta(minutes=10))
    assert selectors.counts_by_state()[KIND] == {
        "ready": 1, "running": 0, "done": 1, "failed": 0,
    }  # fmt: skip
    assert timedelta(minutes=9) < selectors.longest_wait() < timedelta(minutes=11)
    found = selectors.newest_job(kind=KIND, subject="a")
    assert found is not None
    assert found.idempotency_key == "two"

"""Jobs in real worker processes, on the embedded broker or the one CELERY_BROKER_URL names."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.jobs import messages, services
from dsr_portal.jobs.models import Job, JobState
from tests.support import work
from tests.support.workers import Worker, running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]
IMPORTS = ("tests.support.work",)


@pytest.fixture(autouse=True)
def own_broker(settings: Any, tmp_path: Path) -> Path:
    settings.DSR_BROKER_DIR = tmp_path / "broker"
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1
    empty_broker()
    return tmp_path / "broker"


def empty_broker() -> None:
    with messages.app.connection_for_write() as connection:
        for name in messages.QUEUES:
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)


def enqueue(kind: str, number: int = 1) -> Job:
    with unit_of_work():
        return services.enqueue(kind=kind, subject=f"s{number}", idempotency_key=f"{kind}-{number}")


def done(job: Job) -> bool:
    return Job.objects.filter(id=job.id, state=JobState.DONE).exists()


def begun(job: Job, attempt: int) -> bool:
    wanted = (job.subject, str(attempt))
    return any(tuple(mark.split()[:2]) == wanted for mark in work.marks())


def finishes_elsewhere(job: Job) -> None:
    """After the lease has run out, another worker finishes the job, once."""
    with running_worker(imports=IMPORTS), running_beat():
        until(lambda: done(job), what="the job")
    job.refresh_from_db()
    assert job.attempts == 2
    assert [mark.split()[1] for mark in work.marks()] == ["1", "2"]
    assert [event.data for event in Event.objects.all()] == [{"word": "worked", "count": 2}]
    assert audit.verify().ok


def test_a_message_reaches_a_worker_and_the_job_is_done_once() -> None:
    jobs = [enqueue(work.QUICK, number) for number in range(5)]
    with running_worker(imports=IMPORTS) as worker:
        until(lambda: all(done(job) for job in jobs), what="five jobs")
        later = enqueue(work.QUICK, 9)
        messages.send([(later.id, later.kind), (later.id, later.kind)])
        until(lambda: done(later), what="the later job")
        assert worker.alive
    assert sorted(mark.split()[0] for mark in work.marks()) == ["s0", "s1", "s2", "s3", "s4", "s9"]


def test_a_worker_killed_in_mid_job_is_followed_by_another() -> None:
    job = enqueue(work.STUCK)
    with running_worker(imports=IMPORTS) as worker:
        until(lambda: begun(job, 1), what="the first attempt")
        worker.kill()
    finishes_elsewhere(job)


def test_a_killed_child_alone_loses_nothing_and_its_parent_lives() -> None:
    job = enqueue(work.STUCK)
    with running_worker(imports=IMPORTS) as worker:
        until(lambda: begun(job, 1), what="the first attempt")
        os.kill(int(work.marks()[0].split()[2]), signal.SIGKILL)
        with running_beat():
            until(lambda: done(job), what="the job")
        assert worker.alive
    assert Event.objects.count() == 1


def test_two_workers_share_jobs_and_no_job_runs_twice() -> None:
    with running_worker(imports=IMPORTS), running_worker(imports=IMPORTS):
        jobs = [enqueue(work.QUICK, number) for number in range(20)]
        for _ in range(3):
            messages.send([(job.id, job.kind) for job in jobs])
        until(lambda: all(done(job) for job in jobs), what="twenty jobs")
    assert sorted(mark.split()[0] for mark in work.marks()) == sorted(job.subject for job in jobs)
    assert Event.objects.count() == len(jobs)


def test_a_job_longer_than_its_lease_keeps_it() -> None:
    job = enqueue(work.LONG)
    with running_worker(imports=IMPORTS), running_worker(imports=IMPORTS), running_beat():
        until(lambda: done(job), what="the long job")
    assert [mark.split()[1] for mark in work.marks()] == ["1"]


def test_the_sweep_finishes_what_a_broker_emptied_after_the_commit_forgot() -> None:
    job = enqueue(work.QUICK)
    empty_broker()
    with running_worker(imports=IMPORTS) as worker:
        assert not done(job)
        with running_beat():
            until(lambda: done(job), what="the job")
        assert worker.alive


def test_a_half_written_message_does_not_take_the_worker_down(own_broker: Path) -> None:
    if messages.app.conf.broker_url != "embedded://":
        pytest.skip("the embedded broker only")
    folder = own_broker / "light"
    junk = {"0.msg": b'{"body": "gAJ', "1.msg": b"", "2.msg": b"\xff\xfe", "3.msg": b"null",
            "4.msg": b'{"body": "", "headers": {}, "properties": {}}'}  # fmt: skip
    with running_worker(imports=IMPORTS) as worker:
        for name, content in junk.items():
            (folder / name).write_bytes(content)
        job = enqueue(work.QUICK)
        until(lambda: done(job), what="the job behind the junk")
        until(lambda: not list(folder.iterdir()), what="an empty folder")
        assert_lives(worker)


def assert_lives(worker: Worker) -> None:
    assert worker.alive
    assert "Traceback" not in worker.log()
    assert worker.log().count("was no whole message") == 5

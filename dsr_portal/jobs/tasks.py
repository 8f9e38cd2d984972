"""Celery's thin side: a message names a job or a regular run, the rest is in the rows."""

from uuid import UUID

from dsr_portal.core.registries import schedule
from dsr_portal.jobs import messages, runner

app = messages.app


@app.task(name=messages.RUN)
def run_job(job_id: str) -> None:
    runner.run(UUID(job_id))


@app.task(name="jobs.beat")
def beat(name: str) -> None:
    schedule.get(name).run()

"""R33 in real processes: a worker that touches faces calls nobody, the light one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.jobs import services
from dsr_portal.jobs.models import Job, JobState
from tests.support import calls
from tests.support.endpoints import Authority, serving
from tests.support.workers import running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("queue", "said"), [("light", ""), ("search", "egress_face_process")])
def test_only_the_light_worker_calls_another_system(
    queue: str, said: str, settings: Any, tmp_path: Path
) -> None:
    settings.DSR_BROKER_DIR = tmp_path / "broker"
    authority = Authority(tmp_path / "authority")
    with unit_of_work():
        job = services.enqueue(kind=f"testing.call.{queue}", subject="s", idempotency_key="one")
    with serving(authority) as endpoint:
        env = {"DSR_EGRESS_TEST_CA": authority.ca, calls.ADDRESS: endpoint.url}
        with running_worker(queue, imports=("tests.support.calls",), env=env):
            ended = Job.objects.filter(id=job.id, state__in=[JobState.DONE, JobState.FAILED])
            until(ended.exists, what="the call or its refusal")
        assert ended.get().error_code == said
        assert len(endpoint.got) == (0 if said else 1)

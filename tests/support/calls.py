"""Job kinds that call another system, one per queue, for real workers (R33)."""

import os

from dsr_portal.core import egress
from dsr_portal.core.registries import JobKind, egress_lists, job_kinds
from dsr_portal.jobs.context import JobContext

ADDRESS = "DSR_TEST_ENDPOINT"


def call(ctx: JobContext) -> None:
    egress.post(url=os.environ[ADDRESS], body=b"{}", headers={})


def listed(url: str) -> bool:
    return url == os.environ.get(ADDRESS)


egress_lists.register("testing.worker", listed)
for _queue in ("light", "search"):
    job_kinds.register(JobKind(f"testing.call.{_queue}", _queue, call, max_attempts=1))

"""A job for the bench of erasures: the checks of the index and of memory, in the new process."""

import json
from pathlib import Path
from uuid import UUID

from django.conf import settings

from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.context import JobContext
from dsr_portal.recognition import services

KIND = "testing.bench_check"


def asked() -> Path:
    return Path(settings.DSR_VAR) / "bench-erasure.json"


def in_clear() -> Path:
    return Path(settings.DSR_VAR) / "bench-erasure-templates.json"


def answered() -> Path:
    return Path(settings.DSR_VAR) / "bench-erasure-answer.json"


def check(ctx: JobContext) -> None:
    """As the verification of an erasure does it: bytes in memory, then by id and template."""
    wanted = json.loads(asked().read_text())
    ids = [UUID(one) for one in wanted["ids"]]
    seen = services.scan_holder(needles=wanted["needles"])
    # Read after the scan only: the scan finds templates in clear wherever they lie.
    templates = [bytes.fromhex(one) for one in json.loads(in_clear().read_text())]
    absent = services.absent(record_ids=ids, templates=templates)
    answered().write_text(
        json.dumps(
            {
                "gone": absent.gone,
                "rows": absent.rows,
                "copies": seen.total,
                "canary": seen.canary_found,
                "bytes": seen.bytes,
            }
        )
    )


job_kinds.register(JobKind(KIND, "search", check, max_attempts=20))

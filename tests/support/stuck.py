"""Makes the first answer, report, letter or check of an order stand still until it is killed.

Named in `running_worker(imports=...)`: the product's handlers run as they are, but the last slow
step before the commit never returns the first time. By then letter and package are made.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from dsr_portal.compliance import jobs as compliance_jobs
from dsr_portal.compliance import measures
from dsr_portal.disclosure import validator


def marks() -> list[str]:
    """Process numbers that reached the step, in order."""
    path = _path()
    return path.read_text().split() if path.exists() else []


def _path() -> Path:
    return Path(settings.DSR_BROKER_DIR).parent / "stuck"


def _first_time_never(step: Callable[..., Any]) -> Callable[..., Any]:
    def stands_still(*args: Any, **kwargs: Any) -> Any:
        first = not marks()
        with _path().open("a") as file:
            file.write(f"{os.getpid()}\n")
        if first:
            time.sleep(300)
        return step(*args, **kwargs)

    return stands_still


def stand_still() -> None:
    """Patch this process; called when a worker imports the module, never in the test itself."""
    validator.missing_in_files = _first_time_never(validator.missing_in_files)
    measures.check = _first_time_never(measures.check)
    made = compliance_jobs.documents.prepare_document

    def prepared(*args: Any, **kwargs: Any) -> Any:
        done = made(*args, **kwargs)
        hangs = kwargs.get("kind") in {"audit", "board", "letter"}
        return _first_time_never(lambda: done)() if hangs else done

    compliance_jobs.documents.prepare_document = prepared  # type: ignore[assignment]  # it hangs once


if os.environ.get("DSR_TEST_IMPORTS"):
    stand_still()

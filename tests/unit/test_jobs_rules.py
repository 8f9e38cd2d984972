"""What jobs never use, and what the processes around them never load (design, section 2)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dsr_portal.core.errors import NotFound
from dsr_portal.jobs import messages
from dsr_portal.jobs.errors import Permanent, code_of

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = re.compile(
    r"task_always_eager|CELERY_TASK_ALWAYS_EAGER|memory://|\bcountdown\s*=|\beta\s*=|\bchord\b"
    r"|\bself\.retry\b|autoretry_for|max_retries|\bresult_backend\s*=|CELERY_RESULT_BACKEND"
    r"|\bgroup\([^)]*\.s\("
)
HEAVY = ("deepface", "tensorflow", "cv2", "onnxruntime", "hnswlib", "biometrics", "numpy")


def offences(source: str) -> list[str]:
    return FORBIDDEN.findall(source)


def test_the_search_for_forbidden_means_finds_them() -> None:
    planted = 'work.apply_async(countdown=5)\nbroker_url = "memory://"\n'
    assert len(offences(planted)) == 2


@pytest.mark.parametrize("folder", ["dsr_portal", "biometrics", ".ci", "tests"])
def test_time_retries_and_results_lie_in_the_row_and_nowhere_else(folder: str) -> None:
    found = {
        str(path): offences(path.read_text(encoding="utf-8", errors="replace"))
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    }
    assert {path: hits for path, hits in found.items() if hits} == {}


def test_celery_is_set_to_carry_ids_only() -> None:
    conf = messages.app.conf
    assert (conf.accept_content, conf.task_serializer, conf.result_backend) == (
        ["json"], "json", None,
    )  # fmt: skip
    assert (conf.task_always_eager, conf.task_acks_late, conf.worker_prefetch_multiplier) == (
        False, True, 1,
    )  # fmt: skip
    assert {queue.name for queue in conf.task_queues} == {
        "light", "probe", "search", "enrol", "reenrol",
    }  # fmt: skip


@pytest.mark.parametrize("module", ["dsr_portal.celery", "dsr_portal.wsgi"])
def test_web_beat_and_a_workers_parent_load_no_recognition(module: str) -> None:
    """A worker's children load it in their first job; nobody else ever does."""
    script = (
        f"import importlib, sys; importlib.import_module({module!r});"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.strip().splitlines()[-1] == "[]"


STARTS = {
    "site": ["-c", "import dsr_portal.wsgi\n{said}"],
    "worker": ["-c", "import dsr_portal.celery\n{said}"],
    "command": ["manage.py", "shell", "-v", "0", "-c", "{said}"],
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_started_process_collects_but_not_what_it_loaded(kind: str) -> None:
    """The collector is on again, and nearly everything that is there is kept off it."""
    said = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 9 * len(gc.get_objects()))"
    ended = subprocess.run(
        [sys.executable, *(part.format(said=said) for part in STARTS[kind])],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.stdout.strip().splitlines()[-1] == "True True", ended.stderr[-2000:]


def test_an_errors_code_never_carries_its_message() -> None:
    assert code_of(NotFound("gone", "Mina is gone")) == "gone"
    assert code_of(Permanent("Mina's photo")) == "error"
    assert code_of(KeyError("Mina")) == "unexpected.KeyError"

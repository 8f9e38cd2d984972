"""Real worker processes for tests: `with running_worker("light") as worker: ...`.

They work on the database, the broker and the folders of the running test, so the test must be
`@pytest.mark.django_db(transaction=True)`: what is not committed, no other process sees. Job kinds
that belong to tests are named by module: `imports=("tests.support.work",)`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
# Only what never comes is waited for that long: a machine may be busy with other work.
START_SECONDS = 120.0
_READY = "ready."
_BEATS = "beat: Starting"
# Settings a test may have changed, handed on under the names the environment has for them.
_HANDED_ON = (
    "DSR_VAR",
    "DSR_VAULT_DIR",
    "DSR_BROKER_DIR",
    "DSR_WEIGHTS",
    "DSR_SITE",
    "DSR_LEASE_SECONDS",
    "DSR_SWEEP_SECONDS",
    "CELERY_BROKER_URL",
)


class Worker:
    """One started process with its children and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def children(self) -> list[int]:
        """Processes any thread of the worker has started: successors come from its supervisor.

        A thread or a child may end between being listed and being read: then it is not there. One
        that ended and is still listed, because nobody has waited for it yet, is not there either.
        """
        pids: list[str] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                pids += path.read_text().split()
        return [int(pid) for pid in pids if _lives(pid)]

    def kill(self) -> None:
        """kill -9 for the worker and its children, as a power cut would end them."""
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it finish what it does, then end it."""
        if not self.alive:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()


def _lives(pid: str) -> bool:
    """Whether a process runs; not one that ended and waits for its parent to notice."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return told.rpartition(")")[2].split()[0] not in {"Z", "X"}


@contextmanager
def running_worker(
    queues: str = "light",
    *,
    concurrency: int = 1,
    imports: tuple[str, ...] = (),
    env: Mapping[str, object] | None = None,
) -> Iterator[Worker]:
    """A Celery worker for `queues` ("probe,search"); `env` adds or replaces variables."""
    command = ["worker", "-Q", queues, "-c", str(concurrency), "-l", "INFO", "-n", "%h-%i"]
    # As the demo starts its workers; looking for neighbours alone takes a second of every start.
    command += ["--without-heartbeat", "--without-gossip", "--without-mingle"]
    with _running(command, imports, env or {}, _READY) as worker:
        yield worker


@contextmanager
def running_beat(
    *, imports: tuple[str, ...] = (), env: Mapping[str, object] | None = None
) -> Iterator[Worker]:
    """Celery's beat with the schedule of the portal."""
    with _running(["beat", "-l", "INFO"], imports, env or {}, _BEATS) as beat:
        yield beat


def until(true: Callable[[], object], *, seconds: float = 120.0, what: str = "it") -> None:
    """Wait for a condition; fail with `what` when it does not come true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def environment(imports: tuple[str, ...] = ()) -> dict[str, str]:
    """The variables with which another process works on what the running test works on."""
    handed_on = {name: str(getattr(settings, name)) for name in _HANDED_ON}
    return {
        **os.environ,
        **handed_on,
        "DATABASE_URL": database_url(),
        "DSR_RING": ",".join(str(folder) for folder in settings.DSR_RING),
        "DSR_LEDGER": ",".join(str(folder) for folder in settings.DSR_LEDGER),
        "DSR_TEST_DEMO": "1" if settings.DSR_DEMO else "0",
        "DSR_TEST_IMPORTS": ",".join(imports),
        "DJANGO_SETTINGS_MODULE": os.environ.get(
            "DJANGO_SETTINGS_MODULE", "dsr_portal.settings.test"
        ),
    }


def database_url() -> str:
    """The address of the database the running test uses."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    login = f"{values['USER']}:{values['PASSWORD']}" if values["USER"] else ""
    place = f"{values['HOST'] or '127.0.0.1'}:{values['PORT'] or 5432}"
    return f"postgres://{login}@{place}/{values['NAME']}"


@contextmanager
def _running(
    command: list[str], imports: tuple[str, ...], env: Mapping[str, object], ready: str
) -> Iterator[Worker]:
    variables = environment(imports) | {name: str(value) for name, value in env.items()}
    with tempfile.TemporaryDirectory(prefix="dsr-worker-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.support.celery_app", *command],
                cwd=ROOT,
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = Worker(process, log)
        try:
            _wait_for(worker, ready)
            yield worker
        finally:
            worker.stop()


def _wait_for(worker: Worker, word: str) -> None:
    end = time.monotonic() + START_SECONDS
    while word not in worker.log():
        if not worker.alive or time.monotonic() > end:
            worker.stop()
            raise AssertionError(f"the process did not start:\n{worker.log()[-4000:]}")
        time.sleep(0.05)

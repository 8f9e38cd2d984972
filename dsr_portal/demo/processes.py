"""The demo's processes: three sites, two workers, beat. Started, watched and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

from dsr_portal.demo import state

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_TAIL = 25
_WORKER = "ready."


class Died(RuntimeError):
    """A process ended that should run; the message has the end of its log."""


@dataclass(slots=True)
class Child:
    """One process, its log and how it is seen to be ready."""

    name: str
    command: Sequence[str]
    ready: Callable[["Child"], bool]
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    log: Path = field(default_factory=Path)

    def start(self) -> None:
        self.log = state.logs() / f"demo-{self.name}.log"
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        output: IO[bytes]
        with self.log.open("wb") as output:
            # A session of its own: Ctrl-C reaches the command, which ends them in order.
            self.process = subprocess.Popen(
                self.command,
                cwd=settings.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tail(self) -> str:
        if not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL:])

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(number)


def children() -> list[Child]:
    """The demo's processes in the order in which they start."""
    beat_file = state.home() / "beat"
    celery = ["-m", "celery", "-A", "dsr_portal.celery"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = [*celery, "worker", "-l", "INFO", "-c", "1", *quiet]
    return [
        *(_site(name) for name in ("public", "desk", "oversight")),
        _child("light", [*worker, "-Q", "light", "-n", "light@%h"], _says_ready),
        _child("heavy", [*worker, "-Q", "probe,search", "-n", "heavy@%h"], _says_ready),
        _child("beat", [*celery, "beat", "-l", "WARNING", "-s", str(beat_file)], _runs),
    ]


def _child(
    name: str, arguments: list[str], ready: Callable[[Child], bool], site: str = "public"
) -> Child:
    # Temporary files where nobody else puts any: an erasure can read them (docs/erasure.md).
    temporary = Path(settings.DSR_VAR) / "tmp"
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    fixed = [
        "/usr/bin/env",
        f"TMPDIR={temporary}",
        f"DSR_SITE={site}",
        "DJANGO_SETTINGS_MODULE=dsr_portal.settings.demo",
        "DEEPFACE_BACKEND_ENGINE=onnx",
        f"PYTHONPATH={settings.ROOT}",
    ]
    return Child(name, [*fixed, sys.executable, *arguments], ready)


def _site(name: str) -> Child:
    port = port_of(name)
    serve = [
        "-m", "gunicorn", "dsr_portal.wsgi:application", "--bind", f"127.0.0.1:{port}",
        "--workers", "1", "--worker-class", "gthread", "--threads", "4", "--timeout", "120",
        "--graceful-timeout", "3", "--log-level", "warning",
        "--worker-tmp-dir", str(state.home()), "--no-control-socket",
    ]  # fmt: skip
    return _child(f"{name}", serve, lambda child: _answers(port), site=name)


def port_of(site: str) -> int:
    return int(settings.DSR_URLS[site].rstrip("/").rpartition(":")[2])


def taken_ports() -> list[int]:
    """Ports of the three sites on which somebody else listens."""
    taken = []
    for site in ("public", "desk", "oversight"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port_of(site)))
            except OSError:
                taken.append(port_of(site))
    return taken


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/static/icon.svg", timeout=2) as page:
            return bool(page.status == 200)
    except (URLError, OSError):
        return False


def _says_ready(child: Child) -> bool:
    return _WORKER in child.log.read_text(errors="replace")


def _runs(child: Child) -> bool:
    return child.alive


class Running:
    """The started processes; a child that dies is started once more, the second time it ends."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.children = children()
        self.say = say
        self.asked_to_stop = False

    def start(self) -> None:
        for child in self.children:
            child.start()
        end = time.monotonic() + READY_SECONDS
        waiting = list(self.children)
        while waiting and not self.asked_to_stop:
            for child in waiting:
                if not child.alive:
                    raise Died(f"{child.name} did not start. End of {child.log}:\n{child.tail()}")
            waiting = [child for child in waiting if not child.ready(child)]
            if time.monotonic() > end:
                names = ", ".join(child.name for child in waiting)
                raise Died(f"not ready within {READY_SECONDS:.0f} s: {names}")
            time.sleep(0.1)

    def watch(self) -> None:
        """Until somebody asks to stop, or a process dies a second time."""
        while not self.asked_to_stop:
            for child in self.children:
                if not child.alive and not self.asked_to_stop:
                    self._again(child)
            time.sleep(0.3)

    def _again(self, child: Child) -> None:
        if child.restarts:
            raise Died(f"{child.name} ended twice. End of {child.log}:\n{child.tail()}")
        child.restarts += 1
        self.say(f"{child.name} ended; it is started once more. End of its log:\n{child.tail()}")
        child.start()

    def stop(self) -> None:
        """Beat and sites first, then the workers, which finish the job they are on."""
        for child in reversed(self.children):
            child.signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while any(child.alive for child in self.children) and time.monotonic() < end:
            time.sleep(0.05)
        for child in self.children:
            if child.process is not None and child.alive:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()


@contextmanager
def stopping(running: Running) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask to stop, also while the processes start; then all are ended."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        running.asked_to_stop = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        running.stop()
        for number, handler in before.items():
            signal.signal(number, handler)

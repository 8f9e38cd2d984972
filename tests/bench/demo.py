"""First and second start of the demo, in a folder of its own, set-up not counted."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.rows import Book

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 600


def run(book: Book) -> None:
    with tempfile.TemporaryDirectory(prefix="dsr-bench-demo-") as home:
        first = _start(Path(home))
        second = _start(Path(home))
    book.note("first start of the demo after set-up", first, "s")
    book.note("second start of the demo", second, "s", target=15.0)


def _start(home: Path) -> float:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DSR_", "DJANGO"))
    } | {
        "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.demo",
        "DSR_VAR": str(home / "var"),
        "DSR_RING": f"{home / 'ring-a'},{home / 'ring-b'}",
        "DSR_LEDGER": f"{home / 'ledger-a'},{home / 'ledger-b'}",
        "PORT": str(_free_port()),
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            sys.stderr.write(line)
            if "Ctrl-C" in line:
                return time.perf_counter() - began
            if time.perf_counter() - began > LONGEST:
                break
        raise RuntimeError("the demo did not start")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

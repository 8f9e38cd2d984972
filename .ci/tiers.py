"""Run the tests tier by tier, each in a process of its own, and say at the end what ran.

    .ci/tiers.py [services] [what pytest is to know...]

All tiers run even when one fails: one run tells everything there is to mend. Light tiers deal
their tests to two processes, and the one that is done first takes over half of what waits for the
other; engine, worker and browser tests are dealt by file, for what a module makes (a gallery, a
demo, a loaded network) is made once. Worker tests mostly wait for leases and beats: one more
process than there are cores fills that time. A browser test waits for the demo it serves, six
processes beside the browser, and the demo for it: two files side by side. `services` runs what is
marked `db` or `broker` instead, each process with a database and a broker of its own
(.ci/services.sh, dsr_portal/settings/test.py).

Everything the tests write lies in memory where there is room for it: the portal puts every key and
every commit on the disk before it goes on, and a test that waits for a disk proves nothing by it.

The order of tests is shuffled by a seed that is the same for everybody, so that a failure comes
again; SEED=7 asks for another order.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET  # the reports are our own
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "var" / "tests"
NOTHING_COLLECTED = 5

JOBS = int(os.environ.get("JOBS", "2"))
SIDE_BY_SIDE = ["-n", str(JOBS), "--dist", "worksteal"]
BY_FILE = ["--dist", "loadfile", "--no-loadscope-reorder"]
ONE_MORE = ["-n", str(JOBS + 1), *BY_FILE]
ORDER = [f"--randomly-seed={os.environ.get('SEED', '1')}"]
# The tests start some hundred processes of the portal. Where Python may not keep what it compiled,
# each of them compiles the portal anew: a third of its start.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
# There is a process for each core already. Helping threads of NumPy's algebra wait for each other
# in a loop where the cores are taken.
ENVIRONMENT.setdefault("OPENBLAS_NUM_THREADS", "1")
# Name -> folders, and how pytest runs them.
TIERS: dict[str, tuple[list[str], list[str]]] = {
    "unit-property": (["tests/unit", "tests/property"], SIDE_BY_SIDE),
    "integration": (["tests/integration"], SIDE_BY_SIDE),
    "engine-worker": (["tests/engine", "tests/worker"], ONE_MORE),
    "browser": (["tests/e2e"], ["-n", str(JOBS), *BY_FILE]),
}
SERVICES = {"services": (["tests"], [*ONE_MORE, "-m", "db or broker"])}
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
ROOM = 4 * 1024**3


def counts(report: Path) -> tuple[int, int, int]:
    """Read one JUnit report: passed, failed, skipped."""
    if not report.is_file():
        return 0, 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - our own file

    def total(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    failed = total("failures") + total("errors")
    return total("tests") - failed - total("skipped"), failed, total("skipped")


def place() -> str | None:
    """Where tests write; None, the machine's own place, without room in memory."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    return str(MEMORY) if roomy and os.access(MEMORY, os.W_OK) else None


def run_tier(name: str, folders: list[str], how: list[str], more: list[str]) -> tuple[int, Path]:
    """Run one tier; the exit code of pytest, 0 also for folders without tests."""
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    present = [folder for folder in folders if (ROOT / folder).is_dir()]
    if not present:
        return 0, report
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--junitxml={report}",
        *present,
        *ORDER,
        *how,
        *more,
    ]
    print(f"\n=== {name} ===", flush=True)
    with tempfile.TemporaryDirectory(prefix="t-", dir=place(), ignore_cleanup_errors=True) as home:
        # Open to everybody, as /tmp is: a temporary folder of one's own is searched by an erasure.
        os.chmod(home, 0o1777)  # noqa: S103 - with the sticky bit
        code = subprocess.run(
            command,
            cwd=ROOT,
            env={**ENVIRONMENT, "TMPDIR": home},
            check=False,
            stdin=subprocess.DEVNULL,
        ).returncode
    return (0 if code == NOTHING_COLLECTED else code), report


def main(more: list[str]) -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    passed = failed = skipped = 0
    broken = []
    tiers, more = (SERVICES, more[1:]) if more[:1] == ["services"] else (TIERS, more)
    for name, (folders, how) in tiers.items():
        code, report = run_tier(name, folders, how, more)
        if code != 0:
            broken.append(f"{name} ended with {code}")
        for_tier = counts(report)
        passed, failed, skipped = passed + for_tier[0], failed + for_tier[1], skipped + for_tier[2]
    minutes = (time.monotonic() - started) / 60
    print(f"\nAll tiers took {minutes:.1f} minutes. {'; '.join(broken)}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if broken or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run the tests tier by tier, each in a process of its own, and say at the end what ran.

All tiers run even when one fails: one run tells everything there is to mend. Light tiers use two
processes; engine, workers and browser bring processes of their own and run alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET  # the reports are our own
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "var" / "tests"
NOTHING_COLLECTED = 5

TIERS: dict[str, tuple[list[str], bool]] = {
    "unit-property": (["tests/unit", "tests/property"], True),
    "integration": (["tests/integration"], True),
    "engine-worker": (["tests/engine", "tests/worker"], False),
    "browser": (["tests/e2e"], False),
}


def counts(report: Path) -> tuple[int, int, int]:
    """Read one JUnit report: passed, failed, skipped."""
    if not report.is_file():
        return 0, 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - our own file

    def total(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    failed = total("failures") + total("errors")
    return total("tests") - failed - total("skipped"), failed, total("skipped")


def run_tier(name: str, folders: list[str], parallel: bool, more: list[str]) -> tuple[int, Path]:
    """Run one tier; the exit code of pytest, 0 also for folders without tests."""
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    present = [folder for folder in folders if (ROOT / folder).is_dir()]
    if not present:
        return 0, report
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *present, *more]
    if parallel:
        command += ["-n", os.environ.get("JOBS", "2")]
    print(f"\n=== {name} ===", flush=True)
    code = subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL).returncode
    return (0 if code == NOTHING_COLLECTED else code), report


def main(more: list[str]) -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    passed = failed = skipped = 0
    broken = []
    for name, (folders, parallel) in TIERS.items():
        code, report = run_tier(name, folders, parallel, more)
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

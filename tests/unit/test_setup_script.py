"""The set-up script: names what is missing, goes on where it stopped, is silent unless it fails."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A stand-in for the environment's Python: writes down what it was asked, and can be told to fail.
PYTHON_STUB = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  *lockfile.py*) exit 0;;
esac
if [ -n "$BREAK" ]; then
  case "$*" in
    *"$BREAK"*) echo "No space left on device"; exit 1;;
  esac
fi
exit 0
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout with an environment that only pretends."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "requirements.lock").write_text("a==1 --hash=sha256:00\n")
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(PYTHON_STUB)
    (binaries / "python").chmod(0o755)
    (tmp_path / ".venv" / ".setup").mkdir()
    (tmp_path / ".venv" / ".setup" / "venv").touch()
    (tmp_path / "var" / "weights").mkdir(parents=True)
    return tmp_path


def set_up(checkout: Path, **env: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script; the calls it made of the environment's Python."""
    calls = checkout / "calls"
    calls.write_text("")
    done = subprocess.run(
        ["bash", str(checkout / ".ci" / "setup.sh")],
        env={**os.environ, "CALLS": str(calls), "BREAK": "", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, calls.read_text().splitlines()


def pip_calls(calls: list[str]) -> list[str]:
    return [call for call in calls if "pip install" in call]


def test_a_second_start_installs_nothing(checkout):
    first, calls = set_up(checkout)
    assert first.returncode == 0, first.stderr
    build, wheels, sources = pip_calls(calls)
    for call in (build, wheels, sources):
        assert "--require-hashes --no-deps" in call
    assert "--no-cache-dir" in sources
    assert "--no-build-isolation" in sources
    second, calls = set_up(checkout)
    assert second.returncode == 0
    assert pip_calls(calls) == []
    assert [call for call in calls if "biometrics.weights" in call]


def test_an_interrupted_set_up_goes_on_where_it_stopped(checkout):
    first, _ = set_up(checkout, BREAK="wheels.txt")
    assert first.returncode != 0
    second, calls = set_up(checkout)
    assert second.returncode == 0
    assert [Path(call.split()[-1]).stem for call in pip_calls(calls)] == ["wheels", "sources"]


def test_a_changed_lock_installs_again(checkout):
    set_up(checkout)
    (checkout / "requirements.lock").write_text("a==2 --hash=sha256:01\n")
    _, calls = set_up(checkout)
    assert len(pip_calls(calls)) == 3


def test_output_of_pip_is_shown_on_failure_only(checkout):
    broken, _ = set_up(checkout, BREAK="sources.txt")
    assert "No space left on device" in broken.stderr
    assert "Installing packages (sources) failed." in broken.stderr
    fine, _ = set_up(checkout)
    assert "No space left" not in fine.stdout + fine.stderr
    assert fine.stdout.count("\n") == 4


def test_what_is_missing_is_named_in_one_line_that_installs_it(checkout):
    """Not root, and neither compiler nor Python: one apt line, nothing installed."""
    bare = checkout / "bare"
    bare.mkdir()
    for tool in ("bash", "dirname", "mkdir", "tr", "cat", "grep", "git", "make"):
        (bare / tool).symlink_to(shutil.which(tool))
    (bare / "id").write_text("#!/bin/sh\necho 1000\n")
    # What this machine has under its full name must not be found either.
    script = checkout / ".ci" / "setup.sh"
    script.write_text(script.read_text().replace(" /usr/bin/python3.11", ""))
    (bare / "ldconfig").write_text("#!/bin/sh\nexit 0\n")
    for stub in ("id", "ldconfig"):
        (bare / stub).chmod(0o755)

    done, calls = set_up(checkout, PATH=str(bare))
    assert done.returncode == 1
    line = next(line for line in done.stderr.splitlines() if "apt-get install" in line)
    assert line.split("--no-install-recommends ")[1].split() == [
        "python3.11",
        "python3.11-venv",
        "python3.11-dev",
        "g++",
        "libpango-1.0-0",
        "libpangoft2-1.0-0",
    ]
    assert calls == []


def test_the_demo_counts_on_from_the_steps_of_the_set_up(checkout):
    """1c: seven numbered steps with what, size and time; `manage.py demo` prints the last three."""
    done, _ = set_up(checkout, STEPS="7")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1/7", "2/7", "3/7", "4/7"]
    for line in lines[2:]:
        assert re.search(r"\d+ MB \(\d+ s\)$", line), line
    makefile = (ROOT / "Makefile").read_text()
    assert "STEPS=7 bash .ci/setup.sh" in makefile

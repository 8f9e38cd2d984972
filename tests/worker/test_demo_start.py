"""`manage.py demo` as a person starts it: from nothing, stopped by Ctrl-C, started again (R35)."""

import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.support import DemoStack, free_ports

SECOND_START_SECONDS = 15


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that work in the demo's folder."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                environment = (place / "environ").read_bytes()
                command = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if f"DSR_VAR={folder / 'var'}".encode() in environment and command:
                found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.timeout(400)
def test_it_starts_from_nothing_stops_cleanly_and_starts_again_in_seconds(
    tmp_path: Path, weights_home: Path
) -> None:
    stack = DemoStack(tmp_path / "demo", free_ports())
    try:
        stack.start(cases=False, fresh=True)
        said = stack.said()
        assert "5/7" in said
        assert "6/7" in said
        assert "7/7" in said
        assert f"{stack.public}/demo/" in said
        for address in (f"{stack.public}/demo/", f"{stack.desk}/", f"{stack.oversight}/"):
            with urlopen(address, timeout=20) as page:  # noqa: S310
                assert "DEMO" in page.read().decode()
        assert stack.enrolled_faces() == 34
        assert len(processes_of(stack.folder)) >= 7
        assert stack.stop(signal.SIGINT) == 0
        assert "Stopped." in stack.said()
        assert not processes_of(stack.folder)
        assert stack.start(cases=False) < SECOND_START_SECONDS
        assert stack.stop(signal.SIGTERM) == 0
        assert not processes_of(stack.folder)
    finally:
        stack.stop()

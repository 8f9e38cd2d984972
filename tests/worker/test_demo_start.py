"""`manage.py demo` as a person starts it: from nothing, stopped by Ctrl-C, started again (R35)."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.support import DemoStack, free_ports
from tests.support import migrated, process_environ


@pytest.mark.parametrize("library", ["cv2", "onnxruntime", "hnswlib"])
def test_a_process_that_knows_faces_is_seen(tmp_path: Path, library: str) -> None:
    stack = DemoStack(tmp_path, 1)
    planted = subprocess.Popen(
        [sys.executable, "-c", f"import {library}; print('there', flush=True); input()"],
        env=stack.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert planted.stdout is not None
        assert planted.stdout.readline() == b"there\n"
        assert [library in command for command in stack.recognition_out_of_place()] == [True]
    finally:
        planted.kill()
        planted.communicate()


def no_key_in_any_environment(stack: DemoStack) -> None:
    """R26: of every kind of process; one with a key in its environment is seen first."""
    keys = process_environ.keys_of([stack.folder / "ring-a", stack.folder / "ring-b"])
    assert len(keys) > 10
    running = stack.processes()
    for kind in (
        "manage.py demo",
        *(f"127.0.0.1:{stack.port + number}" for number in range(3)),
        "-Q light",
        "-Q probe,search",
        "celery -A dsr_portal.celery beat",
    ):
        assert any(kind in command for command in running.values()), kind
    planted = subprocess.Popen(
        ["/usr/bin/cat"],
        env=stack.environment(SOME_NAME=f"key={sorted(keys)[0].hex()}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert planted.stdin is not None
        assert planted.stdout is not None
        planted.stdin.write(b"there\n")
        planted.stdin.flush()
        # A process that only just begins has an empty environment for a moment.
        assert planted.stdout.readline() == b"there\n"
        assert process_environ.with_a_key([planted.pid, *running], keys) == [planted.pid]
    finally:
        planted.kill()
        planted.communicate()


def parts_run(stack: DemoStack) -> set[tuple[str, int]]:
    """What the demo prepared in processes of their own, and when."""
    names = {f"demo-{part}.log" for part in ("gallery", "cast", "cases")}
    return {
        (log.name, log.stat().st_mtime_ns)
        for log in stack.folder.rglob("demo-*.log")
        if log.name in names
    }


@pytest.mark.timeout(400)
def test_it_starts_from_nothing_stops_cleanly_and_starts_again_in_seconds(
    tmp_path: Path, weights_home: Path
) -> None:
    stack = DemoStack(tmp_path / "demo", free_ports())
    try:
        stack.start(cases=False, fresh=True)
        said = stack.said()
        steps = re.findall(r"^  (\d)/7  .+\((\d+) s\)$", said, re.MULTILINE)
        assert [number for number, _seconds in steps] == ["5", "6", "7"]
        assert re.search(r"30 pictures, 34 faces, 0 cases, \d+ MB", said)
        for words in ("Ready after", "Ctrl-C", "make demo FRESH=1", "make demo PORT="):
            assert words in said, words
        assert f"{stack.public}/demo/" in said
        for address in (f"{stack.public}/demo/", f"{stack.desk}/", f"{stack.oversight}/"):
            with urlopen(address, timeout=20) as page:  # noqa: S310 - our own address
                assert "DEMO" in page.read().decode()
        assert stack.enrolled_faces() == 34
        # Other tests start where its tables are there already: with these.
        migrated.put(tmp_path / "copy.sqlite3")
        assert migrated.tables(stack.database) == migrated.tables(tmp_path / "copy.sqlite3")
        assert len(stack.processes()) >= 7
        assert stack.recognition_out_of_place() == []
        no_key_in_any_environment(stack)
        assert stack.stop(signal.SIGINT) == 0
        assert "Stopped." in stack.said()
        assert not stack.processes()
        prepared = parts_run(stack)
        assert {name for name, _when in prepared} == {"demo-gallery.log"}
        stack.start(cases=False)
        # How long it takes is a figure of `make bench ONLY=whole-way`.
        assert re.search(r"^  5/7  .+there", stack.said(), re.MULTILINE)
        assert parts_run(stack) == prepared, "nothing is prepared a second time"
        assert stack.stop(signal.SIGTERM) == 0
        assert not stack.processes()
    finally:
        stack.stop()

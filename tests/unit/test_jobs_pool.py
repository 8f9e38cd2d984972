"""A worker's pool: children leave at once and are replaced, stopping waits for no look or limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kombu.transport import virtual

from dsr_portal.jobs import broker

ROOT = Path(__file__).resolve().parents[2]
# A pool that looks for its children once a day after the first ten times: whoever waits for that
# runs into the time limit of the test.
BEGIN = """
import os, time
from dsr_portal.jobs import pool
pool._FIRST_LOOK_SECONDS = {first}
pool.LOOKS_SECONDS = {looks}
made = pool._Pool(processes=1, initializer=None, {more})
def ran(function, *args):
    return made.apply_async(function, args).get(timeout=60)
"""


def told(code: str, *, first: float = 0.01, looks: float = 0.05, more: str = "") -> list[str]:
    begin = BEGIN.format(first=first, looks=looks, more=more)
    done = subprocess.run(
        [sys.executable, "-c", begin + code],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "exited with" not in done.stderr, "a child that leaves is not reported"
    return done.stdout.split()


def test_a_child_that_leaves_is_replaced_and_what_it_did_arrives() -> None:
    code = """
leaves = made._pool[0]
before = ran(os.getpid)
print(before == leaves.pid, ran(pool.leave_after_this_task))
after = ran(os.getpid)
print(after != before, made._pool[0].pid == after, leaves.exitcode == 0)
made.close()
made.join()
"""
    assert told(code) == ["True"] * 5


def test_a_pool_that_is_closed_waits_for_no_look_at_its_children() -> None:
    day = 24 * 3600.0
    for first, looks in ((day, 0.05), (0.01, day)):
        code = "print(ran(os.getpid) == made._pool[0].pid)\nmade.close()\nmade.join()\n"
        assert told(code, first=first, looks=looks) == ["True"]


def test_only_where_a_limit_is_set_somebody_looks_for_it() -> None:
    code = "print(made._timeout_handler is None)\nmade.close()\nmade.join()\n"
    assert told(code, more="enable_timeouts=True") == ["True"]
    assert told(code, more="timeout=60") == ["False"]


@pytest.mark.parametrize(("asked", "waited"), [(2.0, broker.WAITING_SECONDS), (0.1, 0.1)])
def test_a_worker_can_be_asked_to_stop_between_two_short_waits(
    asked: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[Any] = []
    monkeypatch.setattr(
        virtual.Transport, "drain_events", lambda _self, _link, timeout: waits.append(timeout)
    )
    broker.Transport.drain_events(object.__new__(broker.Transport), None, timeout=asked)
    assert waits == [waited]
    assert broker.WAITING_SECONDS < 2

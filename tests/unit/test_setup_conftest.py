"""The test run's own rules: tiers by folder, budgets, sites, nothing but loopback."""

import json
import os
import runpy
import socket
import subprocess
import time
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_socket import SocketConnectBlockedError

from tests.conftest import (
    BUDGETS,
    TIER_OF_FOLDER,
    TierClock,
    merged_seconds,
    over_budget,
    tier_of,
    used_by,
)

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_of_tests_is_a_tier_with_a_budget():
    folders = {entry.name for entry in (ROOT / "tests").iterdir() if any(entry.glob("test_*.py"))}
    assert "unit" in folders
    assert folders <= set(TIER_OF_FOLDER)
    assert {tier for tiers in BUDGETS for tier in tiers} == set(TIER_OF_FOLDER.values())


def test_a_test_carries_the_marker_of_its_folder(request):
    assert request.node.get_closest_marker("unit")
    assert tier_of(ROOT / "tests" / "e2e" / "test_way.py") == "browser"
    assert tier_of(ROOT / "somewhere" / "test_else.py") is None


def test_time_of_two_processes_side_by_side_counts_once():
    assert merged_seconds([(0, 10), (2, 5), (9, 12), (20, 21)]) == pytest.approx(13)
    assert merged_seconds([]) == 0


def test_a_tier_over_its_budget_is_named():
    within = {"unit": [(0.0, 100.0)], "property": [(100.0, 200.0)], "browser": [(0.0, 599.0)]}
    assert over_budget(within) == []
    beyond = {"unit": [(0.0, 200.0)], "property": [(200.0, 300.0)], "browser": [(0.0, 601.0)]}
    assert over_budget(beyond) == [("unit + property", 300.0, 240), ("browser", 601.0, 600)]


def test_tiers_of_a_group_that_run_at_the_same_time_share_it():
    """Engine and worker tests in two processes: 300 s each, one after the other would be 600."""
    overlapping = {"engine": [(0.0, 300.0)], "worker": [(10.0, 310.0), (305.0, 320.0)]}
    assert used_by(("engine", "worker"), overlapping) == pytest.approx(320)
    assert over_budget(overlapping) == []
    one_after_the_other = {"engine": [(0.0, 300.0)], "worker": [(300.0, 600.0)]}
    assert [name for name, _, _ in over_budget(one_after_the_other)] == ["engine + worker"]


def a_report(item, *, took):
    """A report as it is made in the process of the test, and as it arrives in another."""
    call = pytest.CallInfo.from_call(lambda: None, when="call")
    call.duration = took
    report = item.ihook.pytest_runtest_makereport(item=item, call=call)
    hook, config = item.config.hook, item.config
    sent = hook.pytest_report_to_serializable(config=config, report=report)
    arrived = json.loads(json.dumps(sent))
    return hook.pytest_report_from_serializable(config=config, data=arrived)


def test_when_a_test_ran_is_told_by_its_own_process_however_late_the_report_comes(request):
    before = time.perf_counter()
    report = a_report(request.node, took=3.0)
    after = time.perf_counter()
    clock = TierClock()
    clock.pytest_runtest_logreport(report)
    ((start, stop),) = clock.intervals["unit"]
    assert before <= stop <= after
    assert stop - start == pytest.approx(3.0)
    assert clock.counts == {"unit": 1}


def test_a_report_that_nobody_measured_counts_no_time(request):
    """Of a test whose process died xdist reports, without having run it."""
    report = a_report(request.node, took=3.0)
    del report.ran
    clock = TierClock()
    clock.pytest_runtest_logreport(report)
    assert clock.intervals == {}


def test_files_of_heavy_tests_run_side_by_side_and_never_in_parts():
    """A module's gallery or demo is made once: two processes would each make it."""
    tiers = runpy.run_path(str(ROOT / ".ci" / "tiers.py"))["TIERS"]
    folders = {folder for named, _how in tiers.values() for folder in named}
    assert folders == {f"tests/{folder}" for folder in TIER_OF_FOLDER}
    for heavy in ("engine-worker", "browser"):
        _named, how = tiers[heavy]
        assert how[how.index("--dist") + 1] == "loadfile"


def test_processes_of_the_portal_keep_what_python_compiled(monkeypatch):
    """Whatever the shell says: without it each of some hundred compiles the portal anew."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("SOME_OTHER", "stays")
    handed_on = runpy.run_path(str(ROOT / ".ci" / "tiers.py"))["ENVIRONMENT"]
    assert "PYTHONDONTWRITEBYTECODE" not in handed_on
    assert handed_on["SOME_OTHER"] == "stays"
    asked = "include Makefile\nsaid:\n\t@env"
    said = subprocess.run(
        ["make", "-s", "-f", "-", "said"], input=asked, cwd=ROOT, env=os.environ,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "SOME_OTHER=stays" in said
    assert "PYTHONDONTWRITEBYTECODE" not in said


def test_tests_reach_loopback_and_nothing_else():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=2).close()
    # 192.0.2.0/24 is kept for documentation (RFC 5737): nobody is there, and it is refused first.
    with pytest.warns(UserWarning, match="192.0.2.1"), pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=2)


def test_a_test_chooses_its_site(site, settings):
    site("desk")
    assert django_settings.DSR_SITES["desk"] == settings.ROOT_URLCONF
    assert settings.SESSION_COOKIE_NAME == "dsr_desk_session"
    with pytest.raises(pytest.UsageError, match="no site"):
        site("kitchen")


def test_processes_side_by_side_have_folders_of_their_own():
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    home = Path(os.environ["DSR_TEST_HOME"])
    assert home / "var" == django_settings.DSR_VAR
    if worker is None:
        pytest.skip("runs side by side only under xdist")
    assert home.name == worker

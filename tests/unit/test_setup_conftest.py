"""The test run's own rules: tiers by folder, budgets, sites, nothing but loopback."""

import os
import socket
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_socket import SocketConnectBlockedError

from tests.conftest import BUDGETS, TIER_OF_FOLDER, merged_seconds, over_budget, tier_of

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
    assert over_budget({"unit": 100, "property": 100, "browser": 599}) == []
    named = over_budget({"unit": 200, "property": 100, "browser": 601})
    assert [name for name, _, _ in named] == ["unit + property", "browser"]


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

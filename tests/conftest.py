"""What every test shares: tiers by folder, their time budget, sites, pictures and services.

A tier is the folder a test lies in, so that no file can forget its marker. The budget keeps the
whole run inside the time CI has; it is always printed and binds where ``DSR_TEST_BUDGET=1``.

What counts is wall time during which at least one test of a group of tiers ran. Each phase of a
test is measured by the process that ran it, on ``time.perf_counter``: on Linux that is the
machine's monotonic clock, the same in every process, so the phases of processes side by side can
be laid over one another. Collection and the start of the processes are not part of it.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as examples

from tests.support import migrated
from tests.support.trail import trail_can_be_emptied  # noqa: F401 - a fixture for every test

ROOT = Path(__file__).resolve().parent.parent

# How fast a machine makes examples is no property of the code; every other health check stays.
examples.register_profile(
    "any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
examples.load_profile("any_machine")

# After how many new objects the garbage collector looks through the youngest; with Python's own
# 700 it does so again and again while one document is set.
NEW_OBJECTS = 20_000

# Start and stop in seconds of time.perf_counter.
Interval = tuple[float, float]

# Folder -> marker. Everything below tests/ lies in one of these.
TIER_OF_FOLDER = {
    "unit": "unit",
    "property": "property",
    "integration": "integration",
    "engine": "engine",
    "worker": "worker",
    "e2e": "browser",
}

# Tiers that share one allowance, in seconds of wall time.
BUDGETS: dict[tuple[str, ...], int] = {
    ("unit", "property"): 4 * 60,
    ("integration",): 8 * 60,
    ("engine", "worker"): 8 * 60,
    ("browser",): 10 * 60,
}


# Files dealt whole to a process, the longest first: one that begins last is waited for alone.
LONGEST_FIRST = (
    "test_desk_table", "test_bio_engine", "test_erasure_workers", "test_demo_cases",
    "test_faces_finding",
    "test_jobs_workers", "test_faces_quality", "test_search_kill", "test_vault_kill",
    "test_demo_start", "test_import", "test_calibrate", "test_index_kill", "test_case_groups",
    "test_whole_way", "test_desk_table_found", "test_cards",
    "test_restore_postgresql", "test_vault_rotate", "test_outward", "test_disclosure",
    "test_law_no_scores", "test_gallery_untouched", "test_law_trail_whole",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", default=None, help="folder for the pictures of the walk")


def tier_of(path: Path) -> str | None:
    """Name the tier of a test file, None for a file that lies outside the known folders."""
    try:
        folder = path.resolve().relative_to(ROOT / "tests").parts[0]
    except ValueError:
        return None
    return TIER_OF_FOLDER.get(folder)


def merged_seconds(intervals: list[Interval]) -> float:
    """Wall time covered by intervals that may overlap, for processes run side by side."""
    total = 0.0
    reached = float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, reached))
        reached = max(reached, stop)
    return total


def used_by(tiers: tuple[str, ...], intervals: Mapping[str, list[Interval]]) -> float:
    """Wall time of a group of tiers: what of two of them ran at the same moment counts once."""
    return merged_seconds([one for tier in tiers for one in intervals.get(tier, [])])


def over_budget(intervals: Mapping[str, list[Interval]]) -> list[tuple[str, float, int]]:
    """List the groups of tiers that took longer than allowed: name, seconds, allowance."""
    rows = []
    for tiers, allowed in BUDGETS.items():
        used = used_by(tiers, intervals)
        if used > allowed:
            rows.append((" + ".join(tiers), used, allowed))
    return rows


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: Any) -> Generator[None, Any, Any]:
    """Note on the report when the phase ran, here in its process: reports arrive late elsewhere."""
    report = yield
    # perf_counter, for tests move the wall clock.
    stop = time.perf_counter()
    report.ran = (stop - call.duration, stop)
    return report


class TierClock:
    """Collects when tests of a tier ran; in the main process only, also under xdist."""

    def __init__(self) -> None:
        self.intervals: dict[str, list[Interval]] = {}
        self.counts: dict[str, int] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        tier = tier_of(ROOT / report.nodeid.split("::")[0])
        # xdist itself reports a test whose process died; nobody measured that one.
        ran = getattr(report, "ran", None)
        if tier is None or ran is None:
            return
        self.intervals.setdefault(tier, []).append((ran[0], ran[1]))
        if report.when == "call":
            self.counts[tier] = self.counts.get(tier, 0) + 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.intervals:
            return
        terminalreporter.section("time by tier")
        for tiers, allowed in BUDGETS.items():
            used = used_by(tiers, self.intervals)
            count = sum(self.counts.get(tier, 0) for tier in tiers)
            if count:
                name = " + ".join(tiers)
                verdict = "OVER BUDGET" if used > allowed else "ok"
                terminalreporter.write_line(
                    f"{name:<18} {count:>5} tests {used:>7.1f} s of {allowed} s  {verdict}"
                )

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("DSR_TEST_BUDGET") == "1" and over_budget(self.intervals):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(TierClock(), "tier-clock")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Throw away the folder the test settings made; one that was named from outside stays."""
    home = Path(os.environ.get("DSR_TEST_HOME", ""))
    made_by_us = home.name.startswith("dsr-test-") and home.parent == Path(tempfile.gettempdir())
    if made_by_us and not hasattr(config, "workerinput"):
        shutil.rmtree(home, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its tier; after the shuffle, files that take long come first."""
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    for item in items:
        tier = tier_of(item.path)
        if tier is None:
            message = f"{item.path} lies in none of {sorted(TIER_OF_FOLDER)}"
            raise pytest.UsageError(message)
        item.add_marker(getattr(pytest.mark, tier))


def pytest_collection_finish() -> None:
    gc.set_threshold(NEW_OBJECTS)
    set_apart()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    yield
    if nextitem is not None and nextitem.path != item.path:
        set_apart()


def set_apart() -> None:
    """Keep what stays for the whole run out of what the garbage collector walks through.

    It looks at every object there is again and again, and a process of tests holds many: every test
    that was collected, Django's models, the recognition libraries once one test loaded them.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_use_migrations: bool
) -> None:
    """On SQLite the tests' database is a copy of one that was migrated once."""
    if connection.vendor == "sqlite" and django_db_use_migrations:
        migrated.use_copies(connection)


@pytest.fixture(autouse=True)
def own_clock() -> None:
    """A test that moved the demo's clock leaves nothing to the next one.

    Its row is rolled back, but a process remembers the offset for a second: within that second the
    next test would begin in the future and then fall back.
    """
    from dsr_portal.core.clock import forget_cached_offset

    forget_cached_offset()


@pytest.fixture
def site(settings: Any) -> Callable[[str], None]:
    """Choose the site a Django test talks to: ``site("desk")`` before the first request."""
    # Whether the tour is among the public addresses is decided when they are first read: not by a
    # test that switches the demo off and happens to come first.
    if settings.DSR_DEMO:
        import_module("dsr_portal.urls.public")

    def choose(name: str) -> None:
        if name not in settings.DSR_SITES:
            message = f"no site {name!r}; there are {sorted(settings.DSR_SITES)}"
            raise pytest.UsageError(message)
        settings.DSR_SITE = name
        settings.ROOT_URLCONF = settings.DSR_SITES[name]
        for cookie in ("SESSION", "CSRF", "LANGUAGE"):
            setattr(settings, f"{cookie}_COOKIE_NAME", f"dsr_{name}_{cookie.lower()}")

    return choose


@pytest.fixture(scope="session")
def shared_faces() -> Path:
    """Folder of real photographs, which live outside this repository and are not everywhere."""
    named = os.environ.get("DSR_TEST_FACES")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "faces"
    if not folder.is_dir():
        pytest.skip("no real photographs here (set DSR_TEST_FACES to a folder that has them)")
    return folder


@pytest.fixture(scope="session")
def weights_home() -> Path:
    """Folder of the checked model weights; without them a test of the engine cannot run."""
    from biometrics import weights

    home = weights.weights_home()
    try:
        weights.check(home)
    except weights.WeightsError as error:
        pytest.fail(f"{error}", pytrace=False)
    return home


def missing_service(reason: str) -> None:
    """Skip where a service is optional, fail where DSR_REQUIRE_SERVICES=1 promised it."""
    if os.environ.get("DSR_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason}, and DSR_REQUIRE_SERVICES=1 says it must be", pytrace=False)
    pytest.skip(reason)


def reachable(url: str, default_port: int) -> bool:
    """Tell whether something listens at the host and port of a service address."""
    parts = urlsplit(url)
    try:
        with socket.create_connection(
            (parts.hostname or "127.0.0.1", parts.port or default_port), timeout=2
        ):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """Address of the PostgreSQL server this run was given; skipped or failed without one."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgres://", "postgresql://")):
        missing_service("DATABASE_URL names no PostgreSQL server")
    if not reachable(url, 5432):
        missing_service("PostgreSQL cannot be reached")
    return url


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Address of the Redis server this run was given; skipped or failed without one."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if not url.startswith("redis://"):
        missing_service("CELERY_BROKER_URL names no Redis server")
    if not reachable(url, 6379):
        missing_service("Redis cannot be reached")
    return url

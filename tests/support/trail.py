"""The audit trail in tests: event types that belong to tests, and a way to empty the tables.

Django empties tables after a transactional test; the trail's triggers refuse that, in tests as
everywhere. The triggers are dropped around it and made again, by a fixture and nowhere else: the
product has no switch for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import TransactionTestCase

from dsr_portal.audit import triggers
from dsr_portal.audit.schema import Code, Count, EventType
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import event_types

HAPPENED = event_types.register(
    EventType("testing.happened", {"word": Code(), "count": Count()}, ())
)
OFFICER = Actor(id="S-1001", role="officer", kind="staff")


@pytest.fixture(scope="session", autouse=True)
def trail_can_be_emptied() -> Iterator[None]:
    """Let Django's flush between transactional tests pass the triggers of the trail."""
    case: Any = TransactionTestCase
    original = case._fixture_teardown

    def empty(self: Any) -> None:
        with transaction.atomic():
            triggers.remove(connection)
        try:
            original(self)
        finally:
            with transaction.atomic():
                triggers.install(connection)

    case._fixture_teardown = empty
    yield
    case._fixture_teardown = original


def empty_database() -> None:
    """Take back what a fixture of a whole module committed outside any test's transaction."""
    with transaction.atomic():
        triggers.remove(connection)
    try:
        call_command("flush", verbosity=0, interactive=False)
    finally:
        with transaction.atomic():
            triggers.install(connection)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block writes: one example of many inside one test."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # Django's own mark for tests
    with block:
        yield
        transaction.set_rollback(True)

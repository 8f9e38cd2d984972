"""The audit trail in tests: event types that belong to tests, and a way to empty the tables.

Django empties tables after a transactional test; the trail's triggers refuse that, in tests as
everywhere. The triggers are dropped around it and made again, by a fixture and nowhere else: the
product has no switch for it.

Django's own flush empties all tables and then asks every app to begin again, a tenth of a second
of work on SQLite and far more on PostgreSQL, for a test that left rows in twenty of them. Only
tables with rows are emptied here; what `migrate` told Django about its models stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models.signals import post_migrate
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
    case._fixture_teardown = lambda self: empty_database()
    yield
    case._fixture_teardown = original


def empty_database() -> None:
    """Take back what was committed outside any test's transaction; the trail begins again."""
    with transaction.atomic():
        triggers.remove(connection)
    try:
        # One transaction, for the constraints are asked at its end: the order does not matter.
        with transaction.atomic(), connection.cursor() as cursor:
            for table in tables_with_rows():
                emptied = f"DELETE FROM {connection.ops.quote_name(table)}"  # noqa: S608 - a table
                cursor.execute(emptied)
    finally:
        with transaction.atomic():
            triggers.install(connection)
    # Only apps that listen for themselves have something of their own to write into it.
    listening = {sender for (_receiver, sender), *_ in post_migrate.receivers}
    for config in apps.get_app_configs():
        if id(config) in listening:
            post_migrate.send(sender=config, app_config=config, verbosity=0, using=connection.alias)


def tables_with_rows() -> list[str]:
    """Tables of models that hold a row, without those `migrate` itself filled."""
    stays = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = set(connection.introspection.django_table_names(only_existing=True)) - stays
    name = connection.ops.quote_name
    asked = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {name(table)})"  # noqa: S608 - our tables
        for table in sorted(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block writes: one example of many inside one test."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # Django's own mark for tests
    with block:
        yield
        transaction.set_rollback(True)

"""What the database itself refuses, whatever a program tries: each app registers its guards.

A guard is a trigger before a change. Its condition is SQL that SQLite and PostgreSQL read alike
(NEW and OLD are the row). SQLite makes a table anew for many a migration and a trigger goes with
the old one, and it renames no table while a trigger names one that is gone: so all of them go
before every `migrate` on SQLite and are made again after it, and no migration can forget one.
A migration that fails leaves them out until the next one: a check of the deployment names them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dsr_portal.core.registries import Catalogue


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuse `when` ("INSERT", "UPDATE OF status") on a table where `refuses` is true.

    `says` is the database's error; `needs` are other tables the condition looks into.
    """

    name: str
    table: str
    when: str
    refuses: str
    says: str
    needs: tuple[str, ...] = ()


guards: Catalogue[Guard] = Catalogue("guard of the database")


def steps(column: str, allowed: Collection[tuple[str, str]]) -> str:
    """The condition that refuses each change of a column that is none of these (before, after)."""
    pairs = ", ".join(f"'{before}>{after}'" for before, after in sorted(allowed))
    return (
        f"NEW.{column} <> OLD.{column} AND (OLD.{column} || '>' || NEW.{column}) NOT IN ({pairs})"
    )


def install(connection: BaseDatabaseWrapper) -> None:
    """In one transaction: no moment without them is seen from outside."""
    there = set(connection.introspection.table_names())
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for _name, guard in guards.items():
            _remove(cursor, connection.vendor, guard, there)
            # A database that is migrated part of the way may not have every table yet.
            if there.issuperset({guard.table, *guard.needs}):
                for statement in _statements(connection.vendor, guard):
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for _name, guard in guards.items():
            _remove(cursor, connection.vendor, guard, there)


def before_migrate(using: str, **_rest: Any) -> None:
    """Only SQLite needs it: on PostgreSQL they stand while a migration runs, and if it fails."""
    if connections[using].vendor == "sqlite":
        remove(connections[using])


def after_migrate(using: str, **_rest: Any) -> None:
    install(connections[using])


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Guards of tables that are there which the database does not have."""
    there = set(connection.introspection.table_names())
    asked = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        found = {name for (name,) in cursor.fetchall()}
    return [
        name
        for name, guard in guards.items()
        if name not in found and there.issuperset({guard.table, *guard.needs})
    ]


def _statements(vendor: str, guard: Guard) -> tuple[str, ...]:
    begin = f"CREATE TRIGGER {guard.name} BEFORE {guard.when} ON {guard.table}"
    if vendor == "sqlite":
        raising = f"SELECT RAISE(ABORT, '{guard.says}')"
        return (f"{begin} WHEN {guard.refuses} BEGIN {raising}; END",)
    return (
        f"CREATE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {guard.refuses} THEN RAISE EXCEPTION '{guard.says}' USING ERRCODE = '23514'; END IF; "
        "RETURN NEW; END $$",
        f"{begin} FOR EACH ROW EXECUTE FUNCTION {guard.name}()",
    )


def _remove(cursor: Any, vendor: str, guard: Guard, there: Collection[str]) -> None:
    if vendor == "sqlite":
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}")
        return
    if guard.table in there:
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}")
    cursor.execute(f"DROP FUNCTION IF EXISTS {guard.name}()")

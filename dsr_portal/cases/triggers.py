"""What the database itself refuses about a case: the day it arrived never changes (law D-05).

SQLite makes a table anew for many a migration, and a trigger goes with the old table. It is
therefore made again after every `migrate` (see apps.py), so that no migration can forget it.
"""

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

SQLITE = (
    "CREATE TRIGGER cases_received_at_fixed BEFORE UPDATE ON cases_case "
    "WHEN NEW.received_at IS NOT OLD.received_at OR NEW.received_on IS NOT OLD.received_on "
    "BEGIN SELECT RAISE(ABORT, 'cases: the day a request arrived never changes'); END"
)
POSTGRESQL = (
    """
    CREATE FUNCTION cases_received_at_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.received_at IS DISTINCT FROM OLD.received_at
         OR NEW.received_on IS DISTINCT FROM OLD.received_on
      THEN RAISE EXCEPTION 'cases: the day a request arrived never changes'
           USING ERRCODE = '23514'; END IF;
      RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER cases_received_at_fixed BEFORE UPDATE ON cases_case "
    "FOR EACH ROW EXECUTE FUNCTION cases_received_at_fixed()",
)


def install(connection: BaseDatabaseWrapper) -> None:
    statements = (SQLITE,) if connection.vendor == "sqlite" else POSTGRESQL
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS cases_received_at_fixed")
        else:
            cursor.execute("DROP TRIGGER IF EXISTS cases_received_at_fixed ON cases_case")
            cursor.execute("DROP FUNCTION IF EXISTS cases_received_at_fixed")


def reinstall(connection: BaseDatabaseWrapper) -> None:
    """In one transaction: no moment without it is seen from outside."""
    with transaction.atomic(using=connection.alias):
        remove(connection)
        install(connection)

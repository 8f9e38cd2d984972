"""Copies of the database as it was at one moment, while others write (R31).

SQLite: VACUUM INTO from a connection of its own, which leaves out free pages. PostgreSQL: pg_dump
of an exported snapshot, in which the facts about the copy are read too.
"""

import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from dsr_portal.core.errors import Unavailable
from dsr_portal.vault import places

_FILES = "SELECT file FROM vault_blob WHERE file <> '' ORDER BY file"
_HEAD = "SELECT number, hash FROM audit_chain WHERE name = 'main'"
_LEDGER = "SELECT COALESCE(MAX(ledger_number), 0) FROM vault_shredrun"
_RING = "SELECT COALESCE(MAX(generation), 0) FROM vault_ringstate"
_MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"
_COUNTS = {
    "units": "SELECT COUNT(*) FROM vault_unitkey",
    "destroyed_units": "SELECT COUNT(*) FROM vault_shredded",
    "events": "SELECT COUNT(*) FROM audit_event",
    "jobs": "SELECT COUNT(*) FROM jobs_job",
}


class Reader(Protocol):
    """A cursor of either database."""

    def execute(self, sql: str, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Copy:
    """The copied database and a cursor that sees what is in it."""

    def __init__(self, path: Path, cursor: Reader) -> None:
        self.path = path
        self._cursor = cursor

    def file_names(self) -> Iterator[str]:
        for (name,) in self._all(_FILES):
            yield str(name)

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the copy."""
        number, head_hash = self._all(_HEAD)[0]
        return {
            "audit_head": {"number": int(number), "hash": str(head_hash)},
            "ledger_number": int(self._all(_LEDGER)[0][0]),
            "ring_generation": int(self._all(_RING)[0][0]),
            "migrations": [[str(app), str(name)] for app, name in self._all(_MIGRATIONS)],
            "counts": {name: int(self._all(sql)[0][0]) for name, sql in _COUNTS.items()},
        }

    def _all(self, sql: str) -> list[Any]:
        self._cursor.execute(sql)
        return self._cursor.fetchall()


def database_bytes() -> int:
    """About how large a copy of the database is."""
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


@contextmanager
def snapshot(folder: Path) -> Iterator[Copy]:
    """Copy the database into `folder`; the facts are those of the copy, not of a moment later."""
    if connection.vendor == "sqlite":
        with _of_sqlite(folder / "database.sqlite3") as copy:
            yield copy
    else:
        with _of_postgresql(folder / "database.pgdump") as copy:
            yield copy


@contextmanager
def _of_sqlite(target: Path) -> Iterator[Copy]:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, places.FILE_MODE))
    try:
        with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=20)) as live:
            live.execute("PRAGMA temp_store=MEMORY")
            live.execute("VACUUM INTO ?", [str(target)])
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise OSError(errno.ENOSPC, "the disk is full") from error
        raise
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as copied:
        yield Copy(target, copied.cursor())


@contextmanager
def _of_postgresql(target: Path) -> Iterator[Copy]:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, places.FILE_MODE))
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            name = str(cursor.fetchone()[0])
            run_program(
                [settings.DSR_PG_DUMP, "--format=custom", "--no-owner", "--no-privileges"]
                + [f"--snapshot={name}", f"--file={target}"]
            )
            yield Copy(target, cursor)
            cursor.execute("ROLLBACK")
    finally:
        own.close()


def load_into_postgresql(source: Path) -> None:
    """Bring a dump back into the configured, empty database: all of it or nothing."""
    run_program(
        [settings.DSR_PG_RESTORE, "--no-owner", "--no-privileges", "--single-transaction"]
        + ["--clean", "--if-exists", "--exit-on-error", str(source)]
    )


def run_program(command: list[str]) -> None:
    """Run one of PostgreSQL's programs on the configured database; the password is never shown."""
    values = connection.settings_dict
    named = {
        "PGHOST": values["HOST"],
        "PGPORT": values["PORT"],
        "PGUSER": values["USER"],
        "PGPASSWORD": values["PASSWORD"],
        "PGDATABASE": values["NAME"],
    }
    login = {name: str(value) for name, value in named.items() if value}
    program = shutil.which(command[0])
    if program is None:
        raise Unavailable(
            "program_missing",
            _(
                "The program %(program)s is not here. Install PostgreSQL's client of the server's "
                "version, or name it with DSR_PG_DUMP and DSR_PG_RESTORE."
            )
            % {"program": command[0]},
        )
    done = subprocess.run(
        [program, *command[1:], "--dbname", str(values["NAME"])],
        env={"PATH": os.defpath, **login},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Unavailable(
            "program_failed",
            _("%(program)s failed: %(why)s")
            % {"program": command[0], "why": lines[-1] if lines else done.returncode},
        )

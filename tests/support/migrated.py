"""A database that was migrated once, and copies of it for everybody who needs an empty one.

All migrations take ten seconds of a processor, and every process of tests and every demo they start
needs what comes out of them: the same tables. The first one to ask makes it, under a lock, in a
process of its own; it is kept in `var/tests/migrated` under the hash of everything that shapes it,
so that the next run finds it, and whoever changes a migration gets a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from dsr_portal.audit import links, triggers
from dsr_portal.core import guards as guard_rules
from dsr_portal.core.guards import guards

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "var" / "tests" / "migrated"
# Other branches and somebody's change that was taken back; a copy has three megabytes.
VERSIONS = 4
# Folders a child that migrates finds by itself, below a home of its own.
_PLACES = ("DSR_VAR", "DSR_RING", "DSR_LEDGER", "PYTEST_XDIST_WORKER")
# What Django's own preparation of a test database does, as the tests did before there were copies.
_PREPARE = (
    "import django; django.setup(); "
    "from django.test.utils import setup_databases; setup_databases(0, False)"
)


def put(target: Path) -> None:
    """Lay an empty, migrated SQLite database where `target` says."""
    with kept(KEPT, shape(), migrate) as database:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What a killed run left beside a database of this name belongs to none any more.
        for beside in ("-wal", "-shm"):
            target.with_name(f"{target.name}{beside}").unlink(missing_ok=True)
        shutil.copyfile(database, target)


def use_copies(connection: BaseDatabaseWrapper) -> None:
    """Where Django makes the database of tests, it lays down a copy instead of migrating."""
    creation: Any = connection.creation

    def create_test_db(
        verbosity: int = 1, autoclobber: bool = False, serialize: bool = True, keepdb: bool = False
    ) -> str:
        name = str(creation._create_test_db(verbosity, autoclobber, keepdb))
        connection.close()
        put(Path(name))
        settings.DATABASES[connection.alias]["NAME"] = name
        connection.settings_dict["NAME"] = name
        connection.ensure_connection()
        return name

    creation.create_test_db = create_test_db


@contextmanager
def kept(folder: Path, key: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """The database of this key, made by the first who asks; nobody removes it inside the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        database = folder / f"{key}.sqlite3"
        if not database.is_file():
            with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as home:
                fresh = Path(home) / "migrated.sqlite3"
                make(fresh)
                fresh.rename(database)
        database.touch()
        versions = sorted(folder.glob("*.sqlite3"), key=lambda path: path.stat().st_mtime_ns)
        for old in versions[:-VERSIONS]:
            old.unlink()
        yield database


def migrate(target: Path) -> None:
    """Run every migration on a SQLite database that is not there yet, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in _PLACES}
    with tempfile.TemporaryDirectory(prefix="dsr-migrated-") as home:
        done = subprocess.run(
            [sys.executable, "-c", _PREPARE],
            cwd=ROOT,
            env={
                **environment,
                "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.test",
                "DSR_TEST_HOME": home,
                "DATABASE_URL": f"sqlite:///{target}",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise AssertionError(f"the database was not migrated:\n{done.stderr[-4000:]}")
    # Copied as one file: nothing of it may wait in a log beside it.
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def tables(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Tables, indexes and triggers of a SQLite database, and what migrations wrote into it.

    Not when a migration ran: that differs from one to the other.
    """
    asked = {
        "schema": "SELECT type, name, tbl_name, sql FROM sqlite_master",
        "migrations": "SELECT app, name FROM django_migrations ORDER BY id",
        "models": "SELECT app_label, model FROM django_content_type",
        "rights": "SELECT codename, name, content_type_id FROM auth_permission",
        "chain": "SELECT name FROM audit_chain",
    }
    connection = sqlite3.connect(database)
    try:
        found = {name: connection.execute(query).fetchall() for name, query in asked.items()}
    finally:
        connection.close()
    # The order in which migrations ran is part of it; no order of the others is.
    for name in asked.keys() - {"migrations"}:
        found[name].sort(key=repr)
    return found


# -- what shapes it -------------------------------------------------------------------------------


def shape() -> str:
    """A hash of everything that decides what a migrated database is."""
    digest = hashlib.sha256()
    for part in _parts():
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


def _parts() -> Iterator[bytes]:
    """Migrations, and what Django and our apps write once they ran: triggers, rights, the chain."""
    yield f"Django {django.__version__}, SQLite {sqlite3.sqlite_version}".encode()
    for config in apps.get_app_configs():
        yield config.label.encode()
        for path in migration_files(config):
            yield path.name.encode()
            yield path.read_bytes()
    yield repr(list(guards.items())).encode()
    for written_by in (guard_rules, triggers, links):
        yield Path(written_by.__file__).read_bytes()
    database = connections["default"]
    for model in apps.get_models():
        meta = model._meta
        rights = (meta.verbose_name, meta.default_permissions, meta.permissions)
        columns = [(field.column, field.db_type(database)) for field in meta.local_concrete_fields]
        yield repr((meta.label, columns, rights)).encode()


def migration_files(config: AppConfig) -> list[Path]:
    """The migrations of an app, in order; of Django's own and of others' apps, too."""
    name, _explicit = MigrationLoader.migrations_module(config.label)
    try:
        module: Any = import_module(str(name))
    except ModuleNotFoundError:
        return []
    return sorted(Path(module.__file__).parent.glob("*.py"))

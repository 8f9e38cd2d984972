"""Another machine for a restore: the same ring and ledger, everything else empty."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from dsr_portal.core.actor import Actor
from dsr_portal.core.clock import forget_cached_offset
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import backups, keys
from tests.support.workers import ROOT, environment

OPERATOR = Actor.operator()
MACHINE = "new-machine"


def back_up(place: Path, days: int = 30) -> Path:
    """A backup as the command makes it; the folder it lies in."""
    return backups.make(place=place, days=days, actor=OPERATOR).folder


def lose_everything(settings: Any) -> None:
    """The disk with files and database is gone (the test's own database stays where it is)."""
    shutil.rmtree(settings.DSR_VAR)


@contextmanager
def new_machine(settings: Any, folder: Path) -> Iterator[Path]:
    """Everything in the block happens on an empty installation with the ring and ledger of now."""
    home = folder / MACHINE
    before = {
        name: getattr(settings, name) for name in ("DSR_VAR", "DSR_VAULT_DIR", "DSR_BROKER_DIR")
    }
    settings.DSR_VAR = home / "var"
    settings.DSR_VAULT_DIR = home / "var" / "vault"
    settings.DSR_BROKER_DIR = home / "var" / "broker"
    database = connection.settings_dict["NAME"]
    fresh = _empty_database(home)
    _go_to(fresh)
    try:
        yield home
    finally:
        _go_to(database)
        if connection.vendor == "postgresql":
            _ask_server(f'DROP DATABASE "{fresh}"')
        for name, value in before.items():
            setattr(settings, name, value)


def _empty_database(home: Path) -> str:
    """The name of a database that nothing is in; on SQLite one that is not there."""
    if connection.vendor == "sqlite":
        return str(home / "var" / "portal.sqlite3")
    fresh = f"{connection.settings_dict['NAME']}_new"
    _ask_server(f'DROP DATABASE IF EXISTS "{fresh}"')
    _ask_server(f'CREATE DATABASE "{fresh}"')
    return fresh


def _ask_server(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _go_to(database: object) -> None:
    holders.holder().drop()
    connection.close()
    connection.settings_dict["NAME"] = str(database)
    keys.forget_all()
    forget_cached_offset()


def restores(place: Path, points: list[str]) -> list[dict[str, Any]]:
    """What became of a restore in a process killed at each point in turn ("" for at none)."""
    program = ROOT / "tests" / "support" / "restore_and_die.py"
    done = subprocess.run(
        [sys.executable, "-B", str(program), str(place), *points],
        cwd=ROOT,
        env={**environment(), "DSR_KEY_CACHE_SECONDS": "0", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def opened_from(backup: Path, rings: list[Path], unit: UUID, field: str) -> bytes | None:
    """What a thief of the backup reads with these rings; None when no key opens it."""
    from tests.support.vault import open_with

    return open_with(backup / "database.sqlite3", backup / "files", rings, unit, field)

"""Everything of the database and the vault that somebody may have copied, as bytes.

Nothing here asks the portal: wrapped keys and ciphertexts are looked up in the copied files, from
SQLite's file and write-ahead log, from PostgreSQL's heap and log, from backups and vault files.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from dsr_portal.core.actor import Actor
from dsr_portal.vault import backups

PAGE = 8192
LONG_HEAD, SHORT_HEAD = 40, 24  # of a page of PostgreSQL's log: the first of a segment, the others


@dataclass(frozen=True)
class Copies:
    """Named files somebody took: `database` with rows, `files` trees of the vault."""

    database: dict[str, list[Path]]
    files: dict[str, Path]

    def taken_out_of(self, name: str, wanted: bytes) -> bytes | None:
        """The bytes as they stand in this copy, cut out of it; None where it does not have them."""
        for path in self.database[name]:
            data = plain_log(path) if name == "log" else path.read_bytes()
            at = data.find(wanted)
            if at >= 0:
                return data[at : at + len(wanted)]
            at = data.find(wanted.hex().encode())  # a dump writes them in hex
            if at >= 0:
                return bytes.fromhex(data[at : at + 2 * len(wanted)].decode())
        return None


def plain_log(path: Path) -> bytes:
    """A segment of PostgreSQL's log without the heads of its pages, which cut records in two."""
    data = path.read_bytes()
    parts = [data[LONG_HEAD:PAGE]]
    parts += [data[at + SHORT_HEAD : at + PAGE] for at in range(PAGE, len(data), PAGE)]
    return b"".join(parts)


class Taker:
    """Made before the first canary is stored; `take` copies everything afterwards."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.began = (
            ""
            if connection.vendor == "sqlite"
            else _ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
        )

    def take(self) -> Copies:
        self.target.mkdir()
        database = self._of_sqlite() if connection.vendor == "sqlite" else self._of_postgresql()
        made = backups.make(place=self.target / "backups", days=1, actor=Actor.operator())
        database["backup"] = [self._readable(made.database)]
        shutil.copytree(settings.DSR_VAULT_DIR, self.target / "vault")
        files = {"vault files": self.target / "vault", "backup": made.folder / backups.FILES}
        return Copies(database, files)

    def _of_sqlite(self) -> dict[str, list[Path]]:
        """The file and its write-ahead log as they lie on the disk while the portal runs."""
        name = Path(connection.settings_dict["NAME"])
        wal = self.target / "log-wal"
        shutil.copy(f"{name}-wal", wal)
        _ask("PRAGMA wal_checkpoint(PASSIVE)")
        shutil.copy(name, self.target / "database")
        return {"write-ahead log": [wal], "database": [self.target / "database"]}

    def _of_postgresql(self) -> dict[str, list[Path]]:
        """Heap files of the database and every segment of the log written since we began."""
        home = Path(_ask("SHOW data_directory"))
        if not os.access(home / "pg_wal", os.R_OK | os.X_OK):
            pytest.skip("the server's data directory can't be read by this account")
        _ask("CHECKPOINT", answer=False)
        segments = sorted(
            path for path in (home / "pg_wal").iterdir()
            if len(path.name) == 24 and path.name >= self.began
        )  # fmt: skip
        oid = _ask("SELECT oid FROM pg_database WHERE datname = current_database()")
        found: dict[str, list[Path]] = {"log": [], "data directory": []}
        for path in segments:
            found["log"].append(Path(shutil.copy(path, self.target / f"log-{path.name}")))
        shutil.copytree(home / "base" / str(oid), self.target / "heap")
        found["data directory"] = [p for p in (self.target / "heap").iterdir() if p.is_file()]
        return found

    def _readable(self, database: Path) -> Path:
        """A copy in PostgreSQL's own packed form is unpacked by its own program."""
        if connection.vendor == "sqlite":
            return database
        plain = self.target / "dump.sql"
        subprocess.run(
            [settings.DSR_PG_RESTORE, "-f", str(plain), str(database)], check=True,
            capture_output=True,
        )  # fmt: skip
        return plain


def _ask(sql: str, *, answer: bool = True) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0]) if answer else ""


def files_of(folders: Iterator[Path] | list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())

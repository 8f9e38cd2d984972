"""A gallery that is imported once for the tests of a file: each begins with a copy of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from django.db import connection

from dsr_portal.vault import keys
from tests.support.gallery import forget_index


class Kept:
    """Database and folders as they stood after an import, for tests that commit and are flushed.

    For SQLite. `home` is the folder below which `tests.support.gallery.own_places` put the ring,
    vault and index of the running test.
    """

    def __init__(self, folder: Path) -> None:
        self._places, self._database = folder / "places", folder / "database"

    def bring(self, home: Path, make: Callable[[], None]) -> None:
        """Make it the first time, copy it afterwards; nothing of an earlier test is in it."""
        connection.ensure_connection()
        if self._database.exists():
            shutil.copytree(self._places, home, dirs_exist_ok=True)
            with closing(sqlite3.connect(self._database)) as kept:
                kept.backup(connection.connection)
            keys.forget_all()
            forget_index()
            return
        make()
        shutil.copytree(home, self._places)
        with closing(sqlite3.connect(self._database)) as kept:
            connection.connection.backup(kept)

"""Tests begin with a copy of a migrated database: the same as one that was migrated just now."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from dsr_portal.core.guards import Guard, guards
from tests.support import migrated


def change(database: Path, statement: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_copy_is_what_the_migrations_make(tmp_path: Path) -> None:
    """Compared with what `manage.py migrate` makes of nothing, as an operator calls it."""
    fresh, copy = tmp_path / "fresh.sqlite3", tmp_path / "copies" / "copy.sqlite3"
    subprocess.run(
        [sys.executable, str(migrated.ROOT / "manage.py"), "migrate", "--noinput", "-v", "0"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.test",
            "DATABASE_URL": f"sqlite:///{fresh}",
        },
        check=True,
    )
    migrated.put(copy)
    made = migrated.tables(fresh)
    assert ("trigger", "audit_event_update", "audit_event") in {row[:3] for row in made["schema"]}
    assert {name for _app, name in made["migrations"]} > {"0001_initial"}
    assert all(made.values())
    assert migrated.tables(copy) == made
    for statement in (
        "DROP TRIGGER audit_event_update",
        "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)",
        "ALTER TABLE audit_event ADD COLUMN planted text",
    ):
        spoilt = shutil.copyfile(copy, tmp_path / "spoilt.sqlite3")
        change(spoilt, statement)
        assert migrated.tables(spoilt) != made, statement


def test_nothing_of_a_database_before_is_in_a_copy(tmp_path: Path) -> None:
    """A killed run leaves a log beside its database; SQLite would play it into the next one."""
    target = tmp_path / "database.sqlite3"
    for name in ("database.sqlite3", "database.sqlite3-wal", "database.sqlite3-shm"):
        (tmp_path / name).write_bytes(b"left by a killed run")
    migrated.put(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert migrated.tables(target)["chain"] == [("main",)]


def test_the_key_covers_every_migration() -> None:
    known = {
        (config.label, path.stem)
        for config in apps.get_app_configs()
        for path in migrated.migration_files(config)
    }
    assert ("accounts", "0001_initial") in known
    assert known >= set(MigrationLoader(None).disk_migrations)


def test_whatever_shapes_it_makes_another_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = migrated.shape()
    assert migrated.shape() == before
    real = migrated.migration_files
    changed = tmp_path / "0001_initial.py"
    (first,) = (one for one in real(apps.get_app_config("accounts")) if one.name == changed.name)
    changed.write_bytes(first.read_bytes() + b"\n")
    with monkeypatch.context() as patched:
        patched.setattr(
            migrated,
            "migration_files",
            lambda config: [changed if path == first else path for path in real(config)],
        )
        assert migrated.shape() != before
    planted = Guard("planted", "audit_event", "INSERT", "1", "planted")
    with monkeypatch.context() as patched:
        patched.setitem(guards._entries, "planted", planted)
        assert migrated.shape() != before
    with monkeypatch.context() as patched:
        patched.setattr(apps.get_model("accounts", "Staff")._meta, "permissions", [("a", "b")])
        assert migrated.shape() != before
    assert migrated.shape() == before


def test_it_is_made_once_for_a_key_and_anew_for_another(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        time.sleep(0.05)
        target.write_text(f"made as number {len(made)}")

    def ask(key: str) -> str:
        with migrated.kept(tmp_path / "kept", key, make) as database:
            return database.read_text()

    with ThreadPoolExecutor(8) as at_once:
        assert set(at_once.map(ask, ["one"] * 8)) == {"made as number 1"}
    assert ask("other") == "made as number 2"
    assert ask("one") == "made as number 1"
    for number in range(migrated.VERSIONS - 1):
        ask(f"more {number}")
    count = len(made)
    assert ask("one") == "made as number 1", "used most lately of the first two"
    ask("other")
    assert len(made) == count + 1, "the one nobody used for longest is gone"


def test_what_could_not_be_made_is_not_kept(tmp_path: Path) -> None:
    def killed(target: Path) -> None:
        target.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), migrated.kept(tmp_path, "key", killed):
        pass
    with migrated.kept(tmp_path, "key", lambda target: target.write_text("whole")) as database:
        assert database.read_text() == "whole"
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "key.sqlite3"}


def test_a_migration_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrated, "_PREPARE", "raise SystemExit('the third one fails')")
    with pytest.raises(AssertionError, match="the third one fails"):
        migrated.migrate(tmp_path / "never.sqlite3")

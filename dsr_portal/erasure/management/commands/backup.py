"""`manage.py backup`: copies of database and vault, their register and their end (R31)."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import ANSWER_IS_NO, not_asked, refused
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import backups
from dsr_portal.vault.models import Backup


class Command(BaseCommand):
    help = (
        "Copy the database and the vault's files to a new folder in FOLDER while the portal runs; "
        "never the key ring, never the erasure ledger. --list shows what is registered, --check "
        "compares a backup with its hashes, --prune removes those whose end has come (R31)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="where backups are kept")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--list", action="store_true", help="what is registered, newest first")
        what.add_argument("--check", action="store_true", help="check the backup in FOLDER")
        what.add_argument("--prune", action="store_true", help="remove those whose end has come")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said, bad = self._do(options)
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(said, sort_keys=True))
        else:
            for line in _lines(said):
                self.stdout.write(line)
        if bad:
            raise SystemExit(ANSWER_IS_NO)

    def _do(self, options: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        if options["list"]:
            return {"backups": [_row(one) for one in backups.rows()]}, False
        if options["prune"]:
            done = backups.prune(actor=Actor.operator())
            said = {
                "removed": list(done.removed),
                "unreachable": list(done.unreachable),
                "ledger_entries_removed": done.entries,
            }
            return said, bool(done.unreachable)
        if options["folder"] is None:
            raise not_asked("Name the folder: manage.py backup FOLDER")
        if options["check"]:
            chosen = backups.newest_in(options["folder"].absolute())
            return _said(backups.check(chosen)), False
        manifest = backups.make(
            place=options["folder"],
            days=int(policy.current("backup_days")),
            actor=Actor.operator(),
        )
        return _said(manifest), bool(manifest.body["damaged"])


def _said(manifest: backups.Manifest) -> dict[str, Any]:
    body = manifest.body
    return {
        "backup": manifest.folder.name,
        "folder": str(manifest.folder),
        "made_at": body["made_at"],
        "ends_at": body["ends_at"],
        "files": body["files"],
        "bytes": body["bytes"] + body["database"]["bytes"],
        "destroyed_meanwhile": len(body["gone"]),
        "damaged": body["damaged"],
        "ledger_number": body["ledger_number"],
        "audit_head": body["audit_head"],
    }


def _row(row: Backup) -> dict[str, Any]:
    return {
        "backup": row.name,
        "place": row.place,
        "state": row.state,
        "made_at": row.made_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "ledger_number": row.ledger_number,
        "files": row.files,
        "bytes": row.bytes,
    }


def _lines(said: dict[str, Any]) -> list[str]:
    if "backups" in said:
        return [
            f"{one['backup']}  {one['state']}  ends {one['ends_at']}  {one['place']}"
            for one in said["backups"]
        ] or ["No backup is registered."]
    return [f"{name.replace('_', ' ')}: {value}" for name, value in said.items()]

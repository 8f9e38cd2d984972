import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from dsr_portal.audit import services
from dsr_portal.audit.export import ExportVerdict
from dsr_portal.audit.links import Head
from dsr_portal.audit.verify import Verification
from dsr_portal.core.exits import ANSWER_IS_NO, not_asked

RESTORED = 3
"""Exit code: every event is as written, and some are gone with what a backup did not have."""


class Command(BaseCommand):
    help = (
        "Check the audit chain and name the first broken or missing event. Ends with 1 when it is "
        "not whole, with 2 when it could not be checked, with 3 when it goes on from a restored "
        "backup (R29, R31, L-20)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the finding as JSON")
        parser.add_argument(
            "--previous-head", type=Path, metavar="FILE", help="a head kept earlier, as audit_head"
        )
        parser.add_argument(
            "--export", type=Path, metavar="FILE", help="check this export, not the database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        previous = _head(options["previous_head"])
        export = _document(options["export"]) if options["export"] else None
        try:
            found = services.verify(previous, export)
        except DatabaseError as error:
            raise not_asked(
                f"Nothing was checked: the database can't be read ({error}). See that "
                "DATABASE_URL names the right one and that it was migrated, then ask again."
            ) from error
        if options["json"]:
            said = {**asdict(found), "whole": found.whole}
            self.stdout.write(json.dumps(said, sort_keys=True))
        else:
            self._say(found)
        if not found.ok:
            raise SystemExit(ANSWER_IS_NO)
        if not found.whole:
            raise SystemExit(RESTORED)

    def _say(self, found: Verification | ExportVerdict) -> None:
        if found.ok and found.head is not None:
            state = "whole" if found.whole else "as written, but restored from a backup"
            self.stdout.write(
                f"{state}: {found.events} events, {found.payloads_removed} payloads removed, "
                f"head {found.head.number} {found.head.hash}"
            )
        else:
            place = "the document" if found.first_broken is None else f"event {found.first_broken}"
            self.stdout.write(f"not whole: {place}: {found.reason}")
        for one in found.restores:
            self.stdout.write(
                f"restored: event {one.number} ({one.at}) goes on from a backup that ended at "
                f"event {one.backup.number}; what followed is gone, known of: {one.lost} events "
                f"up to head {one.known.number} {one.known.hash}"
            )


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise not_asked(
            f"Nothing was checked: {path} can't be read ({error.strerror}). Name a file that is "
            "there, as `audit_head --json` or an export wrote it."
        ) from error
    except ValueError as error:
        raise not_asked(
            f"Nothing was checked: {path} is not JSON ({error}). Name a file as "
            "`audit_head --json` or an export wrote it."
        ) from error


def _head(path: Path | None) -> Head | None:
    if path is None:
        return None
    document = _document(path)
    try:
        return Head(int(document["number"]), str(document["hash"]))
    except (KeyError, TypeError, ValueError):
        raise not_asked(
            f'Nothing was checked: {path} is no head like {{"number": 7, "hash": "…"}}. Name a '
            "file as `audit_head --json` wrote it."
        ) from None

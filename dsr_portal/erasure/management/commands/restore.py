"""`manage.py restore`: newest backup + erasure ledger + ring into an empty installation (R31)."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked, refused
from dsr_portal.erasure import restoring
from dsr_portal.jobs import services as jobs


class Command(BaseCommand):
    help = (
        "Bring an installation back from FOLDER (a backup, or the newest one in it), the erasure "
        "ledger and the key ring. Stop every process first. What was erased since the backup goes "
        "again; what came after the backup is gone, and the trail says so (R31)."
    )
    # The database they look into is what this command brings.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", help="a backup, or where they are kept")
        parser.add_argument(
            "--replace", default="", metavar="WORD",
            help=f"take the place of an installation that is not empty: {restoring.REPLACE}",
        )  # fmt: skip
        parser.add_argument(
            "--send-held", action="store_true",
            help="after a restore: send the letters that were held back, once you looked",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said = self._do(options)
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(said, sort_keys=True))
            return
        for name, value in said.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {value}")

    def _do(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["send_held"]:
            return {"sent_after_all": jobs.release_held(actor=Actor.operator())}
        if options["folder"] is None:
            raise not_asked("Name the folder: manage.py restore FOLDER")
        return asdict(restoring.restore(options["folder"], replace=options["replace"]))

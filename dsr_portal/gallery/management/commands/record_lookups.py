"""`manage.py record_lookups`: who was shown which record, with what the log covers (R16)."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import refused
from dsr_portal.gallery import services


class Command(BaseCommand):
    help = (
        "Record a log of look-ups: CSV with recipient, country, date, purpose and record "
        "(a record's id, or the address or path of a picture)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--system", required=True, help="the system the log comes from")
        for option, name in (("--from", "covers_from"), ("--to", "covers_to")):
            parser.add_argument(
                option,
                dest=name,
                required=True,
                type=date.fromisoformat,
                metavar="YYYY-MM-DD",
                help="the period the log covers without a gap",
            )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = services.record_lookups(
                path=options["file"],
                system=options["system"],
                covers_from=options["covers_from"],
                covers_to=options["covers_to"],
                actor=Actor.operator(),
            )
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            facts = {
                "log": str(report.log_id),
                "system": report.system,
                "from": report.covers_from.isoformat(),
                "to": report.covers_to.isoformat(),
                "rows": report.rows,
                "recorded": report.recorded,
                "unmatched": list(report.unmatched),
            }
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
            return
        self.stdout.write(
            f"{report.rows} rows of {report.system} ({report.covers_from} to {report.covers_to}): "
            f"{report.recorded} look-ups recorded"
        )
        if report.unmatched:
            lines = ", ".join(str(line) for line in report.unmatched)
            self.stdout.write(f"Not in the gallery: lines {lines}")

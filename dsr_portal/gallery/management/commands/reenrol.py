"""`manage.py reenrol`: templates of another model beside those that serve."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import refused
from dsr_portal.gallery import reenrolling


class Command(BaseCommand):
    help = (
        "Make templates of another model for every record while searches go on with the old one. "
        "Given again after two persons approved the setting recognition_model, it publishes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", default="SFace", help="SFace or a name of DSR_MODELS")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        def progress(done: int, total: int) -> None:
            self.stderr.write(f"{done} of {total} templates")

        try:
            report = reenrolling.reenrol(
                name=options["model"], actor=Actor.operator(), progress=progress
            )
        except PortalError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
            return
        self.stdout.write(f"{report.model}: {report.made} templates made, {report.left} left")
        if report.unreachable:
            self.stdout.write(f"{report.unreachable} records have a picture that can't be read")
        if report.published:
            self.stdout.write(f"It serves; {report.retired} old templates were given up")
        else:
            self.stdout.write(
                f"It waits: setting recognition_model = {report.number}, by two persons"
            )

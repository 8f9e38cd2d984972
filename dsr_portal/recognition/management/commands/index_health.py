"""`manage.py index_health`: how the search index stands; ends with 1 while a part is damaged."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.exits import ANSWER_IS_NO
from dsr_portal.recognition.selectors import index_health


class Command(BaseCommand):
    help = "Tell how the search index stands; end with 1 when a part is damaged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = index_health()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found) | {"well": found.well}))
        else:
            self.stdout.write("\n".join(found.lines()))
        if not found.well:
            raise SystemExit(ANSWER_IS_NO)

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.audit import services
from dsr_portal.core import clock


class Command(BaseCommand):
    help = "Print the newest head of the audit chain. Keep it: it proves later changes (R29)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as verify_audit reads it")

    def handle(self, *args: Any, **options: Any) -> None:
        head = services.head()
        if options["json"]:
            at = clock.now().isoformat(timespec="seconds")
            self.stdout.write(json.dumps({"number": head.number, "hash": head.hash, "at": at}))
        else:
            self.stdout.write(f"{head.number} {head.hash}")

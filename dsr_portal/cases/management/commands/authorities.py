"""The authorities letters name, and what the operator has still to compare (law 5.4)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dsr_portal.core.exits import ANSWER_IS_NO, not_asked
from dsr_portal.law import authorities
from dsr_portal.law.authorities import Authority

_WORDS = {
    "low-address": "the address is unsure and no letter prints it",
    "medium": "the record is printed, and nobody compared it",
    "high": "well known",
    "checked": "set in DSR_AUTHORITIES",
}


class Command(BaseCommand):
    help = "List the data protection authorities that letters name, and how sure each record is."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--unsure",
            action="store_true",
            help="only what is to be compared with the authority's own site; 1 while any is left",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = authorities.as_set(settings.DSR_AUTHORITIES)
        except ValueError as error:
            raise not_asked(f"{error}. Nothing is listed.") from error
        if options["unsure"]:
            rows = [one for one in rows if one.needs_check]
        if options["json"]:
            self.stdout.write(json.dumps([_facts(one) for one in rows], ensure_ascii=False))
        else:
            self._print(rows)
        if options["unsure"] and rows:
            raise SystemExit(ANSWER_IS_NO)

    def _print(self, rows: list[Authority]) -> None:
        for one in rows:
            self.stdout.write(f"{one.code}  {one.english}: {_WORDS[one.confidence]}")
            self.stdout.write(f"    {one.address}")
            self.stdout.write(f"    compare with {one.website}; source: {one.source}")
            if one.note:
                self.stdout.write(f"    {one.note}")
        if not rows:
            self.stdout.write("Nothing is left to compare.")


def _facts(one: Authority) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "confidence": one.confidence,
        "unsure": _WORDS[one.confidence] if one.needs_check else "",
        "printed": not one.address_is_unsure,
        "address": one.address,
        "website": one.website,
        "note": one.note,
        "source": one.source,
    }

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.audit.schema import EventType
from dsr_portal.core.registries import event_types

_INTRODUCTION = """# Audit events

Written by `python manage.py list_events --markdown`; a test compares. Every event also has a
number, a time, a doer (staff by number) and, where there is one, a case and a subject. The last
column names the rows of the evidence table a type serves.

| event | fields | evidence |
|---|---|---|
"""


class Command(BaseCommand):
    help = "List every type of audit event with its fields."

    def add_arguments(self, parser: ArgumentParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--markdown", action="store_true", help="docs/events.md")
        form.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        types: list[EventType] = [kind for _name, kind in event_types.items()]
        if options["markdown"]:
            self.stdout.write(markdown(types), ending="")
        elif options["json"]:
            self.stdout.write(json.dumps({kind.name: _fields(kind) for kind in types}))
        else:
            for kind in types:
                self.stdout.write(kind.name)


def markdown(types: list[EventType]) -> str:
    """The text of docs/events.md for `types`."""
    return _INTRODUCTION + "".join(_row(kind) for kind in types)


def _fields(kind: EventType) -> dict[str, str]:
    return {name: field.describe() for name, field in kind.fields.items()}


def _row(kind: EventType) -> str:
    fields = ", ".join(f"{name} ({what})" for name, what in _fields(kind).items())
    return f"| {kind.name} | {fields or '–'} | {', '.join(kind.law) or '–'} |\n"

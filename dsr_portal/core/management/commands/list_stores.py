from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.inventory import ModelStore, OtherStore, Term
from dsr_portal.core.registries import stores

_INTRODUCTION = """# How long everything is kept

Written by `python manage.py list_stores --markdown`; a test compares. Every table and every other
store of the inventory, grouped by its term (Art. 5(1)(e); rules R26 to R31). A store without a term
fails `manage.py check`, and so does a sweeper that is not there. A test asks that a regular run, a
job, a command or a page reaches each sweeper, and that another test shows what it ends. Terms that
people set are settings of `policy`. Orders and breaches: [orders](orders.md#how-long-it-is-kept);
the trail: [audit](audit.md#the-end-of-details); children: [representatives](representatives.md).

| stores | kept for | counted from | ended by | what stays, and why |
|---|---|---|---|---|
"""


class Command(BaseCommand):
    help = "List every store with how long it is kept and what ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--markdown", action="store_true", help="docs/retention.md")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(markdown(dict(stores.items())), ending="")
            return
        for name, entry in stores.items():
            self.stdout.write(f"{name}: {entry.term.kept}")


def markdown(declared: dict[str, ModelStore | OtherStore]) -> str:
    """The text of docs/retention.md: one row for each term, with the stores that share it."""
    shared: dict[Term, list[str]] = {}
    for name, entry in sorted(declared.items()):
        if entry.term is not None:
            shared.setdefault(entry.term, []).append(name.removeprefix("table "))
    rows = sorted(shared.items(), key=lambda pair: pair[1])
    return _INTRODUCTION + "".join(_row(term, names) for term, names in rows)


def _row(term: Term, names: list[str]) -> str:
    ended = "<br>".join(f"`{one.removeprefix('dsr_portal.')}`" for one in term.sweepers)
    cells = (", ".join(names), term.kept, term.since or "–", ended or "–", term.stays or "nothing")
    return f"| {' | '.join(cells)} |\n"

import re
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.core.registries import MailAbout, Reader, mails

_INTRODUCTION = """# Message catalogue

Written by `python manage.py list_mails --markdown`; tests compare, and read every mail of it in
every language. Each mail is plain text. To a person or who acts for them it says the same few
words whatever was found: no picture, no count, no outcome, no receipt code (rules R3, R12). It is
in the language of the request; staff and recipients read English. What is in braces is filled in.

The *quiet* variant is for urgent requests (rule R10): the subject is the reference, the text one
link and, of a code, the code; it names neither us nor what it is about. Authorities get no mail:
each has a way of its own, and a person hands over what they get.

| mail | to | subject | when | one action | addresses in it | leaves | neutral variant |
|---|---|---|---|---|---|---|---|
"""
NEUTRAL = {
    Reader.PERSON: "quiet",
    Reader.REPRESENTATIVE: "none: another mailbox than the person's",
    Reader.STAFF: "none: names no person",
    Reader.RECIPIENT: "none: names no person",
}
_FILLED = re.compile(r"%\((\w+)\)s")


class Command(BaseCommand):
    help = "List every mail the portal can send."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--markdown", action="store_true", help="docs/messages.md")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(markdown(mails.items()), ending="")
        else:
            for name in mails:
                self.stdout.write(name)


def markdown(kinds: Iterable[tuple[str, MailAbout]]) -> str:
    """The text of docs/messages.md, by who reads them."""
    order = list(Reader)
    rows = sorted(kinds, key=lambda one: (order.index(one[1].to), one[0]))
    return _INTRODUCTION + "".join(_row(name, about) for name, about in rows)


def _row(name: str, about: MailAbout) -> str:
    subject = _FILLED.sub(r"{\1}", str(about.subject))
    cells = [
        name,
        about.to,
        subject,
        about.when,
        about.action,
        str(about.links) if about.links else "none",
        about.pace,
        NEUTRAL[about.to],
    ]
    return f"| {' | '.join(cells)} |\n"

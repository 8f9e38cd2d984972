"""`manage.py fetch_mail`: every message of a mailbox becomes a case or is added to one (T-08)."""

import json
import logging
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.cases import mail_intake, mailbox
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Take the messages of a Maildir: each becomes a case, or is added to the case it answers. "
        "A message is moved to .dsr-done only after it was committed; run it as often as you like."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("maildir", type=Path, help="the folder with new and cur")
        parser.add_argument(
            "--as", default="", dest="staff", metavar="STAFFNO",
            help="who fetches; without it the operator, as for a scheduled run",
        )  # fmt: skip
        parser.add_argument(
            "--own-host", action="append", default=[], dest="hosts", metavar="NAME",
            help="a mail server of ours, as it writes itself into Received lines; may be repeated",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = actor_for(acting(options["staff"])) if options["staff"] else Actor.operator()
        folder: Path = options["maildir"]
        try:
            mail_intake.require_may_fetch(actor)
            mailbox.require_maildir(folder)
        except PortalError as error:
            raise failed(error) from error
        counts: Counter[str] = Counter()
        for path in mailbox.waiting(folder):
            counts[_take(folder, path, actor, frozenset(options["hosts"]))] += 1
        self._report(counts, removed=mailbox.sweep_done(folder), as_json=options["json"])

    def _report(self, counts: Counter[str], *, removed: int, as_json: bool) -> None:
        """Numbers only: who wrote, and what, stays in the vault."""
        made = {name: counts[name] for name in (*mail_intake.Took, "failed")}
        if as_json:
            self.stdout.write(json.dumps({**made, "removed": removed}))
        else:
            self.stdout.write(
                f"Opened {made['opened']}, added {made['added']}, known {made['known']}."
            )
        if made["failed"]:
            raise CommandError(
                f"{made['failed']} messages could not be taken. They wait in the mailbox; the log "
                "says why. Repair that and run this again.",
                returncode=1,
            )


def _take(folder: Path, path: Path, actor: Actor, hosts: frozenset[str]) -> str:
    """One message; what stops it stops no other, and it stays where it is."""
    try:
        took = mail_intake.take_mail(path=path, actor=actor, own_hosts=hosts)
        mailbox.mark_done(folder, path)
    except FileNotFoundError:
        # A mail program moved it while we looked; the next run finds it.
        return "moved"
    except PortalError as error:
        logger.warning("A mail could not be taken: %s", error.code)
        return "failed"
    except OSError as error:
        logger.warning("A mail could not be taken: errno %s", error.errno)
        return "failed"
    return took.value

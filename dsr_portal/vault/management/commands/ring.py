"""`manage.py ring`: set up, look at and repair the key places and the ledger's folders."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from dsr_portal.core.errors import PortalError
from dsr_portal.vault import keys, lasting, shredding
from dsr_portal.vault.ledger import Ledger
from dsr_portal.vault.places import UnsafePlace
from dsr_portal.vault.ring import Floor, Ring


class Command(BaseCommand):
    help = "Make (init), look at (status) or repair the two key places, the secrets, the ledger."
    # It makes what the checks and the settings ask for.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["init", "status", "repair"])

    def handle(self, *args: Any, **options: Any) -> None:
        places = [Path(place) for place in settings.DSR_RING]
        migrated = _is_migrated()
        try:
            with keys.plain_errors():
                ring = Ring(places, floor=keys.remembered if migrated else lambda: Floor(0, ""))
                if options["do"] == "init":
                    self._init(ring, migrated)
                elif options["do"] == "repair":
                    ring.repair()
                self._status(ring)
        except (PortalError, UnsafePlace) as error:
            context = getattr(error, "context", {})
            raise CommandError(f"{error} {context or ''}".strip()) from error

    def _init(self, ring: Ring, migrated: bool) -> None:
        """Idempotent: makes what is missing, never replaces what is there."""
        ring.init()
        Ledger([Path(place) for place in settings.DSR_LEDGER]).init()
        for purpose in lasting.make_declared():
            self.stdout.write(f"made secret {purpose}")
        if migrated:
            changed = lasting.record_made()
            if changed:
                raise CommandError(f"not the secret it was: {', '.join(changed)}")

    def _status(self, ring: Ring) -> None:
        for row in ring.status():
            line = f"ring   {row.place}: {row.state}, generation {row.generation} {row.detail}"
            self.stdout.write(line.rstrip())
        head = ring.ledger_head()
        count = shredding.ledger().verify(head)
        self.stdout.write(f"ledger whole: {count} entries, the ring knows entry {head.number}")
        if any(row.state != "whole" for row in ring.status()):
            raise CommandError("a key place is not whole; see above, then `ring repair`")


def _is_migrated() -> bool:
    try:
        return "vault_ringstate" in connection.introspection.table_names()
    except OperationalError:
        return False

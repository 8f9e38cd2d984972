"""`manage.py ring`: the key places, the lasting secrets and the ledger's folders (rule R26)."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from dsr_portal.audit import services as audit
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import ANSWER_IS_NO, NOT_ASKED
from dsr_portal.vault import health, keys, lasting, rotation
from dsr_portal.vault.ledger import Ledger
from dsr_portal.vault.places import UnsafePlace
from dsr_portal.vault.ring import Floor, Ring

_SHOWN = 10


class Command(BaseCommand):
    help = (
        "The two key places. init: make what is missing at set-up. check: compare rows and keys, "
        "change nothing. copy: rewrite a missing or stale place from the other. rotate: replace "
        "every bucket key, the portal running. Ends with 1 when something has to be done, with 2 "
        "when it could not be done."
    )
    # It makes what the checks and the settings ask for.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("do", choices=["init", "check", "copy", "rotate"])
        parser.add_argument("--json", action="store_true", help="the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["json"]
        try:
            getattr(self, f"_{options['do']}")()
        except (PortalError, UnsafePlace) as error:
            context = getattr(error, "context", {})
            told = ", ".join(f"{name}: {value}" for name, value in context.items() if value)
            said = f"{error} ({told})" if told else str(error)
            raise CommandError(said, returncode=NOT_ASKED) from error

    # -- init -----------------------------------------------------------------------------------

    def _init(self) -> None:
        """Idempotent: makes what is missing at set-up, never replaces what is there."""
        migrated = _is_migrated()
        places = [Path(place) for place in settings.DSR_RING]
        with keys.plain_errors():
            ring = Ring(places, floor=keys.remembered if migrated else lambda: Floor(0, ""))
            ring.init()
        Ledger([Path(place) for place in settings.DSR_LEDGER]).init()
        made = lasting.make_declared()
        changed = lasting.record_made() if migrated else []
        if made and migrated:
            with audit.unit_of_work():
                audit.record("vault.secrets_made", actor=Actor.operator(), secrets=len(made))
        rows = ring.status()
        lines = [f"made secret {purpose}" for purpose in made]
        lines += [f"{row.place}: {row.state}, generation {row.generation}" for row in rows]
        self._say({"made": made, "places": [row.state for row in rows]}, lines)
        if changed:
            raise CommandError(
                f"not the secret it was: {', '.join(changed)}", returncode=ANSWER_IS_NO
            )
        if any(row.state != "whole" for row in rows):
            raise CommandError(
                "A key place is not whole. Mount its disk; for a new one see `ring copy`.",
                returncode=ANSWER_IS_NO,
            )

    # -- check ----------------------------------------------------------------------------------

    def _check(self) -> None:
        _require_migrated()
        found = health.examine()
        self._say(asdict(found) | {"well": found.well}, _lines(found))
        if found.broken:
            raise SystemExit(NOT_ASKED)
        if not found.well:
            raise SystemExit(ANSWER_IS_NO)

    # -- copy -----------------------------------------------------------------------------------

    def _copy(self) -> None:
        _require_migrated()
        with keys.plain_errors():
            places = keys.plain_ring().copy()
        purposes = lasting.copy()
        if places or purposes:
            with audit.unit_of_work():
                audit.record(
                    "vault.places_copied",
                    actor=Actor.operator(),
                    places=len(places),
                    secrets=len(purposes),
                )
        lines = [f"rewritten from the other place: {place}" for place in places]
        lines += [f"secret copied: {purpose}" for purpose in purposes]
        left = [f"{one.purpose}: {one.state}" for one in lasting.status() if one.state != "whole"]
        self._say(
            {"places": [str(place) for place in places], "secrets": purposes, "left": left},
            lines or ["Nothing was written." if left else "Both places are whole and equal."],
        )
        if left:
            raise CommandError(
                f"These secrets can't be mended from the other place: {'; '.join(left)}. "
                "Bring back the right files; nothing is made anew.",
                returncode=ANSWER_IS_NO,
            )

    # -- rotate ---------------------------------------------------------------------------------

    def _rotate(self) -> None:
        _require_migrated()

        def progress(replaced: int, left: int) -> None:
            self.stderr.write(f"{replaced} keys replaced, {left} left")

        done = rotation.rotate(actor=Actor.operator(), progress=progress)
        line = f"{done.replaced} keys replaced, {done.left} left"
        if done.ledger_number:
            line += f"; the ledger tells of it up to entry {done.ledger_number}"
        self._say(asdict(done), [line])
        if not done.done:
            raise CommandError(
                f"The rotation waits: {done.blocked} {done.detail}. Nothing is lost. Put it right "
                "(`ring check` tells more); it goes on by itself, or with `ring rotate`.",
                returncode=ANSWER_IS_NO,
            )

    def _say(self, value: dict[str, Any], lines: list[str]) -> None:
        self.stdout.write(json.dumps(value) if self.as_json else "\n".join(lines))


def _is_migrated() -> bool:
    try:
        return "vault_ringstate" in connection.introspection.table_names()
    except OperationalError:
        return False


def _require_migrated() -> None:
    if not _is_migrated():
        raise CommandError(
            "The database has no tables yet, so there is nothing to compare the keys with. "
            "Run `python manage.py migrate` first.",
            returncode=NOT_ASKED,
        )


def _lines(found: health.RingHealth) -> list[str]:
    lines = [
        f"place {row['place']} {row['folder']}: {row['state']}, generation {row['generation']}"
        + (f"; {row['problem']}" if row["problem"] else "")
        for row in found.places
    ]
    if any(row["state"] in {"missing", "behind", "corrupt"} for row in found.places):
        lines.append("  mount its disk; for a new one make the folder, then `ring copy`")
    for title, groups in (
        ("rows without a key (these units do not open)", found.rows_without_key),
        ("keys without a row", found.keys_without_row),
    ):
        lines.append(f"{title}: {sum(one.buckets for one in groups)}")
        lines += [_told(one) for one in groups]
    lines += [f"secret {one.purpose}: {one.state}" for one in found.secrets if one.state != "whole"]
    if found.ledger_entries is not None:
        lines.append(f"ledger whole: {found.ledger_entries} entries")
    lines.append(f"{found.buckets} buckets, {found.units} units")
    if found.broken:
        lines.append(f"could not be compared: {found.broken}")
    return lines


def _told(one: health.Without) -> str:
    more = f" and {one.buckets - _SHOWN} more" if one.buckets > _SHOWN else ""
    named = ", ".join(one.ids[:_SHOWN])
    return f"  {one.kind}: {one.buckets} buckets, {one.units} units: {named}{more}"

"""Every place on this machine that belongs to the installation, searched byte by byte (R30).

Each place gets a canary of its own, which the scan must find there: a scan that passes over a
place would otherwise look like one that found nothing in it.
"""

import logging
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from dsr_portal.erasure import patterns
from dsr_portal.erasure.models import Plan
from dsr_portal.vault.places import FILE_MODE

log = logging.getLogger(__name__)

CANARY = "erasure-canary"
DATABASE = "database"
FILES = "files"
TEMPORARY = "temporary_files"
_CANARY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or the files of the database; `code` is the store's name in a certificate."""

    code: str
    paths: tuple[Path, ...]


@dataclass(slots=True)
class Seen:
    """What the scan saw of one place; `canary` is whether its own canary was found in it."""

    files: int = 0
    bytes: int = 0
    found: int = 0
    unreadable: int = 0
    canary: bool = False
    missed: bool = False
    """A canary was put there and the scan passed over it."""


@dataclass(slots=True)
class Scan:
    """What a scan of all places saw."""

    patterns: int
    places: dict[str, Seen] = field(default_factory=dict)

    @property
    def found(self) -> int:
        return sum(one.found for one in self.places.values())

    @property
    def missed(self) -> list[str]:
        """Places in which the scan did not find the canary that was put there."""
        return sorted(code for code, one in self.places.items() if one.missed)

    def as_counts(self) -> dict[str, Any]:
        """For the step's row: counts only."""
        seen = self.places
        return {
            "count": sum(one.files for one in seen.values()),
            "bytes": sum(one.bytes for one in seen.values()),
            "patterns": self.patterns,
            "found": self.found,
            "unreadable": sum(one.unreadable for one in seen.values()),
            "places": {
                code: {
                    "files": one.files,
                    "bytes": one.bytes,
                    "found": one.found,
                    "unreadable": one.unreadable,
                    "canary": int(one.canary),
                }
                for code, one in seen.items()
            },
        }


def places() -> list[Place]:
    """What is there now; a place may lie inside another, its files then count for the inner one.

    Logs and everything else below DSR_VAR that has no line of its own belong to "files".
    """
    named: list[tuple[str, Sequence[Any]]] = [
        (FILES, [settings.DSR_VAR]),
        ("vault_folder", [settings.DSR_VAULT_DIR]),
        ("broker_folder", [settings.DSR_BROKER_DIR]),
        ("published_files", [settings.STATIC_ROOT]),
        ("ring_folders", settings.DSR_RING),
        ("ledger_folders", settings.DSR_LEDGER),
        (TEMPORARY, [own_temporary_folder()]),
        (DATABASE, database_files()),
    ]
    found = []
    for code, paths in named:
        there = tuple(Path(one).resolve() for one in paths if one and Path(one).exists())
        if there:
            found.append(Place(code, there))
    return found


def database_files() -> list[Path]:
    """The file of an embedded database with its write-ahead log and journals; none of a server."""
    if connection.vendor != "sqlite":
        return []
    name = Path(connection.settings_dict["NAME"])
    return sorted(name.parent.glob(f"{name.name}*"))


def own_temporary_folder() -> Path | None:
    """Where this installation's programs put temporary files, if nobody else does."""
    folder = Path(tempfile.gettempdir()).resolve()
    if folder.is_relative_to(Path(settings.DSR_VAR).resolve()):
        return folder
    told = folder.stat()
    return folder if told.st_uid == os.getuid() and not told.st_mode & 0o077 else None


def scan(plan: Plan, wanted: Sequence[str], *, database_canary: bytes = b"") -> Scan:
    """Look for masked patterns in every file of every place, as it lies on the disk now.

    `database_canary` was written to the database before; it must be found in its files.
    """
    there = places()
    with _planted(plan, there) as canaries:
        if database_canary:
            canaries.append((DATABASE, None, database_canary))  # wherever in its files
        needles = [*wanted, *(patterns.masked(one) for _code, _path, one in canaries)]
        result = Scan(patterns=len(wanted))
        seen_files: set[Path] = set()
        hits: dict[int, set[Path]] = {}
        with patterns.file_scanner(needles) as scanner:
            for place in sorted(there, key=_innermost_first):
                # One place at a time, so that what was read and found is known for each.
                mine = [one for one in patterns.files_under(place.paths) if one not in seen_files]
                seen_files.update(mine)
                report = scanner.scan(mine)
                result.places[place.code] = Seen(
                    report.files,
                    report.bytes,
                    report.found(range(len(wanted))),
                    report.unreadable,
                )
                for number, paths in report.hits.items():
                    hits.setdefault(number, set()).update(paths)
                    if number < len(wanted):
                        log.critical("erased bytes lie in %s", ", ".join(sorted(map(str, paths))))
                _judge(result.places[place.code], place, canaries, len(wanted), report.hits)
    return result


def _innermost_first(place: Place) -> int:
    return -max(len(path.parts) for path in place.paths) - (place.code == DATABASE)


@contextmanager
def _planted(plan: Plan, there: Sequence[Place]) -> Iterator[list[tuple[str, Path | None, bytes]]]:
    """A file of random bytes in each folder, for the length of the scan."""
    planted: list[tuple[str, Path | None, bytes]] = []
    try:
        for place in there:
            for folder in place.paths:
                if place.code == DATABASE or not folder.is_dir():
                    continue
                canary = secrets.token_bytes(_CANARY_BYTES)
                path = folder / f"{CANARY}.{plan.id.hex}"
                try:
                    # Open to others, it would make the folder of a ring unsafe meanwhile.
                    path.touch(mode=FILE_MODE)
                    path.write_bytes(canary)
                except OSError as error:
                    # Without a canary nothing is said of this place; the scan goes on.
                    log.warning("no canary can be written to %s: %s", folder, error.strerror)
                    continue
                planted.append((place.code, path, canary))
        yield planted
    finally:
        for _code, canary_file, _canary in planted:
            if canary_file is not None:
                canary_file.unlink(missing_ok=True)


def _judge(
    seen: Seen,
    place: Place,
    canaries: Sequence[tuple[str, Path | None, bytes]],
    first: int,
    hits: dict[int, set[Path]],
) -> None:
    """A place was read when each of its canaries was found, and found where it was put."""
    mine = [
        (number, path)
        for number, (code, path, _canary) in enumerate(canaries, start=first)
        if code == place.code
    ]
    all_found = all(
        number in hits and (path is None or path in hits[number]) for number, path in mine
    )
    seen.canary, seen.missed = bool(mine) and all_found, not all_found

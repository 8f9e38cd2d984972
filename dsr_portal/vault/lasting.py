"""Lasting secrets: one file per purpose in the ring's two folders, made at set-up (rule R26).

Template matrix, look-up and block hash keys, signing keys, Django's key. Never in a database,
environment or backup. A lost one is never silently made anew: everything that was found with it
would be lost without a word.
"""

import logging
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings

from dsr_portal.vault import crypto
from dsr_portal.vault import places as files
from dsr_portal.vault.errors import Damaged, RingMissing

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9.-]{0,59}\Z")
_declared: dict[str, Callable[[], bytes]] = {"django": lambda: secrets.token_bytes(48)}
_known: dict[tuple[str, str], bytes] = {}


def declare(purpose: str, make: Callable[[], bytes] | None = None, *, length: int = 32) -> None:
    """Name a secret that set-up makes: random bytes, or what `make` returns (a private key)."""
    _file_name(purpose)
    _declared[purpose] = make or (lambda: secrets.token_bytes(length))


def declared() -> list[str]:
    return sorted(_declared)


def make_declared() -> list[str]:
    """Make every declared secret that is in no place; return the purposes made now."""
    places = [Path(place) for place in settings.DSR_RING]
    made = []
    for purpose in declared():
        if _read(places, purpose) is None:
            made.append(purpose)
        make(places, purpose)
    return made


def record_made() -> list[str]:
    """Remember in the database which secrets exist; return those that are not what they were."""
    from dsr_portal.vault.models import LastingSecret

    places = [Path(place) for place in settings.DSR_RING]
    changed = []
    for purpose in sorted({path.stem for place in places for path in place.glob("*.key")}):
        value = _read(places, purpose)
        if value is None:
            continue
        row, _ = LastingSecret.objects.get_or_create(
            purpose=purpose, defaults={"check_value": check_value(value)}
        )
        if row.check_value != check_value(value):
            changed.append(purpose)
    return changed


def secret(purpose: str, length: int = 32) -> bytes:
    """The secret of a purpose. Outside production it is made at first use, else by `ring init`."""
    places = [Path(place) for place in settings.DSR_RING]
    cached = _known.get((str(places[0]), purpose))
    if cached is None:
        cached = _read(places, purpose)
        if cached is None:
            if settings.DSR_PRODUCTION:
                raise RingMissing("secret_missing", purpose=purpose)
            cached = make(places, purpose, length)
        _known[(str(places[0]), purpose)] = cached
    if purpose not in _declared and len(cached) != length:
        raise Damaged("secret_length", purpose=purpose)
    return cached


def make(places: Sequence[Path], purpose: str, length: int = 32) -> bytes:
    """Make a secret unless there is one; write it to every place that has none."""
    for place in places:
        files.make_folder(place)
    with files.one_writer(places):
        value = _read(places, purpose)
        if value is None:
            _refuse_lost(purpose)
            value = _declared.get(purpose, lambda: secrets.token_bytes(length))()
        for place in places:
            path = place / _file_name(purpose)
            if not path.exists():
                files.write_whole(path, value.hex().encode())
    return value


def check_value(value: bytes) -> str:
    """Tells two secrets apart without telling anything of them."""
    return crypto.keyed_digest(value, b"dsr lasting secret check")[:16]


def forget() -> None:
    """Drop what this process remembers (another ring in tests)."""
    _known.clear()


def _read(places: Sequence[Path], purpose: str) -> bytes | None:
    found = []
    name = _file_name(purpose)
    for place in places:
        try:
            found.append(bytes.fromhex((place / name).read_text().strip()))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            log.critical("ring: the secret %s can't be read in %s", purpose, place)
            raise Damaged("secret", purpose=purpose) from error
    if not found:
        return None
    if len(set(found)) > 1:
        raise Damaged("secret_differs", purpose=purpose)
    if len(found) < len(places):
        log.critical("ring: the secret %s is in one place only", purpose)
    return found[0]


def _refuse_lost(purpose: str) -> None:
    from django.db import DatabaseError

    from dsr_portal.vault.models import LastingSecret

    try:
        made_before = LastingSecret.objects.filter(purpose=purpose).exists()
    except DatabaseError:
        return  # set-up before the first migration: nothing can have been made
    if made_before:
        raise RingMissing("secret_lost", purpose=purpose)


def _file_name(purpose: str) -> str:
    if not _NAME.match(purpose):
        raise ValueError(f"{purpose!r} names no lasting secret")
    return f"{purpose}.key"

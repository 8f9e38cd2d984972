"""Lasting secrets: one file per purpose in the ring's two folders, made at set-up (rule R26).

Template matrix, look-up and block hash keys, signing keys, Django's key. Never in a database,
environment or backup. A lost one is never silently made anew: everything that was found with it
would be lost without a word.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from dsr_portal.vault import crypto, secret_files
from dsr_portal.vault import places as files
from dsr_portal.vault.errors import Damaged, RingMissing, disk_errors
from dsr_portal.vault.secret_files import SecretsDiffer

_declared: dict[str, Callable[[], bytes]] = {"django": lambda: secrets.token_bytes(48)}
_known: dict[tuple[str, str], bytes] = {}


@dataclass(frozen=True, slots=True)
class SecretStatus:
    """How one secret is kept: whole, one_place, differs, missing or exchanged."""

    purpose: str
    state: str


def declare(purpose: str, make: Callable[[], bytes] | None = None, *, length: int = 32) -> None:
    """Name a secret that set-up makes: random bytes, or what `make` returns (a private key)."""
    secret_files.path_of(Path(), purpose)
    _declared[purpose] = make or (lambda: secrets.token_bytes(length))


def declared() -> list[str]:
    return sorted(_declared)


def make_declared() -> list[str]:
    """Make every declared secret that is in no place; return the purposes made now."""
    places = _places()
    made = [purpose for purpose in declared() if _read(places, purpose) is None]
    for purpose in made:
        make(places, purpose)
    return made


def record_made() -> list[str]:
    """Remember in the database which secrets exist; return those that are not what they were."""
    from dsr_portal.vault.models import LastingSecret

    places = _places()
    changed = []
    for purpose in sorted(secret_files.purposes_in(places)):
        value = _read(places, purpose)
        if value is None:
            continue
        row, _ = LastingSecret.objects.get_or_create(
            purpose=purpose, defaults={"check_value": check_value(value)}
        )
        if row.check_value != check_value(value):
            changed.append(purpose)
    return changed


def status() -> list[SecretStatus]:
    """How every secret is kept that is declared, on disk or remembered by the database."""
    from dsr_portal.vault.models import LastingSecret

    remembered = dict(LastingSecret.objects.values_list("purpose", "check_value"))
    places = _places()
    rows = []
    for purpose in sorted({*_declared, *remembered, *secret_files.purposes_in(places)}):
        found = secret_files.find(places, purpose)
        state = found.state
        was = remembered.get(purpose)
        if was and state in {"whole", "one_place"} and check_value(found.value or b"") != was:
            state = "exchanged"
        rows.append(SecretStatus(purpose, state))
    return rows


def copy() -> list[str]:
    """Write each secret to the place that lacks it; return the purposes copied.

    Where the places differ, the value the database remembers counts. Without one it stays as it
    is, and reading goes on being refused.
    """
    from dsr_portal.vault.models import LastingSecret

    remembered = dict(LastingSecret.objects.values_list("purpose", "check_value"))
    places = _places()
    copied = []
    with files.one_writer(places), disk_errors("ring"):
        for purpose in sorted(secret_files.purposes_in(places)):
            found = secret_files.find(places, purpose)
            there = {value for value in found.values if value is not None}
            was = remembered.get(purpose)
            right = [value for value in there if was is None or check_value(value) == was]
            stale = [
                place
                for place, value in zip(places, found.values, strict=True)
                if right and value != right[0] and place.is_dir()
            ]
            if len(right) == 1 and stale:
                secret_files.write(stale, purpose, right[0])
                copied.append(purpose)
    forget()
    return copied


def secret(purpose: str, length: int = 32) -> bytes:
    """The secret of a purpose. Outside production it is made at first use, else by `ring init`."""
    places = _places()
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
    """Make a secret in both places unless there is one; a place that lost it waits for a copy."""
    for place in places:
        files.make_folder(place)
    with files.one_writer(places), disk_errors("ring"):
        value = _read(places, purpose)
        if value is None:
            _refuse_lost(purpose)
            value = _declared.get(purpose, lambda: secrets.token_bytes(length))()
            secret_files.write(places, purpose, value)
    return value


def check_value(value: bytes) -> str:
    """Tells two secrets apart without telling anything of them."""
    return crypto.keyed_digest(value, b"dsr lasting secret check")[:16]


def forget() -> None:
    """Drop what this process remembers (another ring in tests)."""
    _known.clear()


def _places() -> list[Path]:
    return [Path(place) for place in settings.DSR_RING]


def _read(places: Sequence[Path], purpose: str) -> bytes | None:
    """The value both places agree on; of a place that lost it or has it damaged, the other's."""
    found = secret_files.find(places, purpose)
    try:
        value = found.value
    except SecretsDiffer as error:
        raise Damaged("secret_differs", purpose=purpose) from error
    if value is None and any(secret_files.path_of(place, purpose).exists() for place in places):
        raise Damaged("secret", purpose=purpose)
    return value


def _refuse_lost(purpose: str) -> None:
    from django.db import DatabaseError

    from dsr_portal.vault.models import LastingSecret

    try:
        made_before = LastingSecret.objects.filter(purpose=purpose).exists()
    except DatabaseError:
        return  # set-up before the first migration: nothing can have been made
    if made_before:
        raise RingMissing("secret_lost", purpose=purpose)

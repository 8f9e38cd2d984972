"""A lasting secret on disk: one file per purpose in each of the ring's two folders (rule R26).

No Django in here: settings read Django's own key with it before Django starts.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsr_portal.vault import places as files

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9.-]{0,59}\Z")
SUFFIX = ".key"


class SecretsDiffer(Exception):
    """The two places hold different values; nobody may guess which one counts."""


@dataclass(frozen=True, slots=True)
class Found:
    """What each place holds of one secret: its value, None where there is none or not whole."""

    values: tuple[bytes | None, ...]

    @property
    def value(self) -> bytes | None:
        """The value every place that has one agrees on; `SecretsDiffer` when they do not."""
        there = {value for value in self.values if value is not None}
        if len(there) > 1:
            raise SecretsDiffer
        return there.pop() if there else None

    @property
    def state(self) -> str:
        """One of whole, one_place, differs, missing."""
        there = [value for value in self.values if value is not None]
        if len(set(there)) > 1:
            return "differs"
        return {0: "missing", len(self.values): "whole"}.get(len(there), "one_place")


def path_of(place: Path, purpose: str) -> Path:
    if not _NAME.match(purpose):
        raise ValueError(f"{purpose!r} names no lasting secret")
    return place / f"{purpose}{SUFFIX}"


def find(places: Sequence[Path], purpose: str) -> Found:
    """Read a secret in every place; an alarm where one of them does not have it whole."""
    values = []
    for number, place in enumerate(places, start=1):
        value: bytes | None = None
        try:
            value = bytes.fromhex(path_of(place, purpose).read_text("ascii").strip()) or None
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError, ValueError):
            log.critical("ring: the secret %s can't be read in place %s", purpose, number)
        values.append(value)
    found = Found(tuple(values))
    if found.state == "one_place":
        log.critical("ring: the secret %s is in one place only; run: ring copy", purpose)
    return found


def write(places: Sequence[Path], purpose: str, value: bytes) -> None:
    """Write a secret to these places, whole; the caller is their one writer."""
    for place in places:
        path = path_of(place, purpose)
        files.clear_unfinished(path)
        files.write_whole(path, value.hex().encode(), wipe_old=True)


def purposes_in(places: Sequence[Path]) -> set[str]:
    return {path.stem for place in places for path in place.glob(f"*{SUFFIX}")}


def django_key(places: Sequence[Path]) -> str | None:
    """Django's key as its text; None where no place holds it."""
    value = find(places, "django").value
    return None if value is None else value.hex()

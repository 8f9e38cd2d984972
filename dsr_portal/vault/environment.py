"""Looks for keys of the ring among environment variables (rule R26). No Django."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dsr_portal.vault import secret_files
from dsr_portal.vault.ring import KEY_BYTES, Ring, RingError

# 32 bytes or more in hex; 42 characters of base64 hold 31.5 bytes, so a key has at least 43.
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){32,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43,}={0,2}")


def given_at_start(listed: Path = Path("/proc/self/environ")) -> dict[str, str]:
    """What this process was given, as every /proc reader sees it; {} where the system hides it."""
    try:
        text = listed.read_bytes().decode(errors="replace")
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in text.split("\0") if "=" in entry)
    return {name: value for name, _equals, value in pairs}


def variables_with_keys(variables: Mapping[str, str], places: Sequence[Path]) -> list[str]:
    """Names of the variables whose value holds a bucket key or a lasting secret, in hex or base64.

    The ring is opened only when a value looks like a key at all. Values are never told.
    """
    suspects = {name: set(_decoded(value)) for name, value in variables.items()}
    suspects = {name: found for name, found in suspects.items() if found}
    if not suspects:
        return []
    keys = _all_keys(places)
    return sorted(
        name
        for name, found in suspects.items()
        if any(key in value for key in keys for value in found)
    )


def _decoded(value: str) -> Iterator[bytes]:
    for run in _HEX.findall(value):
        yield bytes.fromhex(run)
    for run in _BASE64.findall(value):
        text = run.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            continue


def _all_keys(places: Sequence[Path]) -> set[bytes]:
    found = set()
    for purpose in secret_files.purposes_in(places):
        values = secret_files.find(places, purpose).values
        found |= {value for value in values if value is not None and len(value) >= KEY_BYTES}
    with suppress(RingError):  # one that can't be read is told elsewhere
        found |= Ring(places).values()
    return found

"""Keys looked for in the environments of running processes, as any /proc reader could (R26)."""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from dsr_portal.vault import secret_files
from dsr_portal.vault.ring import RingFile


def keys_of(places: Sequence[Path]) -> set[bytes]:
    """Every bucket key and lasting secret that lies in a ring."""
    found = set()
    for place in places:
        found |= {
            bytes(key) for key in RingFile.from_bytes((place / "ring").read_bytes()).keys.values()
        }
        for purpose in secret_files.purposes_in([place]):
            found |= {value for value in secret_files.find([place], purpose).values if value}
    return found


def spelled(key: bytes) -> list[bytes]:
    hexed = key.hex()
    packed = base64.b64encode(key).rstrip(b"=")
    return [
        hexed.encode(),
        hexed.upper().encode(),
        packed,
        packed.replace(b"+", b"-").replace(b"/", b"_"),
    ]


def with_a_key(pids: Iterable[int], keys: set[bytes]) -> list[int]:
    """Processes whose environment holds one of the keys in any spelling."""
    needles = [needle for key in keys for needle in spelled(key)]
    found = []
    for pid in pids:
        try:
            given = Path(f"/proc/{pid}/environ").read_bytes()
        except FileNotFoundError:
            continue
        if any(needle in given for needle in needles):
            found.append(pid)
    return found

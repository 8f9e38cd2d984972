"""Keyed hashes by which the gallery finds and blocks what it must not keep in clear (R31, E-13).

The block list has a key of its own and hashes the other hashes, so that a leaked block list can't
be joined with the gallery's tables.
"""

import hashlib

from dsr_portal.gallery.addresses import canonical
from dsr_portal.vault import services as vault

_ADDRESS = "gallery-address"
_FILE = "gallery-file"
_PATH = "gallery-path"
_FACTS = "gallery-facts"
_LISTING = "gallery-listing"
_BLOCK = "block-list"
PURPOSES = (_ADDRESS, _FILE, _PATH, _FACTS, _LISTING, _BLOCK)


def of_address(url: str) -> str:
    """Raises `BadInput` for what is no address."""
    return vault.keyed_hash(_ADDRESS, canonical(url).encode("utf-8", "surrogateescape"))


def of_file(data: bytes) -> str:
    """The hash of an exact file. It is made over its SHA-256, which is all that the controller's
    product tells of a file when it asks (R20): no route takes a picture."""
    return of_file_digest(hashlib.sha256(data).digest())


def of_file_digest(digest: bytes) -> str:
    """The same from the file's SHA-256 alone (32 bytes)."""
    return vault.keyed_hash(_FILE, digest)


def of_path(path: str) -> str:
    return vault.keyed_hash(_PATH, path.encode("utf-8", "surrogateescape"))


def of_facts(facts: bytes) -> str:
    return vault.keyed_hash(_FACTS, facts)


def of_listing(digest: bytes) -> str:
    return vault.keyed_hash(_LISTING, digest)


def for_block(kind: str, hashed: str) -> str:
    """The block list's own hash of an address's or file's hash."""
    return vault.keyed_hash(_BLOCK, f"{kind}:{hashed}".encode())

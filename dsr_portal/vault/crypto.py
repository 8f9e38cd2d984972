"""Blob format v1 (rule R27), the wrapping of unit keys (R26) and key derivation. No Django.

A blob is a header of 16 bytes and chunks. The header: magic "DSRB", version 1, the base-2
logarithm of the chunk size, three zero bytes, a random nonce prefix of 7 bytes. Each chunk holds
1 MiB of plain text (the last one less, perhaps nothing) sealed with AES-256-GCM under the nonce
prefix || counter (4 bytes) || last flag (1 byte): the STREAM construction (Hoang, Reyhanitabar,
Rogaway, Vizar, CRYPTO 2015), so that no chunk can be moved, dropped, repeated or cut off. The
associated data bind the header, the blob's id, its unit, kind, owner and field. One-shot GCM
fails at 2 GiB and triples memory.
"""

import hmac
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from dsr_portal.vault.ring import KEY_BYTES, Key

VERSION = 1
CHUNK_LOG2 = 20
CHUNK = 1 << CHUNK_LOG2
TAG = 16
_MAGIC = b"DSRB"
_PREFIX = 7
HEADER = len(_MAGIC) + 1 + 1 + 3 + _PREFIX
_MAX_CHUNKS = 1 << 32


class BadBlob(Exception):
    """The bytes are not a whole, unchanged blob of this key and name."""


@dataclass(frozen=True, slots=True)
class BlobName:
    """What a blob is bound to: it opens under this name only."""

    blob: UUID
    unit: UUID
    kind: str
    owner: UUID
    field: str

    def bound(self) -> bytes:
        """An unambiguous byte string of the name (every part with its length)."""
        parts = [
            self.blob.bytes, self.unit.bytes, self.kind.encode(), self.owner.bytes,
            self.field.encode(),
        ]  # fmt: skip
        return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def derive(key: bytes | bytearray, info: bytes, length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA256 (RFC 5869) from a uniformly random key, separated by `info`."""
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(key)


def keyed_digest(secret: bytes, data: bytes) -> str:
    return hmac.new(secret, data, sha256).hexdigest()


# -- unit keys ----------------------------------------------------------------------------------


def new_key() -> Key:
    return Key(secrets.token_bytes(KEY_BYTES))


def wrap(bucket_key: bytes | bytearray, unit_key: bytes | bytearray, bound: bytes) -> bytes:
    """Seal a unit key under its bucket's key, bound to the row it stands in."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(bucket_key).encrypt(nonce, unit_key, b"dsr key v1" + bound)


def unwrap(bucket_key: bytes | bytearray, wrapped: bytes, bound: bytes) -> Key:
    """Open a unit key; `BadBlob` when key, row or bytes differ from what was wrapped."""
    try:
        opened = AESGCM(bucket_key).decrypt(wrapped[:12], wrapped[12:], b"dsr key v1" + bound)
    except (InvalidTag, ValueError) as error:
        raise BadBlob("wrapped key") from error
    return Key(opened)


# -- blobs --------------------------------------------------------------------------------------


def _blob_key(unit_key: bytes | bytearray, name: BlobName) -> bytes:
    return derive(unit_key, b"dsr blob v1" + name.blob.bytes)


def _nonce(prefix: bytes, counter: int, last: bool) -> bytes:
    if counter >= _MAX_CHUNKS:
        raise BadBlob("too long")
    return prefix + struct.pack(">IB", counter, last)


def seal_stream(
    unit_key: bytes | bytearray, name: BlobName, parts: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield the bytes of a blob holding the joined `parts`; a name may be sealed once only."""
    prefix = secrets.token_bytes(_PREFIX)
    header = _MAGIC + bytes([VERSION, CHUNK_LOG2, 0, 0, 0]) + prefix
    cipher, bound = AESGCM(_blob_key(unit_key, name)), header + name.bound()
    yield header
    counter = 0
    waiting = bytearray()
    for part in parts:
        waiting += part
        # The newest full chunk stays back: only the next byte shows that it is not the last.
        while len(waiting) > CHUNK:
            chunk = bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
            yield cipher.encrypt(_nonce(prefix, counter, False), chunk, bound)
            counter += 1
    yield cipher.encrypt(_nonce(prefix, counter, True), bytes(waiting), bound)


def open_stream(
    unit_key: bytes | bytearray, name: BlobName, read: Callable[[int], bytes]
) -> Iterator[bytes]:
    """Yield the plain chunks of a blob, each only after its tag; `BadBlob` at the first doubt.

    Only when the generator ends without an error was the blob whole.
    """
    header = _read_exactly(read, HEADER)
    if header[:9] != _MAGIC + bytes([VERSION, CHUNK_LOG2, 0, 0, 0]):
        raise BadBlob("header")
    prefix = header[9:]
    cipher, bound = AESGCM(_blob_key(unit_key, name)), header + name.bound()
    counter = 0
    sealed = _read_exactly(read, CHUNK + TAG)
    while True:
        following = _read_exactly(read, CHUNK + TAG) if len(sealed) == CHUNK + TAG else b""
        last = not following
        try:
            chunk = cipher.decrypt(_nonce(prefix, counter, last), sealed, bound)
        except (InvalidTag, ValueError) as error:
            raise BadBlob(f"chunk {counter}") from error
        yield chunk
        if last:
            return
        sealed = following
        counter += 1


def seal(unit_key: bytes | bytearray, name: BlobName, data: bytes) -> bytes:
    return b"".join(seal_stream(unit_key, name, [data]))


def open_blob(unit_key: bytes | bytearray, name: BlobName, sealed: bytes) -> bytes:
    view = memoryview(sealed)
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        part = bytes(view[at : at + count])
        at += len(part)
        return part

    return b"".join(open_stream(unit_key, name, read))


def open_file(unit_key: bytes | bytearray, name: BlobName, file: BinaryIO) -> Iterator[bytes]:
    return open_stream(unit_key, name, file.read)


def _read_exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts = []
    while count > 0:
        part = read(count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

"""Signing what recipients' systems get: Ed25519, one key of the installation (docs/recipients.md).

The signature covers id, time and body, so that nothing can be changed, and an old call shows.
"""

import base64
from collections.abc import Mapping
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dsr_portal.core import clock
from dsr_portal.vault import lasting

PURPOSE = "recipient-signing"


def headers(message_id: UUID, body: bytes) -> Mapping[str, str]:
    """The headers of one call about `body`; `message_id` stays the same when it is repeated."""
    sent = str(int(clock.real_now().timestamp()))
    signature = _key().sign(signed_bytes(str(message_id), sent, body))
    return {
        "Content-Type": "application/json",
        "DSR-Id": str(message_id),
        "DSR-Time": sent,
        "DSR-Signature": "ed25519=" + base64.b64encode(signature).decode(),
    }


def signed_bytes(message_id: str, sent: str, body: bytes) -> bytes:
    return f"{message_id}.{sent}.".encode() + body


def public_key() -> str:
    """The public key as PEM; recipients get it on a way of their own and keep it."""
    pem = (
        _key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return pem.decode()


def make_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(lasting.secret(PURPOSE))

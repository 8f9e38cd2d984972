"""The certificate as JSON for machines, signed with a key of its own (Ed25519, law E-14).

`verify_certificate.py` beside this file checks it without the portal; it goes out with every
certificate. The JSON names no address and no picture, so it can be shown to an authority as it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from dsr_portal.erasure import verify_certificate
from dsr_portal.vault import lasting

PURPOSE = "certificate-signing"
NAME = "certificate.json"
VERIFIER = "verify_certificate.py"


def declare() -> None:
    """Name the secret, so that set-up makes it: the 32 bytes of an Ed25519 private key (R26)."""
    lasting.declare(PURPOSE)


def public_key() -> str:
    """The public key, 64 hex digits: printed in each certificate, to be published elsewhere."""
    return _key().public_key().public_bytes_raw().hex()


def signed(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The whole content of `certificate.json`."""
    value = _key().sign(verify_certificate.signed_bytes(payload))
    return {
        "format": verify_certificate.FORMAT,
        "payload": dict(payload),
        "signature": {"algorithm": "Ed25519", "key": public_key(), "value": value.hex()},
    }


def verifier() -> bytes:
    """The stand-alone program that checks a certificate."""
    return Path(verify_certificate.__file__).read_bytes()


def controller() -> str:
    return str(settings.DSR_CONTROLLER["name"])


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(lasting.secret(PURPOSE))

"""The key that signs every document of an installation, and its certificate.

Both are one lasting secret (R26): a file in the ring's two folders, made at set-up, in no database
and no backup. Who has the certificate's fingerprint from elsewhere can tell a document of this
installation from a copy somebody changed.
"""

import hashlib
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.vault import lasting

PURPOSE = "document-signing"
_LIFETIME = timedelta(days=3653)
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def declare() -> None:
    """Name the secret, so that set-up makes it."""
    lasting.declare(PURPOSE, make_identity)


def make_identity() -> bytes:
    """A new P-256 key and its self-signed certificate, as PEM, for the ring."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, settings.DSR_CONTROLLER["name"][:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, "Documents of the rights portal"),
        ]
    )
    start = clock.real_now() - timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(new_id().int >> 1)
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def ensure_signing_identity() -> str:
    """Make the identity where none is (set-up) and return its fingerprint."""
    return fingerprint()


def key_pem() -> bytes:
    return lasting.secret(PURPOSE).partition(_CERTIFICATE)[0]


def certificate_pem() -> bytes:
    """The certificate, for those who verify elsewhere; it holds nothing secret."""
    _, mark, certificate = lasting.secret(PURPOSE).partition(_CERTIFICATE)
    return mark + certificate


def fingerprint() -> str:
    """SHA-256 of the signing certificate, in hex: printed in every document."""
    certificate = x509.load_pem_x509_certificate(certificate_pem())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()

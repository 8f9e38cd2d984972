"""Look at a PDF from outside: is it signed, by which key, and has it been changed since?

Runs as `python -m dsr_portal.documents.inspect [FINGERPRINT ...]` in the confined child (R28): the
file comes on standard input, one line of JSON goes out, and nothing of Django is imported.
FINGERPRINT is the SHA-256 of a certificate the caller trusts, in hex. The file's own claims about
whom to trust are never believed (R29: verifiers trust keys from outside).

Verdict codes: good, unknown_signer, changed (bytes under the signature differ), changed_after
(something was added later), bad_signature, not_signed, several_signatures, locked, damaged,
not_a_pdf, too_large.
"""

import hashlib
import io
import json
import struct
import sys
import zlib
from collections.abc import Collection
from typing import Any

from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError, UnacceptableSignerError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

MOST_BYTES = 256 * 1024 * 1024
# What parsers of damaged files raise; anything else ends the child, and its runner says so.
_DAMAGED = (
    PdfError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    AssertionError,
    EOFError,
    struct.error,
    zlib.error,
)
_REFUSED = (
    SigningError,
    SignatureValidationError,
    UnacceptableSignerError,
    PathError,
    ValidationError,
)


def inspect(data: bytes, trusted: Collection[str] = ()) -> dict[str, Any]:
    """The verdict about one file; see the head of this module for its codes.

    Beside "verdict": sha256 and size of the file, pages, signed, intact, valid, trusted,
    covers_whole_file, and signer (SHA-256 of the signing certificate) where there is one.
    """
    found: dict[str, Any] = {
        "verdict": "not_a_pdf",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "pages": 0,
        "signed": False,
        "intact": False,
        "valid": False,
        "trusted": False,
        "covers_whole_file": False,
        "signer": "",
    }
    if len(data) > MOST_BYTES:
        return found | {"verdict": "too_large"}
    if not data.startswith(b"%PDF-"):
        return found
    try:
        reader = PdfFileReader(io.BytesIO(data))
        if reader.encrypted:
            return found | {"verdict": "locked"}
        found["pages"] = int(reader.root["/Pages"]["/Count"])
        signatures = list(reader.embedded_regular_signatures)
    except _DAMAGED:
        return found | {"verdict": "damaged"}
    if len(signatures) != 1:
        return found | {"verdict": "several_signatures" if signatures else "not_signed"}
    return found | _signature(data, signatures[0], frozenset(trusted))


def _signature(data: bytes, signature: Any, trusted: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"signed": True, "verdict": "bad_signature"}
    try:
        certificate = signature.signer_cert
        fingerprint = hashlib.sha256(certificate.dump()).hexdigest()
        # A self-signed certificate stands for itself; whether it is ours, `trusted` decides.
        # No revocation list is fetched: nothing here may open a connection.
        status = validate_pdf_signature(
            signature, ValidationContext(trust_roots=[certificate], allow_fetching=False)
        )
        gap_is_whole = _gap_is_whole(data, signature)
    except _REFUSED:
        return found
    except _DAMAGED:
        return found | {"verdict": "damaged"}
    found |= {
        "signer": fingerprint,
        "intact": bool(status.intact) and gap_is_whole,
        "valid": bool(status.valid),
        "trusted": fingerprint in trusted,
        "covers_whole_file": status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
    }
    return found | {"verdict": _verdict(found)}


def _gap_is_whole(data: bytes, signature: Any) -> bool:
    """Whether the one part no signature covers holds the signature and nothing else.

    The gap of /ByteRange is a hex string padded with zeros; a byte changed in the padding, or a
    digit's case, would pass unseen otherwise.
    """
    _, start, end, _ = (int(number) for number in signature.byte_range)
    gap = data[start:end]
    content = bytes(signature.pkcs7_content)
    signed = content[: _der_length(content)]
    digits = signed.hex().encode() + b"00" * (len(content) - len(signed))
    return gap in (b"<" + digits + b">", b"<" + digits.upper() + b">")


def _der_length(content: bytes) -> int:
    """Length of the first DER value with its head (ITU-T X.690, 8.1.3)."""
    first = content[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(content[2 : 2 + count])


def _verdict(found: dict[str, Any]) -> str:
    if not found["intact"]:
        return "changed"
    if not found["valid"]:
        return "bad_signature"
    if not found["covers_whole_file"]:
        return "changed_after"
    return "good" if found["trusted"] else "unknown_signer"


def main() -> int:
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    sys.stdout.write(json.dumps(inspect(data, sys.argv[1:])) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Checks a certificate of erasure (certificate.json) without the portal and without a network.

    python verify_certificate.py certificate.json --key HEX [--head NUMBER HASH]

Needs Python 3.11 or newer and nothing else. HEX is the public key of the controller (64 digits),
got in another way than with the file: from an authority, from an earlier document, by telephone.
With --head an entry of the audit trail you kept from earlier is compared where the numbers agree.

It checks the signature (Ed25519, RFC 8032), the structure, and that the numbers agree with one
another. It can't check whether what the controller states is true. Ends with 0 when everything
fits, with 1 and a line for each problem when not, with 2 for a file that can't be read.
"""

import argparse
import hashlib
import json
import sys
from datetime import datetime
from typing import Any

FORMAT = "dsr-erasure-certificate/1"
STATES = ("VERIFIED", "PENDING", "UNVERIFIED", "NEEDS PERSON")
NEEDED = {
    "reference": str,
    "made_at": str,
    "controller": str,
    "scope": dict,
    "stores": list,
    "summary": dict,
    "kept": list,
    "not_covered": list,
    "backups": dict,
    "audit_head": dict,
    "later": str,
}
OF_STORE = {"store": str, "state": str, "method": str, "checked_at": str, "examined": int}

# -- Ed25519 (RFC 8032, section 6), verification only ----------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def _recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(factor: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _same(one: Point, two: Point) -> bool:
    across = (one[0] * two[2] - two[0] * one[2]) % P
    along = (one[1] * two[2] - two[1] * one[2]) % P
    return across == 0 and along == 0


def signature_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature of 64 bytes is that of this key (32 bytes) over a message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    factor = int.from_bytes(digest, "little") % ORDER
    base_y = 4 * pow(5, P - 2, P) % P
    base_x = _recover_x(base_y, 0) or 0
    base: Point = (base_x, base_y, 1, base_x * base_y % P)
    return _same(_times(s, base), _add(r, _times(factor, key)))


# -- the certificate -------------------------------------------------------------------------------


def signed_bytes(payload: Any) -> bytes:
    """What was signed: the format's name, a line end, and the payload in one fixed form."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{FORMAT}\n{text}".encode("ascii")


def problems(found: Any, key: bytes, head: tuple[int, str] | None = None) -> list[str]:
    """Everything that is wrong with a certificate that was read from JSON; none when it fits."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return [f"this is no certificate of the form {FORMAT}"]
    payload, signature = found.get("payload"), found.get("signature")
    if not isinstance(payload, dict) or not isinstance(signature, dict):
        return ["payload or signature is missing"]
    return [
        *_signature_problems(payload, signature, key),
        *_structure_problems(payload),
        *_head_problems(payload, head),
    ]


def _signature_problems(
    payload: dict[str, Any], signature: dict[str, Any], key: bytes
) -> list[str]:
    if signature.get("algorithm") != "Ed25519":
        return ["the signature is not Ed25519"]
    if str(signature.get("key", "")).lower() != key.hex():
        return ["it was signed with another key than the one you gave"]
    try:
        value = bytes.fromhex(str(signature.get("value", "")))
    except ValueError:
        return ["the signature can't be read"]
    if not signature_fits(key, signed_bytes(payload), value):
        return ["the signature does not fit: the certificate was changed"]
    return []


def _structure_problems(payload: dict[str, Any]) -> list[str]:
    wrong = [
        f"{name} is missing or of another kind"
        for name, kind in NEEDED.items()
        if not isinstance(payload.get(name), kind)
    ]
    if wrong:
        return wrong
    stores = payload["stores"]
    for number, store in enumerate(stores, start=1):
        if not isinstance(store, dict) or not all(
            isinstance(store.get(name), kind) for name, kind in OF_STORE.items()
        ):
            wrong.append(f"place {number} is not described in full")
        else:
            wrong += _store_problems(store)
    if wrong:
        return wrong
    return _count_problems(payload["summary"], stores) + _time_problems(payload)


def _store_problems(store: dict[str, Any]) -> list[str]:
    name, state = store["store"], store["state"]
    if state not in STATES:
        return [f"{name}: {state!r} is no state"]
    if state == "VERIFIED" and store.get("found", 0) != 0:
        return [f"{name}: VERIFIED, although something was found"]
    if state == "PENDING" and not store.get("until"):
        return [f"{name}: PENDING without the day on which it ends"]
    return []


def _count_problems(summary: dict[str, Any], stores: list[dict[str, Any]]) -> list[str]:
    verified = sum(store["state"] == "VERIFIED" for store in stores)
    counted = {"places": len(stores), "verified": verified, "open": len(stores) - verified}
    return [
        f"the summary says {name} {summary.get(name)}, the list has {number}"
        for name, number in counted.items()
        if summary.get(name) != number
    ]


def _time_problems(payload: dict[str, Any]) -> list[str]:
    times = {"made_at": payload["made_at"]}
    times.update({store["store"]: store["checked_at"] for store in payload["stores"]})
    wrong = []
    read = {}
    for name, text in times.items():
        try:
            read[name] = datetime.fromisoformat(text)
        except ValueError:
            wrong.append(f"{name}: {text!r} is no time")
    made = read.get("made_at")
    if wrong or made is None or made.tzinfo is None:
        return wrong or ["made_at has no time zone"]
    return [f"{name}: checked after the certificate was made" for name, at in read.items()
            if at.tzinfo is None or at > made]  # fmt: skip


def _head_problems(payload: dict[str, Any], head: tuple[int, str] | None) -> list[str]:
    stated = payload.get("audit_head")
    if head is None or not isinstance(stated, dict):
        return []
    if stated.get("number") == head[0] and stated.get("hash") != head[1].lower():
        return ["the trail was changed: your earlier head has the same number and another hash"]
    return []


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a certificate of erasure.")
    parser.add_argument("certificate", help="certificate.json")
    parser.add_argument("--key", required=True, help="public key of the controller, 64 hex digits")
    parser.add_argument("--head", nargs=2, metavar=("NUMBER", "HASH"), help="an earlier head")
    given = parser.parse_args(arguments)
    try:
        key = bytes.fromhex(given.key)
        head = (int(given.head[0]), given.head[1]) if given.head else None
        with open(given.certificate, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"can't be read: {error}\n")
        return 2
    wrong = problems(found, key, head)
    for line in wrong:
        sys.stdout.write(f"WRONG: {line}\n")
    if not wrong:
        summary = found["payload"]["summary"]
        sys.stdout.write(
            f"The signature fits. Reference {found['payload']['reference']}, "
            f"{summary['verified']} of {summary['places']} places verified, "
            f"{summary['open']} open.\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, thirty seconds)."""

import base64
import hmac
from urllib.parse import quote, urlencode

DIGITS = 6
SECONDS = 30
SECRET_BYTES = 20
_AROUND = 1
"""Steps before and after now that still count: a phone's clock is rarely right."""


def code_at(secret: bytes, step: int) -> str:
    """The six digits of one step of thirty seconds."""
    drawn = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = drawn[-1] & 15
    number = int.from_bytes(drawn[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(moment: float) -> int:
    return int(moment) // SECONDS


def matching_step(secret: bytes, typed: str, *, now: float, after: int) -> int | None:
    """The step whose code was typed, None where it is none of them.

    `after` is the newest step that was used: a code works once. Compared in constant time.
    """
    wanted = "".join(typed.split()).encode()
    here = step_of(now)
    steps = range(here - _AROUND, here + _AROUND + 1)
    found = [one for one in steps if hmac.compare_digest(code_at(secret, one).encode(), wanted)]
    return next((one for one in reversed(found) if one > after), None)


def key_words(secret: bytes) -> str:
    """The key as an app takes it typed."""
    return base64.b32encode(secret).decode()


def app_address(secret: bytes, *, issuer: str, label: str) -> str:
    """What the picture an app scans says."""
    query = urlencode({"secret": key_words(secret), "issuer": issuer})
    return f"otpauth://totp/{quote(f'{issuer}:{label}')}?{query}"

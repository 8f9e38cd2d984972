"""How the chain is hashed, in plain Python: the portal and a stand-alone verifier share this file.

An event's header holds everything but its payload. Its payload is bound by a salted commitment, so
that the payload can be deleted by schedule and the chain still verifies (rule R29):

    commitment  = HMAC-SHA256(key=salt, payload)          both as the text that is stored
    header hash = SHA-256(canonical JSON of the header)
    hash        = SHA-256(previous hash + header hash)     both as lower-case hex text

An export shows another case's event by its header hash alone; nothing can be read from that.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

FORMAT = 1
MAIN = "main"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many events it has and the hash of the newest."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Header:
    """What one event says about itself. Every value is text or a number, None where there is none.

    `at` has microseconds and ends with Z; `clock` is "system", or "demo" where time was invented.
    """

    chain: str
    number: int
    id: str
    type: str
    at: str
    clock: str
    actor_id: str
    actor_role: str
    actor_kind: str
    case_id: str | None
    subject_id: str | None
    commitment: str
    format: int = FORMAT

    def hash(self) -> str:
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: one text for one value."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_salt() -> str:
    return secrets.token_hex(32)


def commit(salt: str, body: str) -> str:
    return hmac.new(salt.encode(), body.encode(), hashlib.sha256).hexdigest()


def link(previous: str, header_hash: str) -> str:
    return hashlib.sha256((previous + header_hash).encode()).hexdigest()


def genesis(chain: str = MAIN) -> Head:
    """The head of a chain before its first event."""
    return Head(0, hashlib.sha256(f"dsr-portal audit chain {FORMAT} {chain}".encode()).hexdigest())

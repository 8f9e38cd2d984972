"""How the chain is hashed, in plain Python: the portal and a stand-alone verifier share this file.

An event's header holds everything but its payload. Its payload is bound by a salted commitment, so
that the payload can be deleted and the chain still verifies (rule R29):

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
RESTORED = "audit.restored"
"""The first event after a restore: what came between the backup and the loss is gone (R31)."""


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


@dataclass(frozen=True, slots=True)
class Restore:
    """A place where the trail goes on from a backup: never whole, whatever the hashes say.

    Event `number` follows on `backup`. Between them lay events that are gone, at least up to
    `known`, the newest head the erasure ledger had.
    """

    number: int
    at: str
    backup: Head
    known: Head

    @property
    def lost(self) -> int:
        """How many lost events are known of; there may have been more."""
        return max(0, self.known.number - self.backup.number)

    def may_have_lost(self, head: Head) -> bool:
        """Whether an earlier head that is not in the chain may belong to the part that is gone."""
        if head.number == self.known.number:
            return head.hash == self.known.hash
        return head.number > self.backup.number


def restore_of(header: Header, body: str | None) -> Restore | None:
    """What an event of type `RESTORED` says; None for any other. ValueError when it is not one.

    Without its payload it still tells where the trail goes on from a backup.
    """
    if header.type != RESTORED:
        return None
    if body is None:
        unknown = Head(header.number - 1, "")
        return Restore(header.number, header.at, unknown, unknown)
    try:
        said = json.loads(body)
        backup = Head(int(said["backup_number"]), str(said["backup_hash"]))
        known = Head(int(said["known_number"]), str(said["known_hash"]))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError("not the payload of a restore") from error
    return Restore(number=header.number, at=header.at, backup=backup, known=known)


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

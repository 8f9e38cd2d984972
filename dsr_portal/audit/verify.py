"""Walks the chain as it lies in the database and names the first event that is not as written.

Every column is read as the text the database holds, so that a changed byte shows even where it
would mean the same to a parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from dsr_portal.audit import links
from dsr_portal.audit.export import DOES_NOT_EXTEND, Broken, told_reason
from dsr_portal.audit.links import Head, Header, Restore
from dsr_portal.audit.models import Chain, Event, Payload

CHANGED_HEADER = "changed_header"
CHANGED_PAYLOAD = "changed_payload"
MISSING = "missing"
SEQUENCE = "sequence"
HEAD_BEHIND = "head_behind"
CHANGED_HEAD = "changed_head"

_HEADER_COLUMNS = (
    "chain_id", "number", "id", "type", "at", "clock", "actor_id", "actor_role", "actor_kind",
    "case_id", "subject_id", "commitment",
)  # fmt: skip
_COLUMNS = (*_HEADER_COLUMNS, "prev_hash", "hash")
_CHUNK = 2000
_HEX = re.compile(r"[0-9a-f]{32}")
_AT = {
    "sqlite": re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.((?!000000)\d{6}))?"),
    "postgresql": re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00"),
}


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk found. `first_broken` is the number of the first event that is not whole.

    `restores` are places where the trail goes on from a backup: `ok` says that every event is as
    it was written, `whole` that none is known to be gone.
    """

    ok: bool
    events: int
    payloads_removed: int
    first_broken: int | None
    reason: str | None
    head: Head | None
    previous_head: Head | None = None
    restores: tuple[Restore, ...] = ()

    @property
    def whole(self) -> bool:
        return self.ok and not self.restores


@dataclass(slots=True)
class _Walk:
    """Where the walk is: the last whole event and what was met on the way."""

    number: int
    hash: str
    removed: int = 0
    first_removed: int | None = None
    restores: list[Restore] = field(default_factory=list)
    differs: int = 0
    """The number at which a head kept earlier is not the chain's; told when the walk is over."""


def verify_chain(previous_head: Head | None = None, chain: str = links.MAIN) -> Verification:
    """Check every event of `chain`, its payloads, its head and that it extends `previous_head`."""
    start = links.genesis(chain)
    walk = _Walk(start.number, start.hash)
    head = _head(chain)
    try:
        if previous_head is not None and previous_head.number == 0:
            _match(previous_head, walk)
        hash_at_head = start.hash if head and head.number == 0 else None
        for row in _rows(chain):
            _step(walk, row)
            if previous_head is not None and previous_head.number == walk.number:
                _match(previous_head, walk)
            if head is not None and head.number == walk.number:
                hash_at_head = walk.hash
        _check_strays(walk)
        _check_end(walk, head, hash_at_head, chain)
        if walk.differs:
            raise Broken(walk.differs, DOES_NOT_EXTEND)
        if previous_head is not None and previous_head.number > walk.number:
            raise Broken(walk.number + 1, DOES_NOT_EXTEND)
    except Broken as broken:
        return Verification(
            ok=False,
            events=walk.number,
            payloads_removed=walk.removed,
            first_broken=broken.number,
            reason=told_reason(broken, walk.restores, previous_head),
            head=head,
            previous_head=previous_head,
            restores=tuple(walk.restores),
        )
    found = Head(walk.number, walk.hash)
    restores = tuple(walk.restores)
    return Verification(True, walk.number, walk.removed, None, None, found, previous_head, restores)


def stored_rows(chain: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """Events as stored text with their header and payload, in order, for checks and exports."""
    return _rows(chain, after)


def header_of(row: dict[str, Any]) -> Header:
    """The header an event was hashed with, from its columns as stored."""
    return Header(
        chain=row["chain_id"],
        number=int(row["number"]),
        id=_uuid(row["id"]),
        type=row["type"],
        at=_at(row["at"]),
        clock=row["clock"],
        actor_id=row["actor_id"],
        actor_role=row["actor_role"],
        actor_kind=row["actor_kind"],
        case_id=row["case_id"] and _uuid(row["case_id"]),
        subject_id=row["subject_id"] and _uuid(row["subject_id"]),
        commitment=row["commitment"],
    )


def _rows(chain: str, after: int = 0) -> Iterator[dict[str, Any]]:
    texts = {f"_{name}": Cast(name, TextField()) for name in _COLUMNS}
    texts["_salt"] = Cast("payload__salt", TextField())
    texts["_body"] = Cast("payload__body", TextField())
    found = (
        Event.objects.filter(chain_id=chain, number__gt=after)
        .order_by("number")
        .annotate(**texts)
        .values_list(*texts)
        .iterator(chunk_size=_CHUNK)
    )
    names = [name[1:] for name in texts]
    return (dict(zip(names, values, strict=True)) for values in found)


def _step(walk: _Walk, row: dict[str, Any]) -> None:
    expected = walk.number + 1
    if row["number"] != str(expected):
        numbered = row["number"].isascii() and row["number"].isdigit()
        ahead = numbered and int(row["number"]) > expected
        raise Broken(expected, MISSING if ahead else SEQUENCE)
    if row["prev_hash"] != walk.hash:
        raise Broken(expected, CHANGED_HEADER)
    header = header_of(row)
    hashed = links.link(walk.hash, header.hash())
    if row["hash"] != hashed:
        raise Broken(expected, CHANGED_HEADER)
    if row["body"] is None:
        walk.removed += 1
        walk.first_removed = walk.first_removed or expected
    elif links.commit(row["salt"], row["body"]) != row["commitment"]:
        raise Broken(expected, CHANGED_PAYLOAD)
    try:
        restore = links.restore_of(header, row["body"])
    except ValueError as error:
        raise Broken(expected, CHANGED_PAYLOAD) from error
    if restore is not None:
        walk.restores.append(restore)
    walk.number, walk.hash = expected, hashed


def _check_strays(walk: _Walk) -> None:
    """A payload of no event was moved away from one: the first event without one is named."""
    events = Event.objects.filter(id=OuterRef("event_id"))
    if walk.first_removed and Payload.objects.filter(~Exists(events)).exists():
        raise Broken(walk.first_removed, CHANGED_PAYLOAD)


def _check_end(walk: _Walk, head: Head | None, hash_at_head: str | None, chain: str) -> None:
    if head is None or head.number > walk.number:
        raise Broken(walk.number + 1, MISSING)
    if head.hash != hash_at_head:
        raise Broken(head.number, CHANGED_HEAD)
    if head.number < walk.number:
        # Events may have been committed after the head was read; then the head has moved as well.
        newer = _head(chain)
        if newer is None or newer.number < walk.number:
            raise Broken(head.number + 1, HEAD_BEHIND)


def _match(previous: Head, walk: _Walk) -> None:
    if previous.hash != walk.hash:
        walk.differs = previous.number


def _head(chain: str) -> Head | None:
    row = (
        Chain.objects.filter(name=chain)
        .annotate(text=Cast("number", TextField()))
        .values_list("text", "hash")
        .first()
    )
    if row is None or not (row[0].isascii() and row[0].isdigit()):
        return None
    return Head(int(row[0]), row[1])


def _uuid(text: str) -> str:
    """SQLite keeps 32 hex digits, PostgreSQL the usual form; anything else hashes as it is."""
    if connection.vendor != "sqlite":
        return text
    if not _HEX.fullmatch(text):
        return f"not as written: {text}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _at(text: str) -> str:
    match = _AT[connection.vendor].fullmatch(text)
    if match is None:
        return f"not as written: {text}"
    day, time, fraction = match.groups()
    return f"{day}T{time}.{(fraction or '').ljust(6, '0')}Z"

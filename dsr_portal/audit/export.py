"""Checks an export without the portal: plain Python over a JSON document (rule R29).

The document lists one hash per event from a starting head to the newest, and in full the events it
is about. Whoever kept an earlier head checks that the export extends it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dsr_portal.audit import links
from dsr_portal.audit.links import Head, Header

FORMAT = "dsr-portal audit export 1"
DOES_NOT_EXTEND = "does_not_extend_previous_head"
_HASH = 64


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """`first_broken` is an event's number, None where the document as a whole is not usable."""

    ok: bool
    events: int
    payloads_removed: int
    first_broken: int | None
    reason: str | None
    head: Head | None
    previous_head: Head | None = None


def full_event(header: Header, salt: str | None, body: str | None) -> dict[str, Any]:
    return {"header": asdict(header), "salt": salt, "payload": body}


def verify_export(export: Mapping[str, Any], previous_head: Head | None = None) -> ExportVerdict:
    """Recompute the chain of `export`; refuse one that does not extend `previous_head`."""
    try:
        return _verify(export, previous_head)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ExportVerdict(False, 0, 0, None, "not_an_export", None, previous_head)


class Broken(Exception):
    """A walk ended: at the event `number`, or because of the document as a whole (None)."""

    def __init__(self, number: int | None, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


@dataclass(slots=True)
class _Document:
    """An export taken apart; `events` are those it shows in full, by number."""

    chain: str
    case_id: str | None
    start: Head
    head: Head
    header_hashes: list[str]
    events: dict[int, Mapping[str, Any]]
    removed: int = 0


def _parse(export: Mapping[str, Any]) -> _Document:
    if export["format"] != FORMAT:
        raise ValueError("another format")
    text = str(export["header_hashes"])
    if len(text) % _HASH:
        raise ValueError("a header hash is cut")
    events = {int(entry["header"]["number"]): entry for entry in export["events"]}
    if len(events) != len(export["events"]):
        raise ValueError("one number twice")
    return _Document(
        chain=str(export["chain"]),
        case_id=export["case_id"],
        start=Head(int(export["start"]["number"]), str(export["start"]["hash"])),
        head=Head(int(export["head"]["number"]), str(export["head"]["hash"])),
        header_hashes=[text[place : place + _HASH] for place in range(0, len(text), _HASH)],
        events=events,
    )


def _verify(export: Mapping[str, Any], previous: Head | None) -> ExportVerdict:
    document = _parse(export)
    count = len(document.events)
    try:
        _walk(document, previous)
    except Broken as broken:
        return ExportVerdict(
            False, 0, document.removed, broken.number, broken.reason, document.head, previous
        )
    return ExportVerdict(True, count, document.removed, None, None, document.head, previous)


def _walk(document: _Document, previous: Head | None) -> None:
    number, running = document.start.number, document.start.hash
    if number == 0 and document.start != links.genesis(document.chain):
        raise Broken(None, "changed_start")
    if previous is not None and not number <= previous.number <= document.head.number:
        raise Broken(None, DOES_NOT_EXTEND)
    _must_extend(previous, number, running)
    left = dict(document.events)
    for header_hash in document.header_hashes:
        number += 1
        if number in left:
            _check_event(document, left.pop(number), number, header_hash)
        running = links.link(running, header_hash)
        _must_extend(previous, number, running)
    if left:
        raise Broken(min(left), "missing")
    if Head(number, running) != document.head:
        raise Broken(None, "changed_head")


def _check_event(
    document: _Document, entry: Mapping[str, Any], number: int, header_hash: str
) -> None:
    header = Header(**entry["header"])
    if header.hash() != header_hash or header.chain != document.chain:
        raise Broken(number, "changed_header")
    if document.case_id not in (None, header.case_id):
        raise Broken(number, "another_case")
    if entry["payload"] is None:
        document.removed += 1
    elif links.commit(entry["salt"], entry["payload"]) != header.commitment:
        raise Broken(number, "changed_payload")


def _must_extend(previous: Head | None, number: int, running: str) -> None:
    if previous is not None and previous.number == number and previous.hash != running:
        raise Broken(number, DOES_NOT_EXTEND)

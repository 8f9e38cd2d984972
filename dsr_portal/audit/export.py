"""Checks an export without the portal: plain Python over a JSON document (rule R29).

The document lists one hash per event from a starting head to the newest, and in full the events it
is about. Whoever kept an earlier head checks that the export extends it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dsr_portal.audit import links
from dsr_portal.audit.links import Head, Header, Restore

FORMAT = "dsr-portal audit export 1"
DOES_NOT_EXTEND = "does_not_extend_previous_head"
LOST_IN_RESTORE = "lost_in_restore"
"""The head kept earlier is gone, and an event says that a backup was restored there."""
_HASH = 64


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """`first_broken` is an event's number, None where the document as a whole is not usable.

    `restores` are places where the trail goes on from a backup; with one it is never whole.
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


def full_event(header: Header, salt: str | None, body: str | None) -> dict[str, Any]:
    return {"header": asdict(header), "salt": salt, "payload": body}


def verify_export(export: Mapping[str, Any], previous_head: Head | None = None) -> ExportVerdict:
    """Recompute the chain of `export`; refuse one that does not extend `previous_head`."""
    try:
        return _verify(export, previous_head)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
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
    restores: list[Restore] = field(default_factory=list)


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
    number, reason = None, None
    try:
        _walk(document, previous)
    except Broken as broken:
        number, reason, count = broken.number, told_reason(broken, document.restores, previous), 0
    return ExportVerdict(
        ok=reason is None,
        events=count,
        payloads_removed=document.removed,
        first_broken=number,
        reason=reason,
        head=document.head,
        previous_head=previous,
        restores=tuple(document.restores),
    )


def told_reason(broken: Broken, restores: Iterable[Restore], previous: Head | None) -> str:
    """Why a walk ended; a head that a restore lost is told as that, and is still not there."""
    lost = previous is not None and any(one.may_have_lost(previous) for one in restores)
    return LOST_IN_RESTORE if broken.reason == DOES_NOT_EXTEND and lost else broken.reason


def _walk(document: _Document, previous: Head | None) -> None:
    number, running = document.start.number, document.start.hash
    if number == 0 and document.start != links.genesis(document.chain):
        raise Broken(None, "changed_start")
    differs = 0
    if _differs(previous, number, running):
        raise Broken(number, DOES_NOT_EXTEND)
    left = dict(document.events)
    for header_hash in document.header_hashes:
        number += 1
        if number in left:
            _check_event(document, left.pop(number), number, header_hash)
        running = links.link(running, header_hash)
        if _differs(previous, number, running):
            differs = number
    if left:
        raise Broken(min(left), "missing")
    if Head(number, running) != document.head:
        raise Broken(None, "changed_head")
    if differs:
        # Told last: a restore that explains it may come later in the document.
        raise Broken(differs, DOES_NOT_EXTEND)
    if previous is not None and not document.start.number <= previous.number <= number:
        raise Broken(None, DOES_NOT_EXTEND)


def _check_event(
    document: _Document, entry: Mapping[str, Any], number: int, header_hash: str
) -> None:
    header = Header(**entry["header"])
    if header.hash() != header_hash or header.chain != document.chain:
        raise Broken(number, "changed_header")
    # A restore is about every case, so every export shows it.
    if document.case_id not in (None, header.case_id) and header.type != links.RESTORED:
        raise Broken(number, "another_case")
    if entry["payload"] is None:
        document.removed += 1
    elif links.commit(entry["salt"], entry["payload"]) != header.commitment:
        raise Broken(number, "changed_payload")
    try:
        restore = links.restore_of(header, entry["payload"])
    except ValueError as error:
        raise Broken(number, "changed_payload") from error
    if restore is not None:
        document.restores.append(restore)


def _differs(previous: Head | None, number: int, running: str) -> bool:
    return previous is not None and previous.number == number and previous.hash != running

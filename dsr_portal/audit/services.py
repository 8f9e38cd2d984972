"""What the portal does with the trail: record in a unit of work, read the head, verify, export."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from dsr_portal.audit import links
from dsr_portal.audit.export import FORMAT, ExportVerdict, full_event, verify_export
from dsr_portal.audit.links import Head
from dsr_portal.audit.models import Chain, Event, Payload
from dsr_portal.audit.unit import OutsideUnitOfWork, record, unit_of_work, wait_for_others
from dsr_portal.audit.verify import Verification, header_of, stored_rows, verify_chain
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure

__all__ = [
    "ExportVerdict",
    "Head",
    "OutsideUnitOfWork",
    "Verification",
    "export",
    "head",
    "record",
    "remove_payloads",
    "unit_of_work",
    "verify",
    "verify_export",
    "wait_for_others",
]


def head() -> Head:
    """The newest committed head; inside a unit of work, the one before its own events (R29)."""
    row = Chain.objects.filter(name=links.MAIN).first()
    if row is None:
        raise IntegrityFailure("audit_no_head", "The audit chain has no head; run migrate.")
    return Head(row.number, row.hash)


def verify(
    previous_head: Head | None = None, export: Mapping[str, Any] | None = None
) -> Verification | ExportVerdict:
    """Verify the chain in the database, or `export` when one is given."""
    if export is not None:
        return verify_export(export, previous_head)
    return verify_chain(previous_head)


def export(case_id: UUID | None = None, *, since: Head | None = None) -> dict[str, Any]:
    """The whole trail, or one case's events in it, as a document that can be checked elsewhere.

    Other cases' events appear as one hash each. With `since` the document starts at that head,
    which is shorter, and shows the case's events after it only.
    """
    start = since or links.genesis()
    # The head as stored, never one computed here: a changed event must not be healed by exporting.
    stored = head()
    header_hashes: list[str] = []
    events: list[dict[str, Any]] = []
    wanted = str(case_id) if case_id else None
    for row in stored_rows(links.MAIN, after=start.number):
        header = header_of(row)
        if header.number > stored.number:
            break
        header_hashes.append(header.hash())
        if wanted is None or header.case_id == wanted or header.type == links.RESTORED:
            events.append(full_event(header, row["salt"], row["body"]))
    return {
        "format": FORMAT,
        "chain": links.MAIN,
        "case_id": wanted,
        "start": {"number": start.number, "hash": start.hash},
        "head": {"number": stored.number, "hash": stored.hash},
        "header_hashes": "".join(header_hashes),
        "events": events,
    }


def remove_payloads(*, event_ids: Iterable[UUID], actor: Actor, reason: str) -> int:
    """Delete payload rows (law L-23); the events stay and the chain still verifies."""
    with unit_of_work():
        held = Event.objects.filter(id__in=list(event_ids), payload__isnull=False)
        numbers = sorted(held.values_list("number", flat=True))
        if not numbers:
            return 0
        removed, _ = Payload.objects.filter(
            event_id__in=list(held.values_list("id", flat=True))
        ).delete()
        record(
            "audit.payloads_removed",
            actor=actor,
            reason=reason,
            removed=removed,
            first=numbers[0],
            last=numbers[-1],
        )
    return removed

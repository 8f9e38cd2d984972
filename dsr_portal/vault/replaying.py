"""What a restored database has to catch up with: the entries of the erasure ledger (R31).

Every entry is one transaction and can be applied again: the last row of a unit wins.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dsr_portal.core import clock
from dsr_portal.core.registries import GoneUnit, ledger_notes
from dsr_portal.vault import keys
from dsr_portal.vault.errors import LedgerBroken, RingMissing
from dsr_portal.vault.ledger import Entry, Ledger
from dsr_portal.vault.models import (
    Blob,
    Bucket,
    DoomedFile,
    LedgerNote,
    RingState,
    Shredded,
    ShredRun,
    UnitKey,
)

_AT_ONCE = 400


@dataclass(slots=True)
class Replayed:
    """What the entries changed: rows re-wrapped, notes read, and units gone, by kind."""

    entries: int = 0
    rewrapped: int = 0
    notes: int = 0
    gone: dict[str, list[GoneUnit]] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return sum(len(units) for units in self.gone.values())


def replay(book: Ledger, *, after: int, ring_knows: int) -> Replayed:
    """Apply every entry after a number, in order, and close the runs that are in the ledger.

    `ring_knows` is the ring's newest entry: a run the ring knows of has destroyed its keys.
    """
    done = Replayed()
    for entry in book.entries(after=after):
        with transaction.atomic():
            _apply(entry, done)
        done.entries += 1
    with transaction.atomic():
        _close_known_runs(ring_knows)
        _remember_what_is_gone(book, after, done)
    return done


def _apply(entry: Entry, done: Replayed) -> None:
    body = entry.body
    run = _run_of(entry)
    _put_buckets(body["buckets"], run)
    done.rewrapped += _rewrap(body["rewrapped"])
    _destroy(body["shredded"], run)
    notes = body.get("notes", [])
    done.notes += _read_notes(notes)
    LedgerNote.objects.filter(id__in=[note["id"] for note in notes]).delete()


def _run_of(entry: Entry) -> ShredRun:
    """The run of an entry: one the copy met half done has these steps behind it now.

    One the copy never saw has nothing left to do here.
    """
    at = parse_datetime(entry.body["at"]) or clock.now()
    known = {"ledger_number": entry.number, "ledger_hash": entry.hash.hex(), "blocked": ""}
    over = {"state": ShredRun.State.DONE, "destroyed_at": at, "done_at": at, "started_at": at}
    run, _new = ShredRun.objects.update_or_create(
        id=UUID(entry.body["run"]),
        defaults=known,
        create_defaults={**known, **over, "units": len(entry.body["shredded"])},
    )
    new = [one["bucket"] for one in entry.body["buckets"]]
    # Entries of the first version tell of every bucket of their run and name none.
    replaced = entry.body.get("replaced")
    steps = run.steps.all() if replaced is None else run.steps.filter(old_bucket__in=replaced)
    steps.update(moved=True, ledger_number=entry.number)
    steps.filter(new_bucket__in=new).update(new_bucket_used=True)
    return run


def _put_buckets(buckets: Iterable[dict[str, Any]], run: ShredRun) -> None:
    epoch = RingState.objects.values_list("epoch", flat=True).first() or 0
    for one in buckets:
        values = {"kind": one["kind"], "created_at": run.started_at, "epoch": epoch}
        Bucket.objects.get_or_create(id=UUID(one["bucket"]), defaults=values)


def _rewrap(rows: Sequence[dict[str, Any]]) -> int:
    """Give survivors their newer key rows. One made after the backup is not there: it is lost."""
    changed = 0
    for row in rows:
        changed += UnitKey.objects.filter(id=UUID(row["unit"])).update(
            bucket_id=UUID(row["bucket"]), wrapped=base64.b64decode(row["wrapped"])
        )
    return changed


def _destroy(rows: Sequence[dict[str, Any]], run: ShredRun) -> None:
    for first in range(0, len(rows), _AT_ONCE):
        some = {UUID(row["unit"]): row for row in rows[first : first + _AT_ONCE]}
        there = UnitKey.objects.filter(id__in=some)
        Shredded.objects.bulk_create(
            (
                Shredded(
                    unit_id=unit.id,
                    kind=unit.kind,
                    owner=unit.owner,
                    reason=some[unit.id].get("reason", "ledger"),
                    bucket=unit.bucket_id,
                    run=run,
                    at=run.started_at,
                )
                for unit in there
            ),
            ignore_conflicts=True,
        )
        Blob.objects.filter(unit_id__in=some).delete()
        there.delete()


def _read_notes(notes: Sequence[dict[str, str]]) -> int:
    """Notes in their order; those of one kind that follow on one another are read together."""
    read, kind, values = 0, "", list[str]()
    for note in [*notes, {"kind": "", "value": ""}]:
        if note["kind"] != kind:
            read += ledger_notes.get(kind)(values) if values else 0
            kind, values = note["kind"], []
        values.append(note["value"])
    return read


def _close_known_runs(ring_knows: int) -> None:
    """Close a run whose every entry is written and whose keys the ring has destroyed.

    Any other goes on where the copy and the entries leave it: its keys are still in the ring.
    """
    half = ShredRun.objects.exclude(state=ShredRun.State.DONE)
    for run in half.filter(ledger_number__lte=ring_knows):
        if run.steps.filter(ledger_number=None).exists():
            continue
        DoomedFile.objects.filter(run=run).delete()
        run.state, run.done_at, run.blocked = ShredRun.State.DONE, clock.now(), ""
        run.save()


def _remember_what_is_gone(book: Ledger, after: int, done: Replayed) -> None:
    """Every unit the entries name and this database knows, so that its rows can go as well.

    Read from the markers and not from what was deleted now: a restore that was interrupted here
    goes on with the same list.
    """
    named = [UUID(row["unit"]) for entry in book.entries(after) for row in entry.body["shredded"]]
    for first in range(0, len(named), _AT_ONCE):
        for row in Shredded.objects.filter(unit_id__in=named[first : first + _AT_ONCE]):
            units = done.gone.setdefault(row.kind, [])
            units.append(GoneUnit(row.unit_id, row.owner, row.reason))


# -- what the ring has to say ---------------------------------------------------------------------


def must_open(ring_ids: set[UUID]) -> int:
    """Refuse a database whose units the ring has no key for; how many buckets were dropped.

    After the ledger was applied every unit's bucket has a key, or this is not the ring of this
    database, or an entry is missing. Buckets without key and without units are left-overs.
    """
    used = set(UnitKey.objects.order_by().values_list("bucket_id", flat=True).distinct())
    lost = used - ring_ids
    if lost:
        units = UnitKey.objects.filter(bucket_id__in=lost).count()
        raise RingMissing("keys_missing", buckets=len(lost), units=units)
    idle = set(Bucket.objects.values_list("id", flat=True)) - ring_ids
    Bucket.objects.filter(id__in=idle).delete()
    return len(idle)


def finish_destroying(book: Ledger, *, after: int) -> int:
    """Destroy keys of entries the ring had not followed when the disk was lost; how many.

    The ring then remembers the newest entry.
    """
    newest = book.newest()
    ring = keys.keeper().ring
    with keys.plain_errors():
        if newest is None or ring.ledger_head().number >= newest.number:
            return 0
        there = ring.ids()
    doomed = [
        UUID(bucket)
        for entry in book.entries(after=after)
        for bucket in entry.body.get("replaced", [])
    ]
    left = [bucket for bucket in doomed if bucket in there]
    for entry in book.entries(after=after):
        book.write(entry)
    with keys.locked_ring() as state, keys.plain_errors():
        keys.remember(state, ring.destroy(left, ledger=newest.head))
    keys.keeper().cache.forget(left)
    return len(left)


def files_left() -> set[str]:
    """Names of the files the blobs of living units lie in."""
    return set(Blob.objects.exclude(file="").values_list("file", flat=True))


def gap_of(names: Sequence[str]) -> LedgerBroken:
    """Files were destroyed when the backup was made, and no entry says so."""
    return LedgerBroken(
        _("%(count)s files were gone when the backup was made and no entry tells of them")
        % {"count": len(names)},
        files=len(names),
    )

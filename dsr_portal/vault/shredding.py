"""Destroying units by destroying keys, journaled so that any crash is finished (rule R26).

Every step is one transaction that locks the ring's lock row, looks where the run stands, does one
thing and commits. So two processes may run the loop at once, and a kill between any two lines is
resumed by whoever comes next. Until the old keys are destroyed survivors open under the old or
the new bucket, whichever row a reader sees; after it the rows name only new buckets.
"""

import base64
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import ledger_notes
from dsr_portal.core.transactions import in_transaction, require_outside_transaction
from dsr_portal.jobs import services as jobs
from dsr_portal.vault import crypto, files, keys
from dsr_portal.vault.errors import (
    DestroyPending,
    LedgerBroken,
    NotWritten,
    RingMissing,
    UnknownUnit,
    disk_errors,
)
from dsr_portal.vault.ledger import Entry, Ledger
from dsr_portal.vault.models import (
    Blob,
    Bucket,
    DoomedFile,
    LedgerNote,
    RingState,
    Rotation,
    Shredded,
    ShredRun,
    ShredStep,
    UnitKey,
)
from dsr_portal.vault.ring import KeyGone, overwrite

log = logging.getLogger(__name__)

T = TypeVar("T")
Fault = Callable[[str], None]
State = ShredRun.State
_LOCK_TRIES = 40
ENTRY_BUCKETS = 4
"""A ledger entry tells of so many buckets (up to 512 units): it is written under the lock row."""
_PAUSE = 0.02
"""Seconds between the many steps of a large run on SQLite, whose writers ask again at intervals:
so they get their turn. PostgreSQL's wait in a queue."""
PORTION_BUCKETS = 64
"""A run of a rotation replaces so many buckets; destroying waits no longer than for one run."""
STEP_BUCKETS = 128
"""One step lists, makes or destroys keys of so many buckets: a run may touch any number of them,
and what is done under the lock row must not grow with it."""


def _no_fault(step: str) -> None:
    """Tests pass a function that kills the process at a named step."""


@dataclass(frozen=True, slots=True)
class ShredReport:
    """How a run ended: `done`, or why it waits and for how long."""

    run_id: UUID | None
    units: int
    done: bool
    blocked: str = ""
    detail: str = ""
    wait_seconds: float = 0.0
    ledger_number: int | None = None


# -- asking -------------------------------------------------------------------------------------


def request_shred(unit_ids: Iterable[UUID], *, reason: str) -> int:
    """Order the destruction of units in the caller's transaction; from its commit none opens.

    Units already waiting or destroyed are passed over. Returns how many were ordered now.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("request_shred belongs inside the service's transaction.")
    wanted = sorted(set(unit_ids))
    known = set(UnitKey.objects.filter(id__in=wanted).values_list("id", flat=True))
    marked = set(Shredded.objects.filter(unit_id__in=wanted).values_list("unit_id", flat=True))
    unknown = set(wanted) - known - marked
    if unknown:
        raise UnknownUnit(units=len(unknown), first=str(min(unknown)))
    return UnitKey.objects.filter(id__in=known, shred_requested_at=None).update(
        shred_requested_at=clock.now(), shred_reason=reason
    )


def shred_now(unit_ids: Iterable[UUID], reason: str) -> ShredReport:
    """Order and run at once (outside a transaction): returns when the caches have run out."""
    with transaction.atomic():
        request_shred(unit_ids, reason=reason)
    return run_shred()


def enqueue_shred(*, after_seconds: float = 0.0, key: str | None = None) -> None:
    """Have a worker run it; call inside the transaction that ordered the destruction."""
    jobs.enqueue(
        kind="vault.shred",
        subject="vault",
        idempotency_key=f"vault.shred.{key or new_id()}",
        run_after=clock.now() + timedelta(seconds=after_seconds) if after_seconds else None,
    )


def note_in_ledger(*, kind: str, value: str) -> None:
    """Have the next ledger entry say this too (a keyed hash for the block list, R31).

    Call it in the transaction that decides it, before what it belongs to is destroyed.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("note_in_ledger belongs inside the service's transaction.")
    ledger_notes.get(kind)
    LedgerNote.objects.create(kind=kind, value=value)


def something_waits() -> bool:
    """True when a run or a rotation is unfinished or a unit waits for one."""
    return (
        ShredRun.objects.exclude(state=State.DONE).exists()
        or UnitKey.objects.filter(shred_requested_at__isnull=False).exists()
        or Rotation.objects.filter(done_at=None).exists()
    )


# -- running ------------------------------------------------------------------------------------


def run_shred(*, wait: bool = True, fault: Fault = _no_fault) -> ShredReport:
    """Finish what is unfinished, then destroy every unit waiting now.

    With `wait` the call lasts until the caches have run out (at most 60 s); without, the report
    says how long that takes. A missing place leaves the run where it is: `blocked` says so.
    """
    require_outside_transaction("Destroying keys")
    report = ShredReport(None, 0, True)
    while True:
        taken = locked(take, fault)
        if taken is None:
            return report
        report = finish(taken.run_id, wait=wait, fault=fault)
        if taken.is_new or not report.done:
            return report


def finish(run_id: UUID, *, wait: bool, fault: Fault) -> ShredReport:
    """Do every step of a run that is left, whoever began it."""
    steps = ShredStep.objects.filter(run_id=run_id).count()
    pause = _PAUSE if connection.vendor == "sqlite" and steps > ENTRY_BUCKETS else 0.0
    confirmed = False
    while True:
        before = ShredRun.objects.get(id=run_id)
        try:
            if before.state == State.LEDGERED and not confirmed:
                _confirm_ledger(before)
                confirmed = True
            elif before.state == State.DESTROYED:
                _remove_files(before, fault)
            run = locked(partial(_step, seen=before), fault)
        except (DestroyPending, LedgerBroken, NotWritten, RingMissing, IntegrityFailure) as error:
            detail = str(error.context.get("why", ""))
            # The ledger's reason is a sentence that names the gap, the others' are codes.
            code = error.code if isinstance(error, LedgerBroken) or not detail else detail
            ShredRun.objects.filter(id=run_id).update(blocked=code)
            log.critical("shred run %s waits: %s %s", run_id, error.code, detail)
            return ShredReport(run_id, before.units, False, blocked=code, detail=detail)
        fault(f"after.{run.state}")
        if run.state == State.DONE:
            return ShredReport(run_id, run.units, True, ledger_number=run.ledger_number)
        seconds = _seconds_left(run)
        if seconds > 0 and not wait:
            return ShredReport(run_id, run.units, False, wait_seconds=seconds)
        time.sleep(max(seconds, pause))


def _remove_files(run: ShredRun, fault: Fault) -> None:
    """What takes time and may be done twice comes before the step that relies on it."""
    if _seconds_left(run) <= 0:
        for name in run.files.values_list("name", flat=True):
            files.remove(name)
        fault("files.removed")


def _step(state: RingState, fault: Fault, *, seen: ShredRun) -> ShredRun:
    """One step in the caller's transaction, unless another process did it meanwhile."""
    run = ShredRun.objects.select_for_update().get(id=seen.id)
    if run.state != seen.state:
        return run
    run.blocked = ""
    if run.state == State.TAKEN:
        if not _take_more(run):
            _make_keys(state, run)
    elif run.state == State.KEYED:
        _move_one(state, run)
    elif run.state == State.MOVED:
        _write_ledger(run, fault)
    elif run.state == State.LEDGERED:
        _destroy(state, run)
    elif run.state == State.DESTROYED and _seconds_left(run) <= 0:
        _close(run)
    run.save()
    fault(f"before_commit.{run.state}")
    return run


@dataclass(frozen=True, slots=True)
class Taken:
    """A run to finish; `is_new` when it holds every unit that waited at the call."""

    run_id: UUID
    is_new: bool


def take(state: RingState, fault: Fault, *, rotation: bool = False) -> Taken | None:
    """An unfinished run, else a new one with every unit waiting now.

    With `rotation` and nothing waiting: a run with a portion of the buckets to be replaced.
    """
    unfinished = ShredRun.objects.exclude(state=State.DONE).first()
    if unfinished is not None:
        return Taken(unfinished.id, is_new=False)
    touched = _touched_by_waiting()
    whole = None
    if not touched and rotation:
        whole = Rotation.objects.filter(done_at=None).first()
        touched = list(old_buckets(whole).values_list("id", "kind")[:PORTION_BUCKETS])
    if not touched:
        return None
    run = ShredRun.objects.create(units=0, started_at=clock.now(), rotation=whole)
    _list(run, touched)
    run.save()
    fault("before_commit.taken")
    return Taken(run.id, is_new=True)


def _take_more(run: ShredRun) -> bool:
    """Take further units that wait, a portion at a time; False when none does."""
    touched = [] if run.rotation_id is not None else _touched_by_waiting()
    if touched:
        _list(run, touched)
    return bool(touched)


def _waiting() -> QuerySet[UnitKey]:
    return UnitKey.objects.filter(shred_requested_at__isnull=False, shred_run=None)


def _touched_by_waiting() -> list[tuple[UUID, str]]:
    """Buckets of units that wait and belong to no run, with their kind: a portion of them."""
    found = _waiting().order_by("bucket_id", "kind").values_list("bucket_id", "kind")
    return list(found.distinct()[:STEP_BUCKETS])


def _list(run: ShredRun, touched: list[tuple[UUID, str]]) -> None:
    """Journal what replaces these buckets; the units that wait in them belong to the run."""
    buckets = [bucket for bucket, _kind in touched]
    if run.rotation_id is None:
        # Only what lies in a listed bucket: an order may commit between the two statements.
        run.units += _waiting().filter(bucket_id__in=buckets).update(shred_run=run)
    known = set(run.steps.filter(old_bucket__in=buckets).values_list("old_bucket", flat=True))
    ShredStep.objects.bulk_create(
        ShredStep(run=run, old_bucket=bucket, new_bucket=new_id(), kind=kind)
        for bucket, kind in sorted(touched)
        if bucket not in known
    )


def old_buckets(rotation: Rotation | None) -> QuerySet[Bucket]:
    """Buckets a rotation has still to replace, oldest first."""
    if rotation is None:
        return Bucket.objects.none()
    return Bucket.objects.filter(epoch__lt=rotation.epoch).order_by("id")


def _make_keys(state: RingState, run: ShredRun) -> None:
    """New buckets at the holder, synced in both places, before anything names them."""
    left = run.steps.filter(keyed=False).order_by("id")
    part = list(left.values_list("id", "new_bucket")[:STEP_BUCKETS])
    with keys.plain_errors():
        # A kill may have left keys under these ids, perhaps in one place only: written in any case.
        ids = [bucket for _step, bucket in part if bucket]
        keys.remember(state, keys.keeper().ring.create(ids, again=True))
    run.steps.filter(id__in=[step for step, _bucket in part]).update(keyed=True)
    if not left.exists():
        run.state = State.KEYED


def _move_one(state: RingState, run: ShredRun) -> None:
    """One touched bucket: victims dropped, survivors re-wrapped, the old bucket's row deleted."""
    step = run.steps.filter(moved=False).order_by("id").first()
    if step is None:
        run.state = State.MOVED
        return
    # The bucket's row first: an insert that still names it waits here and fails at its commit.
    Bucket.objects.select_for_update().filter(id=step.old_bucket).first()
    units = list(UnitKey.objects.filter(bucket_id=step.old_bucket).order_by("id"))
    victims = [unit for unit in units if unit.shred_run_id == run.id]
    survivors = [unit for unit in units if unit.shred_run_id != run.id]
    if survivors and step.new_bucket is not None:
        Bucket.objects.create(
            id=step.new_bucket, kind=step.kind, created_at=clock.now(), epoch=state.epoch
        )
        _rewrap(survivors, step.old_bucket, step.new_bucket)
        step.new_bucket_used = True
    _drop(run, victims)
    Bucket.objects.filter(id=step.old_bucket).delete()
    step.moved = True
    step.save()


def _rewrap(units: list[UnitKey], old: UUID, new: UUID) -> None:
    try:
        old_key, new_key = keys.keeper().key(old), keys.keeper().key(new)
    except KeyGone as error:
        raise RingMissing("key_gone", bucket=str(old)) from error
    try:
        for unit in units:
            key = crypto.unwrap(old_key, bytes(unit.wrapped), unit.bound())
            unit.bucket_id = new
            unit.wrapped = crypto.wrap(new_key, key, unit.bound())
            overwrite(key)
    except crypto.BadBlob as error:
        raise IntegrityFailure("damaged", "", why="wrapped_key_damaged") from error
    finally:
        overwrite(old_key)
        overwrite(new_key)
    _save_wrapped(units)


def _save_wrapped(units: list[UnitKey]) -> None:
    """One short statement per row: what `bulk_update` builds takes longer than the whole step."""
    written = UnitKey._meta.pk.get_db_prep_save
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE vault_unitkey SET bucket_id = %s, wrapped = %s WHERE id = %s",
            [
                [
                    written(unit.bucket_id, connection),
                    bytes(unit.wrapped),
                    written(unit.id, connection),
                ]
                for unit in units
            ],
        )


def _drop(run: ShredRun, victims: list[UnitKey]) -> None:
    moment = clock.now()
    ids = [unit.id for unit in victims]
    named = Blob.objects.filter(unit_id__in=ids).exclude(file="").values_list("file", flat=True)
    DoomedFile.objects.bulk_create(DoomedFile(name=name, run=run) for name in named)
    Shredded.objects.bulk_create(
        Shredded(
            unit_id=unit.id,
            kind=unit.kind,
            owner=unit.owner,
            reason=unit.shred_reason,
            bucket=unit.bucket_id,
            run=run,
            at=moment,
        )
        for unit in victims
    )
    Blob.objects.filter(unit_id__in=ids).delete()
    UnitKey.objects.filter(id__in=ids).delete()


def ledger() -> Ledger:
    """The configured ledger; outside production its folders are made at first use."""
    found = Ledger([Path(place) for place in settings.DSR_LEDGER])
    if not settings.DSR_PRODUCTION and not any(place.exists() for place in found.places):
        found.init()
    return found


def _write_ledger(run: ShredRun, fault: Fault) -> None:
    """Each entry stands in both places before an old key is destroyed (R31)."""
    part = list(run.steps.filter(ledger_number=None).order_by("id")[:ENTRY_BUCKETS])
    if not part:
        run.state = State.LEDGERED
        return
    book = ledger()
    with disk_errors("ledger"):
        entry = _written_before(book, run, part)
        if entry is not None:
            book.write(entry)
        else:
            with keys.plain_errors():
                known = keys.keeper().ring.ledger_head()
            entry = book.append(_ledger_body(run, part), known=known)
    fault("ledger.written")
    ShredStep.objects.filter(id__in=[step.id for step in part]).update(ledger_number=entry.number)
    run.ledger_number, run.ledger_hash = entry.number, entry.hash.hex()
    LedgerNote.objects.filter(id__in=[note["id"] for note in entry.body.get("notes", [])]).delete()


def _written_before(book: Ledger, run: ShredRun, part: list[ShredStep]) -> Entry | None:
    """The entry of these buckets, where a kill came between the ledger and the commit."""
    newest = book.newest()
    if newest is None or newest.body.get("run") != str(run.id):
        return None
    same = newest.body.get("replaced") == [str(step.old_bucket) for step in part]
    return newest if same else None


def _ledger_body(run: ShredRun, part: list[ShredStep]) -> dict[str, object]:
    old = [step.old_bucket for step in part]
    new = [step for step in part if step.new_bucket_used]
    head = audit.head()
    return {
        "run": str(run.id),
        "at": clock.now().isoformat(),
        "shredded": [
            {
                "unit": str(one.unit_id),
                "kind": one.kind,
                "owner": str(one.owner),
                "reason": one.reason,
            }
            for one in run.markers.filter(bucket__in=old).order_by("unit_id")
        ],
        "replaced": [str(bucket) for bucket in old],
        "buckets": [{"bucket": str(step.new_bucket), "kind": step.kind} for step in new],
        "rewrapped": [
            {
                "unit": str(unit),
                "kind": kind,
                "owner": str(owner),
                "bucket": str(bucket),
                "wrapped": base64.b64encode(bytes(wrapped)).decode(),
            }
            for unit, kind, owner, bucket, wrapped in UnitKey.objects.filter(
                bucket_id__in=[step.new_bucket for step in new]
            )
            .order_by("id")
            .values_list("id", "kind", "owner", "bucket_id", "wrapped")
        ],
        "notes": [
            {"id": str(note.id), "kind": note.kind, "value": note.value}
            for note in LedgerNote.objects.order_by("id")
        ],
        "audit_head": {"number": head.number, "hash": head.hash},
    }


def _confirm_ledger(run: ShredRun) -> None:
    """Every entry of the run is whole, in its place of the chain and in both folders.

    Before the first old key is destroyed and outside the lock row: a large run has many.
    """
    book = ledger()
    numbers = run.steps.order_by().values_list("ledger_number", flat=True).distinct()
    previous: Entry | None = None
    for number in sorted(number for number in numbers if number):
        entry = book.read(number)
        follows = previous is None or entry.previous == previous.hash.hex()
        if not follows or entry.body.get("run") != str(run.id):
            raise LedgerBroken(f"entry {number} changed", entry=number)
        with disk_errors("ledger"):
            book.write(entry)
        previous = entry


def _destroy(state: RingState, run: ShredRun) -> None:
    """Old keys go in both places; the ring remembers the ledger entry in the same step.

    Entry by entry, some at a time: an entry the ring remembers is one whose old keys are gone.
    """
    ring = keys.keeper().ring
    with keys.plain_errors():
        left = run.steps.filter(ledger_number__gt=ring.ledger_head().number)
    last = _last_entry_of_a_step(left) or run.ledger_number or 0
    entry = ledger().read(last)
    if last == run.ledger_number and entry.hash.hex() != run.ledger_hash:
        raise LedgerBroken(f"entry {entry.number} changed", entry=entry.number)
    doomed: list[UUID] = []
    part = left.filter(ledger_number__lte=last)
    for old, new, used in part.values_list("old_bucket", "new_bucket", "new_bucket_used"):
        doomed += [old] if used or new is None else [old, new]
    # Also where the ring knows the last entry: a kill may have left the second place behind.
    with keys.plain_errors():
        floor = ring.destroy(doomed, ledger=entry.head)
    keys.remember(state, floor)
    keys.keeper().cache.forget(doomed)
    keys.keeper().pool.drop(doomed)
    if last == run.ledger_number:
        run.destroyed_at = clock.real_now()
        run.state = State.DESTROYED


def _last_entry_of_a_step(left: QuerySet[ShredStep]) -> int | None:
    """The last of the entries whose buckets one step destroys; None where none is left.

    Whole entries only: the one that doesn't fit begins the next step, unless it is the first.
    """
    ordered = left.order_by("ledger_number").values_list("ledger_number", flat=True)
    numbers = [number for number in ordered[: STEP_BUCKETS + 1] if number is not None]
    if len(numbers) > STEP_BUCKETS and numbers[0] != numbers[-1]:
        numbers = [number for number in numbers if number < numbers[-1]]
    return numbers[-1] if numbers else None


def _close(run: ShredRun) -> None:
    """The files are gone: the event is written, and the units may be called destroyed."""
    run.files.all().delete()
    run.state = State.DONE
    run.done_at = clock.now()
    if run.rotation_id is not None:
        return  # told once, by the rotation's own event
    audit.record(
        "vault.shredded",
        actor=Actor.system("vault"),
        run_id=run.id,
        units=run.units,
        buckets=run.steps.count(),
        ledger_number=run.ledger_number,
        ledger_hash=run.ledger_hash,
    )


def _seconds_left(run: ShredRun) -> float:
    """Until no process can still remember an old key of a destroyed unit."""
    if run.state != State.DESTROYED or run.rotation_id is not None:
        return 0.0
    return cached_for(run.destroyed_at)


def cached_for(destroyed_at: datetime | None) -> float:
    """Seconds of real time (never the demo's clock) for which a cache may hold what went then."""
    if destroyed_at is None:
        return 0.0
    return max(0.0, keys.cache_seconds() - (clock.real_now() - destroyed_at).total_seconds())


def locked(step: Callable[[RingState, Fault], T], fault: Fault) -> T:
    """Run one step in a transaction of its own that holds the lock row.

    On PostgreSQL a step gives way to a service it would deadlock with, and is tried again.
    """
    for attempt in range(_LOCK_TRIES):
        try:
            with audit.unit_of_work():
                _give_way_quickly()
                RingState.objects.get_or_create(id=1)
                return step(RingState.objects.select_for_update().get(id=1), fault)
        except OperationalError:
            if attempt == _LOCK_TRIES - 1 or in_transaction():
                raise
            time.sleep(0.05)
    raise RingMissing("lock_row")


def _give_way_quickly() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Shorter than deadlock_timeout, so that this step gives way and no service does.
            cursor.execute("SET LOCAL lock_timeout = '500ms'")

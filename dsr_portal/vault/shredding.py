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
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction

from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import in_transaction, require_outside_transaction
from dsr_portal.jobs import services as jobs
from dsr_portal.vault import crypto, files, keys
from dsr_portal.vault.errors import (
    DestroyPending,
    LedgerBroken,
    RingMissing,
    UnknownUnit,
)
from dsr_portal.vault.ledger import Entry, Ledger
from dsr_portal.vault.models import (
    Blob,
    Bucket,
    DoomedFile,
    RingState,
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


def something_waits() -> bool:
    """True when a run is unfinished or a unit waits for one."""
    unfinished = ShredRun.objects.exclude(state=State.DONE).exists()
    return unfinished or UnitKey.objects.filter(shred_requested_at__isnull=False).exists()


# -- running ------------------------------------------------------------------------------------


def run_shred(*, wait: bool = True, fault: Fault = _no_fault) -> ShredReport:
    """Finish an unfinished run, then destroy every unit waiting now.

    With `wait` the call lasts until the caches have run out (at most 60 s); without, the report
    says how long that takes. A missing place leaves the run where it is: `blocked` says so.
    """
    require_outside_transaction("Destroying keys")
    unfinished = ShredRun.objects.exclude(state=State.DONE).first()
    if unfinished is not None:
        report = _finish(unfinished.id, wait=wait, fault=fault)
        if not report.done:
            return report
    run_id = _locked(_take, fault)
    if run_id is None:
        return ShredReport(None, 0, True)
    return _finish(run_id, wait=wait, fault=fault)


def _finish(run_id: UUID, *, wait: bool, fault: Fault) -> ShredReport:
    while True:
        try:
            run = _locked(lambda state, hook: _step(state, run_id, hook), fault)
        except (DestroyPending, LedgerBroken, RingMissing, IntegrityFailure) as error:
            detail = str(error.context.get("why", ""))
            # The ledger's reason is a sentence that names the gap, the others' are codes.
            code = error.code if isinstance(error, LedgerBroken) or not detail else detail
            ShredRun.objects.filter(id=run_id).update(blocked=code)
            log.critical("shred run %s waits: %s %s", run_id, error.code, detail)
            return ShredReport(run_id, _units(run_id), False, blocked=code, detail=detail)
        fault(f"after.{run.state}")
        if run.state == State.DONE:
            return ShredReport(run_id, run.units, True, ledger_number=run.ledger_number)
        seconds = _seconds_left(run)
        if seconds > 0:
            if not wait:
                return ShredReport(run_id, run.units, False, wait_seconds=seconds)
            time.sleep(seconds)


def _step(state: RingState, run_id: UUID, fault: Fault) -> ShredRun:
    run = ShredRun.objects.select_for_update().get(id=run_id)
    run.blocked = ""
    if run.state == State.TAKEN:
        _make_keys(state, run)
    elif run.state == State.KEYED:
        _move_one(run)
    elif run.state == State.MOVED:
        _write_ledger(run, fault)
    elif run.state == State.LEDGERED:
        _destroy(state, run)
    elif run.state == State.DESTROYED and _seconds_left(run) <= 0:
        _close(run)
    run.save()
    fault(f"before_commit.{run.state}")
    return run


def _take(state: RingState, fault: Fault) -> UUID | None:
    """Begin a run with every unit waiting now."""
    unfinished = ShredRun.objects.exclude(state=State.DONE).first()
    if unfinished is not None:
        return unfinished.id
    moment = clock.now()
    run = ShredRun(units=0, started_at=moment)
    waiting = UnitKey.objects.filter(shred_requested_at__isnull=False, shred_run=None)
    touched = list(waiting.order_by().values_list("bucket_id", "kind").distinct())
    if not touched:
        return None
    run.save(force_insert=True)
    # Only what lies in a listed bucket: an order may commit between the two statements.
    run.units = waiting.filter(bucket_id__in=[bucket for bucket, _ in touched]).update(
        shred_run=run
    )
    run.save()
    ShredStep.objects.bulk_create(
        ShredStep(run=run, old_bucket=bucket, kind=kind) for bucket, kind in sorted(touched)
    )
    fault("before_commit.taken")
    return run.id


def _make_keys(state: RingState, run: ShredRun) -> None:
    """New buckets at the holder, synced in both places, before anything names them."""
    steps = list(run.steps.order_by("id"))
    for step in steps:
        step.new_bucket = new_id()
    with keys.plain_errors():
        floor = keys.keeper().ring.create([step.new_bucket for step in steps if step.new_bucket])
    keys.remember(state, floor)
    ShredStep.objects.bulk_update(steps, ["new_bucket"])
    run.state = State.KEYED


def _move_one(run: ShredRun) -> None:
    """One touched bucket: victims dropped, survivors re-wrapped, the old bucket's row deleted."""
    step = run.steps.filter(moved=False).order_by("id").first()
    if step is None:
        run.state = State.MOVED
        return
    # The bucket's row first: an insert that still names it waits here and fails at its commit.
    Bucket.objects.select_for_update().filter(id=step.old_bucket).first()
    moment = clock.now()
    units = list(UnitKey.objects.filter(bucket_id=step.old_bucket).order_by("id"))
    victims = [unit for unit in units if unit.shred_run_id == run.id]
    survivors = [unit for unit in units if unit.shred_run_id != run.id]
    if survivors and step.new_bucket is not None:
        Bucket.objects.create(id=step.new_bucket, kind=step.kind, created_at=moment)
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
    UnitKey.objects.bulk_update(units, ["bucket", "wrapped"])


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
    """The entry stands in both places before an old key is destroyed (R31)."""
    book = ledger()
    newest = book.newest()
    if newest is not None and newest.body.get("run") == str(run.id):
        entry = newest
        book.write(entry)
    else:
        with keys.plain_errors():
            known = keys.keeper().ring.ledger_head()
        entry = book.append(_ledger_body(run), known=known)
    fault("ledger.written")
    run.ledger_number, run.ledger_hash = entry.number, entry.hash.hex()
    run.state = State.LEDGERED


def _ledger_body(run: ShredRun) -> dict[str, object]:
    new = list(run.steps.filter(new_bucket_used=True).order_by("id"))
    head = audit.head()
    return {
        "run": str(run.id),
        "at": clock.now().isoformat(),
        "shredded": [
            {"unit": str(one.unit_id), "kind": one.kind, "owner": str(one.owner)}
            for one in run.markers.order_by("unit_id")
        ],
        "buckets": [{"bucket": str(step.new_bucket), "kind": step.kind} for step in new],
        "rewrapped": [
            {
                "unit": str(unit.id),
                "kind": unit.kind,
                "owner": str(unit.owner),
                "bucket": str(unit.bucket_id),
                "wrapped": base64.b64encode(bytes(unit.wrapped)).decode(),
            }
            for unit in UnitKey.objects.filter(
                bucket_id__in=[step.new_bucket for step in new]
            ).order_by("id")
        ],
        "blocked_hashes": [],
        "audit_head": {"number": head.number, "hash": head.hash},
    }


def _destroy(state: RingState, run: ShredRun) -> None:
    """Old keys go in both places; the ring remembers the ledger entry in the same step."""
    book = ledger()
    entry: Entry = book.read(run.ledger_number or 0)
    if entry.hash.hex() != run.ledger_hash:
        raise LedgerBroken(f"entry {entry.number} changed", entry=entry.number)
    book.write(entry)
    doomed = [step.old_bucket for step in run.steps.all()]
    unused = [
        step.new_bucket for step in run.steps.all() if step.new_bucket and not step.new_bucket_used
    ]
    with keys.plain_errors():
        floor = keys.keeper().ring.destroy([*doomed, *unused], ledger=entry.head)
    keys.remember(state, floor)
    keys.keeper().cache.forget([*doomed, *unused])
    keys.keeper().pool.drop(doomed)
    run.destroyed_at = clock.real_now()
    run.state = State.DESTROYED


def _close(run: ShredRun) -> None:
    """Files go, the event is written, and the units may be called destroyed."""
    for name in run.files.values_list("name", flat=True):
        files.remove(name)
    run.files.all().delete()
    run.state = State.DONE
    run.done_at = clock.now()
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
    """Until no process can still remember an old key (real time, never the demo's clock)."""
    if run.state != State.DESTROYED or run.destroyed_at is None:
        return 0.0
    passed = (clock.real_now() - run.destroyed_at).total_seconds()
    return max(0.0, keys.cache_seconds() - passed)


def _units(run_id: UUID) -> int:
    return ShredRun.objects.values_list("units", flat=True).get(id=run_id)


def _locked(step: Callable[[RingState, Fault], T], fault: Fault) -> T:
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

"""Replacing every bucket key: new keys, units re-wrapped, old keys destroyed (rule R26).

A rotation is a row; its work is done by runs of `shredding`, without victims and a portion of the
buckets each, so that it is journaled and written to the ledger like any destruction. Whatever
waits to be destroyed goes first. A kill anywhere is finished by the next call, or by the job that
resumes destroying every minute.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import keys, shredding
from dsr_portal.vault.models import RingState, Rotation, ShredRun, ShredStep
from dsr_portal.vault.shredding import Fault, State

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RotationReport:
    """How a rotation stands: buckets replaced and left, or why it waits and for how long."""

    epoch: int
    replaced: int
    left: int
    done: bool
    ledger_number: int | None = None
    blocked: str = ""
    detail: str = ""
    wait_seconds: float = 0.0


def _no_progress(replaced: int, left: int) -> None:
    """Nobody asked."""


def rotate(
    *,
    actor: Actor,
    wait: bool = True,
    fault: Fault = shredding._no_fault,
    progress: Progress = _no_progress,
) -> RotationReport:
    """Replace every bucket that stands now, also those made ahead; resume an unfinished rotation.

    The portal is served meanwhile: a reader finds the unit under its old or its new bucket, a
    writer whose bucket is gone draws another. With `wait` the call lasts until no process can
    remember an old key.
    """
    require_outside_transaction("Replacing keys")
    with keys.plain_errors():
        keys.plain_ring().ledger_head()  # one that can't be read begins nothing
    shredding.locked(partial(_begin, actor=actor), fault)
    fault("after.begun")
    return go_on(wait=wait, fault=fault, progress=progress)


def go_on(
    *,
    wait: bool,
    fault: Fault = shredding._no_fault,
    progress: Progress = _no_progress,
    runs: int | None = None,
) -> RotationReport:
    """Do what is left of the unfinished rotation, at most so many runs of it."""
    done = 0
    while runs is None or done < runs:
        taken = shredding.locked(partial(shredding.take, rotation=True), fault)
        if taken is None:
            return _end(wait=wait, fault=fault)
        report = shredding.finish(taken.run_id, wait=wait, fault=fault)
        if not report.done:
            return _report(
                blocked=report.blocked, detail=report.detail, wait_seconds=report.wait_seconds
            )
        done += 1
        now = _report()
        progress(now.replaced, now.left)
    return _report()


def is_unfinished() -> bool:
    return Rotation.objects.filter(done_at=None).exists()


def _begin(state: RingState, fault: Fault, *, actor: Actor) -> UUID:
    """Under the lock row: a bucket made from now on has the new epoch, every other is old."""
    unfinished = Rotation.objects.filter(done_at=None).first()
    if unfinished is not None:
        return unfinished.id
    state.epoch += 1
    state.save()
    rotation = Rotation.objects.create(epoch=state.epoch, started_at=clock.now())
    audit.record(
        "vault.rotation_begun",
        actor=actor,
        rotation_id=rotation.id,
        buckets=shredding.old_buckets(rotation).count(),
    )
    fault("before_commit.begun")
    return rotation.id


def _end(*, wait: bool, fault: Fault) -> RotationReport:
    """Over when no process can remember a key that was replaced."""
    rotation = Rotation.objects.filter(done_at=None).first()
    if rotation is None:
        return _report()
    last = rotation.runs.order_by("destroyed_at").last()
    seconds = shredding.cached_for(last.destroyed_at) if last is not None else 0.0
    if seconds > 0:
        if not wait:
            return _report(wait_seconds=seconds)
        time.sleep(seconds)
    shredding.locked(partial(_close, rotation_id=rotation.id), fault)
    fault("after.rotated")
    return _report()


def _close(state: RingState, fault: Fault, *, rotation_id: UUID) -> None:
    rotation = Rotation.objects.select_for_update().get(id=rotation_id)
    if rotation.done_at is not None or shredding.old_buckets(rotation).exists():
        return
    last = rotation.runs.order_by("ledger_number").last()
    rotation.done_at = clock.now()
    rotation.save()
    audit.record(
        "vault.rotated",
        actor=Actor.system("vault"),
        rotation_id=rotation.id,
        buckets=_replaced(rotation),
        ledger_number=last.ledger_number if last is not None else None,
        ledger_hash=last.ledger_hash if last is not None else None,
    )
    fault("before_commit.rotated")


def _replaced(rotation: Rotation) -> int:
    return ShredStep.objects.filter(run__rotation=rotation, run__state=State.DONE).count()


def _report(*, blocked: str = "", detail: str = "", wait_seconds: float = 0.0) -> RotationReport:
    rotation = Rotation.objects.order_by("epoch").last()
    if rotation is None:
        return RotationReport(0, 0, 0, True)
    last = ShredRun.objects.filter(rotation=rotation).order_by("ledger_number").last()
    return RotationReport(
        epoch=rotation.epoch,
        replaced=_replaced(rotation),
        left=shredding.old_buckets(rotation).count(),
        done=rotation.done_at is not None,
        ledger_number=last.ledger_number if last is not None else None,
        blocked=blocked,
        detail=detail,
        wait_seconds=wait_seconds,
    )

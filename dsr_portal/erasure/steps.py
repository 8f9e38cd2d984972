"""Carrying a plan out: named steps in a fixed order, each journaled and safe to repeat.

A kill between any two lines is resumed by the next attempt of the job: a step that is not DONE is
done again, and every one of them finds what it had already changed. Results are written with the
job's token. It runs in the process that holds the index, which ends afterwards.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from dsr_portal.audit.services import record
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure import patterns, services
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    PlanUnit,
    Step,
    StepState,
)
from dsr_portal.erasure.outcome import note_failure
from dsr_portal.gallery import connector
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, Transient
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import services as matching
from dsr_portal.recognition import leaving
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture, decode_picture
from dsr_portal.vault.models import Shredded

log = logging.getLogger(__name__)

ACTOR = Actor.system("erasure")
CANARY = "erasure-canary"
# A caption of a shared picture may name the person who asked; addresses stay with the others.
LEFT_OUT = ("caption",)

Result = dict[str, int]
Finish = Callable[[], Result]
"""The last writes of a step, inside the unit of work that marks it DONE."""


def fault(point: str) -> None:
    """Tests put a function here that kills the process at a named point."""


def run(ctx: JobContext) -> None:
    """Job erasure.run: every step that is not done, in order."""
    plan = Plan.objects.select_related("case").filter(id=ctx.subject_id).first()
    if plan is None or not _ours_to_run(ctx, plan):
        return
    if plan.state == PlanState.HOLD:
        _begin(ctx, plan)
    if plan.state != PlanState.RUNNING:
        return
    todo = services.undone(plan)
    total = plan.steps.count()
    for step in todo:
        ctx.must_be_ours()
        _do(ctx, plan, step)
        ctx.progress(step.ordinal, total)
        fault(f"after.{step.store}")
        if step.store == "processes":
            break
    _hand_over(ctx, plan)


def _ours_to_run(ctx: JobContext, plan: Plan) -> bool:
    """Of two jobs for one plan (its hold was ended early) only the older works."""
    others = Job.objects.filter(kind=services.RUN, subject=str(plan.id), id__lt=ctx.job_id)
    if others.filter(state=JobState.RUNNING).exists():
        raise Transient("erasure_elsewhere")
    return plan.state in {PlanState.HOLD, PlanState.RUNNING}


def _begin(ctx: JobContext, plan: Plan) -> None:
    with ctx.checkpoint():
        locked = Plan.objects.select_for_update().get(id=plan.id)
        if locked.state == PlanState.HOLD:
            if clock.now() < locked.hold_until:
                raise Transient("hold_runs")
            locked.state, locked.started_at = PlanState.RUNNING, clock.now()
            locked.save(update_fields=["state", "started_at"])
            record(
                "erasure.started",
                actor=ACTOR,
                case_id=plan.case_id,
                subject_id=plan.id,
                steps=locked.steps.count(),
            )
    plan.refresh_from_db()


def _do(ctx: JobContext, plan: Plan, step: Step) -> None:
    with ctx.checkpoint():
        step.state = StepState.RUNNING
        step.attempts += 1
        step.started_at = step.started_at or clock.now()
        step.save(update_fields=["state", "attempts", "started_at"])
    fault(f"begun.{step.store}")
    finish = _HANDLERS[step.store](ctx, plan, step)
    fault(f"done.{step.store}")
    with ctx.checkpoint():
        result = finish()
        step.state, step.finished_at, step.result = StepState.DONE, clock.now(), result
        step.save(update_fields=["state", "finished_at", "result"])
        record(
            "erasure.step_done",
            actor=ACTOR,
            case_id=plan.case_id,
            subject_id=plan.id,
            ordinal=step.ordinal,
            store=step.store,
            step=step.action,
            counted=int(result.get("count", 0)),
        )


def _hand_over(ctx: JobContext, plan: Plan) -> None:
    """The checks belong to a process that never held what was erased: this one ends."""
    with ctx.complete():
        plan.state = PlanState.VERIFYING
        plan.save(update_fields=["state"])
        recognition.recycle_holders(plan.change_number)
        services.enqueue_verify(plan)
    leaving.after_this_job()


# -- kit and block list ---------------------------------------------------------------------------


def _kit(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    if plan.kit_unit is not None:
        return lambda: {"count": 0}
    made, staged = kits.make(plan)

    def finish() -> Result:
        plan.kit_unit = staged.save()
        plan.kit_until = clock.now() + timedelta(hours=services.KIT_HOURS)
        plan.save(update_fields=["kit_unit", "kit_until"])
        PlanUnit.objects.bulk_create(made.units)
        return {"count": len(made.files), "units": len(made.units), "memory": len(made.memory)}

    return finish


def _block(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    images = {row.record.image_id for row in _records(plan)}
    return lambda: {
        "count": gallery.block_addresses(case_id=plan.case_id, actor=ACTOR, image_ids=images)
    }


def _records(plan: Plan) -> list[PlanRecord]:
    return list(plan.records.select_related("record__image").order_by("record_id"))


# -- pictures -------------------------------------------------------------------------------------


def _picture(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    """Cover the face where other people's records stay, else the whole picture goes."""
    rows = Record.objects.select_related("image")
    row = rows.filter(id=step.subject).first() if step.subject is not None else None
    if row is None:
        raise Permanent("record_missing", "A record of the plan does not exist.")
    image = row.image
    if image.state == SourceImage.State.ERASED:
        return lambda: {"count": 0}
    mine = plan.records.values_list("record_id", flat=True)
    others = Record.objects.filter(image=image).exclude(id__in=mine)
    others = others.exclude(state=Record.State.ERASED)
    _wait_for_holds(plan, others.filter(state=Record.State.ERASING).values_list("id", flat=True))
    if others.exclude(state=Record.State.ERASING).exists():
        return _cover(plan, image)
    return partial(_destroy_whole, plan, image)


def _wait_for_holds(plan: Plan, record_ids: Iterable[UUID]) -> None:
    """Another plan in its hold window may still be stopped: its picture is not ours to take."""
    others = PlanRecord.objects.filter(record_id__in=list(record_ids)).exclude(plan=plan)
    if others.filter(plan__state=PlanState.HOLD).exists():
        raise Transient("picture_in_other_hold")


def _destroy_whole(plan: Plan, image: SourceImage) -> Result:
    kits.remember_unit(plan, image.unit, PlanUnit.Holds.PICTURE)
    # Others in it may have gone since the plan was made.
    plan.records.filter(record__image=image).update(picture=PlanRecord.Picture.WHOLE)
    connector.current().destroy_picture(image_id=image.id, actor=ACTOR, case_id=plan.case_id)
    return {"count": 1, "whole": 1}


def _cover(plan: Plan, image: SourceImage) -> Finish:
    held = connector.current()
    going = Record.objects.filter(image=image, state=Record.State.ERASING).order_by("face_number")
    picture = decode_picture(held.picture(image.id))
    boxes = [_scaled(held.face(one.id), picture) for one in going]
    covered = recognition.cover_faces(picture, boxes)
    held.replace_picture(
        image_id=image.id,
        picture=covered.jpeg,
        width=covered.width,
        height=covered.height,
        actor=ACTOR,
        case_id=plan.case_id,
        without=LEFT_OUT,
    )

    def finish() -> Result:
        kits.remember_unit(plan, image.unit, PlanUnit.Holds.PICTURE)
        return {"count": 1, "covered": len(boxes)}

    return finish


def _scaled(face: connector.FaceFacts, picture: Picture) -> recognition.Box:
    """The box in the picture as it was decoded now."""
    across, down = picture.width / face.of[0], picture.height / face.of[1]
    x, y, width, height = face.box
    return (round(x * across), round(y * down), round(width * across), round(height * down))


# -- index, photo, keys ---------------------------------------------------------------------------


def _index(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    ids = [row.record_id for row in _records(plan)]
    with ctx.checkpoint():
        # Before the numbers are drawn: the unit of a rewritten shard is another one.
        touched = Template.objects.filter(record_id__in=ids, shard__isnull=False)
        for unit in Shard.objects.filter(id__in=touched.values("shard_id")).values_list(
            "unit", flat=True
        ):
            if not plan.change_number:
                kits.remember_unit(plan, unit, PlanUnit.Holds.SHARD)
        numbers = recognition.erase_records(record_ids=ids)
        plan.change_number = max(numbers, default=0)
        plan.save(update_fields=["change_number"])
    fault("numbered.index")
    shards = recognition.apply_erasure(commit=ctx.checkpoint)
    if not recognition.erasure_settled(plan.change_number):
        raise Transient("index_not_settled")
    return lambda: {"count": len(numbers), "shards": shards, "change": plan.change_number}


def _probe(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    def finish() -> Result:
        matching.delete_probes(case_id=plan.case_id, actor=ACTOR, reason="erased")
        return {"count": plan.units.filter(holds=PlanUnit.Holds.PROBE).count()}

    return finish


def _keys(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    held = connector.current()
    with ctx.checkpoint():
        for row in _records(plan):
            held.destroy_face(record_id=row.record_id)
        # Old shards are ordered by whoever wrote the new ones, never before.
        own = plan.units.exclude(holds=PlanUnit.Holds.SHARD)
        vault.request_shred(own.values_list("unit", flat=True), reason="erased")
    fault("ordered.keys")
    report = vault.run_shred()
    if not report.done:
        raise Transient("keys_wait", "", why=report.blocked)

    def finish() -> Result:
        units = list(plan.units.values_list("unit", flat=True))
        numbers = sorted(
            number
            for number in Shredded.objects.filter(unit_id__in=units).values_list(
                "run__ledger_number", flat=True
            )
            if number is not None
        )
        record(
            "erasure.shredded",
            actor=ACTOR,
            case_id=plan.case_id,
            subject_id=plan.id,
            units=len(units),
            ledger_first=numbers[0] if numbers else 0,
            ledger_last=numbers[-1] if numbers else 0,
        )
        return {"count": len(units), "ledger": numbers[-1] if numbers else 0}

    return finish


# -- files ----------------------------------------------------------------------------------------


def _files(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    """Search every file the installation owns, as it lies on the disk now, for the erased bytes."""
    kit = kits.open_kit(plan)
    if kit is None:
        raise Permanent("kit_expired", "The patterns for the scan were destroyed before it ran.")
    result = scan(plan, kit.files)
    if result["found"]:
        with ctx.checkpoint():
            note_failure(plan, stores=["files"], found=result["found"], during="run")
        raise Permanent("erased_bytes_found", "Erased bytes were found in a file.")
    return lambda: result


def scan(plan: Plan, wanted: list[str]) -> Result:
    """Counts of erased patterns in files. The canary, written for this scan, must be found."""
    canary = secrets.token_bytes(64)
    planted = Path(settings.DSR_VAR) / f"{CANARY}.{plan.id.hex}"
    planted.write_bytes(canary)
    try:
        controls = [patterns.masked(canary)]
        if connection.vendor == "sqlite":
            # The plan's own id stands in the database: a scan that misses it reads no database.
            controls.append(patterns.masked(plan.id.hex.encode()))
        seen = patterns.scan_files(patterns.files_under(places()), [*wanted, *controls])
    finally:
        planted.unlink(missing_ok=True)
    first = len(wanted)
    if not all(seen.counts[first:]):
        raise Permanent("canary_missed", "The scan of files did not find its own canary.")
    for number, paths in seen.hits.items():
        if number < first:
            log.critical("erased bytes lie in %s", ", ".join(sorted(map(str, paths))))
    return {
        "count": seen.files,
        "bytes": seen.bytes,
        "patterns": len(wanted),
        "found": seen.found(range(first)),
        "unreadable": seen.unreadable,
        "canary": 1,
        "database": int(connection.vendor == "sqlite"),
    }


def places() -> list[Path]:
    """Everything on this machine that belongs to the installation; one place may hold another."""
    named: list[Any] = [
        settings.DSR_VAR,
        settings.DSR_VAULT_DIR,
        settings.DSR_BROKER_DIR,
        settings.STATIC_ROOT,
        *settings.DSR_RING,
        *settings.DSR_LEDGER,
    ]
    if connection.vendor == "sqlite":
        database = Path(connection.settings_dict["NAME"])
        named += sorted(database.parent.glob(f"{database.name}*"))
    return [Path(one) for one in named if one and Path(one).exists()]


# -- the end --------------------------------------------------------------------------------------


def _mark(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    ids = [row.record_id for row in _records(plan)]
    return lambda: {"count": gallery.mark_erased(record_ids=ids, case_id=plan.case_id, actor=ACTOR)}


def _processes(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    """Only noted here: the processes are replaced when the job hands over."""
    return lambda: {"count": 1}


_HANDLERS: dict[str, Callable[[JobContext, Plan, Step], Finish]] = {
    "kit": _kit,
    "block_list": _block,
    "pictures": _picture,
    "index": _index,
    "probe": _probe,
    "keys": _keys,
    "files": _files,
    "records": _mark,
    "processes": _processes,
}

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
from typing import Any

from django.db import connection

from dsr_portal.audit.services import record
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import ConsentScope
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure import duplicates, places, services
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    PlanUnit,
    Step,
    StepState,
)
from dsr_portal.erasure.outcome import note_failure
from dsr_portal.gallery import connector, face_blocks
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, Transient
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import services as matching
from dsr_portal.recognition import leaving
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Shard, Template
from dsr_portal.vault import selectors as vault_rows
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture, decode_picture

log = logging.getLogger(__name__)

ACTOR = Actor.system("erasure")
# A caption of a shared picture may name the person who asked; addresses stay with the others.
LEFT_OUT = ("caption",)

Result = dict[str, Any]
"""Counts, by name."""
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
        if clock.now() < plan.hold_until:
            raise Transient("hold_runs")
        if not plan.own:
            # Copies elsewhere were not decided: the decision was about what was named.
            duplicates.propose(ctx, plan)
        fault("looked.duplicates")
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
        services.lock_case_of(plan.id)
        locked = Plan.objects.select_for_update().get(id=plan.id)
        if locked.state == PlanState.HOLD:
            services.hold_is_over(locked)
        if locked.state == PlanState.HOLD:
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
    rows = _records(plan)
    images = {row.record.image_id for row in rows}
    images |= {image.id for image in duplicates.pictures_that_go(plan)}
    # The opt-in of its own (R8): a face code is kept only where the person ticked that box.
    # Nobody knows whose faces an own decision erases: none of them is kept to block.
    wished = not plan.own and cases.has_consent(case=plan.case, scope=ConsentScope.BLOCK_LIST)
    face = (
        face_blocks.prepare(case_id=plan.case_id, record_ids=[row.record_id for row in rows])
        if wished
        else None
    )

    def finish() -> Result:
        # Asked again under the lock of the case: a consent withdrawn meanwhile leaves nothing.
        services.lock_case_of(plan.id)
        if face is not None and cases.has_consent(case=plan.case, scope=ConsentScope.BLOCK_LIST):
            face_blocks.keep(face, actor=ACTOR)
        count = gallery.block_addresses(case_id=plan.case_id, actor=ACTOR, image_ids=images)
        return {"count": count, "faces": int(face is not None)}

    return finish


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
    if others.exclude(state__in=(Record.State.ERASING, Record.State.ERASED)).exists():
        return _cover(plan, image)
    return partial(_destroy_whole, plan, image)


def _destroy_whole(plan: Plan, image: SourceImage) -> Result:
    kits.remember_unit(plan, image.unit, PlanUnit.Holds.PICTURE)
    # Others in it may have gone since the plan was made.
    plan.records.filter(record__image=image).update(picture=PlanRecord.Picture.WHOLE)
    connector.current().destroy_picture(image_id=image.id, actor=ACTOR, case_id=plan.case_id)
    return {"count": 1, "whole": 1}


def _cover(plan: Plan, image: SourceImage) -> Finish:
    """Cover the faces that go; neighbours' cut-outs that showed a part of them are cut anew."""
    held = connector.current()
    rows = list(Record.objects.filter(image=image).order_by("face_number"))
    going = [one for one in rows if one.state == Record.State.ERASING]
    standing = [one for one in rows if one not in going and one.state != Record.State.ERASED]
    picture = decode_picture(held.unseen(image.id))
    boxes = [_scaled(held.face(one.id), picture) for one in going]
    others = {one.id: _scaled(held.face(one.id), picture) for one in standing}
    chosen = plan.records.filter(
        record__image=image, picture=PlanRecord.Picture.FACES_ONLY
    ).exists()
    covered = recognition.cover_faces(picture, boxes, only=others.values() if chosen else ())
    cut_outs = recognition.cut_again(covered, others, every=chosen)
    _remember_cut_outs(plan, [one for one in standing if one.id in cut_outs])
    fault("covered.pictures")
    try:
        held.replace_picture(
            image_id=image.id,
            picture=covered.jpeg,
            width=covered.width,
            height=covered.height,
            actor=ACTOR,
            case_id=plan.case_id,
            without=LEFT_OUT,
            cut_outs=cut_outs,
        )
    except Conflict as error:
        raise Transient(error.code) from error

    def finish() -> Result:
        kits.remember_unit(plan, image.unit, PlanUnit.Holds.PICTURE)
        return {"count": 1, "covered": len(boxes), "cut_again": len(cut_outs)}

    return finish


def _remember_cut_outs(plan: Plan, rows: Iterable[Record]) -> None:
    """Before they are replaced: afterwards nobody knows which unit it was."""
    for row in rows:
        kits.remember_unit(plan, row.unit, PlanUnit.Holds.CUT_OUT)


def _duplicate(ctx: JobContext, plan: Plan, step: Step) -> Finish:
    """A copy without an enrolled face goes as a whole, for two persons said so."""
    image = SourceImage.objects.filter(id__in=[step.subject]).get()
    if image.state == SourceImage.State.ERASED:
        return lambda: {"count": 0}
    if Record.objects.filter(image=image).exclude(state=Record.State.ERASED).exists():
        raise Permanent("duplicate_shared", "A face was enrolled in a copy since it was decided.")

    def finish() -> Result:
        kits.remember_unit(plan, image.unit, PlanUnit.Holds.PICTURE)
        connector.current().destroy_picture(image_id=image.id, actor=ACTOR, case_id=plan.case_id)
        return {"count": 1}

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
        # Old shards and cut-outs are ordered by whoever wrote the new ones, never before.
        others = (PlanUnit.Holds.SHARD, PlanUnit.Holds.CUT_OUT)
        own = plan.units.exclude(holds__in=others)
        vault.request_shred(own.values_list("unit", flat=True), reason="erased")
    fault("ordered.keys")
    report = vault.run_shred()
    if not report.done:
        raise Transient("keys_wait", "", why=report.blocked)

    def finish() -> Result:
        units = list(plan.units.values_list("unit", flat=True))
        numbers = vault_rows.ledger_numbers(units)
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
    canary = secrets.token_hex(24)
    with ctx.checkpoint():
        # Written to the database for this scan: one that misses it reads no database.
        step.result = {"canary": canary}
        step.save(update_fields=["result"])
    embedded = connection.vendor == "sqlite"
    seen = places.scan(plan, kit.files, database_canary=canary.encode() if embedded else b"")
    if seen.missed:
        raise Permanent("canary_missed", "The scan of files did not find its own canary.")
    if seen.found:
        stores = sorted(code for code, one in seen.places.items() if one.found)
        with ctx.checkpoint():
            note_failure(plan, stores=stores, found=seen.found, during="run")
        raise Permanent("erased_bytes_found", "Erased bytes were found in a file.")
    return seen.as_counts


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
    "duplicates": _duplicate,
    "index": _index,
    "probe": _probe,
    "keys": _keys,
    "files": _files,
    "records": _mark,
    "processes": _processes,
}

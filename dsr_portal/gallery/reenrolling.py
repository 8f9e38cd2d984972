"""Re-enrolment: every record gets a template of a new model, from its picture and its landmarks.

The command's own process works batches off, each a job row whose results are written in one
transaction. What is left to do is read from the rows each time, so a kill loses one batch at most,
enrolments that happen meanwhile are caught up with, and erased records are left out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import reenrolment
from dsr_portal.recognition.models import ModelVersion, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import PictureRefused, PictureSession, picture_session

KIND = "gallery.reenrol_batch"
QUEUE = "reenrol"
BATCH = 100

Progress = Callable[[int, int], None]
"""Called with templates made and templates wanted."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where a re-enrolment stands; `unreachable` records have a picture that can't be decoded."""

    model: str
    number: int
    made: int
    left: int
    unreachable: int
    published: bool
    retired: int


@dataclass(slots=True)
class Running:
    model: ModelVersion
    pipeline: Any
    session: PictureSession
    unreachable: set[UUID]
    made: int = 0


_running: dict[UUID, Running] = {}


@outside("Re-enrolling")
def reenrol(*, name: str, actor: Actor, progress: Progress = lambda done, total: None) -> Report:
    """Prepare a model, publish it where two persons approved it, then end the old one's traces.

    Give the same command again to go on. Raises `BadInput` for a model that is not offered and
    `Conflict` while another re-enrolment runs or where nothing is enrolled.
    """
    entry = engines.entry_named(name)
    with _only_one():
        engines.enrol_with()
        model = reenrolment.begin(entry)
        with picture_session() as session:
            run = Running(model, engines.pipeline(entry), session, set())
            _running[model.id] = run
            try:
                _work_off(run, progress)
            finally:
                del _running[model.id]
        left = reenrolment.owed(model).count()
        published = _publish(model, actor, left)
        retired = retire() if published else 0
    return Report(
        model=str(model),
        number=reenrolment.number_of(model),
        made=run.made,
        left=left,
        unreachable=len(run.unreachable),
        published=published,
        retired=retired,
    )


@contextmanager
def _only_one() -> Iterator[None]:
    place = Path(settings.DSR_VAR)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / "reenrol.lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "reenrol_runs", _("Another re-enrolment runs on this machine.")
            ) from error
        yield


def _publish(model: ModelVersion, actor: Actor, left: int) -> bool:
    """True when the model serves: it did before, or it does now that two persons approved."""
    model.refresh_from_db()
    if not model.active and not left and reenrolment.is_approved(model):
        reenrolment.publish(model=model, actor=actor)
        return True
    return model.active


def _work_off(run: Running, progress: Progress) -> None:
    """Batch after batch until every living record has its template or can't get one."""
    while _next(run):
        wanted = run.made + reenrolment.owed(run.model).count()
        with unit_of_work():
            jobs.enqueue(
                kind=KIND, subject=run.model.id, idempotency_key=f"{KIND}:{run.model.id}:{new_id()}"
            )
        before = run.made + len(run.unreachable)
        jobs.run_due(queues=[QUEUE])
        if run.made + len(run.unreachable) == before and _next(run):
            raise Conflict("reenrol_stopped", _("The re-enrolment stopped. Run it again."))
        progress(run.made, wanted)


def _next(run: Running) -> list[UUID]:
    rows = reenrolment.owed(run.model).exclude(record_id__in=run.unreachable)
    return list(rows.values_list("record_id", flat=True)[:BATCH])


def reenrol_batch(ctx: jobs.JobContext) -> None:
    """Handler of one batch; a process without the run leaves it to the one that has it."""
    run = _running.get(ctx.subject_id)
    if run is None:
        return
    crops: list[tuple[UUID, Any]] = []
    lost: set[UUID] = set()
    for record_id in _next(run):
        try:
            crops.append((record_id, _crop(run, record_id)))
        except (PictureRefused, vault.Shredded, vault.UnknownUnit):
            lost.add(record_id)
        ctx.must_be_ours()
    templates = run.pipeline.templates([crop for _id, crop in crops])
    made = [
        reenrolment.Made(record_id, _stage(record_id, template.astype("<f4").tobytes()))
        for (record_id, _crop_of), template in zip(crops, templates, strict=True)
    ]
    with ctx.complete():
        count = reenrolment.add(run.model, made)
    run.made += count
    # What was erased meanwhile is no longer owed, so only living records stay here.
    run.unreachable |= lost


def _crop(run: Running, record_id: UUID) -> Any:
    """The face as the new model takes it, from the picture and the landmarks of the enrolment."""
    gallery = connector.current()
    face = gallery.face(record_id)
    picture = run.session.decode(gallery.unseen(face.image_id))
    return reenrolment.crop_of(run.pipeline, picture, face.box, face.landmarks)


def _stage(record_id: UUID, template: bytes) -> vault.Staged:
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record_id)
    staged.add("template", template)
    return staged


# -- the end of the old model ---------------------------------------------------------------------


@outside("Ending an old model")
def retire() -> int:
    """Give up the templates of every model that does not serve; how many.

    What else is kept of a face moves to a new unit, and the old unit and the old shards are
    ordered to be destroyed. A face that a case holds is left until the case lets it go (R1): the
    same command later takes it. Resumable after every face.
    """
    count, passed_over = 0, set[UUID]()
    while rows := list(reenrolment.outlived().exclude(id__in=passed_over)[:BATCH]):
        for row in rows:
            if _retire(row):
                count += 1
            else:
                passed_over.add(row.id)
    reenrolment.end_old_shards()
    return count


def _retire(old: Template) -> bool:
    """Give one template up; False where the record must not be touched now."""
    record = Record.objects.get(id=old.record_id)
    rows = Template.objects.filter(record_id=record.id, model__active=True, erased_change=None)
    new = rows.first()
    if new is None or old.unit != record.unit:
        # Erased, and the erasure destroys all its units; or prepared and never published.
        with unit_of_work():
            if old.unit != record.unit:
                vault.request_shred([old.unit], reason="model_replaced")
                vault.enqueue_shred()
            reenrolment.forget([old])
        return True
    kept = vault.fields(record.unit)
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record.id)
    for name in kept:
        staged.add(name, vault.read(new.unit if name == "template" else record.unit, name))
    with unit_of_work():
        locked = Record.objects.select_for_update().get(id=record.id)
        if not _may_move(locked) or (locked.unit, vault.fields(locked.unit)) != (record.unit, kept):
            return False
        unit = staged.save()
        Record.objects.filter(id=record.id).update(unit=unit)
        reenrolment.move(record.id, unit)
        reenrolment.forget([old])
        vault.request_shred([record.unit, new.unit], reason="model_replaced")
        vault.enqueue_shred()
    return True


def _may_move(record: Record) -> bool:
    gone = record.state in (Record.State.ERASING, Record.State.ERASED)
    return not gone and not Hold.objects.filter(record=record, until=None).exists()

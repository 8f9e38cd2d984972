"""Taking pictures out of every store when their source's term ended (Art. 5(1)(e); law N-08).

The controller's own rule and no request: nobody is told and no case moves. What goes, goes as in an
erasure: index, keys in both rings with the ledger, rows; a process that never held it checks. A few
hundred pictures of a source at a time; a kill anywhere is resumed by the next attempt of the job,
and each step finds what it had done before.
"""

import logging
from collections.abc import Iterable
from functools import partial
from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.erasure import term_ends, verification
from dsr_portal.erasure.retirement_models import RetiredPicture, RetiredUnit, Retirement
from dsr_portal.erasure.term_ends import CHECK, RETIRE
from dsr_portal.gallery import connector, terms
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, Source, SourceImage
from dsr_portal.gallery.terms import Term
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, Transient
from dsr_portal.recognition import leaving, processes
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Shard, Template
from dsr_portal.vault import selectors as vault_rows
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import UnitKey

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Pictures of a source in one run."""
READ_AT_ONCE = 2_000
"""Pictures whose facts are opened in one go, to read from when their term counts."""

ACTOR = Actor.system("retention")
State = Retirement.State


def fault(point: str) -> None:
    """Tests put a function here that kills the process at a named point."""


# -- beginning ----------------------------------------------------------------------------------


def start_due() -> int:
    """Begin a run for each source with pictures past their term that nothing keeps; how many."""
    sources = list(Source.objects.order_by("name"))
    return sum(
        quietly(partial(_start, one), doing="retention of a source", of=one.id) for one in sources
    )


def _start(source: Source) -> bool:
    term = terms.term_of(source.id)
    running = Retirement.objects.filter(source=source).exclude(state=State.DONE)
    if term is None or running.exists():
        return False
    terms.count(list(terms.to_date([source.id]).order_by("id")[:READ_AT_ONCE]))
    with unit_of_work():
        image_ids = _locked_free(source, term)
        if image_ids:
            _begin(source, term, image_ids)
    return bool(image_ids)


def _locked_free(source: Source, term: Term) -> list[UUID]:
    """What may go, asked again with the records locked: a case that holds one has come first."""
    wanted = list(term_ends.free(source, term).values_list("id", flat=True)[:AT_ONCE])
    list(Record.objects.select_for_update().filter(image_id__in=wanted).order_by("id"))
    list(SourceImage.objects.select_for_update().filter(id__in=wanted).order_by("id"))
    return list(term_ends.free(source, term).filter(id__in=wanted).values_list("id", flat=True))


def _begin(source: Source, term: Term, image_ids: list[UUID]) -> None:
    rows = Record.objects.filter(image_id__in=image_ids).exclude(state=Record.State.ERASED)
    record_ids = list(rows.order_by("id").values_list("id", flat=True))
    begun = Retirement.objects.create(
        source=source,
        days=term.days,
        term_version=term.version,
        pictures=len(image_ids),
        records=len(record_ids),
        began_at=clock.now(),
    )
    RetiredPicture.objects.bulk_create(
        RetiredPicture(retirement=begun, image_id=one) for one in image_ids
    )
    images = SourceImage.objects.filter(id__in=image_ids)
    _remember(begun, images.values_list("unit", flat=True))
    _remember(begun, (unit for row in rows for unit in _units_of(row)))
    gallery.mark_erasing(
        record_ids=record_ids, case_id=None, actor=ACTOR, also_images=frozenset(image_ids)
    )
    record(
        "erasure.retirement_began",
        actor=ACTOR,
        subject_id=begun.id,
        source=source.id,
        pictures=begun.pictures,
        records=begun.records,
        days=begun.days,
        term_version=begun.term_version,
    )
    jobs.enqueue(kind=RETIRE, subject=begun.id, idempotency_key=f"{RETIRE}:{begun.id}")


def _units_of(row: Record) -> set[UUID]:
    """Its unit, and that of a template of a model that is being prepared."""
    return {row.unit, *vault.unit_ids(owner=row.id, kind=vault.UnitKind.ENROLLED_FACE)}


def _remember(begun: Retirement, units: Iterable[UUID]) -> None:
    wanted = set(units)
    buckets = dict(UnitKey.objects.filter(id__in=wanted).values_list("id", "bucket_id"))
    RetiredUnit.objects.bulk_create(
        (RetiredUnit(retirement=begun, unit=one, bucket=buckets.get(one)) for one in wanted),
        ignore_conflicts=True,
    )


def repeat_failed(*, actor: Actor) -> int:
    """Start runs and checks again that failed for good, after the operator looked; how many."""
    failed = list(term_ends.failed_jobs().order_by("id"))
    for job in failed:
        jobs.requeue(job_id=job.id, actor=actor)
    return len(failed)


# -- the run ------------------------------------------------------------------------------------


def run(ctx: JobContext) -> None:
    """Job erasure.retire: out of the index, keys destroyed, rows marked; then it is checked."""
    row = Retirement.objects.filter(id=ctx.subject_id).first()
    if row is None or row.state != State.RUNNING:
        return
    record_ids = _records(row)
    _leave_index(ctx, row, record_ids)
    _destroy(ctx, row)
    with ctx.complete():
        gallery.mark_erased(record_ids=record_ids, case_id=None, actor=ACTOR)
        row.state = State.CHECKING
        row.save(update_fields=["state"])
        units = list(row.units.values_list("unit", flat=True))
        numbers = vault_rows.ledger_numbers(units)
        record(
            "erasure.retired",
            actor=ACTOR,
            subject_id=row.id,
            units=len(units),
            ledger_first=min(numbers, default=0),
            ledger_last=max(numbers, default=0),
        )
        recognition.recycle_holders(row.change_number)
        jobs.enqueue(kind=CHECK, subject=row.id, idempotency_key=f"{CHECK}:{row.id}")
    leaving.after_this_job()


def _records(row: Retirement) -> list[UUID]:
    images = row.images.values("image")
    found = Record.objects.filter(image__in=images).order_by("id")
    return list(found.values_list("id", flat=True))


def _leave_index(ctx: JobContext, row: Retirement, record_ids: list[UUID]) -> None:
    with ctx.checkpoint():
        if not row.change_number:
            # Before the numbers are drawn: the unit of a rewritten shard is another one.
            touched = Template.objects.filter(record_id__in=record_ids, shard__isnull=False)
            shards = Shard.objects.filter(id__in=touched.values("shard_id"))
            _remember(row, shards.values_list("unit", flat=True))
        row.change_number = max(recognition.erase_records(record_ids=record_ids), default=0)
        row.save(update_fields=["change_number"])
    fault("numbered.retire")
    recognition.apply_erasure(commit=ctx.checkpoint)
    if not recognition.erasure_settled(row.change_number):
        raise Transient("index_not_settled")
    fault("left.retire")


def _destroy(ctx: JobContext, row: Retirement) -> None:
    held = connector.current()
    for image_id in row.images.order_by("image_id").values_list("image_id", flat=True):
        ctx.must_be_ours()
        with ctx.checkpoint():
            held.destroy_picture(image_id=image_id, actor=ACTOR)
            for one in Record.objects.filter(image_id=image_id).values_list("id", flat=True):
                held.destroy_face(record_id=one)
    fault("ordered.retire")
    report = vault.run_shred()
    if not report.done:
        raise Transient("keys_wait", "", why=report.blocked)
    fault("destroyed.retire")


# -- the check ----------------------------------------------------------------------------------


def check(ctx: JobContext) -> None:
    """Job erasure.retire_check: no key, no unit, no row of the index is left of what went.

    In a process that began afterwards. Nothing of the pictures was kept to look for their bytes.
    """
    row = Retirement.objects.filter(id=ctx.subject_id).first()
    if row is None or row.state != State.CHECKING:
        return
    _wait_for_a_fresh_process(ctx, row)
    gone = recognition.absent(record_ids=_records(row))
    units = list(row.units.all())
    left = verification.units_left(units)
    in_index = gone.ids_in_memory + gone.ids_in_files
    if left or in_index:
        log.critical("retention %s FAILED its check: %s units, %s rows", row.id, left, in_index)
        with ctx.checkpoint():
            record(
                "erasure.retirement_failed",
                actor=ACTOR,
                subject_id=row.id,
                units=left,
                index_rows=in_index,
            )
        raise Permanent("retirement_not_verified", "A check found what was to be gone.")
    fault("checked.retire")
    with ctx.complete():
        row.state, row.checked_at = State.DONE, clock.now()
        row.save(update_fields=["state", "checked_at"])
        record(
            "erasure.retirement_checked",
            actor=ACTOR,
            subject_id=row.id,
            units=len(units),
            index_rows=gone.rows,
        )


def _wait_for_a_fresh_process(ctx: JobContext, row: Retirement) -> None:
    own = processes.own_row()
    if own is not None and own.loaded_change < row.change_number:
        if leaving.after_this_job():
            raise Transient("process_not_replaced")
        return
    if not recognition.holders_recycled(row.change_number) and not ctx.is_last_attempt:
        raise Transient("holders_not_replaced")

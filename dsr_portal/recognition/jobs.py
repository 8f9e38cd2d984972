"""The work of the process that holds the index; every result repeats the job's token."""

from dsr_portal.audit.services import record
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.services import JobContext
from dsr_portal.recognition import changes, leaving, processes, services
from dsr_portal.recognition.holder import holder
from dsr_portal.recognition.models import Holder


def seal(ctx: JobContext) -> None:
    """Move what waits in the tail into shards."""
    services.seal_shards(commit=ctx.complete)


def erase(ctx: JobContext) -> None:
    """Overwrite erased rows and write the touched shards anew."""
    services.apply_erasure(commit=ctx.complete)


def graphs(ctx: JobContext) -> None:
    """Give shards that lost their graph a new one."""
    services.build_graphs(commit=ctx.checkpoint)


def recycle(ctx: JobContext) -> None:
    """Give up this process's memory: overwrite the rows, then end with the job."""
    row = processes.own_row()
    asked = row is not None and row.state == Holder.State.RECYCLING
    holder().drop()
    with ctx.complete():
        record(
            "index.recycled",
            actor=services.ACTOR,
            subject_id=ctx.job_id,
            change=changes.head_number(),
        )
    if asked:
        leaving.after_this_job()


for _kind in (
    JobKind("recognition.seal", "search", seal),
    JobKind("recognition.erase", "search", erase, max_attempts=20),
    JobKind("recognition.graphs", "search", graphs),
    JobKind("recognition.recycle", "search", recycle, max_attempts=20),
):
    job_kinds.register(_kind)

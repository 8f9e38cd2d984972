"""The work of the processes that hold the index; every result repeats the job's token."""

from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.jobs.services import JobContext, Transient, enqueue
from dsr_portal.recognition import changes, damage, group_search, groups, leaving, processes, shards
from dsr_portal.recognition.holder import holder
from dsr_portal.recognition.models import Holder


def seal(ctx: JobContext) -> None:
    """Move what waits in the tail into shards."""
    shards.seal_shards(commit=ctx.complete)


def erase(ctx: JobContext) -> None:
    """Overwrite erased rows and write the touched shards anew."""
    shards.apply_erasure(commit=ctx.complete)


def graphs(ctx: JobContext) -> None:
    """Give one shard that lost its graph a new one; the next is a job of its own.

    Building takes seconds for each: what was asked of the index meanwhile goes first.
    """
    if shards.build_graphs(commit=ctx.checkpoint, most=1) and shards.graph_is_missing():
        kind = groups.kind(damage.GRAPHS, groups.own())
        with ctx.complete():
            enqueue(kind=kind, subject=ctx.subject, idempotency_key=f"{kind}:after:{ctx.job_id}")


def rebuild(ctx: JobContext) -> None:
    """Make a damaged shard anew from the templates; the job's row shows how far it is."""
    shards.rebuild_shard(unit=ctx.subject_id, commit=ctx.complete, progress=ctx.progress)


def recycle(ctx: JobContext) -> None:
    """Give up this process's memory: overwrite the rows, then end with the job.

    The subject is the holder that is meant; another one of the same group leaves the job to it.
    """
    processes.reap()
    row = processes.own_row()
    asked = row is not None and row.state == Holder.State.RECYCLING
    if not asked and _meant(ctx.subject):
        raise Transient("holder_elsewhere")
    if asked or ctx.subject == "index":
        holder().drop()
    with ctx.complete():
        record(
            "index.recycled",
            actor=shards.ACTOR,
            subject_id=ctx.job_id,
            change=changes.head_number(),
        )
    if asked:
        leaving.after_this_job()


def _meant(subject: str) -> bool:
    """True while the holder this job is about still waits to be recycled."""
    if subject == "index":
        return False
    waiting = Holder.objects.filter(id=UUID(subject), state=Holder.State.RECYCLING)
    return waiting.exists()


groups.register("recognition.erase", erase)
groups.register(damage.GRAPHS, graphs)
groups.register(damage.REBUILD, rebuild)
groups.register("recognition.recycle", recycle)
groups.register(group_search.PART, group_search.answer)
groups.register_for_tail("recognition.seal", seal)

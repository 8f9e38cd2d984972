"""Files of the index that are not what was written: found before anything else reads them.

A sealed file carries tags of the vault, a hash and sizes of its own; a shard's unit belongs to
that shard alone. What fails a check is told to the trail with a reason code and a job makes it
anew from the templates: rows by `recognition.rebuild_shard`, a graph by `recognition.graphs`.
"""

from collections.abc import Sequence

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import groups
from dsr_portal.recognition.models import ModelVersion, Shard, Template
from dsr_portal.vault import services as vault

ROWS = "rows"
GRAPH = "graph"
ACTOR = Actor.system("recognition")
REBUILD = "recognition.rebuild_shard"
GRAPHS = "recognition.graphs"


class ShardDamaged(Exception):
    """A shard's file can't be used; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_rows(shard: Shard) -> bytes:
    """A shard's file as it was sealed. Raises `ShardDamaged`; `Shredded` when it was replaced."""
    if shard.unit not in vault.unit_ids(owner=shard.id, kind=vault.UnitKind.INDEX_SHARD):
        current = Shard.objects.filter(id=shard.id).values_list("unit", flat=True).first()
        if current != shard.unit:
            raise vault.Shredded(unit=str(shard.unit))
        raise ShardDamaged("not_its_unit")
    try:
        return vault.read(shard.unit, ROWS)
    except (vault.Damaged, vault.UnknownUnit) as error:
        raise ShardDamaged(reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """A code for the trail: which check failed."""
    if isinstance(error, vault.Damaged):
        return f"vault_{error.context.get('what', 'damaged')}"
    return str(getattr(error, "code", "damaged"))


def report(shard: Shard, part: str, reason: str) -> None:
    """Tell the trail once, and order what makes the file anew."""
    kind = REBUILD if part == ROWS else GRAPHS
    key = f"{kind}:damaged:{shard.unit}"
    with unit_of_work():
        earlier = Job.objects.filter(idempotency_key__startswith=key)
        if earlier.exclude(state=JobState.DONE).exists():
            return
        jobs.enqueue(
            kind=groups.kind(kind, groups.of_shard(shard.number)),
            subject=shard.unit if part == ROWS else "index",
            idempotency_key=f"{key}:{earlier.count()}",
        )
        record(
            "index.damaged",
            actor=ACTOR,
            subject_id=shard.id,
            shard=shard.number,
            part=part,
            reason=reason,
        )


def report_foreign_rows(model: ModelVersion, numbers: Sequence[int]) -> None:
    """Tell shards among `numbers` whose file holds records that belong to another shard."""
    from dsr_portal.recognition.shards import ids_in

    for shard in Shard.objects.filter(model=model, number__in=numbers).order_by("number"):
        own = set(Template.objects.filter(shard=shard).values_list("record_id", flat=True))
        if not own.issuperset(ids_in(read_rows(shard))):
            report(shard, ROWS, "foreign_rows")

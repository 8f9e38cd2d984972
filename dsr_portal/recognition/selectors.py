"""How the search index stands, for operators: counts only, nothing about a person."""

from dataclasses import dataclass

from django.db.models import F, Sum

from dsr_portal.core import clock
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import changes, damage, processes
from dsr_portal.recognition.models import ModelVersion, Shard, Template


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """`rebuilding` shards make every search wait; `failed` ones wait for an operator.

    `silent` holders are on other machines and have not searched since their lease ended; they
    count as holders until their process is seen gone.
    """

    shards: int
    rows: int
    unsealed: int
    owed: int
    rebuilding: int
    failed: int
    holders: int
    behind: int
    silent: int

    @property
    def well(self) -> bool:
        return not (self.rebuilding or self.failed)

    def lines(self) -> list[str]:
        """Sentences for a terminal, the one that matters first."""
        told = []
        if self.failed:
            told.append(f"{self.failed} damaged shards could not be rebuilt: look at their jobs.")
        if self.rebuilding:
            told.append(f"{self.rebuilding} damaged shards are being rebuilt; searches wait.")
        if self.silent:
            told.append(
                f"{self.silent} holders elsewhere were last heard of before their lease ended."
            )
        told.append(
            f"{self.rows:,} faces in {self.shards} shards, {self.unsealed:,} not sealed yet."
        )
        told.append(f"{self.owed} erased rows wait for their file to be rewritten.")
        told.append(f"{self.holders} processes hold the index, {self.behind} of them behind.")
        return told


def index_health() -> IndexHealth:
    processes.reap()
    model = ModelVersion.objects.filter(active=True).first()
    shards = Shard.objects.filter(model=model)
    living = Template.objects.filter(model=model, erased_change=None)
    rebuilds = Job.objects.filter(kind__startswith=damage.REBUILD).exclude(state=JobState.DONE)
    damaged = rebuilds.filter(
        subject__in=[str(unit) for unit in shards.values_list("unit", flat=True)]
    )
    holders = processes.alive()
    return IndexHealth(
        shards=shards.count(),
        rows=shards.aggregate(rows=Sum("live_rows"))["rows"] or 0,
        unsealed=living.filter(shard=None).count(),
        owed=Template.objects.filter(erased_change__gt=F("shard__rewritten_change")).count(),
        rebuilding=damaged.exclude(state=JobState.FAILED).count(),
        failed=damaged.filter(state=JobState.FAILED).count(),
        holders=holders.count(),
        behind=holders.filter(applied_change__lt=changes.head_number()).count(),
        silent=holders.filter(lease_until__lt=clock.real_now())
        .exclude(host=processes.this_host())
        .count(),
    )

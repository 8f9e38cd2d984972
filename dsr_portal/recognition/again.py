"""After a restore: index rows and shard files follow what the erasure ledger says (R31)."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F

from dsr_portal.audit.services import unit_of_work
from dsr_portal.recognition import changes, shards
from dsr_portal.recognition.models import Change, Holder, Shard, Template
from dsr_portal.vault import services as vault


def forget_units(units: Sequence[UUID]) -> int:
    """Take templates that lay in destroyed units out of the index, in the caller's unit of work.

    The record may still stand: another model's template was given up after the backup.
    """
    rows = Template.objects.filter(unit__in=list(units), erased_change=None)
    records = sorted(set(rows.values_list("record_id", flat=True)))
    for record_id, number in zip(records, changes.draw(Change.Kind.ERASE, records), strict=True):
        rows.filter(record_id=record_id).update(erased_change=number)
    return len(records)


def write_index_anew() -> int:
    """Write every shard anew whose file is gone or holds a row that is; how many.

    Resumable: a shard that was written is not due any more. A template that can't be read ends it.
    """
    written = 0
    for shard in Shard.objects.select_related("model").order_by("model", "number"):
        if not _due(shard):
            continue
        if shard.model.active:
            shards.rebuild_shard(unit=shard.unit)
        else:
            _give_up(shard)
        written += 1
    return written


def no_process_holds() -> int:
    """Processes of the installation that was lost hold nothing of this one; how many there were."""
    return Holder.objects.exclude(state=Holder.State.GONE).update(state=Holder.State.GONE)


def _due(shard: Shard) -> bool:
    if vault.unit_state(shard.unit) != vault.UnitState.LIVE:
        return True
    rows = Template.objects.filter(shard=shard)
    return rows.filter(erased_change__gt=F("shard__rewritten_change")).exists()


def _give_up(shard: Shard) -> None:
    """A model that does not serve has no index here; preparing it again makes one."""
    with unit_of_work():
        vault.request_shred([shard.unit], reason="model_replaced")
        Template.objects.filter(shard=shard).update(shard=None)
        shard.delete()

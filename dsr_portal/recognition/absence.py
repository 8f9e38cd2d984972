"""Looking for erased records in the files of the index without holding the index (R30).

A repeat of the checks, months later, runs in any process: it opens one shard at a time, keeps
nothing and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dsr_portal.core.transactions import outside
from dsr_portal.recognition import damage
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import ModelVersion, Shard, Template
from dsr_portal.recognition.shards import unpacked

_SAME = 0.9999


@dataclass(frozen=True, slots=True)
class FilesAbsence:
    """What shard files still hold of records: by id, and by a template of the same direction."""

    rows: int
    ids: int
    templates: int
    damaged: int

    @property
    def found(self) -> int:
        return self.ids + self.templates


@outside("Looking into the index")
def absent_from_files(
    *, record_ids: Sequence[UUID], templates: Sequence[bytes] = ()
) -> FilesAbsence:
    """Read every shard of the model that serves; `templates` are float32 in its frame."""
    import numpy as np

    wanted = {one.bytes for one in record_ids}
    asked = [np.frombuffer(raw, dtype="<f4") for raw in templates]
    rows = ids = same = damaged = 0
    for shard in Shard.objects.filter(model__active=True).order_by("number"):
        try:
            content = unpacked(damage.read_rows(shard))
        except damage.ShardDamaged:
            damaged += 1
            continue
        rows += len(content.ids)
        ids += sum(row.tobytes() in wanted for row in content.ids)
        same += sum(int((content.rows @ one > _SAME).sum()) for one in asked)
    # New faces lie in no shard yet; their rows of the database say whose they are.
    waiting = Template.objects.filter(record_id__in=list(record_ids), erased_change=None)
    return FilesAbsence(rows, ids + waiting.count(), same, damaged)


def in_our_frame(given: Sequence[float]) -> bytes:
    """A template as a person was given it, turned into this installation's frame: float32."""
    import numpy as np

    values = np.asarray(given, dtype=np.float64)
    turned = engines.turn(len(values)) @ values
    return bytes((turned / np.linalg.norm(turned)).astype("<f4").tobytes())


def dimensions() -> int:
    """How many numbers a template of the model that serves has; 0 before the first enrolment."""
    row = ModelVersion.objects.filter(active=True).first()
    return 0 if row is None else row.dimensions

"""The face block a person asked for: made at erasure, asked by the importer alone (E-12, E-13).

Off unless the person ticked a box of its own (R8). It ends on wish or by itself. Nothing reads a
code out, no search knows of it, and the importer's report is that of a picture known before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import GoneUnit
from dsr_portal.gallery.models import FaceBlock
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import face_blocks as faces
from dsr_portal.vault import services as vault

CODE = "code"
_SCHEDULE = Actor.system("face-blocks")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sealed code on its way to its row; see `keep`."""

    block_id: UUID
    case_id: UUID
    model: str
    staged: vault.Staged


def prepare(*, case_id: UUID, record_ids: Sequence[UUID]) -> Prepared | None:
    """Make the code while the records' templates still open, outside a transaction.

    None where the case has one already: a step that is repeated makes no second.
    """
    if FaceBlock.objects.filter(case_id=case_id).exists():
        return None
    code, model = faces.protected_code(record_ids)
    block_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.BLOCKED_FACE, owner=block_id)
    staged.add(CODE, code)
    return Prepared(block_id, case_id, model, staged)


def keep(prepared: Prepared, *, actor: Actor) -> FaceBlock:
    """Write row and unit in the caller's unit of work."""
    moment = clock.now()
    days = timedelta(days=int(policy.current("face_block_days")))
    row = FaceBlock.objects.create(
        id=prepared.block_id,
        case_id=prepared.case_id,
        unit=prepared.staged.save(),
        model=prepared.model,
        since=moment,
        until=moment + days,
    )
    until = clock.local_date(row.until)
    audit_event("face_block.made", actor=actor, case_id=row.case_id, subject_id=row.id, until=until)
    return row


def standing(case_id: UUID) -> FaceBlock | None:
    return FaceBlock.objects.filter(case_id=case_id, ended_at=None).first()


def end(*, case_id: UUID, actor: Actor, reason: str = "wish") -> bool:
    """Destroy the code of a case: its person wishes it, or took everything back (E-13)."""
    with unit_of_work():
        row = FaceBlock.objects.select_for_update().filter(case_id=case_id, ended_at=None).first()
        if row is None:
            return False
        vault.request_shred([row.unit], reason="face_block_ended")
        row.ended_at = clock.now()
        row.save(update_fields=["ended_at"])
        audit_event(
            "face_block.ended", actor=actor, case_id=case_id, subject_id=row.id, reason=reason
        )
        vault.enqueue_shred()
    return True


def expire() -> int:
    """The regular run: codes whose time is over go."""
    over = FaceBlock.objects.filter(ended_at=None, until__lte=clock.now())
    cases = list(over.values_list("case_id", flat=True))
    return sum(end(case_id=one, actor=_SCHEDULE, reason="expired") for one in cases)


def gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: a code that was destroyed since the backup stays ended (R31)."""
    rows = FaceBlock.objects.filter(unit__in=[one.id for one in units], ended_at=None)
    return rows.update(ended_at=clock.now())


def _in_force() -> QuerySet[FaceBlock]:
    return FaceBlock.objects.filter(ended_at=None, until__gt=clock.now())


class Gate:
    """What the importer asks: yes or no per face, at least a hundred at once."""

    def __init__(self) -> None:
        """Open the codes that stand now; those of another model can't be compared (E-13)."""
        rows = list(_in_force().values_list("id", "unit", "model"))
        self._known = {block_id for block_id, _unit, _model in rows}
        self._codes: list[bytes] = []
        self._threshold = float(policy.current("strong_threshold"))
        if rows:
            serving = faces.model()
            self._codes = [vault.read(unit, CODE) for _id, unit, model in rows if model == serving]

    def is_behind(self) -> bool:
        """Whether a block was made since this gate was opened."""
        return _in_force().exclude(id__in=self._known).exists()

    def turns_away(self, templates: Sequence[bytes]) -> list[bool]:
        return faces.any_of(templates, self._codes, threshold=self._threshold)

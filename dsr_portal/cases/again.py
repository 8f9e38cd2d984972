"""After a restore: cases and drafts the erasure ledger says were destroyed go again (R31)."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Q

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services
from dsr_portal.cases.models import Case, Draft, DraftPhoto, Mail, Status
from dsr_portal.cases.moves import lock
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import GoneUnit

ERASED_BEFORE = "erased_before_restore"
"""Flag: records of this case were erased after the backup; what was done then is not here."""


def cases_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """Cases whose contact data or file were destroyed are PURGED, wherever the backup met them."""
    ids = [unit.id for unit in units]
    found = Case.objects.filter(Q(contact_unit__in=ids) | Q(file_unit__in=ids))
    purged = 0
    for case_id in found.exclude(status=Status.PURGED).values_list("id", flat=True):
        _purge(case_id, actor)
        purged += 1
    return purged


def _purge(case_id: UUID, actor: Actor) -> None:
    with unit_of_work():
        case = lock(case_id)
        before, case.status = case.status, Status.PURGED
        case.purged_at = case.purged_at or clock.now()
        case.save(update_fields=["status", "purged_at"])
        record("case.purged_again", actor=actor, case_id=case.id, before=before)
        services.run_purgers(case_id=case.id, actor=actor, reason="purged")


def codes_renewed(values: Sequence[str]) -> int:
    """A receipt code that was replaced after the backup stays closed, the newer one opens (R12)."""
    changed = 0
    for value in values:
        case_id, counter = value.split(":")
        older = Case.objects.filter(id=UUID(case_id), code_counter__lt=int(counter))
        changed += older.update(code_counter=int(counter))
    return changed


def drafts_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """Drafts that were sent, discarded or ran out go; a changed one loses what was taken out."""
    ids = [unit.id for unit in units]
    DraftPhoto.objects.filter(unit__in=ids).delete()
    Draft.objects.filter(file_unit__in=ids).update(file_unit=None)
    removed, _kinds = Draft.objects.filter(unit__in=ids).delete()
    return removed


def mails_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """Of a message whose unit was destroyed no hash finds it any more; its row is the case's."""
    rows = Mail.objects.filter(unit__in=[unit.id for unit in units], content_hash__isnull=False)
    return rows.update(content_hash=None)


def flag(case_ids: Iterable[UUID], *, actor: Actor) -> int:
    """Have officers look at cases whose records were erased after the backup; how many."""
    standing = Case.objects.filter(id__in=list(case_ids)).exclude(status=Status.PURGED)
    ids = list(standing.values_list("id", flat=True))
    for case_id in ids:
        services.raise_flag(case_id=case_id, code=ERASED_BEFORE, actor=actor)
    return len(ids)

"""What others ask of the vault's rows: which units are destroyed, which backups there are (R31)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from dsr_portal.vault.models import Backup, Shredded, ShredRun

_STANDING = (Backup.State.MAKING, Backup.State.KEPT, Backup.State.RESTORING)


def backups() -> Sequence[Backup]:
    """Every backup that was ever registered, newest first."""
    return list(Backup.objects.order_by("-made_at", "-id"))


def backups_holding(at: datetime) -> Sequence[Backup]:
    """Backups begun at or before `at` that were not removed, the one that ends last first.

    They may hold rows and ciphertext of what was erased at `at`. What was erased opens from none
    of them once its keys are destroyed; the copies themselves age out at `ends_at`. One whose end
    has passed counts until `manage.py backup --prune` removed it. One of which it is not known
    whether it was finished (MAKING) counts as well. Backups made without this portal (snapshots
    of disks, dumps by hand) are not known here.
    """
    rows = Backup.objects.filter(state__in=_STANDING, made_at__lte=at)
    return list(rows.order_by("-ends_at", "-id"))


def oldest_kept() -> Backup | None:
    """The backup that needs the most of the erasure ledger; None when none is kept."""
    return Backup.objects.filter(state__in=_STANDING).order_by("ledger_number", "id").first()


def ledger_numbers(units: Sequence[UUID]) -> list[int]:
    """Numbers of the ledger's entries that name the destruction of these units, ascending."""
    rows = Shredded.objects.filter(unit_id__in=units)
    found = set(rows.values_list("run__ledger_number", flat=True))
    return sorted(number for number in found if number is not None)


def shredded(units: Sequence[UUID]) -> set[UUID]:
    """Those of the units that a finished run destroyed; some hundred at once."""
    rows = Shredded.objects.filter(unit_id__in=units, run__state=ShredRun.State.DONE)
    return set(rows.values_list("unit_id", flat=True))

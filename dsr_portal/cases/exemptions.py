"""What follows on the last day of an exemption of Art. 17(3): it is told, and then it is erased.

The day stands in the answer the person got. After it nothing keeps the record from the erasure
that was asked, also of a closed case; until it is erased it stays locked (law E-03).
"""

from uuid import UUID

from dsr_portal.cases.levels import DISCLOSURE_LEVEL
from dsr_portal.cases.models import Case, HeldBack, RightCode, Withheld
from dsr_portal.core import clock
from dsr_portal.gallery.models import Record


def open_cases() -> list[UUID]:
    """Cases with a record an exemption keeps or kept and that is not erased yet.

    Only where an erasure can follow: who asked was identified for it, and did not take it back.
    """
    rows = Withheld.objects.filter(
        what=HeldBack.ERASURE,
        case__withdrawn_at=None,
        case__level__gte=DISCLOSURE_LEVEL,
        case__rights__right=RightCode.ERASURE,
    )
    pairs = list(rows.values_list("case_id", "record_id"))
    left = _left({record_id for _case_id, record_id in pairs})
    return sorted({case_id for case_id, record_id in pairs if record_id in left})


def ending(case: Case) -> list[Withheld]:
    """Those whose last day is today or has passed, of records that are still there."""
    if case.withdrawn_at is not None:
        return []
    rows = case.withheld.filter(what=HeldBack.ERASURE, until__lte=clock.today())
    found = list(rows.order_by("until", "id"))
    left = _left({row.record_id for row in found})
    return [row for row in found if row.record_id in left]


def over(case: Case) -> bool:
    """Whether the last day of one has passed and its record is still to be erased."""
    today = clock.today()
    return any(row.until is not None and row.until < today for row in ending(case))


def _left(record_ids: set[UUID]) -> set[UUID]:
    rows = Record.objects.filter(id__in=record_ids).exclude(state=Record.State.ERASED)
    return set(rows.values_list("id", flat=True))

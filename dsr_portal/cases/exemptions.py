"""What follows near and after the last day of an exemption of Art. 17(3) (law E-03).

The day stands in the answer the person got, a later one in a letter. Two weeks before, named
persons are told: they let it end, or two of them set a later day. After it nothing keeps the record
from the erasure that was asked, also of a closed case; until it is erased it stays locked.
"""

from datetime import timedelta
from uuid import UUID

from dsr_portal.cases.levels import DISCLOSURE_LEVEL
from dsr_portal.cases.models import Case, HeldBack, RightCode, Withheld
from dsr_portal.core import clock
from dsr_portal.gallery.models import Record

NOTICE_DAYS = 14
"""From the first alarm to the last day."""


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


def standing(case: Case) -> list[Withheld]:
    """Every exemption of a record that is still there, the one that ends first in front."""
    if case.withdrawn_at is not None:
        return []
    found = list(case.withheld.filter(what=HeldBack.ERASURE).order_by("until", "id"))
    left = _left({row.record_id for row in found})
    return [row for row in found if row.record_id in left]


def ending(case: Case) -> list[Withheld]:
    """Those whose last day is near, is today or has passed, of records that are still there."""
    by = clock.today() + timedelta(days=NOTICE_DAYS)
    return [row for row in standing(case) if row.until is not None and row.until <= by]


def about(row: Withheld) -> str:
    """What an alarm is about: this exemption and this last day, before and after it."""
    over = row.until is not None and row.until < clock.today()
    return f"{row.id}:{row.until}{':over' if over else ''}"


def over(case: Case) -> bool:
    """Whether the last day of one has passed and its record is still to be erased."""
    today = clock.today()
    return any(row.until is not None and row.until < today for row in ending(case))


def _left(record_ids: set[UUID]) -> set[UUID]:
    rows = Record.objects.filter(id__in=record_ids).exclude(state=Record.State.ERASED)
    return set(rows.values_list("id", flat=True))

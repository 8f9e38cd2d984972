"""One sequence for everything that happens to records; holders of the index follow it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from dsr_portal.core import clock
from dsr_portal.recognition.models import Change, ChangeHead


def head_number() -> int:
    """The newest committed change; 0 before the first."""
    return ChangeHead.objects.filter(id=1).values_list("number", flat=True).first() or 0


def draw(kind: str, record_ids: Sequence[UUID]) -> list[int]:
    """Give each record's change the next number, in the caller's transaction.

    The head row stays locked until the commit, so numbers become visible in their order.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A change gets its number inside the service's transaction.")
    if not record_ids:
        return []
    ChangeHead.objects.get_or_create(id=1)
    head = ChangeHead.objects.select_for_update().get(id=1)
    numbers = list(range(head.number + 1, head.number + 1 + len(record_ids)))
    head.number = numbers[-1]
    head.save(update_fields=["number"])
    moment, of_kind = clock.now(), Change.Kind(kind)
    Change.objects.bulk_create(
        Change(number=number, kind=of_kind, record_id=record_id, at=moment)
        for number, record_id in zip(numbers, record_ids, strict=True)
    )
    return numbers

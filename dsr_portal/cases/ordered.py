"""Dates an authority ordered, kept beside a case's own; the earlier wakes people (O-03, O-04).

Several orders can stand on one case. A date ends when an answer left after it was ordered, or with
its order; nothing here changes what the request itself is due.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import reopening
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, OrderedDate
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor


def order_date(
    *, case_id: UUID, order_id: UUID, authority_code: str, due_on: date, actor: Actor
) -> OrderedDate:
    """Note an ordered date; a case that was answered opens again (Art. 58(2)(c)).

    Raises `Conflict` with case_purged, case_withdrawn, case_erasing.
    """
    with unit_of_work():
        case = lock(case_id)
        reopening.require_answerable(case)
        row, new = OrderedDate.objects.get_or_create(
            case=case,
            order_id=order_id,
            defaults={
                "authority_code": authority_code,
                "due_on": due_on,
                "since": clock.now(),
            },
        )
        if not new:
            return row
        record(
            "case.date_ordered",
            actor=actor,
            case_id=case.id,
            subject_id=order_id,
            authority=authority_code,
            due_on=due_on,
            own_due_on=case.due_on,
        )
        reopening.open_again(case, actor=actor)
    return row


def answered_since(row: OrderedDate) -> bool:
    """Whether an answer left after the date was ordered, or the person took the request back."""
    if row.case.withdrawn_at is not None:
        return True
    return reopening.answers_left(row.case).filter(released_at__gte=row.since).exists()


def standing_dates(case: Case) -> list[OrderedDate]:
    """Ordered dates that wait for an answer, the earliest first."""
    rows = case.ordered_dates.filter(ended_at=None).order_by("due_on", "id")
    return [one for one in rows if not answered_since(one)]


def due_on(case: Case) -> date:
    """The day by which an answer is due now.

    That of the request; where it was answered and an authority ordered another answer, the earliest
    day that was ordered.
    """
    if case.delivered_at is not None or not reopening.answers_left(case).exists():
        return case.due_on
    return next((one.due_on for one in standing_dates(case)), case.due_on)


def end_dates(*, order_id: UUID, case_ids: Iterable[UUID] | None = None) -> int:
    """An order, or its date for some cases, is over; in the caller's unit of work."""
    rows = OrderedDate.objects.filter(order_id=order_id, ended_at=None)
    if case_ids is not None:
        rows = rows.filter(case_id__in=list(case_ids))
    return rows.update(ended_at=clock.now())

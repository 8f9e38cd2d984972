"""Who is told before the date of an order and after it is missed (R23; law O-04, D-04).

Named persons: the director who answers for it, whoever entered it and the supervisors; from the day
before, the data protection officers too. The date is the authority's as written: nothing rolls.
"""

from collections.abc import Iterable
from uuid import UUID

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance.models import Order, OrderAlarm, OrderAlarmCode, OrderState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.jobs.services import queue_effect

TOLD = "compliance.order_alarm"
_FOR_DPO = frozenset({OrderAlarmCode.DUE_1, OrderAlarmCode.LATE})
_STEPS = ((0, OrderAlarmCode.LATE), (2, OrderAlarmCode.DUE_1), (4, OrderAlarmCode.DUE_3))
"""By the first whose number is more than the days left: late, tomorrow or today, three days."""
_CLOCK = Actor.system("order-alarms")


def raise_due() -> int:
    """Tell whom it concerns, once each; settle what is not true any more. How many were told."""
    told = 0
    standing = OrderAlarm.objects.filter(settled_at=None).values_list("order_id", flat=True)
    is_open = Order.objects.filter(state=OrderState.OPEN).values_list("id", flat=True)
    for order_id in sorted({*standing, *is_open}):
        told += _raise(order_id)
    return told


def _raise(order_id: UUID) -> int:
    with unit_of_work():
        order = Order.objects.select_for_update().get(id=order_id)
        now = standing_of(order)
        for row in OrderAlarm.objects.filter(order=order, settled_at=None):
            if row.code != now:
                row.settled_at = clock.now()
                row.save(update_fields=["settled_at"])
        return sum(_tell(order, now, to) for to in _whom(order, now)) if now else 0


def standing_of(order: Order) -> OrderAlarmCode | None:
    """What is to be told of an order now; of one that is complied with or ended nothing."""
    if order.state != OrderState.OPEN:
        return None
    left = (order.due_on - clock.today()).days
    return next((code for fewer, code in _STEPS if left < fewer), None)


def _tell(order: Order, code: OrderAlarmCode, to: str) -> bool:
    row, created = OrderAlarm.objects.get_or_create(
        order=order, code=code, to=to, defaults={"raised_at": clock.now()}
    )
    if created:
        queue_effect(kind=TOLD, subject_id=row.id, unique_key=f"{TOLD}:{row.id}")
        record("order.escalated", actor=_CLOCK, subject_id=order.id, code=str(code), to=to)
    elif row.settled_at is not None:
        # It opened again after it was complied with: it stands again, and the mail was read.
        row.settled_at = None
        row.save(update_fields=["settled_at"])
    return created


def _whom(order: Order, code: OrderAlarmCode) -> Iterable[str]:
    active = Staff.objects.filter(is_active=True)
    roles = [Role.SUPERVISOR, *([Role.DPO] if code in _FOR_DPO else [])]
    if not active.filter(staff_no=order.owner).exists():
        # Who answered for it has left: it must not be silent, so every director is told.
        roles.append(Role.DIRECTOR)
    named = active.filter(staff_no__in=[order.owner, order.entered_by])
    found = {
        *active.filter(role__in=roles).values_list("staff_no", flat=True),
        *named.values_list("staff_no", flat=True),
    }
    return sorted(found)


def mine(number: str) -> list[OrderAlarm]:
    """What this person was told and what still stands, newest first."""
    rows = OrderAlarm.objects.filter(to=number, settled_at=None).select_related("order")
    return list(rows.order_by("-raised_at"))

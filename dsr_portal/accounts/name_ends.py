"""The end of names of staff (law L-23, Art. 5(1)(e)): a closed account keeps number and role.

A name is needed while somebody may ask who decided. The trail answers that by number as long as it
stands, and what it says beyond its headers ends with the request, the rule or the order it is
about. Once nothing of that is left of an account that was closed, nor any proposal about accounts
it took part in, its name and address go.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import translation

from dsr_portal.accounts.models import Staff, StaffProposal
from dsr_portal.audit.models import Event, Payload
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import event_types

KEEP_CLOSED = timedelta(days=365)
"""At least, counted from the event of its closing."""
CLOSED = "staff.deactivated"
_SCHEDULE = Actor.system("retention")


def sweep() -> int:
    """Take name and address from closed accounts nothing is kept of; how many."""
    closed = Staff.objects.filter(is_active=False, name_ended_at=None)
    return sum(_end(one) for one in list(closed.order_by("staff_no").values_list("id", flat=True)))


def is_needed(staff: Staff) -> bool:
    """Whether something that is kept was done by this account, or names it.

    The costly question comes last: payloads are read one by one for a number inside them.
    """
    proposals = StaffProposal.objects.filter(
        Q(staff=staff) | Q(staff_no=staff.staff_no) | Q(proposed_by=staff) | Q(decided_by=staff)
    )
    lasting = [name for name, kind in event_types.items() if kind.lasting]
    kept = Payload.objects.exclude(event__type__in=lasting)
    return (
        _closed_lately(staff)
        or proposals.exists()
        or kept.filter(event__actor_kind="staff", event__actor_id=staff.staff_no).exists()
        or kept.filter(body__contains=f'"{staff.staff_no}"').exists()
    )


def _closed_lately(staff: Staff) -> bool:
    since = clock.now() - KEEP_CLOSED
    return Event.objects.filter(type=CLOSED, subject_id=staff.id, at__gt=since).exists()


def _end(staff_id: UUID) -> bool:
    with unit_of_work():
        staff = Staff.objects.select_for_update().get(id=staff_id)
        if staff.is_active or staff.name_ended_at is not None or is_needed(staff):
            return False
        with translation.override("en"):
            staff.display_name = f"{staff.get_role_display()} {staff.staff_no}"
        # A name that can never be an address (RFC 2606); no mail goes to a closed account.
        staff.email = f"{staff.staff_no.lower()}@ended.invalid"
        staff.set_unusable_password()
        staff.last_login = staff.trained_until = None
        staff.name_ended_at = clock.now()
        staff.save()
        record("staff.name_ended", actor=_SCHEDULE, subject_id=staff.id)
    return True

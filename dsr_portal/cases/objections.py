"""An objection stops: no reason is asked of the person, and we claim none against it (law E-09).

The letter is the same for everybody who objected and whose answer left, whatever was found (R3);
that the lock stays after the case is kept by the room that locks.
"""

from functools import partial
from uuid import UUID

from django.db.models import Q

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import letters
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    UNIDENTIFIED,
    Case,
    Delivery,
    DeliveryKind,
    LetterKind,
    Outcome,
    RightCode,
    Status,
)
from dsr_portal.cases.moves import quietly
from dsr_portal.core.actor import Actor

_RULE = Actor.system("objection")
_NO_OUTCOME = UNIDENTIFIED | {Outcome.REFUSED, Outcome.WITHDRAWN}


def tell_due() -> int:
    """Write the letter of each objection whose answer has left; how many."""
    objected = Case.objects.filter(rights__right=RightCode.OBJECTION, withdrawn_at=None)
    # What was erased before any answer is answered by its certificate (R3).
    certified = Delivery.objects.filter(
        kind=DeliveryKind.CERTIFICATE, released_at__isnull=False, case__outcome=Outcome.ERASED
    )
    left = objected.filter(Q(delivered_at__isnull=False) | Q(id__in=certified.values("case")))
    open_cases = left.exclude(status=Status.PURGED).exclude(letters__kind=LetterKind.OBJECTION)
    return sum(
        quietly(partial(_tell, one), doing="objection", of=one)
        for one in list(open_cases.values_list("id", flat=True))
    )


def _tell(case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        if case.outcome in _NO_OUTCOME:
            return False
        letters.write(
            case=case,
            kind=LetterKind.OBJECTION,
            key=f"objection:{case.id}",
            actor=_RULE,
            facts={"outcome": "stop"},
        )
    return True

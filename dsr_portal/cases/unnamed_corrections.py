"""A wish to correct that names nothing: a letter of its own says how to name it (Art. 16, 12(2)).

It leaves three days after the answer, in which an officer may write down what the person's words
say; by then nobody has to guess. It is the same whatever was found (R3).
"""

from datetime import timedelta
from functools import partial
from uuid import UUID

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import letters
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import UNIDENTIFIED, Case, LetterKind, Outcome, RightCode, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor

AFTER = timedelta(days=3)
_RULE = Actor.system("corrections")
_NO_ANSWER = UNIDENTIFIED | {Outcome.REFUSED, Outcome.WITHDRAWN}


def tell_due() -> int:
    """Write the letter of each wish to correct that named nothing until now; how many."""
    asked = Case.objects.filter(
        rights__right=RightCode.RECTIFICATION,
        withdrawn_at=None,
        status=Status.DELIVERED,
        delivered_at__lte=clock.now() - AFTER,
        corrections=None,
    )
    due = asked.exclude(letters__kind=LetterKind.NAME_CORRECTION).values_list("id", flat=True)
    return sum(quietly(partial(_tell, one), doing="a wish to correct", of=one) for one in list(due))


def _tell(case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        if case.outcome in _NO_ANSWER or case.corrections.exists():
            return False
        letters.write(
            case=case,
            kind=LetterKind.NAME_CORRECTION,
            key=f"name_correction:{case.id}",
            actor=_RULE,
            facts={},
        )
    return True

"""Opening an answered request for another answer: by an authority's order, or where the first one
showed somebody else (law O-03, O-07)."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.cases.models import NO_ANSWER, Case, Delivery, DeliveryState, Status
from dsr_portal.cases.moves import advance
from dsr_portal.cases.states import Action
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict

_ANSWERED = frozenset({Status.DELIVERED, Status.CLOSED})


def require_answerable(case: Case) -> None:
    """Raises `Conflict` with case_purged, case_withdrawn, case_erasing."""
    if case.status == Status.PURGED:
        raise Conflict(
            "case_purged",
            _("What this case held is destroyed. Open a new one for what is ordered."),
        )
    if case.withdrawn_at is not None:
        raise Conflict(
            "case_withdrawn",
            _("The person took this request back. Open a new one for what is ordered."),
        )
    if case.status == Status.ERASING:
        raise Conflict("case_erasing", _("An erasure runs in this case. Try when it is done."))


def may_open(case: Case) -> bool:
    """Whether it was answered or closed, and something is left of it to answer with."""
    return case.status in _ANSWERED and case.withdrawn_at is None


def open_again(case: Case, *, actor: Actor) -> None:
    """It begins anew; in the caller's unit of work, under the case's lock.

    A request that was not answered yet stays as it is.
    """
    if may_open(case):
        advance(case=case, action=Action.REOPEN, actor=actor)


def answers_left(case: Case) -> QuerySet[Delivery]:
    """What left and answers the request; not what was closed: it shows somebody else, or is
    made anew without a picture."""
    left = case.deliveries.filter(released_at__isnull=False).exclude(kind__in=NO_ANSWER)
    return left.exclude(state__in=[DeliveryState.SUSPENDED, DeliveryState.TAKEN_BACK])

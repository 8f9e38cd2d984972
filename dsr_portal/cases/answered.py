"""What has to wait for an answer, and cases whose answer is frozen: what is stated or found
afterwards is not in it.

The rooms that make answers name them (disclosure), as this room knows no answer.
"""

from collections.abc import Callable, Collection
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.cases.states import OVER
from dsr_portal.core.errors import Conflict
from dsr_portal.core.registries import Registry

answered: Registry[Callable[[], Collection[UUID]]] = Registry("cases with an answer")
"""Each entry: ids of cases that are not over with an answer in force that tells of data."""


def cases() -> set[UUID]:
    return {one for _name, named in answered.items() for one in named()}


def require_erasure_turn(case: Case) -> None:
    """Erasure was asked for, and comes after the answer where access was asked too (law E-11).

    Raises `Conflict` with erasure_not_asked, answer_first.
    """
    asked = set(case.rights.values_list("right", flat=True))
    if RightCode.ERASURE not in asked:
        raise Conflict("erasure_not_asked", _("Erasure was not asked for in this case."))
    if RightCode.ACCESS in asked and case.delivered_at is None:
        raise Conflict(
            "answer_first",
            _("Access was asked too: the answer goes out before anything is erased."),
        )


def require_answer_open(case: Case) -> None:
    """Raises `Conflict("answer_made")`: write to the person about what came after it."""
    if case.id in cases():
        raise Conflict(
            "answer_made", _("The answer is made already. Write to the person about this.")
        )


def require_open(case: Case) -> None:
    """Raises `Conflict("case_over")`.

    One that was taken back while it is erased is open until its certificate is made, which waits
    for what is stated here.
    """
    taken_back = case.withdrawn_at is not None and case.status != Status.ERASING
    if case.status in OVER or taken_back:
        raise Conflict("case_over", _("This request is closed."))

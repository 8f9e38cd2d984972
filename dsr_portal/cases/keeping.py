"""What keeps an ended case past its days: rooms above name the cases and say why (law L-23).

A request is destroyed 60 days after its answer. While a breach about it is open, an order names it
or an authority inspects, it is needed: whoever has to be written to would have no address left.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from dsr_portal.core.errors import Conflict
from dsr_portal.core.registries import Registry


@dataclass(frozen=True, slots=True)
class Keeper:
    """`cases` names those that are kept now, None where all are; `why` says it to staff."""

    cases: Callable[[], Collection[UUID] | None]
    why: Callable[[], str]


keepers: Registry[Keeper] = Registry("keeper of cases")


def kept() -> Q:
    """The cases that something keeps."""
    found = Q(pk__in=())
    for _name, keeper in keepers.items():
        named = keeper.cases()
        found |= Q(pk__isnull=False) if named is None else Q(id__in=named)
    return found


def reasons(case_id: UUID) -> list[str]:
    """Why this case is kept past its days, for staff; nothing where it is not."""
    return [keeper.why() for _name, keeper in keepers.items() if _keeps(keeper, case_id)]


def require_not_kept(case_id: UUID) -> None:
    """Raise `Conflict("kept_longer")` with the first reason."""
    if said := reasons(case_id):
        raise Conflict("kept_longer", said[0])


def _keeps(keeper: Keeper, case_id: UUID) -> bool:
    named = keeper.cases()
    return named is None or case_id in named

"""What follows once an answered request is opened again for another answer (law O-03, O-07)."""

from uuid import UUID

from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import reopened
from dsr_portal.matching.services import start_search_if_ready

_MACHINE = Actor.system("reopening")


def answer_anew(*, case_id: UUID, actor: Actor) -> None:
    """An earlier answer is set aside, and the search begins where photo, consent and check of who
    asks are still there; else the person is asked. In the caller's unit of work."""
    reopened.set_aside(case_id=case_id, actor=actor)
    start_search_if_ready(case_id=case_id, actor=_MACHINE)

"""What lets a represented request go on: its mandate, or the person's own word (R11; law C-04)."""

from typing import Any
from uuid import UUID

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import children, mandate_checks, mandates
from dsr_portal.cases.child_models import ChildReview
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.core.actor import Actor
from dsr_portal.matching.probes import start_search_if_ready


def accept(*, mandate_id: UUID, actor: Actor, words: str) -> Mandate:
    """Accept the mandate; a search that waited only for it starts."""
    with unit_of_work():
        mandate = mandate_checks.accept(mandate_id=mandate_id, actor=actor, words=words)
        start_search_if_ready(case_id=mandate.case_id, actor=actor)
    return mandate


def decide_about_child(*, case_id: UUID, actor: Actor, **decided: Any) -> ChildReview:
    """An officer decided about a child's request; a search that waited only for it starts."""
    with unit_of_work():
        review = children.decide(case_id=case_id, actor=actor, **decided)
        start_search_if_ready(case_id=case_id, actor=actor)
    return review


def want(*, case_id: UUID, actor: Actor) -> Mandate:
    """The person says that the request is theirs; a search that waited only for it starts."""
    with unit_of_work():
        mandate = mandates.want(case_id=case_id, actor=actor)
        start_search_if_ready(case_id=case_id, actor=actor)
    return mandate


def end(*, case_id: UUID, actor: Actor, compared: str = "") -> Mandate:
    """Nobody acts any more; where the person said so themselves their request goes on."""
    with unit_of_work():
        mandate = mandates.end(case_id=case_id, actor=actor, compared=compared)
        start_search_if_ready(case_id=case_id, actor=actor)
    return mandate

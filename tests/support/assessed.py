"""An approved impact assessment for tests: written, advised on and approved by the real services.

No face of a request is compared without one (P-09), so whatever lets a case reach its search calls
this first. Nothing switches the gate off.
"""

from __future__ import annotations

from typing import Any

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.accounts.services import create_staff
from dsr_portal.cases import other_systems
from dsr_portal.compliance import accountability
from dsr_portal.compliance.accountable_models import Duty
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.policy import assessment
from dsr_portal.policy.assessment_draft import CODES
from dsr_portal.policy.assessment_models import AiClass, Assessment

WRITER = Actor("V-9900", "supervisor", "staff")
DPO = Actor("D-9900", "dpo", "staff")
DIRECTOR = Actor("L-9900", "director", "staff")


def said(**more: Any) -> assessment.Said:
    """What a finished version says beside its sections."""
    whole: dict[str, Any] = {
        "risk_stays_high": False,
        "ai_class": AiClass.BY_DESIGN,
        "ai_class_by": "Person V-9900",
        "ai_class_on": clock.today(),
    }
    return assessment.Said(**{**whole, **more})


def written(*, submit: bool = True, **more: Any) -> Assessment:
    """A version whose text is closed, or still open."""
    version = assessment.begin(actor=WRITER)
    text = {code: f"What we say about {code}." for code in CODES}
    assessment.write(assessment_id=version.id, sections=text, said=said(**more), actor=WRITER)
    if submit:
        assessment.submit(assessment_id=version.id, actor=WRITER)
    return assessment.by_id(version.id)


def approved() -> Assessment:
    """A version that covers what is in force and proposed now."""
    version = written()
    assessment.advise(assessment_id=version.id, advice="Test it once a year.", actor=DPO)
    return assessment.approve(assessment_id=version.id, actor=DIRECTOR)


def no_other_systems() -> None:
    """A director stated that the controller has no other systems, unless some are listed."""
    if not other_systems.listed() and other_systems.none_stated() is None:
        other_systems.state_none(actor=DIRECTOR)


def assessed() -> None:
    """Open the gates that are closed: before a search, and before an answer (A-17)."""
    no_other_systems()
    if assessment.closed() is not None:
        approved()


def somebody_answers() -> None:
    """Every kind of decision has a named person, so no page about a vacancy is served (R24)."""
    number = "S-9900"
    if not Staff.objects.filter(staff_no=number).exists():
        create_staff(
            actor=Actor.operator(),
            staff_no=number,
            display_name="Person S-9900",
            email="s-9900@halden.example",
            role=Role.OFFICER,
        )
    for duty in Duty:
        row = accountability.name(
            duty=duty,
            staff_no=number,
            stands_in=False,
            from_on=clock.today(),
            until_on=None,
            actor=DIRECTOR,
        )
        accountability.agree(row_id=row.id, actor=Actor(number, "officer", "staff"))

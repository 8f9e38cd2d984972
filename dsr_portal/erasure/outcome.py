"""Saying loudly that a check failed: case flag, audit event, log (rule R30)."""

import logging

from dsr_portal.audit.services import record
from dsr_portal.cases import services as cases
from dsr_portal.core.actor import Actor
from dsr_portal.erasure.models import Plan

log = logging.getLogger(__name__)
FAILED = "erasure_not_verified"
_ACTOR = Actor.system("erasure")


def note_failure(plan: Plan, *, stores: list[str], found: int, during: str) -> None:
    """Write it down in the caller's unit of work; nobody is told that anything was erased."""
    log.critical("erasure %s FAILED its check: %s (%s found)", plan.id, ", ".join(stores), found)
    cases.raise_flag(case_id=plan.case_id, code=FAILED, actor=_ACTOR)
    record(
        "erasure.verification_failed",
        actor=_ACTOR,
        case_id=plan.case_id,
        subject_id=plan.id,
        stores=stores[:48],
        found=found,
        during=during,
    )

"""What a person of an authority may read: granted cases, within the time, nothing else."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.accounts.models import Role
from dsr_portal.cases.models import Case, Outcome
from dsr_portal.compliance.models import AuditReport, CaseGrant
from dsr_portal.core import clock, references
from dsr_portal.core.actor import Actor


def open_grants(authority_code: str) -> QuerySet[CaseGrant]:
    return CaseGrant.objects.filter(
        authority_code=authority_code, revoked_at__isnull=True, until__gt=clock.now()
    )


def open_grants_of(case_id: UUID) -> Sequence[CaseGrant]:
    """To which authorities a case is open now."""
    return list(
        CaseGrant.objects.filter(
            case_id=case_id, revoked_at__isnull=True, until__gt=clock.now()
        ).order_by("since")
    )


def cases_open_to(*, actor: Actor, authority_code: str) -> QuerySet[Case]:
    """The DPO reads every case (G-02); a regulator what was opened to the own authority."""
    if actor.kind == "staff" and actor.role == Role.DPO:
        return Case.objects.order_by("-received_at")
    if actor.kind != "regulator" or not authority_code:
        return Case.objects.none()
    ids = open_grants(authority_code).values_list("case_id", flat=True)
    return Case.objects.filter(id__in=ids).order_by("-received_at")


def outcomes(cases: QuerySet[Case]) -> list[tuple[str, int]]:
    """How many of these cases came to what, in words; those without an outcome are not counted."""
    found = Counter(cases.exclude(outcome="").order_by().values_list("outcome", flat=True))
    return [(str(one.label), found[one]) for one in Outcome if found[one]]


def open_until(*, authority_code: str, case_id: UUID) -> datetime | None:
    """The end of this authority's access to a case; None for the DPO, whose has no end."""
    if not authority_code:
        return None
    grants = open_grants(authority_code).filter(case_id=case_id)
    return grants.values_list("until", flat=True).first()


def may_read(*, actor: Actor, authority_code: str, case_id: UUID) -> bool:
    return cases_open_to(actor=actor, authority_code=authority_code).filter(id=case_id).exists()


def case_for(*, actor: Actor, authority_code: str, reference: str) -> Case | None:
    """The case by its reference, or None: absent and not opened look the same."""
    name = references.normalise(reference)
    return (
        cases_open_to(actor=actor, authority_code=authority_code).filter(reference=name).first()
        if name
        else None
    )


def reports(*, actor: Actor, authority_code: str, case_id: UUID) -> Sequence[AuditReport]:
    """Reports of a case made for this reader's authority (the DPO sees the desk's own)."""
    code = "" if actor.kind == "staff" else authority_code
    return list(
        AuditReport.objects.filter(case_id=case_id, authority_code=code).order_by("-requested_at")
    )

"""Who works here and what waits for a second person, for the desk and its command (R19)."""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import ProposalState, Staff, StaffProposal
from dsr_portal.accounts.services import is_trained
from dsr_portal.core.errors import NotFound


def staff() -> list[dict[str, Any]]:
    """Every account, active ones first: what a list shows of it."""
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    rows = Staff.objects.annotate(factor=Exists(factor)).order_by("-is_active", "staff_no")
    return [
        {
            "staff_no": row.staff_no,
            "name": row.display_name,
            "role": str(row.role),
            "role_words": row.get_role_display(),
            "active": row.is_active,
            "trained_until": row.trained_until,
            "trained": is_trained(row),
            "second_factor": row.factor,
        }
        for row in rows
    ]


def proposals() -> QuerySet[StaffProposal]:
    """What waits for a second person, oldest first."""
    rows = StaffProposal.objects.select_related("proposed_by", "staff")
    return rows.filter(state=ProposalState.OPEN).order_by("proposed_at")


def proposal(proposal_id: UUID) -> StaffProposal:
    found = StaffProposal.objects.filter(id=proposal_id).first()
    if found is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    return found

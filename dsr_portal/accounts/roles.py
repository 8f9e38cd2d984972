"""Who enters a request and who decides about it, and the guard in front of the latter."""

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed

REVIEWERS = frozenset({Role.OFFICER, Role.SUPERVISOR})
INTAKE = REVIEWERS | {Role.DPO}
"""Who may enter a request, and write down what came with it (law T-08)."""
SENIOR = frozenset({Role.SUPERVISOR})
"""Who sees what was put aside: abuse of a child, intimate pictures (law C-09)."""


def require_reviewer(actor: Actor) -> None:
    """Raises `NotAllowed` for whoever is no named officer or supervisor (R20)."""
    if not actor.is_human_staff or actor.role not in REVIEWERS:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))


def require_senior(actor: Actor) -> None:
    """Raises `NotAllowed` for whoever is no named senior officer (law C-09)."""
    if not actor.is_human_staff or actor.role not in SENIOR:
        raise NotAllowed("senior_only", _("Only a supervisor does this."))

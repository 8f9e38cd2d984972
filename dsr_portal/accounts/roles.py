"""Who enters a request and who decides about it, and the guard in front of the latter."""

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed

REVIEWERS = frozenset({Role.OFFICER, Role.SUPERVISOR})
INTAKE = REVIEWERS | {Role.DPO}
"""Who may enter a request, and write down what came with it (law T-08)."""


def require_reviewer(actor: Actor) -> None:
    """Raises `NotAllowed` for whoever is no named officer or supervisor (R20)."""
    if not actor.is_human_staff or actor.role not in REVIEWERS:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))

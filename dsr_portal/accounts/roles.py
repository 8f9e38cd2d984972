"""Who reviews: the two roles that decide about a person's request, and the guard in front of it."""

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed

REVIEWERS = frozenset({Role.OFFICER, Role.SUPERVISOR})


def require_reviewer(actor: Actor) -> None:
    """Raises `NotAllowed` for whoever is no named officer or supervisor (R20)."""
    if not actor.is_human_staff or actor.role not in REVIEWERS:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))

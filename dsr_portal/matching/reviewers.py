"""Who may say whose face it is."""

from django.utils.translation import gettext as _

from dsr_portal.accounts import services as accounts
from dsr_portal.accounts.models import Role
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, NotFound

REVIEWER_ROLES = frozenset({Role.OFFICER, Role.SUPERVISOR})


def require_reviewer(actor: Actor) -> None:
    """Only trained, named people decide (law P-12, P-17; G-02: the DPO decides nothing)."""
    if actor.kind != "staff" or actor.role not in REVIEWER_ROLES:
        raise NotAllowed("reviewer_only", _("Only officers and supervisors compare faces."))
    try:
        staff = accounts.staff_by_number(actor.id)
    except NotFound as error:
        raise NotAllowed("reviewer_unknown", _("This account can't decide any more.")) from error
    accounts.require_role(staff, *REVIEWER_ROLES)
    accounts.require_trained(staff)

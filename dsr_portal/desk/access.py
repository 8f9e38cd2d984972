"""Who may open a page of the desk. Every service asks again; no page rests on this alone."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dsr_portal.accounts.access import second_factor_required
from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import actor_for, is_trained, staff_of
from dsr_portal.cases.selectors import DESK_ROLES
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed

P = ParamSpec("P")
REVIEWERS = frozenset({Role.OFFICER, Role.SUPERVISOR})
MAY_OPEN_TO_AUTHORITY = frozenset({Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})


def at_desk(
    view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the desk: signed in with a second factor, in a role that works here."""

    @second_factor_required
    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        actor = actor_for(staff_of(request))
        if actor.role not in DESK_ROLES:
            raise NotAllowed("not_at_desk", _("Your account works on another site."))
        return view(request, actor, *args, **kwargs)

    return inner


def may_decide(request: HttpRequest) -> bool:
    """Whether this person may compare faces at all: role and training (P-17)."""
    staff = staff_of(request)
    return staff.role in REVIEWERS and is_trained(staff)

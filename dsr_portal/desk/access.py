"""Who may open a page of the desk. Every service asks again; no page rests on this alone."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dsr_portal.accounts.access import second_factor_required
from dsr_portal.accounts.models import Role
from dsr_portal.accounts.roles import INTAKE, REVIEWERS, SENIOR
from dsr_portal.accounts.services import actor_for, is_trained, staff_of
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.selectors import DESK_ROLES
from dsr_portal.compliance.director import MAY_SEE as MAY_SEE_DIRECTOR
from dsr_portal.compliance.orders import MAY_ENTER as MAY_TAKE_ORDERS
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed
from dsr_portal.gallery.channels import MAY_LIST
from dsr_portal.matching import browsing
from dsr_portal.policy.assessment import MAY_READ as MAY_READ_ASSESSMENT
from dsr_portal.policy.services import MAY_CHANGE

P = ParamSpec("P")
MAY_OPEN_TO_AUTHORITY = frozenset({Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})


View = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


def _for_roles(roles: Collection[str], *, own_work: bool = True) -> Callable[[View[P]], Page[P]]:
    """`own_work` false: a page that shows nothing of a case to whoever has to say why first."""

    def decorate(view: View[P]) -> Page[P]:
        @second_factor_required
        @wraps(view)
        def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            actor = actor_for(staff_of(request))
            if actor.role not in DESK_ROLES:
                raise NotAllowed("not_at_desk", _("Your account works on another site."))
            if actor.role not in roles:
                raise NotAllowed("role", _("Your role does not include this."))
            if own_work and _has_to_say_why(request, actor, kwargs.get("reference")):
                return redirect("desk:why", reference=kwargs["reference"])
            return view(request, actor, *args, **kwargs)

        return inner

    return decorate


def _has_to_say_why(request: HttpRequest, actor: Actor, reference: object) -> bool:
    """Break-glass (law X-09): whoever opens a case that is not their work writes down why first."""
    if not isinstance(reference, str):
        return False
    return not browsing.opens(cases.case_for(staff_of(request), reference), actor)


def at_the_door(view: View[P]) -> Page[P]:
    """A page of a case that shows nothing of it, for everybody at the desk."""
    return _for_roles(DESK_ROLES, own_work=False)(view)


def for_openings(view: View[P]) -> Page[P]:
    """The list of who opened cases that are not their work (law X-09)."""
    return _for_roles(browsing.MAY_READ)(view)


def at_desk(view: View[P]) -> Page[P]:
    """A page everybody at the desk may read: signed in with a second factor."""
    return _for_roles(DESK_ROLES)(view)


def for_reviewers(view: View[P]) -> Page[P]:
    """A page of those who decide: officers and supervisors (G-02)."""
    return _for_roles(REVIEWERS)(view)


def for_seniors(view: View[P]) -> Page[P]:
    """A page of those who see what was put aside (law C-09)."""
    return _for_roles(SENIOR)(view)


def for_intake(view: View[P]) -> Page[P]:
    """A page of those who may enter a request or a consent that came another way (T-08)."""
    return _for_roles(INTAKE)(view)


def for_listers(view: View[P]) -> Page[P]:
    """A page of those who list addresses and let systems in, two persons each (R33, R20)."""
    return _for_roles(MAY_LIST)(view)


def for_openers_to_authority(view: View[P]) -> Page[P]:
    return _for_roles(MAY_OPEN_TO_AUTHORITY)(view)


def for_orders(view: View[P]) -> Page[P]:
    """A page of those who work with authorities: supervisor, DPO, director (law O-01)."""
    return _for_roles(MAY_TAKE_ORDERS)(view)


def for_directors(view: View[P]) -> Page[P]:
    """A page of the accountable director, which the data protection officer reads too (R24)."""
    return _for_roles(MAY_SEE_DIRECTOR)(view)


def for_governance(view: View[P]) -> Page[P]:
    """A page on how the portal itself is answered for: supervisor, DPO, director (G-01)."""
    return _for_roles(MAY_READ_ASSESSMENT)(view)


def for_changes(view: View[P]) -> Page[P]:
    """Forms that propose or decide a setting: supervisor and director (R34)."""
    return _for_roles(MAY_CHANGE)(view)


def for_advice(view: View[P]) -> Page[P]:
    """The form for the data protection officer's advice on a setting (G-02)."""
    return _for_roles({Role.DPO})(view)


def may_decide(request: HttpRequest) -> bool:
    """Whether this person may compare faces at all: role and training (P-17)."""
    staff = staff_of(request)
    return staff.role in REVIEWERS and is_trained(staff)

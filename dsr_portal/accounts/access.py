"""Who may open a page: deny by default. Sign-in, second factor and the site's roles are asked of
every view on desk and oversight; a view is open only when it says so with `open_to_all`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import has_second_factor, staff_of
from dsr_portal.core.clock import real_now

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)

SECOND_FACTOR = "second_factor_at"
SITE_ROLES = {
    "desk": frozenset(set(Role.values) - {Role.REGULATOR}),
    "oversight": frozenset({Role.REGULATOR, Role.DPO}),
}
# Pages a signed-in person may open before the second factor is set up.
SETTING_UP = frozenset({"mfa_activate_totp", "account_logout"})

open_to_all = login_not_required


def mark_second_factor(request: HttpRequest) -> None:
    """Note in the session that a second factor was shown in it."""
    request.session[SECOND_FACTOR] = real_now().isoformat()


def second_factor_shown(request: HttpRequest) -> bool:
    return bool(request.session.get(SECOND_FACTOR))


class StaffGate:
    """Lets nobody pass on desk and oversight without sign-in, second factor and a fitting role."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        roles = SITE_ROLES.get(settings.DSR_SITE)
        if roles is None or not getattr(view, "login_required", True):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in SETTING_UP:
            return None
        if not second_factor_shown(request):
            return self._ask_for_factor(request)
        if staff_of(request).role not in roles:
            raise PermissionDenied
        return None

    def _ask_for_factor(self, request: HttpRequest) -> HttpResponseBase:
        from django.contrib.auth import logout

        if has_second_factor(staff_of(request)):
            # Set up elsewhere meanwhile, or the session is from before: sign in again, with it.
            logout(request)
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        return redirect("mfa_activate_totp")


def second_factor_required(
    view: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R]:
    """For a view outside desk and oversight that still wants a signed-in, checked person."""

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
        if not request.user.is_authenticated or not second_factor_shown(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked

"""Who asks: a system of the controller by its token (R20). No person signs in here."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dsr_portal.gallery import systems
from dsr_portal.gallery.models import ConnectedSystem


class SystemToken(BaseAuthentication):
    """`Authorization: Bearer dsr_…`."""

    def authenticate(self, request: Request) -> tuple[None, ConnectedSystem] | None:
        words = request.headers.get("Authorization", "").split()
        if not words:
            return None
        known = systems.by_token(words[1]) if len(words) == 2 and words[0] == "Bearer" else None
        if known is None:
            raise AuthenticationFailed("This token is not known.")
        return None, known

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def asking(request: Request) -> ConnectedSystem:
    """The system that asks; `AuthenticationFailed` for nobody."""
    if not isinstance(request.auth, ConnectedSystem):
        raise AuthenticationFailed("This token is not known.")
    return request.auth


class IsSystem(BasePermission):
    """A known system, and nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ConnectedSystem)

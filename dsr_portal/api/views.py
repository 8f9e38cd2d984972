"""What the API offers today: who runs it and the newest audit head (R29)."""

from typing import ClassVar

from django.conf import settings
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dsr_portal.audit.services import head


class AboutView(APIView):
    """The controller's name and the newest audit head, so that anyone can keep it."""

    authentication_classes: ClassVar[list[type]] = []
    permission_classes: ClassVar[list[type[BasePermission]]] = [AllowAny]

    def get(self, request: Request) -> Response:
        newest = head()
        return Response(
            {
                "controller": settings.DSR_CONTROLLER["name"],
                "audit_head": {"number": newest.number, "hash": newest.hash},
            }
        )

"""What the API offers today: who runs it and the newest audit head (R29)."""

from django.conf import settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dsr_portal.audit.services import head


class AboutView(APIView):
    """The controller's name and the newest audit head, so that anyone can keep it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        newest = head()
        return Response(
            {
                "controller": settings.DSR_CONTROLLER["name"],
                "audit_head": {"number": newest.number, "hash": newest.hash},
            }
        )

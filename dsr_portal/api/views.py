"""What the API tells anybody: who runs it, the newest audit head (R29), the key of notices."""

from django.conf import settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dsr_portal.audit.services import head
from dsr_portal.gallery import webhooks


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


class NoticeKeyView(APIView):
    """The public key that signs calls to recipients (docs/recipients.md)."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"ed25519": webhooks.public_key()})

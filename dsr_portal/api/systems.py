"""What the controller's own product asks and reports (R20, law E-08, E-12). No route takes a face.

Everything is answered from ids, addresses and hashes; what is not known is not to be used.
"""

import re
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dsr_portal.api.access import IsSystem, SystemToken, asking
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, PortalError
from dsr_portal.gallery import hashes, lookups, services

MOST = 1000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_ITEM_KEYS = frozenset({"page", "image", "sha256"})
_ACTOR = Actor.system("connected-system")


class SystemView(APIView):
    """A page for systems with a token; a refusal is an object with code and words."""

    authentication_classes = (SystemToken,)
    permission_classes = (IsSystem,)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, PortalError):
            body = {"code": exc.code, "message": str(exc.message)}
            return Response(body, status=exc.http_status)
        return super().handle_exception(exc)


class RestrictedView(SystemView):
    """`{"ids": [...]}` gives `{"restricted": [...]}`: those that must not be used now (Art. 18)."""

    def post(self, request: Request) -> Response:
        ids = [_uuid(one) for one in _list(request.data, "ids")]
        return Response({"restricted": sorted(str(one) for one in services.restricted(ids))})


class BlockedView(SystemView):
    """`{"items": [{"page", "image", "sha256"}]}` gives `{"blocked": [true, false]}` (law E-12)."""

    def post(self, request: Request) -> Response:
        items = [_item(one) for one in _list(request.data, "items")]
        return Response({"blocked": [services.blocked(**one) for one in items]})


class LookUpsView(SystemView):
    """A log of look-ups in rows, with the period it covers without a gap (R16)."""

    def post(self, request: Request) -> Response:
        data = _object(request.data)
        rows = _list(data, "rows")
        if not all(isinstance(row, dict) for row in rows):
            raise _bad(_("Each row is an object."))
        report = lookups.record_rows(
            rows=rows,
            system=asking(request).name,
            covers_from=_day(data.get("from")),
            covers_to=_day(data.get("to")),
            actor=_ACTOR,
        )
        body = {
            "log": str(report.log_id),
            "rows": report.rows,
            "recorded": report.recorded,
            # The first row is 1; in a file it stands in line 2.
            "unmatched": [line - 1 for line in report.unmatched],
        }
        return Response(body, status=201)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _bad(_("Send a JSON object."))
    return data


def _list(data: Any, name: str) -> list[Any]:
    found = _object(data).get(name)
    if not isinstance(found, list) or not found or len(found) > MOST:
        raise _bad(
            _('Send an object with "%(name)s": a list of 1 to %(most)s.')
            % {"name": name, "most": MOST}
        )
    return found


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise _bad(_("Each id is a UUID.")) from None


def _item(value: Any) -> dict[str, str]:
    texts = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if not texts or not value or not value.keys() <= _ITEM_KEYS:
        raise _bad(_('Each item has "page", "image" or "sha256", as text.'))
    digest = value.get("sha256", "")
    if digest and not _SHA256.fullmatch(digest):
        raise _bad(_('"sha256" is the SHA-256 of the exact file, in 64 hex digits.'))
    for address in (value.get("page", ""), value.get("image", "")):
        if address:
            hashes.of_address(address)
    return {
        "page": value.get("page", ""),
        "image": value.get("image", ""),
        "file_hash": hashes.of_file_digest(bytes.fromhex(digest)) if digest else "",
    }


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise _bad(_('"from" and "to" are days like 2024-05-31.')) from None


def _bad(words: str) -> BadInput:
    return BadInput("bad_request", words)

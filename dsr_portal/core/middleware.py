"""What holds for every page of every site."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.utils import translation

from dsr_portal.core.errors import PortalError

log = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]


class LanguageOfThePerson(LocaleMiddleware):
    """The reader's language where persons read: on the public site (law T-02).

    Desk, oversight, API and the demo's tour are written in English only. What a browser prefers
    would make their pages half translated, so it isn't asked there.
    """

    def process_request(self, request: HttpRequest) -> None:
        if settings.DSR_SITE == "public" and not request.path_info.startswith("/demo/"):
            super().process_request(request)
            return
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE


class NothingIsCached:
    """No page may stay in a browser's or a proxy's cache (law X-06)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class PlainErrors:
    """Turns a `PortalError` a view did not handle into a page in plain words."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, PortalError):
            return None
        if error.http_status >= 500:
            log.error("portal error %s", error.code, exc_info=error)
        return render(
            request, "errors/portal_error.html", {"error": error}, status=error.http_status
        )

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, Any]:
    """What every page may show: the controller, the site and whether this is the demo."""
    return {
        "controller": settings.DSR_CONTROLLER,
        "dsr_site": settings.DSR_SITE,
        "dsr_demo": settings.DSR_DEMO,
        "dsr_urls": settings.DSR_URLS,
    }

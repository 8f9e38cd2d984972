from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def demo_app_is_never_in_production(**_: Any) -> list[CheckMessage]:
    """Its pages sign anybody in: the app itself must not be installed elsewhere (R35)."""
    if settings.DSR_PRODUCTION:
        return [
            Error(
                "The demo app is installed under production settings.",
                hint="Take dsr_portal.demo out of INSTALLED_APPS.",
                id="dsr.E040",
            )
        ]
    return []

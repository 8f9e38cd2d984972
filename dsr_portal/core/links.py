"""Links that may point to another site. Sites are processes of their own (design, section 2)."""

from typing import Any

from django.conf import settings
from django.urls import reverse


def url_for(site: str, name: str, **kwargs: Any) -> str:
    """The absolute address of the page `name` on `site` (public, desk, oversight, api)."""
    path = reverse(name, urlconf=settings.DSR_SITES[site], kwargs=kwargs or None)
    return settings.DSR_URLS[site].rstrip("/") + path

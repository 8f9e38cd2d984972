"""The public site: requests, status, answers; in the demo also the tour."""

from importlib.util import find_spec

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

urlpatterns: list[URLPattern | URLResolver] = [
    path("language/", set_language, name="set_language"),
    path("", include("dsr_portal.public.urls")),
]
if settings.DSR_DEMO and find_spec("dsr_portal.demo.urls") is not None:
    urlpatterns.insert(0, path("demo/", include("dsr_portal.demo.urls")))

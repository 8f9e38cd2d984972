"""The API's site. It serves no route yet that takes a picture, a vector or a person (R20)."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("dsr_portal.api.urls")),
]

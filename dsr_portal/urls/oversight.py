from django.urls import URLPattern, URLResolver, include, path

from dsr_portal.urls.common import urlpatterns as common

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include("dsr_portal.accounts.urls")),
    path("", include("dsr_portal.oversight.urls")),
    *common,
]

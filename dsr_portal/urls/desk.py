from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include("dsr_portal.accounts.urls")),
    path("", include("dsr_portal.desk.urls")),
]

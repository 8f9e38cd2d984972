"""What every site serves: the operator's colours."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path

from dsr_portal.core.contrast import brand_css

urlpatterns: list[URLPattern | URLResolver] = [
    path("brand.css", login_not_required(brand_css), name="brand_css"),
]

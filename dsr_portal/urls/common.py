"""What every site serves: the operator's colours and the choice of a language."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path
from django.views.i18n import set_language

from dsr_portal.core.contrast import brand_css

urlpatterns: list[URLPattern | URLResolver] = [
    path("brand.css", login_not_required(brand_css), name="brand_css"),
    path("language/", login_not_required(set_language), name="set_language"),
]

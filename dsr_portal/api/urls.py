from django.urls import path

from dsr_portal.api.views import AboutView

app_name = "api"
urlpatterns = [path("v1/", AboutView.as_view(), name="about")]

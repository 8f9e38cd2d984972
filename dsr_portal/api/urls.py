from django.urls import path

from dsr_portal.api.systems import BlockedView, LookUpsView, RestrictedView
from dsr_portal.api.views import AboutView, NoticeKeyView

app_name = "api"
urlpatterns = [
    path("v1/", AboutView.as_view(), name="about"),
    path("v1/notice-key", NoticeKeyView.as_view(), name="notice_key"),
    path("v1/restricted", RestrictedView.as_view(), name="restricted"),
    path("v1/blocked", BlockedView.as_view(), name="blocked"),
    path("v1/look-ups", LookUpsView.as_view(), name="look_ups"),
]

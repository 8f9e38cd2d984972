"""The demo's own pages, on the public site and under demo settings only (R35)."""

from django.urls import path

from dsr_portal.core.component_page import component_page
from dsr_portal.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.tour, name="tour"),
    path("people/", views.people, name="people"),
    path("people/<slug:key>/photo/", views.photo, name="photo"),
    path("people/<slug:key>/ask/", views.ask, name="ask"),
    path("mail/", views.mail, name="mail"),
    path("mail/<uuid:effect_id>/", views.letter, name="letter"),
    path("clock/", views.clock_page, name="clock"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("act/", views.act, name="act"),
    path("camera/", views.camera, name="camera"),
    path("ui/", views.demo_only(component_page), name="ui"),
]

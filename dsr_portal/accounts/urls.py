"""Sign-in of desk and oversight: include at /account/. Names are those allauth reverses."""

from django.urls import path

from dsr_portal.accounts import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", views.sign_out, name="account_logout"),
    path("closed/", views.closed, name="account_inactive"),
    path("code/", views.code, name="mfa_authenticate"),
    path("set-up/", views.set_up, name="mfa_activate_totp"),
    path("start/<str:uid>/<str:token>/", views.start, name="staff_start"),
    path("ticket/", views.ticket, name="staff_ticket"),
]

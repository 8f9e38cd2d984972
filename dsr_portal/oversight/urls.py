from django.urls import path

from dsr_portal.oversight import views

app_name = "oversight"
urlpatterns = [
    path("", views.register, name="register"),
    path("head/", views.head, name="head"),
    path("orders/", views.orders, name="orders"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("cases/<str:reference>/", views.case, name="case"),
    path("cases/<str:reference>/report/", views.request_report, name="request_report"),
    path("cases/<str:reference>/reports/<uuid:report_id>/", views.download, name="download"),
]

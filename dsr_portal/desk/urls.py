from django.urls import path

from dsr_portal.desk import views

app_name = "desk"
urlpatterns = [
    path("", views.queue, name="queue"),
    path("release/", views.release, name="release"),
    path("cases/<str:reference>/", views.case, name="case"),
    path("cases/<str:reference>/identity/", views.identity, name="identity"),
    path("cases/<str:reference>/origin/", views.origin, name="origin"),
    path("cases/<str:reference>/take/", views.take, name="take"),
    path("cases/<str:reference>/compare/", views.compare, name="compare"),
    path("cases/<str:reference>/finish/", views.finish, name="finish"),
    path("cases/<str:reference>/answer/", views.answer, name="answer"),
    path("cases/<str:reference>/erasure/", views.start_erasure, name="erasure"),
    path(
        "cases/<str:reference>/authority/", views.open_to_authority, name="open_to_authority"
    ),
    path("cases/<str:reference>/probe/<uuid:probe_id>/", views.probe_picture, name="probe_picture"),
    path(
        "cases/<str:reference>/face/<uuid:decision_id>/", views.face_picture, name="face_picture"
    ),
    path(
        "cases/<str:reference>/documents/<uuid:document_id>/", views.document, name="document"
    ),
]

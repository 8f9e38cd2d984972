from django.urls import path

from dsr_portal.desk import comparing, views

app_name = "desk"
_CASE = "cases/<str:reference>/"
urlpatterns = [
    path("", views.queue, name="queue"),
    path("release/", views.release, name="release"),
    path(_CASE, views.case, name="case"),
    path(_CASE + "progress/", views.progress, name="progress"),
    path(_CASE + "identity/", views.identity, name="identity"),
    path(_CASE + "consent/", views.consent, name="consent"),
    path(_CASE + "message/", views.message, name="message"),
    path(_CASE + "origin/", views.origin, name="origin"),
    path(_CASE + "take/", views.take, name="take"),
    path(_CASE + "compare/", comparing.compare, name="compare"),
    path(_CASE + "finish/", comparing.finish, name="finish"),
    path(_CASE + "answer/", views.answer, name="answer"),
    path(_CASE + "erasure/", views.start_erasure, name="erasure"),
    path(_CASE + "hold/", views.hold, name="hold"),
    path(_CASE + "authority/", views.open_to_authority, name="authority"),
    path(_CASE + "probe/<uuid:probe_id>/", comparing.probe_picture, name="probe_picture"),
    path(_CASE + "face/<uuid:decision_id>/", comparing.face_picture, name="face_picture"),
    path(_CASE + "documents/<uuid:document_id>/", views.document, name="document"),
]

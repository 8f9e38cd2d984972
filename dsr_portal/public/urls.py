from django.urls import path

from dsr_portal.public import answers, pages, requests, status

app_name = "public"
urlpatterns = [
    path("", pages.home, name="home"),
    path("help/", pages.help_page, name="help"),
    path("notice/", pages.notice, name="notice"),
    path("privacy/", pages.privacy, name="privacy"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("trail/", pages.trail, name="trail"),
    path("request/", requests.wish, name="wish"),
    path("request/way/", requests.way, name="way"),
    path("request/consent/", requests.consent, name="consent"),
    path("request/contact/", requests.contact, name="contact"),
    path("request/check/", requests.check, name="check"),
    path("request/photo/", requests.photo, name="draft_photo"),
    path("request/stop/", requests.stop, name="stop"),
    path("receipt/", requests.receipt, name="receipt"),
    path("receipt/pdf/", requests.receipt_pdf, name="receipt_pdf"),
    path("status/", status.sign_in, name="status"),
    path("status/request/", status.case, name="case"),
    path("status/words/", status.words, name="case_words"),
    path("status/leave/", status.leave, name="leave"),
    path("status/consent/", status.consent, name="case_consent"),
    path("status/consent/withdraw/", status.withdraw_consent, name="withdraw_consent"),
    path("status/photo/", status.photo, name="case_photo"),
    path("status/message/", status.message, name="message"),
    path("status/mailbox/", status.mailbox, name="mailbox"),
    path("status/withdraw/", status.withdraw, name="withdraw"),
    path("status/delete/", status.delete_now, name="delete_now"),
    path("status/delete/stop/", status.stop_deleting, name="stop_deleting"),
    path("status/link/", status.new_link, name="new_link"),
    path("answer/<str:token>/", answers.answer, name="answer"),
    path("answer/<str:token>/leave/", answers.leave, name="answer_leave"),
    path("answer/<str:token>/<int:ordinal>/", answers.part, name="answer_part"),
]

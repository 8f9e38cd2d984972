"""Every page of the public site in a browser: axe finds nothing, and it fits a phone (law T-04)."""

import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse

from dsr_portal.accounts.models import Role
from dsr_portal.cases import invitations, mandate_checks
from dsr_portal.cases import services as cases
from dsr_portal.cases.codes import address_token
from dsr_portal.cases.mandate_models import Addressee
from tests.e2e.pages import Patched, face, violations
from tests.e2e.test_no_photo_pages import choose
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.represented import invitation, sent_for_somebody
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PLAIN = ("home", "help", "notice", "privacy", "children", "accessibility", "trail", "paper_form")
OF_A_REQUEST = (
    "case", "case_way", "case_photo", "add_right", "evidence_lock", "mailbox", "withdraw",
    "document", "by_phone",
)  # fmt: skip
NAMES = (
    *PLAIN, "wish", "way", "consent", "contact", "check", "receipt", "status", "status_wrong",
    *OF_A_REQUEST, "case_answered", "delete_now", "answer_code", "answer", "not_me",
    "not_me_told", "answer_closed", "address", "case_new_address", "object_address",
    "object_address_done", "object_address_over", "invitation", "representing",
    "representing_code", "no_page",
)  # fmt: skip
# Looked at in test_no_photo_pages and test_own_face_pages, where what they need is made.
ELSEWHERE = {
    "own_face",
    "own_face_for",
    "one_page",
    "correct",
    "correct_for",
    "acting",
    "acting_set_up",
    "acting_link",
}
# Views that answer with a file, or take a form and lead to one of the pages above.
NO_PAGE = {
    "draft_photo", "stop", "receipt_pdf", "case_words", "leave", "case_consent", "end_face_block",
    "withdraw_consent", "case_photo_out", "message", "stop_deleting", "new_link", "want",
    "end_mandate", "representing_leave", "answer_leave", "answer_part",
    "complaint_pack", "own_data", "on_paper", "keep_address",
    "acting_leave", "acting_open", "acting_answer", "acting_part", "face", "face_for",
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        settings = Patched(patch)
        own_places(settings, tmp_path_factory.mktemp("pages"))
        with undone():
            choose(settings, "public")
            found = asking() | looking() | answered() | for_somebody() | moving()
    return {name: (page.content, "text/html") for name, page in found.items()}


def get(browser, name, **kwargs):
    return browser.get(reverse(f"public:{name}", kwargs=kwargs))


def entered(case):
    browser = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    browser.post(reverse("public:status"), keys)
    return browser


def asking():
    """The plain pages, and a request from its first question to the receipt."""
    browser = Client()
    seen = {name: get(browser, name) for name in (*PLAIN, "wish", "status")}
    wrong = {"reference": "AAA-BBBB", "code": "no such code"}
    seen["status_wrong"] = browser.post(reverse("public:status"), wrong)
    seen["no_page"] = browser.get("/there/is/nothing/")
    browser.post(reverse("public:wish"), {"rights": ["access", "erasure"]})
    seen["way"] = get(browser, "way")
    photo = SimpleUploadedFile("me.jpg", face("photos/mina.jpg"), "image/jpeg")
    ways = {"photo": photo, "pages": "example.org/me", "account": "", "other": ""}
    browser.post(reverse("public:way"), ways)
    seen["consent"] = get(browser, "consent")
    browser.post(reverse("public:consent"), {"comparison": "on"})
    seen["contact"] = get(browser, "contact")
    reach = {"how": "email", "email": "mina@example.org", "language": "en", "country": "NL"}
    browser.post(reverse("public:contact"), reach)
    seen["check"] = get(browser, "check")
    browser.post(reverse("public:check"))
    seen["receipt"] = get(browser, "receipt")
    return seen


def looking():
    browser = entered(support.opened(["access", "erasure", "restriction"]))
    return {name: get(browser, name) for name in OF_A_REQUEST}


def answered():
    case = support.opened(["access", "erasure"])
    delivery = support.delivered(case)
    token = cases.link_token(delivery)
    browser = entered(case)
    seen = {"case_answered": get(browser, "case"), "delete_now": get(browser, "delete_now")}
    seen["answer_code"] = get(browser, "answer", token=token)
    browser.post(reverse("public:answer", args=[token]), {"code": cases.receipt_code(case)})
    seen["answer"], seen["not_me"] = (
        get(browser, name, token=token) for name in ("answer", "not_me")
    )
    seen["not_me_told"] = browser.post(reverse("public:not_me", args=[token]))
    seen["answer_closed"] = get(browser, "answer", token=token)
    return seen


def moving():
    """A new address, and what the mail to the old one leads to (R13)."""
    case = support.opened(["access"])
    browser = entered(case)
    seen = {"address": get(browser, "address", what="postal")}
    given = {"email": "new@example.org", "code": cases.receipt_code(case)}
    browser.post(reverse("public:address", kwargs={"what": "email"}), given)
    seen["case_new_address"] = get(browser, "case")
    change = case.address_changes.get()
    token = address_token(contact_unit=case.contact_unit, change_id=change.id)
    seen["object_address"] = get(browser, "object_address", token=token)
    at = reverse("public:object_address", args=[token])
    seen["object_address_done"] = browser.post(at)
    seen["object_address_over"] = browser.get(at)
    return seen


def for_somebody():
    writer, officer = actor(staff("S-1")), actor(staff("S-2", Role.SUPERVISOR))
    case, mandate = sent_for_somebody(writer)
    mandate_checks.accept(mandate_id=mandate.id, actor=officer, words="The signature is there.")
    browser = Client()
    theirs = invitations.token_of(invitation(case, Addressee.REPRESENTATIVE))
    seen = {"invitation": get(browser, "invitation", token=theirs)}
    browser.post(reverse("public:invitation", args=[theirs]))
    seen["representing_code"] = get(browser, "representing_code")
    seen["representing"] = get(browser, "representing")
    return seen


def test_no_page_is_forgotten(pages):
    """A new view of the public site is looked at, or named as one that shows no page."""
    views = {name for name in get_resolver("dsr_portal.public.urls").reverse_dict if name}
    names = {name for name in views if isinstance(name, str)}
    assert names - NO_PAGE - ELSEWHERE - set(NAMES) == set()
    assert set(pages) == set(NAMES)


def test_axe_finds_nothing_and_pages_fit_a_phone(open_page):
    """T-04: WCAG 2.2 AA, light and dark; SC 1.4.10: no sideways scrolling at 320 px."""
    found = {}
    page = open_page(NAMES[0], reduced_motion="reduce")
    for name in NAMES:
        page.complaints = []
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.show(name)
        seen = {"light": violations(page)}
        page.emulate_media(color_scheme="dark")
        seen["dark"] = violations(page)
        page.set_viewport_size({"width": 320, "height": 900})
        seen["too wide"] = page.evaluate("document.documentElement.scrollWidth") > 320
        seen["complaints"] = page.complaints
        found[name] = {what: one for what, one in seen.items() if one}
    assert {name: one for name, one in found.items() if one} == {}

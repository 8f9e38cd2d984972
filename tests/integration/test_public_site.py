"""The public site: five posts to Send, receipt, status, answer; and everything people do wrong."""

import logging
import logging.config
import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse

from dsr_portal.audit.models import Event
from dsr_portal.cases import codes, drafts, selectors, services
from dsr_portal.cases.models import Case, Consent, Draft, Status, WayKind
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.logs import Masked
from dsr_portal.core.registries import senders
from dsr_portal.disclosure.models import Answer
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.jobs.models import Effect, Job
from dsr_portal.matching.models import Probe, ProbeState, Search
from dsr_portal.public import sending
from dsr_portal.vault import services as vault
from tests.support import bad_input
from tests.support import cases as support

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def public_site(site):
    site("public")


@pytest.fixture
def browser():
    return Client(enforce_csrf_checks=False)


def at(name: str, **kwargs) -> str:
    return reverse(f"public:{name}", kwargs=kwargs or None)


def upload(data: bytes, name: str = "me.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/jpeg")


def wish(browser, rights=("access", "erasure"), **more):
    return browser.post(at("wish"), {"rights": list(rights), **more})


def fill(browser, *, photo=None, agree=True, contact=None, **ways):
    """Walk steps 1 to 4; the check page comes back."""
    assert wish(browser).status_code == 302
    data = {"pages": "", "account": "", "other": "", **ways}
    if photo is not None:
        data["photo"] = upload(photo)
    response = browser.post(at("way"), data)
    assert response.status_code == 302, response.content.decode()
    if photo is not None:
        assert response.url == at("consent")
        browser.post(at("consent"), {"comparison": "on"} if agree else {})
    contact = contact or {"how": "email", "email": "mina@example.org", "language": "en"}
    response = browser.post(at("contact"), contact)
    assert response.status_code == 302, response.content.decode()
    return browser.get(at("check"))


def sent(browser, **how) -> Case:
    fill(browser, **how)
    response = browser.post(at("check"))
    assert response.status_code == 302
    assert response.url == at("receipt")
    return Case.objects.latest("received_at")


def text_of(response) -> str:
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(plain.replace("&#x27;", "'").split())


# -- the way to Send ----------------------------------------------------------------------------


def test_five_posts_from_the_start_page_to_a_receipt(browser):
    """T-05, T-10, R14: photo and request arrive together, and the photo's check is queued."""
    assert "Start a request" in text_of(browser.get(at("home")))
    case = sent(browser, photo=bad_input.jpeg())
    assert set(selectors.rights_of(case)) == {"access", "erasure"}
    probe = Probe.objects.get(case=case)
    assert probe.state == ProbeState.RECEIVED
    assert Job.objects.filter(kind="matching.judge_probe", subject=str(probe.id)).count() == 1
    assert vault.read(probe.unit, "picture")[:2] == b"\xff\xd8"
    page = browser.get(at("receipt"))
    shown = text_of(page)
    assert services.receipt_code(case) in shown
    for part in (case.reference, "What happens next", "data protection officer", "complain"):
        assert part in shown
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"pages": "example.org/me"},
        {"account": "site.org: mina"},
        {"other": "In a poster"},
        {"pages": "https://a.org/1\nhttps://b.org/2", "account": "x"},
    ],
)
def test_no_way_in_is_compulsory(browser, ways):
    """N-10, T-05, T-06: every way, and none, opens a case with the same clock."""
    case = sent(browser, **ways)
    assert case.due_on > case.received_on
    assert not Probe.objects.exists()


def test_the_exact_file_is_kept_as_it_was_and_found_by_keyed_hash(browser):
    """T-06 (c)."""
    from dsr_portal.gallery import hashes

    data = bad_input.jpeg()
    wish(browser)
    browser.post(at("way"), {"pages": "", "account": "", "other": "", "file": upload(data)})
    browser.post(at("contact"), {"how": "none", "language": "en"})
    browser.post(at("check"))
    case = Case.objects.get()
    way = case.ways.get(kind=WayKind.FILE)
    assert way.keyed_hash == hashes.of_file(data)
    assert vault.read(case.file_unit, way.field) == data


def test_only_a_right_and_a_way_to_be_reached_are_needed(browser):
    """T-05, T-14, R-09: no name, no country, no reason."""
    case = sent(browser, contact={"how": "none", "language": "en"})
    assert case.country == ""
    assert selectors.contact_of(case) == {"email": "", "name": "", "phone": "", "postal": ""}
    assert not Effect.objects.exists()


def test_the_urgent_question_is_optional_and_puts_the_case_first(browser):
    """R10."""
    wish(browser, urgent="on")
    browser.post(at("way"), {})
    browser.post(at("contact"), {"how": "none", "language": "en"})
    browser.post(at("check"))
    assert Case.objects.get().urgent


def test_back_and_change_keep_what_was_written(browser):
    fill(browser, photo=bad_input.jpeg(), pages="example.org/me")
    assert "example.org/me" in browser.get(at("way")).content.decode()
    page = browser.get(at("wish")).content.decode()
    assert page.count("checked") == 3  # two wishes, and for whom
    assert browser.get(at("draft_photo"))["Content-Type"] == "image/jpeg"
    changed = browser.post(at("wish") + "?change=1", {"rights": ["access"]})
    assert changed.url == at("check")
    assert "Delete what you hold" not in text_of(browser.get(at("check")))


def test_a_photo_can_be_taken_out_again(browser):
    wish(browser)
    browser.post(at("way"), {"photo": upload(bad_input.jpeg())})
    (photo,) = drafts.photos_of(Draft.objects.get())
    assert browser.post(at("way"), {"take_out": str(photo.id)}).status_code == 302
    assert browser.get(at("draft_photo")).status_code == 404
    assert browser.get(at("consent")).url == at("contact")


def test_a_read_photo_is_kept_when_another_field_is_wrong(browser):
    wish(browser)
    page = browser.post(at("way"), {"photo": upload(bad_input.jpeg()), "pages": "not an address"})
    assert "is not an address" in text_of(page)
    assert browser.get(at("draft_photo")).status_code == 200


# -- consent ------------------------------------------------------------------------------------


def test_the_box_is_unticked_and_without_it_the_photo_only_waits(browser):
    """R8, P-02: no consent record, no job that could make a face code."""
    wish(browser)
    browser.post(at("way"), {"photo": upload(bad_input.jpeg())})
    assert "checked" not in browser.get(at("consent")).content.decode()
    browser.post(at("consent"), {})
    browser.post(at("contact"), {"how": "none", "language": "en"})
    assert "did not agree" in text_of(browser.get(at("check")))
    browser.post(at("check"))
    case = Case.objects.get()
    assert Probe.objects.get(case=case).state == ProbeState.WAITING_CONSENT
    assert not Consent.objects.exists()
    assert not Job.objects.filter(kind="matching.judge_probe").exists()
    page = browser.get(at("case"))
    assert "nobody works with it" in text_of(page)
    browser.post(at("case_consent"), {"agree": "yes"})
    assert Probe.objects.get(case=case).state == ProbeState.RECEIVED
    assert Consent.objects.get().scope == "comparison"


def test_going_on_without_the_photo_removes_it(browser):
    wish(browser)
    browser.post(at("way"), {"photo": upload(bad_input.jpeg())})
    assert browser.post(at("consent"), {"without": "photo"}).url == at("contact")
    browser.post(at("contact"), {"how": "none", "language": "en"})
    browser.post(at("check"))
    assert not Probe.objects.exists()


def test_consent_is_withdrawn_with_one_click(browser):
    """P-03, R8."""
    case = sent(browser, photo=bad_input.jpeg())
    probe = Probe.objects.get(case=case)
    page = browser.post(at("withdraw_consent"), follow=True)
    assert "We stopped at" in text_of(page)
    probe.refresh_from_db()
    assert probe.state == ProbeState.DELETED
    with pytest.raises(vault.Shredded):
        vault.read(probe.unit, "picture")
    case.refresh_from_db()
    assert case.status in {Status.RECEIVED, Status.NEEDS_INFO}


# -- bad input ----------------------------------------------------------------------------------

REFUSED = {
    "nothing in it": (lambda: b"", "empty"),
    "a text named .jpg": (lambda: bad_input.TEXT, "not a picture"),
    "a truncated JPEG": (lambda: bad_input.jpeg()[:-900], "missing or damaged"),
    "a bomb of 100 megapixels": (bad_input.png_bomb, "too many pixels"),
    "30 MB": (lambda: b"\xff\xd8" + bytes(30 * 1024 * 1024), "too large"),
    "an SVG": (lambda: bad_input.SVG, "not a picture|can't read this kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_photo_that_cannot_be_read_is_told_in_plain_words(browser, name):
    """1c: a clear answer, nothing kept, the way goes on."""
    make, words = REFUSED[name]
    wish(browser)
    page = browser.post(at("way"), {"photo": upload(make()), "other": "kept words"})
    shown = text_of(page)
    assert "There is a problem" in shown
    assert re.search(words, shown), shown
    assert "kept words" in shown
    assert browser.get(at("draft_photo")).status_code == 404
    assert browser.post(at("way"), {"other": "kept words"}).status_code == 302


@pytest.mark.parametrize("name", sorted(bad_input.ACCEPTED))
def test_every_usual_kind_of_picture_is_taken(browser, name):
    """1c: greyscale, RGBA, WEBP, HEIC, EXIF rotation."""
    wish(browser)
    response = browser.post(at("way"), {"photo": upload(bad_input.ACCEPTED[name](), "a.bin")})
    assert response.status_code == 302, text_of(response)


def test_a_photo_is_turned_upright_and_loses_its_metadata(browser):
    """P-07."""
    from PIL import Image

    wish(browser)
    browser.post(at("way"), {"photo": upload(bad_input.turned(6))})
    data = browser.get(at("draft_photo")).content
    assert b"EXIFCANARY" not in data
    picture = Image.open(BytesIO(data))
    red = picture.convert("RGB").getpixel((5, 5))
    assert picture.size == bad_input.SIZE
    assert red[0] > 180 > red[1] + 100


def test_nothing_chosen_and_bad_addresses_are_told(browser):
    page = browser.post(at("wish"), {})
    assert "Choose at least one of these" in text_of(page)
    assert page.content.decode().count("<title>Error:") == 1
    wish(browser)
    browser.post(at("way"), {})
    page = browser.post(at("contact"), {"how": "email", "email": "mina@", "language": "en"})
    assert "looks like name@site.org" in text_of(page)
    page = browser.post(at("contact"), {"how": "post", "language": "en"})
    assert "Write your postal address" in text_of(page)


# -- double submit, back button, session over ---------------------------------------------------


def test_sending_twice_opens_one_case(browser):
    fill(browser, photo=bad_input.jpeg())
    session = browser.cookies["dsr_public_session"].value
    browser.post(at("check"))
    # The second press left the browser before the first answer came.
    draft = Case.objects.get().draft_id
    again = sending.send(draft_id=draft, language="en")
    assert not again.created
    assert browser.post(at("check")).url == at("receipt")
    assert Case.objects.count() == 1
    assert Probe.objects.count() == 1
    assert Effect.objects.filter(kind="mail.receipt").count() == 1
    assert session


def test_the_back_button_after_send_leads_to_the_receipt(browser):
    sent(browser)
    for name in ("check", "contact", "consent", "way"):
        assert browser.get(at(name)).url == at("receipt")


def test_a_session_that_is_over_says_so_plainly(browser, monkeypatch):
    fill(browser)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=25))
    page = browser.post(at("check"))
    assert page.status_code == 410
    assert "open too long" in text_of(page)
    assert not Case.objects.exists()


def test_a_step_without_a_beginning_is_the_plain_page(browser):
    for name in ("way", "consent", "contact", "check"):
        assert browser.get(at(name)).status_code == 410
    assert browser.get(at("receipt")).status_code == 410
    assert browser.get(at("draft_photo")).status_code == 404


def test_stopping_destroys_the_draft(browser):
    fill(browser, photo=bad_input.jpeg())
    draft = Draft.objects.get()
    assert "is deleted" in text_of(browser.post(at("stop")))
    assert not Draft.objects.exists()
    with pytest.raises(vault.Shredded):
        vault.read(draft.unit, "answers")


def test_the_session_keeps_ids_and_times_only(browser):
    """Design 5."""
    fill(
        browser,
        photo=bad_input.jpeg(),
        other="CANARYWORDS",
        contact={"how": "email", "email": "canary@example.org", "language": "en"},
    )
    kept = str(dict(browser.session))
    assert "CANARY" not in kept.upper()
    browser.post(at("check"))
    case = Case.objects.get()
    kept = str(dict(browser.session))
    assert "CANARY" not in kept.upper()
    assert services.receipt_code(case) not in kept


# -- status -------------------------------------------------------------------------------------


def test_reference_and_code_open_the_page_and_one_of_them_does_not(browser):
    """R12, T-11."""
    case = support.opened()
    other = support.opened()
    code = services.receipt_code(case)
    for reference, tried in (
        (case.reference, services.receipt_code(other)),
        (other.reference, code),
        (case.reference, "AAAA-BBBB-CCCC-DDDD"),
    ):
        page = browser.post(at("status"), {"reference": reference, "code": tried})
        assert "do not belong together" in text_of(page)
    page = browser.post(at("status"), {"reference": "K7M-2QX5", "code": code})
    assert "typing mistake" in text_of(page) or "do not belong" in text_of(page)
    typed = case.reference.lower().replace("-", " ")
    page = browser.post(at("status"), {"reference": typed, "code": code.lower()})
    assert page.url == at("case")
    assert case.reference in text_of(browser.get(at("case")))


def test_the_page_closes_after_half_an_hour_and_on_leaving(browser, monkeypatch):
    case = support.opened()
    keys = {"reference": case.reference, "code": services.receipt_code(case)}
    browser.post(at("status"), keys)
    browser.post(at("leave"))
    assert browser.get(at("case")).url == at("status")
    browser.post(at("status"), keys)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=31))
    assert browser.get(at("case")).url == at("status")


def test_the_page_shows_a_word_a_date_and_no_match(browser):
    """R3."""
    case = support.decided(support.opened())
    browser.post(at("status"), {"reference": case.reference, "code": services.receipt_code(case)})
    shown = text_of(browser.get(at("case")))
    assert "Checking" in shown
    for word in ("candidate", "match", "score", "found", "review", "second person"):
        assert word not in shown.lower()


def test_an_unusable_photo_needs_you_and_another_one_goes_on(browser):
    """T-07, R-10; quality words without any word about pictures we hold."""
    case = sent(browser, photo=bad_input.jpeg())
    Probe.objects.filter(case=case).update(state=ProbeState.UNUSABLE, verdict="no_face")
    Case.objects.filter(id=case.id).update(status=Status.NEEDS_INFO)
    shown = text_of(browser.get(at("case")))
    assert "We can't see a face in this photo" in shown
    assert "Needs you" in shown
    page = browser.post(at("case_photo"), {"photo": upload(bad_input.TEXT)})
    assert "not a picture" in text_of(page)
    page = browser.post(at("case_photo"), {"photo": upload(bad_input.jpeg())})
    assert page.url == at("case")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert Probe.objects.filter(case=case, state=ProbeState.RECEIVED).count() == 1


def test_an_erasure_nobody_was_told_of_leaves_no_trace_on_the_page(browser):
    """R3: neither the photo that goes, nor the hold window, nor what may be done tells of it."""
    case = sent(browser, photo=bad_input.jpeg())
    case.rights.filter(right="access").delete()
    Probe.objects.filter(case=case).update(state=ProbeState.USABLE, verdict="ok")
    support.decided(case)
    # What follows is the form's token, new on every page.
    nothing_found = text_of(browser.get(at("case")))
    services.advance(case=case, action=Action.START_ERASURE, actor=support.SECOND)
    plan = Plan.objects.create(
        case=case,
        state=PlanState.HOLD,
        frozen_at=clock.now(),
        hold_until=clock.now(),
        requested_by="S-1",
        approver="S-1",
    )
    held = text_of(browser.get(at("case")))
    assert "can't be stopped" in text_of(browser.post(at("stop_deleting"), follow=True))
    Probe.objects.filter(case=case).update(state=ProbeState.DELETED)
    gone = text_of(browser.get(at("case")))
    assert nothing_found == held == gone
    page = browser.post(at("withdraw"), follow=True)
    assert "You withdrew your request" in text_of(page)
    plan.refresh_from_db()
    assert plan.state == PlanState.STOPPED


def test_taking_back_while_an_unseen_erasure_runs_ends_on_the_same_page(browser):
    """R3: the same page by POST, hit or no hit."""
    pages = []
    for erases in (True, False):
        browser = Client()
        case = support.decided(support.opened(rights=["erasure"]))
        if erases:
            services.advance(case=case, action=Action.START_ERASURE, actor=support.SECOND)
            Plan.objects.create(
                case=case,
                state=PlanState.RUNNING,
                frozen_at=clock.now(),
                hold_until=clock.now(),
                requested_by=support.SECOND.id,
                requester_role="officer",
                approver=support.SECOND.id,
                approver_role="officer",
            )
        keys = {"reference": case.reference, "code": services.receipt_code(case)}
        browser.post(at("status"), keys)
        page = browser.post(at("withdraw"), follow=True)
        assert page.status_code == 200
        again = browser.post(at("withdraw"))
        assert again.status_code == 409
        pages.append(text_of(page).replace(case.reference, "REF"))
    assert pages[0] == pages[1]
    assert "You withdrew your request" in pages[0]


def test_the_heading_is_for_who_never_sent_a_photo_too(browser):
    sent(browser, pages="https://example.org/a")
    page = text_of(browser.get(at("case_photo")))
    assert "Send a photo of you" in page
    assert "another" not in page


def test_a_photo_too_late_is_told_plainly(browser):
    """What happened, what was kept, how it goes on; nothing says "Problem"."""
    case = sent(browser, photo=bad_input.jpeg())
    assert "Add another photo" in text_of(browser.get(at("case_photo")))
    support.identified(case)
    services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
    for page in (
        browser.get(at("case_photo")),
        browser.post(at("case_photo"), {"photo": upload(bad_input.jpeg())}),
    ):
        assert page.status_code == 409
        shown = text_of(page)
        assert "Your photo was not taken" in shown
        assert "Your request goes on and keeps its date" in shown
        assert "Problem" not in shown
    assert Probe.objects.filter(case=case).count() == 1


def test_a_photo_that_meets_the_beginning_of_the_search_is_not_kept(browser, monkeypatch):
    """The search began between the page and the press: the service refuses, nothing is kept."""
    case = sent(browser, photo=bad_input.jpeg())
    support.identified(case)
    real = sending.add_photo

    def late(**how):
        services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
        real(**how)

    monkeypatch.setattr(sending, "add_photo", late)
    page = browser.post(at("case_photo"), {"photo": upload(bad_input.jpeg())})
    assert page.status_code == 409
    assert "Your photo was not taken" in text_of(page)
    assert Probe.objects.filter(case=case).count() == 1


def test_the_mailbox_is_confirmed_with_the_code_of_the_mail(browser):
    """R12: optional, after Send."""
    case = sent(browser)
    browser.post(at("mailbox"), {"send": "yes"})
    mail = selectors.mailbox(case)
    assert codes.mail_code(mail) in senders.get("mail.code").render(mail.id).text
    wrong = "111111" if codes.mail_code(mail) != "111111" else "222222"
    assert "not the code" in text_of(browser.post(at("mailbox"), {"code": wrong}))
    assert browser.post(at("mailbox"), {"code": codes.mail_code(mail)}).url == at("case")
    assert selectors.mailbox(case).confirmed_at


def test_words_added_later_reach_the_file(browser):
    """T-11."""
    case = sent(browser)
    browser.post(at("message"), {"message-text": "There is one more page."})
    assert [m.text for m in selectors.messages_of(case)] == ["There is one more page."]
    page = browser.post(at("message"), {"message-text": ""})
    assert "Fill in" in text_of(page)


def test_a_request_is_taken_back_behind_a_page_that_says_what_happens(browser):
    case = sent(browser, photo=bad_input.jpeg())
    assert "it ends here" in text_of(browser.get(at("withdraw")))
    assert browser.post(at("withdraw")).url == at("case")
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.CLOSED, "withdrawn")
    page = text_of(browser.get(at("case")))
    assert "Done" in page
    assert "You took this request back." in page
    assert "Answer ready" not in page, "no answer was ever ready"


# -- the answer ---------------------------------------------------------------------------------


def test_link_and_code_open_the_answer_for_half_an_hour(browser, monkeypatch):
    """R13."""
    case = support.opened()
    delivery = support.delivered(case)
    token = services.link_token(delivery)
    link = at("answer", token=token)
    part = at("answer_part", token=token, ordinal=1)
    assert "Enter your receipt code" in text_of(browser.get(link))
    assert browser.get(part).url == link
    assert browser.post(link, {"code": services.receipt_code(case)}).url == link
    assert "Your answer" in text_of(browser.get(link))
    whole = browser.get(part)
    assert whole.content == b'{"note":""}'
    assert "attachment" in whole["Content-Disposition"]
    rest = browser.get(part, headers={"range": "bytes=4-"})
    assert (rest.status_code, rest.content) == (206, whole.content[4:])
    assert browser.get(part, headers={"range": "bytes=99-"}).status_code == 416
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=31))
    assert browser.get(part).url == link


def test_a_broken_download_is_one_fetching_in_the_trail(browser):
    """L-09: one event for each part and session, however often it goes on."""
    case = support.opened()
    token = services.link_token(support.delivered(case))
    part = at("answer_part", token=token, ordinal=1)

    def fetched():
        return Event.objects.filter(case_id=case.id, type="delivery.fetched").count()

    for sessions in (1, 2):
        browser = Client()
        browser.post(at("answer", token=token), {"code": services.receipt_code(case)})
        for asked in ("bytes=0-3", "bytes=4-7", "bytes=8-"):
            assert browser.get(part, headers={"range": asked}).status_code == 206
        browser.get(part)
        assert fetched() == sessions


def test_a_new_code_closes_pages_opened_with_the_old_one(browser):
    """R12: answer, request's page and receipt; none shows the new code to an old session."""
    case = sent(browser)
    support.delivered(case)
    code = services.receipt_code(case)
    (delivery,) = selectors.open_deliveries(case)
    link = at("answer", token=services.link_token(delivery))
    browser.post(link, {"code": code})
    assert "Your answer" in text_of(browser.get(link))
    new = support.renewed(case)
    assert "Enter your receipt code" in text_of(browser.get(link))
    assert (
        browser.get(at("answer_part", token=services.link_token(delivery), ordinal=1)).url == link
    )
    assert browser.get(at("case")).url == at("status")
    receipt = browser.get(at("receipt"))
    assert receipt.status_code == 410
    assert new not in receipt.content.decode()
    assert browser.get(at("receipt_pdf")).status_code == 410


def test_every_open_link_stands_on_the_page(browser):
    case = support.opened()
    support.delivered(case)
    opened_answer(browser, case, a_part(case, "application/pdf"), kind="certificate")
    shown = text_of(browser.get(at("case")))
    assert "Open your certificate" in shown
    assert "Open your answer" in shown


def opened_answer(browser, case: Case, *parts: services.Part, kind: str = "answer") -> str:
    """The page behind the link, after the right code."""
    made = services.make_delivery(case=case, kind=kind, actor=support.SECOND, parts=list(parts))
    services.release_batch(actor=support.SECOND)
    made.refresh_from_db()
    link = at("answer", token=services.link_token(made))
    browser.post(link, {"code": services.receipt_code(case)})
    return text_of(browser.get(link))


def a_part(case: Case, media_type: str) -> services.Part:
    return services.Part(name="a", media_type=media_type, unit=case.file_unit, field="intake")


def test_the_answer_is_said_before_anything_is_saved_or_shown(browser):
    """Answer first (ui.md); there is something to delete only where something was found."""
    case = support.decided(support.opened())
    page = opened_answer(browser, case, a_part(case, "image/jpeg"), a_part(case, "image/jpeg"))
    assert "Yes, we hold pictures of you: 2. They are hidden until you choose to see them." in page
    assert "Have it deleted now" in page
    assert "Open your answer" in text_of(browser.get(at("case")))
    certificate = opened_answer(browser, case, a_part(case, "application/pdf"), kind="certificate")
    assert "what we could not check" in certificate
    assert "Open your certificate" in text_of(browser.get(at("case")))


def test_nothing_found_is_said_and_nothing_is_offered_to_delete(browser):
    """R15: with what was compared and when; a deletion that has nothing to do is not promised."""
    case = sent(browser, photo=bad_input.jpeg())
    Probe.objects.filter(case=case).update(state=ProbeState.USABLE, verdict="ok")
    support.decided(case)
    search = Search.objects.create(
        case=case,
        probe=Probe.objects.get(case=case),
        threshold=0.6,
        strong_threshold=0.7,
        compared=31,
        started_at=clock.now(),
        finished_at=clock.now(),
    )
    Answer.objects.create(
        case=case, search=search, kind="nothing_found", state="approved", frozen_at=clock.now()
    )
    services.set_outcome(case=case, outcome="nothing_found", actor=support.SECOND)
    page = opened_answer(browser, case, a_part(case, "application/pdf"))
    assert "We did not find pictures of you. We compared your photo with the 31 faces" in page
    assert "Have it deleted now" not in page
    assert "somebody else and not you" not in page
    status = text_of(browser.get(at("case")))
    assert "Answer ready" in status
    assert "We delete on" not in status
    assert "Delete now" not in status


def test_looking_at_a_link_spends_nothing(browser):
    """R13: a mail scanner that follows links and submits the empty form."""
    delivery = support.delivered(support.opened())
    link = at("answer", token=services.link_token(delivery))
    for _ in range(10):
        browser.get(link)
        browser.post(link, {})
        browser.post(link, {"code": ""})
    delivery.refresh_from_db()
    assert (delivery.wrong_codes, delivery.locked_at, delivery.first_opened_at) == (0, None, None)


def test_wrong_codes_count_down_and_lock_the_link_only(browser):
    """R13, 1c: wrong code, locked link, new link on the request's page."""
    case = support.opened()
    delivery = support.delivered(case)
    link = at("answer", token=services.link_token(delivery))
    page = browser.post(link, {"code": "TOOSHORT"})
    assert "has 16 letters" in text_of(page)
    for left in (4, 3, 2, 1):
        page = browser.post(link, {"code": "0000-0000-0000-0000"})
        assert f"{left} more" in text_of(page)
    assert "locked now" in text_of(browser.post(link, {"code": "0000-0000-0000-0000"}))
    assert "This link is locked" in text_of(browser.get(link))
    browser.post(at("status"), {"reference": case.reference, "code": services.receipt_code(case)})
    assert "Get a new link" in text_of(browser.get(at("case")))
    fresh = browser.post(at("new_link")).url
    assert fresh != link
    assert browser.post(fresh, {"code": services.receipt_code(case)}).url == fresh


def test_someone_elses_link_and_an_expired_one_open_nothing(browser, monkeypatch, settings):
    """1c."""
    mine, other = support.opened(), support.opened()
    first, second = support.delivered(mine), support.delivered(other)
    link, theirs = (at("answer", token=services.link_token(one)) for one in (first, second))
    page = browser.post(theirs, {"code": services.receipt_code(mine)})
    assert "not the code of this request" in text_of(page)
    browser.post(link, {"code": services.receipt_code(mine)})
    assert "Enter your receipt code" in text_of(browser.get(theirs))
    assert browser.get(at("answer", token="nothing")).status_code == 404
    real = clock.now
    monkeypatch.setattr(
        clock, "now", lambda: real() + timedelta(days=settings.DSR_LINK_DAYS, hours=1)
    )
    assert "doesn't open any more" in text_of(browser.get(link))


def test_delete_now_asks_for_the_code_again(browser, monkeypatch):
    """R4, R12: the erasure itself is tested with its room."""
    started = []
    monkeypatch.setattr(
        "dsr_portal.public.deleting.erasure.start_erasure", lambda **how: started.append(how)
    )
    case = support.opened()
    delivery = support.delivered(case)
    link = at("answer", token=services.link_token(delivery))
    code = services.receipt_code(case)
    browser.post(link, {"code": code})
    assert "Have it deleted now" in text_of(browser.get(link))
    assert "can't be undone" in text_of(browser.get(at("delete_now")))
    page = browser.post(at("delete_now"), {"code": "0" * 16})
    assert "not the code" in text_of(page)
    assert browser.post(at("delete_now"), {"code": code}).url == at("case")
    case.refresh_from_db()
    assert case.delete_now_at
    assert started == [{"case_id": case.id, "actor": support.person(case)}]


def test_delete_now_with_nothing_to_erase_says_so_and_changes_nothing(browser):
    """R4: the wish and the plan are one unit of work."""
    case = support.opened()
    support.delivered(case)
    code = services.receipt_code(case)
    browser.post(at("status"), {"reference": case.reference, "code": code})
    browser.post(at("delete_now"), {"code": code})
    case.refresh_from_db()
    assert case.delete_now_at is None
    assert case.status == Status.DELIVERED


def test_an_outcome_shows_nowhere_before_the_answer_is_opened():
    """R3: of cases that differ in nothing else; test_outward.py has cases with candidates."""

    def transcript(outcome):
        browser = Client()
        case = support.decided(support.opened())
        services.set_outcome(case=case, outcome=outcome, actor=support.SECOND)
        browser.post(
            at("status"), {"reference": case.reference, "code": services.receipt_code(case)}
        )
        pages = [browser.get(at("case")).content.decode()]
        part = services.Part("answer.pdf", "application/pdf", unit=case.file_unit, field="intake")
        delivery = services.make_delivery(
            case=case, kind="answer", parts=[part], actor=support.SECOND
        )
        services.release_batch(actor=support.SECOND)
        token = services.link_token(delivery)
        pages.append(browser.get(at("case")).content.decode())
        pages.append(browser.get(at("answer", token=token)).content.decode())
        pages += [senders.get("mail.answer_ready").render(delivery.id).text]
        whole = "\n".join(pages).replace(token, "TOKEN").replace(case.reference, "REF")
        whole = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", whole)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+Z]+", "", whole)

    assert transcript("disclosed") == transcript("nothing_found") == transcript("refused")


# -- pages without a case -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["home", "help", "notice", "privacy", "accessibility", "trail"])
def test_plain_pages_open_for_everybody(browser, name):
    """P-01, P-18, R29."""
    page = browser.get(at(name))
    assert page.status_code == 200
    assert "dsr_public_session" not in page.cookies
    assert page["Cache-Control"] == "no-store"


def test_the_notice_has_every_item_the_law_asks(browser):
    """P-18: 14(1)-(2)."""
    shown = text_of(browser.get(at("notice")))
    for item in (
        "Who we are",
        "What we hold",
        "Where it comes from",
        "What we use it for",
        "Who was shown it",
        "Other countries",
        "How long",
        "Your rights",
        "complain",
    ):
        assert item in shown


def test_the_head_of_the_trail_is_public(browser):
    """R29."""
    from dsr_portal.audit.services import head

    support.opened()
    assert head().hash in browser.get(at("trail")).content.decode().replace(" ", "")


def test_no_page_loads_anything_from_elsewhere(browser):
    for name in ("home", "wish", "status", "help"):
        html = browser.get(at(name)).content.decode()
        assert not re.findall(r'(?:src|action)="(?:https?:)?//', html)
        assert "<style" not in html
        assert "style=" not in html


def test_no_log_line_has_the_secret_part_of_a_link(browser, settings):
    """R13, P-10: failures are logged with their path, but without the token."""
    from io import StringIO

    logging.config.dictConfig(settings.LOGGING)
    stderr = next(h for h in logging.getLogger().handlers if h.name == "stderr")
    lines = StringIO()
    kept = stderr.setStream(lines)
    token = services.link_token(support.delivered(support.opened()))
    try:
        assert browser.post(at("answer", token=token), {"code": "x"}).status_code == 422
    finally:
        stderr.setStream(kept)
    assert "/answer/(token)/" in lines.getvalue()
    assert token not in lines.getvalue()


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Bad Request: /answer/abcdefghij_-=/", "Bad Request: /answer/(token)/"),
        ("Gone: /account/start/MQ/c1x2y3-0123456789abcdef/", "Gone: /account/start/MQ/(token)/"),
        ("Bad Request: /acting/set-up/abcdefghij_-=/", "Bad Request: /acting/set-up/(token)/"),
        ("Bad Request: /acting/link/abcdefghij_-=/", "Bad Request: /acting/link/(token)/"),
        ("Gone: /invitation/abcdefghij_-=/", "Gone: /invitation/(token)/"),
        ("Not Found: /account/sign-in/", "Not Found: /account/sign-in/"),
        ("Not Found: /cases/k7m2qx4/look/", "Not Found: /cases/(reference)/look/"),
        ("case K7M-2QX4 waits", "case (reference) waits"),
    ],
)
def test_secrets_of_links_and_references_are_masked_in_message_and_arguments(line, kept):
    formatter = Masked("%(message)s")
    for message, arguments in ((line, None), ("%s", (line,))):
        record = logging.LogRecord("django.request", 30, "", 0, message, arguments, None)
        assert formatter.format(record) == kept
    failed = logging.LogRecord("x", 40, "", 0, "failed", None, (ValueError, ValueError(line), None))
    assert line not in formatter.format(failed) or line == kept


def routes(patterns, before="/"):
    for one in patterns:
        route = before + str(one.pattern)
        yield from routes(one.url_patterns, route) if hasattr(one, "url_patterns") else [route]


def test_no_route_with_a_token_is_forgotten_by_the_mask(settings):
    """Whatever text a route takes is masked, on each site; a new name for it fails here, too."""
    drawn = {
        "token": "Ab0_-" * 6 + "Zz",
        "reference": "K7M-2QX4",
        "uid": "MQ",
        "right": "erasure",
    }
    found = [
        re.sub(r"<int:\w+>", "1", route)
        for site in settings.DSR_SITES.values()
        for route in routes(get_resolver(site).url_patterns)
        if "<str:" in route or "<path:" in route or "<slug:" in route
    ]
    assert sum("<str:token>" in route for route in found) >= 9
    for route in found:
        path = re.sub(r"<\w+:(\w+)>", lambda one: drawn.get(one[1], one[0]), route)
        assert "<str:" not in path, route
        kept = Masked("%(message)s").format(
            logging.LogRecord("x", 30, "", 0, "Gone: %s", (path,), None)
        )
        for secret in (drawn["token"], drawn["reference"]):
            assert secret not in kept, route


def test_addresses_stay_here_and_forms_still_name_their_origin(browser):
    """A browser under "no-referrer" sends forms with "Origin: null", which are refused."""
    delivery = support.delivered(support.opened())
    page = browser.get(at("answer", token=services.link_token(delivery)))
    assert page["Referrer-Policy"] == "same-origin"
    strict = Client(enforce_csrf_checks=True, headers={"origin": "null"})
    token = strict.get(at("status")).context["csrf_token"]
    answer = strict.post(at("status"), {"csrfmiddlewaretoken": str(token)})
    assert answer.status_code == 403


def test_the_receipt_pdf_is_made_from_the_row_with_the_code(browser):
    """R12, R14."""
    from pypdfium2 import PdfDocument

    case = sent(browser)
    response = browser.get(at("receipt_pdf"))
    assert response["Content-Type"] == "application/pdf"
    pdf = PdfDocument(response.content)
    plain = "".join(page.get_textpage().get_text_range() for page in pdf)
    assert case.reference in plain
    assert services.receipt_code(case).replace("-", "") in plain.replace("-", "").replace(" ", "")
    assert "What happens next" in plain

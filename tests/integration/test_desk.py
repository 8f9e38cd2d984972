"""The desk's pages by client: queue, case, compare, finish, answer; and what nobody may see."""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import selectors as case_selectors
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status, WayKind
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import unidentified
from dsr_portal.documents.models import Document, Kind
from dsr_portal.gallery.models import Record
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Decision, Verdict
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import a_record, an_image, own_places
from tests.support.matching import (
    JPEG,
    actor,
    drawn,
    event_types_of,
    hits,
    identify,
    laid,
    opened,
    review_of,
    say_all,
    searched,
    sign_in,
    staff,
    take,
    told,
    work,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def at_the_desk(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("desk")


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


@pytest.fixture
def people():
    return {
        "first": staff("S-1"),
        "second": staff("S-2"),
        "chief": staff("V-1", Role.SUPERVISOR),
        "dpo": staff("D-1", Role.DPO),
    }


@pytest.fixture
def records():
    pages = ["https://a.example/one", "https://b.example/two", "https://c.example/three"]
    return [a_record(an_image(page_url=page, caption="A day out")) for page in pages]


def url(name, case=None, **more):
    return reverse(f"desk:{name}", kwargs={"reference": case.reference, **more} if case else None)


def text(response):
    return response.content.decode()


def decide(client, case, verdict, reason=""):
    """Say what is seen about the picture shown, then confirm."""
    page = client.get(url("compare", case)).context
    for stage in ("view", "confirm"):
        response = client.post(
            url("compare", case),
            {
                "picture": page["current"].id,
                "stage": stage,
                "decision": verdict,
                "reason": reason,
            },
        )
        assert response.status_code == 302, text(response)


def part(client, case, verdict):
    """Take the place, decide everything laid before this person, finish."""
    while client.get(url("compare", case)).templates[0].name == "desk/compare.html":
        decide(client, case, verdict)
    return client.post(url("finish", case), follow=True)


# -- the walk -----------------------------------------------------------------------------------


def test_from_identity_to_a_decided_case_by_pages(client, answers, people, records):
    answers.hits = hits([record.id for record in records])
    case = opened()
    work()
    first = sign_in(client, people["first"])
    page = text(first.get(url("case", case)))
    assert page.index("Next step") < page.index('id="matches"')
    assert "Check who is asking" in page
    refused = first.post(url("identity", case), {"way": "call", "element": "", "compared": ""})
    assert refused.status_code == 422
    assert "There is a problem" in text(refused)
    done = first.post(
        url("identity", case),
        {"way": "call", "element": "mailbox_in_record", "compared": "Face on the call."},
        follow=True,
    )
    assert "level 2 of 2" in text(done)
    assert "data-poll" in text(done)
    assert first.get(url("progress", case)).json().keys() == {"words"}
    work()
    assert first.get(url("progress", case)).json()["location"] == url("case", case)
    page = text(first.get(url("case", case)))
    assert "Compared: 40 of 40 faces" in page
    taken = first.post(url("take", case), follow=True)
    assert "Picture 1 of 3" in text(taken)
    done = part(first, case, "same")
    assert "Your part is done." in text(done)
    case.refresh_from_db()
    assert case.status == Status.SECOND_REVIEW
    second = sign_in(client, people["second"])
    queue = text(second.get(url("queue") + "?mine=on"))
    assert case.reference in queue
    assert "waits for you" in queue
    part(second, case, "same")
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert "Make the answer" in text(second.get(url("case", case)))


def test_band_is_shown_only_after_the_view_and_a_change_needs_a_reason(
    client, answers, people, records
):
    """R21."""
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    browser = sign_in(client, people["first"])
    browser.post(url("take", case))
    page = browser.get(url("compare", case))
    assert "Strong" not in text(page)
    assert Decision.objects.get(id=page.context["current"].id).shown_at is not None
    form = {"picture": page.context["current"].id, "stage": "view", "decision": "not_same"}
    page = browser.post(url("compare", case), form, follow=True)
    assert "Strong:" in text(page)
    assert "was not tested here" in text(page)
    refused = browser.post(url("compare", case), form | {"stage": "confirm", "decision": "same"})
    assert refused.status_code == 422
    assert "need a reason" in text(refused)
    browser.post(
        url("compare", case),
        form | {"stage": "confirm", "decision": "same", "reason": "The ear is the same."},
    )
    assert Decision.objects.get(id=form["picture"]).verdict == Verdict.SAME


def test_a_form_sent_twice_does_not_confirm_what_was_only_seen(client, answers, people, records):
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    browser = sign_in(client, people["first"])
    browser.post(url("take", case))
    picture = browser.get(url("compare", case)).context["current"].id
    form = {"picture": picture, "stage": "view", "decision": "same"}
    browser.post(url("compare", case), form)
    browser.post(url("compare", case), form)
    assert Decision.objects.get(id=picture).verdict == ""
    assert browser.post(url("finish", case)).status_code == 409


def test_finishing_twice_and_coming_back_is_harmless(client, answers, people, records):
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    browser = sign_in(client, people["first"])
    browser.post(url("take", case))
    part(browser, case, "same")
    assert browser.post(url("finish", case)).url == url("case", case)
    assert browser.get(url("compare", case)).url == url("case", case)


def test_disagreement_by_pages(client, answers, people, records):
    answers.hits = hits([records[0].id])
    case = searched(actor(people["first"]))
    browser = sign_in(client, people["first"])
    browser.post(url("take", case))
    part(browser, case, "same")
    browser = sign_in(client, people["second"])
    part(browser, case, "not_same")
    assert "Take the disagreement" not in text(browser.get(url("case", case)))
    browser = sign_in(client, people["chief"])
    assert "Take the disagreement" in text(browser.get(url("case", case)))
    page = browser.post(url("take", case), follow=True)
    assert "First person: same person. Second person: not the same." in text(page)
    decide(browser, case, "inconclusive", reason="Too dark to say.")
    browser.post(url("finish", case))
    case.refresh_from_db()
    assert case.status == Status.DECIDED


def test_request_entered_by_a_colleague_waits_for_another_person(client, answers, people):
    """R20, on the page: the opener sees no button, another officer does."""
    case = opened(opener=actor(people["first"]), consent=False)
    page = text(sign_in(client, people["first"]).get(url("case", case)))
    assert "you entered this request" in page
    assert "I saw both" not in page
    second = sign_in(client, people["second"])
    assert "I saw both" in text(second.get(url("case", case)))
    second.post(url("origin", case))
    identify(case, actor(people["second"]))
    assert "Wait for the person&#x27;s consent" in text(second.get(url("case", case)))
    second.post(url("consent", case), {"channel": "post", "reference": "letter 2026-17"})
    work()
    assert answers.searches == 1
    page = text(second.get(url("case", case)))
    assert "Consent is kept here: letter 2026-17" in page
    consent = case.consents.get()
    assert consent.channel == "post"


def test_looking_is_in_the_trail_once_in_a_while(client, people):
    """L-14."""
    case = opened(consent=False)
    browser = sign_in(client, people["dpo"])
    for _number in range(3):
        browser.get(url("case", case))
    seen = Event.objects.filter(type="case.viewed", case_id=case.id)
    assert [event.actor_id for event in seen] == ["D-1"]


def test_roles_that_do_not_decide_see_no_buttons(client, answers, people, records):
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    page = text(sign_in(client, people["dpo"]).get(url("case", case)))
    assert "Take the case" in page
    assert "Take this case" not in page
    assert url("probe_picture", case, probe_id=case.probes.get().id) not in page


def test_queue_sorts_by_due_date_urgent_first_and_filters(client, people):
    late, soon, urgent = opened(consent=False), opened(consent=False), opened(consent=False)
    Case.objects.filter(id=late.id).update(due_on=late.due_on + timedelta(days=9))
    Case.objects.filter(id=urgent.id).update(due_on=late.due_on + timedelta(days=20), urgent=True)
    browser = sign_in(client, people["first"])
    rows = [row.reference for row in browser.get(url("queue")).context["rows"]]
    assert rows == [urgent.reference, soon.reference, late.reference]
    one = browser.get(url("queue"), {"q": soon.reference.lower()}).context["rows"]
    assert [row.reference for row in one] == [soon.reference]
    assert not browser.get(url("queue"), {"status": "closed"}).context["rows"]
    for typed in ("nonsense", "nonsense of more than twelve characters"):
        none = browser.get(url("queue"), {"q": typed})
        assert not none.context["rows"]
        assert "no reference of a case" in none.content.decode()
    assert "no reference of a case" not in browser.get(url("queue")).content.decode()


def test_scraped_words_are_text(client, answers, people):
    """X-13: an address of a page is never a link, and markup in it stays text."""
    record = a_record(an_image(page_url="https://a.example/x", caption="<script>alert(1)</script>"))
    answers.hits = hits([record.id])
    case = searched(actor(people["first"]))
    browser = sign_in(client, people["first"])
    browser.post(url("take", case))
    page = text(browser.get(url("compare", case)))
    assert "https://a.example/x" in page
    assert 'href="https://a.example/x' not in page
    assert "<script>alert" not in page


def test_withdrawn_photo_is_said_on_the_compare_page(client, answers, people, records):
    from dsr_portal.cases import services as cases
    from dsr_portal.core.actor import Actor

    answers.hits = hits([records[0].id])
    case = searched(actor(people["first"]))
    take(case, actor(people["first"]))
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    page = text(sign_in(client, people["first"]).get(url("compare", case)))
    assert "The photo was withdrawn and deleted" in page
    assert "/probe/" not in page


# -- pictures -----------------------------------------------------------------------------------


@pytest.fixture
def in_review(client, answers, people):
    record = a_record()
    answers.hits = hits([record.id])
    case = searched(actor(people["first"]))
    take(case, actor(people["first"]))
    return case


def test_pictures_only_for_the_person_before_whom_they_were_laid(client, people, in_review):
    case = in_review
    decision = laid(case, actor(people["first"]))[0]
    face = url("face_picture", case, decision_id=decision.id)
    probe = url("probe_picture", case, probe_id=case.probes.get().id)
    own = sign_in(client, people["first"])
    assert own.get(face).content == b"crop"
    assert own.get(probe).content == JPEG
    assert own.get(probe + "?show=face").content == JPEG
    assert own.get(probe).headers["Cache-Control"] == "no-store"
    other = sign_in(client, people["second"])
    assert other.get(face).status_code == 404
    assert other.get(probe).status_code == 200
    for number in ("chief", "dpo"):
        assert sign_in(client, people[number]).get(face).status_code in {403, 404}
    assert sign_in(client, people["dpo"]).get(probe).status_code == 403


def test_whole_picture_is_decoded_confined_and_encoded_by_us(client, people, in_review):
    """R28: what is stored came from outside; what is sent did not."""
    from io import BytesIO

    from PIL import Image

    raw = BytesIO()
    picture = Image.new("RGB", (40, 30), "#6a8")
    picture.save(raw, "PNG", pnginfo=None)
    image = Record.objects.get().image
    staged = vault.stage_into(image.unit)
    staged.add("picture", raw.getvalue())
    staged.save()
    decision = laid(in_review, actor(people["first"]))[0]
    page = url("face_picture", in_review, decision_id=decision.id) + "?show=whole"
    response = sign_in(client, people["first"]).get(page)
    assert response.headers["Content-Type"] == "image/jpeg"
    with Image.open(BytesIO(response.content)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (40, 30))
        assert not shown.getexif()


def test_untrained_person_sees_how_many_cases_there_are_and_nothing_in_them(
    client, people, in_review
):
    """P-17: expired training, no case access; the page says why and what to do."""
    Staff.objects.filter(staff_no="S-1").update(trained_until=clock.today() - timedelta(days=1))
    browser = sign_in(client, Staff.objects.get(staff_no="S-1"))
    queue = text(browser.get(url("queue")))
    assert "Your training has run out" in queue
    assert "1 case is open." in queue
    assert "by due date" not in queue
    assert in_review.reference not in queue
    for name in ("case", "compare", "receipt"):
        refused = browser.get(url(name, in_review))
        assert refused.status_code == 403
        assert "under People" in text(refused)
    call = ("case", in_review.reference, "--as", "S-1")
    with pytest.raises(CommandError, match="training"):
        call_command(*call)
    Staff.objects.filter(staff_no="S-1").update(trained_until=clock.today())
    assert browser.get(url("case", in_review)).status_code == 200


# -- blindness ----------------------------------------------------------------------------------

_NOISE = [
    (r'name="csrfmiddlewaretoken" value="[^"]+"', "csrf"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\b[0-9A-Z]{3}-[0-9A-Z]{4}\b", "REFERENCE"),
    (r"\d{2}:\d{2}", "TIME"),
    (r'datetime="[^"]+"', "TIME"),
]


def masked(page):
    for pattern, word in _NOISE:
        page = re.sub(pattern, word, page)
    return page


def everything_the_second_reaches(client, people, answers, first_says):
    """Every page and header this person can fetch of a case the first one decided so."""
    images = [an_image(page_url=f"https://a.example/{number}") for number in range(6)]
    found = [a_record(image) for image in images]
    answers.hits = hits([record.id for record in found])
    # Of an address of its own: other requests of one address are shown beside a case.
    case = searched(actor(people["first"]), email=f"{new_id()}@example.org")
    take(case, actor(people["first"]))
    say_all(case, actor(people["first"]), first_says)
    assert review_of(case).second_officer == "S-2"
    browser = sign_in(client, people["second"])
    seen = []

    def look(address):
        response = browser.get(address)
        seen.append((response.status_code, sorted(response.headers), masked(text(response))))

    look(url("queue"))
    look(url("queue") + "?mine=on")
    look(url("case", case))
    look(url("progress", case))
    for decision in laid(case, actor(people["second"])):
        look(url("compare", case) + f"?picture={decision.id}")
        look(url("face_picture", case, decision_id=decision.id))
    for decision in Decision.objects.filter(review__case=case, position="first"):
        look(url("face_picture", case, decision_id=decision.id))
    part(browser, case, "not_same")
    Case.objects.filter(id=case.id).update(status=Status.CLOSED)
    return seen


FIRST_VIEWS = ["same", "not_same", "inconclusive", ["same", "not_same"] * 3]


@pytest.mark.parametrize("other", FIRST_VIEWS[1:], ids=str)
def test_nothing_the_second_can_reach_differs_by_the_first_decision(client, people, answers, other):
    """R19: whole pages and headers compared; only ids, references and times are masked."""
    staff("S-3", trained=False)
    one = everything_the_second_reaches(client, people, answers, FIRST_VIEWS[0])
    two = everything_the_second_reaches(client, people, answers, other)
    assert len(one) > 15
    assert one == two


def test_the_comparison_of_pages_notices_a_leak(client, people, answers, monkeypatch):
    """The canary: with the trail unfiltered the two transcripts differ."""
    monkeypatch.setattr(selectors, "_TELLING", frozenset())
    one = everything_the_second_reaches(client, people, answers, "same")
    two = everything_the_second_reaches(client, people, answers, "not_same")
    assert one != two


def test_an_audit_report_made_meanwhile_is_not_open_to_the_second(client, people, answers, records):
    """R19: it prints who decided what."""
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    take(case, actor(people["first"]))
    say_all(case, actor(people["first"]), "same")
    staged = vault.stage_unit(kind=vault.UnitKind.DOCUMENT, owner=case.id)
    staged.add("pdf", b"%PDF-")
    row = Document.objects.create(
        kind=Kind.AUDIT, case_id=case.id, unit=staged.save(), sha256="0" * 64, size=5, pages=1,
        head_number=1, created_at=clock.now(),
    )  # fmt: skip
    address = url("document", case, document_id=row.id)
    second = sign_in(client, people["second"])
    assert address not in text(second.get(url("case", case)))
    assert second.get(address).status_code == 404
    dpo = sign_in(client, people["dpo"])
    assert address in text(dpo.get(url("case", case)))


# -- the batch, the end -------------------------------------------------------------------------


def test_batch_button_is_the_demos(client, people, settings):
    """R3: elsewhere answers leave at their hour only."""
    browser = sign_in(client, people["first"])
    assert "Send the batch now" in text(browser.get(url("queue")))
    assert browser.post(url("release")).status_code == 302
    settings.DSR_DEMO = False
    assert "Send the batch now" not in text(browser.get(url("queue")))
    assert browser.post(url("release")).status_code == 404


def test_erasure_is_behind_a_page_that_says_what_happens(client, answers, people, records):
    answers.hits = hits([records[0].id])
    case = searched(actor(people["first"]))
    take(case, actor(people["first"]))
    say_all(case, actor(people["first"]), "same")
    say_all(case, drawn(case, [actor(people["second"])]), "same")
    Case.objects.filter(id=case.id).update(status=Status.DELIVERED, delivered_at=clock.now())
    browser = sign_in(client, people["first"])
    assert "Start the erasure" in text(browser.get(url("case", case)))
    page = text(browser.get(url("erasure", case)))
    assert "Erase 1 record" in page
    assert "Erase for good" in page
    assert "case.erasure_started" not in event_types_of(case)


def test_supervisor_opens_a_case_to_an_authority(client, people):
    staff("R-1", Role.REGULATOR, authority_code="NL")
    case = opened(consent=False)
    browser = sign_in(client, people["chief"])
    assert "Open the case to this authority" in text(browser.get(url("case", case)))
    done = browser.post(url("authority", case), {"authority": "NL"}, follow=True)
    assert "NL can read this case until" in text(done)
    officer = sign_in(client, people["first"])
    assert "Open the case" not in text(officer.get(url("case", case)))
    assert officer.post(url("authority", case), {"authority": "NL"}).status_code == 403


def test_services_refuse_what_the_page_does_not_offer(client, people, in_review):
    browser = sign_in(client, people["dpo"])
    for name in ("take", "origin", "finish"):
        assert browser.post(url(name, in_review)).status_code in {302, 403, 409}
    assert services.assign_waiting_seconds() == 0
    assert review_of(in_review).first_officer == "S-1"


def test_a_request_without_a_photo_is_no_dead_end(client, answers, people):
    """T-07, R-06: the step leads to the real question, with its fact and choices; words an officer
    writes beside it let nothing wait."""
    case = support.opened(ways=[cases.WaySent(WayKind.PAGE, "https://a.example/one")], consents=[])
    first = sign_in(client, people["first"])
    identify(case, actor(people["first"]))
    page = text(first.get(url("case", case)))
    assert "Ask for what is missing" in page
    assert url("ask", case) in page
    assert first.post(url("message", case), {"text": ""}).status_code == 422
    first.post(url("message", case), {"text": "We read it.", "waits": "on"})
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert "A photo of your face would let us" in text(first.get(url("ask", case)))
    how = {"missing": "nothing_to_look_up", "text": "Send a photo."}
    assert first.post(url("ask", case), {**how, "means": ["photo"]}).status_code == 422
    sent = first.post(url("ask", case), {**how, "means": ["photo", "call"]}, follow=True)
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO
    assert "Wait for the person" in text(sent)
    assert "Send a photo." in text(sent)
    assert case.asks.get().means == ["photo", "call"]
    assert unidentified.why_not_yet(case).code == "still_waiting"
    cases.receive_message(case_id=case.id, actor=support.person(case), text="I have none.")
    # Asked once: a second time takes a new fact and another person (N-07), words are free.
    step = text(first.get(url("case", case)))
    assert "Decide how to go on" in step
    assert "Propose to ask once more" in step
    assert event_types_of(case).count("identity.asked") == 1


def test_a_photo_that_went_with_the_consent_is_asked_for_again(client, answers, people):
    """P-03: the page does not wait for a check of a photo that is gone."""
    case = opened()
    work()
    identified = sign_in(client, people["first"])
    cases.withdraw_consent(case_id=case.id, actor=support.person(case))
    cases.record_identity(
        case_id=case.id,
        actor=actor(people["first"]),
        way="call",
        element="mailbox_in_record",
        compared="The voice and the letter.",
    )
    assert "Ask for what is missing" in text(identified.get(url("case", case)))


def test_words_go_to_the_person_from_officers_only(client, answers, people):
    case = opened()
    work()
    dpo = sign_in(client, people["dpo"])
    assert "Write to the person" not in text(dpo.get(url("case", case)))
    assert dpo.post(url("message", case), {"text": "Hello"}).status_code == 403
    assert not case_selectors.messages_of(case)


def test_why_a_photo_cannot_be_used_is_said(client, answers, people):
    """Two words for the officer, and the person was asked already (T-07)."""
    answers.verdict = ProbeVerdict("no_face", (), None, None)
    case = opened()
    work()
    page = text(sign_in(client, people["first"]).get(url("case", case)))
    assert "no face seen" in page
    assert "the person was asked for another one" in page


def test_the_same_thing_several_times_is_one_line(client, answers, people, records):
    """The trail keeps every event; the page says how often."""
    answers.hits = hits([record.id for record in records])
    case = searched(actor(people["first"]))
    page = text(sign_in(client, people["dpo"]).get(url("case", case)))
    assert "A picture is held for this case. 3 times." in page
    # R19: what a search found, and what a widened one added, is not told to who decides.
    assert "is held" not in text(sign_in(client, people["first"]).get(url("case", case)))
    assert event_types_of(case).count("record.held") == 3


def test_days_are_counted_only_while_something_is_owed(client, people):
    case = support.opened()
    first = sign_in(client, people["first"])
    assert "days left (" in text(first.get(url("case", case)))
    cases.withdraw(case_id=case.id, actor=support.person(case))
    assert "days left" not in text(first.get(url("case", case)))


def test_the_way_through_the_desk_is_the_same_on_every_page(client, people):
    """One list on each page, the open one marked; who may not enter a page is not sent there."""
    case = support.opened()

    def way(page):
        nav = re.search(r'<nav aria-label="Desk">.*?</nav>', text(page), re.DOTALL)
        assert nav is not None
        return re.findall(r'<a href="([^"]+)"( aria-current="page")?>', nav.group())

    desk = sign_in(client, people["chief"])
    pages = [url("queue"), url("recipients"), url("collection"), url("people")]
    shown = {page: way(desk.get(page)) for page in [*pages, url("case", case)]}
    for page, links in shown.items():
        assert set(pages) <= {address for address, _here in links}
        assert [address for address, here in links if here] == ([page] if page in pages else [])
    assert len({tuple(address for address, _here in links) for links in shown.values()}) == 1
    officer = sign_in(client, people["first"])
    assert url("people") not in {address for address, _here in way(officer.get(url("queue")))}

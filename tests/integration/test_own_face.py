"""A photo of several people: whoever sent it chooses their face, the rest is destroyed (P-05).

Recognition answers as told; what it cuts out and covers is in tests/engine/test_own_face.py.
"""

import logging
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import invitations, mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.mandate_models import Mandate, MandateState
from dsr_portal.cases.models import ConsentScope, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed, NotFound
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import own_face, services
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition.services import FacesFound, OneFace, ProbeVerdict
from dsr_portal.vault import services as vault
from dsr_portal.vault.pictures import encode_jpeg
from tests.support.gallery import own_places
from tests.support.matching import (
    JPEG,
    actor,
    identify,
    opened,
    sign_in,
    staff,
    told,
    work,
)
from tests.support.represented import LENA, PAPER, invitation

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SEVERAL = ProbeVerdict("several_faces", (), None)
ONE = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)


def grey(shade, side=8):
    return encode_jpeg(bytes([shade]) * (3 * side * side), side, side)


# The cut-outs are large enough to lie in files, as real ones do.
ALONE = tuple(OneFace(grey(shade) + bytes(5000), grey(shade)) for shade in (50, 100, 150))
WORDS = "On the phone: the one with the red scarf."


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def answers(monkeypatch):
    answers = told(monkeypatch)
    answers.verdict, answers.faces = SEVERAL, FacesFound(ALONE, 0)
    return answers


@pytest.fixture
def people():
    return [actor(staff("S-1")), actor(staff("S-2")), actor(staff("V-1", Role.SUPERVISOR))]


@pytest.fixture
def case(answers):
    """A request with a photo of three people, checked."""
    case = opened(picture=grey(0))
    work()
    case.refresh_from_db()
    return case


def photo_of(case):
    return matching.photos(case.id)[0]


def choose(case, number=2, **more):
    more = {"actor": Actor.person(case.id)} | more
    own_face.choose(case_id=case.id, photo_id=photo_of(case).id, number=number, **more)
    case.refresh_from_db()


def gone(unit):
    """Nothing of a unit opens any more, and its key goes with the next shred."""
    work_of_the_vault = vault.fields(unit)
    with pytest.raises(vault.Shredded):
        vault.read(unit, "picture")
    return work_of_the_vault == []


def test_several_faces_are_asked_about_and_nothing_is_embedded(case, answers):
    """P-05, R8: the case waits for the person, with a mail; no search, no face code."""
    photo = photo_of(case)
    assert (photo.state, photo.faces, case.status) == ("choosing", 3, Status.NEEDS_INFO)
    assert Effect.objects.filter(kind="mail.needs_you", subject_id=case.id).count() == 1
    identify(case, actor(staff("S-9")))
    work()
    assert (answers.searches, answers.asked) == (0, [])


def test_the_chosen_face_takes_the_photos_place_and_the_rest_is_destroyed(case, answers, people):
    """P-05: photo and other cut-outs lie in one unit that is shredded; then it is searched with."""
    before = photo_of(case)
    identify(case, people[0])
    answers.verdict = ONE
    choose(case)
    after = photo_of(case)
    assert gone(before.unit)
    assert (after.id, after.state, after.choose_until) == (before.id, "received", None)
    assert vault.read(after.unit, "picture") == ALONE[1].picture
    assert vault.fields(after.unit) == ["picture"]
    case.refresh_from_db()
    assert (case.status, case.level) == (Status.RECEIVED, 0)
    work()
    identify(case, people[0])
    work()
    assert answers.pictures == [[ALONE[1].picture]]
    (event,) = Event.objects.filter(type="probe.face_choice")
    assert event.data == {"faces": 3, "outcome": "chosen"}


def test_an_officers_page_of_the_photo_before_is_stale(case, answers, people):
    """R2, R7: who is asking is compared with the face that stays."""
    seen = matching.photo_token(case.id)
    choose(case)
    assert matching.photo_token(case.id) != seen


def test_a_cut_out_with_several_faces_is_not_asked_about_again(case, answers):
    choose(case)
    work()
    case.refresh_from_db()
    assert (photo_of(case).state, case.status) == (ProbeState.UNUSABLE, Status.NEEDS_INFO)


def test_two_photos_of_several_people_wait_for_both(answers):
    case = opened(picture=grey(0))
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", grey(9))

    def also(locked):
        staged.save()
        services.add_probe(
            case=locked, actor=Actor.person(case.id), unit=staged.unit_id, channel="web"
        )

    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), also=also)
    work()
    choose(case)
    assert case.status == Status.NEEDS_INFO
    second = matching.photos(case.id)[1]
    own_face.choose(case_id=case.id, photo_id=second.id, number=1, actor=Actor.person(case.id))
    case.refresh_from_db()
    assert case.status == Status.RECEIVED


def test_none_of_these_destroys_the_photo_and_another_one_goes_on(case, answers):
    unit = photo_of(case).unit
    own_face.none_of_these(case_id=case.id, photo_id=photo_of(case).id, actor=Actor.person(case.id))
    case.refresh_from_db()
    assert gone(unit)
    photo = photo_of(case)
    assert (photo.state, photo.verdict) == (ProbeState.UNUSABLE, "no_face_chosen")
    assert case.status == Status.NEEDS_INFO
    with pytest.raises(NotFound, match="no_choice"):
        choose(case)


def test_two_weeks_later_a_photo_nobody_chose_in_is_destroyed(case, monkeypatch):
    """P-05, P-06: a sweep; a mail says that something is still needed."""
    unit, real = photo_of(case).unit, clock.now
    assert own_face.end_due() == 0
    monkeypatch.setattr(clock, "now", lambda: real() + own_face.CHOICE_TERM + timedelta(hours=1))
    assert own_face.end_due() == 1
    assert own_face.end_due() == 0
    assert gone(unit)
    assert photo_of(case).verdict == "no_face_chosen"
    assert Effect.objects.filter(kind="mail.needs_you", subject_id=case.id).count() == 2
    outcomes = [one.data["outcome"] for one in Event.objects.filter(type="probe.face_choice")]
    assert outcomes == ["over"]


def test_withdrawing_consent_destroys_all_of_it(case):
    """P-03, R8."""
    unit = photo_of(case).unit
    cases.withdraw_consent(
        case_id=case.id, scope=ConsentScope.COMPARISON, actor=Actor.person(case.id)
    )
    assert gone(unit)
    assert own_face.end_due() == 0


def test_without_consent_nothing_is_looked_at(answers):
    """R8: photos by post wait encrypted; faces are looked for when the person agreed."""
    case = opened(consent=False, picture=grey(0))
    work()
    assert answers.judged == 0
    assert photo_of(case).state == ProbeState.WAITING_CONSENT


def test_a_photo_that_does_not_count_is_destroyed_where_no_face_was_chosen(case, answers, people):
    answers.verdict = ONE
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", grey(9))

    def also(locked):
        staged.save()
        services.add_probe(
            case=locked, actor=Actor.person(case.id), unit=staged.unit_id, channel="web"
        )

    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), also=also)
    work()
    group, alone = matching.photos(case.id)
    services.choose_photos(
        case_id=case.id,
        actor=people[1],
        chosen=[alone.id],
        seen=matching.photo_token(case.id),
    )
    assert gone(group.unit)
    assert [one.id for one in matching.photos(case.id)] == [alone.id]


# -- the person's page ----------------------------------------------------------------------------


@pytest.fixture
def browser(site, case):
    site("public")
    browser = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    browser.post(reverse("public:status"), keys)
    return browser


def page_of(case):
    return reverse("public:own_face", args=[photo_of(case).id])


def test_the_page_asks_one_question_with_each_face_alone(browser, case):
    """P-05, WCAG: radio buttons with words and pictures, no script, and a way out."""
    assert page_of(case) in browser.get(reverse("public:case")).content.decode()
    response = browser.get(page_of(case))
    page = response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert "<h1>Which of these faces is yours?</h1>" in page
    assert page.count('type="radio"') == 4
    assert "None of these" in page
    assert 'type="submit"' in page or "<button" in page
    for number, face in enumerate(ALONE, 1):
        answer = browser.get(reverse("public:face", args=[photo_of(case).id, number]))
        assert (answer.content, answer["Content-Type"]) == (face.shown, "image/jpeg")
        assert "no-store" in answer["Cache-Control"]
    assert browser.get(reverse("public:face", args=[photo_of(case).id, 9])).status_code == 404


def test_how_many_are_shown_is_said_where_some_are_not(browser, case):
    Probe.objects.update(faces_left_out=2)
    page = browser.get(page_of(case)).content.decode()
    assert "We show the 3 largest faces that we can show alone." in page


def test_the_choice_is_in_no_address_and_no_log(browser, case, settings):
    """P-05: which face it was stands in the posted form alone."""
    logging.config.dictConfig(settings.LOGGING)
    stderr = next(h for h in logging.getLogger().handlers if h.name == "stderr")
    lines = StringIO()
    kept = stderr.setStream(lines)
    unit = photo_of(case).unit
    try:
        assert browser.post(page_of(case), {"face": "7"}).status_code == 422
        assert browser.post(page_of(case), {"face": ""}).status_code == 422
        done = browser.post(page_of(case), {"face": "3"})
    finally:
        stderr.setStream(kept)
    assert (done.status_code, done.url) == (302, reverse("public:case"))
    assert "/face/3" not in lines.getvalue()
    assert gone(unit)
    assert vault.read(photo_of(case).unit, "picture") == ALONE[2].picture
    again = browser.get(page_of(case), follow=True).content.decode()
    assert "There is nothing to choose in this photo any more" in again
    assert all("3" not in str(one.data.get("face", "")) for one in Event.objects.all())


def test_none_of_these_leads_to_another_photo(browser, case):
    done = browser.post(page_of(case), {"face": "none"})
    assert done.url == reverse("public:case_photo", args=[photo_of(case).id])
    assert "We deleted that photo" in browser.get(done.url).content.decode()
    page = browser.get(reverse("public:case")).content.decode()
    assert "none of them was chosen" in page


def test_the_photo_of_another_request_is_not_there(browser, case, answers):
    other = opened(picture=grey(0), email="tomas@example.org")
    work()
    theirs = photo_of(other)
    assert browser.get(reverse("public:face", args=[theirs.id, 1])).status_code == 404
    browser.post(reverse("public:own_face", args=[theirs.id]), {"face": "1"})
    assert photo_of(other).state == ProbeState.CHOOSING


# -- the desk: a photo by post, or a word on the phone --------------------------------------------


def test_an_officer_writes_down_what_the_person_said(site, case, answers, people):
    """P-05, R20: not the one who entered it, with the person's word, which lies in the vault."""
    site("desk")
    desk = sign_in(Client(), Staff.objects.get(staff_no="S-2"))
    photo = photo_of(case)
    whole = reverse("desk:probe_picture", args=[case.reference, photo.id])
    assert desk.get(whole).status_code == 404
    address = reverse("desk:own_face", args=[case.reference, photo.id])
    shown = desk.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert address in shown
    assert whole not in shown
    alone = reverse("desk:face_alone", args=[case.reference, photo.id, 1])
    assert alone in desk.get(address).content.decode()
    assert desk.get(alone)["Content-Type"] == "image/jpeg"
    assert desk.post(address, {"face": "1", "words": ""}).status_code == 422
    assert photo_of(case).state == ProbeState.CHOOSING
    assert desk.post(address, {"face": "1", "words": WORDS}).status_code == 302
    assert vault.read(photo_of(case).unit, "picture") == ALONE[0].picture
    assert vault.read(case.file_unit, f"own_face.{photo.id}").decode() == WORDS
    assert Event.objects.get(type="probe.face_choice").actor_id == "S-2"
    assert desk.get(address).status_code == 404


def test_who_entered_the_request_does_not_choose(answers, people):
    case = opened(opener=people[0], picture=grey(0))
    work()
    with pytest.raises(NotAllowed, match="opener_barred"):
        choose(case, actor=people[0], words=WORDS)
    with pytest.raises(BadInput, match="own_face_words"):
        choose(case, actor=people[1], words=" ")
    own_face.none_of_these(
        case_id=case.id, photo_id=photo_of(case).id, actor=people[1], words=WORDS
    )
    assert photo_of(case).verdict == "no_face_chosen"


# -- who acts for the person ----------------------------------------------------------------------


@pytest.fixture
def acts(site, case):
    """The browser of a lawyer on their own page, by their own link; the mandate is not decided."""
    site("public")
    mandates.write_down(
        case_id=case.id, actor=Actor("S-7001", "officer", "staff"), who=LENA, kind="lawyer",
        rights=[*case.rights.values_list("right", flat=True)], document=PAPER,
        answer_to="person",
    )  # fmt: skip
    browser = Client()
    token = invitations.token_of(invitation(case, "representative"))
    browser.post(reverse("public:invitation", kwargs={"token": token}))
    return browser


def decided(case, state, **more):
    Mandate.objects.filter(case=case).update(
        state=state, decided_by="S-7002", decided_at=clock.now(), **more
    )


def asked_for(case):
    return reverse("public:own_face_for", args=[photo_of(case).id])


def test_who_acts_chooses_on_their_own_page_once_their_mandate_is_accepted(acts, case):
    """P-05, R11, C-04: the same question; the trail names who acts, and the rest is destroyed."""
    decided(case, MandateState.ACCEPTED)
    before = photo_of(case).unit
    told_them = acts.get(reverse("public:representing")).content.decode()
    assert asked_for(case) in told_them
    assert "Which face is the person" in told_them
    shown = acts.get(asked_for(case))
    page = shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert page.count('type="radio"') == 4
    assert "face is yours" not in page
    alone = acts.get(reverse("public:face_for", args=[photo_of(case).id, 2]))
    assert (alone.content, alone["Content-Type"]) == (ALONE[1].shown, "image/jpeg")
    assert acts.post(asked_for(case), {"face": "9"}).status_code == 422
    done = acts.post(asked_for(case), {"face": "2"})
    assert done.url == reverse("public:representing")
    assert gone(before)
    assert vault.read(photo_of(case).unit, "picture") == ALONE[1].picture
    event = Event.objects.get(type="probe.face_choice")
    assert event.actor_id == str(Mandate.objects.get(case=case).id)
    case.refresh_from_db()
    assert case.status == Status.RECEIVED, "what was asked is answered: the case goes on"
    assert asked_for(case) not in acts.get(done.url).content.decode()


def test_who_acts_says_that_none_is_the_persons(acts, case):
    """P-05: the photo goes; another one comes from the person, not from who acts."""
    decided(case, MandateState.ACCEPTED)
    unit = photo_of(case).unit
    done = acts.post(asked_for(case), {"face": "none"}, follow=True)
    assert done.redirect_chain[-1][0] == reverse("public:representing")
    assert "The person can send another one" in done.content.decode()
    assert gone(unit)


@pytest.mark.parametrize("state", [MandateState.WAITING, MandateState.REFUSED, MandateState.ENDED])
def test_no_face_is_shown_to_who_may_not_act(acts, case, state):
    """C-04: not before it is accepted, nor once it is refused or over; the service says so too."""
    mandate = Mandate.objects.get(case=case)
    if state != MandateState.WAITING:
        over = clock.now() if state == MandateState.ENDED else None
        decided(case, state, ended_at=over, reason="not_shown" if over is None else "")
    assert asked_for(case) not in acts.get(reverse("public:representing")).content.decode()
    for address in (asked_for(case), reverse("public:face_for", args=[photo_of(case).id, 1])):
        assert acts.get(address).url == reverse("public:representing")
    assert acts.post(asked_for(case), {"face": "1"}).status_code == 302
    for act in (partial(choose, case, 1), partial(none, case)):
        with pytest.raises(NotAllowed, match="not_acting"):
            act(actor=Actor.representative(mandate.id))
    assert photo_of(case).state == ProbeState.CHOOSING


def none(case, actor):
    own_face.none_of_these(case_id=case.id, photo_id=photo_of(case).id, actor=actor)


def test_who_acts_for_another_request_sees_no_face_of_this_one(acts, case, answers):
    """C-04, R3: an address of another request leads nowhere."""
    decided(case, MandateState.ACCEPTED)
    other = opened(picture=grey(0), email="tomas@example.org")
    work()
    theirs = photo_of(other)
    assert acts.get(reverse("public:face_for", args=[theirs.id, 1])).status_code == 404
    acts.post(reverse("public:own_face_for", args=[theirs.id]), {"face": "1"})
    assert photo_of(other).state == ProbeState.CHOOSING

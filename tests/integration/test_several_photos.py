"""Up to five photos of one person: sent, checked, searched with together, and gone together.

Rules R2, R3, R7, R8, R15, R21; law T-06, X-04. Recognition answers as told; that it fuses, and
refuses to fuse what is unlike, is in tests/engine/test_fusion.py.
"""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.cases import drafts, selectors
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Draft, Status
from dsr_portal.core import forms as core_forms
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.disclosure.words import nothing_found_words
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import own_face, photos, services
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Probe, ProbeState, Search, SearchState, Verdict
from dsr_portal.recognition import calibration
from dsr_portal.recognition.services import FacesFound, OneFace, ProbeVerdict
from dsr_portal.vault import services as vault
from dsr_portal.vault.pictures import encode_jpeg
from tests.support import bad_input
from tests.support.gallery import a_record, own_places
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
    say,
    say_all,
    sign_in,
    staff,
    take,
    told,
    work,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


@pytest.fixture
def people():
    return [actor(staff("S-1")), actor(staff("S-2")), actor(staff("V-1", Role.SUPERVISOR))]


def a_picture(grey):
    return encode_jpeg(bytes([grey]) * (3 * 8 * 8), 8, 8)


def send(case, picture=JPEG, instead=None):
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", picture)

    def also(locked):
        staged.save()
        services.add_probe(
            case=locked,
            actor=Actor.person(case.id),
            unit=staged.unit_id,
            channel="web",
            instead=instead,
        )

    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), also=also)
    return Probe.objects.filter(case=case).order_by("id").last()


def with_photos(count):
    """A request with photos that can be told apart, all checked."""
    case = opened(picture=a_picture(0))
    for number in range(1, count):
        send(case, a_picture(40 * number))
    work()
    return case


def stopped_apart(answers, people, count=2):
    """A request whose photos the program found too unlike to search with."""
    answers.apart = True
    case = with_photos(count)
    identify(case, people[0])
    work()
    case.refresh_from_db()
    return case


def seen_by_officer(case):
    return photos.token(matching.photos(case.id))


# -- together -----------------------------------------------------------------------------------


def test_all_photos_are_searched_with_and_the_trail_says_how_many(answers, people):
    """L-04: the newest is the search's photo, the others beside it; five count as five."""
    case = with_photos(5)
    identify(case, people[0])
    work()
    assert answers.searches == 1
    assert answers.pictures == [[a_picture(40 * number) for number in range(5)]]
    search = Search.objects.get(case=case)
    assert search.photos == 5
    assert [one.id for one in search.all_photos()] == [one.id for one in matching.photos(case.id)]
    assert search.probe == matching.photos(case.id)[-1]
    performed = Event.objects.get(type="search.performed", case_id=case.id)
    assert performed.data["photos"] == 5


def test_one_photo_stays_one_photo(answers, people):
    case = with_photos(1)
    identify(case, people[0])
    work()
    search = Search.objects.get(case=case)
    assert (search.photos, answers.pictures) == (1, [[a_picture(0)]])
    assert not search.more_photos.exists()


def test_nothing_is_searched_while_one_of_several_waits_or_cannot_be_used(answers, people):
    """R2: never with some of them only: who is asking was compared with all."""
    case = with_photos(2)
    answers.verdict = ProbeVerdict("no_face", (), None)
    send(case, a_picture(200))
    work()
    identify(case, people[0])
    work()
    assert answers.searches == 0
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO


def test_a_photo_takes_the_place_of_the_one_that_cannot_be_used(answers, people):
    case = with_photos(2)
    answers.verdict = ProbeVerdict("no_face", (), None)
    unusable = send(case, a_picture(200))
    work()
    answers.verdict = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
    send(case, a_picture(220))
    unusable.refresh_from_db()
    assert unusable.state == ProbeState.DELETED
    with pytest.raises(vault.Shredded):
        vault.read(unusable.unit, "picture")
    work()
    identify(case, people[0])
    work()
    assert answers.pictures == [[a_picture(0), a_picture(40), a_picture(220)]]


def test_a_replaced_photo_is_destroyed_and_the_others_stay(answers, people):
    case = with_photos(3)
    first, second, third = matching.photos(case.id)
    send(case, a_picture(210), instead=second.id)
    work()
    left = matching.photos(case.id)
    assert [one.id for one in left[:2]] == [first.id, third.id]
    assert len(left) == 3
    with pytest.raises(vault.Shredded):
        vault.read(second.unit, "picture")
    assert vault.read(first.unit, "picture") == a_picture(0)
    with pytest.raises(NotFound, match="no_photo"):
        send(case, a_picture(211), instead=second.id)
    assert Probe.objects.filter(case=case).count() == 4, "nothing is kept of a refused one"


def test_the_person_takes_one_of_several_out_and_never_the_last(answers, people):
    case = with_photos(2)
    first, second = matching.photos(case.id)
    identify(case, people[0])
    case.refresh_from_db()
    assert case.status == Status.SEARCHING
    with pytest.raises(Conflict, match="photo_late"):
        services.take_out_photo(case_id=case.id, photo_id=first.id, actor=Actor.person(case.id))
    other = with_photos(2)
    first, second = matching.photos(other.id)
    person = Actor.person(other.id)
    services.take_out_photo(case_id=other.id, photo_id=first.id, actor=person)
    with pytest.raises(vault.Shredded):
        vault.read(first.unit, "picture")
    with pytest.raises(Conflict, match="last_photo"):
        services.take_out_photo(case_id=other.id, photo_id=second.id, actor=person)
    with pytest.raises(NotFound, match="no_photo"):
        services.take_out_photo(case_id=other.id, photo_id=first.id, actor=person)


@pytest.mark.parametrize("change", ["add", "replace", "take out"])
def test_whatever_changes_the_set_makes_the_check_of_who_is_asking_lapse(answers, people, change):
    """R2, R7: known by one's own photo, nobody has a stranger's searched beside it."""
    case = opened()
    send(case)
    answers.verdict = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
    known = {"way": "call", "element": "mailbox_in_record", "compared": "Face and photos."}
    services.record_identity(
        case_id=case.id, actor=people[0], photos=matching.photo_token(case.id), **known
    )
    before = matching.photo_token(case.id)
    first = matching.photos(case.id)[0]
    if change == "add":
        send(case)
    elif change == "replace":
        send(case, instead=first.id)
    else:
        services.take_out_photo(case_id=case.id, photo_id=first.id, actor=Actor.person(case.id))
    work()
    case.refresh_from_db()
    assert (case.level, answers.searches) == (0, 0)
    assert "identity.lapsed" in event_types_of(case)
    with pytest.raises(Conflict, match="photo_changed"):
        services.record_identity(case_id=case.id, actor=people[0], photos=before, **known)


def test_without_consent_none_is_looked_at_and_consent_wakes_all(answers, people):
    """R8: consent covers each."""
    case = opened(consent=False)
    send(case)
    assert work() == 0
    assert {one.state for one in matching.photos(case.id)} == {ProbeState.WAITING_CONSENT}
    services.record_consent(
        case_id=case.id, actor=people[0], channel="post", reference="letter 2026-17"
    )
    work()
    assert answers.judged == 2


def test_withdrawing_consent_deletes_every_photo_and_stops_the_search(answers, people):
    """R8, P-03: mid-search, with a photo that was set aside as well."""
    records = [a_record()]
    answers.hits = hits([record.id for record in records])
    case = with_photos(3)
    here = matching.photos(case.id)
    services.choose_photos(
        case_id=case.id,
        actor=people[1],
        chosen=[here[0].id, here[1].id],
        seen=seen_by_officer(case),
    )
    for one in here:
        assert vault.read(one.unit, "picture"), "the canary: they can be read now"
    answers.between = lambda: cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    identify(case, people[0])
    work()
    assert set(Probe.objects.values_list("state", flat=True)) == {ProbeState.DELETED}
    for one in here:
        with pytest.raises(vault.Shredded):
            vault.read(one.unit, "picture")
    assert Search.objects.get().state == SearchState.STALE
    assert "search.performed" not in event_types_of(case)
    assert event_types_of(case).count("probe.deleted") == 3


def test_the_widened_search_is_made_with_all_photos_and_stops_when_one_is_gone(
    answers, people, settings
):
    """R8, R22."""
    settings.DSR_WIDEN = True
    record = a_record()
    answers.hits = hits([record.id])
    case = with_photos(2)
    identify(case, people[0])
    work()
    case.refresh_from_db()
    take(case, people[1])
    say_all(case, people[1], "same")
    work()
    asked = answers.asked[0]
    assert [*asked["more"], asked["picture"]] == [a_picture(0), a_picture(40)]
    assert Event.objects.get(type="search.widened").data["photos"] == 2


# -- photos unlike one another --------------------------------------------------------------------


def test_photos_too_unlike_are_not_searched_with_and_the_case_waits_for_a_person(answers, people):
    """R2, R3: nothing is compared with the gallery; person and officer are asked."""
    case = stopped_apart(answers, people)
    assert case.status == Status.NEEDS_INFO
    search = Search.objects.get(case=case)
    assert (search.state, search.compared) == (SearchState.APART, 0)
    assert matching.latest_search(case.id) is None
    assert services.photos_differ(case)
    assert "search.apart" in event_types_of(case)
    assert "search.performed" not in event_types_of(case)
    # A second look at the same photos changes nothing.
    identify(case, people[0])
    work()
    assert answers.searches == 1


def test_the_officer_chooses_and_only_those_are_searched_after_a_new_check(answers, people):
    """R2, R7: fewer photos count, so who is asking is compared with those anew."""
    case = stopped_apart(answers, people, count=3)
    first, second, third = matching.photos(case.id)
    chosen = services.choose_photos(
        case_id=case.id, actor=people[1], chosen=[first.id, third.id], seen=seen_by_officer(case)
    )
    assert chosen.level == 0
    second.refresh_from_db()
    assert second.state == ProbeState.SET_ASIDE
    assert answers.searches == 1
    identify(case, people[0])
    work()
    assert answers.pictures[-1] == [a_picture(0), a_picture(80)]
    event = Event.objects.get(type="photos.chosen")
    assert (event.actor_id, event.data["photos"], event.data["set_aside"]) == ("S-2", 2, 1)
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW


def test_the_officer_says_all_show_one_person_and_the_search_goes_on(answers, people):
    """Far apart in age, one person all the same: a person's word, in the trail."""
    case = stopped_apart(answers, people)
    services.choose_photos(
        case_id=case.id,
        actor=people[1],
        chosen=[one.id for one in matching.photos(case.id)],
        seen=seen_by_officer(case),
    )
    work()
    case.refresh_from_db()
    assert (case.level, case.status, answers.searches) == (2, Status.IN_REVIEW, 2)


def test_a_photo_that_comes_after_the_choice_is_compared_with_the_others_again(answers, people):
    case = stopped_apart(answers, people)
    services.choose_photos(
        case_id=case.id,
        actor=people[1],
        chosen=[matching.photos(case.id)[0].id],
        seen=seen_by_officer(case),
    )
    send(case, a_picture(230))
    work()
    identify(case, people[0])
    work()
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO
    assert services.photos_differ(case)


def test_who_may_choose_and_from_what(answers, people):
    """R20: not who entered the request; not on a page from before; not a photo nobody can use."""
    case = stopped_apart(answers, people)
    first, second = matching.photos(case.id)
    seen = seen_by_officer(case)
    dpo = actor(staff("D-1", Role.DPO))
    for by, chosen, told_seen, error, code in (
        (dpo, [first.id], seen, NotAllowed, "reviewer_only"),
        (people[0], [], seen, BadInput, "none_chosen"),
        (people[0], [first.id], str(first.id), Conflict, "photo_changed"),
    ):
        with pytest.raises(error, match=code):
            services.choose_photos(case_id=case.id, actor=by, chosen=chosen, seen=told_seen)
    Probe.objects.filter(id=second.id).update(state=ProbeState.UNUSABLE, verdict="no_face")
    with pytest.raises(BadInput, match="photo_unusable"):
        services.choose_photos(case_id=case.id, actor=people[0], chosen=[second.id], seen=seen)
    entered = opened(opener=people[1])
    with pytest.raises(NotAllowed, match="opener_barred"):
        services.choose_photos(
            case_id=entered.id, actor=people[1], chosen=[], seen=seen_by_officer(entered)
        )


def test_the_person_is_asked_neutrally_whatever_the_gallery_holds(answers, people, site):
    """R3: no word of a difference, a search or a match; the same page with hits and without."""
    site("public")
    pages = []
    for found in ([], [a_record(), a_record()]):
        answers.hits = hits([record.id for record in found])
        case = stopped_apart(answers, people)
        browser = Client()
        code = cases.receipt_code(case)
        browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
        page = browser.get(reverse("public:case")).content.decode()
        assert "Please look at your photos once more" in page
        for word in ("unlike", "differ from", "not the same", "another person", "match"):
            assert word not in page.lower()
        pages.append(masked(page, case))
    assert pages[0] == pages[1]


def masked(page, case):
    page = page.replace(case.reference, "REF")
    page = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", page)
    page = re.sub(r'csrfmiddlewaretoken" value="[^"]+"', "token", page)
    return re.sub(r'datetime="[^"]+"', "time", page)


# -- odds and words -----------------------------------------------------------------------------


class Odds:
    def __init__(self, kinds):
        self.kinds, self.asked = kinds, []

    def __call__(self, score, *, kind, enrolled):
        self.asked.append(kind)
        return self.kinds.get(kind, "")


@pytest.mark.parametrize(
    "measured",
    [
        (1, {"one_photo": "1_in_20"}, "1_in_20"),
        (2, {"one_photo": "1_in_20"}, ""),
        (2, {"one_photo": "1_in_20", "widened": "1_in_2"}, ""),
        (2, {"one_photo": "1_in_20", "photos_2": "1_in_200"}, "1_in_200"),
        (3, {"photos_2": "1_in_200"}, ""),
    ],
)
def test_odds_of_one_photo_never_speak_for_several(
    answers, people, monkeypatch, settings, measured
):
    """R21: a fused search has odds of its own or none."""
    count, kinds, said = measured
    settings.DSR_WIDEN = False
    odds = Odds(kinds)
    monkeypatch.setattr(calibration, "odds_step", odds)
    answers.hits = hits([a_record().id])
    case = with_photos(count)
    identify(case, people[0])
    work()
    take(case, people[1])
    (decision,) = laid(case, people[1])
    services.say_preliminary(decision_id=decision.id, actor=people[1], verdict=Verdict.SAME)
    (decision,) = laid(case, people[1])
    assert matching.odds_step(decision) == said
    assert set(odds.asked) == ({f"photos_{count}"} if count > 1 else {"one_photo"})


def test_what_one_photo_misses_is_not_said_of_several(monkeypatch):
    """R15: not measured here prints "not tested here"."""
    content = {
        "format": 2, "people_with_pairs": 400, "review": {"value": 0.36}, "set_name": "own",
        "made_on": "2026",
        "found": {"value": 0.9, "low": 0.8, "high": 0.95, "people": 400},
    }  # fmt: skip
    monkeypatch.setattr(calibration, "in_force", lambda: calibration.InForce(3, None, content))
    assert calibration.measured_misses(0.36) is not None
    assert calibration.measured_misses(0.36, photos=2) is None


def test_the_letter_says_how_many_photos_were_compared(answers, people):
    """R15: what was compared with what."""
    case = with_photos(3)
    identify(case, people[0])
    work()
    search = Search.objects.get(case=case)
    assert "your 3 photos together with the 40 faces" in nothing_found_words(search)
    search.photos = 1
    assert "compared your photo with the 40 faces" in nothing_found_words(search)


# -- the desk -----------------------------------------------------------------------------------


def desk(site, person_no):
    from dsr_portal.accounts.models import Staff

    site("desk")
    return sign_in(Client(), Staff.objects.get(staff_no=person_no))


def test_the_desk_says_that_photos_differ_and_takes_the_choice(answers, people, site):
    case = stopped_apart(answers, people)
    first, second = matching.photos(case.id)
    browser = desk(site, "S-2")
    page = browser.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "Choose which photos count" in page
    assert "too unlike" in page
    address = reverse("desk:photos", args=[case.reference])
    shown = browser.get(address).content.decode()
    for one in (first, second):
        assert reverse("desk:probe_picture", args=[case.reference, one.id]) in shown
    seen = seen_by_officer(case)
    assert browser.post(address, {"seen": seen}).status_code == 422
    stale = browser.post(address, {"seen": "x", "chosen": [str(first.id)]})
    assert "changed meanwhile" in stale.content.decode()
    done = browser.post(address, {"seen": seen, "chosen": [str(first.id)]})
    assert done.status_code == 302
    second.refresh_from_db()
    assert second.state == ProbeState.SET_ASIDE
    page = browser.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "Check who is asking" in page


def test_an_unusable_photo_and_a_pose_check_leave_another_identity_way(answers, people, site):
    """R2, R6: what was named can be looked up once somebody was checked without a face."""
    answers.verdict = ProbeVerdict("no_face", (), None)
    case = opened(ways=[cases.WaySent("page", "https://a.example/me", keyed_hash="ab" * 32)])
    services.record_identity(
        case_id=case.id,
        actor=people[0],
        way="three_photos",
        element="mailbox_in_record",
        compared="The photos and the one that was sent.",
    )
    work()
    case.refresh_from_db()
    assert (case.level, case.status) == (2, Status.NEEDS_INFO)
    browser = desk(site, "S-2")
    page = browser.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "compares no face" in page
    assert 'name="way"' in page
    identify(case, people[1])
    page = browser.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "compares no face" not in page
    assert "Look up by what the person named" in page


def test_all_photos_stand_beside_the_candidate(answers, people, site):
    """R19: each of both persons sees every photo that was searched with."""
    answers.hits = hits([a_record().id])
    case = with_photos(3)
    identify(case, people[0])
    work()
    case.refresh_from_db()
    take(case, people[1])
    for by in (people[1], None):
        who = by or drawn(case, people)
        browser = desk(site, who.id)
        page = browser.get(reverse("desk:compare", args=[case.reference])).content.decode()
        for one in matching.photos(case.id):
            address = reverse("desk:probe_picture", args=[case.reference, one.id])
            assert address in page
            assert browser.get(address).status_code == 200
        if by is not None:
            for decision in laid(case, by):
                say(decision, by, Verdict.SAME)
            services.finish(review_id=review_of(case).id, actor=by)
            while jobs.run_due(queues=["search"]):
                pass


# -- the public pages -----------------------------------------------------------------------------


@pytest.fixture
def browser(site):
    site("public")
    return Client()


def at(name, **kwargs):
    return reverse(f"public:{name}", kwargs=kwargs or None)


def upload(data=None):
    return SimpleUploadedFile("me.jpg", data or bad_input.jpeg(), content_type="image/jpeg")


def filled(browser, count):
    browser.post(at("wish"), {"rights": ["access"]})
    for _photo in range(count):
        browser.post(at("way"), {"photo": upload()})
    return Draft.objects.get()


def finished(browser):
    browser.post(at("consent"), {"comparison": "on"})
    browser.post(at("contact"), {"how": "none", "language": "en"})
    browser.post(at("check"))
    return Case.objects.get()


def test_photos_are_added_replaced_and_taken_out_before_sending(browser):
    """T-06: adding is not replacing; each taken out is destroyed."""
    draft = filled(browser, 2)
    first, second = drafts.photos_of(draft)
    page = browser.get(at("way")).content.decode()
    assert "Add another photo of you" in page
    assert "together find more pictures than one does" in page
    assert page.count("Replace it") == 2
    browser.post(at("way"), {"replace_1": upload()})
    assert [one.id for one in drafts.photos_of(draft)] == [first.id, second.id]
    with pytest.raises(vault.Shredded):
        vault.read(first.unit, drafts.PHOTO)
    browser.post(at("way"), {"take_out": str(second.id)})
    assert [one.id for one in drafts.photos_of(draft)] == [first.id]
    assert browser.get(at("draft_photo", number=1)).status_code == 200
    assert browser.get(at("draft_photo", number=2)).status_code == 404


def test_a_sixth_photo_has_no_field_and_no_way(browser):
    draft = filled(browser, 6)
    assert len(drafts.photos_of(draft)) == 5
    assert "Add another photo" not in browser.get(at("way")).content.decode()


def test_an_added_photo_is_kept_when_another_field_is_wrong(browser):
    draft = filled(browser, 1)
    page = browser.post(at("way"), {"photo": upload(), "pages": "not an address"})
    shown = page.content.decode()
    assert "is not an address" in shown
    assert shown.count("Replace it") == len(drafts.photos_of(draft)) == 2
    page = browser.post(at("way"), {"replace_2": upload(bad_input.TEXT)})
    assert "not a picture" in page.content.decode()


def test_all_photos_arrive_with_the_request_and_each_has_a_unit_of_its_own(browser):
    """R14: together or not at all."""
    filled(browser, 3)
    browser.post(at("contact"), {"how": "none", "language": "en"})
    assert "Your 3 photos" in browser.get(at("check")).content.decode()
    case = finished(browser)
    here = matching.photos(case.id)
    assert len({one.unit for one in here}) == 3
    assert {one.state for one in here} == {ProbeState.RECEIVED}
    assert selectors.rights_of(case) == ["access"]
    assert not Draft.objects.exists()


def test_the_page_of_a_request_adds_replaces_and_takes_out(browser):
    filled(browser, 1)
    case = finished(browser)
    Probe.objects.filter(case=case).update(state=ProbeState.USABLE, verdict="ok")
    page = browser.get(at("case")).content.decode()
    assert "Add another photo" in page
    assert "Replace this photo" in page
    assert "Take it out" not in page
    assert "together find more pictures" in browser.get(at("case_photo")).content.decode()
    browser.post(at("case_photo"), {"photo": upload()})
    first, second = matching.photos(case.id)
    page = browser.get(at("case")).content.decode()
    assert page.count("Take it out") == 2 - (second.state == ProbeState.UNUSABLE)
    browser.post(at("case_photo", photo_id=first.id), {"photo": upload()})
    assert [one.id for one in matching.photos(case.id)][0] == second.id
    assert browser.post(at("case_photo_out", photo_id=second.id)).status_code == 302
    assert len(matching.photos(case.id)) == 1
    last = matching.photos(case.id)[0]
    page = browser.post(at("case_photo_out", photo_id=last.id), follow=True).content.decode()
    assert "This is your only photo" in page
    gone = browser.post(
        at("case_photo", photo_id=first.id), {"photo": upload()}, follow=True
    ).content.decode()
    assert "That photo was gone already" in gone
    assert len(matching.photos(case.id)) == 1


def test_after_five_photos_the_page_says_who_to_ask(browser):
    """X-04: the sixth waits for a word from an officer."""
    filled(browser, 5)
    case = finished(browser)
    page = browser.get(at("case")).content.decode()
    assert "Add another photo" not in page
    last = matching.photos(case.id)[-1]
    page = browser.post(
        at("case_photo", photo_id=last.id), {"photo": upload()}, follow=True
    ).content.decode()
    assert "You have sent five photos since we last wrote to you" in page
    assert len(matching.photos(case.id)) == 5


def test_the_file_chooser_offers_what_the_decoder_opens():
    """R28: formats by allow-list; the same list on both sides."""
    from dsr_portal.vault import confined

    offered = {kind.removeprefix("image/").upper() for kind in core_forms.PHOTO_TYPES.split(",")}
    assert offered - {"HEIF"} == confined._FORMATS


# -- any order ----------------------------------------------------------------------------------

_STEPS = st.lists(
    st.sampled_from(
        ["add", "replace", "take out", "choose", "identify", "work", "unusable", "group", "face"]
    ),
    min_size=1,
    max_size=9,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_STEPS)
def test_in_any_order_only_photos_that_were_checked_together_are_searched(
    answers, people, settings, steps
):
    """R2, R7: a search is made with exactly the photos the last check in force was about."""
    settings.DSR_WIDEN = False
    case = opened()
    checked_about = None
    answers.searches, answers.pictures = 0, []
    answers.faces = FacesFound((OneFace(a_picture(1), a_picture(1)),), 1)
    answers.verdict = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
    person = Actor.person(case.id)
    for step in steps:
        here = matching.photos(case.id)
        before = matching.photo_token(case.id)
        try:
            if step == "add":
                send(case)
            elif step in {"unusable", "group"}:
                code = "no_face" if step == "unusable" else "several_faces"
                answers.verdict = ProbeVerdict(code, (), None)
                send(case)
                work()
                answers.verdict = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
            elif step == "face":
                asked = [one for one in here if one.state == ProbeState.CHOOSING]
                for one in asked[:1]:
                    own_face.choose(case_id=case.id, photo_id=one.id, number=1, actor=person)
            elif step == "replace":
                send(case, instead=here[0].id)
            elif step == "take out":
                services.take_out_photo(case_id=case.id, photo_id=here[0].id, actor=person)
            elif step == "choose":
                services.choose_photos(
                    case_id=case.id,
                    actor=people[1],
                    chosen=[here[-1].id],
                    seen=seen_by_officer(case),
                )
            elif step == "identify":
                checked_about = matching.photo_token(case.id)
                identify(case, people[0])
            else:
                work()
        except (Conflict, BadInput):
            assert matching.photo_token(case.id) == before
    work()
    case.refresh_from_db()
    for search in Search.objects.filter(case=case):
        assert photos.token(search.all_photos()) == checked_about
    assert (case.level == 0) or checked_about is not None

"""A person who sends no photo gets an answer: look-up, review, letter, erasure (law T-06, T-07)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import asking_again, proposals
from dsr_portal.cases import selectors as case_selectors
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Ask, AskedFact, Case, Flag, RightCode, Status, WayKind
from dsr_portal.compliance.evidence import completeness, told
from dsr_portal.compliance.report import build
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure import unidentified
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.disclosure.selectors import current_answer
from dsr_portal.documents import services as documents
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery import hashes, named
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Hold, Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.law import deadlines
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Band, Candidate, ReviewState, Search, SearchKind, SearchState
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import answers as letters
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.assessed import no_other_systems
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
    say,
    say_all,
    sign_in,
    staff,
    take,
    work,
)
from tests.support.matching import (
    told as recognised,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "https://a.example/one"
WHY = "The name on the eID is the name beside the picture."


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)
    # The thread that renews a lease sees nothing of a test's own transaction on PostgreSQL.
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def people():
    no_other_systems()
    numbers = {"S-1": Role.OFFICER, "S-2": Role.OFFICER, "V-1": Role.SUPERVISOR}
    return [actor(staff(number, role)) for number, role in numbers.items()]


def way(kind: str, text: str = "", data: bytes = b"") -> cases.WaySent:
    hashed = None
    if kind == WayKind.PAGE:
        hashed = hashes.of_address(text)
    elif kind == WayKind.FILE:
        hashed = hashes.of_file(data)
    return cases.WaySent(kind, text, data, keyed_hash=hashed)


def asked(*ways: cases.WaySent, **more: Any) -> Case:
    return support.opened(ways=ways or [way("page", PAGE)], consents=(), **more)


def known(case: Case, by: Actor) -> None:
    services.record_identity(
        case_id=case.id, actor=by, way="eid", element="named_control", compared="Name and page."
    )


def looked_up(case: Case, by: Actor) -> Case:
    """Who is asking is known, what they named is looked up."""
    known(case, by)
    services.start_look_up(case_id=case.id, actor=by)
    jobs.run_due(queues=["light"])
    case.refresh_from_db()
    return case


def decided_same(case: Case, people: list[Actor], verdict: str = "same") -> None:
    take(case, people[0])
    say_all(case, people[0], verdict, WHY)
    say_all(case, drawn(case, people), verdict, WHY)


# -- what is found, and how ------------------------------------------------------------------------


def test_an_address_leads_to_every_face_at_it_and_nothing_is_scored(people):
    """T-06, R1: candidates without score or band, held; the trail and the row say how."""
    image = an_image(page_url=PAGE)
    faces = [a_record(image), a_record(image)]
    a_record(an_image(page_url="https://a.example/two"))
    case = looked_up(asked(way("page", "HTTP://www.A.example/one/?utm_source=x")), people[0])
    rows = list(Candidate.objects.order_by("rank"))
    assert [one.record_id for one in rows] == [one.id for one in faces]
    assert {(one.score, one.band, one.found_by) for one in rows} == {(None, "", "address")}
    assert Hold.objects.filter(case_id=case.id, until=None).count() == 2
    search = Search.objects.get()
    assert (search.kind, search.probe, search.threshold) == (SearchKind.LOOK_UP, None, None)
    assert search.looked_up == [{"kind": "page", "named": 1, "found": 1}]
    assert (search.pictures, search.compared, search.enrolled) == (2, 0, 0)
    assert case.status == Status.IN_REVIEW
    types = event_types_of(case)
    assert "search.looked_up" in types
    assert "search.performed" not in types
    assert audit.verify().ok


def test_the_very_file_and_an_account_name_lead_there_too(people):
    """An account by a column of the source or by the path of a page on the named site."""
    image = an_image(page_url="https://fotoloft.example/u/minnow/88123")
    column = an_image(path="b.jpg", other={"user_name": "@Minnow"})
    other = an_image(page_url="https://elsewhere.example/u/minnow/1", path="c.jpg")
    by_path, by_column, elsewhere = a_record(image), a_record(column), a_record(other)
    data = b"picture " + other.id.bytes
    case = looked_up(
        asked(way("file", data=data), way("account", "minnow at Fotoloft.example")), people[0]
    )
    found = dict(Candidate.objects.values_list("record_id", "found_by"))
    assert found == {by_path.id: "account", by_column.id: "account", elsewhere.id: "file"}
    assert Search.objects.get(case=case).looked_up == [
        {"kind": "file", "named": 1, "found": 1},
        {"kind": "account", "named": 1, "found": 2},
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("https://fotoloft.example/u/minnow", True),
        ("fotoloft: minnow", True),
        ("@minnow", False),
        ("minnow at lantern.example", False),
        ("fotoloft.example", False),
        ("", False),
        ("minno fotoloft.example", False),
        ("my minnow on fotoloft", True),
        ("fotoloft, my name there is minnow", False),
        ("fotoloft, my name there is @minnow", True),
    ],
)
def test_an_account_is_looked_up_on_its_site_only(words, found):
    an_image(page_url="https://fotoloft.example/u/Minnow/88123")
    assert bool(named.of_account(words).images) is found


@pytest.mark.parametrize(
    ("words", "readable"),
    [
        ("minnow", True),
        ("minnow at fotoloft.example", True),
        ("https://fotoloft.example/minnow", True),
        ("Fotoloft minnow", True),
        ("fotoloft.example: @mina-k", True),
        ("my name there is Mina Karlsson, on Fotoloft", False),
        ("fotoloft.example Mina Karlsson", False),
        ("?", False),
    ],
)
def test_words_nobody_can_read_an_account_name_from_are_flagged(people, words, readable):
    """T-06: "0 found" is not said of a name nobody read without the officers knowing."""
    assert named.can_read_account(words) is readable
    case = looked_up(asked(way("account", words)), people[0])
    flags = set(case.flags.values_list("code", flat=True))
    assert ("account_name_not_readable" in flags) is not readable


def test_a_column_for_accounts_counts_on_the_site_named_and_by_the_whole_name():
    """T-06: a word of a sentence is no account; the same name elsewhere is somebody else's."""
    here = an_image(page_url="https://fotoloft.example/p/1", other={"author": "anna"})
    an_image(page_url="https://elsewhere.example/p/1", path="b.jpg", other={"author": "anna"})
    an_image(page_url="https://fotoloft.example/p/2", path="c.jpg", other={"user": "my"})
    an_image(page_url="https://fotoloft.example/u/there", path="d.jpg")
    anna_7 = an_image(
        page_url="https://fotoloft.example/p/3", path="e.jpg", other={"user": "anna_7"}
    )
    no_page = an_image(path="f.jpg", other={"user": "@Anna_7"})
    for words, found in (
        ("Fotoloft, my name there is anna", set()),
        ("Fotoloft: anna", {here.id}),
        ("https://fotoloft.example/people/anna/", {here.id}),
        ("on Fotoloft I am called anna_7", {anna_7.id, no_page.id}),
        ("anna_7", {no_page.id}),
    ):
        assert set(named.of_account(words).images) == found, words


def test_an_unknown_address_ends_with_two_persons_who_see_what_was_looked_up(client, site, people):
    """R19: nothing found by a look-up is confirmed by a second person who sees what it was."""
    site("desk")
    a_record(an_image(page_url="https://a.example/two"))
    case = looked_up(asked(), people[0])
    assert not Candidate.objects.exists()
    take(case, people[0])
    services.finish(review_id=review_of(case).id, actor=people[0])
    second = drawn(case, people)
    page = sign_in(client, staff_of(second)).get(url("compare", case)).content.decode()
    for words in ("What was looked up", PAGE, "1 looked up, 0 found among 1 pictures", "Finish"):
        assert words in page, words
    services.finish(review_id=review_of(case).id, actor=second)
    outcome = selectors.outcome(case.id)
    assert outcome is not None
    assert outcome.nothing_found


def test_a_picture_without_a_face_is_flagged_to_officers(people):
    image = an_image(page_url=PAGE)
    case = looked_up(asked(), people[0])
    assert image.id
    assert Flag.objects.get(case=case).code == "named_picture_without_face"


def test_a_record_that_is_being_erased_meanwhile_is_no_candidate(people, monkeypatch):
    """R1: between the reading and the writing another case began to erase it."""
    record = a_record(an_image(page_url=PAGE))
    case = asked()
    from dsr_portal.matching import named as look_ups

    real = look_ups.look_up

    def slow(case):
        found = real(case)
        Record.objects.filter(id=record.id).update(state=Record.State.ERASING)
        return found

    monkeypatch.setattr(look_ups, "look_up", slow)
    looked_up(case, people[0])
    assert not Candidate.objects.exists()
    assert not Hold.objects.exists()
    assert review_of(case).state == ReviewState.FIRST


def test_a_record_erased_before_is_not_found(people):
    record = a_record(an_image(page_url=PAGE))
    Record.objects.filter(id=record.id).update(state=Record.State.ERASED)
    SourceImage.objects.filter(id=record.image_id).update(state=SourceImage.State.ERASED)
    looked_up(asked(), people[0])
    assert not Candidate.objects.exists()


# -- the order of things ---------------------------------------------------------------------------


def test_nothing_is_looked_up_before_who_is_asking_is_known(people):
    """R2, R20: level, something named, another person's eyes, no photo under way."""
    case = asked()
    with pytest.raises(NotAllowed, match="level"):
        services.start_look_up(case_id=case.id, actor=people[0])
    nothing = support.opened(ways=[], consents=())
    identify_without_photo(nothing, people[0])
    with pytest.raises(Conflict, match="named no address"):
        services.start_look_up(case_id=nothing.id, actor=people[0])
    entered = asked(actor=people[1], channel="post")
    known(entered, people[0])
    with pytest.raises(Conflict, match="original"):
        services.start_look_up(case_id=entered.id, actor=people[0])
    services.confirm_origin(case_id=entered.id, actor=people[0])
    assert services.start_look_up(case_id=entered.id, actor=people[0])
    with pytest.raises(Conflict, match="another state"):
        services.start_look_up(case_id=entered.id, actor=people[0])
    with pytest.raises(NotAllowed):
        services.start_look_up(case_id=case.id, actor=Actor.person(case.id))
    assert Search.objects.count() == 1


def identify_without_photo(case: Case, by: Actor) -> None:
    services.record_identity(
        case_id=case.id, actor=by, way="visit", element="capture_data", compared="At the desk."
    )


def test_a_way_that_compares_faces_needs_a_photo(people):
    """R6: without one there is nothing the pose check or three photos could be compared with."""
    case = asked()
    for kind in ("pose_check", "three_photos"):
        with pytest.raises(BadInput, match="no photo"):
            services.record_identity(
                case_id=case.id, actor=people[0], way=kind, element="", compared="Nothing."
            )
    assert not case.identity_checks.exists()


def test_naming_something_else_asks_anew_who_it_is(people):
    """R2, R7: known by their own page, a stranger's can't be looked up."""
    case = asked()
    known(case, people[0])
    services.add_ways(
        case_id=case.id, ways=[way("page", "https://b.example/two")], actor=Actor.person(case.id)
    )
    case.refresh_from_db()
    assert case.level == 0
    assert case.identity_checks.get().lapsed_at is not None
    with pytest.raises(NotAllowed, match="level"):
        services.start_look_up(case_id=case.id, actor=people[0])
    with pytest.raises(Conflict, match="something else"):
        services.record_identity(
            case_id=case.id, actor=people[0], way="eid", element="", compared="Old.", ways=1
        )
    services.record_identity(
        case_id=case.id, actor=people[0], way="eid", element="", compared="Both.", ways=2
    )


def sent_photo(case: Case) -> None:
    """A photo on the request's page, judged where it may be."""
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", JPEG)
    with audit.unit_of_work():
        staged.save()
        services.add_probe(
            case=Case.objects.select_for_update().get(id=case.id),
            actor=Actor.person(case.id),
            unit=staged.unit_id,
            channel="web",
        )
    work()
    case.refresh_from_db()


def compared(case: Case, by: Actor, element: str = "capture_data") -> None:
    services.record_identity(
        case_id=case.id, actor=by, way="pose_check", element=element, compared="Both alike."
    )


def add_page(case: Case) -> None:
    services.add_ways(case_id=case.id, ways=[way("page", PAGE)], actor=Actor.person(case.id))
    case.refresh_from_db()


def refused_look_up(case: Case, by: Actor) -> None:
    with pytest.raises(NotAllowed) as refused:
        services.start_look_up(case_id=case.id, actor=by)
    assert refused.value.code == "level_not_met"


@pytest.mark.parametrize("photo", ["waiting_consent", "unusable", "usable"])
def test_a_page_named_after_the_check_is_not_looked_up_on_it(recognition, people, photo):
    """R2, R7: whatever photo the check was made about, the page named later asks for another."""
    case = support.opened(
        ways=[],
        consents=() if photo == "waiting_consent" else ("comparison",),
        **({"actor": people[1], "channel": "post"} if photo == "usable" else {}),
    )
    if photo == "unusable":
        recognition.verdict = replace(recognition.verdict, code="two_faces")
    sent_photo(case)
    assert case.probes.get().state == photo
    identify(case, people[0])
    add_page(case)
    assert case.level == 0
    assert not case.identity_checks.filter(lapsed_at=None).exists()
    if photo == "usable":
        services.confirm_origin(case_id=case.id, actor=people[0])
    refused_look_up(case, people[0])


@pytest.mark.parametrize("photo", ["waiting_consent", "unusable"])
def test_a_check_against_a_photo_carries_no_look_up(recognition, people, client, site, photo):
    """R2: a pose check says whose the photo is, not whose the page is that came with it."""
    case = asked()
    if photo == "unusable":
        recognition.verdict = replace(recognition.verdict, code="two_faces")
        cases.record_consent(case_id=case.id, scope="comparison", actor=Actor.person(case.id))
    sent_photo(case)
    assert case.probes.get().state == photo
    compared(case, people[0])
    case.refresh_from_db()
    assert case.level == 2
    refused_look_up(case, people[0])
    site("desk")
    page = sign_in(client, staff_of(people[0])).get(url("case", case)).content.decode()
    assert url("look_up", case) not in page
    services.record_identity(
        case_id=case.id, actor=people[0], way="eid", element="second_way", compared="The name."
    )
    refused_look_up(case, people[0])
    known(case, people[0])
    assert services.start_look_up(case_id=case.id, actor=people[0])


def test_a_check_against_a_photo_lapses_with_the_consent(recognition, people, three):
    """R2, R8: withdrawn while the search runs, nothing is looked up on the photo's check."""
    recognition.between = lambda: cases.withdraw_consent(
        case_id=Case.objects.get().id, actor=Actor.person(Case.objects.get().id)
    )
    recognition.hits = hits([three[0].id])
    case = opened()
    add_page(case)
    work()
    compared(case, people[0])
    work()
    case.refresh_from_db()
    assert (case.status, case.level) == (Status.NEEDS_INFO, 0)
    assert case.identity_checks.get().lapsed_at is not None
    assert "identity.lapsed" in event_types_of(case)
    refused_look_up(case, people[0])
    known(case, people[0])
    assert services.start_look_up(case_id=case.id, actor=people[0])


def test_what_another_way_showed_stays_when_the_consent_goes(recognition, people):
    """R8: before the search too; the call is as good as before, the pose check is not."""
    case = opened(opener=people[1])
    add_page(case)
    work()
    services.record_identity(
        case_id=case.id, actor=people[0], way="call", element="", compared="Name and page."
    )
    compared(case, people[0], "second_way")
    case.refresh_from_db()
    assert case.level == 2
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    case.refresh_from_db()
    assert case.level == 1
    assert case.identity_checks.get(lapsed_at=None).way == "call"


def test_nothing_is_added_once_the_search_began(people):
    a_record(an_image(page_url=PAGE))
    case = looked_up(asked(), people[0])
    with pytest.raises(Conflict, match="already working"):
        services.add_ways(case_id=case.id, ways=[way("page", PAGE)], actor=Actor.person(case.id))
    with pytest.raises(BadInput):
        services.add_ways(case_id=case.id, ways=[], actor=Actor.person(case.id))


def test_taken_back_while_the_look_up_runs_nothing_is_written(people):
    """R8, T-11: the job ends without writing; no hold is left."""
    a_record(an_image(page_url=PAGE))
    case = asked()
    known(case, people[0])
    services.start_look_up(case_id=case.id, actor=people[0])
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    jobs.run_due(queues=["light"])
    assert Search.objects.get().state == SearchState.STALE
    assert not Candidate.objects.exists()
    assert not Hold.objects.filter(until=None).exists()
    assert not Job.objects.filter(state=JobState.FAILED).exists()


def test_the_look_up_runs_once_however_often_its_message_comes(people):
    a_record(an_image(page_url=PAGE))
    case = looked_up(asked(), people[0])
    Job.objects.filter(kind="matching.look_up").update(state=JobState.READY, lease_token=None)
    jobs.run_due(queues=["light"])
    assert event_types_of(case).count("search.looked_up") == 1
    assert Candidate.objects.count() == 1
    assert services.named_ways(case)


# -- two persons -----------------------------------------------------------------------------------


def test_same_person_has_a_reason_and_the_other_face_stays_anothers(people):
    """Which of two faces is theirs is a person's decision with a reason; R1 follows it."""
    image = an_image(page_url=PAGE)
    own, other = a_record(image), a_record(image)
    case = looked_up(asked(), people[0])
    take(case, people[0])
    first, second = laid(case, people[0])
    services.say_preliminary(decision_id=first.id, actor=people[0], verdict="same")
    with pytest.raises(BadInput, match="no photo was compared"):
        services.decide(decision_id=first.id, actor=people[0], verdict="same")
    services.decide(decision_id=first.id, actor=people[0], verdict="same", reason=WHY)
    say(second, people[0], "not_same")
    services.finish(review_id=review_of(case).id, actor=people[0])
    assert Record.objects.get(id=own.id).state == Record.State.RESTRICTED
    colleague = drawn(case, people)
    for row in laid(case, colleague):
        mine = row.candidate.record_id == own.id
        say(row, colleague, "same" if mine else "not_same", reason=WHY if mine else "")
    services.finish(review_id=review_of(case).id, actor=colleague)
    outcome = selectors.outcome(case.id)
    assert outcome is not None
    assert (outcome.same, outcome.not_same) == ((own.id,), (other.id,))
    made = Event.objects.filter(case_id=case.id, type="decision.made").first()
    assert made is not None
    assert made.data["band"] == "none"


def test_a_second_who_says_no_leads_to_a_supervisor(people):
    """R19: the restriction is lifted at once; a supervisor decides with a reason."""
    record = a_record(an_image(page_url=PAGE))
    case = looked_up(asked(), people[0])
    take(case, people[0])
    say_all(case, people[0], "same", WHY)
    say_all(case, drawn(case, people), "not_same")
    assert Record.objects.get(id=record.id).state == Record.State.HELD
    assert review_of(case).state == ReviewState.SUPERVISOR
    services.take_dispute(review_id=review_of(case).id, actor=people[2])
    say_all(case, people[2], "not_same", "Nothing links the page to who is asking.")
    outcome = selectors.outcome(case.id)
    assert outcome is not None
    assert outcome.nothing_found
    assert case.status == Status.DECIDED


# -- both ways -------------------------------------------------------------------------------------


@pytest.fixture
def recognition(monkeypatch):
    return recognised(monkeypatch)


def both(recognition, people, records) -> Case:
    """A case with a photo and an address: the first two by face, the last two at the address."""
    recognition.hits = hits([one.id for one in records[:2]])
    case = opened()
    services.add_ways(case_id=case.id, ways=[way("page", PAGE)], actor=Actor.person(case.id))
    work()
    identify(case, people[0])
    work()
    case.refresh_from_db()
    return case


@pytest.fixture
def three():
    image = an_image(page_url=PAGE)
    return [a_record(), a_record(image), a_record(image)]


def test_photo_and_address_together_are_one_search(recognition, people, three):
    """The candidates are the union; one found by both keeps its score and what led to it."""
    case = both(recognition, people, three)
    search = Search.objects.get()
    assert (search.kind, search.compared, search.looked_up[0]["found"]) == (SearchKind.BOTH, 40, 1)
    rows = {one.record_id: one for one in Candidate.objects.all()}
    only_face, found_twice, only_named = (rows[one.id] for one in three)
    assert (only_face.band, only_face.way) == (Band.STRONG, None)
    assert found_twice.score is not None
    assert found_twice.way.kind == WayKind.PAGE
    assert (only_named.score, only_named.found_by) == (None, "address")
    types = event_types_of(case)
    assert types.count("search.performed") == types.count("search.looked_up") == 1


def test_a_withdrawn_photo_leaves_what_was_named_decidable(recognition, people, three):
    """R8: what was found by face alone is inconclusive; what was named can be decided on words."""
    case = both(recognition, people, three)
    take(case, people[0])
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    by_record = {one.candidate.record_id: one for one in laid(case, people[0])}
    with pytest.raises(Conflict, match="withdrawn"):
        say(by_record[three[0].id], people[0], "same", reason=WHY)
    say(by_record[three[0].id], people[0], "inconclusive")
    row = by_record[three[1].id]
    services.say_preliminary(decision_id=row.id, actor=people[0], verdict="same")
    with pytest.raises(BadInput, match="no photo was compared"):
        services.decide(decision_id=row.id, actor=people[0], verdict="same")
    services.decide(decision_id=row.id, actor=people[0], verdict="same", reason=WHY)


def test_a_consent_withdrawn_in_mid_search_leaves_the_look_up_to_an_officer(
    recognition, people, three
):
    """R8: the case goes on by other ways."""
    recognition.between = lambda: cases.withdraw_consent(
        case_id=Case.objects.get().id, actor=Actor.person(Case.objects.get().id)
    )
    case = both(recognition, people, three)
    assert case.status == Status.NEEDS_INFO
    assert not Candidate.objects.exists()
    services.start_look_up(case_id=case.id, actor=people[0])
    jobs.run_due(queues=["light"])
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    assert set(Candidate.objects.values_list("record_id", flat=True)) == {
        one.id for one in three[1:]
    }


def test_the_database_refuses_what_is_neither_scored_nor_named(people):
    record = a_record(an_image(page_url=PAGE))
    case = looked_up(asked(), people[0])
    for change in ({"band": "strong"}, {"way": None}, {"score": 0.5}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Candidate.objects.filter(record=record).update(**change)
    for change in ({"kind": "face"}, {"threshold": 0.5}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Search.objects.filter(case=case).update(**change)


# -- pages -----------------------------------------------------------------------------------------


def url(name: str, case: Case, **more: Any) -> str:
    return reverse(f"desk:{name}", kwargs={"reference": case.reference, **more})


def staff_of(person: Actor) -> Any:
    from dsr_portal.accounts.services import staff_by_number

    return staff_by_number(person.id)


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def test_the_desk_offers_the_look_up_where_it_may_run(client, site, people):
    site("desk")
    case = asked()
    browser = sign_in(client, staff_of(people[0]))
    page = text_of(browser.get(url("case", case)))
    assert "Check who is asking" in page
    assert "Cannot identify" in page
    assert "Nothing is looked up before" in text_of(browser.get(url("look_up", case)))
    known(case, people[0])
    page = browser.get(url("case", case))
    assert "Look up by what the person named" in text_of(page)
    assert url("look_up", case) in page.content.decode()
    shown = text_of(browser.get(url("look_up", case)))
    assert PAGE in shown
    assert "No face is compared." in shown
    assert browser.post(url("look_up", case)).url == url("case", case)
    assert "The look-up is running" in text_of(browser.get(url("case", case)))
    progress = browser.get(url("progress", case)).json()
    assert "No face is compared" in progress["words"]
    nothing = support.opened(ways=[], consents=())
    assert "named no page, file or account" in text_of(browser.get(url("look_up", nothing)))


def test_the_compare_page_shows_what_was_named_and_no_selfie(client, site, people):
    """The record's picture and facts beside what the person named and how we know who it is."""
    site("desk")
    image = an_image(page_url=PAGE, caption="A day out")
    a_record(image), a_record(image)
    case = looked_up(asked(), people[0])
    take(case, people[0])
    browser = sign_in(client, staff_of(people[0]))
    response = browser.get(url("compare", case))
    page = text_of(response)
    for words in (
        "What the person named",
        PAGE,
        "How we know who is asking",
        "Name and page.",
        "A day out",
        "Face 1 in a picture with 2 faces we hold",
        "Picture at what was named",
    ):
        assert words in page, words
    assert "/probe/" not in response.content.decode()
    current = response.context["current"]
    form = {"picture": current.id, "stage": "view", "decision": "same"}
    page = text_of(browser.post(url("compare", case), form, follow=True))
    assert "No program compared this face." in page
    form = {"picture": current.id, "stage": "confirm", "decision": "same", "reason": ""}
    refused = browser.post(url("compare", case), form)
    assert refused.status_code == 422
    assert "Write what shows that this face is theirs" in text_of(refused)
    assert browser.post(url("compare", case), {**form, "reason": WHY}).status_code == 302


# -- cannot identify -------------------------------------------------------------------------------


def ask(case: Case, by: Actor, **more: Any) -> None:
    how = {
        "missing": ["nothing_to_look_up"],
        "means": ["call", "named"],
        "text": "Nothing you gave lets us look.",
    }
    cases.ask_to_identify(case_id=case.id, actor=by, **{**how, **more})
    jobs.run_due(queues=["light"])


def proposed(case: Case, by: Actor) -> Answer:
    answer = unidentified.propose(
        case_id=case.id, actor=by, reasons=["nothing_to_look_up"], why="Two letters, no answer."
    )
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    return answer


def unknown(people: list[Actor], **more: Any) -> Case:
    """A request that gave nothing, was asked, and answered that there is nothing more."""
    case = support.opened(ways=[], consents=(), **more)
    ask(case, people[0])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="I have nothing.")
    case.refresh_from_db()
    return case


def ended(case: Case, people: list[Actor]) -> Answer:
    answer = proposed(case, people[0])
    disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    cases.release_batch(actor=people[1])
    case.refresh_from_db()
    answer.refresh_from_db()
    return answer


def test_who_is_not_identified_is_asked_once_with_a_choice(people):
    """T-07, R-06: a fact, a sentence, two ways at least; one ask until they answer."""
    case = support.opened(ways=[], consents=())
    for wrong, code in (
        ({"means": ["photo"]}, "two_means"),
        ({"missing": []}, "no_fact"),
        ({"text": " "}, "words_missing"),
        ({"means": ["photo", "passport"]}, "no_such_choice"),
    ):
        with pytest.raises(BadInput) as refused:
            ask(case, people[0], **wrong)
        assert refused.value.code == code
    with pytest.raises(NotAllowed):
        ask(case, Actor("D-1", "dpo", "staff"))
    ask(case, people[0])
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO
    (message,) = case_selectors.messages_of(case)
    assert "Nothing you gave lets us look." in message.text
    assert "- a video or phone call with an officer" in message.text
    with pytest.raises(Conflict, match="not answered yet"):
        ask(case, people[0])
    assert "identity.asked" in event_types_of(case)


def again(case: Case, by: Actor, **more: Any) -> Any:
    how = {
        "missing": ["named_not_linked"],
        "means": ["call", "control"],
        "text": "We have your page. A sign on it would show that it is yours.",
        "new_fact": "The page came with the answer of yesterday.",
    }
    return asking_again.propose(case_id=case.id, actor=by, **{**how, **more})


def test_a_second_ask_needs_a_new_fact_and_another_person(people):
    """N-07: refused alone, refused for the same fact, sent once another person agreed."""
    case = unknown(people)
    with pytest.raises(Conflict, match="new fact and another person") as refused:
        ask(case, people[0], missing=["no_way_taken"])
    assert refused.value.code == "asked_before"
    cases.send_message(case_id=case.id, actor=people[1], text="Your passport, please.")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED, "words are free, and the request waits for nothing"
    for wrong, code in (
        ({"missing": ["nothing_to_look_up"]}, "fact_asked"),
        ({"missing": ["no_way_taken", "nothing_to_look_up"]}, "fact_asked"),
        ({"new_fact": "  "}, "fact_missing"),
        ({"means": ["call"]}, "two_means"),
    ):
        with pytest.raises(BadInput) as wrongly:
            again(case, people[0], **wrong)
        assert wrongly.value.code == code
    proposal = again(case, people[0])
    assert case.asks.count() == 1
    assert len(case_selectors.messages_of(case)) == 3
    with pytest.raises(NotAllowed) as own:
        proposals.agree(proposal_id=proposal.id, actor=people[0])
    assert own.value.code == "second_person"
    proposals.agree(proposal_id=proposal.id, actor=people[1])
    case.refresh_from_db()
    asked_twice = case.asks.get(number=2)
    assert (asked_twice.officer, asked_twice.agreed_by) == ("S-1", "S-2")
    assert case.status == Status.NEEDS_INFO
    words = case_selectors.messages_of(case)[-1].text
    assert "A sign on it" in words
    assert "yesterday" not in words
    assert asking_again.facts_left(case) == ["no_way_taken", "way_did_not_show", "which_meant"]


def test_the_database_refuses_a_second_ask_of_one_person_or_about_the_same_fact(people):
    """N-07: whatever a program writes, the tables do not take it."""
    case = unknown(people)
    first = case.asks.get()
    row = {"case": case, "missing": [], "means": [], "at": clock.now(), "message": first.message}
    for wrong in (
        {"number": 1, "officer": "S-2"},
        {"number": 2, "officer": "S-2"},
        {"number": 2, "officer": "S-2", "agreed_by": "S-2"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ask.objects.create(**row, **wrong)
    second = Ask.objects.create(**row, number=2, officer="S-2", agreed_by="S-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        AskedFact.objects.create(case=case, ask=second, fact="nothing_to_look_up")
    AskedFact.objects.create(case=case, ask=second, fact="which_meant")


def test_the_database_lets_no_request_wait_for_nothing(people):
    """R-06, D-07: without an open question or a photo that can't be used there is no waiting."""
    case = unknown(people)
    waiting = Case.objects.filter(id=case.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        waiting.update(status=Status.NEEDS_INFO)
    case.asks.update(answered_at=None)
    waiting.update(status=Status.NEEDS_INFO)
    other = support.unusable(support.opened(ways=[]))
    assert other.status == Status.NEEDS_INFO


def test_a_second_ask_comes_to_nothing_where_the_person_gives_more(people):
    """N-07: what came meanwhile is looked at first."""
    case = unknown(people)
    with pytest.raises(Conflict, match="asked once"):
        ask(case, people[0])
    proposal = again(case, people[0])
    add_page(case)
    with pytest.raises(Conflict) as over:
        proposals.agree(proposal_id=proposal.id, actor=people[1])
    assert over.value.code == "proposal_over"
    assert case.asks.get().number == 1
    proposals.agree(proposal_id=again(case, people[1]).id, actor=people[0])
    assert case.asks.count() == 2


def test_the_desk_says_what_a_second_ask_needs(people, client, site):
    """N-07: the page leaves out what was asked; a colleague reads what is new, and agrees."""
    case = unknown(people)
    site("desk")
    browser = sign_in(client, staff_of(people[0]))
    page = text_of(browser.get(url("ask", case)))
    assert "another person who agrees" in page
    assert "Nothing we can look for was given" not in page
    refused = browser.post(url("ask", case), {"missing": ["no_way_taken"], "text": "How?"})
    assert refused.status_code == 422
    sent = {
        "missing": ["no_way_taken"],
        "means": ["call", "visit"],
        "text": "How would you like to show it?",
        "new_fact": "They wrote that they can come by.",
    }
    assert browser.post(url("ask", case), sent).status_code == 302
    shown = text_of(browser.get(url("case", case)))
    assert "They wrote that they can come by." in shown
    assert "No way to show who is asking was taken yet" in shown
    other = sign_in(Client(), staff_of(people[1]))
    proposal = case.proposals.get()
    settle = reverse("desk:settle", args=[case.reference, proposal.id])
    assert other.post(settle, {"do": "agree"}).status_code == 302
    assert case.asks.count() == 2


def test_a_request_ends_unidentified_only_after_all_of_it(people, monkeypatch):
    """T-07, D-08, Art. 11(2): asked, waited, written down why, read by another person."""
    case = support.opened(ways=[], consents=())

    def refused(code: str, **more: Any) -> None:
        how = {"reasons": ["no_way_taken"], "why": "Nothing came.", **more}
        with pytest.raises((BadInput, Conflict, NotAllowed)) as error:
            unidentified.propose(case_id=case.id, actor=people[0], **how)
        assert error.value.code == code

    refused("not_asked")
    ask(case, people[0])
    refused("still_waiting")
    refused("why_missing", why="  ")
    refused("no_fact", reasons=[])
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=15))
    refused("still_waiting")
    assert cases.remind_due() == 1
    jobs.run_due(queues=["light"])
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=23))
    answer = proposed(case, people[0])
    assert (answer.state, answer.search, answer.package_unit) == (AnswerState.READY, None, None)
    with pytest.raises(NotAllowed, match="another person reads it"):
        disclosure.approve_answer(answer_id=answer.id, actor=people[0])
    disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DECIDED, "not_identified")
    (delivery,) = case.deliveries.exclude(kind="notice")
    assert (delivery.kind, delivery.approved_by) == ("letter", people[1].id)
    cases.release_batch(actor=people[1])
    case.refresh_from_db()
    assert case.status == Status.DELIVERED


def test_what_can_be_looked_up_is_looked_up_first(people):
    case = asked()
    ask(case, people[0])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="Look at the page.")
    known(case, people[0])
    with pytest.raises(Conflict, match="Look up"):
        proposed(case, people[0])


def test_the_letter_says_what_is_missing_how_to_go_on_and_where_to_complain(people):
    """Law 9: reasons, what was asked, until when, complaint, court; nothing of what is held."""
    case = unknown(people)
    answer = ended(case, people)
    assert answer.document_id is not None
    letter = letters.text_of(documents.open_document(answer.document_id))
    for words in (
        "We can't yet tell which pictures are yours",
        "You gave us nothing we could look for",
        "a video or phone call with an officer",
        "That page stays for 60 days after this letter left.",
        "We did not look at what we hold.",
        "says nothing about whether we hold pictures of you",
        "complain to a data protection authority",
        "court",
    ):
        assert words in letter, words
    assert "Two letters" not in letter, "the officer's words stay in the case file"


def test_the_second_person_may_say_no_and_new_words_stop_the_letter(people):
    case = unknown(people)
    answer = proposed(case, people[0])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="Wait, one thing.")
    with pytest.raises(Conflict, match="meanwhile"):
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    unidentified.discard(answer_id=answer.id, actor=people[1])
    assert current_answer(case.id) is None
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.RECEIVED, "")
    with pytest.raises(Conflict):
        unidentified.discard(answer_id=answer.id, actor=people[1])
    again = proposed(case, people[0])
    disclosure.approve_answer(answer_id=again.id, actor=people[1])


@pytest.mark.parametrize("more", ["way", "identity", "consent"])
def test_what_came_after_the_letter_was_proposed_stops_it(people, more):
    """T-07, Art. 12(2): a name, a check or a consent may be what was missing."""
    case = unknown(people)
    answer = proposed(case, people[0])
    if more == "way":
        add_page(case)
    elif more == "identity":
        identify_without_photo(case, people[0])
    else:
        cases.record_consent(case_id=case.id, scope="comparison", actor=Actor.person(case.id))
    assert unidentified.answered_since(answer)
    with pytest.raises(Conflict) as refused:
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    assert refused.value.code == "answered_meanwhile"
    unidentified.discard(answer_id=answer.id, actor=people[1])


def test_what_may_not_be_proposed_may_not_be_approved(people):
    """T-07: asked again after the letter was written, the person has their two weeks."""
    case = unknown(people)
    answer = proposed(case, people[0])
    proposals.agree(proposal_id=again(case, people[0]).id, actor=people[1])
    with pytest.raises(Conflict) as refused:
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    assert refused.value.code == "still_waiting"


def test_the_letter_does_not_deny_a_search_that_was_begun(recognition, people):
    """R15, Art. 12(1): what the signed letter says happened is what happened."""
    recognition.between = lambda: cases.withdraw_consent(
        case_id=Case.objects.get().id, actor=Actor.person(Case.objects.get().id)
    )
    case = opened()
    work()
    identify(case, people[0])
    work()
    ask(case, people[0])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="I have nothing.")
    answer = proposed(case, people[0])
    assert answer.document_id is not None
    letter = letters.text_of(documents.open_document(answer.document_id))
    assert "A search was begun and stopped before it had a result" in letter
    assert "We did not look at what we hold" not in letter


def test_who_comes_back_with_more_gets_an_answer(people, monkeypatch):
    """Art. 11(2): the request opens again, the month starts anew, `received_at` stays."""
    record = a_record(an_image(page_url=PAGE))
    case = unknown(people, rights=[RightCode.ACCESS])
    arrived = case.received_at
    first = ended(case, people)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=40))
    assert cases.close_due() == 1
    services.add_ways(case_id=case.id, ways=[way("page", PAGE)], actor=Actor.person(case.id))
    case.refresh_from_db()
    assert (case.status, case.outcome, case.closed_at) == (Status.RECEIVED, "", None)
    due = deadlines.due_dates(
        clock.today(), calendar=case.calendar, regime=deadlines.Regime(case.regime)
    )
    assert (case.received_at, case.due_on) == (arrived, due.legal)
    assert {"case.reopened", "case.clock_anew"} <= set(event_types_of(case))
    looked_up(case, people[0])
    decided_same(case, people)
    assert selectors.outcome(case.id).same == (record.id,)
    answer = disclosure.prepare_answer(case_id=case.id, actor=people[0])
    first.refresh_from_db()
    assert first.state == AnswerState.SET_ASIDE
    assert current_answer(case.id).id == answer.id


def test_a_letter_that_waits_does_not_leave_when_the_person_comes_back(people):
    case = unknown(people)
    answer = proposed(case, people[0])
    disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    due = case.due_on
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="I found a page.")
    assert cases.release_batch(actor=people[1]) == 0
    case.refresh_from_db()
    assert (case.status, case.due_on) == (Status.RECEIVED, due)


def test_an_answered_request_is_not_opened_again_by_words(people):
    case = support.decided(support.opened(rights=[RightCode.ACCESS]))
    cases.set_outcome(case=case, outcome="nothing_found", actor=people[1])
    part = cases.Part(name="a", media_type="text/plain", unit=case.file_unit, field="intake")
    cases.make_delivery(case=case, kind="answer", actor=people[1], parts=[part])
    cases.release_batch(actor=people[1])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="Thank you.")
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, "nothing_found")


def test_the_report_of_an_unidentified_case_misses_nothing(people):
    case = unknown(people)
    ended(case, people)
    proofs = completeness(case, told(audit.export(case.id)))
    assert [proof for proof in proofs if proof.missing] == []
    report = build(case=case, authority_code="NL", requested_by="D-1", role="dpo")
    assert "Asked for more" in str(report.context)


def test_purging_takes_the_letter_too(people, monkeypatch):
    from dsr_portal.documents.models import Document

    case = unknown(people, rights=[RightCode.ACCESS])
    answer = ended(case, people)
    unit = Document.objects.get(id=answer.document_id).unit
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=31))
    assert cases.close_due() == 1
    assert vault.unit_state(unit) == vault.UnitState.LIVE
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=62))
    assert cases.close_due() == 1
    assert vault.unit_state(unit) != vault.UnitState.LIVE


def test_the_pages_of_a_request_that_cannot_be_identified(site, people):
    """Desk and public pages from the ask to the second person; nothing shows before release."""
    site("desk")
    first, second = (sign_in(Client(), staff_of(one)) for one in people[:2])
    case = support.opened(ways=[], consents=())
    page = text_of(first.get(url("unidentified", case)))
    assert "Ask the person first" in page
    form = {"missing": ["no_way_taken"], "means": ["call"], "text": "Nothing shows who you are."}
    refused = first.post(url("ask", case), form)
    assert refused.status_code == 422
    assert "at least two ways" in text_of(refused)
    assert first.post(url("ask", case), {**form, "means": ["call", "visit"]}).status_code == 302
    assert "asked already" in text_of(first.get(url("ask", case)))
    assert "14 days to answer" in text_of(first.get(url("unidentified", case)))
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="No, thank you.")
    form = {"reasons": ["no_way_taken"], "why": "They want none of the ways."}
    assert first.post(url("unidentified", case), {**form, "why": ""}).status_code == 422
    assert first.post(url("unidentified", case), form).url == url("case", case)
    jobs.run_due(queues=["probe"])
    mine = text_of(first.get(url("case", case)))
    assert "Another person: you wrote it" in mine
    assert "Agree and send the letter" not in mine
    other = text_of(second.get(url("case", case)))
    assert "They want none of the ways." in other
    assert "Agree and send the letter" in other
    assert second.post(url("answer", case)).status_code == 302
    site("public")
    person = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    person.post(reverse("public:status"), keys)
    before = text_of(person.get(reverse("public:case")))
    assert "can't tell" not in before
    assert "Checking" in before
    cases.release_batch(actor=people[1])
    after = text_of(person.get(reverse("public:case")))
    assert "We can't tell yet which pictures are yours" in after
    assert "Open our letter" in after
    assert "Delete now" not in after
    named = {"pages": "", "account": "minnow at fotoloft.example"}
    assert "Name at least one" in text_of(person.post(reverse("public:case_way"), {"pages": ""}))
    assert person.post(reverse("public:case_way"), named).url == reverse("public:case")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert "You told us another way to find you." in text_of(person.get(reverse("public:case")))


# -- the whole way ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_page_address_instead_of_a_photo_leads_to_an_answer_and_an_erasure(
    settings, tmp_path, site, monkeypatch
):
    """T-06: the same clock, two persons, the letter's claims, the other face covered, erased."""
    lab.own_places(settings, tmp_path / "lab")
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    letters.without_detector(monkeypatch)
    shown = lab.picture(1, faces=2)
    own, other = shown.records
    people = [actor(staff(number)) for number in ("S-1", "S-2")]
    no_other_systems()

    site("public")
    person = Client()
    steps = (
        ("wish", {"rights": ["access", "erasure"]}),
        ("way", {"pages": shown.page, "account": "", "other": ""}),
        ("contact", {"how": "email", "email": "mina@example.org", "language": "en"}),
        ("check", {}),
    )
    for name, data in steps:
        assert person.post(reverse(f"public:{name}"), data).status_code == 302
    case = Case.objects.get()
    assert case.due_on == support.opened().due_on, "the same clock as with a photo"
    assert "Received" in text_of(person.get(reverse("public:case")))

    site("desk")
    desks = {one.id: sign_in(Client(), staff_of(one)) for one in people}
    first = desks["S-1"]
    identity = {"way": "eid", "element": "named_control", "compared": "The name beside it."}
    assert (
        first.post(url("identity", case), {**identity, "photos": "", "ways": "1"}).status_code
        == 302
    )
    assert first.post(url("look_up", case)).status_code == 302
    lab.run_all()
    assert first.post(url("take", case)).status_code == 302
    for _person in range(2):
        case.refresh_from_db()
        review = review_of(case)
        waiting = review.first_officer if case.status == Status.IN_REVIEW else review.second_officer
        browser = desks[waiting]
        while "current" in (page := browser.get(url("compare", case))).context:
            current = page.context["current"]
            mine = current.candidate.record_id == own.id
            form = {"picture": current.id, "decision": "same" if mine else "not_same"}
            for stage in ("view", "confirm"):
                said = {**form, "stage": stage, "reason": WHY if mine else ""}
                assert browser.post(url("compare", case), said).status_code == 302
        browser.post(url("finish", case))
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    first.post(url("answer", case))
    lab.run_all()
    assert desks["S-2"].post(url("answer", case)).status_code == 302
    answer = current_answer(case.id)
    letter = letters.text_of(documents.open_document(answer.document_id))
    for words in (
        "Yes, we hold data about you: 1 picture with your face.",
        "No face was compared.",
        "Looked up by the page address you gave: 1 picture among 1 picture in the sources; "
        "no face was compared for it.",
        "not compared: found by the page address you gave",
        "1 face of another person is covered",
        "none was compared",
    ):
        assert words in letter, words
    for claim in ("Index check Your photo", "of your photo", "0 of 0", "None"):
        assert claim not in letter, claim
    cases.release_batch(actor=people[1])

    site("public")
    (delivery,) = case_selectors.open_deliveries(case)
    link = reverse("public:answer", kwargs={"token": cases.link_token(delivery)})
    code = cases.receipt_code(case)
    person.post(link, {"code": code})
    assert "Yes, we hold pictures of you: 1." in text_of(person.get(link))
    assert person.post(reverse("public:delete_now"), {"code": code}).status_code == 302
    lab.run_all()
    plan = plans.current_plan(case.id)
    assert plan is not None
    assert plan.state == PlanState.DONE, list(
        Job.objects.values_list("kind", "state", "error_code")
    )
    assert Record.objects.get(id=own.id).state == Record.State.ERASED
    assert Record.objects.get(id=other.id).state == Record.State.HELD
    assert not plan.verifications.filter(found__gt=0).exists()
    certificate = letters.text_of(documents.open_document(plan.document_id))
    assert "What you named was looked up on" in certificate
    assert "no face was compared" in certificate
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.CLOSED, "erased")
    proofs = completeness(case, told(audit.export(case.id)))
    assert [(proof.row, proof.missing) for proof in proofs if proof.missing] == []
    report = str(build(case=case, authority_code="NL", requested_by="D-1", role="dpo").context)
    assert "No face was compared: records were looked up" in report
    holders.holder().drop()


def test_nothing_found_by_look_up_says_what_was_looked_up_and_no_more(people):
    """R15, A-20: that somebody else is in a picture at the address is not the asker's to know."""
    a_record(an_image(page_url=PAGE))
    case = looked_up(asked(), people[0])
    decided_same(case, people, "not_same")
    answer = disclosure.prepare_answer(case_id=case.id, actor=people[0])
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    assert answer.state == AnswerState.READY, Job.objects.values_list("kind", "error_code")
    letter = letters.text_of(documents.open_document(answer.document_id))
    for words in (
        "We did not find pictures of you.",
        "we looked up the page address you gave among 1 picture in the sources",
        "two people checked",
        "That is not proof that there is none.",
        "a photo of you if you like",
    ):
        assert words in letter, words
    for claim in ("Looked up by the page address you gave:", "compared your photo", "0 of"):
        assert claim not in letter, claim


def test_hit_and_no_hit_look_the_same_to_who_named_a_page(site, people):
    """R3: the request's page at each stage before release, byte for byte, ids and times aside."""
    image = an_image(page_url=PAGE)
    a_record(image)

    def stages(page: str) -> list[str]:
        case = asked(way("page", page))
        site("public")
        person = Client()
        keys = {"reference": case.reference, "code": cases.receipt_code(case)}
        person.post(reverse("public:status"), keys)

        def see() -> str:
            html = person.get(reverse("public:case")).content.decode()
            html = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", html)
            html = html.replace(case.reference, "REF").replace(page, "PAGE")
            return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+Z]+", "", html)

        seen = [see()]
        looked_up(case, people[0])
        seen.append(see())
        take(case, people[0])
        say_all(case, people[0], "same", WHY)
        seen.append(see())
        say_all(case, drawn(case, people), "same", WHY)
        seen.append(see())
        return seen

    assert stages(PAGE) == stages("https://unknown.example/nothing")


def test_a_held_record_waits_for_the_look_up_of_another_case(people):
    """R1: a record found by look-up is held; another person's erasure waits."""
    record = a_record(an_image(page_url=PAGE))
    looked_up(asked(), people[0])
    other = support.opened()
    with pytest.raises(Conflict):
        gallery.mark_erasing(record_ids=[record.id], case_id=other.id, actor=people[1])

"""Pictures enrolled since the search are compared before the answer is made (R5).

Recognition answers as told; rows of the index are real, so what came since is counted from them.
"""

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Candidate, Review, Search, SearchState, Verdict
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from tests.support.gallery import a_record, forget_index, own_places, without_engine
from tests.support.matching import (
    actor,
    drawn,
    event_types_of,
    hits,
    laid,
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
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_WIDEN = False
    without_engine(monkeypatch)
    yield
    forget_index()


@pytest.fixture
def people():
    numbers = [("S-1", Role.OFFICER), ("S-2", Role.OFFICER), ("V-1", Role.SUPERVISOR)]
    return [actor(staff(number, role)) for number, role in numbers]


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


def enrolled():
    """A record with its row in the index; its change number is the newest."""
    record = a_record()
    with unit_of_work():
        recognition.add_templates(
            model=engines.facts_of(engines.model_row()),
            templates=[recognition.NewTemplate(record_id=record.id, unit=record.unit)],
        )
    return record


@pytest.fixture
def decided(answers, people):
    """Two records called the same person by two persons, one that was not."""
    records = [enrolled() for _number in range(3)]
    answers.hits = hits([record.id for record in records])
    case = searched(people[0])
    Search.objects.filter(case=case).update(applied_change=3)
    take(case, people[0])
    say_all(case, people[0], [Verdict.SAME, Verdict.SAME, Verdict.NOT_SAME])
    say_all(case, drawn(case, people), [Verdict.SAME, Verdict.SAME, Verdict.NOT_SAME])
    assert case.status == Status.DECIDED
    return case, records


def found_now(answers, records):
    answers.hits = hits([record.id for record in records])


def test_with_nothing_new_the_answer_is_made_at_once(answers, people, decided):
    case, _records = decided
    disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert answers.searches == 1


def test_what_came_since_goes_through_two_persons_and_then_into_the_answer(
    answers, people, decided
):
    """R5, R19: only the new picture is laid before them; what was decided stands."""
    case, records = decided
    new = enrolled()
    found_now(answers, [new, *records])
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert services.is_repeating(case.id)
    assert Search.objects.filter(case=case).count() == 2, "pressed twice, searched once"
    assert not Answer.objects.exists()
    work()
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    assert "case.search_repeated" in event_types_of(case)
    with pytest.raises(Conflict, match="not_decided"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    take(case, people[1])
    (only,) = laid(case, people[1])
    assert only.candidate.record_id == new.id
    assert only.candidate.rank == len(records) + 1
    say_all(case, people[1], Verdict.SAME)
    say_all(case, drawn(case, people), Verdict.SAME)
    assert case.status == Status.DECIDED
    outcome = selectors.outcome(case.id)
    assert outcome.same == (records[0].id, records[1].id, new.id)
    assert outcome.not_same == (records[2].id,)
    repeated = Search.objects.latest("started_at")
    answer = disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert answer.search_id == repeated.id, "the letter names the end of the newest search"
    told_of = set(answer.records.values_list("record_id", flat=True))
    assert told_of == {records[0].id, records[1].id, new.id}
    assert Record.objects.get(id=new.id).state == Record.State.RESTRICTED


def test_new_pictures_of_others_leave_the_case_decided(answers, people, decided):
    """Compared, none of them a candidate: the answer rests on the newer search."""
    case, records = decided
    enrolled()
    found_now(answers, records)
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    work()
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert Review.objects.filter(case=case).count() == 1
    repeated = Search.objects.latest("started_at")
    assert (repeated.state, repeated.since) == (SearchState.COMPLETE, 3)
    performed = Event.objects.filter(type="search.performed", case_id=case.id).latest("number")
    assert performed.data["candidates"] == 0
    answer = disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert answer.search_id == repeated.id
    assert Candidate.objects.filter(case=case).count() == 3


def test_a_record_that_was_rejected_is_not_laid_before_anybody_again(answers, people, decided):
    """The hits of old are no news, whoever decided what about them."""
    case, records = decided
    stranger = a_record()
    enrolled()
    found_now(answers, [*records, stranger])
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    work()
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert not Candidate.objects.filter(record=stranger).exists()


def test_without_consent_nothing_is_searched_again(answers, people, decided):
    """R8: withdrawn before, and in the middle."""
    case, records = decided
    new = enrolled()
    found_now(answers, [new, *records])
    answers.between = None
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    work()
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert not Candidate.objects.filter(record=new).exists()
    assert services.bring_up_to_date(case_id=case.id, actor=people[0])
    assert answers.searches == 1


def test_a_repeated_search_that_failed_for_good_is_made_anew(answers, people, decided):
    case, _records = decided
    enrolled()
    assert not services.bring_up_to_date(case_id=case.id, actor=people[0])
    first = Search.objects.latest("started_at")
    Job.objects.filter(subject=str(first.id)).update(state=JobState.FAILED)
    assert not services.bring_up_to_date(case_id=case.id, actor=people[0])
    first.refresh_from_db()
    assert first.state == SearchState.STALE
    work()
    assert Search.objects.latest("started_at").state == SearchState.COMPLETE


def test_an_answer_that_is_being_made_is_not_overtaken(answers, people, decided):
    """What is frozen stays what two persons decided."""
    case, _records = decided
    disclosure.prepare_answer(case_id=case.id, actor=people[0])
    enrolled()
    with pytest.raises(Conflict, match="answer_exists"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert Search.objects.filter(case=case).count() == 1


def test_the_desk_says_that_new_pictures_are_compared(answers, people, decided, site):
    case, records = decided
    found_now(answers, [enrolled(), *records])
    site("desk")
    browser = sign_in(Client(), Staff.objects.get(staff_no="S-1"))
    page = browser.post(reverse("desk:answer", args=[case.reference]), follow=True)
    shown = page.content.decode()
    assert "Pictures came since the search" in shown
    assert "New pictures are compared" in shown
    assert "Make the answer" not in shown
    assert len(review_of(case).decisions.all()) == 6

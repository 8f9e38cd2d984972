"""Who may compare as the second person reads nothing that tells what the first one saw (R19)."""

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import extensions
from dsr_portal.cases.models import Proposal, ProposalState
from dsr_portal.desk.facts import documents_for
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Review, ReviewState, Verdict
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    drawn,
    hits,
    laid,
    review_of,
    say_all,
    searched,
    sign_in,
    staff,
    take,
    told,
)

pytestmark = [pytest.mark.django_db]

WHY = "There are forty pictures to look at."


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)
    settings.DSR_WIDEN = False


@pytest.fixture
def people():
    return [actor(staff(number)) for number in ("S-1", "S-2", "S-3")]


@pytest.fixture
def case(monkeypatch, people):
    """The first person is looking, and proposes to take longer."""
    answers = told(monkeypatch)
    answers.hits = hits([a_record().id])
    case = searched(people[0])
    take(case, people[1])
    extensions.propose(
        case_id=case.id, actor=people[1], reason="legal_question", months=1, words=WHY
    )
    return case


def page_of(case, person):
    browser = sign_in(Client(), Staff.objects.get(staff_no=person.id))
    page = reverse("desk:case", kwargs={"reference": case.reference})
    return browser, browser.get(page).content.decode()


def agree(case, browser):
    settle = {"reference": case.reference, "proposal_id": Proposal.objects.get().id}
    return browser.post(reverse("desk:settle", kwargs=settle), {"do": "agree"})


def third(case, people):
    others = {people[1].id, drawn(case, people).id}
    return next(person for person in people if person.id not in others)


def test_why_it_takes_longer_is_not_for_who_may_compare_second(case, people, site):
    """R19: hidden from all but the first until one is drawn, then from that one; no way round."""
    site("desk")
    assert WHY in page_of(case, people[1])[1], "the canary: who wrote it reads it"
    for person in (people[0], people[2]):
        browser, page = page_of(case, person)
        assert WHY not in page
        assert "Further months" not in page
        assert "Take longer than a month" in page
        assert agree(case, browser).status_code == 403
    say_all(case, people[1], Verdict.SAME)
    second = drawn(case, people)
    browser, page = page_of(case, second)
    assert WHY not in page
    assert agree(case, browser).status_code == 403
    assert Proposal.objects.get().state == ProposalState.WAITING
    assert WHY in page_of(case, third(case, people))[1]
    say_all(case, second, Verdict.SAME)
    assert WHY in page_of(case, second)[1], "both have decided"


def test_the_letter_about_it_is_hidden_as_long_and_its_reader_is_not_drawn(case, people, site):
    """R19: the PDF says what the proposal said; who agreed to it compares no more."""
    site("desk")
    say_all(case, people[1], Verdict.SAME)
    second, other = drawn(case, people), third(case, people)
    assert agree(case, page_of(case, other)[0]).status_code == 302
    jobs.run_due(queues=["light"])
    letters = [row.id for row in documents_for(case, other) if row.kind == "letter"]
    assert len(letters) == 1
    assert letters[0] not in {row.id for row in documents_for(case, second)}
    where = {"reference": case.reference, "document_id": letters[0]}
    browser, _page = page_of(case, second)
    assert browser.get(reverse("desk:document", kwargs=where)).status_code == 404
    Staff.objects.filter(staff_no=second.id).update(is_active=False)
    assert services.assign_waiting_seconds() == 0, "nobody is left who has not read it"
    staff("S-4")
    assert services.assign_waiting_seconds() == 1
    assert review_of(case).second_officer == "S-4"


def test_what_was_proposed_before_anybody_compared_is_open_to_all(case, people, site):
    """It can tell nothing of a first look that had not begun."""
    site("desk")
    Review.objects.update(opened_at=Proposal.objects.get().proposed_at.replace(year=2090))
    assert WHY in page_of(case, people[2])[1]
    assert review_of(case).state == ReviewState.FIRST
    assert laid(case, people[1])
    dpo = actor(staff("D-1", Role.DPO))
    assert selectors.second_look(case.id, dpo) is None

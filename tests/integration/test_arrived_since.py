"""Pictures that came after the answer are found and decided before a plan is frozen (R5, R3).

Recognition answers as told; vault, index, gallery, jobs, plans and pages are real.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import alarms
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Alarm, Case, Consent, Escalation, Outcome, Status, WayKind
from dsr_portal.cases.public_status import Word, word_for
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.disclosure import services as disclosure
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState, WaitCode
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import repeating, selectors, services
from dsr_portal.matching.models import (
    Candidate,
    Decision,
    Review,
    ReviewState,
    Search,
    SearchKind,
    SearchState,
    Verdict,
)
from dsr_portal.matching.stopped import flag_stopped, start_again
from dsr_portal.public import deleting
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.assessed import no_other_systems
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

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "https://pages7.example.org/people/somebody-7"
WHY = "The name on the eID is the name beside the picture."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_WIDEN = False
    settings.DSR_LEASE_SECONDS = 120
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def people() -> list[Actor]:
    numbers = {"S-1": Role.OFFICER, "S-2": Role.OFFICER, "V-1": Role.SUPERVISOR}
    return [actor(staff(number, role)) for number, role in numbers.items()]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    return told(monkeypatch)


def found(answers: Any, *shown: lab.Shown) -> None:
    answers.hits = hits([one.records[0].id for one in shown])


def decided(answers: Any, people: list[Actor], shown: lab.Shown, **more: Any) -> Case:
    """One record, the same person by two persons; the search covered what was there."""
    found(answers, shown)
    case = searched(people[0], **more)
    Search.objects.filter(case=case).update(applied_change=lab.newest_change())
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME)
    say_all(case, drawn(case, people), Verdict.SAME)
    return case


def delivered(case: Case, by: Actor) -> Case:
    cases.make_delivery(
        case=case,
        kind="answer",
        actor=by,
        parts=[cases.Part("answer.txt", "text/plain", unit=case.file_unit, field="intake")],
    )
    cases.set_outcome(case=case, outcome=Outcome.DISCLOSED, actor=by)
    cases.release_batch(actor=by)
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    return case


@pytest.fixture
def answered(answers: Any, people: list[Actor]) -> tuple[Case, lab.Shown]:
    own = lab.picture(1)
    return delivered(decided(answers, people, own), people[1]), own


def planned(case: Case) -> Plan:
    return erasure.start_erasure(case_id=case.id, actor=Actor.person(case.id))


def resumed(plan: Plan) -> Plan:
    erasure.resume_waiting()
    plan.refresh_from_db()
    return plan


def state(plan: Plan) -> tuple[str, str]:
    plan.refresh_from_db()
    return plan.state, plan.waits_for


def flags(case: Case) -> set[str]:
    return set(case.flags.values_list("code", flat=True))


def ids(*shown: lab.Shown) -> set[Any]:
    return {one.records[0].id for one in shown}


COMPARING = (PlanState.WAITING, WaitCode.COMPARING)
TO_DECIDE = (PlanState.WAITING, WaitCode.ARRIVED)
HELD = (PlanState.HOLD, "")


def test_with_nothing_new_the_plan_is_frozen_at_once(answers: Any, answered: Any) -> None:
    case, own = answered
    plan = planned(case)
    assert state(plan) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own)
    assert answers.searches == 1


def test_pictures_of_others_are_compared_and_the_plan_goes_on_by_itself(
    answers: Any, answered: Any
) -> None:
    """R5, R4: no person has a task, and the case stands as it was."""
    case, own = answered
    lab.picture(2)
    plan = planned(case)
    assert state(plan) == COMPARING
    assert planned(case).id == plan.id, "asked twice, one plan"
    assert Search.objects.filter(case=case).count() == 2, "asked twice, searched once"
    assert state(resumed(plan)) == COMPARING
    work()
    assert answers.searches == 2
    assert state(resumed(plan)) == HELD
    assert not flags(case)
    assert not Review.objects.filter(beside=True).exists()
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own)


def test_a_new_picture_of_the_person_is_decided_by_two_and_goes_too(
    answers: Any, people: list[Actor], answered: Any, settings: Any
) -> None:
    """R5, R19, R1: imported between answer and plan; only it is laid before them; then it goes."""
    settings.DSR_HOLD_MINUTES = 0
    case, own = answered
    came = lab.picture(2)
    stranger = lab.picture(3)
    found(answers, came, own)
    plan = planned(case)
    assert state(plan) == COMPARING
    work()
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    review = review_of(case)
    assert (review.beside, review.state) == (True, ReviewState.FIRST)
    assert state(resumed(plan)) == TO_DECIDE
    assert "arrived_since_to_decide" in flags(case)
    assert selectors.outcome(case.id).same == (own.records[0].id,), "what was decided stands"

    take(case, people[0])
    (only,) = laid(case, people[0])
    assert only.candidate.record_id == came.records[0].id
    say_all(case, people[0], Verdict.SAME)
    assert state(resumed(plan)) == TO_DECIDE, "one person is not two"
    second = drawn(case, people)
    assert second != people[0]
    say_all(case, second, Verdict.SAME)
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    assert Record.objects.get(id=came.records[0].id).state == Record.State.RESTRICTED

    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own, came)
    lab.run_all()
    assert state(plan) == (PlanState.DONE, ""), list(Job.objects.values_list("kind", "error_code"))
    gone = Record.objects.filter(state=Record.State.ERASED).values_list("id", flat=True)
    assert set(gone) == ids(own, came)
    assert Record.objects.get(id=stranger.records[0].id).state == Record.State.HELD
    names = event_types_of(case)
    assert "case.search_repeated" not in names
    assert names.count("search.performed") == 2


def test_one_that_is_not_theirs_is_let_go_and_the_plan_goes_on(
    answers: Any, people: list[Actor], answered: Any
) -> None:
    case, own = answered
    other = lab.picture(2)
    found(answers, other)
    plan = planned(case)
    work()
    assert Hold.objects.filter(record=other.records[0], until=None).exists()
    take(case, people[0])
    say_all(case, people[0], Verdict.NOT_SAME)
    say_all(case, drawn(case, people), Verdict.NOT_SAME)
    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own)
    assert not Hold.objects.filter(record=other.records[0], until=None).exists()


def test_two_who_disagree_need_a_supervisor_also_after_the_answer(
    answers: Any, people: list[Actor], answered: Any
) -> None:
    """R19: a supervisor decides with a reason, and the plan waits for it."""
    case, own = answered
    came = lab.picture(2)
    found(answers, came)
    plan = planned(case)
    work()
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME)
    say_all(case, drawn(case, people), Verdict.NOT_SAME)
    assert state(resumed(plan)) == TO_DECIDE
    services.take_dispute(review_id=review_of(case).id, actor=people[2])
    say_all(case, people[2], Verdict.SAME, "The scar is the same.")
    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own, came)


# -- what others see of it ------------------------------------------------------------------------


def page_of(case: Case, client: Client) -> str:
    """The person's page, without what is new at every request."""
    text = client.get(reverse("public:case")).content.decode()
    return re.sub(r'(nonce|name="csrfmiddlewaretoken" value)="[^"]*"', "", text)


def test_the_person_sees_nothing_of_it(
    answers: Any, people: list[Actor], answered: Any, site: Any
) -> None:
    """R3: while new pictures are compared and decided the page is the same to the letter."""
    case, own = answered
    found(answers, lab.picture(2), own)
    site("public")
    client = Client()
    code = cases.receipt_code(case)
    client.post(reverse("public:status"), {"reference": case.reference, "code": code})
    before = page_of(case, client)
    assert case.reference in before
    assert "Answer ready" in before
    plan = erasure.start_erasure(case_id=case.id, actor=people[0])
    assert state(plan) == COMPARING
    assert page_of(case, client) == before
    work()
    resumed(plan)
    assert state(plan) == TO_DECIDE
    assert page_of(case, client) == before
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME)
    assert page_of(case, client) == before
    say_all(case, drawn(case, people), Verdict.SAME)
    assert page_of(case, client) == before
    # The comparison sees what is there to be seen.
    assert state(resumed(plan)) == HELD
    assert page_of(case, client) != before


def test_the_desk_says_what_waits_for_whom(
    answers: Any, people: list[Actor], answered: Any, site: Any
) -> None:
    case, own = answered
    found(answers, lab.picture(2), own)
    plan = planned(case)
    site("desk")
    browsers = {one.id: sign_in(Client(), Staff.objects.get(staff_no=one.id)) for one in people}

    def desk(person: Actor) -> str:
        return browsers[person.id].get(reverse("desk:case", args=[case.reference])).content.decode()

    assert "New pictures are compared" in desk(people[0])
    assert "pictures came since the search: they are compared" in desk(people[0])
    work()
    resumed(plan)
    page = desk(people[0])
    assert "Pictures came after the answer. The erasure waits until two persons decided" in page
    assert "pictures came since the search: two persons decide" in page
    assert "Take this case" in page
    assert "Start the erasure" not in page
    browsers["S-1"].post(reverse("desk:take", args=[case.reference]))
    compare = browsers["S-1"].get(reverse("desk:compare", args=[case.reference]))
    assert compare.status_code == 200
    assert "Waits for a colleague" in desk(people[1])
    say_all(case, people[0], Verdict.SAME)
    second = drawn(case, people)
    assert "Compare the pictures" in desk(second)
    assert case.id in selectors.waiting_for(second)
    say_all(case, second, Verdict.SAME)
    resumed(plan)
    assert state(plan) == HELD
    assert "Erasure waits" in desk(people[0])


def test_the_second_still_decides_blind(answers: Any, people: list[Actor], answered: Any) -> None:
    """R19: the trail of an answered case tells the second nothing of the first."""
    case, _own = answered
    found(answers, lab.picture(2))
    planned(case)
    work()
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME)
    second = drawn(case, people)
    seen = selectors.events_for(case.id, second)
    assert selectors.is_blind(case.id, second)
    newest = Decision.objects.get(review=review_of(case), position="first").candidate_id
    told_of = [one for one in seen if one.type == "decision.made"]
    assert newest not in {one.subject_id for one in told_of}


def test_a_plan_that_waits_is_told_of_as_its_date_comes(
    answers: Any, people: list[Actor], answered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D-04: the alarms of the date go on, to named persons, until it is erased."""
    case, _own = answered
    found(answers, lab.picture(2))
    plan = planned(case)
    work()
    resumed(plan)
    assert "erasure.waits" in event_types_of(case)
    there = clock.now() + (case.due_on - clock.today()) + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: there)
    alarms.raise_due()
    late = Escalation.objects.filter(case=case, code=Alarm.LATE)
    assert "V-1" in set(late.values_list("to", flat=True))


# -- where it is not repeated, or ends ------------------------------------------------------------


def test_who_agreed_to_less_is_not_compared_again(answers: Any, answered: Any) -> None:
    """R8: the words of before said "once more before the answer" and no more."""
    case, _own = answered
    lab.picture(2)
    Consent.objects.filter(case=case).update(text_version="comparison-1")
    assert state(planned(case)) == HELD
    assert answers.searches == 1


def test_a_consent_withdrawn_before_or_in_the_middle_lets_the_plan_go_on(
    answers: Any, people: list[Actor], answered: Any
) -> None:
    """R8, P-03: nothing is compared any more, and what two persons confirmed still goes."""
    case, own = answered
    came = lab.picture(2)
    found(answers, came)
    plan = planned(case)
    assert Search.objects.filter(case=case, state=SearchState.RUNNING).exists()
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    work()
    assert answers.searches == 1
    assert not Candidate.objects.filter(record=came.records[0]).exists()
    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own)


def test_withdrawn_while_the_search_runs_nothing_is_written(
    answers: Any, people: list[Actor], answered: Any
) -> None:
    case, _own = answered
    came = lab.picture(2)
    found(answers, came)
    plan = planned(case)
    person = Actor.person(case.id)
    answers.between = lambda: cases.withdraw_consent(case_id=case.id, actor=person)
    work()
    assert answers.searches == 2
    assert not Candidate.objects.filter(record=came.records[0]).exists()
    assert "search.stopped" in event_types_of(case)
    assert state(resumed(plan)) == HELD


def test_taking_the_request_back_ends_plan_and_review(
    answers: Any, people: list[Actor], answered: Any
) -> None:
    case, _own = answered
    found(answers, lab.picture(2))
    plan = planned(case)
    work()
    take(case, people[0])
    deleting.withdraw(case=case)
    assert state(plan) == (PlanState.STOPPED, "")
    review = review_of(case)
    assert (review.beside, review.state) == (True, ReviewState.STOPPED)
    with pytest.raises(NotAllowed, match="not_your_turn"):
        services.finish(review_id=review.id, actor=people[0])


def test_a_comparison_that_failed_for_good_waits_for_an_officer(
    answers: Any, people: list[Actor], answered: Any, site: Any
) -> None:
    """L-20: seen, told, and started again by a person; the schedule does not try for ever."""
    case, own = answered
    lab.picture(2)
    plan = planned(case)
    repeated = Search.objects.latest("started_at")
    Job.objects.filter(subject=str(repeated.id)).update(state=JobState.FAILED)
    assert state(resumed(plan)) == COMPARING
    assert Search.objects.filter(case=case).count() == 2
    assert flag_stopped() == 1
    assert "work_stopped" in flags(case)
    site("desk")
    browser = sign_in(Client(), Staff.objects.get(staff_no="S-1"))
    page = browser.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "The comparison of new pictures stopped" in page
    start_again(case_id=case.id, actor=people[0])
    work()
    assert state(resumed(plan)) == HELD


def test_a_gallery_that_grows_all_day_does_not_hold_off_a_plan(
    answers: Any, answered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: one search of the day; a plan that waited longer for something else has another."""
    case, _own = answered
    lab.picture(2)
    plan = planned(case)
    work()
    Search.objects.filter(case=case).update(applied_change=lab.newest_change())
    lab.picture(3)
    there = clock.now() + timedelta(days=2)
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: there)
        asked = repeating.before_erasing(
            case_id=case.id, asked_at=plan.frozen_at, actor=Actor.person(case.id)
        )
        assert asked == repeating.Arrived.COMPARING
        Search.objects.latest("started_at").delete()
    assert state(resumed(plan)) == HELD
    assert answers.searches == 2


# -- before any answer, and without a photo -------------------------------------------------------


def test_erasure_alone_goes_back_to_two_persons_and_looks_the_same_outside(
    answers: Any, people: list[Actor]
) -> None:
    """R3: nothing was delivered, so the public word is the one of every case in work."""
    own = lab.picture(1)
    case = decided(answers, people, own, rights=("erasure",))
    came = lab.picture(2)
    found(answers, came)
    plan = erasure.start_erasure(case_id=case.id, actor=people[0])
    assert state(plan) == COMPARING
    work()
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    assert word_for(case) is Word.CHECKING
    assert state(resumed(plan)) == TO_DECIDE
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME)
    say_all(case, drawn(case, people), Verdict.SAME)
    assert case.status == Status.DECIDED
    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own, came)
    case.refresh_from_db()
    assert word_for(case) is Word.CHECKING


def looked_up(people: list[Actor]) -> Case:
    """Found by the page they named, the same person by two, on words."""
    case = support.opened(
        ways=[cases.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))], consents=()
    )
    services.record_identity(
        case_id=case.id,
        actor=people[0],
        way="eid",
        element="named_control",
        compared="Name and page.",
    )
    services.start_look_up(case_id=case.id, actor=people[0])
    jobs.run_due(queues=["light"])
    case.refresh_from_db()
    take(case, people[0])
    say_all(case, people[0], Verdict.SAME, WHY)
    say_all(case, drawn(case, people), Verdict.SAME, WHY)
    return case


def at_page(seed: int) -> lab.Shown:
    """A new picture that the crawl met at the page the person named."""
    shown = lab.picture(seed)
    shown.image.appearance_set.update(page_hash=hashes.of_address(PAGE))
    return shown


def test_a_look_up_is_made_again_before_the_erasure(people: list[Actor]) -> None:
    """R5, T-06: no photo; what stands at the named page now is decided on words, and goes."""
    own = lab.picture(7)
    case = delivered(looked_up(people), people[1])
    came = at_page(8)
    plan = planned(case)
    assert state(plan) == COMPARING
    jobs.run_due(queues=["light"])
    repeated = Search.objects.latest("started_at")
    assert (repeated.kind, repeated.since) == (SearchKind.LOOK_UP, 0)
    assert state(resumed(plan)) == TO_DECIDE
    take(case, people[0])
    (only,) = laid(case, people[0])
    assert only.candidate.record_id == came.records[0].id
    say_all(case, people[0], Verdict.SAME, WHY)
    say_all(case, drawn(case, people), Verdict.SAME, WHY)
    assert state(resumed(plan)) == HELD
    assert set(plan.records.values_list("record_id", flat=True)) == ids(own, came)


def test_a_look_up_is_made_again_before_the_answer(people: list[Actor]) -> None:
    """R5: with nothing new at the page the case stays decided, and the newer look-up is named."""
    no_other_systems()
    lab.picture(7)
    case = looked_up(people)
    lab.picture(8)
    with pytest.raises(Conflict, match="search_repeats"):
        disclosure.prepare_answer(case_id=case.id, actor=people[0])
    jobs.run_due(queues=["light"])
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    repeated = Search.objects.latest("started_at")
    assert repeated.pictures == 2
    answer = disclosure.prepare_answer(case_id=case.id, actor=people[0])
    assert answer.search_id == repeated.id


def test_an_address_of_a_face_decided_before_is_no_news(answers: Any, people: list[Actor]) -> None:
    """What was decided by its face is not laid before anybody again for its address."""
    own = lab.picture(7)
    way = cases.WaySent(
        WayKind.PAGE,
        "https://a.example/other",
        keyed_hash=hashes.of_address("https://a.example/other"),
    )
    case = delivered(decided(answers, people, own, ways=[way]), people[1])
    own.image.appearance_set.update(page_hash=hashes.of_address("https://a.example/other"))
    lab.picture(8)
    plan = planned(case)
    work()
    assert Search.objects.latest("started_at").kind == SearchKind.BOTH
    assert Review.objects.filter(case=case).count() == 1
    assert state(resumed(plan)) == HELD

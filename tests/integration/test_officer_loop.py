"""Confirmed faces widen the search before the second person looks (R19, R21, R22; N-14)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biometrics import fusion
from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import recusals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import ConsentScope, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.desk.next_step import next_step
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import recusing, reviews, selectors, services, widening
from dsr_portal.matching.models import (
    Candidate,
    Decision,
    Position,
    ReviewState,
    Verdict,
)
from dsr_portal.recognition import calibration
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    drawn,
    hits,
    laid,
    review_of,
    say,
    say_all,
    searched,
    staff,
    take,
    told,
    work,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SAME, NOT = Verdict.SAME, Verdict.NOT_SAME


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)
    settings.DSR_WIDEN = True


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


@pytest.fixture
def people():
    return [actor(staff(number)) for number in ("S-1", "S-2", "S-3")] + [
        actor(staff("V-1", Role.SUPERVISOR))
    ]


@pytest.fixture
def records():
    return [a_record() for _number in range(6)]


@pytest.fixture
def case(answers, people, records):
    """Two candidates from the photo; four more records the photo alone does not reach."""
    answers.hits = hits([record.id for record in records[:2]])
    case = searched(people[0])
    take(case, people[1])
    return case


def widen_to(answers, *records, used=(), drifted=()):
    answers.widened.append(answers.hop(hits([one.id for one in records], top=0.6), used, drifted))


def test_what_was_confirmed_is_searched_with_and_only_what_is_new_is_shown(
    case, answers, people, records
):
    widen_to(answers, records[2], records[3], used=[records[0].id])
    say_all(case, people[1], [SAME, NOT])
    assert review_of(case).state == ReviewState.WIDENING
    assert selectors.position_of(review_of(case), people[1]) is None
    work()
    (asked,) = answers.asked
    assert asked["confirmed"] == [records[0].id]
    assert asked["hop"] == 1
    assert set(asked["known"]) == {records[0].id, records[1].id}
    review = review_of(case)
    assert (review.state, review.hops, review.first_officer) == (ReviewState.FIRST, 1, "S-2")
    waiting = [one for one in laid(case, people[1]) if not one.verdict]
    assert [one.candidate.record_id for one in waiting] == [records[2].id, records[3].id]
    assert [one.candidate.hop for one in waiting] == [1, 1]
    assert set(Hold.objects.values_list("record_id", flat=True)) == {one.id for one in records[:4]}
    event = Event.objects.get(type="search.widened")
    assert (event.data["hop"], event.data["used"], event.data["candidates"]) == (1, 1, 2)


def decide_new(case, person, verdict):
    for row in laid(case, person):
        if not row.verdict:
            services.say_preliminary(decision_id=row.id, actor=person, verdict=verdict)
            services.decide(decision_id=row.id, actor=person, verdict=verdict)
    services.finish(review_id=review_of(case).id, actor=person)
    case.refresh_from_db()


def test_three_hops_at_most_and_the_second_person_sees_everything_once(
    case, answers, people, records
):
    for record in records[2:6]:
        widen_to(answers, record)
    say_all(case, people[1], SAME)
    for hop in (1, 2, 3):
        work()
        assert review_of(case).hops == hop
        decide_new(case, people[1], SAME)
    assert len(answers.asked) == 3
    review = review_of(case)
    assert review.state == ReviewState.SECOND
    assert case.status == Status.SECOND_REVIEW
    second = drawn(case, people)
    shown = {one.candidate.record_id for one in laid(case, second)}
    assert shown == {one.id for one in records[:5]}
    say_all(case, second, SAME)
    assert review_of(case).state == ReviewState.DONE
    assert all(
        Record.objects.get(id=one.id).state == Record.State.RESTRICTED for one in records[:5]
    )


def test_nothing_new_passes_the_case_on_in_the_name_of_the_first_person(case, answers, people):
    say_all(case, people[1], SAME)
    work()
    case.refresh_from_db()
    assert review_of(case).state == ReviewState.SECOND
    assert case.status == Status.SECOND_REVIEW
    assert drawn(case, people).id not in {"S-2"}
    assert Event.objects.get(type="case.first_reviewed").actor_id == "S-2"


def test_new_faces_that_are_not_theirs_widen_nothing_further(case, answers, people, records):
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    work()
    decide_new(case, people[1], NOT)
    assert len(answers.asked) == 1
    assert review_of(case).state == ReviewState.SECOND


def test_desk_and_library_mean_the_same_number_of_hops():
    assert widening.MOST_HOPS == fusion.MOST_HOPS


def test_without_a_same_person_nothing_is_widened(case, answers, people):
    say_all(case, people[1], NOT)
    assert answers.asked == []
    assert review_of(case).state == ReviewState.SECOND


def test_a_face_far_from_the_photo_waits_for_the_second_person(case, answers, people, records):
    """The drift guard: counted in the trail, and approved only by an earlier second decision."""
    widen_to(answers, used=[], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    event = Event.objects.get(type="search.widened")
    assert (event.data["used"], event.data["far"]) == (0, 1)
    assert answers.asked[0]["approved"] == []
    assert review_of(case).state == ReviewState.SECOND


def test_once_the_second_person_confirmed_it_the_search_widens_once_more(
    case, answers, people, records
):
    """What is new goes to the first person, then to the same second one; then it is decided."""
    widen_to(answers, used=[], drifted=[records[0].id])
    widen_to(answers, records[2], used=[records[0].id])
    say_all(case, people[1], [SAME, NOT])
    work()
    second = drawn(case, people)
    say_all(case, second, [SAME, NOT])
    assert (review_of(case).state, case.status) == (ReviewState.WIDENING, Status.SECOND_REVIEW)
    work()
    assert answers.asked[1]["approved"] == [records[0].id]
    (new,) = [one for one in laid(case, people[1]) if not one.verdict]
    assert (new.candidate.record_id, new.candidate.hop) == (records[2].id, 2)
    decide_new(case, people[1], NOT)
    assert (review_of(case).state, review_of(case).second_officer) == ("second", second.id)
    decide_new(case, second, NOT)
    assert review_of(case).state == ReviewState.DONE
    assert case.status not in {Status.IN_REVIEW, Status.SECOND_REVIEW}
    assert len(answers.asked) == 2
    finished = Event.objects.filter(type="review.finished").order_by("number")
    assert [one.data["position"] for one in finished] == ["first", "second"] * 2


def test_a_hop_after_the_second_person_that_finds_nothing_ends_the_review(
    case, answers, people, records
):
    widen_to(answers, used=[], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    second = drawn(case, people)
    say_all(case, second, SAME)
    assert selectors.position_of(review_of(case), second) is None
    work()
    case.refresh_from_db()
    assert len(answers.asked) == 2
    assert review_of(case).state == ReviewState.DONE
    assert case.status not in {Status.IN_REVIEW, Status.SECOND_REVIEW}
    assert Event.objects.get(type="review.decided").data["same"] == 2


def test_a_hop_after_the_second_person_that_fails_ends_too(case, answers, people, records):
    widen_to(answers, used=[], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    say_all(case, drawn(case, people), SAME)
    Job.objects.filter(idempotency_key__endswith=":2").update(
        state=JobState.FAILED, error_code="shard_broken"
    )
    assert services.end_failed_widenings() == 1
    assert review_of(case).state == ReviewState.DONE


def test_it_widens_once_more_where_the_two_differ_about_another_picture(
    case, answers, people, records
):
    """R15, R22: the far face is confirmed by both, so it finds more; what they differ about widens
    nothing and waits for the supervisor until what is new was decided too."""
    widen_to(answers, used=[records[1].id], drifted=[records[0].id])
    widen_to(answers, records[2], used=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    second = drawn(case, people)
    say_all(case, second, [SAME, NOT])
    assert (review_of(case).state, case.status) == (ReviewState.WIDENING, Status.SECOND_REVIEW)
    assert Record.objects.get(id=records[1].id).state != Record.State.RESTRICTED
    work()
    assert answers.asked[1]["confirmed"] == answers.asked[1]["approved"] == [records[0].id]
    decide_new(case, people[1], SAME)
    work()
    assert answers.asked[2]["confirmed"] == [records[0].id, records[2].id]
    decide_new(case, second, SAME)
    assert (review_of(case).state, len(answers.asked)) == (ReviewState.SUPERVISOR, 3)
    disputed = Decision.objects.filter(position=Position.SUPERVISOR)
    assert [one.candidate.record_id for one in disputed] == [records[1].id]
    supervisor = next(one for one in people if one.role == "supervisor" and one != second)
    services.take_dispute(review_id=review_of(case).id, actor=supervisor)
    say_all(case, supervisor, NOT, reason="Another nose.")
    assert review_of(case).state == ReviewState.DONE
    assert Event.objects.get(type="review.decided").data["same"] == 2


@pytest.mark.parametrize("end", ["nothing new", "failed"])
def test_that_hop_leaves_the_dispute_to_the_supervisor(case, answers, people, records, end):
    widen_to(answers, used=[records[1].id], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    say_all(case, drawn(case, people), [SAME, NOT])
    if end == "failed":
        Job.objects.filter(idempotency_key__endswith=":2").update(
            state=JobState.FAILED, error_code="shard_broken"
        )
        assert services.end_failed_widenings() == 1
    work()
    assert review_of(case).state == ReviewState.SUPERVISOR
    assert Event.objects.filter(type="review.disputed").count() == 1
    assert Decision.objects.filter(position=Position.SUPERVISOR).count() == 1


def test_no_hop_after_the_second_person_where_three_ran_or_they_differ_about_the_far_face(
    case, answers, people, records
):
    widen_to(answers, used=[records[1].id], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    second = drawn(case, people)
    for row, verdict in zip(laid(case, second), [NOT, SAME], strict=True):
        say(row, second, verdict)
    assert not widening.wanted_after_second(review_of(case))
    Decision.objects.filter(position=Position.SECOND).update(verdict=SAME)
    review = review_of(case)
    assert widening.wanted_after_second(review)
    review.hops = widening.MOST_HOPS
    assert not widening.wanted_after_second(review)
    Decision.objects.filter(position=Position.SECOND, candidate__record=records[0]).update(
        verdict=NOT
    )
    services.finish(review_id=review.id, actor=second)
    assert review_of(case).state == ReviewState.SUPERVISOR
    assert len(answers.asked) == 1


def test_its_own_threshold_where_one_was_calibrated(case, answers, people, monkeypatch):
    """R22: a mean of faces is nearer to everybody than one photo; its threshold is measured."""
    content = {**calibration.shipped(), "loop": {"value": 0.51, "low": 0.5, "high": 0.52}}
    serving = calibration.InForce(3, None, content)
    monkeypatch.setattr(calibration, "in_force", lambda: serving)
    say_all(case, people[1], SAME)
    work()
    assert answers.asked[0]["threshold"] == 0.51


def test_the_searchs_own_threshold_where_none_was(case, answers, people):
    say_all(case, people[1], SAME)
    work()
    assert answers.asked[0]["threshold"] == review_of(case).search.threshold


def test_a_request_taken_back_meanwhile_gets_no_new_candidate(case, answers, people, records):
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    cases.withdraw(case_id=case.id, actor=actor_of(case))
    work()
    assert review_of(case) is None or review_of(case).state == ReviewState.STOPPED
    assert not Candidate.objects.filter(record=records[2]).exists()


def actor_of(case):
    return Actor.person(case.id)


def test_nobody_decides_while_it_runs(case, answers, people):
    say_all(case, people[1], SAME)
    decision = Decision.objects.filter(position=Position.FIRST).first()
    with pytest.raises(NotAllowed, match="not_your_turn"):
        services.decide(decision_id=decision.id, actor=people[1], verdict=NOT, reason="x")
    with pytest.raises((NotAllowed, Conflict)):
        services.finish(review_id=review_of(case).id, actor=people[1])
    with pytest.raises(Conflict, match="review_not_first"):
        services.take_review(review_id=review_of(case).id, actor=people[2])


def test_a_photo_withdrawn_widens_nothing(case, answers, people):
    """R8: no face code is made from a photo whose consent is gone."""
    cases.withdraw_consent(case_id=case.id, scope=ConsentScope.COMPARISON, actor=actor_of(case))
    say_all(case, people[1], Verdict.INCONCLUSIVE)
    assert answers.asked == []


def test_the_job_sent_twice_is_one_hop(case, answers, people, records):
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    work()
    Job.objects.filter(kind="matching.widen").update(state=JobState.READY)
    work()
    assert Candidate.objects.filter(case=case).count() == 3
    assert Event.objects.filter(type="search.widened").count() == 1


def test_it_can_be_switched_off(answers, people, settings, records):
    settings.DSR_WIDEN = False
    answers.hits = hits([records[0].id])
    case = searched(people[0])
    take(case, people[1])
    say_all(case, people[1], SAME)
    assert review_of(case).state == ReviewState.SECOND


# -- consent withdrawn meanwhile (R8) -----------------------------------------------------------


def withdraw_consent(case):
    cases.withdraw_consent(case_id=case.id, scope=ConsentScope.COMPARISON, actor=actor_of(case))


def assert_stopped(case, records):
    """Nothing new is written and the case goes on to the second person."""
    stopped = Event.objects.get(type="search.stopped")
    assert stopped.data == {"reason": "photo_withdrawn"}
    assert not Event.objects.filter(type="search.widened").exists()
    assert not Candidate.objects.filter(record=records[2]).exists()
    assert not Hold.objects.filter(record=records[2]).exists()
    assert review_of(case).state == ReviewState.SECOND
    assert Job.objects.get(kind="matching.widen").state == JobState.DONE


def test_a_photo_withdrawn_before_the_hop_makes_no_face_code(case, answers, people, records):
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    withdraw_consent(case)
    work()
    assert answers.asked == []
    assert_stopped(case, records)


def test_a_photo_shredded_while_it_is_read(case, answers, people, records, monkeypatch):
    def shredded(unit_id, field):
        withdraw_consent(case)
        raise vault.Shredded

    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    monkeypatch.setattr(vault, "read", shredded)
    work()
    assert answers.asked == []
    assert_stopped(case, records)


def test_a_photo_withdrawn_while_the_hop_runs_gives_no_candidate(
    case, answers, people, records, monkeypatch
):
    def withdrawn_meanwhile(**asked):
        withdraw_consent(case)
        return answers.widen_search(**asked)

    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    monkeypatch.setattr(recognition, "widen_search", withdrawn_meanwhile)
    work()
    assert len(answers.asked) == 1
    assert_stopped(case, records)


# -- a hop that fails for good ------------------------------------------------------------------


def test_a_hop_that_failed_for_good_is_ended_and_the_case_goes_on(case, answers, people):
    say_all(case, people[1], SAME)
    assert services.end_failed_widenings() == 0
    Job.objects.filter(kind="matching.widen").update(
        state=JobState.FAILED, error_code="shard_broken"
    )
    assert services.end_failed_widenings() == 1
    case.refresh_from_db()
    assert review_of(case).state == ReviewState.SECOND
    assert case.status == Status.SECOND_REVIEW
    failed = Event.objects.get(type="search.widening_failed")
    assert failed.data == {"hop": 1, "reason": "shard_broken"}
    assert services.end_failed_widenings() == 0


def test_a_hop_that_ends_for_a_second_person_kept_away_since_goes_on(
    case, answers, people, records
):
    """X-09: what they had finished is passed on in their name, and asks no right of today."""
    widen_to(answers, used=[], drifted=[records[0].id])
    say_all(case, people[1], SAME)
    work()
    second = drawn(case, people)
    say_all(case, second, SAME)
    recusals.recuse(case_id=case.id, actor=second)
    Job.objects.filter(idempotency_key__endswith=":2").update(
        state=JobState.FAILED, error_code="shard_broken"
    )
    assert services.end_failed_widenings() == 1
    assert review_of(case).state == ReviewState.DONE


def test_one_that_cannot_go_on_holds_up_no_other(case, answers, people, monkeypatch, caplog):
    def refused(**_what):
        raise NotAllowed("recused", "You can't.")

    say_all(case, people[1], SAME)
    Job.objects.filter(kind="matching.widen").update(
        state=JobState.FAILED, error_code="shard_broken"
    )
    with monkeypatch.context() as patched:
        patched.setattr(reviews, "widened", refused)
        assert services.end_failed_widenings() == 0
    assert "does not go on: recused" in caplog.text
    assert "S-2" not in caplog.text
    assert services.end_failed_widenings() == 1


def test_a_hop_of_who_must_not_work_on_it_is_forgotten(case, answers, people, records):
    """X-09: two others begin anew while the search runs, and what it finds is nobody's."""
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    recusing.recuse(case_id=case.id, actor=people[1])
    work()
    case.refresh_from_db()
    assert (review_of(case).state, review_of(case).round, case.status) == ("first", 2, "in_review")
    assert not Candidate.objects.filter(record=records[2]).exists()
    services.take_review(review_id=review_of(case).id, actor=people[0])
    widen_to(answers, records[2])
    say_all(case, people[0], SAME)
    work()
    assert Candidate.objects.filter(record=records[2]).exists()


def test_an_earlier_hops_failure_ends_no_later_one(case, answers, people, records):
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    work()
    decide_new(case, people[1], SAME)
    Job.objects.filter(idempotency_key__endswith=":1").update(state=JobState.FAILED)
    assert services.end_failed_widenings() == 0
    assert review_of(case).state == ReviewState.WIDENING


@pytest.mark.parametrize(
    "change", [{"role": Role.DPO}, {"is_active": False}], ids=["another role", "left"]
)
def test_who_confirmed_may_have_another_role_by_then(case, answers, people, change):
    """Their part was done in the role they had; the trail names them with it."""
    say_all(case, people[1], SAME)
    Staff.objects.filter(staff_no="S-2").update(**change)
    work()
    assert review_of(case).state == ReviewState.SECOND
    passed = Event.objects.get(type="case.first_reviewed")
    assert (passed.actor_id, passed.actor_role) == ("S-2", "officer")


# -- what the second person may not tell (R19) --------------------------------------------------


def test_the_trail_of_others_tells_no_hop(case, answers, people, records):
    telling = {"search.widened", "record.held", "record.released", "search.stopped"}
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    work()
    for reader in people[1:]:
        assert not telling & {event.type for event in selectors.events_for(case.id, reader)}
    dpo = Actor("D-1", "dpo", "staff")
    assert "search.widened" in {event.type for event in selectors.events_for(case.id, dpo)}


def test_only_the_first_person_reads_that_the_search_is_widened(case, answers, people):
    before = [next_step(case, reader) for reader in (people[2], people[3])]
    say_all(case, people[1], SAME)
    assert review_of(case).state == ReviewState.WIDENING
    assert [next_step(case, reader) for reader in (people[2], people[3])] == before
    assert before[0].title == "Waits for a colleague"
    assert before[0].who == "Person S-2"
    assert next_step(case, people[1]).title == "The search is widened"


def test_the_second_person_reads_by_likeness_and_the_first_by_hop(case, answers, people, records):
    answers.widened.append(answers.hop(hits([records[2].id], top=0.95), [records[0].id]))
    say_all(case, people[1], SAME)
    work()
    assert [one.candidate.hop for one in laid(case, people[1])] == [0, 0, 1]
    decide_new(case, people[1], NOT)
    rows = laid(case, drawn(case, people))
    assert [one.candidate.record_id for one in rows] == [
        records[2].id,
        records[0].id,
        records[1].id,
    ]
    assert [one.id for one in rows] == sorted(one.id for one in rows)


@pytest.fixture(params=[("1_in_20", "1_in_20"), ("under_1_in_1000", "1_in_200"), ("", "")])
def odds(request, monkeypatch):
    """Told of a widened search, and to the second person; "1_in_200" of one photo."""
    widened, _second = request.param
    steps = {"one_photo": "1_in_200", "widened": widened}
    monkeypatch.setattr(calibration, "odds_step", lambda score, *, kind, enrolled: steps[kind])
    return request.param


def test_the_odds_tell_the_second_person_no_hop(case, answers, people, records, odds):
    """They read the step with more strangers of the two kinds of search, for every picture."""
    widened, told_second = odds
    widen_to(answers, records[2])
    say_all(case, people[1], SAME)
    work()
    view_all(case, people[1])
    rows = laid(case, people[1])
    assert [selectors.odds_step(one) for one in rows] == ["1_in_200", "1_in_200", widened]
    decide_viewed(case, people[1])
    second = drawn(case, people)
    view_all(case, second)
    assert [selectors.odds_step(one) for one in laid(case, second)] == [told_second] * 3


def decide_viewed(case, person):
    for row in laid(case, person):
        if not row.verdict:
            services.decide(decision_id=row.id, actor=person, verdict=NOT)
    services.finish(review_id=review_of(case).id, actor=person)


def view_all(case, person):
    for row in laid(case, person):
        if not row.preliminary:
            services.say_preliminary(decision_id=row.id, actor=person, verdict=NOT)


# -- records and thresholds that change meanwhile -----------------------------------------------


def test_a_record_another_case_began_to_erase_is_no_candidate(
    case, answers, people, records, monkeypatch
):
    """The state counts that the lock shows, not the one read before it."""
    hold = gallery.hold

    def erased_meanwhile(**asked):
        Record.objects.filter(id=records[2].id).update(state=Record.State.ERASING)
        return hold(**asked)

    widen_to(answers, records[2], records[3])
    say_all(case, people[1], SAME)
    monkeypatch.setattr(gallery, "hold", erased_meanwhile)
    work()
    assert not Candidate.objects.filter(record=records[2]).exists()
    assert not Hold.objects.filter(record=records[2]).exists()
    assert Candidate.objects.filter(record=records[3], hop=1).exists()


def test_the_trail_has_the_threshold_that_was_searched_with(case, answers, people, monkeypatch):
    """Another calibration comes into force while the hop runs."""
    thresholds = iter([0.41, 0.52])
    monkeypatch.setattr(widening, "threshold_of", lambda review: next(thresholds))
    say_all(case, people[1], SAME)
    work()
    assert answers.asked[0]["threshold"] == 0.41
    assert Event.objects.get(type="search.widened").data["threshold"] == 0.41


# -- any verdicts, any faces far from the photo ---------------------------------------------------

VERDICT = st.sampled_from([SAME, SAME, SAME, NOT, Verdict.INCONCLUSIVE])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(walk=st.data())
def test_whatever_two_persons_see_the_review_ends(answers, people, walk):
    """R19, R22: three hops at most, every picture once before each, no doubted or unconfirmed far
    face widens, and in the end the verdicts stand."""
    gallery_of = [a_record().id for _number in range(7)]
    far = walk.draw(st.sets(st.sampled_from(gallery_of[:3]), min_size=1), label="far")
    answers.asked, answers.hits = [], hits(gallery_of[:3])

    def widened(*, confirmed, approved, known, **asked):
        doubted = Decision.objects.filter(
            position=Position.SECOND, candidate__record__in=confirmed
        ).exclude(verdict__in=["", SAME])
        assert not doubted.exists()
        agreed = Decision.objects.filter(position=Position.SECOND, verdict=SAME)
        assert set(approved) <= set(agreed.values_list("candidate__record_id", flat=True))
        answers.asked.append(asked)
        drifted = [one for one in confirmed if one in far and one not in approved]
        used = [one for one in confirmed if one not in drifted]
        more = walk.draw(st.integers(0, 2), label="new") if used else 0
        fresh = [one for one in gallery_of if one not in known][:more]
        return answers.hop(hits(fresh, top=0.6), used, drifted)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recognition, "widen_search", widened)
        case = searched(people[0], email=f"{new_id().hex}@example.org")
        take(case, people[1])
        for _turn in range(12):
            work()
            review = review_of(case)
            if review.state == ReviewState.DONE:
                break
            _decide_a_part(case, review, people, walk)
    assert review.state == ReviewState.DONE
    assert len(answers.asked) == review.hops <= widening.MOST_HOPS
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert not Decision.objects.filter(review=review, verdict="").exists()
    first, second = (
        dict(review.decisions.filter(position=one).values_list("candidate_id", "verdict"))
        for one in (Position.FIRST, Position.SECOND)
    )
    assert set(first) == set(Candidate.objects.filter(case=case).values_list("id", flat=True))
    disputed = review.decisions.filter(position=Position.SUPERVISOR)
    assert {one.candidate_id for one in disputed} == {
        one for one in second if first[one] != second[one]
    }


def _decide_a_part(case, review, people, walk):
    if review.state == ReviewState.SUPERVISOR:
        away = {review.first_officer, review.second_officer}
        person = next(one for one in people if one.role == "supervisor" and one.id not in away)
        services.take_dispute(review_id=review.id, actor=person)
    else:
        person = next(one for one in people if selectors.position_of(review, one) is not None)
    for row in laid(case, person):
        if not row.verdict:
            say(row, person, walk.draw(VERDICT), reason="Seen so.")
    services.finish(review_id=review.id, actor=person)

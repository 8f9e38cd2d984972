"""Photo, search and the review by two persons: rules R1, R2, R8, R19, R20, R21."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import ConsentScope, RightCode, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Hold, Record, Restriction
from dsr_portal.gallery.selectors import coverage
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Decision,
    Position,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchState,
    Verdict,
)
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitState
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
    searched,
    sign_in,
    staff,
    take,
    told,
    work,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SAME, NOT, OPEN = Verdict.SAME, Verdict.NOT_SAME, Verdict.INCONCLUSIVE


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def answers(monkeypatch):
    return told(monkeypatch)


@pytest.fixture
def people():
    """Three officers and two supervisors; the first records who is asking."""
    return [
        actor(staff("S-1")),
        actor(staff("S-2")),
        actor(staff("S-3")),
        actor(staff("V-1", Role.SUPERVISOR)),
        actor(staff("V-2", Role.SUPERVISOR)),
    ]


@pytest.fixture
def records():
    return [a_record() for _number in range(4)]


@pytest.fixture
def case(answers, people, records):
    """A swept case with four candidates, best first."""
    answers.hits = hits([record.id for record in records])
    return searched(people[0])


def states(records):
    return [Record.objects.get(id=record.id).state for record in records]


def to_second(case, people, first="same"):
    take(case, people[0])
    say_all(case, people[0], first)
    return drawn(case, people)


# -- before the search --------------------------------------------------------------------------


def test_no_consent_no_face_code_and_no_check_of_the_photo(answers, people):
    """R8: the photo waits, encrypted; nothing of recognition is called, whatever else is done."""
    case = opened(consent=False)
    identify(case, people[0])
    assert work() == 0
    assert (answers.judged, answers.searches) == (0, 0)
    probe = Probe.objects.get()
    assert probe.state == ProbeState.WAITING_CONSENT
    assert vault.unit_state(probe.unit) is UnitState.LIVE
    services.record_consent(
        case_id=case.id, actor=people[0], channel="post", reference="letter 2026-17"
    )
    work()
    assert (answers.judged, answers.searches) == (1, 1)


def test_no_search_below_the_level(answers, people):
    """R2: only decoding and quality run before the level is met."""
    case = opened()
    work()
    services.record_identity(
        case_id=case.id, actor=people[0], way="call", element="", compared="Face on the call."
    )
    work()
    assert (answers.judged, answers.searches) == (1, 0)
    assert not Search.objects.exists()
    identify(case, people[0])
    work()
    assert answers.searches == 1


def test_a_restriction_asks_less_than_a_disclosure(answers, people):
    case = opened(rights=[RightCode.RESTRICTION])
    work()
    services.record_identity(
        case_id=case.id, actor=people[0], way="call", element="", compared="Face on the call."
    )
    work()
    assert answers.searches == 1


def test_a_photo_that_cannot_be_used_makes_the_case_wait_for_another(answers, people):
    answers.verdict = ProbeVerdict("no_face", (), None)
    case = opened()
    identify(case, people[0])
    work()
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO
    assert Probe.objects.get().state == ProbeState.UNUSABLE
    assert answers.searches == 0


def test_the_face_is_kept_for_people_to_compare_and_nothing_else(case):
    probe = Probe.objects.get()
    assert vault.fields(probe.unit) == ["crop", "picture"]


def test_a_probe_entered_by_staff_waits_for_another_person(answers, people):
    """R20: no free face search."""
    case = opened(opener=people[0])
    work()
    identify(case, people[1])
    assert work() == 0
    with pytest.raises(NotAllowed):
        services.confirm_origin(case_id=case.id, actor=people[0])
    assert answers.searches == 0
    services.confirm_origin(case_id=case.id, actor=people[1])
    work()
    assert answers.searches == 1


def test_opener_neither_reviews_nor_withdraws(answers, people, records):
    answers.hits = hits([records[0].id])
    case = opened(opener=people[0])
    work()
    services.confirm_origin(case_id=case.id, actor=people[1])
    identify(case, people[1])
    work()
    with pytest.raises(NotAllowed, match="review_own_case"):
        take(case, people[0])
    with pytest.raises(NotAllowed, match="opener_barred"):
        cases.withdraw(case_id=case.id, actor=people[0])
    take(case, people[1])
    say_all(case, people[1], "same")
    assert review_of(case).second_officer == "S-3"


# -- the search ---------------------------------------------------------------------------------


def test_search_writes_counts_bands_holds_and_one_event(case, records):
    search = Search.objects.get()
    assert search.state == SearchState.COMPLETE
    assert (search.compared, search.enrolled, search.found_by_graph) == (40, 40, 4)
    assert [row.band for row in Candidate.objects.order_by("rank")] == [Band.STRONG] * 4
    assert set(Hold.objects.filter(until=None).values_list("record_id", flat=True)) == {
        record.id for record in records
    }
    (event,) = Event.objects.filter(type="search.performed")
    assert event.data["candidates"] == 4
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    assert audit.verify().ok


def test_what_failed_before_and_where_was_searched_stand_in_the_event_of_a_search(
    answers, people, records
):
    """L-04: systems searched and not searched, what no search reaches, errors of earlier tries."""
    answers.hits = hits([records[0].id])
    trouble = [Conflict("index_not_ready", "The index is being made.")]

    def between():
        if trouble:
            raise trouble.pop()

    answers.between = between
    case = opened()
    work()
    identify(case, people[0])
    work()
    assert not Event.objects.filter(type="search.performed").exists()
    Job.objects.filter(kind="matching.search").update(run_after=clock.now())
    work()
    (event,) = Event.objects.filter(type="search.performed")
    assert (event.data["attempts"], event.data["errors"]) == (2, ["index_not_ready"])
    assert event.data["systems"] == ["gallery_faces"]
    assert event.data["not_searched"] == ["product_queries", "product_results"]
    assert event.data["unsearchable"] == coverage().not_searchable
    assert event.data["inputs"] == [str(Probe.objects.get().id)]
    assert (event.data["metric"], event.data["top_k"]) == ("cosine", "all_over_threshold")


def test_undecided_candidates_are_not_restricted(case, records):
    """R1: a machine must not switch off strangers' records."""
    assert states(records) == [Record.State.HELD] * 4


def test_nothing_found_lays_the_ten_nearest_before_both(answers, people):
    """R19."""
    near = [a_record() for _number in range(12)]
    answers.nearest = hits([record.id for record in near], top=0.4)
    case = searched(people[0])
    assert Candidate.objects.count() == 10
    assert set(Candidate.objects.values_list("band", flat=True)) == {Band.BELOW}
    take(case, people[0])
    say_all(case, people[0], "not_same")
    second = drawn(case, people)
    assert len(laid(case, second)) == 10
    say_all(case, second, "not_same")
    found = selectors.outcome(case.id)
    assert found is not None
    assert found.nothing_found
    assert case.status == Status.DECIDED
    assert not Hold.objects.filter(until=None).exists()


def test_a_pair_between_the_two_thresholds_is_laid_before_both(answers, people, records, settings):
    """B-08: searched low, released strictly: what is not strong is decided by people, not dropped.

    The engine's own pair of this kind is Ruth's (engine/test_cast.py).
    """
    between = (settings.DSR_REVIEW_THRESHOLD + settings.DSR_STRONG_THRESHOLD) / 2
    answers.hits = hits([records[0].id], top=between)
    case = searched(people[0])
    (candidate,) = Candidate.objects.filter(band=Band.REVIEW)
    assert settings.DSR_REVIEW_THRESHOLD <= candidate.score < settings.DSR_STRONG_THRESHOLD
    take(case, people[0])
    assert [row.candidate_id for row in laid(case, people[0])] == [candidate.id]
    say_all(case, people[0], "same")
    assert selectors.outcome(case.id) is None, "one person releases nothing"
    second = drawn(case, people)
    assert candidate.id in [row.candidate_id for row in laid(case, second)]
    say_all(case, second, "same")
    found = selectors.outcome(case.id)
    assert found is not None
    assert not found.nothing_found


def test_empty_gallery_still_takes_two_persons(answers, people):
    case = searched(people[0])
    second = to_second(case, people)
    assert laid(case, second) == []
    say_all(case, second, [])
    assert case.status == Status.DECIDED


def test_a_record_being_erased_is_no_candidate(answers, people, records):
    Record.objects.filter(id=records[0].id).update(state=Record.State.ERASING)
    answers.hits = hits([record.id for record in records])
    searched(people[0])
    assert Candidate.objects.count() == 3


def test_withdrawn_consent_stops_the_running_search(answers, people, records):
    """R8, law P-03: stopped at once, photo gone, nothing of the sweep is written."""
    answers.hits = hits([record.id for record in records])
    case = opened()
    work()
    answers.between = lambda: cases.withdraw_consent(
        case_id=case.id, actor=Actor.person(case.id), scope=ConsentScope.COMPARISON
    )
    identify(case, people[0])
    work()
    case.refresh_from_db()
    assert case.status == Status.NEEDS_INFO
    assert Search.objects.get().state == SearchState.STALE
    probe = Probe.objects.get()
    assert (probe.state, probe.findings) == (ProbeState.DELETED, [])
    vault.run_shred()
    assert vault.unit_state(probe.unit) is UnitState.SHREDDED
    assert not Review.objects.exists()
    # Nor anything of the first hits: no score, and no hold on anybody's record.
    assert not Candidate.objects.exists()
    assert not Hold.objects.filter(until=None).exists()
    assert "record.held" in event_types_of(case)
    assert "search.performed" not in event_types_of(case)
    assert "search.stopped" in event_types_of(case)
    assert Job.objects.get(kind="matching.search").state == JobState.DONE


def test_consent_withdrawn_before_the_search_began_leaves_it_undone(answers, people):
    case = opened()
    work()
    identify(case, people[0])
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    work()
    assert answers.searches == 0


def _another_photo(case):
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", JPEG)

    def also(locked):
        staged.save()
        services.add_probe(
            case=locked, actor=Actor.person(case.id), unit=staged.unit_id, channel="web"
        )

    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), also=also)


def test_a_photo_that_came_after_the_check_is_not_searched_before_another_one(answers, people):
    """R2, R7: known by one's own photo, nobody has a stranger's searched."""
    answers.verdict = ProbeVerdict("no_face", (), (0, 0, 0, 0), b"")
    case = opened()
    work()
    identify(case, people[0])
    answers.verdict = ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
    _another_photo(case)
    work()
    case.refresh_from_db()
    assert (case.level, case.status, answers.searches) == (0, Status.RECEIVED, 0)
    assert "identity.lapsed" in event_types_of(case)
    with pytest.raises(BadInput, match="second_way_missing"):
        services.record_identity(
            case_id=case.id, actor=people[0], way="visit", element="second_way", compared="x"
        )
    # Nor does a check from before the photo serve as the second way once a new one was recorded.
    services.record_identity(
        case_id=case.id, actor=people[0], way="visit", element="", compared="x"
    )
    with pytest.raises(BadInput, match="second_way_missing"):
        services.record_identity(
            case_id=case.id, actor=people[0], way="visit", element="second_way", compared="x"
        )
    identify(case, people[0])
    work()
    assert answers.searches == 1


def test_the_sixth_photo_waits_for_a_word_from_an_officer(answers, people):
    """X-04: photo after photo would be a way to try faces."""
    answers.verdict = ProbeVerdict("no_face", (), (0, 0, 0, 0), b"")
    case = opened()
    for _photo in range(4):
        _another_photo(case)
    with pytest.raises(Conflict, match="photo_limit"):
        _another_photo(case)
    assert Probe.objects.filter(case=case).count() == 5
    cases.send_message(case_id=case.id, actor=people[0], text="Face the light, please.")
    _another_photo(case)
    assert Probe.objects.filter(case=case).count() == 6


def test_an_older_photo_is_not_searched_when_the_newest_cannot_be_used(answers, people):
    """R2: a stranger's photo first, one's own blurred one for the check: nothing is searched."""
    case = opened()
    work()
    answers.verdict = ProbeVerdict("no_face", (), (0, 0, 0, 0), b"")
    _another_photo(case)
    work()
    identify(case, people[0])
    work()
    assert answers.searches == 0


def test_a_photo_that_comes_while_the_officer_compares_is_not_taken_for_the_other(answers, people):
    """R2: what is recorded is about the photo the officer's page was about."""
    case = opened()
    work()
    seen = str(Probe.objects.get(case=case).id)
    _another_photo(case)
    known = {"way": "call", "element": "mailbox_in_record", "compared": "Face and photo."}
    with pytest.raises(Conflict, match="photo_changed"):
        services.record_identity(case_id=case.id, actor=people[0], photos=seen, **known)
    case.refresh_from_db()
    assert case.level == 0
    both = selectors.photo_token(case.id)
    assert (
        services.record_identity(case_id=case.id, actor=people[0], photos=both, **known).level == 2
    )


def test_consent_withdrawn_in_review_leaves_only_inconclusive(case, people):
    take(case, people[0])
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    first = laid(case, people[0])[0]
    with pytest.raises(Conflict, match="photo_gone"):
        services.say_preliminary(decision_id=first.id, actor=people[0], verdict=SAME)
    services.say_preliminary(decision_id=first.id, actor=people[0], verdict=OPEN)


# -- two persons --------------------------------------------------------------------------------


def test_agreement_of_two_decides_and_the_trail_has_each_decision(case, people, records):
    """N-17, R19: who said what about each picture."""
    take(case, people[0])
    say_all(case, people[0], [SAME, SAME, NOT, OPEN])
    second = drawn(case, people)
    assert second.id != people[0].id
    assert case.status == Status.SECOND_REVIEW
    say_all(case, second, [SAME, SAME, NOT, OPEN])
    assert case.status == Status.DECIDED
    found = selectors.outcome(case.id)
    assert found is not None
    assert found.same == (records[0].id, records[1].id)
    assert found.not_same == (records[2].id,)
    assert found.inconclusive == (records[3].id,)
    made = Event.objects.filter(type="decision.made").order_by("number")
    assert [(event.actor_id, event.data["verdict"]) for event in made][:2] == [
        ("S-1", "same"), ("S-1", "same"),
    ]  # fmt: skip
    assert made.count() == 8
    # R1, R17: confirmed ones stay locked, rejected ones are free, open ones held and not locked.
    assert states(records) == [Record.State.RESTRICTED] * 2 + [Record.State.HELD] * 2
    held = set(Hold.objects.filter(until=None).values_list("record_id", flat=True))
    assert held == {records[0].id, records[1].id, records[3].id}


def test_database_refuses_one_person_twice_and_the_opener(case, people):
    """R19: distinctness is a constraint."""
    review = review_of(case)
    for change in (
        {"first_officer": "S-1", "second_officer": "S-1"},
        {"opener": "S-1", "first_officer": "S-1"},
        {"opener": "S-2", "first_officer": "S-1", "second_officer": "S-2"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.filter(id=review.id).update(**change)


def test_second_is_drawn_from_trained_active_officers(case, people):
    """P-17: and supervisors are kept for disagreements while an officer is there."""
    Staff.objects.filter(staff_no="S-2").update(is_active=False)
    assert to_second(case, people).id == "S-3"


def test_a_second_who_cannot_go_on_is_replaced(case, people):
    second = to_second(case, people)
    Staff.objects.filter(staff_no=second.id).update(trained_until=clock.today() - timedelta(1))
    assert services.assign_waiting_seconds() == 1
    other = drawn(case, people)
    assert other.id not in {second.id, "S-1"}
    assert len(laid(case, other)) == 4
    assert laid(case, second) == []
    assert services.assign_waiting_seconds() == 0


def test_review_waits_while_nobody_else_is_there(answers, records):
    alone = actor(staff("S-1"))
    answers.hits = hits([records[0].id])
    case = searched(alone)
    take(case, alone)
    say_all(case, alone, "same")
    assert review_of(case).second_officer is None
    assert services.assign_waiting_seconds() == 0
    other = actor(staff("S-2"))
    assert services.assign_waiting_seconds() == 1
    assert len(laid(case, other)) == 1


def test_nobody_untrained_decides(case, people):
    late = actor(staff("S-9", trained=False))
    with pytest.raises(NotAllowed, match="training"):
        take(case, late)


@pytest.mark.parametrize("role", [Role.DPO, Role.DIRECTOR, Role.OPERATOR])
def test_other_roles_never_decide(case, role):
    """G-02."""
    with pytest.raises(NotAllowed, match="reviewer_only"):
        take(case, actor(staff("X-1", role)))


def test_a_case_is_taken_once(case, people):
    take(case, people[0])
    take(case, people[0])
    with pytest.raises(Conflict, match="review_taken"):
        take(case, people[1])
    assert Decision.objects.count() == 4


def test_nobody_decides_out_of_turn(case, people):
    take(case, people[0])
    first = laid(case, people[0])[0]
    with pytest.raises(NotFound):
        services.say_preliminary(decision_id=first.id, actor=people[1], verdict=SAME)
    with pytest.raises(NotAllowed, match="not_your_turn"):
        services.finish(review_id=review_of(case).id, actor=people[1])
    with pytest.raises(Conflict, match="review_open"):
        services.finish(review_id=review_of(case).id, actor=people[0])
    say_all(case, people[0], "same")
    with pytest.raises(NotAllowed, match="not_your_turn"):
        services.decide(decision_id=first.id, actor=people[0], verdict=NOT, reason="late")


# -- decisions ----------------------------------------------------------------------------------


def test_band_appears_only_after_the_own_view_and_the_view_stands(case, people):
    """R21."""
    take(case, people[0])
    first = laid(case, people[0])[0]
    assert selectors.shown_band(first) is None
    with pytest.raises(Conflict, match="decision_without_view"):
        services.decide(decision_id=first.id, actor=people[0], verdict=SAME)
    seen = services.say_preliminary(decision_id=first.id, actor=people[0], verdict=NOT)
    assert selectors.shown_band(seen) == Band.STRONG
    with pytest.raises(Conflict, match="view_stands"):
        services.say_preliminary(decision_id=first.id, actor=people[0], verdict=SAME)
    with pytest.raises(BadInput, match="decision_needs_reason"):
        services.decide(decision_id=first.id, actor=people[0], verdict=SAME)
    services.decide(
        decision_id=first.id, actor=people[0], verdict=SAME, reason="The ear is the same."
    )
    event = Event.objects.filter(type="decision.made").get()
    assert (event.data["changed"], event.data["with_reason"]) == (True, True)
    kept = vault.read(case.file_unit, f"decision.{first.id}")
    assert kept == b"The ear is the same."


def test_a_decision_within_three_seconds_is_noted(case, people):
    take(case, people[0])
    quick, slow = laid(case, people[0])[:2]
    for decision in (quick, slow):
        services.mark_shown(decision_id=decision.id, actor=people[0])
    Decision.objects.filter(id=slow.id).update(shown_at=clock.now() - timedelta(seconds=9))
    say(quick, people[0], SAME)
    say(slow, people[0], SAME)
    made = Event.objects.filter(type="decision.made").order_by("number")
    assert [event.data["quick"] for event in made] == [True, False]


def test_same_decision_sent_twice_is_one(case, people):
    take(case, people[0])
    first = laid(case, people[0])[0]
    say(first, people[0], SAME)
    services.decide(decision_id=first.id, actor=people[0], verdict=SAME)
    assert Event.objects.filter(type="decision.made").count() == 1


# -- restriction --------------------------------------------------------------------------------


def test_restriction_follows_the_first_same_person_at_once(case, people, records):
    """R1."""
    take(case, people[0])
    first, second = laid(case, people[0])[:2]
    say(first, people[0], SAME)
    say(second, people[0], NOT)
    assert states(records) == [Record.State.RESTRICTED] + [Record.State.HELD] * 3


def test_first_who_changes_their_mind_frees_the_record(case, people, records):
    take(case, people[0])
    first = laid(case, people[0])[0]
    say(first, people[0], SAME)
    services.decide(decision_id=first.id, actor=people[0], verdict=NOT, reason="Other chin.")
    assert states(records) == [Record.State.HELD] * 4


def test_restriction_is_lifted_when_the_second_disagrees(case, people, records):
    """R1: at once, not only when a supervisor has decided."""
    second = to_second(case, people)
    assert states(records) == [Record.State.RESTRICTED] * 4
    say_all(case, second, [NOT, SAME, SAME, OPEN])
    assert review_of(case).state == ReviewState.SUPERVISOR
    assert states(records) == [
        Record.State.HELD, Record.State.RESTRICTED, Record.State.RESTRICTED, Record.State.HELD,
    ]  # fmt: skip


def test_restriction_ends_with_a_withdrawn_case(case, people, records):
    to_second(case, people)
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    assert states(records) == [Record.State.HELD] * 4
    assert review_of(case).state == ReviewState.STOPPED
    assert not Hold.objects.filter(until=None).exists()
    assert set(Candidate.objects.values_list("score", flat=True)) == {0.0}


def test_restriction_that_was_asked_for_is_kept(answers, people, records):
    answers.hits = hits([records[0].id])
    case = searched(people[0], rights=[RightCode.RESTRICTION])
    second = to_second(case, people)
    say_all(case, second, "same")
    services.end_reviews(case_id=case.id, actor=Actor.system("test"), reason="closed")
    assert Restriction.objects.filter(lifted_at=None).count() == 1


def test_what_one_person_alone_took_as_theirs_is_not_kept_locked(answers, people, records):
    """R1, R19: the wish to lock is about the person's own pictures, and two decide which are."""
    answers.hits = hits([records[0].id])
    case = searched(people[0], rights=[RightCode.RESTRICTION])
    to_second(case, people)
    assert Restriction.objects.filter(lifted_at=None).count() == 1
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    assert not Restriction.objects.filter(lifted_at=None).exists()


# -- disagreement -------------------------------------------------------------------------------


def test_disagreement_goes_to_a_supervisor_who_took_no_part(case, people, records):
    """R19."""
    second = to_second(case, people)
    say_all(case, second, [NOT, SAME, SAME, SAME])
    review = review_of(case)
    with pytest.raises(NotAllowed, match="supervisor_only"):
        services.take_dispute(review_id=review.id, actor=second)
    chief = people[3]
    services.take_dispute(review_id=review.id, actor=chief)
    (disputed,) = laid(case, chief)
    assert disputed.position == Position.SUPERVISOR
    assert selectors.both_views(review_of(case), chief) == {disputed.candidate_id: (SAME, NOT)}
    assert selectors.both_views(review_of(case), second) == {}
    with pytest.raises(BadInput, match="decision_needs_reason"):
        say(disputed, chief, SAME)
    services.decide(decision_id=disputed.id, actor=chief, verdict=SAME, reason="The scar is there.")
    services.finish(review_id=review.id, actor=chief)
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    assert states(records) == [Record.State.RESTRICTED] * 4
    assert [row.position for row in Decision.objects.filter(officer=chief.id)] == ["supervisor"]


def test_supervisor_who_was_second_does_not_decide_the_disagreement(case, people):
    Staff.objects.filter(staff_no__in=["S-2", "S-3"]).update(is_active=False)
    second = to_second(case, people)
    assert second.role == Role.SUPERVISOR
    say_all(case, second, "not_same")
    with pytest.raises(NotAllowed, match="review_own_case"):
        services.take_dispute(review_id=review_of(case).id, actor=second)


def test_still_open_counts_as_inconclusive(case, people):
    second = to_second(case, people)
    say_all(case, second, [NOT, SAME, SAME, SAME])
    chief = people[4]
    services.take_dispute(review_id=review_of(case).id, actor=chief)
    say_all(case, chief, "inconclusive", reason="The light tells nothing.")
    found = selectors.outcome(case.id)
    assert found is not None
    assert (len(found.same), len(found.inconclusive)) == (3, 1)


def test_a_same_among_the_rejected_sends_all_back(answers, people):
    """R19: with many candidates the second sees a share; an overlooked one brings the rest."""
    many = [a_record() for _number in range(40)]
    answers.hits = hits([record.id for record in many], step=0.001)
    case = searched(people[0])
    take(case, people[0])
    say_all(case, people[0], "not_same")
    second = drawn(case, people)
    dealt = laid(case, second)
    assert len(dealt) == 20
    for row in dealt:
        say(row, second, SAME if row is dealt[0] else NOT)
    services.finish(review_id=review_of(case).id, actor=second)
    assert review_of(case).state == ReviewState.SECOND
    assert len(laid(case, second)) == 40
    assert "review.sent_back" in event_types_of(case)
    for row in laid(case, second):
        if not row.verdict:
            say(row, second, NOT)
    services.finish(review_id=review_of(case).id, actor=second)
    assert review_of(case).state == ReviewState.SUPERVISOR
    assert selectors.outcome(case.id) is None


def test_a_record_another_case_began_to_erase_is_no_candidate(
    answers, people, records, monkeypatch
):
    """The state counts that the lock shows, not the one read before it."""
    hold = gallery.hold

    def erased_meanwhile(**asked):
        Record.objects.filter(id=records[0].id).update(state=Record.State.ERASING)
        return hold(**asked)

    answers.hits = hits([record.id for record in records])
    monkeypatch.setattr(gallery, "hold", erased_meanwhile)
    case = searched(people[0])
    assert not case.candidates.filter(record=records[0]).exists()
    assert not Hold.objects.filter(record=records[0]).exists()


def test_pictures_are_laid_before_nobody_once_the_review_is_over(case, people):
    first, second = people[0], to_second(case, people)
    mine = Decision.objects.filter(officer=first.id, position="first").first()
    shown = laid(case, second)[0]
    assert selectors.laid_before(case.id, mine.id, first) == mine
    assert selectors.laid_before(case.id, shown.id, second) == shown
    assert selectors.laid_before(case.id, shown.id, first) is None
    say_all(case, second, "same")
    assert case.status == Status.DECIDED
    assert selectors.laid_before(case.id, mine.id, first) is None
    assert selectors.laid_before(case.id, shown.id, second) is None


def test_the_picture_route_answers_only_while_the_review_is_open(client, site, case, people):
    site("desk")
    second = to_second(case, people)
    of = {"reference": case.reference, "decision_id": laid(case, second)[0].id}
    address = reverse("desk:face_picture", kwargs=of)
    browser = sign_in(client, Staff.objects.get(staff_no=second.id))
    assert browser.get(address).status_code == 200
    say_all(case, second, "same")
    assert browser.get(address).status_code == 404
    assert browser.get(address + "?show=whole").status_code == 404


# -- what the second may read -------------------------------------------------------------------


def test_trail_tells_a_reviewer_nothing_while_the_review_is_open(case, people):
    """R19; the DPO and the authority read everything."""
    second = to_second(case, people)
    telling = {"decision.made", "record.restricted", "record.held"}
    assert telling <= set(event_types_of(case))
    for reader in (second, people[4]):
        assert not telling & {event.type for event in selectors.events_for(case.id, reader)}
    own = [event.type for event in selectors.events_for(case.id, people[0])]
    assert own.count("decision.made") == 4
    dpo = Actor("D-1", "dpo", "staff")
    assert telling <= {event.type for event in selectors.events_for(case.id, dpo)}
    say_all(case, second, "same")
    assert telling <= {event.type for event in selectors.events_for(case.id, second)}

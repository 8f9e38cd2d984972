"""Searches of cases where several groups share the shards; one process plays every group in turn.

Design, section 6; rules R2, R8, R19, R22. Real processes, one of them killed: tests/worker.
"""

from functools import partial

import pytest

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.jobs import runner
from dsr_portal.jobs.models import Job
from dsr_portal.matching import services, shared, stopped
from dsr_portal.matching.models import Band, Candidate, ReviewState, Search, SearchState
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import group_search, groups, holder
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import GroupHit, GroupSearch
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from tests.support import grouped
from tests.support.gallery import (
    a_record,
    near,
    own_places,
    random_templates,
    without_engine,
)
from tests.support.matching import (
    JPEG,
    actor,
    event_types_of,
    identify,
    opened,
    review_of,
    say_all,
    staff,
    take,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
GROUPS = 2
PERSON, STRANGER = random_templates(2, seed=3)


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 4
    settings.DSR_SEARCH_GROUPS = GROUPS
    settings.DSR_WIDEN = False
    without_engine(monkeypatch)
    monkeypatch.setattr(
        recognition, "judge_probe", lambda picture: ProbeVerdict("ok", (), (1, 1, 4, 4), JPEG)
    )
    with grouped.registered(GROUPS):
        yield


@pytest.fixture
def as_group(settings):
    return partial(grouped.become, settings)


@pytest.fixture
def people():
    return [actor(staff("S-1")), actor(staff("S-2")), actor(staff("V-1", Role.SUPERVISOR))]


def work(*queues):
    return runner.run_due(queues=list(queues))


def enrolled(templates):
    """Records with these templates in the index, in two groups of shards."""
    rows = [a_record(template=one.tobytes()) for one in templates]
    model = engines.facts_of(engines.model_row())
    with unit_of_work():
        recognition.add_templates(
            model=model,
            templates=[recognition.NewTemplate(record_id=row.id, unit=row.unit) for row in rows],
        )
    recognition.seal_shards()
    return rows


def gallery(mine=3):
    """Pictures of the person among strangers; the person's lie in both groups."""
    strangers = random_templates(14, seed=50)
    own = [near(PERSON, seed=seed) for seed in range(mine)]
    mixed = [*strangers[:7], *own[:1], *strangers[7:], *own[1:]]
    return enrolled(mixed)


def asked(people, *more, template=PERSON):
    """A request whose search was handed to the groups."""
    case = opened(picture=template.tobytes())
    for one in more:
        staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
        staged.add("picture", one.tobytes())

        def also(locked, staged=staged):
            staged.save()
            services.add_probe(
                case=locked, actor=Actor.person(locked.id), unit=staged.unit_id, channel="web"
            )

        cases.receive_message(case_id=case.id, actor=Actor.person(case.id), also=also)
    work("probe")
    identify(case, people[0])
    job = Job.objects.get(kind="matching.search")
    runner.run(job.id)
    case.refresh_from_db()
    return case


def all_groups(as_group):
    for group in groups.every():
        with as_group(group):
            work(groups.queue(group))
    work("search")


def test_the_case_waits_until_every_group_answered_and_then_has_the_union(as_group, people):
    """N of N over both groups; hits of both, best first."""
    gallery()
    case = asked(people)
    search = Search.objects.get()
    assert (case.status, search.state) == (Status.SEARCHING, SearchState.RUNNING)
    with as_group(1):
        work(groups.queue(1))
    assert group_search.waiting_for(shared.key_of(search)) == [0]
    assert GroupHit.objects.exists(), "the canary: group 1 found something"
    assert not Candidate.objects.exists()
    with as_group(0):
        work("search")
    case.refresh_from_db()
    search.refresh_from_db()
    assert (case.status, search.compared, search.enrolled) == (Status.IN_REVIEW, 17, 17)
    scores = list(Candidate.objects.order_by("rank").values_list("score", flat=True))
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert not GroupSearch.objects.exists()


def test_with_nothing_found_the_ten_nearest_of_all_groups_are_laid_before_two(as_group, people):
    """R19: near misses come from both groups."""
    rows = enrolled(random_templates(16, seed=60))
    case = asked(people)
    all_groups(as_group)
    candidates = Candidate.objects.filter(case=case)
    assert len(candidates) == 10 < len(rows)
    assert {one.band for one in candidates} == {Band.BELOW}
    recorded = Event.objects.get(type="search.performed", case_id=case.id).data
    assert (recorded["candidates"], recorded["compared"]) == (0, 16)


def test_consent_withdrawn_while_a_group_is_missing_leaves_nothing_of_what_was_found(
    as_group, people
):
    """R8, P-03: hits of the group that had answered go at once, and no later answer brings any."""
    gallery()
    case = asked(people)
    with as_group(1):
        work(groups.queue(1))
    assert GroupHit.objects.exists()
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    assert not GroupHit.objects.exists()
    assert not GroupSearch.objects.exists()
    all_groups(as_group)
    assert Search.objects.get().state == SearchState.STALE
    assert not Candidate.objects.exists()
    assert "search.performed" not in event_types_of(case)


def test_photos_unlike_one_another_are_not_handed_to_any_group(as_group, people):
    gallery()
    case = asked(people, STRANGER)
    assert case.status == Status.NEEDS_INFO
    assert not GroupSearch.objects.exists()
    assert services.photos_differ(case)


def test_several_photos_are_searched_with_by_every_group(as_group, people):
    gallery()
    case = asked(people, near(PERSON, seed=90, by=0.01))
    assert len(GroupSearch.objects.get().pictures) == 2
    all_groups(as_group)
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    assert Event.objects.get(type="search.performed").data["photos"] == 2


def test_a_search_that_cannot_be_made_over_every_face_is_made_again(as_group, people, monkeypatch):
    """R15: without N of N nothing is claimed; the case goes on waiting, and the trail says so."""
    gallery()
    real = holder.enrolled
    monkeypatch.setattr(holder, "enrolled", lambda model, applied: 99)
    case = asked(people)
    for _round in range(group_search.MOST_ROUNDS):
        all_groups(as_group)
    case.refresh_from_db()
    assert case.status == Status.SEARCHING
    assert "search.incomplete" in event_types_of(case)
    assert not Candidate.objects.exists()
    assert not GroupSearch.objects.exists()
    monkeypatch.setattr(holder, "enrolled", real)
    again = Job.objects.get(kind="matching.search", state="ready")
    assert again.run_after > clock.now()
    Job.objects.filter(id=again.id).update(run_after=clock.now())
    runner.run(again.id)
    all_groups(as_group)
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW


# -- widened --------------------------------------------------------------------------------------


def widening(as_group, people, settings):
    """A case whose first person confirmed every candidate; the hop is handed to the groups."""
    settings.DSR_WIDEN = True
    gallery()
    case = asked(people)
    all_groups(as_group)
    take(case, people[1])
    say_all(case, people[1], "same")
    job = Job.objects.get(kind="matching.widen")
    runner.run(job.id)
    assert GroupSearch.objects.get().confirmed
    return case


def test_a_hop_is_made_by_every_group_and_finds_only_what_is_new(as_group, people, settings):
    """R22."""
    case = widening(as_group, people, settings)
    assert review_of(case).state == ReviewState.WIDENING
    all_groups(as_group)
    event = Event.objects.get(type="search.widened")
    assert (event.data["used"], event.data["compared"], event.data["candidates"]) == (3, 17, 0)
    assert review_of(case).state == ReviewState.SECOND
    assert not GroupSearch.objects.exists()


def test_consent_withdrawn_during_a_hop_ends_it_without_a_trace(as_group, people, settings):
    """R8: nothing is written of the photo, and the case goes on to the second person."""
    case = widening(as_group, people, settings)
    with as_group(1):
        work(groups.queue(1))
    cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    assert not GroupSearch.objects.exists()
    all_groups(as_group)
    assert review_of(case).state == ReviewState.SECOND
    assert "search.widened" not in event_types_of(case)
    assert "search.stopped" in event_types_of(case)


def test_a_hop_one_group_of_which_fails_for_good_does_not_hold_the_case(as_group, people, settings):
    """R22: what was found before stands, and nothing of the hop is kept."""
    case = widening(as_group, people, settings)
    part = Job.objects.get(kind=groups.kind(group_search.PART, 1), state="ready")
    Job.objects.filter(id=part.id).update(state="failed", error_code="worker_lost")
    assert services.end_failed_widenings() == 1
    assert review_of(case).state == ReviewState.SECOND
    failed = Event.objects.get(type="search.widening_failed")
    assert failed.data["reason"] == "worker_lost"
    assert not GroupSearch.objects.exists()


def fail_merge(kind):
    """The job that takes the groups' answers, as a worker leaves it after its last try."""
    merge = Job.objects.get(kind=kind, state="ready")
    Job.objects.filter(id=merge.id).update(state="failed", error_code="worker_lost")
    return merge


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_hop_whose_answers_nobody_could_take_does_not_hold_the_case(
    as_group, people, settings, withdrawn
):
    """R22: groups answered, or the person withdrew, and the job that ends the hop failed."""
    case = widening(as_group, people, settings)
    if withdrawn:
        cases.withdraw_consent(case_id=case.id, actor=Actor.person(case.id))
    else:
        for group in groups.every():
            with as_group(group):
                work_parts(group)
    fail_merge(shared.HOP_MERGED)
    assert services.end_failed_widenings() == 1
    assert review_of(case).state == ReviewState.SECOND
    assert Event.objects.get(type="search.widening_failed").data["reason"] == "worker_lost"
    assert not GroupSearch.objects.exists()


def work_parts(group):
    """What this group was asked, without the job that merges."""
    kind = groups.kind(group_search.PART, group)
    for job in Job.objects.filter(kind=kind, state="ready"):
        runner.run(job.id)


@pytest.mark.parametrize("lost", ["part", "merge"])
def test_a_search_a_group_or_the_merge_of_which_failed_is_seen_and_started_again(
    as_group, people, lost
):
    """T-07, R-10: no case waits for ever for a group that gave up."""
    gallery()
    case = asked(people)
    with as_group(0):
        work_parts(0)
    kind = groups.kind(group_search.PART, 1)
    if lost == "merge":
        with as_group(1):
            work_parts(1)
        kind = shared.MERGED
    fail_merge(kind)
    assert stopped.flag_stopped() == 1
    assert case.flags.filter(code="work_stopped").exists()
    assert stopped.start_again(case_id=case.id, actor=people[0]) == 1
    all_groups(as_group)
    case.refresh_from_db()
    assert (case.status, Candidate.objects.count()) == (Status.IN_REVIEW, 3)
    assert not stopped.stopped_jobs(case.id)


def test_a_hop_that_could_not_be_made_over_every_face_is_told_and_ends(
    as_group, people, settings, monkeypatch
):
    """R15, R22."""
    case = widening(as_group, people, settings)
    monkeypatch.setattr(holder, "enrolled", lambda model, applied: 99)
    for _round in range(group_search.MOST_ROUNDS):
        all_groups(as_group)
    assert review_of(case).state == ReviewState.SECOND
    failed = Event.objects.get(type="search.widening_failed")
    assert failed.data["reason"] == "search_incomplete"
    assert "search.widened" not in event_types_of(case)
    assert not GroupSearch.objects.exists()

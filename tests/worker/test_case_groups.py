"""A case searched by two groups of shards in real worker processes; one is killed meanwhile."""

from io import StringIO

import pytest
from django.core.management import call_command
from kombu import Queue

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case, Status
from dsr_portal.core.registries import job_kinds
from dsr_portal.gallery.models import Hold
from dsr_portal.jobs import messages
from dsr_portal.jobs.models import Job
from dsr_portal.matching.models import Candidate, Review, ReviewState, Search, SearchState
from dsr_portal.recognition import group_search, groups
from dsr_portal.recognition import jobs as handlers
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import GroupHit, GroupPart, GroupSearch, Holder, Shard
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support import kill_at_commit
from tests.support.gallery import PEOPLE, copy, forget_index, own_places
from tests.support.matching import actor, identify, opened, say_all, staff, take
from tests.support.stuck_group import begun
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]
GALLERY = ("gallery/team-atelier-noor.jpg", "gallery/canal-walk.jpg", "gallery/harvest.jpg")
THRESHOLD = 0.62
TWO = {"DSR_SEARCH_GROUPS": 2, "DSR_SHARD_ROWS": 1, "DSR_REVIEW_THRESHOLD": THRESHOLD}


def two_groups(settings):
    """What a process started with two groups has from its beginning."""
    settings.DSR_SEARCH_GROUPS = 2
    for name, handler in (
        ("recognition.erase", handlers.erase), ("recognition.graphs", handlers.graphs),
        ("recognition.rebuild_shard", handlers.rebuild),
        ("recognition.recycle", handlers.recycle), (group_search.PART, group_search.answer),
    ):  # fmt: skip
        kind = groups.kind(name, 1)
        job_kinds.register(type(job_kinds.get(name))(kind, groups.queue(1), handler, 20))


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1
    settings.DSR_SHARD_ROWS = 1
    # Here as in the workers: the impact assessment covers what serves where it is approved.
    settings.DSR_REVIEW_THRESHOLD = THRESHOLD
    settings.DSR_WIDEN = True
    queue = Queue(groups.queue(1), messages.app.amqp.queues["search"].exchange, groups.queue(1))
    messages.app.amqp.queues[queue.name] = queue
    known = dict(job_kinds._entries)
    with messages.app.connection_for_write() as connection:
        for name in (*messages.QUEUES, queue.name):
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    call_command(
        "import_gallery", str(copy(GALLERY, tmp_path / "pictures")), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    recognition.seal_shards()
    yield
    del messages.app.amqp.queues[queue.name]
    job_kinds._entries.clear()
    job_kinds._entries.update(known)
    forget_index()


def photo():
    return jpeg_of(decode_picture((PEOPLE / "photos" / "mina.jpg").read_bytes()))


def group(number, **more):
    queues = f"light,probe,{groups.queue(0)}" if number == 0 else groups.queue(number)
    return running_worker(queues, env={**TWO, "DSR_SEARCH_GROUP": number}, **more)


def beat():
    return running_beat(env=TWO)


def as_one_group():
    """What one process that holds everything finds: the truth to compare with."""
    found = recognition.search_probe(picture=photo(), threshold=THRESHOLD, nearest=10)
    forget_index()
    Holder.objects.all().delete()
    return found


def test_a_case_is_searched_by_two_groups_and_a_killed_holder_loses_nothing(settings):
    """Design, section 6: the result is that of one group, and before all answered there is none."""
    truth = as_one_group()
    two_groups(settings)
    numbers = Shard.objects.values_list("number", flat=True)
    assert {groups.of_shard(number) for number in numbers} == {0, 1}
    officer, first = actor(staff("S-1")), actor(staff("S-2"))
    actor(staff("S-3"))
    case = opened(picture=photo())
    identify(case, officer)
    with group(0, imports=("tests.support.kill_at_commit",)), beat():
        with group(1, imports=("tests.support.stuck_group_worker",)) as held:
            until(lambda: begun() == 1, seconds=120, what="the sweep of group 1")
            until(
                lambda: GroupPart.objects.filter(group=0, done=True).exists(),
                seconds=60,
                what="the answer of group 0",
            )
            held.kill()
        assert_waits(case)
        with group(1):
            until(Review.objects.exists, seconds=120, what="the merged search")
            assert_as_one_group(case, truth)
            assert_widened(case, first)
    assert set(kill_at_commit.MERGES) <= kill_at_commit.marks()
    assert audit.verify().ok
    assert not Job.objects.filter(state="failed").exists()


def assert_waits(case):
    """One of two groups is missing: the case is being searched, and nothing is shown or said."""
    assert Case.objects.get(id=case.id).status == Status.SEARCHING
    search = Search.objects.get()
    assert (search.state, search.compared) == (SearchState.RUNNING, 0)
    assert group_search.waiting_for(GroupSearch.objects.get().key) == [1]
    assert not Candidate.objects.exists()
    assert not Event.objects.filter(type="search.performed").exists()


def assert_as_one_group(case, truth):
    search = Search.objects.get()
    assert search.state == SearchState.COMPLETE
    assert (search.compared, search.enrolled) == (truth.compared, truth.enrolled)
    rows = Candidate.objects.filter(case=case).order_by("rank")
    assert len(rows) == len(truth.hits) > 0
    assert [row.record_id for row in rows] == [hit.record_id for hit in truth.hits]
    for row, hit in zip(rows, truth.hits, strict=True):
        assert row.score == pytest.approx(hit.score, abs=1e-6)
    assert Hold.objects.filter(until=None).count() == len(rows)
    assert Event.objects.filter(type="search.performed", case_id=case.id).count() == 1
    assert Review.objects.filter(case=case).count() == 1
    assert not GroupSearch.objects.exists(), "what the groups found is forgotten with the merge"
    assert not GroupHit.objects.exists()


def assert_widened(case, first):
    """R22: the officer loop asks the groups as well."""
    until(lambda: Case.objects.get(id=case.id).status == Status.IN_REVIEW, what="the review")
    take(case, first)
    say_all(case, first, "same")
    until(
        lambda: Event.objects.filter(type="search.widened").exists(),
        seconds=120,
        what="the widened search",
    )
    event = Event.objects.get(type="search.widened")
    assert event.data["compared"] == event.data["enrolled"] == Search.objects.get().enrolled
    assert event.data["used"] > 0
    review = Review.objects.get()
    assert (review.state, review.hops) == (ReviewState.SECOND, 1)
    assert not GroupSearch.objects.exists()

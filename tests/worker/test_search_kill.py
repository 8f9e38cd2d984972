"""kill -9 of the worker while a photo is judged and while it is searched: each happens once."""

from io import StringIO

import pytest
from django.core.management import call_command

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status, WayKind
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import Hold
from dsr_portal.jobs import messages
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import services
from dsr_portal.matching.models import (
    Candidate,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchState,
)
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support.cases import opened as opened_without_photo
from tests.support.gallery import PEOPLE, an_image, copy, forget_index, own_places
from tests.support.matching import actor, identify, opened, say_all, staff, take
from tests.support.stuck_search import begun, let_pass
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]

IMPORTS = ("tests.support.stuck_search_worker",)
QUEUES = "light,probe,search"
# In the workers as here: the impact assessment covers what serves where it is approved.
THRESHOLD = 0.62
GALLERY = ("gallery/team-atelier-noor.jpg", "gallery/canal-walk.jpg", "gallery/harvest.jpg")


@pytest.fixture(autouse=True)
def gallery(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_REVIEW_THRESHOLD = THRESHOLD
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1
    with messages.app.connection_for_write() as connection:
        for name in messages.QUEUES:
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    call_command(
        "import_gallery", str(copy(GALLERY, tmp_path / "pictures")), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    forget_index()
    yield
    forget_index()


@pytest.fixture
def officer():
    return actor(staff("S-1"))


def a_case():
    sent = decode_picture((PEOPLE / "photos" / "mina.jpg").read_bytes())
    return opened(picture=jpeg_of(sent))


def worker():
    return running_worker(QUEUES, imports=IMPORTS, env={"DSR_REVIEW_THRESHOLD": str(THRESHOLD)})


def killed_at(moment):
    with worker() as first:
        until(lambda: begun(moment) == 1, what=moment)
        first.kill()


def done(kind):
    return Job.objects.filter(kind=kind, state=JobState.DONE).exists()


def test_a_worker_killed_while_it_judges_and_while_it_searches(officer):
    """R2, R8: whatever dies when, one verdict, one search, one review; nothing twice."""
    case = a_case()
    identify(case, officer)
    killed_at("judged")
    assert Probe.objects.get().state == ProbeState.RECEIVED
    assert not Event.objects.filter(type="probe.judged").exists()
    with worker() as second, running_beat():
        # The judged photo starts the search by itself; it is held at its first hits.
        until(lambda: begun("first-hits") == 1, what="the search")
        assert Search.objects.get().state == SearchState.PRELIMINARY
        assert Candidate.objects.count() == 2
        second.kill()
    assert not Review.objects.exists()
    with worker(), running_beat():
        until(lambda: done("matching.search"), what="the search")
    assert_everything_once(case)


def assert_everything_once(case):
    assert begun("judged") == 2
    assert begun("first-hits") == 2
    search = Search.objects.get()
    assert search.state == SearchState.COMPLETE
    assert (search.compared, search.enrolled) == (3, 3)
    rows = Candidate.objects.order_by("rank")
    assert [row.rank for row in rows] == [1, 2]
    assert Hold.objects.filter(until=None).count() == 2
    assert Review.objects.filter(case=case).count() == 1
    assert Case.objects.get(id=case.id).status == Status.IN_REVIEW
    for kind in ("probe.judged", "search.queued", "search.performed", "case.search_finished"):
        assert Event.objects.filter(type=kind, case_id=case.id).count() == 1, kind
    assert vault.has(Probe.objects.get().unit, "crop")
    jobs = Job.objects.filter(kind__startswith="matching.")
    assert dict(jobs.values_list("kind", "attempts")) == {
        "matching.judge_probe": 2, "matching.search": 2,
    }  # fmt: skip
    assert audit.verify().ok


def test_a_worker_killed_while_it_widens_a_search(officer, settings):
    """R22: the hop is made once, and the case goes on."""
    settings.DSR_WIDEN = True
    let_pass("judged")
    let_pass("first-hits")
    case = a_case()
    identify(case, officer)
    first = actor(staff("S-2"))
    actor(staff("S-3"))
    with worker(), running_beat():
        until(lambda: done("matching.search"), what="the search")
    take(case, first)
    say_all(case, first, "same")
    assert Review.objects.get().state == ReviewState.WIDENING
    killed_at("widened")
    assert not Event.objects.filter(type="search.widened").exists()
    with worker(), running_beat():
        until(lambda: done("matching.widen"), what="the widened search")
    assert begun("widened") == 2
    assert Event.objects.filter(type="search.widened").count() == 1
    review = Review.objects.get()
    assert (review.state, review.hops) == (ReviewState.SECOND, 1)
    assert audit.verify().ok


def test_a_worker_killed_while_it_looks_up(officer):
    """T-06: what the person named is looked up once."""
    address = "https://a.example/one"
    an_image(page=address)
    case = opened_without_photo(
        ways=[cases.WaySent(WayKind.PAGE, address, keyed_hash=hashes.of_address(address))],
        consents=(),
    )
    services.record_identity(
        case_id=case.id, actor=officer, way="eid", element="named_control", compared="Name, page."
    )
    services.start_look_up(case_id=case.id, actor=officer)
    killed_at("looked-up")
    assert not Event.objects.filter(type="search.looked_up").exists()
    with worker(), running_beat():
        until(lambda: done("matching.look_up"), what="the look-up")
    assert begun("looked-up") == 2
    assert Event.objects.filter(type="search.looked_up").count() == 1
    assert Review.objects.filter(case=case).count() == 1
    assert audit.verify().ok

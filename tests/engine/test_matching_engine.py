"""A photo through the real DeepFace and the real index to candidates two persons decide about."""

from io import StringIO

import pytest
from django.core.management import call_command

from dsr_portal.cases.models import Status
from dsr_portal.gallery import connector
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import selectors
from dsr_portal.matching.models import Band, Candidate, Probe, ProbeState, Search
from dsr_portal.recognition import engine as engines
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import decode_own, jpeg_of
from tests.support.gallery import PEOPLE, forget_index, own_places
from tests.support.kept import Kept
from tests.support.matching import (
    actor,
    drawn,
    identify,
    laid,
    opened,
    review_of,
    say_all,
    staff,
    take,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)

MINA = {
    "team-atelier-noor.jpg", "canal-walk.jpg", "stage-side.jpg", "course-photo-2019.jpg",
    "summer-run.jpg", "housewarming.jpg",
}  # fmt: skip


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_REVIEW_THRESHOLD, settings.DSR_STRONG_THRESHOLD = 0.62, 0.72
    yield
    forget_index()


def imported(folder):
    call_command(
        "import_gallery", str(folder), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    jobs.run_due(queues=["search"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def gallery(places, tmp_path, kept):
    kept.bring(tmp_path, lambda: imported(PEOPLE / "gallery"))


@pytest.fixture
def people():
    return [actor(staff("S-1")), actor(staff("S-2"))]


def a_case(name, **more):
    sent = decode_picture((PEOPLE / "photos" / f"{name}.jpg").read_bytes())
    return opened(picture=jpeg_of(sent), **more)


def paths(case):
    records = Candidate.objects.filter(case=case).order_by("rank")
    return [connector.current().facts(row.record.image_id).first.path for row in records]


def decide_both(case, people, verdict):
    take(case, people[0])
    say_all(case, people[0], verdict)
    say_all(case, drawn(case, people), verdict)


@pytest.mark.usefixtures("gallery")
def test_from_a_photo_to_two_decisions(people):
    """R2, R15, R19: every picture of the person is a candidate, no other one is."""
    case = a_case("mina")
    work()
    assert not Search.objects.exists()
    identify(case, people[0])
    work()
    assert set(paths(case)) == MINA
    search = Search.objects.get()
    assert search.compared == search.enrolled > len(MINA)
    scores = list(Candidate.objects.order_by("rank").values_list("score", flat=True))
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.62
    decide_both(case, people, "same")
    case.refresh_from_db()
    assert case.status == Status.DECIDED
    outcome = selectors.outcome(case.id)
    assert outcome is not None
    assert len(outcome.same) == len(MINA)


@pytest.mark.usefixtures("gallery")
def test_nobody_found_lays_the_ten_nearest_before_both(people):
    case = a_case("ilse")
    work()
    identify(case, people[0])
    work()
    assert len(paths(case)) == 10
    assert set(Candidate.objects.values_list("band", flat=True)) == {Band.BELOW}
    decide_both(case, people, "not_same")
    outcome = selectors.outcome(case.id)
    assert outcome is not None
    assert outcome.nothing_found


def test_the_face_to_compare_is_cut_from_the_photo():
    a_case("mina")
    work()
    probe = Probe.objects.get()
    _rgb, width, height = decode_own(vault.read(probe.unit, "crop"))
    _rgb, whole, _height = decode_own(vault.read(probe.unit, "picture"))
    assert max(width, height) <= 320 < whole


@pytest.mark.usefixtures("gallery")
def test_without_consent_the_engine_is_never_asked(people, monkeypatch):
    """R8: no consent record, no face code."""
    asked = []
    real = engines.pipeline
    # From pixels to a face code there is this one way.
    monkeypatch.setattr(engines, "pipeline", lambda *model: asked.append(1) or real(*model))
    case = a_case("mina", consent=False)
    identify(case, people[0])
    work()
    assert Probe.objects.get().state == ProbeState.WAITING_CONSENT
    assert asked == []
    case = a_case("mina")
    identify(case, people[0])
    work()
    assert asked
    assert len(laid(case, people[0])) == 0
    take(case, people[0])
    assert len(laid(case, people[0])) == len(MINA)
    assert review_of(case).first_officer == "S-1"

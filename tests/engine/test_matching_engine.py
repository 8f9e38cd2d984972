"""A photo through the real DeepFace and the real index to candidates two persons decide about."""

import base64
import logging
import shutil
import tempfile
from io import StringIO
from itertools import chain
from pathlib import Path

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from biometrics.memory_scan import FileScanner, template_patterns
from dsr_portal.cases.models import Case, Status
from dsr_portal.gallery import connector
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import selectors
from dsr_portal.matching.models import Band, Candidate, Probe, ProbeState, Search, SearchState
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import fusing
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


class Everywhere:
    """What the portal keeps outside the memory of a process, and what is looked for in it."""

    def __init__(self, root, log, codes):
        self.root, self.log = root, log
        self.patterns = [one for code in codes for one in template_patterns(code)]

    def found(self):
        """Where one of the patterns lies: database, cache, log or the name of a file."""
        looked_at = self.root / "looked-at"
        looked_at.mkdir()
        places = {"rows": self.rows(), "cache": self.cached(), "log": self.log.text.encode()}
        for name, content in places.items():
            (looked_at / name).write_bytes(content)
        own = Path(str(connection.settings_dict["NAME"]))
        files = [path for path in self.root.rglob("*") if path.is_file()]
        files += [path for path in own.parent.glob(f"{own.name}*") if path.is_file()]
        report = FileScanner(self.patterns).scan(files)
        assert report.unreadable == 0
        assert report.files == len(files) > 10
        shutil.rmtree(looked_at)
        return {path.name for paths in report.hits.values() for path in paths}

    def rows(self):
        """Every value of every table: bytes as they are, others as text."""
        rows = (row for model in apps.get_models() for row in model.objects.values_list())
        return b"\0".join(
            bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode()
            for one in chain.from_iterable(rows)
        )

    def cached(self):
        """Django's cache of this process, as it is kept there."""
        return b"\0".join(getattr(cache, "_cache", {}).values())


@pytest.mark.usefixtures("gallery")
def test_after_a_search_no_face_code_of_a_photo_is_anywhere(people, monkeypatch, tmp_path, caplog):
    """B-02, R8: of the photo's own code, of what was searched with and of what both were before
    they were turned nothing is in database, cache, log or any file, in no form."""
    caplog.set_level(logging.DEBUG)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    codes = []

    def copied(template):
        codes.extend([template.copy(), (engines.turn(len(template)).T @ template).astype("<f4")])
        return template

    embed, made = fusing.embed_probes, fusing.ProbeTemplate._made

    def embedded(pictures):
        photos = embed(pictures)
        copied(photos.templates[0])
        return photos

    monkeypatch.setattr(fusing, "embed_probes", embedded)
    monkeypatch.setattr(fusing.ProbeTemplate, "_made", lambda one: copied(made(one)))
    a_case("mina")
    work()
    identify(Case.objects.get(), people[0])
    work()
    assert Search.objects.get().state == SearchState.COMPLETE
    assert len(codes) == 4
    everywhere = Everywhere(tmp_path, caplog, codes)
    assert everywhere.found() == set()
    # The look sees what lies there.
    cache.set("code", codes[0].tobytes())
    logging.getLogger("dsr_portal.recognition").debug("code %s", codes[1].tobytes().hex())
    Search.objects.update(looked_up=[float(number) for number in codes[2]])
    (tmp_path / "temporary" / "left").write_bytes(base64.b64encode(codes[3].tobytes()))
    assert {"cache", "log", "rows", "left"} <= everywhere.found()
    cache.clear()


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

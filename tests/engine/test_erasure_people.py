"""From a photo to an erasure with real DeepFace: found before, not found after, others intact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import connector, hashes
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.matching.models import Candidate, Search, Verdict
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from tests.support import answers, gallery
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = ("team-atelier-noor.jpg", "canal-walk.jpg", "summer-run.jpg", "running-club.jpg")
QUEUES = ("search", "light", "probe")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> Any:
    gallery.own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_HOLD_MINUTES = 0
    settings.DSR_KEY_CACHE_SECONDS = 0
    gallery.forget_index()
    yield
    gallery.forget_index()


def photo(name: str) -> bytes:
    return (gallery.PEOPLE / "photos" / f"{name}.jpg").read_bytes()


def searched(name: str, rights: tuple[str, ...] = ("access", "erasure")) -> Case:
    case = answers.requested(photo(name), rights=rights)
    jobs.run_due(queues=QUEUES)
    answers.identified(case)
    jobs.run_due(queues=QUEUES)
    case.refresh_from_db()
    return case


def hits(case: Case) -> set[Any]:
    """Records at or over the threshold."""
    found = Candidate.objects.filter(case=case).exclude(band="below")
    return set(found.values_list("record_id", flat=True))


def shown_in(name: str) -> SourceImage:
    data = (gallery.PEOPLE / "gallery" / name).read_bytes()
    return SourceImage.objects.get(file_hash=hashes.of_file(data))


def test_found_erased_and_not_found_again(tmp_path: Path, settings: Any) -> None:
    """E-04, R15, R30: the same photo before and after; the friend in the picture stays findable."""
    answers.staff()
    answers.imported(tmp_path / "crawl", PICTURES)
    answers.look_ups(tmp_path / "crawl", PICTURES)
    group = shown_in("summer-run.jpg")
    case = searched("mina")
    alone = [shown_in("team-atelier-noor.jpg"), shown_in("canal-walk.jpg")]
    first = hits(case)
    for image in alone:
        assert set(Record.objects.filter(image=image).values_list("id", flat=True)) <= first
    mine = {
        row.id
        for row in Record.objects.filter(id__in=first)
        if row.image_id in {*(image.id for image in alone), group.id}
    }
    together = Record.objects.filter(image=group)
    assert together.filter(id__in=mine).count() == 1
    friend = together.exclude(id__in=mine).get()
    answers.decided(case, dict.fromkeys(mine, Verdict.SAME))
    answers.released(answers.answered(case))
    template = vault.read(Record.objects.get(id=min(mine)).unit, "template")
    picture = connector.current().picture(alone[0].id)
    needles = [template[64:112], picture[len(picture) // 2 :][:48]]

    code = cases.receipt_code(case)
    me = answers.Actor.person(case.id)
    cases.delete_now(
        case_id=case.id,
        code=code,
        actor=me,
        also=lambda found: erasure.start_erasure(case_id=found.id, actor=me),
    )
    jobs.run_due(queues=QUEUES, limit=60)
    plan = Plan.objects.get(case=case)
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert not plan.verifications.filter(found__gt=0).exists()
    assert plan.verifications.get(store="search_index").state == "verified"
    assert plan.verifications.get(store="shared_pictures").state == "verified"
    assert not lab.found_in_files(needles)

    again = searched("mina")
    assert hits(again) & mine == set()
    search = Search.objects.get(case=again)
    assert search.compared == search.enrolled == Record.objects.exclude(state="ERASED").count()

    # The friend's picture opens, shows one face less, and a request of his own still finds it.
    friend.refresh_from_db()
    covered = decode_picture(connector.current().picture(friend.image_id))
    faces = recognition.analyse_gallery_picture(covered)
    assert len(faces) == 1
    his = searched("tomas", ("access",))
    assert friend.id in hits(his)

    # The same folder again brings nothing back.
    answers.imported(tmp_path / "again", PICTURES)
    assert hits(searched("mina")) & mine == set()
    assert Record.objects.exclude(state="ERASED").filter(id__in=mine).count() == 0
    for image in PICTURES[:2]:
        data = (gallery.PEOPLE / "gallery" / image).read_bytes()
        assert blocked(file_hash=hashes.of_file(data))
        assert not SourceImage.objects.filter(file_hash=hashes.of_file(data)).exists()

"""A lost disk with real DeepFace: the photo that found a person finds nobody after the restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.erasure import restoring
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import connector, hashes
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import Search, Verdict
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from tests.engine.test_erasure_people import QUEUES, hits, searched, shown_in
from tests.support import answers, gallery
from tests.support import backups as machines
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = ("team-atelier-noor.jpg", "summer-run.jpg", "running-club.jpg")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> Any:
    gallery.own_places(settings, tmp_path / "old")
    settings.DSR_VAULT_DIR = settings.DSR_VAR / "vault"
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_HOLD_MINUTES = 0
    settings.DSR_KEY_CACHE_SECONDS = 0
    gallery.forget_index()
    yield
    gallery.forget_index()


def test_after_a_restore_the_same_photo_finds_nothing(tmp_path: Path, settings: Any) -> None:
    """R31, E-12, R15: the person stays gone, the friend is found, the folder is refused again."""
    answers.staff()
    answers.imported(tmp_path / "crawl", PICTURES)
    recognition.seal_shards()
    alone, group = shown_in("team-atelier-noor.jpg"), shown_in("summer-run.jpg")
    case = searched("mina", ("erasure",))
    mine = {
        row.id
        for row in Record.objects.filter(id__in=hits(case))
        if row.image_id in {alone.id, group.id}
    }
    assert len(mine) == 2, "the canary: the photo finds both before"
    friend = Record.objects.filter(image=group).exclude(id__in=mine).get()
    needle = vault.read(Record.objects.get(image=alone).unit, "template")[64:112]
    place = tmp_path / "backups"
    machines.back_up(place)

    answers.decided(case, dict.fromkeys(mine, Verdict.SAME))
    erasure.start_erasure(case_id=case.id, actor=answers.OFFICER)
    jobs.run_due(queues=QUEUES, limit=60)
    assert Plan.objects.get(case=case).state == PlanState.DONE
    machines.lose_everything(settings)

    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert report.units_gone_again["enrolled_face"] == 2
        assert not lab.found_in_files([needle])
        again = searched("mina")
        assert hits(again) & mine == set()
        search = Search.objects.get(case=again)
        assert search.compared == search.enrolled == Record.objects.exclude(state="ERASED").count()
        his = searched("tomas", ("access",))
        assert friend.id in hits(his)
        assert connector.current().face(friend.id).crop()

        answers.imported(tmp_path / "again", PICTURES)
        assert hits(searched("mina")) & mine == set()
        for image in PICTURES[:2]:
            data = (gallery.PEOPLE / "gallery" / image).read_bytes()
            assert blocked(file_hash=hashes.of_file(data))
            assert not SourceImage.objects.filter(file_hash=hashes.of_file(data)).exists()

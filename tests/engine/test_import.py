"""A small gallery of people who do not exist goes through the real engine (R15, R23, E-12)."""

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from dsr_portal.audit.models import Event
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import connector, importing, selectors, services
from dsr_portal.gallery.models import (
    Appearance,
    ImportRun,
    Record,
    SourceImage,
)
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.recognition import analysis
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Template
from dsr_portal.vault import services as vault
from tests.support.gallery import PEOPLE, ROOT, copy, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

PICTURES = (
    "gallery/staff-page.jpg",
    "gallery/summer-run.jpg",
    "gallery/office-five.jpg",
    "photos/plant.jpg",
)
HALDEN = {"source": "Halden Images", "legal_basis": "none"}


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    yield
    forget_index()


@pytest.fixture
def folder(tmp_path):
    """One person, a group of two and one of five; a plant, a broken file, one picture twice."""
    target = copy(PICTURES, tmp_path / "pictures")
    shutil.copy(target / "staff-page.jpg", target / "staff-again.jpg")
    (target / "broken.jpg").write_bytes((target / "summer-run.jpg").read_bytes()[:9000])
    return target


def import_it(*arguments):
    out = StringIO()
    call_command(
        "import_gallery", *map(str, arguments), "--source", "Halden Images", "--legal-basis",
        "none", "--json", stdout=out, stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    return json.loads(out.getvalue())


def counts(answer):
    return {name: answer[name] for name in ("seen", "imported", "duplicates", "rejected", "faces")}


def test_every_picture_is_counted_and_every_face_enrolled(folder):
    answer = import_it(folder)
    assert counts(answer) == {
        "seen": 6, "imported": 5, "duplicates": 1, "rejected": 0, "faces": 8,
    }  # fmt: skip
    assert answer["unreadable"] == [{"path": "broken.jpg", "code": "truncated"}]
    assert answer["faceless"] == ["plant.jpg"]
    assert answer["coverage"] == {
        "pictures": 5, "searchable": 3, "faces": 8, "unreadable": 1, "faceless": 1, "pending": 0,
        "crowds": 0, "left_out": 0,
    }  # fmt: skip
    assert answer["legal_basis"] == "none"
    assert (Record.objects.count(), Template.objects.count()) == (8, 8)
    types = list(
        Event.objects.filter(type__startswith="gallery.").order_by("number").values_list("type")
    )
    assert [kind for (kind,) in types] == [
        "gallery.source_declared", "gallery.import_started", "gallery.batch_enrolled",
        "gallery.imported",
    ]  # fmt: skip


def test_what_is_kept_of_a_face_and_its_picture(folder):
    import_it(folder)
    (record,) = selectors.by_path("staff-page.jpg")
    kept = connector.current()
    face, facts = kept.face(record.id), kept.facts(record.image_id)
    assert kept.picture(record.image_id) == (folder / "staff-page.jpg").read_bytes()
    assert {one.path for one in facts.appearances} == {"staff-page.jpg", "staff-again.jpg"}
    assert face.crop()[:2] == b"\xff\xd8"
    assert face.of == (facts.width, facts.height) == (480, 600)
    x, y, width, height = face.box
    assert 60 < x < 200
    assert 60 < y < 250
    assert 100 < width < 300
    assert 150 < height < 400
    template = np.frombuffer(vault.read(record.unit, "template"), dtype="<f4")
    assert template.shape == (128,)
    assert np.linalg.norm(template) == pytest.approx(1.0, abs=1e-5)
    assert recognition.template_facts([record.id])[record.id].name == "SFace"


def test_nothing_of_a_picture_lies_in_a_plain_column(folder, settings, tmp_path):
    """Design, section 5: paths, captions and addresses are vault fields."""
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "path,page_url,caption\nsummer-run.jpg,https://secret.example/mina,Mina at the harbour\n"
    )
    import_it(folder, "--manifest", manifest)
    from django.db import connection

    connection.ensure_connection()
    database = Path(connection.settings_dict["NAME"])
    stored = b"".join(
        path.read_bytes() for path in database.parent.glob(f"{database.name}*") if path.is_file()
    )
    files = [path for path in Path(settings.DSR_VAULT_DIR).rglob("*") if path.is_file()]
    assert files
    everything = stored + b"".join(path.read_bytes() for path in files)
    assert b"Halden Images" in everything  # a company is plain: the scan sees what is there
    for secret in (b"harbour", b"secret.example", b"summer-run.jpg"):
        assert secret not in everything


def test_the_same_import_again_adds_nothing(folder):
    import_it(folder)
    again = import_it(folder)
    assert counts(again) == {"seen": 6, "imported": 0, "duplicates": 6, "rejected": 0, "faces": 0}
    assert SourceImage.objects.count() == 5
    assert Appearance.objects.count() == 6


def test_a_known_picture_at_another_address_is_one_picture_with_two_appearances(folder, tmp_path):
    first, second = tmp_path / "one.csv", tmp_path / "two.jsonl"
    first.write_text("path,page_url,caption\nsummer-run.jpg,https://a.example/x,One\n")
    second.write_text(
        json.dumps({"path": "summer-run.jpg", "page_url": "https://b.example/y", "job": 7}) + "\n"
    )
    import_it(folder, "--manifest", first)
    assert import_it(folder, "--manifest", second)["duplicates"] == 1
    image = SourceImage.objects.get()
    facts = connector.current().facts(image.id)
    assert [one.page_url for one in facts.appearances] == [
        "https://a.example/x", "https://b.example/y",
    ]  # fmt: skip
    assert facts.appearances[1].other == {"job": "7"}
    assert selectors.by_address("b.example/y") == list(Record.objects.order_by("face_number"))


def test_a_blocked_picture_or_address_is_turned_away(folder, tmp_path):
    """N-13, E-12: not collected again, neither the file nor from the address."""
    case, actor = SourceImage().id, Actor.system("test")
    from dsr_portal.gallery import hashes

    known = hashes.of_file((folder / "staff-page.jpg").read_bytes())
    services.block_addresses(
        case_id=case, actor=actor, file_hashes=[known], pages=["https://a.example/x"]
    )
    assert counts(import_it(folder)) == {
        "seen": 6, "imported": 4, "duplicates": 0, "rejected": 2, "faces": 7,
    }  # fmt: skip
    manifest = tmp_path / "list.csv"
    manifest.write_text("path,page_url\noffice-five.jpg,http://www.a.example/x#now\n")
    assert import_it(folder, "--manifest", manifest)["rejected"] == 1
    assert selectors.by_path("staff-page.jpg") == []


def test_a_stop_a_missing_basis_and_a_bad_manifest_import_nothing(folder, tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text("path\nsummer-run.jpg\nnowhere.jpg\n")
    with pytest.raises(CommandError, match="line 3: there is no file nowhere.jpg"):
        import_it(folder, "--manifest", manifest)
    with pytest.raises(CommandError, match="legal basis"):
        call_command("import_gallery", str(folder), "--source", "X", skip_checks=True)
    services.stop_collection(source=None, reason="order", actor=Actor.operator())
    with pytest.raises(CommandError, match="is stopped"):
        import_it(folder)
    assert not SourceImage.objects.exists()
    assert not ImportRun.objects.exists()


def test_a_stop_signed_while_an_import_runs_takes_nothing_more(folder, monkeypatch):
    """R23: what was committed stays; a batch that was read before the stop is not written."""
    monkeypatch.setattr(importing, "BATCH", 2)
    real, taken = importing._take, []

    def stopped_at_the_third(batch, run, read):
        taken.append(read)
        if len(taken) == 3:
            services.stop_collection(source=None, reason="order", actor=Actor.operator())
        real(batch, run, read)

    monkeypatch.setattr(importing, "_take", stopped_at_the_third)
    with pytest.raises(CommandError, match="collection_stopped"):
        import_it(folder)
    assert SourceImage.objects.count() == 2


def test_one_import_at_a_time_on_a_machine(folder, settings):
    with importing._only_one(), pytest.raises(CommandError, match="Another import runs"):
        import_it(folder)


def test_an_interrupted_import_goes_on_where_it_was(folder, monkeypatch):
    """Batches that were committed stay; the rest is done by the same command."""
    monkeypatch.setattr(importing, "BATCH", 2)
    original, seen = analysis.find_gallery_faces, []

    def dies(picture, pipeline):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return original(picture, pipeline)

    with monkeypatch.context() as broken:
        broken.setattr(analysis, "find_gallery_faces", dies)
        with pytest.raises(KeyboardInterrupt):
            import_it(folder)
    assert ImportRun.objects.get().imported == 2
    assert selectors.coverage().pending == 4
    answer = import_it(folder)
    assert (answer["resumed"], answer["done_now"], answer["imported"]) == (True, 4, 5)
    assert answer["faces"] == Record.objects.count() == 8
    assert ImportRun.objects.count() == 1


def test_a_changed_listing_is_a_new_run_and_the_old_one_is_closed(folder, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)

    def dies(picture, pipeline):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(analysis, "find_gallery_faces", dies)
        with pytest.raises(KeyboardInterrupt):
            import_it(folder)
    (folder / "office-five.jpg").unlink()
    answer = import_it(folder)
    assert (answer["resumed"], answer["seen"], answer["faces"]) == (False, 5, 3)
    assert sorted(ImportRun.objects.values_list("state", flat=True)) == ["DONE", "SUPERSEDED"]
    assert selectors.coverage().pending == 0
    # What is left of the old run's jobs finds no listing and does no harm.
    Job.objects.filter(state="running").update(lease_until="2020-01-01T00:00:00Z")
    jobs.run_due(queues=[importing.QUEUE])
    assert SourceImage.objects.count() == 4


def test_formats_and_turns_of_real_cameras_are_imported(tmp_path):
    """The decoded picture is upright RGB, whatever the file was (1c, bad input)."""
    from PIL import Image

    target = tmp_path / "pictures"
    target.mkdir()
    with Image.open(PEOPLE / "gallery" / "staff-page.jpg") as picture:
        picture.save(target / "a.webp", quality=92)
        picture.convert("RGBA").save(target / "b.png")
        picture.convert("L").save(target / "c.jpg", quality=92)
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.rotate(90, expand=True).save(target / "d.jpg", quality=92, exif=exif)
    (target / "e.jpg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (target / "f.jpg").write_bytes(b"")
    answer = import_it(target)
    assert (answer["faces"], answer["faceless"]) == (4, [])
    assert [one["code"] for one in answer["unreadable"]] == [
        "format_not_allowed", "empty",
    ]  # fmt: skip
    images = SourceImage.objects.filter(state="SEARCHABLE")
    assert {(image.width, image.height) for image in images} == {(480, 600)}


def test_processes_of_the_web_never_load_the_recognition_libraries():
    """Design, section 2: checked over sys.modules, with everything of the two rooms imported."""
    code = (
        "import sys, django; django.setup(); "
        "import dsr_portal.recognition.services, dsr_portal.recognition.jobs; "
        "import dsr_portal.gallery.services, dsr_portal.gallery.connector; "
        "from django.urls import get_resolver; get_resolver().url_patterns; "
        "heavy = {'cv2', 'deepface', 'onnxruntime', 'tensorflow', 'hnswlib', 'onnx'}; "
        "print(sorted(heavy & set(sys.modules)), "
        "sorted(m for m in sys.modules if m.startswith('biometrics')))"
    )
    for site in ("public", "desk", "oversight", "api"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "DSR_SITE": site},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert done.stdout.strip() == "[] []"


def test_a_stop_by_country_turns_away_its_pictures_and_no_others(folder, tmp_path):
    """R23: what a rule covers is not even read; lifted, the same pictures are taken."""
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "path,page_url,site_country\n"
        "summer-run.jpg,https://site.fr/a,\n"
        "staff-page.jpg,https://site.com/b,FR\n"
        "office-five.jpg,https://site.de/c,\n"
    )
    stop = services.stop_collection(
        source=None, reason="order", country="fr", actor=Actor.operator()
    )
    first = import_it(folder, "--manifest", manifest)
    assert (first["imported"], first["rejected"]) == (1, 2)
    assert Event.objects.get(type="gallery.collection_stopped").data["country"] == "FR"
    services.resume_collection(stop_id=stop.id, actor=Actor.operator())
    again = import_it(folder, "--manifest", manifest)
    assert (again["imported"], again["duplicates"], again["rejected"]) == (2, 1, 0)

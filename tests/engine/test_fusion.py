"""Several photos, the officer loop and groups, with real faces through the portal's own calls."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import fusing
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from tests.support.gallery import PEOPLE, forget_index, own_places

pytestmark = [pytest.mark.django_db(transaction=True)]

# Rendered people are closer together than real ones.
THRESHOLD = 0.64
MINA = {
    "team-atelier-noor.jpg", "canal-walk.jpg", "stage-side.jpg", "course-photo-2019.jpg",
    "summer-run.jpg", "housewarming.jpg",
}  # fmt: skip


@pytest.fixture(autouse=True)
def gallery(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    call_command(
        "import_gallery", str(PEOPLE / "gallery"), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    jobs.run_due(queues=["search"])
    yield
    forget_index()


def photo(name):
    return decode_picture((PEOPLE / "photos" / f"{name}.jpg").read_bytes())


def paths(hits):
    image_of = {
        one.id: connector.current().facts(one.image_id).first.path for one in Record.objects.all()
    }
    return {image_of[hit if not hasattr(hit, "record_id") else hit.record_id] for hit in hits}


def test_photos_loop_groups_and_disclosed_templates_on_real_faces():
    """One import, for it takes a while: the parts build on one another as in a case."""
    mina, kofi = photo("mina"), photo("kofi")
    embedded = fusing.embed_probes([mina, kofi])
    assert all(0.0 < weight <= 1.0 for weight in embedded.weights)
    assert np.linalg.norm(embedded.templates, axis=1) == pytest.approx(1.0, abs=1e-5)

    found = recognition.search_probe(picture=mina, more=[mina], threshold=THRESHOLD)
    assert paths(found.hits) == MINA
    ids = [hit.record_id for hit in found.hits]

    # Two people in one probe: nothing is fused unseen, and a person's word lets them through (R2).
    with pytest.raises(recognition.PhotosApart, match="photos_apart"):
        recognition.search_probe(picture=kofi, more=[mina], threshold=THRESHOLD)
    mixed = recognition.search_probe(picture=kofi, more=[mina], vouched=True, threshold=THRESHOLD)
    assert mixed.whole

    few = ids[:2]
    widened = recognition.widen_search(
        picture=mina, confirmed=few, known=few, hop=1, threshold=THRESHOLD
    )
    assert set(widened.used) == set(few)
    assert widened.drifted == ()
    assert {hit.record_id for hit in widened.hits} == set(ids) - set(few)

    stranger = recognition.search_probe(picture=kofi, threshold=THRESHOLD).hits[0].record_id
    probe, other = (
        embedded.templates[0],
        vault.read(Template.objects.get(record_id=stranger).unit, "template"),
    )
    far = float(probe @ np.frombuffer(other, dtype="<f4"))
    guarded = recognition.widen_search(
        picture=mina, confirmed=[*few, stranger], known=few, hop=2, threshold=THRESHOLD
    )
    # Two rendered people may be alike; real strangers mostly lie below.
    assert (stranger in guarded.drifted) == (far < 0.30)

    groups = recognition.group_hits([*ids, stranger])
    assert {one for group in groups for one in group} == {*ids, stranger}
    assert all(len({one in ids for one in group}) == 1 for group in groups)

    given = recognition.disclosed_templates([stranger])[stranger]
    stored = np.frombuffer(other, dtype="<f4").astype(np.float64)
    assert np.linalg.norm(given) == pytest.approx(1.0, abs=1e-5)
    assert abs(float(stored @ np.array(given))) < 0.5
    assert engines.turn() @ np.array(given) == pytest.approx(stored, abs=1e-5)

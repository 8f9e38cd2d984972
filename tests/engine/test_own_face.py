"""Choosing one's own face in a photo of several people, with the real detector and model (P-05)."""

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.core.actor import Actor
from dsr_portal.matching import own_face
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.analysis import pixels
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support import matching as support
from tests.support.assessed import assessed
from tests.support.gallery import own_places

PEOPLE = Path(__file__).parents[2] / "fixtures" / "people"
pytestmark = [pytest.mark.usefixtures("weights_home")]


def sent(path: str) -> bytes:
    """As the portal keeps it: decoded in the cage, encoded by our own code."""
    return jpeg_of(decode_picture((PEOPLE / path).read_bytes()))


def faces_seen(picture: bytes) -> int:
    from biometrics.faces import find_faces

    return len(find_faces(pixels(picture), engines.config(), turns="always", smallest=20))


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many faces each call of the network was given."""
    from biometrics.pipeline import Pipeline

    real, calls = Pipeline.templates, []

    def counted(self: Pipeline, crops: Any) -> Any:
        calls.append(len(crops))
        return real(self, crops)

    monkeypatch.setattr(Pipeline, "templates", counted)
    return calls


@pytest.mark.parametrize(
    ("path", "people"), [("photos/two-people.jpg", 2), ("gallery/office-five.jpg", 5)]
)
def test_each_face_of_a_group_is_shown_alone_and_none_is_embedded(
    path: str, people: int, embedded: list[int]
) -> None:
    """P-05: looked for turned and in tiles, one face is left in each; without any metadata."""
    found = recognition.faces_to_choose(sent(path))
    assert (len(found.faces), found.left_out) == (people, 0)
    for one in found.faces:
        assert (faces_seen(one.picture), faces_seen(one.shown)) == (1, 1)
        assert recognition.judge_probe(one.picture).usable
        assert b"Exif" not in one.picture
    assert embedded == []


@pytest.mark.django_db
def test_a_group_selfie_is_one_embedding_and_the_stored_crop_has_one_face(
    settings: Any, tmp_path: Path, embedded: list[int]
) -> None:
    """P-05, from the photo that arrives to the search: the chosen face and no other is compared."""
    own_places(settings, tmp_path)
    assessed()
    officer = support.actor(support.staff("S-1"))
    case = support.opened(picture=sent("photos/two-people.jpg"))
    support.work()
    (photo,) = Probe.objects.filter(case=case)
    before = photo.unit
    assert (photo.state, photo.faces, embedded) == (ProbeState.CHOOSING, 2, [])
    own_face.choose(case_id=case.id, photo_id=photo.id, number=1, actor=Actor.person(case.id))
    support.work()
    photo.refresh_from_db()
    assert (photo.state, embedded) == (ProbeState.USABLE, [])
    assert faces_seen(vault.read(photo.unit, "picture")) == 1
    with pytest.raises(vault.Shredded):
        vault.read(before, "picture")
    support.identify(case, officer)
    support.work()
    assert embedded == [1]

"""What each card of the demo promises is what DeepFace gives at the demo's thresholds (R35).

Real engine, the demo's own gallery; the services that search and judge, not a copy of them.
"""

from collections.abc import Iterator
from pathlib import PurePath
from uuid import UUID

import pytest
from pytest_django import DjangoDbBlocker

from dsr_portal.core.actor import Actor
from dsr_portal.demo import cast
from dsr_portal.gallery import connector
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import services as recognition
from dsr_portal.settings import demo as demo_settings
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support.trail import empty_database

REVIEW = demo_settings.DSR_REVIEW_THRESHOLD
STRONG = demo_settings.DSR_STRONG_THRESHOLD
# A threshold on which a card hangs by a hair would break with the next JPEG encoder.
MARGIN = 0.015


@pytest.fixture(scope="module")
def files_of_records(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, weights_home: object
) -> Iterator[dict[UUID, str]]:
    """The demo's gallery, imported once as the command imports it; file name by record."""
    with django_db_blocker.unblock():
        report = gallery.import_folder(
            path=cast.GALLERY,
            manifest=cast.MANIFEST,
            source=cast.SOURCE,
            legal_basis=cast.LEGAL_BASIS,
            actor=Actor.operator(),
        )
        assert (report.counts.unreadable, report.counts.faceless) == (1, 1)
        held = connector.current()
        names = {
            row.id: PurePath(held.facts(row.image_id).first.path).name
            for row in Record.objects.all()
        }
    yield names
    with django_db_blocker.unblock():
        empty_database()


def photo(person: cast.Person) -> bytes:
    """The photo as the portal keeps it: decoded in the cage, encoded by our own code."""
    return jpeg_of(decode_picture(person.photo.read_bytes()))


@pytest.mark.django_db
@pytest.mark.parametrize("person", cast.PEOPLE, ids=lambda person: person.key)
def test_the_photo_is_judged_as_the_card_says(
    person: cast.Person, files_of_records: dict[UUID, str]
) -> None:
    assert recognition.judge_probe(photo(person)).code == person.verdict


@pytest.mark.django_db
@pytest.mark.parametrize(
    "person", [one for one in cast.PEOPLE if one.usable], ids=lambda person: person.key
)
def test_the_search_proposes_exactly_who_the_card_says(
    person: cast.Person, files_of_records: dict[UUID, str]
) -> None:
    picture = photo(person)
    outcome = recognition.search_probe(picture=picture, threshold=REVIEW, nearest=1)
    assert outcome.compared == outcome.enrolled == len(files_of_records)
    found = sorted(files_of_records[hit.record_id] for hit in outcome.hits)
    assert found == sorted((*person.own, *person.others))
    assert outcome.nearest[0].score < REVIEW - MARGIN
    assert all(hit.score > REVIEW + MARGIN for hit in outcome.hits)


@pytest.mark.django_db
def test_the_sister_is_never_in_the_strong_band_and_mina_always_is(
    files_of_records: dict[UUID, str],
) -> None:
    """Nora's card says that the officer has to tell them apart, Ruth's to look closely."""

    def scores(person: cast.Person) -> list[float]:
        hits = recognition.search_probe(picture=photo(person), threshold=REVIEW).hits
        return [hit.score for hit in hits]

    assert all(score >= STRONG for score in scores(cast.MINA))
    assert all(score < STRONG for score in scores(cast.NORA))
    assert all(score < STRONG for score in scores(cast.RUTH))

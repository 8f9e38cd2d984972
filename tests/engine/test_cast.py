"""What each card of the demo promises is what DeepFace gives at the demo's thresholds (R35).

Real engine, the demo's own gallery; the services that search and judge, not a copy of them.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoDbBlocker

from dsr_portal.accounts.models import Role
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.demo import cast
from dsr_portal.gallery import connector
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, Restriction
from dsr_portal.matching import selectors as matching
from dsr_portal.matching import services
from dsr_portal.matching.models import Band, Verdict
from dsr_portal.recognition import services as recognition
from dsr_portal.settings import demo as demo_settings
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support import matching as support
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


def reviewed(person: cast.Person, settings: Any) -> tuple[Case, list[Actor]]:
    """A case searched with this photo by the real engine, taken by its first person."""
    settings.DSR_REVIEW_THRESHOLD, settings.DSR_STRONG_THRESHOLD = REVIEW, STRONG
    settings.DSR_WIDEN = False
    roles = [Role.OFFICER, Role.OFFICER, Role.SUPERVISOR, Role.SUPERVISOR]
    people = [
        support.actor(support.staff(f"S-{number}", role)) for number, role in enumerate(roles)
    ]
    case = support.searched(people[0], picture=photo(person))
    support.take(case, people[0])
    return case, people


@pytest.mark.django_db
def test_a_look_alikes_pictures_are_laid_before_officers_and_unsure_confirms_nobody(
    files_of_records: dict[UUID, str], settings: Any
) -> None:
    """X-18: pictures of a sister are candidates; "inconclusive" by both shows and locks nothing."""
    case, people = reviewed(cast.NORA, settings)
    rows = support.laid(case, people[0])
    shown = {files_of_records[row.candidate.record_id] for row in rows}
    assert shown == set(cast.NORA.others)
    support.say_all(case, people[0], Verdict.INCONCLUSIVE)
    support.say_all(case, support.drawn(case, people), Verdict.INCONCLUSIVE)
    assert_nobody(case, len(rows))


@pytest.mark.django_db
def test_a_twin_no_program_tells_apart_is_confirmed_by_no_disagreement(
    files_of_records: dict[UUID, str], settings: Any
) -> None:
    """X-18, R19: the worst case. Mina stands for her own twin: pictures of one rendered person are
    as alike as a twin's can be, all in the strong band, and still persons decide."""
    case, people = reviewed(cast.MINA, settings)
    rows = support.laid(case, people[0])
    assert {files_of_records[row.candidate.record_id] for row in rows} == set(cast.MINA.own)
    assert {row.candidate.band for row in rows} == {Band.STRONG}
    support.say_all(case, people[0], Verdict.SAME)
    second = support.drawn(case, people)
    support.say_all(case, second, Verdict.NOT_SAME)
    assert matching.outcome(case.id) is None
    assert not Restriction.objects.filter(lifted_at=None).exists()
    chief = next(one for one in people[2:] if one.id != second.id)
    services.take_dispute(review_id=support.review_of(case).id, actor=chief)
    support.say_all(case, chief, Verdict.INCONCLUSIVE, reason="She says she has a twin.")
    assert_nobody(case, len(rows))


def assert_nobody(case: Case, unsure: int) -> None:
    found = matching.outcome(case.id)
    assert found is not None
    assert (found.same, len(found.inconclusive)) == ((), unsure)
    assert not Restriction.objects.filter(lifted_at=None).exists()

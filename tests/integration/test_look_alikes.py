"""Twins and other people very much alike: what a score cannot tell, persons decide (law X-18).

The face codes of the two here are nearer to one another than two photos of one person often are,
so both stand in the strong band. What the engine makes of two sisters is tested with pictures in
tests/engine/test_cast.py, and so is a twin no program tells apart; photographs of real twins are
in no test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases.models import Case, Status
from dsr_portal.core.actor import Actor
from dsr_portal.gallery.models import Record, Restriction
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Band, Candidate, Decision, Verdict
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    drawn,
    hits,
    laid,
    pictures_of,
    review_of,
    say_all,
    searched,
    sign_in,
    staff,
    take,
    told,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SAME, NOT, OPEN = Verdict.SAME, Verdict.NOT_SAME, Verdict.INCONCLUSIVE
WHY = "Only one of them has the scar on the chin."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def people() -> list[Actor]:
    roles = [*[Role.OFFICER] * 3, *[Role.SUPERVISOR] * 2]
    return [actor(staff(f"S-{number}", role)) for number, role in enumerate(roles, start=1)]


@pytest.fixture
def twins() -> tuple[Record, Record]:
    """One picture of who asks, one of the twin."""
    return a_record(), a_record()


@pytest.fixture
def case(
    monkeypatch: pytest.MonkeyPatch,
    people: list[Actor],
    twins: tuple[Record, Record],
) -> Case:
    """A search that found both, by the likeness of codes drawn around two near directions."""
    answers = told(monkeypatch)
    centre = pictures_of(np.zeros(128), 1, seed=5, spread=1.0)[0]
    probe, own = pictures_of(centre, 2, seed=6, spread=0.4)
    (twin,) = pictures_of(centre, 1, seed=7, spread=0.45)
    scores = [float(probe @ own), float(probe @ twin)]
    assert abs(scores[0] - scores[1]) < 0.05, scores
    rows = sorted(zip(scores, twins, strict=True), key=lambda pair: -pair[0])
    answers.hits = [hits([record.id], top=score)[0] for score, record in rows]
    return searched(people[0])


def verdicts(case: Case, person: Actor, *, own: Record, of_own: str, of_twin: str) -> list[str]:
    rows = laid(case, person)
    return [of_own if row.candidate.record_id == own.id else of_twin for row in rows]


def test_the_nearest_band_confirms_nobody(case: Case, twins: tuple[Record, Record]) -> None:
    """X-18, P-12: both are candidates of the strong band, and nothing follows by itself."""
    assert set(Candidate.objects.filter(case=case).values_list("band", flat=True)) == {Band.STRONG}
    assert not Decision.objects.filter(candidate__case=case).exclude(verdict="").exists()
    assert selectors.outcome(case.id) is None
    assert not Restriction.objects.exists()
    for one in twins:
        one.refresh_from_db()
        assert one.state == Record.State.HELD
    assert case.status == Status.IN_REVIEW


def test_unsure_by_both_is_neither_shown_nor_locked(
    case: Case, people: list[Actor], twins: tuple[Record, Record]
) -> None:
    """X-18, R17, R19: “inconclusive” is an outcome; the second is another person, and blind."""
    own, twin = twins
    take(case, people[0])
    say_all(case, people[0], verdicts(case, people[0], own=own, of_own=SAME, of_twin=OPEN))
    second = drawn(case, people)
    assert second.id != people[0].id
    assert {row.verdict for row in laid(case, second)} == {""}
    say_all(case, second, verdicts(case, second, own=own, of_own=SAME, of_twin=OPEN))
    found = selectors.outcome(case.id)
    assert found is not None
    assert (found.same, found.inconclusive) == ((own.id,), (twin.id,))
    twin.refresh_from_db()
    assert twin.state == Record.State.HELD
    assert Restriction.objects.get(lifted_at=None).record_id == own.id


def test_a_twin_taken_for_the_person_by_one_goes_to_a_supervisor(
    case: Case, people: list[Actor], twins: tuple[Record, Record]
) -> None:
    """X-18, R19, R1: the lock of one officer's word ends with the other's; a third decides."""
    own, twin = twins
    take(case, people[0])
    say_all(case, people[0], [SAME, SAME])
    assert Restriction.objects.filter(record=twin, lifted_at=None).exists()
    second = drawn(case, people)
    say_all(case, second, verdicts(case, second, own=own, of_own=SAME, of_twin=NOT))
    assert not Restriction.objects.filter(record=twin, lifted_at=None).exists()
    assert selectors.outcome(case.id) is None
    chief = next(one for one in people[3:] if one.id != second.id)
    services.take_dispute(review_id=review_of(case).id, actor=chief)
    say_all(case, chief, NOT, reason=WHY)
    found = selectors.outcome(case.id)
    assert found is not None
    assert (found.same, found.not_same) == ((own.id,), (twin.id,))


def test_the_compare_page_says_what_to_look_at(site: Any, case: Case, people: list[Actor]) -> None:
    """X-18: guidance and a check of the context, the same before and after one's own view."""
    site("desk")
    take(case, people[0])
    browser = sign_in(Client(), Staff.objects.get(staff_no=people[0].id))
    address = reverse("desk:compare", args=[case.reference])
    for decision in laid(case, people[0]):
        page = browser.get(address, {"picture": decision.id}).content.decode()
        assert "Could it be a relative or a twin?" in page
        assert "the page, its date and place, who else is in the picture" in page
        assert "say inconclusive. That confirms nobody" in page
        services.say_preliminary(decision_id=decision.id, actor=people[0], verdict=OPEN)
        assert "a relative or a twin?" in browser.get(address).content.decode()

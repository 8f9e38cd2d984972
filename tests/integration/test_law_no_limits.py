"""No cap, no look-back and no "ask again": what Clearview was fined for (law R-04, R-05, N-01)."""

from __future__ import annotations

from typing import Any

import pytest

from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status, WayKind
from dsr_portal.core import clock
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import services
from dsr_portal.matching.models import Candidate
from tests.support import cases as support
from tests.support.gallery import a_record, an_image, own_places
from tests.support.matching import actor, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "https://a.example/one"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def asked_about_a_page() -> Case:
    way = cases.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))
    return support.opened(ways=[way], consents=())


def looked_up(case: Case) -> list[Any]:
    officer = actor(staff(f"S-{case.reference[:3]}"))
    cases.record_identity(
        case_id=case.id, actor=officer, way="eid", element="named_control", compared="The page."
    )
    services.start_look_up(case_id=case.id, actor=officer)
    jobs.run_due(queues=["light"])
    return list(
        Candidate.objects.filter(search__case=case).order_by("rank").values_list("record_id")
    )


def test_the_tenth_request_of_a_person_opens_like_the_first() -> None:
    """R-04, R-05, N-02, N-03: same state, same clock, same receipt."""
    all_cases = [support.opened() for _number in range(10)]
    assert {case.status for case in all_cases} == {Status.RECEIVED}
    assert len({(case.received_on, case.due_unrolled, case.due_on) for case in all_cases}) == 1
    assert len({case.reference for case in all_cases}) == 10
    told = [cases.receipt_text(case) for case in (all_cases[0], all_cases[-1])]
    first, tenth = ([part["heading"] for part in text["sections"]] for text in told)
    assert first == tenth


def test_the_third_request_in_a_month_is_looked_up_like_the_first() -> None:
    """N-02, N-03: the one before need not be over, and its outcome does not matter."""
    record = a_record(an_image(page_url=PAGE))
    for _number in range(3):
        assert looked_up(asked_about_a_page()) == [(record.id,)]


def test_records_of_a_day_and_of_six_years_are_both_found() -> None:
    """R-05, N-01: no limit by age."""
    fresh, old = a_record(an_image(page_url=PAGE)), a_record(an_image(page_url=PAGE))
    past = clock.now() - clock.timedelta(days=6 * 365 + 2)
    Record.objects.filter(id=old.id).update(enrolled_at=past, state_changed_at=past)
    SourceImage.objects.filter(id=old.image_id).update(imported_at=past)
    assert {one for (one,) in looked_up(asked_about_a_page())} == {fresh.id, old.id}

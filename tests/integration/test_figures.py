"""Figures over many requests and the monthly report made of them (L-18, B-09, G-01)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pypdfium2
import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import lateness
from dsr_portal.cases.models import Case
from dsr_portal.compliance import board, breaches, director, statistics
from dsr_portal.compliance.models import BoardReport, DirectorPage
from dsr_portal.compliance.report import build
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import Probe
from tests.support import cases as support
from tests.support import matching as desk
from tests.support.assessed import assessed, somebody_answers
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def figures() -> dict[str, dict[str, str]]:
    """Heading -> label -> value, over the last year."""
    return {one["heading"]: dict(one["rows"]) for one in statistics.of_last_year().sections()}


# -- figures (L-18) -----------------------------------------------------------------------------


def test_every_figure_the_law_row_names_is_counted(travel: Travel) -> None:
    """L-18: right, state, outcome, middle of days, late, extended, refused, complaints, wrong."""
    many = [support.opened(email=f"p{number}@example.org") for number in range(7)]
    travel.to("2026-09-30")
    for case in many[:5]:
        support.delivered(case)
    travel.to("2026-10-13")
    lateness.notice_late()
    Case.objects.filter(id=many[0].id).update(outcome="refused")
    Case.objects.filter(id=many[1].id).update(outcome="disclosed")
    breaches.open_breach(
        kind="wrong_person",
        aware_at=clock.now(),
        reference=many[1].reference,
        actor=actor(staff("V-2001", Role.SUPERVISOR)),
    )
    found = figures()
    assert found["Requests by right"] == {"Requests": "7", "Access": "7", "Erasure": "7"}
    assert found["Requests by outcome"] == {"Disclosed": "1", "Refused": "1"}
    assert sum(map(int, found["Requests by state"].values())) == 7
    times = found["Time and dates"]
    assert (times["Answered"], times["Late now"], times["Extended"]) == ("5", "2", "0")
    assert int(times["Days from receipt to answer, the middle one"]) == 20
    trouble = found["Refused, disputed, wrong"]
    assert trouble["Refused, in part or whole"] == "1"
    assert trouble["Papers for a complaint were taken"] == "0"
    assert trouble["Wrong matches: pictures of somebody else were shown"] == "1"


def test_a_request_outside_the_period_is_not_counted(travel: Travel) -> None:
    support.opened()
    found = statistics.of_period(date(2026, 9, 11), date(2026, 9, 30))
    assert found.requests == 0


def test_the_middle_of_few_answers_is_not_printed(travel: Travel) -> None:
    """L-18: of one answer it would be this one person's wait."""
    support.delivered(support.opened())
    middle = figures()["Time and dates"]["Days from receipt to answer, the middle one"]
    assert middle == "fewer than five answers"


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"DE": 9, "NL": 6, "FR": 4, "IT": 2}, {"Germany": "9", "Netherlands": "6", "other": "6"}),
        # Four could be worked out from a total, so the next larger stands with it.
        ({"DE": 9, "NL": 6, "FR": 4}, {"Germany": "9", "other": "10"}),
        ({"FR": 4}, {"other": "4"}),
        ({"DE": 5}, {"Germany": "5"}),
    ],
)
def test_small_countries_stand_together(found: dict[str, int], shown: dict[str, str]) -> None:
    """L-18: no row tells of fewer than five people where more can stand with them."""
    from collections import Counter

    rows = statistics._together(Counter(found))
    assert {label.partition(" ")[0]: number for label, number in rows} == shown
    assert sum(int(number) for _label, number in rows) == sum(found.values())


# -- rates (B-09) -------------------------------------------------------------------------------


def test_rates_of_refused_photos_and_of_searches_without_a_find(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B-09: photos by what was wrong with them, and decided searches that found nothing."""
    desk.told(monkeypatch)
    people = [actor(staff(number)) for number in ("S-1", "S-2")]
    case = desk.searched(people[0])
    desk.take(case, people[0])
    desk.say_all(case, people[0], "not_same")
    desk.say_all(case, desk.drawn(case, people), "not_same")
    case.refresh_from_db()
    Case.objects.filter(id=case.id).update(outcome="nothing_found")
    for number in range(5):
        row = Probe.objects.get(case=desk.opened(email=f"p{number}@example.org", consent=False))
        Probe.objects.filter(id=row.id).update(verdict="no_face", state="unusable")
    rates = figures()["Rates of photos and searches"]
    assert rates["Photos that could not be used"] == "5 of 6 (83.3 %)"
    assert rates["Could not be used: no face seen"] == "5 of 6 (83.3 %)"
    assert rates["Searches decided by two persons that found nothing"] == "1 of 1"
    assert rates["Pose check that was not passed"] == "no check with a camera exists"
    assert rates["Yearly test on a lawful set of pictures"] == "none was made here"


def test_no_table_has_a_field_for_who_people_are() -> None:
    """B-09: nothing in the schema could hold origin, colour or sex of a data subject."""
    words = ("ethnic", "race", "racial", "skin", "origin_of", "gender", "sex", "religion", "colour")
    fields = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
    ]
    assert len(fields) > 500, "the tables are read"
    assert not [one for one in fields if any(word in one.lower() for word in words)]


def test_the_audit_report_has_the_same_rows(travel: Travel) -> None:
    """L-18: the figures of the report are those of the page, word for word."""
    case = support.opened()
    built = build(case=case, authority_code="", requested_by="D-1", role="dpo")
    printed = {one["heading"]: one["rows"] for one in built.context["sections"] if "rows" in one}
    for section in statistics.of_last_year().sections():
        assert printed[section["heading"]] == section["rows"]


# -- the monthly report (G-01) ------------------------------------------------------------------


@pytest.fixture
def head(travel: Travel) -> Actor:
    somebody_answers()
    assessed()
    return actor(staff("L-9001", Role.DIRECTOR))


def text_of(report: BoardReport) -> str:
    pdf = pypdfium2.PdfDocument(documents.open_document(report.document_id))
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in pdf).split())


def test_each_month_a_signed_report_is_made_and_put_before_the_director(
    travel: Travel, head: Actor, site: Any
) -> None:
    """G-01, R24: by the schedule, with late cases; served, read and answered in the trail."""
    site("desk")
    case = support.opened()
    assert board.make_due() == 0, "the month is not over"
    travel.to("2026-10-20")
    lateness.notice_late()
    assert board.make_due() == 1
    assert board.make_due() == 0
    jobs.run_due(queues=["light"])
    report = BoardReport.objects.get(month=date(2026, 9, 1))
    assert documents.verify(documents.open_document(report.document_id)).good
    printed = text_of(report)
    for words in ("Late requests", case.reference, "still late", "Person S-9900 (S-9900)"):
        assert words in printed, words
    for words in ("Requests by outcome", "Breaches", "Open orders of authorities", "Impact assess"):
        assert words in printed, words
    director.serve_due()
    page = DirectorPage.objects.get(kind="board", to="L-9001")
    browser = sign_in(Client(), Staff.objects.get(staff_no="L-9001"))
    seen = browser.get(reverse("desk:director_page", kwargs={"page_id": page.id}))
    link = reverse("desk:board_report", kwargs={"report_id": report.id})
    assert link in seen.content.decode()
    assert browser.get(link).content.startswith(b"%PDF")
    assert link in browser.get(reverse("desk:figures")).content.decode()
    director.answer_not(page_id=page.id, reason="I read it; one more officer starts.", actor=head)
    told = (
        Event.objects.filter(subject_id=page.id).order_by("number").values_list("type", flat=True)
    )
    assert list(told) == ["director.served", "director.read", "director.answered"]
    assert Event.objects.get(type="board.report_made").data["month"] == "2026-09-01"


def test_vacancies_breaches_and_silence_stand_in_the_report(travel: Travel, head: Actor) -> None:
    """G-01: what nobody answers for and what nobody answered is the board's to know."""
    support.opened()
    chief = actor(staff("V-2001", Role.SUPERVISOR))
    breaches.open_breach(kind="lost", aware_at=clock.now(), actor=chief)
    director.serve_due()
    Staff.objects.filter(staff_no="S-9900").update(is_active=False)
    travel.to("2026-10-01")
    director.serve_due()
    board.make_due()
    jobs.run_due(queues=["light"])
    printed = text_of(BoardReport.objects.get())
    assert "VACANT" in printed
    assert "Data could not be reached" in printed
    assert "unanswered" in printed


def test_months_in_which_nothing_ran_are_made_up_for(travel: Travel, head: Actor) -> None:
    support.opened()
    travel.to("2026-12-02")
    while board.make_due():
        pass
    months = list(BoardReport.objects.order_by("month").values_list("month", flat=True))
    assert months == [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]

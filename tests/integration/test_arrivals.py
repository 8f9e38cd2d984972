"""A day of arrival that was written down wrong: earlier by two persons, never later (law D-05)."""

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import arrivals, clocks, extensions, lateness, proposals, selectors, services
from dsr_portal.cases.models import Case, Extension, Lateness
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
STAMP = "The envelope has a stamp of 11 August."


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def travel(monkeypatch):
    return Travel(monkeypatch, "2026-09-10")


def corrected(case, arrived, by=support.OFFICER, agreed_by=support.SECOND):
    proposal = arrivals.propose(case_id=case.id, actor=by, arrived=arrived, words=STAMP)
    proposals.agree(proposal_id=proposal.id, actor=agreed_by)
    return Case.objects.get(id=case.id)


def test_an_earlier_day_counts_when_another_person_agrees_and_the_person_is_told(travel):
    """D-05: reason, second person, only earlier; what was written first stays beside it."""
    case = support.opened(email="mina@example.org")
    assert (case.received_on, case.due_unrolled) == (date(2026, 9, 10), date(2026, 10, 10))
    written = case.received_at
    mails = Effect.objects.filter(kind="mail.wrote").count()
    proposal = arrivals.propose(
        case_id=case.id, actor=support.OFFICER, arrived=date(2026, 9, 1), words=STAMP
    )
    assert Case.objects.get(id=case.id).due_unrolled == date(2026, 10, 10)
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    case = Case.objects.get(id=case.id)
    assert (case.received_at, case.received_on) == (written, date(2026, 9, 10))
    assert case.arrived_on == date(2026, 9, 1)
    assert (case.due_unrolled, case.due_on) == (date(2026, 10, 1), date(2026, 10, 1))
    assert clocks.clock_of(case).as_json()["received_on"] == "2026-09-01"
    (message,) = case.messages.all()
    said = vault.read(case.file_unit, message.field).decode()
    assert "reached us on 1 September 2026" in said
    assert "by 1 October 2026 at the latest" in said
    assert Effect.objects.filter(kind="mail.wrote").count() == mails + 1
    told = Event.objects.get(type="case.arrived_earlier")
    assert told.data == {"was": "2026-09-10", "arrived": "2026-09-01", "due_on": "2026-10-01"}
    assert STAMP not in str(list(Event.objects.values_list("payload", flat=True)))
    assert audit.verify().ok


@pytest.mark.parametrize(
    ("arrived", "words", "code"),
    [
        (date(2026, 9, 10), STAMP, "arrived_not_earlier"),
        (date(2026, 9, 11), STAMP, "arrived_not_earlier"),
        (date(2018, 5, 24), STAMP, "received_before_the_law"),
        (date(202, 1, 1), STAMP, "received_before_the_law"),
        (date(2026, 9, 1), "  ", "arrival_reason"),
    ],
)
def test_no_day_that_is_not_earlier_and_none_without_a_reason(travel, arrived, words, code):
    case = support.opened()
    with pytest.raises(BadInput, match=code):
        arrivals.propose(case_id=case.id, actor=support.OFFICER, arrived=arrived, words=words)
    assert not case.proposals.exists()


def test_the_database_takes_no_later_day_and_none_back(travel):
    """D-05: whatever a program tries."""
    case = corrected(support.opened(), date(2026, 9, 1))
    rows = Case.objects.filter(id=case.id)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(corrected_on=date(2026, 9, 2))
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(corrected_on=None)
    other = Case.objects.filter(id=support.opened().id)
    with pytest.raises(IntegrityError), transaction.atomic():
        other.update(corrected_on=date(2026, 9, 12))
    assert corrected(case, date(2026, 8, 25)).arrived_on == date(2026, 8, 25)


def test_a_month_that_was_over_before_anybody_knew_is_late_at_once(travel):
    """R25: the dates lie in the past; the letter for late cases leaves with the next run."""
    case = corrected(support.opened(email="mina@example.org"), date(2026, 7, 20))
    assert case.due_on == date(2026, 8, 20) < case.received_on
    assert list(selectors.in_queue_order(Case.objects.all()))[0] == case
    travel.to("2026-09-11")
    lateness.notice_late()
    assert Lateness.objects.get(case=case).missed_on == date(2026, 8, 20)


def test_more_time_that_was_told_after_the_first_date_counts_no_more(travel):
    """D-06: with the earlier day its letter left too late."""
    case = support.opened(email="mina@example.org")
    proposal = extensions.propose(
        case_id=case.id,
        actor=support.OFFICER,
        reason="several_requests",
        months=1,
        words="You asked for several things.",
    )
    travel.to("2026-10-02")
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    jobs.run_due(queues=["light", "documents"], limit=60)
    assert Case.objects.get(id=case.id).due_unrolled == date(2026, 11, 10)
    case = corrected(case, date(2026, 9, 1))
    extension = Extension.objects.get(case=case)
    assert (extension.void, extension.told_on) == (True, None)
    assert case.due_unrolled == date(2026, 10, 1)


def test_not_once_it_is_over_and_not_where_the_month_began_anew(travel):
    case = support.opened()
    Case.objects.filter(id=case.id).update(clock_from=date(2026, 9, 12), due_on=date(2026, 10, 12))
    with pytest.raises(Conflict, match="period_anew"):
        corrected(case, date(2026, 9, 1))
    gone = support.opened()
    services.withdraw(case_id=gone.id, actor=support.person(gone))
    with pytest.raises(Conflict, match="case_over"):
        corrected(gone, date(2026, 9, 1))


def test_at_the_desk_from_the_page_to_the_new_date(travel, site):
    """D-05 as two officers do it."""
    case = support.opened()
    site("desk")
    first, second = (sign_in(Client(), staff(number)) for number in ("A-1101", "A-1102"))
    page = reverse("desk:arrival", kwargs={"reference": case.reference})
    on_case = reverse("desk:case", kwargs={"reference": case.reference})
    assert "It reached us earlier" in first.get(on_case).content.decode()
    refused = first.post(page, {"arrived": "2026-09-20", "words": STAMP})
    assert refused.status_code == 422
    assert "Only an earlier day" in refused.content.decode()
    first.post(page, {"arrived": "2026-09-01", "words": STAMP})
    proposal = case.proposals.get()
    shown = second.get(on_case).content.decode()
    assert STAMP in shown
    assert "1 September 2026" in shown
    second.post(
        reverse("desk:settle", kwargs={"reference": case.reference, "proposal_id": proposal.id}),
        {"do": "agree"},
    )
    assert Case.objects.get(id=case.id).arrived_on == date(2026, 9, 1)
    assert "Written down at first" in second.get(on_case).content.decode()


def test_only_who_works_on_cases_proposes_it(travel):
    case = support.opened()
    with pytest.raises(NotAllowed):
        arrivals.propose(
            case_id=case.id,
            actor=actor(staff("D-3001", Role.DPO)),
            arrived=date(2026, 9, 1),
            words=STAMP,
        )

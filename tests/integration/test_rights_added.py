"""Asking for something more on the page of a request (T-11, R1, Art. 18(1)(c))."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.models import Event
from dsr_portal.cases import lateness, selectors, services
from dsr_portal.cases.models import Case, CaseRight, Flag, Outcome, RightCode, Status
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan
from dsr_portal.gallery.models import Record, Restriction
from dsr_portal.law import deadlines
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


def later(monkeypatch, **how) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**how))


def page_of(case: Case) -> Client:
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    return browser


def test_a_wish_that_came_later_has_a_month_of_its_own(monkeypatch):
    """T-11, D-01: the request keeps its clock; the wish reached us on its own day."""
    case = support.opened(["access"])
    due = case.due_on
    later(monkeypatch, days=9)
    row = services.add_right(case_id=case.id, right="restriction", actor=support.person(case))
    case.refresh_from_db()
    assert case.due_on == due
    own = deadlines.due_dates(clock.today(), calendar=case.calendar)
    assert row.due_on == own.legal > due
    event = Event.objects.get(type="case.right_added")
    assert event.data == {"right": "restriction", "due_on": own.legal.isoformat()}
    assert Flag.objects.filter(case=case, code="added_restriction").exists()
    again = services.add_right(case_id=case.id, right="restriction", actor=support.person(case))
    assert again.id == row.id


def test_the_level_follows_a_right_added_before_the_search_only():
    """R2: fixed before the search, by right; afterwards nothing raises it."""
    case = support.opened(["restriction"])
    assert case.required_level == 1
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    case.refresh_from_db()
    assert case.required_level == 2
    other = support.decided(support.opened(["restriction"]))
    services.add_right(case_id=other.id, right="erasure", actor=support.person(other))
    other.refresh_from_db()
    assert other.required_level == 1
    with pytest.raises(Conflict, match="right_late"):
        services.add_right(case_id=other.id, right="access", actor=support.person(other))


def test_what_may_be_added_tells_nothing_of_a_find():
    """R3: an erasure nobody outside sees offers the same as a case that is being looked at."""
    case = support.decided(support.opened(["erasure"]))
    case.refresh_from_db()
    looked_at = services.rights_to_add(case)
    Case.objects.filter(id=case.id).update(status=Status.ERASING)
    case.refresh_from_db()
    assert selectors.public_view(case).word == "checking"
    assert services.rights_to_add(case) == looked_at
    assert RightCode.RESTRICTION in looked_at


def test_locking_instead_stops_the_erasure_by_date_and_the_lock_stays(site, monkeypatch, settings):
    """Art. 18(1)(c), R1, R4: asked on the status page; nothing is erased by date, and the lock
    outlives the case. The canary: without the wish the same case is planned."""
    site("public")
    mine, canary = lab.picture(11), lab.picture(12)
    case = lab.ready_case([mine.records[0]])
    other = lab.ready_case([canary.records[0]])
    browser = page_of(case)
    assert reverse("public:add_right") in browser.get(reverse("public:case")).content.decode()
    page = reverse("public:add_right")
    assert browser.post(page, {"right": "access"}).status_code == 422
    assert browser.post(page, {"right": "restriction"}).status_code == 302
    shown = browser.get(reverse("public:case")).content.decode()
    assert "You asked us to lock the pictures." in shown
    assert "Added later: Lock what you hold about me" in shown
    assert "We delete on" not in shown
    later(monkeypatch, days=20)
    erasure.start_due()
    planned = set(Plan.objects.values_list("case_id", flat=True))
    assert planned == {other.id}
    later(monkeypatch, days=15)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert Restriction.objects.filter(case_id=case.id, lifted_at=None).count() == 1
    assert Record.objects.get(id=mine.records[0].id).state == Record.State.RESTRICTED


def test_nothing_is_added_that_asks_a_better_check_than_was_made():
    """R2: once the search began the level stands; more is asked in a new request."""
    case = support.opened(["restriction"])
    services.record_identity(case_id=case.id, actor=support.OFFICER, way="call", compared="Alike.")
    services.advance(case=case, action="start_search", actor=support.MACHINE)
    case.refresh_from_db()
    assert (case.level, services.rights_to_add(case)) == (1, [RightCode.OBJECTION])
    Case.objects.filter(id=case.id).update(level=2)
    case.refresh_from_db()
    assert RightCode.ERASURE in services.rights_to_add(case)


def test_a_wish_to_erase_that_came_later_is_counted_from_its_own_day(site, monkeypatch):
    """D-01, R4: asked twenty days after the answer, it starts fourteen days after the wish, and
    nothing is late before the month of the wish is over."""
    site("public")
    shown = lab.picture(14)
    case = lab.ready_case([shown.records[0]], rights=["access"])
    later(monkeypatch, days=20)
    row = services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    wished = clock.today()
    case.refresh_from_db()
    assert services.erase_on(case) == wished + timedelta(days=14)
    erasure.start_due()
    assert not Plan.objects.exists()
    later(monkeypatch, days=10)
    assert clock.today() < row.due_on
    Case.objects.filter(id=case.id).update(due_on=wished, outcome=Outcome.DISCLOSED)
    case.refresh_from_db()
    assert lateness.owed(case) == ""
    later(monkeypatch, days=5)
    erasure.start_due()
    assert Plan.objects.get().case_id == case.id
    later(monkeypatch, days=40)
    case.refresh_from_db()
    assert lateness.owed(case) == "erasure"


def test_a_lock_asked_for_instead_of_the_erasure_is_not_late(monkeypatch):
    """Art. 18(1)(c): who asked to lock waits for nothing; "Delete now" asks for it again."""
    case = lab.ready_case([lab.picture(15).records[0]])
    case.outcome = Outcome.DISCLOSED
    later(monkeypatch, days=60)
    assert lateness.owed(case) == "erasure"
    services.add_right(case_id=case.id, right="restriction", actor=support.person(case))
    assert lateness.owed(case) == ""
    case.delete_now_at = clock.now()
    assert lateness.owed(case) == "erasure"


def test_a_lock_nobody_asked_for_ends_with_its_case(monkeypatch):
    """R1: it ends with the case; the answer said so (see test_disclosure)."""
    shown = lab.picture(13)
    case = lab.ready_case([shown.records[0]], rights=["access"])
    assert Restriction.objects.filter(case_id=case.id, lifted_at=None).exists()
    later(monkeypatch, days=31)
    services.close_due()
    assert not Restriction.objects.filter(case_id=case.id, lifted_at=None).exists()


def test_a_closed_request_takes_no_more_wishes(site):
    """T-11: then a new request is the way."""
    site("public")
    case = support.opened()
    services.withdraw(case_id=case.id, actor=support.person(case))
    case.refresh_from_db()
    assert services.rights_to_add(case) == []
    browser = page_of(case)
    assert browser.get(reverse("public:add_right")).status_code == 302
    assert not CaseRight.objects.filter(case=case, added_at__isnull=False).exists()


def test_the_queue_goes_by_what_is_due_first_of_all_wishes(monkeypatch):
    """D-01: once the answer left, a later wish counts by its own day; the request's day is over."""
    answered = support.opened(["access"])
    later(monkeypatch, days=5)
    waiting = support.opened(["access"], email="ilse@example.org")
    later(monkeypatch, days=5)
    services.add_right(case_id=answered.id, right="erasure", actor=support.person(answered))
    assert queue() == [answered.id, waiting.id], "the answer is owed by the day of the request"
    Case.objects.filter(id=answered.id).update(delivered_at=clock.now())
    assert queue() == [waiting.id, answered.id]
    CaseRight.objects.filter(case=answered, right="erasure").update(due_on=None)
    assert queue() == [answered.id, waiting.id], "an erasure asked at once keeps that day"


def queue() -> list:
    return [one.id for one in selectors.in_queue_order(Case.objects.all())]

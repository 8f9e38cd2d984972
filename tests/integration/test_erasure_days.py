"""On which day an erasure starts by itself: a walk through the calendar for every wish (R4)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dsr_portal.cases import evidence_locks, services
from dsr_portal.cases.models import Case, DeliveryPart
from dsr_portal.core import clock
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)

RECEIVED = date(2027, 3, 1)
"""The month ends on 1 April, a Thursday: nothing rolls, and the last day to erase is 29 March."""

WISHED_AFTER = 3
"""Days from the answer to the wish that came later."""

WALK_UNTIL = date(2027, 4, 18)

WISHES = {
    "access": ("access",),
    "erasure": ("erasure",),
    "both": ("access", "erasure"),
    "both, locked as evidence": ("access", "erasure"),
    "both and objection": ("access", "erasure", "objection"),
    "access, erasure wished later": ("access",),
}

# Day of delivery -> the day a wish of the form is erased, and the day of a wish that came later.
DAYS = [
    pytest.param(date(2027, 3, 1), date(2027, 3, 15), date(2027, 3, 18), id="same_day"),
    pytest.param(date(2027, 3, 8), date(2027, 3, 22), date(2027, 3, 25), id="first_week"),
    pytest.param(date(2027, 3, 15), date(2027, 3, 29), date(2027, 4, 1), id="both_days_meet"),
    pytest.param(date(2027, 3, 22), date(2027, 3, 29), date(2027, 4, 8), id="before_the_due_date"),
    pytest.param(date(2027, 3, 31), date(2027, 3, 31), date(2027, 4, 17), id="at_the_very_end"),
]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


def today_is(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: noon)


def download(case: Case) -> None:
    """As the person does: the link, the receipt code, every part to its last byte."""
    for delivery in case.deliveries.all():
        token = services.link_token(delivery)
        grant = services.open_delivery(token=token, code=services.receipt_code(case))
        opened = services.granted(grant=grant, token=token)
        for part in DeliveryPart.objects.filter(delivery=opened):
            assert b"".join(services.fetch(part=part, actor=support.person(case)))


def answered(case: Case, number: int) -> None:
    support.delivered(case)
    lab.decided_on(case, lab.picture(number).records)
    case.refresh_from_db()


def planned_days(monkeypatch: pytest.MonkeyPatch, begin: date, end: date) -> dict[Case, date]:
    """The daily run on every day of a stretch: on which day each case was planned first."""
    days: dict[Case, date] = {}
    for day in (begin + timedelta(days=number) for number in range((end - begin).days + 1)):
        today_is(monkeypatch, day)
        erasure.start_due()
        for plan in Plan.objects.select_related("case"):
            days.setdefault(plan.case, day)
    return days


@pytest.mark.parametrize("downloaded", [True, False], ids=["downloaded", "not_downloaded"])
@pytest.mark.parametrize(("delivered", "erased", "erased_later"), DAYS)
def test_the_day_follows_delivery_and_wish_and_never_the_download(
    monkeypatch, delivered, erased, erased_later, downloaded
):
    """R4, E-08: 14 days after delivery or 3 days before the due date, whichever comes first; a lock
    kept as evidence has no day, and a wish that came later counts from its own."""
    today_is(monkeypatch, RECEIVED)
    cases = {wish: support.opened(rights) for wish, rights in WISHES.items()}
    assert {case.due_unrolled for case in cases.values()} == {date(2027, 4, 1)}
    today_is(monkeypatch, delivered)
    for number, case in enumerate(cases.values(), start=1):
        answered(case, number)
    if downloaded:
        for case in cases.values():
            download(case)
    kept, later = cases["both, locked as evidence"], cases["access, erasure wished later"]
    evidence_locks.ask(case_id=kept.id, years=1, actor=support.person(kept))
    assert services.erase_on(cases["both"]) == min(
        delivered + timedelta(days=14), date(2027, 3, 29)
    )
    wished = delivered + timedelta(days=WISHED_AFTER)
    early = planned_days(monkeypatch, delivered, wished)
    services.add_right(case_id=later.id, right="erasure", actor=support.person(later))
    days = planned_days(monkeypatch, wished, WALK_UNTIL) | early
    assert {wish: days.get(case) for wish, case in cases.items()} == {
        "access": None,
        "erasure": erased,
        "both": erased,
        "both, locked as evidence": None,
        "both and objection": erased,
        "access, erasure wished later": erased_later,
    }

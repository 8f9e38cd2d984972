"""A thousand requests by program, of bots or claim firms: the desk stays usable (law X-17).

Nothing is refused, put off or asked for because of a number; what grows with it is bounded.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import alarms, selectors, services
from dsr_portal.cases.models import Case, Channel, Escalation, Receipt, RightCode, Status, WayKind
from dsr_portal.core import clock, references
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import senders
from dsr_portal.desk import views
from dsr_portal.jobs.models import Effect
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.outward import statements
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db]

FIRM = "claims@firm.example"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    return Travel(monkeypatch, "2026-09-07")


def sent(number: int, *, urgent: bool = False) -> Case:
    """One of many requests that came from one mailbox, as the website opens it."""
    page = f"https://pages.example/{number}"
    return services.open_case(
        channel=Channel.WEB,
        rights=[RightCode.ACCESS],
        ways=[services.WaySent(WayKind.PAGE, page)],
        consents=[],
        contact=services.Contact(email=FIRM),
        urgent=urgent,
    ).case


def beside(case: Case, number: int) -> None:
    """So many rows more like this one: for what the desk reads, not for what was opened."""
    fields = [one.attname for one in Case._meta.concrete_fields]
    like = {name: getattr(case, name) for name in fields}
    more = {"draft_id": None}
    Case.objects.bulk_create(
        Case(**{**like, **more, "id": new_id(), "reference": references.new_reference()})
        for _number in range(number)
    )


def asked(client: Client, path: str) -> tuple[int, str]:
    """How many statements a page takes, and the page."""
    with statements() as seen:
        page = client.get(path)
    assert page.status_code == 200
    return len(seen), page.content.decode()


def test_every_one_of_many_has_a_receipt_and_a_clock_of_its_own(travel: Travel) -> None:
    """X-17, R-05, D-01: two days of them from one mailbox; each like the first of its day."""
    first = [sent(number) for number in range(50)]
    travel.to("2026-09-08")
    second = [sent(number) for number in range(50)]
    assert {one.due_unrolled for one in first} == {date(2026, 10, 7)}
    assert {one.due_unrolled for one in second} == {date(2026, 10, 8)}
    both = first + second
    assert Counter(one.status for one in both) == {Status.RECEIVED: 100}
    assert len({one.reference for one in both}) == 100
    assert Receipt.objects.filter(case__in=both).count() == 100
    assert Effect.objects.filter(kind="mail.receipt").count() == 100
    assert len({one.required_level for one in both}) == 1


def test_one_address_may_send_as_many_as_it_likes(site: Any) -> None:
    """X-17, R-05: by the pages, each a session of its own from one IP; none is told to wait."""
    site("public")
    for _number in range(8):
        browser = Client(REMOTE_ADDR="203.0.113.9")
        for name, data in (
            ("wish", {"rights": ["access"]}),
            ("way", {"pages": "https://pages.example/a", "account": "", "other": ""}),
            ("contact", {"how": "email", "email": FIRM, "language": "en", "country": "NL"}),
            ("check", {}),
        ):
            answer = browser.post(reverse(f"public:{name}"), data)
            assert answer.status_code == 302, answer.content.decode()
        assert answer.url == reverse("public:receipt")
        receipt = browser.get(answer.url)
        assert receipt.status_code == 200
        assert Case.objects.latest("received_at").reference in receipt.content.decode()
    assert Case.objects.count() == 8


def test_the_desk_works_with_a_thousand_as_with_ten(client: Client, site: Any) -> None:
    """X-17: the queue and a case page take as many statements and show a bounded list; who sent
    many is shown beside each, linked and never joined."""
    site("desk")
    officer = staff("S-1", Role.SUPERVISOR)
    sign_in(client, officer)
    cases = [sent(number) for number in range(30)]
    alarm(cases[0], officer, 30)
    queue = reverse("desk:queue")
    own = reverse("desk:case", kwargs={"reference": cases[0].reference})
    asked(client, own)  # The first look is written down in the trail.
    few = [asked(client, path)[0] for path in (queue, own)]
    beside(cases[0], 970)
    alarm(cases[0], officer, 970)
    assert Case.objects.count() == 1000
    (many, shown), (many_on_case, page) = (asked(client, path) for path in (queue, own))
    assert [many, many_on_case] == few
    assert "1000 cases by due date" in shown
    # Rows of the queue, and the alarms named above it.
    assert shown.count(reverse("desk:queue") + "cases/") <= views.MOST_ROWS + views.MOST_ALARMS
    assert "And 950 more." in shown
    assert len(selectors.linked_cases(officer, cases[0])) == selectors.MOST_LINKED
    assert len(page) < 200_000


def alarm(case: Case, to: Staff, number: int) -> None:
    begun = Escalation.objects.count()
    Escalation.objects.bulk_create(
        Escalation(
            case=case, code="due_3", about=str(begun + one), to=to.staff_no, raised_at=clock.now()
        )
        for one in range(number)
    )


def mails_to(person: Staff) -> Counter[str]:
    effects = Effect.objects.filter(kind__in=["mail.alarm", "mail.alarms"])
    rendered = [(one.kind, senders.get(one.kind).render(one.subject_id)) for one in effects]
    return Counter(kind for kind, mail in rendered if mail.to == person.email)


def test_many_alarms_are_rows_at_the_desk_and_few_mails(travel: Travel) -> None:
    """X-17, R10: ten of them one by one, one mail for the others, and urgent ones counted apart."""
    chief = staff("V-1", Role.SUPERVISOR)
    cases = [sent(number) for number in range(25)]
    travel.to("2026-10-01")
    assert alarms.raise_due() >= len(cases)
    told = Escalation.objects.filter(to=chief.staff_no)
    assert {row.case_id for row in told} == {one.id for one in cases}
    assert mails_to(chief) == {"mail.alarm": alarms.MOST_MAILS, "mail.alarms": 1}
    urgent = sent(99, urgent=True)
    travel.to("2026-10-02")
    alarms.raise_due()
    assert told.filter(case=urgent).exists()
    named = Effect.objects.filter(
        kind="mail.alarm", subject_id__in=told.filter(case=urgent).values("id")
    )
    assert named.count() == told.filter(case=urgent).count()
    summed = senders.get("mail.alarms").render(Effect.objects.get(kind="mail.alarms").subject_id)
    assert reverse("desk:queue", urlconf="dsr_portal.urls.desk") in summed.text
    assert not any(one.reference in summed.text for one in cases)

"""The pages of authorities: scoped, read only, every look in the trail (law O-06, G-02)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from dsr_portal.accounts.access import SECOND_FACTOR
from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.compliance import concerning, orders, services
from dsr_portal.compliance.models import AuditReport, CaseGrant
from dsr_portal.core import clock
from dsr_portal.jobs import services as jobs
from tests.support import answers
from tests.support.answers import SUPERVISOR, found
from tests.support.gallery import own_places
from tests.support.matching import staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, site: Callable[[str], None]
) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    cache.clear()
    site("oversight")


@pytest.fixture
def case() -> Case:
    case = found()
    services.grant_case(
        case_id=case.id,
        authority_code="NL",
        until=clock.now() + timedelta(days=30),
        actor=SUPERVISOR,
    )
    return case


def signed_in(staff_no: str) -> Client:
    client = Client()
    client.force_login(Staff.objects.get(staff_no=staff_no))
    session = client.session
    session[SECOND_FACTOR] = clock.now().isoformat()
    session.save()
    return client


def looks(case: Case) -> list[tuple[str, str]]:
    events = Event.objects.filter(case_id=case.id, type="oversight.viewed").order_by("number")
    return [(event.actor_id, (event.data or {})["what"]) for event in events]


def made_by(client: Client, case: Case) -> AuditReport:
    asked = client.post(f"/cases/{case.reference}/report/")
    assert asked.status_code == 302
    jobs.run_due(queues=["light"])
    return AuditReport.objects.latest("requested_at")


def test_a_regulator_finds_reads_and_takes_home_an_opened_case(case: Case) -> None:
    """1b step 7: register, case, report; the PDF is the signed one and each look is an event."""
    client = signed_in("R-4001")
    register = client.get("/")
    assert case.reference in register.content.decode()
    page = client.get(f"/cases/{case.reference}/")
    assert "Your request" not in page.content.decode()
    assert "Make an audit report" in page.content.decode()
    report = made_by(client, case)
    waiting = client.get(f"/cases/{case.reference}/")
    assert "trail verified" in waiting.content.decode()
    pdf = client.get(f"/cases/{case.reference}/reports/{report.id}/")
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"] == f'attachment; filename="audit-{case.reference}.pdf"'
    assert case.reference in answers.text_of(pdf.content)
    assert looks(case) == [("R-4001", "case"), ("R-4001", "case"), ("R-4001", "report")]
    assert audit.verify().ok


def test_another_authority_finds_nothing_and_cannot_tell_why(case: Case) -> None:
    """O-06: absent and not opened look the same, on every address."""
    report = made_by(signed_in("R-4001"), case)
    client = signed_in("R-4002")
    before = looks(case)
    assert case.reference not in client.get("/").content.decode()
    for reference in (case.reference, "K7M-2QX4"):
        pages = [
            client.get(f"/cases/{reference}/"),
            client.post(f"/cases/{reference}/report/"),
            client.get(f"/cases/{reference}/reports/{report.id}/"),
        ]
        assert [page.status_code for page in pages] == [404, 404, 404]
    one, other = (
        client.get(f"/cases/{reference}/").content.decode().replace(reference, "")
        for reference in (case.reference, "K7M-2QX4")
    )
    assert one == other
    assert looks(case) == before
    assert AuditReport.objects.count() == 1


def test_a_grant_that_is_over_or_taken_back_opens_nothing(case: Case) -> None:
    """O-06: time-limited; the report made in time is closed with it."""
    client = signed_in("R-4001")
    report = made_by(client, case)
    paths = [f"/cases/{case.reference}/", f"/cases/{case.reference}/reports/{report.id}/"]
    assert [client.get(path).status_code for path in paths] == [200, 200]
    CaseGrant.objects.update(until=clock.now() - timedelta(seconds=1))
    assert [client.get(path).status_code for path in paths] == [404, 404]
    CaseGrant.objects.update(until=clock.now() + timedelta(days=1), revoked_at=clock.now())
    assert [client.get(path).status_code for path in paths] == [404, 404]


def test_an_authority_never_gets_the_report_of_another(case: Case) -> None:
    client = signed_in("R-4001")
    report = made_by(signed_in("D-3001"), case)
    assert report.authority_code == ""
    page = client.get(f"/cases/{case.reference}/reports/{report.id}/")
    assert page.status_code == 404


def test_the_dpo_reads_every_case_and_changes_none(case: Case) -> None:
    """G-02: no page here moves a case; a report is all that can be made."""
    never_opened = answers.requested()
    client = signed_in("D-3001")
    register = client.get("/").content.decode()
    assert case.reference in register
    assert never_opened.reference in register
    before = Case.objects.values_list("id", "status", "outcome").order_by("id")
    kept = list(before)
    assert client.get(f"/cases/{never_opened.reference}/").status_code == 200
    made_by(client, case)
    assert list(before.all()) == kept
    assert ("D-3001", "case") in looks(never_opened)


@pytest.mark.parametrize("staff_no", ["A-1001", "S-2001"])
def test_the_desk_has_no_business_here(case: Case, staff_no: str) -> None:
    client = signed_in(staff_no)
    for path in ("/", "/head/", f"/cases/{case.reference}/"):
        assert client.get(path).status_code == 403


def test_nobody_reads_without_a_second_factor(case: Case) -> None:
    client = Client()
    client.force_login(Staff.objects.get(staff_no="R-4001"))
    assert client.get(f"/cases/{case.reference}/").status_code == 302
    assert Client().get("/").status_code == 302
    assert looks(case) == []


def test_a_look_by_reading_is_no_change_and_a_change_needs_a_form(case: Case) -> None:
    client = signed_in("R-4001")
    assert client.get(f"/cases/{case.reference}/report/").status_code == 405
    assert client.post(f"/cases/{case.reference}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(f"/cases/{case.reference}/report/").status_code == 403
    assert not AuditReport.objects.exists()


def test_the_head_is_shown_to_be_kept_elsewhere(case: Case) -> None:
    """R29."""
    page = signed_in("R-4001").get("/head/").content.decode()
    head = audit.head()
    assert f"<dd>{head.number}</dd>" in page
    shown = page.replace(" ", "").replace("\n", "")
    assert head.hash in shown or head.hash[:4] in shown


def test_an_authority_reads_its_own_orders_with_their_state(case: Case) -> None:
    """O-06, R23: own orders, each look in the trail; another's look absent; the DPO reads all."""
    staff("L-9001", Role.DIRECTOR)
    made = {
        code: orders.enter(
            served=orders.Served(
                authority_code=code,
                reference=f"{code}-1",
                basis="request",
                served_on=clock.today(),
                due_on=clock.today(),
                owner="L-9001",
                document=b"letter",
            ),
            actor=SUPERVISOR,
        )
        for code in ("NL", "IT")
    }
    hidden = answers.requested()
    orders.add_measure(
        order_id=made["NL"].id,
        kind="answer",
        words="Answer Mina.",
        named=[case.reference, hidden.reference],
        actor=SUPERVISOR,
    )
    jobs.run_due(queues=["light"])
    client = signed_in("R-4001")
    listed = client.get("/orders/").content.decode()
    assert "NL-1" in listed
    assert "IT-1" not in listed
    page = client.get(f"/orders/{made['NL'].id}/").content.decode()
    for said in ("2 are left; checked", case.reference, "1 named case is not open to you.", "open"):
        assert said in page, said
    for secret in (hidden.reference, "Mina", "Person L-9001"):
        assert secret not in page, secret
    assert client.get(f"/orders/{made['IT'].id}/").status_code == 404
    assert client.get(f"/orders/{case.id}/").status_code == 404
    seen = Event.objects.filter(type="oversight.viewed", subject_id__isnull=False)
    assert [(one.actor_id, one.subject_id, (one.data or {})["what"]) for one in seen] == [
        ("R-4001", made["NL"].id, "order")
    ]
    assert "IT-1" in signed_in("D-3001").get("/orders/").content.decode()
    nobody = concerning.readable_orders(actor=SUPERVISOR, authority_code="NL")
    assert not nobody.exists()

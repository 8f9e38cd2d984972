"""The last day of an exemption: it is told, and the erasure it held off is taken up (law E-03)."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dsr_portal.audit import services as audit
from dsr_portal.cases import alarms, exemptions, services
from dsr_portal.cases.models import (
    Alarm,
    Case,
    Escalation,
    HeldBack,
    Proposal,
    ProposalKind,
    ProposalState,
    Status,
    Withheld,
)
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import Notice, Record
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    holders.holder().drop()
    yield
    holders.holder().drop()


def later(monkeypatch: pytest.MonkeyPatch, **how: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**how))


def exempted(case: Case, record: Record, *, days: int) -> Withheld:
    """As two persons agreed before the answer left."""
    moment = clock.now()
    proposal = Proposal.objects.create(
        case=case, kind=ProposalKind.EXEMPT, state=ProposalState.AGREED,
        proposed_by=support.OFFICER.id, proposed_at=moment, settled_at=moment,
    )  # fmt: skip
    return Withheld.objects.create(
        case=case, proposal=proposal, record_id=record.id, what=HeldBack.ERASURE,
        ground="legal_claims", until=clock.today() + timedelta(days=days),
        agreed_by=support.SECOND.id, at=moment,
    )  # fmt: skip


def state_of(record: Record) -> str:
    return Record.objects.values_list("state", flat=True).get(id=record.id)


def test_on_its_day_it_is_told_and_the_erasure_is_taken_up_though_the_case_is_closed(
    site, client, monkeypatch
):
    """E-03: until its day the record stays locked, also past the closing; the day after, an officer
    erases it by a plan of its own, and the recipient of before is told of it as well."""
    site("desk")
    staff("V-1", "supervisor")
    kept, gone = lab.picture(41), lab.picture(42)
    lab.seen_by(kept.records[0])
    lab.seen_by(gone.records[0])
    case = lab.ready_case([kept.records[0], gone.records[0]])
    exempted(case, kept.records[0], days=90)
    first = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    first.refresh_from_db()
    case.refresh_from_db()
    assert (first.state, case.status) == (PlanState.DONE, Status.CLOSED)
    assert state_of(gone.records[0]) == Record.State.ERASED
    assert state_of(kept.records[0]) == Record.State.RESTRICTED
    Notice.objects.update(state=Notice.State.DONE)
    later(monkeypatch, days=70)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.CLOSED, "contact and file stay until it is erased"
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.EXEMPTION).exists()
    assert erasure.start_erasure(case_id=case.id, actor=support.OFFICER).id == first.id
    later(monkeypatch, days=20)
    alarms.raise_due()
    told = Escalation.objects.filter(code=Alarm.EXEMPTION, settled_at=None)
    assert {one.to for one in told} == {"V-1"}
    assert not exemptions.over(case), "its last day is a day it still has"
    later(monkeypatch, days=1)
    browser = sign_in(client, staff(support.OFFICER.id))
    page = browser.get(reverse("desk:case", kwargs={"reference": case.reference}))
    assert "Erase what was kept" in page.content.decode()
    browser.post(reverse("desk:erasure", kwargs={"reference": case.reference}))
    lab.run_all()
    second = Plan.objects.exclude(id=first.id).get()
    assert second.state == PlanState.DONE
    assert list(second.records.values_list("record_id", flat=True)) == [kept.records[0].id]
    assert state_of(kept.records[0]) == Record.State.ERASED
    notice = Notice.objects.get()
    assert notice.state == Notice.State.PREPARED
    assert {one.record for one in notices.contents(notice)} == {
        str(kept.records[0].id),
        str(gone.records[0].id),
    }
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.EXEMPTION, settled_at=None).exists()
    later(monkeypatch, days=31)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.PURGED
    assert audit.verify().ok


def test_what_lapsed_before_the_closing_never_goes_back_into_use(monkeypatch):
    """E-03: between its last day and the erasure it is locked, whatever closes meanwhile."""
    kept = lab.picture(43)
    case = lab.ready_case([kept.records[0]])
    exempted(case, kept.records[0], days=5)
    with pytest.raises(Conflict, match="nothing_to_erase"):
        erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    later(monkeypatch, days=6)
    services.close(case_id=case.id, actor=support.OFFICER)
    assert state_of(kept.records[0]) == Record.State.RESTRICTED
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    assert list(plan.records.values_list("record_id", flat=True)) == [kept.records[0].id]


def test_who_took_the_request_back_is_not_kept_for_an_exemption(monkeypatch):
    """R3, P-06: the file goes on the same day as everybody's."""
    kept = lab.picture(44)
    case = lab.ready_case([kept.records[0]])
    exempted(case, kept.records[0], days=300)
    services.withdraw(case_id=case.id, actor=support.person(case))
    later(monkeypatch, days=31)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.PURGED

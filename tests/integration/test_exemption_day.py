"""The last day of an exemption: it is told, and the erasure it held off is taken up (law E-03)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit import services as audit
from dsr_portal.cases import alarms, exemptions, letters, proposals, services
from dsr_portal.cases.correction_models import Lengthening
from dsr_portal.cases.models import (
    Alarm,
    Case,
    Escalation,
    LetterState,
    Proposal,
    ProposalKind,
    ProposalState,
    Status,
    Withheld,
)
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import lengthening
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import Notice, Record
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.matching import sign_in, staff
from tests.support.wrong import exempted

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
    browser.post(
        reverse("desk:erasure", kwargs={"reference": case.reference}), {"grounds": ["unlawful"]}
    )
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


# -- longer, before the last day -----------------------------------------------------------------


FACTS = "The court set the hearing for a later day."


def closed_with(seed: int, *, days: int) -> tuple[Case, Record]:
    """A closed case in which one picture was erased and another is kept."""
    kept, gone = lab.picture(seed), lab.picture(seed + 1)
    case = lab.ready_case([kept.records[0], gone.records[0]])
    exempted(case, kept.records[0], days=days)
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    return case, kept.records[0]


def longer(case: Case, record: Record, *, days: int, **more: object) -> Proposal:
    how = {
        "ground": "legal_claims",
        "facts": FACTS,
        "until": clock.today() + timedelta(days=days),
        "actor": support.OFFICER,
        **more,
    }
    return lengthening.lengthen(case_id=case.id, record_id=record.id, **how)


def test_before_its_last_day_two_persons_set_a_later_one_and_the_person_is_told(
    site, client, monkeypatch
):
    """E-03, R-01, Art. 12(4): alarm two weeks before, fact and ground, another person, a letter
    with the remedies; nothing is erased on the old day, and the later one has its own alarm."""
    site("desk")
    staff("V-1", "supervisor")
    case, record = closed_with(51, days=30)
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.EXEMPTION).exists()
    later(monkeypatch, days=17)
    alarms.raise_due()
    assert Escalation.objects.filter(code=Alarm.EXEMPTION, settled_at=None).count() == 1
    browser = sign_in(client, staff(support.OFFICER.id))
    of = {"reference": case.reference}
    shown = browser.get(reverse("desk:case", kwargs=of)).content.decode()
    assert "The last day of an exemption is near" in shown
    address = reverse("desk:lengthen", kwargs=of)
    page = browser.get(address).content.decode()
    assert "Do nothing, and its erasure starts the day after." in page
    until = clock.today() + timedelta(days=90)
    form = {
        "record_id": str(record.id),
        "ground": "legal_claims",
        "facts": FACTS,
        "until": until.isoformat(),
    }
    assert browser.post(address, form | {"facts": ""}).status_code == 422
    assert browser.post(address, form).status_code == 302
    proposal = Proposal.objects.get(kind=ProposalKind.LENGTHEN)
    before = Withheld.objects.get().until
    assert before is not None
    second = sign_in(Client(), staff(support.SECOND.id))
    card = second.get(reverse("desk:case", kwargs=of)).content.decode()
    assert FACTS in card
    settle = reverse("desk:settle", kwargs=of | {"proposal_id": proposal.id})
    assert second.post(settle, {"do": "agree"}).status_code == 302
    row = Withheld.objects.get()
    told = Lengthening.objects.get()
    assert (row.until, told.before, told.until) == (until, before, until)
    lab.run_all()
    told.letter.refresh_from_db()
    assert told.letter.state == LetterState.SENT, told.letter.error_code
    text = text_of(documents.open_document(told.letter.document_id))
    for words in (
        f"until {until.day} {until:%B %Y}. Here is why.",
        "It is needed for a legal claim. (Art. 17(3)(e) GDPR)",
        FACTS,
        "complain to a data protection authority",
        "go to court",
    ):
        assert words in text, words
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.EXEMPTION, settled_at=None).exists()
    later(monkeypatch, days=20)
    assert erasure.start_due() == 0
    assert state_of(record) == Record.State.RESTRICTED
    later(monkeypatch, days=60)
    alarms.raise_due()
    assert Escalation.objects.filter(code=Alarm.EXEMPTION, settled_at=None).count() == 1
    assert audit.verify().ok


def test_nobody_lengthens_alone_by_nothing_or_after_the_last_day(monkeypatch):
    """E-03, G-01: a later day within a year, fact and ground; after the last day it is too late."""
    case, record = closed_with(53, days=20)
    for wrong, code in (
        ({"ground": "others_rights"}, "no_such_ground"),
        ({"facts": " "}, "facts_missing"),
        ({"until": None}, "until_missing"),
        ({"until": clock.today() + timedelta(days=20)}, "until_missing"),
        ({"until": clock.today() + timedelta(days=400)}, "until_far"),
    ):
        with pytest.raises(BadInput) as refused:
            longer(case, record, days=60, **wrong)
        assert refused.value.code == code
    with pytest.raises(NotAllowed):
        longer(case, record, days=60, actor=support.person(case))
    proposal = longer(case, record, days=60)
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    later(monkeypatch, days=21)
    with pytest.raises(Conflict, match="nothing_kept"):
        proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    with pytest.raises(Conflict, match="nothing_kept"):
        longer(case, record, days=60)
    assert erasure.start_due() == 1
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.LAPSED
    assert not Lengthening.objects.exists()


def test_the_database_has_no_lengthening_that_is_none():
    """E-03."""
    case, record = closed_with(55, days=20)
    proposals.agree(proposal_id=longer(case, record, days=60).id, actor=support.SECOND)
    row = Lengthening.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Lengthening.objects.filter(id=row.id).update(until=row.before)


def test_the_day_after_the_last_one_the_erasure_starts_by_itself(settings, monkeypatch):
    """E-03, R4: by the schedule, in the name of who approved the answer, after the hold window;
    stopped in it by a person, it waits for a person."""
    case, record = closed_with(57, days=5)
    settings.DSR_HOLD_MINUTES = 60
    first = Plan.objects.get()
    assert erasure.start_due() == 0
    later(monkeypatch, days=5)
    assert erasure.start_due() == 0, "its last day is a day it still has"
    later(monkeypatch, days=1)
    assert erasure.start_due() == 1
    plan = Plan.objects.exclude(id=first.id).get()
    assert (plan.state, plan.approver) == (PlanState.HOLD, support.SECOND.id)
    assert erasure.start_due() == 0
    erasure.stop_plan(plan_id=plan.id, actor=support.OFFICER)
    assert state_of(record) == Record.State.RESTRICTED
    assert erasure.start_due() == 0, "a person starts it again"


def test_where_erasure_alone_was_asked_it_starts_as_well(monkeypatch):
    """E-03: nothing was delivered before; the day is the same."""
    kept, gone = lab.picture(63), lab.picture(64)
    case = lab.ready_case([kept.records[0], gone.records[0]], rights=["erasure"])
    exempted(case, kept.records[0], days=5)
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    case.refresh_from_db()
    assert (case.status, case.delivered_at) == (Status.CLOSED, None)
    later(monkeypatch, days=6)
    assert erasure.start_due() == 1
    lab.run_all()
    assert state_of(kept.records[0]) == Record.State.ERASED


@pytest.mark.parametrize("part", ["ground", "facts", "lock", "cure", "rights"])
def test_without_one_of_its_parts_the_letter_is_not_made(part):
    """R-01, law 9(d)."""
    case = support.opened()
    spec = letters.kinds.get("exemption")
    facts = {
        "number": 1, "before": "2026-12-01", "until": "2026-12-24", "ground": "legal_claims",
        "words": FACTS, "by": ["A", "B"],
    }  # fmt: skip
    whole = spec.compose(case, facts)
    assert letters.missing(spec, whole) == []
    rest = [one for one in whole.sections if one["id"] != part]
    assert letters.missing(spec, letters.Body(whole.short, whole.rows, rest)) == [
        f"missing: {part}"
    ]


def test_the_person_reads_the_day_on_the_page_once_the_answer_was_opened(site):
    """E-03, R3: what the answer and the letter say, and not before it was read."""
    site("public")
    kept = lab.picture(61)
    case = lab.ready_case([kept.records[0]])
    row = exempted(case, kept.records[0], days=30)
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    words = "One picture stays locked until"
    assert words not in browser.get(reverse("public:case")).content.decode()
    delivery = case.deliveries.get(kind="answer")
    services.open_delivery(token=services.link_token(delivery), code=code)
    shown = browser.get(reverse("public:case")).content.decode()
    assert row.until is not None
    assert f"{words} {row.until.day} {row.until:%B %Y}" in shown

"""Why an erasure is owed: proposed, chosen, kept, printed (Art. 17(1); law E-02, L-07)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case, CaseRight, Status
from dsr_portal.compliance import evidence, orders, report
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import neutral
from dsr_portal.documents import services as documents
from dsr_portal.erasure import certificate, grounds, services
from dsr_portal.erasure.models import Ground, Plan, PlanState, Why
from dsr_portal.gallery.models import Source
from dsr_portal.law.articles import ERASURE_GROUNDS, ErasureGround
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

DIRECTOR = Actor("L-9001", "director", "staff")
SUPERVISOR = Actor("A-2001", "supervisor", "staff")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    holders.holder().drop()
    yield
    holders.holder().drop()


def source(name: str, basis: str) -> Source:
    return Source.objects.create(name=name, legal_basis=basis, created_at=clock.now())


def of(plan: Plan) -> dict[str, str]:
    return dict(plan.grounds.values_list("ground", "why"))


def done(case: Case) -> Plan:
    lab.run_all()
    plan = Plan.objects.filter(case=case).latest("frozen_at")
    assert plan.state == PlanState.DONE
    return plan


def printed(plan: Plan) -> str:
    assert plan.document_id is not None
    return text_of(documents.open_document(plan.document_id))


def events(case: Case, kind: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(case_id=case.id, type=kind).order_by("number")
    return [dict(row.data or {}) for row in rows]


def ordered(case: Case) -> Any:
    """An order of the Dutch authority to erase in this case."""
    for who in (DIRECTOR, SUPERVISOR):
        staff(who.id, Role(who.role))
    served = orders.Served(
        authority_code="NL",
        reference="AP-2026-77",
        basis="request",
        served_on=clock.today(),
        due_on=clock.today() + clock.timedelta(days=20),
        owner=DIRECTOR.id,
        document=b"%PDF-1.7",
    )
    order = orders.enter(served=served, actor=SUPERVISOR)
    orders.add_measure(
        order_id=order.id,
        kind="erase",
        words="Erase what is held.",
        named=[case.reference],
        actor=SUPERVISOR,
    )
    return order


def test_without_a_documented_basis_unlawful_use_is_ticked_and_printed(site: Any, client: Any):
    """E-02: (d) is pre-selected, chosen, kept as a row, and the certificate prints it."""
    site("desk")
    own = lab.picture(1)
    case = lab.ready_case(own.records)
    browser = sign_in(client, staff(support.OFFICER.id))
    address = reverse("desk:erasure", kwargs={"reference": case.reference})
    page = browser.get(address).content.decode()
    ticked = [line for line in page.splitlines() if "checked" in line and 'name="grounds"' in line]
    assert len(ticked) == 1
    assert 'value="unlawful"' in ticked[0]
    assert "No legal basis is documented for: Test crawl." in page

    refused = browser.post(address, {"words": "nothing ticked"})
    assert refused.status_code == 422
    assert not Plan.objects.exists()
    browser.post(address, {"grounds": ["unlawful"]})
    plan = done(case)

    row = plan.grounds.get()
    assert (row.ground, row.why, row.by_rule) == ("unlawful", Why.NO_BASIS, False)
    assert row.decided_by == support.OFFICER.id
    text = printed(plan)
    assert "Why we had to delete it" in text
    assert "Art. 17(1)(d) GDPR" in text
    assert "The data were used unlawfully." in text
    assert "No legal basis is documented for: Test crawl." in text
    assert "17(1)(c)" not in text


def test_a_ground_nobody_saw_needs_a_sentence_which_is_sealed_and_printed(site: Any):
    """E-02: what the rule did not propose is chosen with words; they are in no row and no event."""
    own = lab.picture(2)
    case = lab.ready_case(own.records)
    words = "The crawl of this site ended in March."
    with pytest.raises(NotAllowed):
        grounds.choose(case_id=case.id, actor=Actor("S-3001", "dpo", "staff"), grounds=["unlawful"])
    for wrong, code in (
        ([], "ground_missing"),
        (["order"], "no_such_ground"),
        (["because"], "no_such_ground"),
        (["no_longer_needed"], "words_missing"),
    ):
        with pytest.raises(BadInput) as told:
            grounds.choose(case_id=case.id, actor=support.OFFICER, grounds=wrong)
        assert told.value.code == code
    grounds.choose(
        case_id=case.id,
        actor=support.OFFICER,
        grounds=["no_longer_needed", "unlawful"],
        words=words,
    )
    assert set(grounds.preselected(case)) == {"no_longer_needed", "unlawful"}
    services.start_erasure(case_id=case.id, actor=support.person(case))
    plan = done(case)
    assert of(plan) == {"no_longer_needed": "", "unlawful": Why.NO_BASIS}
    text = printed(plan)
    assert words in text
    assert "Art. 17(1)(a) GDPR" in text
    trail = json.dumps([row.data for row in Event.objects.filter(case_id=case.id)], default=str)
    assert "crawl of this site" not in trail
    row = plan.grounds.get(ground="no_longer_needed")
    assert vault.read(case.file_unit, row.field).decode() == words
    with pytest.raises(Conflict):
        grounds.choose(case_id=case.id, actor=support.OFFICER, grounds=["unlawful"])


def test_where_nobody_chose_the_proposal_counts_in_the_name_of_who_answers_for_it():
    """E-02, E-09: consent, another basis, an objection; each source has its own sentence."""
    consented = lab.picture(3, source=source("Fan club", "Art. 6(1)(a): consent of members"))
    weighed = lab.picture(4, source=source("Press", "Art. 6(1)(f): weighed on 2 May"))
    case = lab.ready_case([*consented.records, *weighed.records])
    services.start_erasure(case_id=case.id, actor=support.person(case))
    plan = done(case)
    assert of(plan) == {
        "consent_withdrawn": Why.CONSENT_BASIS,
        "objection": Why.OTHER_BASIS,
    }
    assert {(row.by_rule, row.decided_by) for row in plan.grounds.all()} == {(True, plan.approver)}
    text = printed(plan)
    assert "The basis stated is consent, for: Fan club." in text
    assert "A wish to delete counts as an objection, for: Press." in text
    assert events(case, "erasure.grounded") == [
        {"grounds": ["consent_withdrawn", "objection"], "by_rule": 2}
    ]

    asked = lab.ready_case(lab.picture(5).records)
    CaseRight.objects.create(case=asked, right="objection")
    assert grounds.proposed(asked) == {
        ErasureGround.UNLAWFUL: Why.NO_BASIS,
        ErasureGround.OBJECTION: Why.OBJECTED,
    }


def test_an_order_is_a_ground_of_its_own_beside_what_is_chosen():
    """E-02: nobody ticks it, nobody unticks it; an ended order is proposed no more."""
    own = lab.picture(6)
    case = lab.ready_case(own.records)
    order = ordered(case)
    assert ErasureGround.ORDER in grounds.proposed(case)
    assert ErasureGround.ORDER not in grounds.preselected(case)
    grounds.choose(case_id=case.id, actor=support.OFFICER, grounds=["unlawful"])
    services.start_erasure(case_id=case.id, actor=support.OFFICER)
    plan = done(case)
    assert of(plan) == {"order": Why.ORDERED, "unlawful": Why.NO_BASIS}
    text = printed(plan)
    assert "Art. 58(2)(g) GDPR" in text
    assert "By: Autoriteit Persoonsgegevens." in text

    other = lab.ready_case(lab.picture(7).records)
    orders.add_measure(
        order_id=order.id,
        kind="erase",
        words="This one too.",
        named=[other.reference],
        actor=SUPERVISOR,
    )
    assert ErasureGround.ORDER in grounds.proposed(other)
    orders.end(order_id=order.id, decision="Court of Utrecht, 3 May", actor=DIRECTOR)
    assert ErasureGround.ORDER not in grounds.proposed(other)


def test_grounds_change_in_the_hold_window_and_not_later(settings: Any):
    """E-02: a plan that waits out its window takes the new choice; what has begun keeps its own."""
    settings.DSR_HOLD_MINUTES = 60
    own = lab.picture(8)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert of(plan) == {"unlawful": Why.NO_BASIS}
    grounds.choose(
        case_id=case.id, actor=support.SECOND, grounds=["legal_duty"], words="A law says so."
    )
    assert of(plan) == {"legal_duty": ""}
    services.end_hold(plan_id=plan.id, actor=Actor.operator())
    plan = done(case)
    assert of(plan) == {"legal_duty": ""}
    assert [one["grounds"] for one in events(case, "erasure.grounded")] == [
        ["unlawful"],
        ["legal_duty"],
    ]
    assert Ground.objects.filter(case=case, plan=None).count() == 1


def test_the_certificate_gives_the_ground_in_the_persons_language():
    """E-02, T-02: heading, ground and reason, none left in English."""
    own = lab.picture(9)
    case = lab.ready_case(own.records)
    Case.objects.filter(id=case.id).update(language="nl")
    services.start_erasure(case_id=case.id, actor=support.OFFICER)
    text = printed(done(case))
    assert "Waarom we het moesten verwijderen" in text
    assert "De gegevens zijn onrechtmatig gebruikt." in text
    assert "Er is geen grondslag vastgelegd voor: Test crawl." in text
    for facts in ERASURE_GROUNDS.values():
        with translation.override("en"):
            english = str(facts.text)
        for language in ("nl", "de"):
            with translation.override(language):
                assert str(facts.text) != english


def test_nothing_outward_tells_a_ground_before_the_certificate():
    """E-02, R3: the neutral letter is made of the request; grounds come from what was found."""
    hit = lab.ready_case(lab.picture(10).records, rights=("restriction",))
    miss = support.opened(("restriction",))
    said = [neutral._context(one) for one in (hit, miss)]
    for one in said:
        one.pop("facts")
    assert said[0] == said[1]
    assert "17(1)" not in json.dumps(said, default=str)


def test_an_authority_reads_grounds_proofs_and_the_end_of_backups():
    """L-07, L-10: the report has grounds with article and person, and when the last backup ends."""
    own = lab.picture(11)
    case = lab.ready_case(own.records)
    grounds.choose(
        case_id=case.id, actor=support.OFFICER, grounds=["unlawful", "legal_duty"], words="By law."
    )
    services.start_erasure(case_id=case.id, actor=support.OFFICER)
    plan = done(case)
    row = compliance.request_report(
        case_id=case.id, authority_code="", actor=Actor("S-3001", "dpo", "staff")
    )
    lab.run_all()
    row.refresh_from_db()
    assert row.document_id is not None
    text = text_of(documents.open_document(row.document_id))
    assert "Art. 17(1)(d) GDPR; chosen by a person; " + support.OFFICER.id in text
    assert "Art. 17(1)(e) GDPR; chosen by a person; " + support.OFFICER.id in text
    assert "By law." not in text
    assert "Last older backup ends" in text
    told = {one.type: one.data for one in reversed(evidence.told(audit.export(case.id)))}
    shredded, verified = told["erasure.shredded"], told["erasure.verified"]
    assert shredded["ledger_last"] >= shredded["ledger_first"] > 0
    assert "Entries of the erasure ledger" in text
    rows = dict(report._erasure(case, evidence.told(audit.export(case.id)))["rows"])
    assert rows["Entries of the erasure ledger"].startswith(str(shredded["ledger_first"]))
    # Per store: its state, and of backups until when they are kept.
    assert len(verified["stores"]) == len(verified["states"]) == plan.verifications.count() > 5
    assert "backups" in verified["stores"]
    machine = certificate.payload(plan, certificate.context(plan), audit_head())
    assert machine["grounds"] == [
        {"ground": "legal_duty", "article": "Art. 17(1)(e) GDPR"},
        {"ground": "unlawful", "article": "Art. 17(1)(d) GDPR"},
    ]
    case.refresh_from_db()
    assert case.status == Status.CLOSED


def audit_head() -> Any:
    from dsr_portal.audit import services as audit

    return audit.head()

"""The audit report of a case: made from the trail, honest when it is broken (law 7, 9(e), L-25)."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pikepdf
import pytest
from django.db import connection, transaction

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit import triggers
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.compliance import (
    breaches,
    evidence,
    orders,
    own_processing,
    report,
    search_log,
    selectors,
    services,
)
from dsr_portal.compliance.models import AuditReport, CaseGrant, Measure, Order, ReportState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed, NotFound
from dsr_portal.documents import services as documents
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.matching.models import Decision, Probe, Review, Search
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Template
from tests.support import answers
from tests.support.answers import DPO, OFFICER, SUPERVISOR, a_face, found, text_of
from tests.support.gallery import own_places
from tests.support.matching import staff

pytestmark = pytest.mark.django_db(transaction=True)

NL = Actor("R-4001", "regulator", "regulator")
IT = Actor("R-4002", "regulator", "regulator")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def case() -> Case:
    """A case that was answered and left, opened to the Dutch authority."""
    case = answers.released(answers.answered(found(a_face(), a_face(seed=2))))
    opened_to(case)
    return case


@pytest.fixture
def undecided() -> Case:
    """A case that just arrived, opened to the Dutch authority."""
    answers.staff()
    case = answers.requested()
    opened_to(case)
    return case


def opened_to(case: Case, code: str = "NL", *, days: int = 30) -> CaseGrant:
    return services.grant_case(
        case_id=case.id,
        authority_code=code,
        until=clock.now() + timedelta(days=days),
        actor=SUPERVISOR,
    )


def reported(case: Case, actor: Actor = NL, code: str = "NL") -> AuditReport:
    row = services.request_report(case_id=case.id, authority_code=code, actor=actor)
    jobs.run_due(queues=["light"])
    row.refresh_from_db()
    return row


def opened(row: AuditReport) -> bytes:
    assert row.document_id is not None
    return documents.open_document(row.document_id)


def file_in(pdf: bytes, name: str) -> dict[str, Any]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert sorted(document.attachments) == [
            services.ORDERS,
            services.SEARCHES,
            services.TRAIL,
        ]
        return dict(json.loads(document.attachments[name].get_file().read_bytes()))


def trail_in(pdf: bytes) -> dict[str, Any]:
    return file_in(pdf, services.TRAIL)


def tampered(sql: str, *values: Any) -> None:
    """Change the database as its owner could, past the triggers."""
    with transaction.atomic():
        triggers.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
    with transaction.atomic():
        triggers.install(connection)


# -- the report ----------------------------------------------------------------------------------


def test_the_report_states_scope_maker_head_and_how_to_check(case: Case) -> None:
    """L-25, 9(e), R29."""
    row = reported(case)
    pdf = opened(row)
    text = text_of(pdf)
    assert row.state == ReportState.READY
    assert row.trail_verified is True
    assert documents.verify(pdf).intact
    for part in (
        case.reference,
        "Autoriteit Persoonsgegevens",
        "R-4001 (regulator)",
        "No filter was applied",
        "Halden Images",
        "every event is as it was written",
        "hnswlib proposes, then an exact sweep",
        "7 of 7",
        "Searches showing a stranger",
        "0 of 2 pictures seen by both",
        "not tested",
        "date collection stopped: not stated by the controller",
        "How to verify the trail",
        "Known gaps",
        "Evidence missing none",
    ):
        assert part in text, part
    for who in ("mina@", "Mina", "Nadia Roth"):
        assert who not in text
    export = trail_in(pdf)
    assert str(export["head"]["number"]) in text
    assert export["head"]["hash"] in text.replace(" ", "")


def test_the_file_inside_verifies_and_extends_an_earlier_head(case: Case) -> None:
    """R29, L-20: what the regulator takes home proves itself, against a head kept before."""
    earlier = audit.head()
    pdf = opened(reported(case))
    export = trail_in(pdf)
    assert audit.verify_export(export).ok
    assert audit.verify_export(export, earlier).ok
    printed = audit.Head(export["head"]["number"], export["head"]["hash"])
    assert audit.verify_export(export, printed).ok
    assert {entry["header"]["case_id"] for entry in export["events"]} == {str(case.id)}
    changed = json.loads(json.dumps(export))
    changed["events"][3]["payload"] += " "
    broken = audit.verify_export(changed)
    assert (broken.ok, broken.reason) == (False, "changed_payload")
    assert broken.first_broken == export["events"][3]["header"]["number"]


def test_a_report_says_nothing_of_other_cases(case: Case) -> None:
    """O-06: another case's events are one hash each."""
    other = answers.requested()
    pdf = opened(reported(case))
    assert other.reference not in text_of(pdf)
    assert str(other.id) not in json.dumps(trail_in(pdf))


CHANGES = (
    ("audit_payload", "event_id", "body", "same", "sane", "changed_payload"),
    ("audit_event", "id", "actor_id", "A-1001", "A-1009", "changed_header"),
    ("audit_event", "id", "at", "-", "x", "changed_header"),
)


def test_one_changed_byte_is_named_on_the_first_page(case: Case) -> None:
    """L-20, 1b step 7: the report is made all the same and says which event."""
    event = Event.objects.filter(case_id=case.id, type="decision.made").first()
    assert event is not None
    for table, key, column, old, new, reason in CHANGES:
        change = f"UPDATE {table} SET {column} = replace({column}, %s, %s) WHERE {key} = %s"  # noqa: S608 - names of our own schema
        tampered(change, old, new, event.id.hex)
        assert not audit.verify().ok
        row = reported(case)
        assert (row.state, row.trail_verified) == (ReportState.READY, False), column
        text = text_of(opened(row))
        assert "The trail does NOT verify." in text
        assert f"First broken event: number {event.number} ({reason})." in text
        made = Event.objects.filter(type="oversight.report_made").last()
        assert made is not None
        assert made.data is not None
        assert made.data["first_broken"] == event.number
        assert audit.verify_export(trail_in(opened(row))).ok is False, column
        tampered(change, new, old, event.id.hex)
        assert audit.verify().ok


# -- orders and breaches ---------------------------------------------------------------------------

DIRECTOR = Actor("L-9001", "director", "staff")


def ordered(case: Case | None, code: str, reference: str, **more: Any) -> Order:
    """An order of an authority to answer: this case, or every request of its day."""
    answers.staff()
    if not Staff.objects.filter(staff_no="L-9001").exists():
        staff("L-9001", Role.DIRECTOR)
    order = orders.enter(
        served=orders.Served(
            authority_code=code,
            reference=reference,
            basis="request",
            served_on=clock.today(),
            due_on=clock.today(),
            owner="L-9001",
            document=b"%PDF-1.7 for Mina Halvorsen",
            penalty="daily",
            penalty_amount=Decimal(1000),
            **more,
        ),
        actor=SUPERVISOR,
    )
    orders.add_measure(
        order_id=order.id,
        kind="answer",
        words="Answer Mina Halvorsen.",
        named=[case.reference] if case else [],
        actor=SUPERVISOR,
    )
    jobs.run_due(queues=["light"])
    order.refresh_from_db()
    return order


def test_orders_about_the_case_stand_in_its_report_of_that_authority_only(
    undecided: Case,
) -> None:
    """L-17, O-06, R23: dates, check, penalty days; never another authority's order or its words."""
    ordered(undecided, "NL", "AP-2026-77")
    ordered(None, "NL", "AP-2026-78")
    ordered(undecided, "IT", "GPDP-9")
    stranger = ordered(answers.requested(), "NL", "AP-2026-79")
    Order.objects.update(due_on=clock.today() - timedelta(days=3), served_on=date(2020, 1, 1))
    Order.objects.filter(reference="AP-2026-78").update(
        served_on=clock.today(), due_on=clock.today()
    )
    pdf = opened(reported(undecided))
    text = text_of(pdf)
    for said in (
        "Orders about this case (1)",
        "AP-2026-77",
        "AP-2026-78",
        "Art. 58(2)(c): answer requests of persons",
        "1 is left; checked",
        "EUR 3000.00 as the order writes it; 3 days over the date",
        "L-9001",
    ):
        assert said in text, said
    for hidden in ("GPDP-9", stranger.reference, "Mina", "Person L-9001"):
        assert hidden not in text, hidden
    told = file_in(pdf, services.ORDERS)["orders"]
    assert {one["reference"] for one in told} == {"AP-2026-77", "AP-2026-78"}
    first = next(one for one in told if one["reference"] == "AP-2026-77")
    assert (first["state"], first["penalty_days"], first["complied_at"]) == ("open", 3, None)
    assert first["measures"][0]["passes"] is False
    assert "GPDP-9" in text_of(opened(reported(undecided, DPO, "")))
    italy = report.build(case=undecided, authority_code="IT", requested_by="R-4002", role="x")
    assert [one.data["reference"] for one in italy.touching.orders] == ["GPDP-9"]


def test_how_an_order_was_fulfilled_stands_in_the_report(undecided: Case) -> None:
    """O-02, O-05, L-17: the signature with its evidence, the court, the confirmation."""
    order = ordered(undecided, "NL", "AP-2026-80")
    Measure.objects.update(passes=True, left=0)
    Order.objects.update(checked_at=clock.now())
    orders.challenge(
        order_id=order.id, court="Rechtbank", reference="UTR 26/1", suspensive=False, actor=DIRECTOR
    )
    orders.comply(order_id=order.id, evidence=b"letter", actor=DIRECTOR)
    orders.acknowledge(order_id=order.id, on=clock.today(), actor=SUPERVISOR)
    text = text_of(opened(reported(undecided)))
    for said in (
        "signed as complied with by L-9001",
        "confirmed by the authority on",
        "Rechtbank, UTR 26/1: not suspended",
        "done when checked",
    ):
        assert said in text, said


def test_breaches_about_the_case_tell_times_and_decisions_and_no_words_of_persons(
    undecided: Case,
) -> None:
    """O-07, Art. 33(5), O-06: 72 hours, notified or by whom not, when the person was told."""
    other = answers.requested()
    words = {"nature": "Mina saw it.", "effects": "They know.", "measures": "Closed."}
    began = breaches.open_breach(
        kind="disclosed", aware_at=clock.now(), actor=SUPERVISOR, reference=other.reference
    )
    breaches.describe(breach_id=began.id, actor=SUPERVISOR, people=1, records=1, **words)
    assert "No breach in the register is about this case." in text_of(opened(reported(undecided)))
    breaches.tell_person(
        breach_id=began.id, reference=undecided.reference, actor=SUPERVISOR, **words
    )
    staff("L-9001", Role.DIRECTOR)
    row = breaches.propose_spare(
        breach_id=began.id, what="authority", reason="Mina agreed.", actor=SUPERVISOR
    )
    pdf = opened(reported(undecided))
    text = text_of(pdf)
    assert "waits for another person, so not in force" in text
    assert "written to on" in text
    breaches.agree_spare(decision_id=row.id, actor=DIRECTOR)
    late = breaches.open_breach(
        kind="lost",
        aware_at=clock.now() - timedelta(hours=80),
        actor=SUPERVISOR,
        reference=undecided.reference,
    )
    breaches.describe(breach_id=late.id, actor=SUPERVISOR, people=1, records=1, **words)
    breaches.make_notice(
        breach_id=late.id, authority_code="IT", late="Nobody read it.", actor=SUPERVISOR
    )
    breaches.record_notified(breach_id=late.id, at=clock.now(), actor=SUPERVISOR)
    pdf = opened(reported(undecided))
    text = text_of(pdf)
    for said in (
        "Breaches about this case (1)",
        "Breaches about this case (2)",
        "no, by a decision of two persons",
        "agreed to by L-9001",
        "another authority; 9 hours late",
        "not written to about it",
    ):
        assert said in text, said
    for hidden in (other.reference, "Mina", "Garante"):
        assert hidden not in text, hidden
    told = file_in(pdf, services.ORDERS)["breaches"]
    assert [one["began_in_this_case"] for one in told] == [True, False]
    assert [one["hours_late"] for one in told] == [9, 0]
    assert other.reference not in json.dumps(told)
    assert "Garante" in text_of(opened(reported(undecided, DPO, "")))


def test_the_report_claims_no_schedule_that_removes_payloads(undecided: Case) -> None:
    """L-25, R29: removed payloads are counted; no schedule removes any."""
    text = text_of(opened(reported(undecided)))
    assert "Payloads removed" in text
    assert "by schedule" not in text


# -- the portal's own processing ------------------------------------------------------------------


def test_each_row_about_our_own_processing_is_shown_by_something(case: Case) -> None:
    """P-14: P-01 to P-18, each with an event of the trail, a register or a check made now."""
    events = evidence.told(audit.export(case.id))
    rows = {one.row: one.words for one in own_processing.shown(case, events)}
    assert list(rows) == [f"P-{number:02}" for number in range(1, 19)]
    assert all(rows.values())
    (consent,) = [one.number for one in events if one.type == "consent.given"]
    assert rows["P-01"].endswith(f"events {consent}")
    assert rows["P-02"] == f"comparison: events {consent}"
    assert rows["P-03"] == "nothing of this kind happened in the case"
    assert rows["P-04"] == "checked now: of 1 photos 0 in the gallery"
    assert rows["P-11"] == "given beside the comparison: none"
    assert rows["P-12"].startswith("decisions by a program: 0 of ")
    assert "A-1001: 1 January 2030" in rows["P-17"]
    text = text_of(opened(reported(case)))
    assert "How this request itself was handled" in text
    for row in rows:
        assert row in text, row


def test_the_cookies_are_those_of_the_public_site_whoever_writes_them(site: Any) -> None:
    """P-16: a worker or the desk makes the report; the person meets the public site's."""
    for name in ("public", "desk"):
        site(name)
        assert own_processing.public_cookies() == [
            "dsr_public_session",
            "dsr_public_csrf",
            "dsr_public_language",
        ]


def test_what_is_wrong_with_our_own_processing_shows(case: Case) -> None:
    """P-14, P-04, P-12, P-17: no line is a sentence that always stands there."""
    events = evidence.told(audit.export(case.id))
    Template.objects.update(unit=Probe.objects.get(case=case).unit)
    Staff.objects.filter(staff_no="A-1002").update(trained_until=None)
    changed = [
        replace(one, actor_kind="system") if one.type == "answer.approved" else one
        for one in events
        if one.type != "consent.given"
    ]
    rows = {one.row: one.words for one in own_processing.shown(case, changed)}
    assert rows["P-01"] == "no consent was given, so no photo was used"
    assert rows["P-04"] == "checked now: of 1 photos 2 in the gallery"
    assert rows["P-12"].startswith("decisions by a program: 1 of ")
    assert "A-1002: no training" in rows["P-17"]


# -- redaction and decision -----------------------------------------------------------------------


@pytest.mark.parametrize("covers", [True, False])
def test_faces_found_covered_and_left_open_are_in_the_trail(
    covers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L-06: another person's face in the same picture; one that stayed open would be counted."""
    own, other = a_face(), a_face(seed=2)
    Record.objects.filter(id=other.id).update(image=own.image, face_number=2)
    if not covers:
        real = recognition.cover_others
        monkeypatch.setattr(
            recognition, "cover_others", lambda *at, **how: replace(real(*at, **how), covered=())
        )
    case = answers.answered(found(own)).case
    (made,) = [one for one in evidence.told(audit.export(case.id)) if one.type == "answer.made"]
    assert made.data is not None
    said = {name: made.data[name] for name in ("covered", "faces", "exceptions", "redactor")}
    wanted = (1, 2, 0) if covers else (0, 1, 1)
    assert said == {**dict(zip(said, wanted, strict=False)), "redactor": "program"}
    rows = dict(report._redaction([made]))
    assert rows["Faces of others left open"].startswith(f"{wanted[2]};")


def test_the_decision_has_outcome_ground_exemption_approvers_and_advice(case: Case) -> None:
    """L-07: each in the trail or said to be none; the DPO advises on the way, not on a request."""
    events = evidence.told(audit.export(case.id))
    approved = next(one for one in events if one.type == "answer.approved")
    assert case.outcome in {(one.data or {}).get("outcome") for one in events}
    assert approved.actor_id in {"A-1001", "A-1002", "S-2001"}
    rows = dict(report._answer(case, events)["rows"]) | dict(report._refusals(case, events)["rows"])
    assert rows["Prepared by, approved by"] == f"A-1001, {approved.actor_id}"
    assert (rows["Held back"], rows["Refused"]) == ("none", "no")
    advice = rows["Advice of the data protection officer"]
    assert "version 1: D-9900" in advice
    assert "on this request: none" in advice
    assert rows["Faces found in these pictures"] == "2"
    text = text_of(opened(reported(case)))
    assert "Advice of the data protection officer" in text
    assert "on this request: none" in text


# -- the log of searches --------------------------------------------------------------------------


def test_one_search_is_one_complete_row_of_the_log_inside_the_report(case: Case) -> None:
    """AI-04, L-04: period, reference database, input by reference, method, result, errors, and
    who verified it; nothing of it is left empty."""
    pdf = opened(reported(case))
    (row,) = file_in(pdf, services.SEARCHES)["searches"]
    assert row["missing"] == []
    search, probe = Search.objects.get(case=case), Probe.objects.get(case=case)
    assert row["search"] == str(search.id)
    compared = row["comparison"]
    assert compared["period"]["began_at"] <= row["ended_at"]
    database = compared["reference_database"]
    assert (database["compared"], database["enrolled"]) == (7, 7)
    assert database["systems"] == ["gallery_faces"]
    assert database["not_searched"] == ["product_queries", "product_results"]
    assert compared["input"]["inputs"] == [str(probe.id)]
    assert (compared["method"]["model"], compared["method"]["top_k"]) == (
        "SFace",
        "all_over_threshold",
    )
    assert [(one["position"], one["staff"]) for one in row["verified_by"]] == [
        ("first", "A-1001"),
        ("second", "A-1002"),
    ]
    assert row["verified_by"][0]["verdicts"] == {"same": 2}
    text = text_of(pdf)
    for said in ("Log of searches", "gallery_faces", "product_queries", "A-1002 (second)"):
        assert said in text, said


def test_a_part_that_an_event_does_not_have_is_named_and_never_filled_in(case: Case) -> None:
    """AI-04: a missing field fails the row; so do the parts that older events never had."""
    events = evidence.told(audit.export(case.id))
    for kind, parts in search_log.PARTS.items():
        for part, names in parts.items():
            for name in names:
                found = [event for event in events if event.type == kind]
                for event in found:
                    assert event.data is not None
                    less = {key: value for key, value in event.data.items() if key != name}
                    left = [replace(one, data=less) if one is event else one for one in events]
                    (row,) = search_log.rows(left)
                    where = f"{search_log.KINDS[kind]}.{part}.{name}"
                    assert row["missing"] == [where]


# -- completeness ----------------------------------------------------------------------------------


def proofs(case: Case) -> dict[str, evidence.Proof]:
    events = evidence.told(audit.export(case.id))
    return {proof.row: proof for proof in evidence.completeness(case, events)}


def test_each_row_of_the_evidence_is_named(case: Case) -> None:
    """L-01 to L-14."""
    rows = proofs(case)
    assert list(rows) == [f"L-{number:02}" for number in range(1, 15)]
    assert [proof for proof in rows.values() if proof.missing] == []
    there = {int(row[2:]) for row, proof in rows.items() if proof.numbers}
    assert there >= {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14}
    assert evidence.standing(rows["L-10"]).startswith("not due")
    assert evidence.standing(rows["L-11"]).startswith("not due")


WANTED = (
    ("case.opened", "L-01"),
    ("receipt.issued", "L-01"),
    ("probe.received", "L-01"),
    ("identity.recorded", "L-02"),
    ("consent.given", "L-03"),
    ("probe.judged", "L-04"),
    ("search.performed", "L-04"),
    ("decision.made", "L-05"),
    ("review.decided", "L-05"),
    ("answer.made", "L-06"),
    ("case.decided", "L-07"),
    ("answer.approved", "L-07"),
    ("document.made", "L-08"),
    ("delivery.made", "L-09"),
    ("delivery.released", "L-09"),
    ("case.opened", "L-12"),
)


def test_a_taken_out_event_is_named_by_its_row(case: Case) -> None:
    """Section 7: any one event away, and the completeness check says which."""
    events = evidence.told(audit.export(case.id))
    for kind, row in WANTED:
        first = next(event for event in events if event.type == kind)
        left = [event for event in events if event.number != first.number]
        gone = {proof.row: proof for proof in evidence.completeness(case, left) if proof.missing}
        assert row in gone, kind
        assert evidence.standing(gone[row]).startswith(f"MISSING {kind}")


def test_an_event_cut_out_of_the_database_is_missing_in_the_report(case: Case) -> None:
    event = Event.objects.get(case_id=case.id, type="answer.approved")
    tampered("DELETE FROM audit_payload WHERE event_id = %s", event.id.hex)
    tampered("DELETE FROM audit_event WHERE id = %s", event.id.hex)
    text = text_of(opened(reported(case)))
    assert f"First broken event: number {event.number} (missing)" in text
    assert "Evidence missing L-07" in text
    assert "MISSING answer.approved: 0 of 1" in text


def test_a_decision_the_trail_never_heard_of_is_missing(case: Case) -> None:
    """L-05: a row written past the services has no event."""
    assert not proofs(case)["L-05"].missing
    review = Review.objects.get(case=case)
    decision = Decision.objects.filter(review=review).first()
    assert decision is not None
    Decision.objects.create(
        review=review,
        candidate=decision.candidate,
        position="supervisor",
        officer="S-2001",
        verdict="not_same",
    )
    assert proofs(case)["L-05"].missing == (("decision.made", 4, 5),)


# -- who may ask -----------------------------------------------------------------------------------


def test_an_authority_sees_only_what_was_opened_to_it_and_only_in_time(undecided: Case) -> None:
    """O-06."""
    assert selectors.may_read(actor=NL, authority_code="NL", case_id=undecided.id)
    assert not selectors.may_read(actor=IT, authority_code="IT", case_id=undecided.id)
    assert not selectors.may_read(actor=NL, authority_code="", case_id=undecided.id)
    with pytest.raises(NotFound):
        services.request_report(case_id=undecided.id, authority_code="IT", actor=IT)
    CaseGrant.objects.update(until=clock.now() - timedelta(seconds=1))
    assert not selectors.may_read(actor=NL, authority_code="NL", case_id=undecided.id)
    with pytest.raises(NotFound):
        services.request_report(case_id=undecided.id, authority_code="NL", actor=NL)
    assert selectors.may_read(actor=DPO, authority_code="", case_id=undecided.id)
    assert not selectors.may_read(actor=OFFICER, authority_code="", case_id=undecided.id)


def test_opening_a_case_takes_a_role_an_authority_and_a_future_end(undecided: Case) -> None:
    """O-06, L-17."""
    later = clock.now() + timedelta(days=1)
    with pytest.raises(NotAllowed):
        services.grant_case(case_id=undecided.id, authority_code="IT", until=later, actor=OFFICER)
    with pytest.raises(NotAllowed):
        services.grant_case(case_id=undecided.id, authority_code="IT", until=later, actor=NL)
    with pytest.raises(BadInput):
        services.grant_case(
            case_id=undecided.id, authority_code="XX", until=later, actor=SUPERVISOR
        )
    with pytest.raises(BadInput):
        services.grant_case(
            case_id=undecided.id, authority_code="IT", until=clock.now(), actor=SUPERVISOR
        )
    opened_to(undecided, days=60)
    assert CaseGrant.objects.filter(case=undecided).count() == 1
    assert selectors.open_grants_of(undecided.id)[0].until > clock.now() + timedelta(days=59)


def test_a_report_that_cannot_be_made_is_said_to_have_failed(
    undecided: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        raise BadInput("document_address", "")

    monkeypatch.setattr(report, "build", broken)
    row = services.request_report(case_id=undecided.id, authority_code="NL", actor=NL)
    for _ in range(5):
        Job.objects.filter(subject=str(row.id)).update(run_after=clock.now())
        jobs.run_due(queues=["light"])
    assert services.close_failed() == 1
    row.refresh_from_db()
    assert (row.state, row.error_code) == (ReportState.FAILED, "document_address")

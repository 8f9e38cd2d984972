"""The audit report of a case: made from the trail, honest when it is broken (law 7, 9(e), L-25)."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pikepdf
import pytest
from django.db import connection, transaction

from dsr_portal.audit import services as audit
from dsr_portal.audit import triggers
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.compliance import evidence, report, selectors, services
from dsr_portal.compliance.models import AuditReport, CaseGrant, ReportState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed, NotFound
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.matching.models import Decision, Review
from tests.support import answers
from tests.support.answers import DPO, OFFICER, SUPERVISOR, a_face, found, text_of
from tests.support.gallery import own_places

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


def trail_in(pdf: bytes) -> dict[str, Any]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert list(document.attachments) == [services.TRAIL]
        return dict(json.loads(document.attachments[services.TRAIL].get_file().read_bytes()))


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

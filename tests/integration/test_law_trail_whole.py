"""A whole case in the trail: every field is filled, and no event can go unnoticed (law 7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit import triggers
from dsr_portal.audit.models import Event, Payload
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome
from dsr_portal.compliance import evidence
from dsr_portal.compliance.evidence import NEEDS, Told, completeness, told
from dsr_portal.core.registries import event_types
from dsr_portal.documents.models import Document
from dsr_portal.erasure import services as erasure
from dsr_portal.matching.models import Probe, Verdict
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import lasting
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support import erasure as lab
from tests.support.cases import person
from tests.support.matching import sign_in
from tests.support.trail import undone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    answers.without_detector(monkeypatch)
    holders.holder().drop()
    yield
    holders.holder().drop()


# -- a full case of each kind ---------------------------------------------------------------------


def opened_by_the_person(case: Case, site: Any) -> Case:
    """Link, code, every part; before that somebody of staff looked at the case."""
    site("desk")
    desk = sign_in(Client(), Staff.objects.get(staff_no="A-1001"))
    assert desk.get(reverse("desk:case", args=[case.reference])).status_code == 200
    site("public")
    browser = Client()
    token = cases.link_token(case.deliveries.get())
    code = {"code": cases.receipt_code(case)}
    assert browser.post(reverse("public:answer", args=[token]), code).status_code == 302
    for ordinal, _part in enumerate(case.deliveries.get().parts.all(), start=1):
        answer = browser.get(reverse("public:answer_part", args=[token, ordinal]))
        assert answer.status_code == 200
        assert answer.getvalue()
    case.refresh_from_db()
    return case


def found_case(site: Any) -> Case:
    """Access and erasure, two pictures of the person, delivered and opened."""
    found = answers.found(answers.a_face(), answers.a_face(seed=2))
    return opened_by_the_person(answers.released(answers.answered(found)), site)


def nothing_found_case(site: Any) -> Case:
    record = answers.a_face()
    found = answers.found(record, verdicts={record.id: Verdict.NOT_SAME})
    return opened_by_the_person(answers.released(answers.answered(found)), site)


def withdrawn_case(site: Any) -> Case:
    answers.staff()
    case = answers.requested()
    cases.withdraw(case_id=case.id, actor=person(case))
    case.refresh_from_db()
    assert case.outcome == Outcome.WITHDRAWN
    return case


def erased_case(site: Any) -> Case:
    """Erased, verified, certified, and who was shown the picture is told."""
    shown = lab.picture(1)
    lab.seen_by(shown.records[0])
    case = lab.ready_case([shown.records[0]])
    plan = erasure.start_erasure(case_id=case.id, actor=answers.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.document_id is not None
    case.refresh_from_db()
    return case


KINDS = {
    # Kind -> how it is made, and the rows that apply to it. The erased case gets its photo,
    # search and decisions as rows of the database, without events.
    "found": (found_case, {*evidence.TITLES} - {"L-10", "L-11", "L-13"}),
    "nothing found": (nothing_found_case, {*evidence.TITLES} - {"L-10", "L-11", "L-13"}),
    "withdrawn": (withdrawn_case, {"L-01", "L-03", "L-12", "L-13"}),
    "erased": (erased_case, {"L-03", "L-10", "L-11", "L-12"}),
}


@pytest.fixture(params=KINDS)
def whole(request: pytest.FixtureRequest, site: Any) -> tuple[Case, set[str]]:
    make, rows = KINDS[request.param]
    return make(site), rows


def test_each_field_is_there_and_each_event_is_missed(whole: tuple[Case, set[str]]) -> None:
    """L-01 to L-14: of the exported JSON, no field of an event is empty without being optional;
    and whichever one event is taken away, the checks name it."""
    case, rows = whole
    events = told(audit.export(case.id))
    assert audit.verify().ok
    assert [one for event in events for one in unfilled(event)] == []
    proofs = {proof.row: proof for proof in completeness(case, events)}
    assert [row for row in sorted(rows) if not proofs[row].numbers] == []
    assert [(row, proofs[row].missing) for row in sorted(rows) if proofs[row].missing] == []
    for event in events:
        assert named_by_completeness(case, events, event, rows), (event.number, event.type)
        with cut_out(event):
            checked = audit.verify()
            assert (checked.ok, checked.first_broken) == (False, event.number), event.type


def unfilled(event: Told) -> list[str]:
    """Fields the kind of event has and this one leaves out, beside those that may be empty."""
    fields = event_types.get(event.type).fields
    data = event.data or {}
    return [
        f"{event.number} {event.type}.{name}"
        for name, field in fields.items()
        if data.get(name) is None and not getattr(field, "optional", False)
    ]


def named_by_completeness(case: Case, events: list[Told], gone: Told, rows: set[str]) -> bool:
    """Whether the rows that need this event say so; True where none counts its kind."""
    left = [event for event in events if event is not gone]
    counting = {
        need.row
        for need in NEEDS
        if gone.type in need.types
        and need.row in rows
        and need.count(case) == sum(one.type in need.types for one in events)
    }
    named = {proof.row for proof in completeness(case, left) if proof.missing}
    return counting <= named


@contextmanager
def cut_out(event: Told) -> Iterator[None]:
    """Without this event in the database, as its owner could take it out past the triggers."""
    with undone():
        triggers.remove(connection)
        Payload.objects.filter(event__number=event.number).delete()
        Event.objects.filter(number=event.number).delete()
        yield


def test_an_answer_that_never_was_is_no_missing_evidence() -> None:
    """A row that is not due says so, and is not counted as missing."""
    answers.staff()
    case = answers.requested()
    proofs = {one.row: one for one in completeness(case, told(audit.export(case.id)))}
    assert evidence.standing(proofs["L-10"]) == "not due: nothing of this kind happened in the case"
    assert evidence.standing(proofs["L-01"]) == "there"


# -- no hash of a photo ---------------------------------------------------------------------------


def hashes_of(data: bytes) -> set[str]:
    """In hex: plain ones, and keyed ones under every lasting key of the installation."""
    plain = {hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256", "blake2b")}
    digest = hashlib.sha256(data).digest()
    keyed = {
        vault.keyed_hash(purpose, content)
        for purpose in sorted(lasting._declared)
        for content in (data, digest, digest.hex().encode())
    }
    return plain | keyed


def test_no_hash_of_the_photo_is_in_the_trail_of_its_case() -> None:
    """L-22: neither plain nor keyed, so nothing of the photo is left to compare with once its key
    is destroyed; the hash of the report is there."""
    case = answers.released(answers.answered(answers.found(answers.a_face())))
    (probe,) = Probe.objects.filter(case=case)
    photo = vault.read(probe.unit, "picture")
    written = json.dumps(audit.export(case.id))
    assert len(hashes_of(photo)) > 10
    assert {one for one in hashes_of(photo) if one in written} == set()
    paper = Document.objects.filter(case_id=case.id).latest("created_at")
    assert paper.sha256 in written

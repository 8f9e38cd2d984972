"""A document as proof: never first, seen by one, noted and destroyed (law R-07, R-08)."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import proofs
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case
from dsr_portal.cases.proof_models import ProofDocument
from dsr_portal.compliance import evidence
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.matching.models import Probe
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import PictureRefused
from tests.support import cases as support
from tests.support.erasure import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def a_document(colour: str = "white") -> bytes:
    """A card: white, its number in red at the bottom, its face in green at the top."""
    card = Image.new("RGB", (400, 300), colour)
    card.paste("red", (40, 240, 360, 280))
    card.paste("green", (40, 40, 140, 160))
    out = io.BytesIO()
    card.save(out, "PNG")
    return out.getvalue()


def given(case: Case, **more: Any) -> ProofDocument:
    how = {"actor": Actor.person(case.id), "data": a_document(), "kind": "passport", **more}
    return proofs.give(case_id=case.id, **how)


def colour_at(data: bytes, x: int, y: int) -> tuple[int, ...]:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB").getpixel((x, y))


def asked(case: Case, *means: str) -> None:
    cases.ask_to_identify(
        case_id=case.id,
        actor=support.OFFICER,
        missing=["no_way_taken"],
        means=means,
        text="How would you like to show it?",
    )


def test_a_document_is_never_the_first_offer() -> None:
    """R-07: not in the first ask, not by staff before another way, not without a look."""
    case = support.opened()
    with pytest.raises(BadInput, match="document_first"):
        asked(case, "call", "visit", "document")
    with pytest.raises(Conflict, match="document_first"):
        given(case, actor=support.OFFICER, why="nothing_else")
    with pytest.raises(Conflict, match="document_first"):
        proofs.note_seen(
            case_id=case.id,
            actor=support.OFFICER,
            kind="passport",
            shows=True,
            why="nothing_else",
        )
    with pytest.raises(Conflict, match="document_not_checked"):
        cases.record_identity(
            case_id=case.id, actor=support.OFFICER, way="document", compared="A passport."
        )
    asked(case, "call", "visit")
    assert given(case, actor=support.OFFICER, why="nothing_else").why == "nothing_else"


def test_it_is_looked_at_noted_and_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-08: the picture was there and is gone; kind, yes or no, who and when stay; no face code."""

    def never(*_given: Any, **_more: Any) -> None:
        raise AssertionError("no program reads a document")

    for name in ("analyse", "embed", "judge", "cover_others"):
        if hasattr(recognition, name):
            monkeypatch.setattr(recognition, name, never)
    case = support.opened()
    proof = given(case)
    unit = proof.unit
    assert unit is not None
    assert vault.read(unit, proofs.PICTURE)[:2] == b"\xff\xd8"
    for who in (support.OFFICER, support.SUPERVISOR):
        with pytest.raises(NotAllowed, match="laid_before_another"):
            proofs.picture_of(proof_id=proof.id, actor=who)
    proofs.take(proof_id=proof.id, actor=support.OFFICER)
    with pytest.raises(NotAllowed, match="laid_before_another"):
        proofs.take(proof_id=proof.id, actor=support.SECOND)
    with pytest.raises(NotAllowed, match="laid_before_another"):
        proofs.check(proof_id=proof.id, actor=support.SECOND, shows=True)
    seen = proofs.picture_of(proof_id=proof.id, actor=support.OFFICER)
    assert colour_at(seen, 200, 260)[0] > 200
    proofs.check(proof_id=proof.id, actor=support.OFFICER, shows=True)
    vault.run_shred()
    assert vault.unit_state(unit) == vault.UnitState.SHREDDED
    with pytest.raises(NotFound):
        proofs.picture_of(proof_id=proof.id, actor=support.OFFICER)
    row = ProofDocument.objects.get()
    assert (row.kind, row.shows, row.checked_by) == ("passport", True, "S-1001")
    assert (row.checked_on, row.unit) == (clock.today(), None)
    event = Event.objects.get(type="proof.checked")
    assert event.actor_id == "S-1001"
    assert event.data == {"kind": "passport", "shows": True, "on": clock.today().isoformat()}
    assert Event.objects.filter(type="proof.seen").count() == 1
    assert not Probe.objects.exists()
    assert not Template.objects.exists()
    cases.record_identity(
        case_id=case.id, actor=support.OFFICER, way="document", compared="Name and photo."
    )


def test_the_evidence_has_doubt_means_result_officer_and_the_end_of_the_proof() -> None:
    """L-02: level, what was missing, ways offered, what was shown, to whom, when it went."""
    case = support.opened()
    asked(case, "call", "visit")
    proof = given(case)
    proofs.take(proof_id=proof.id, actor=support.OFFICER)
    proofs.check(proof_id=proof.id, actor=support.OFFICER, shows=True)
    cases.record_identity(
        case_id=case.id, actor=support.OFFICER, way="document", compared="Name and photo."
    )
    events = evidence.told(audit.export(case.id))
    told = {one.type: one for one in events}
    ask = told["identity.asked"]
    assert ask.data == {"missing": ["no_way_taken"], "means": ["call", "visit"]}
    assert told["identity.recorded"].data["level"] == 1
    assert told["identity.recorded"].actor_id == support.OFFICER.id
    assert told["proof.given"].data["why"] == "prefers"
    assert (told["proof.checked"].data["shows"], told["proof.checked"].actor_id) == (
        True,
        support.OFFICER.id,
    )
    destroyed = ProofDocument.objects.get().destroyed_at
    assert destroyed is not None
    assert abs((told["proof.destroyed"].at - destroyed).total_seconds()) < 60
    (row,) = [one for one in evidence.completeness(case, events) if one.row == "L-02"]
    assert row.missing == ()
    for kind in ("identity.asked", "proof.given", "proof.checked", "proof.destroyed"):
        left = [one for one in events if one.type != kind]
        (row,) = [one for one in evidence.completeness(case, left) if one.row == "L-02"]
        assert [name for name, _there, _wanted in row.missing] == [kind]


@pytest.mark.parametrize("checked", [True, False])
def test_a_document_from_before_the_newest_photo_shows_nothing_about_it(checked: bool) -> None:
    """R2, R-07: a newer photo resets; a document seen before it carries no check after it."""
    case = support.opened()
    seen = {"actor": support.OFFICER, "kind": "passport", "shows": True, "why": "prefers"}
    shown = {"actor": support.OFFICER, "way": "document", "compared": "Name and photo."}
    proofs.note_seen(case_id=case.id, **seen)
    if checked:
        assert cases.record_identity(case_id=case.id, **shown).level == 1
    with unit_of_work():
        cases.identity_asked_again(
            case=Case.objects.select_for_update().get(id=case.id), actor=Actor.person(case.id)
        )
    with pytest.raises(Conflict, match="document_not_checked"):
        cases.record_identity(case_id=case.id, **shown)
    proofs.note_seen(case_id=case.id, **seen)
    assert cases.record_identity(case_id=case.id, **shown).level == 1


def test_what_is_covered_is_nowhere_any_more() -> None:
    """R-08: the officer covers an area; the picture from before is destroyed with its unit."""
    case = support.opened()
    proof = given(case)
    before = proof.unit
    assert before is not None
    proofs.take(proof_id=proof.id, actor=support.OFFICER)
    with pytest.raises(BadInput, match="area_unfit"):
        proofs.areas_of("somewhere")
    areas = proofs.areas_of("8, 78, 84, 18\n")
    proofs.cover(proof_id=proof.id, actor=support.OFFICER, areas=areas)
    vault.run_shred()
    assert vault.unit_state(before) == vault.UnitState.SHREDDED
    seen = proofs.picture_of(proof_id=proof.id, actor=support.OFFICER)
    assert max(colour_at(seen, 200, 260)) < 30
    assert colour_at(seen, 90, 100)[1] > 90
    scanned = given(case, actor=support.SECOND, areas=areas)
    assert scanned.covered
    assert ProofDocument.objects.get(id=proof.id).ended_how == "over"
    assert scanned.unit is not None
    assert max(colour_at(vault.read(scanned.unit, proofs.PICTURE), 200, 260)) < 30
    with pytest.raises(PictureRefused):
        given(case, data=b"%PDF-1.7 no picture")


def test_nobody_looked_in_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-08: after DSR_PROOF_DAYS it goes by itself; also when the person takes the request back."""
    settings.DSR_PROOF_DAYS = 3
    case, other = support.opened(), support.opened()
    late, taken_back = given(case), given(other)
    assert proofs.end_due() == 0
    cases.withdraw(case_id=other.id, actor=Actor.person(other.id))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=3, minutes=1))
    assert proofs.end_due() == 1
    vault.run_shred()
    for one, how in ((late, "term"), (taken_back, "over")):
        assert one.unit is not None
        assert vault.unit_state(one.unit) == vault.UnitState.SHREDDED
        assert ProofDocument.objects.get(id=one.id).ended_how == how


def test_the_database_keeps_no_picture_of_what_was_checked() -> None:
    """R-08: a row that was looked at has no unit, and only who it was laid before checks it."""
    case = support.opened()
    proof = given(case)
    rows = ProofDocument.objects.filter(id=proof.id)
    checked = {"shows": True, "checked_by": "S-1001", "checked_on": clock.today()}
    for wrong in (
        {**checked, "laid_before": "S-1001"},
        {**checked, "laid_before": "S-1002", "unit": None, "destroyed_at": clock.now()},
        {"destroyed_at": clock.now(), "ended_how": "term"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_the_pages_of_person_and_officer(site: Any) -> None:
    """R-08: the person reads what to cover; the officer's picture is kept by no store."""
    case = support.opened()
    site("public")
    person = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    assert person.post(reverse("public:status"), keys).status_code == 302
    page = person.get(reverse("public:document")).content.decode()
    assert "cover everything but your face or your name" in page
    upload = SimpleUploadedFile("card.png", a_document(), "image/png")
    sent = {"kind": "id_card", "document": upload}
    assert person.post(reverse("public:document"), sent).status_code == 302
    proof = ProofDocument.objects.get()
    assert (proof.kind, proof.given_by) == ("id_card", "")
    site("desk")
    first = sign_in(Client(), staff("S-1", Role.OFFICER))
    second = sign_in(Client(), staff("S-2", Role.OFFICER))
    at = reverse("desk:proof", kwargs={"reference": case.reference})
    picture = reverse(
        "desk:proof_picture", kwargs={"reference": case.reference, "proof_id": proof.id}
    )
    assert first.post(at, {"do": "take"}).status_code == 302
    seen = first.get(picture)
    assert "no-store" in seen.headers["Cache-Control"]
    assert seen.content[:2] == b"\xff\xd8"
    assert second.get(picture).status_code == 403
    assert "Nobody else sees it" in second.get(at).content.decode()
    covers = {"do": "cover", "cover-areas": "0, 70, 100, 30"}
    assert first.post(at, covers).status_code == 302
    assert first.post(at, {"do": "cover", "cover-areas": "x"}).status_code == 422
    assert first.post(at, {"do": "check", "check-shows": "no"}).status_code == 302
    proof.refresh_from_db()
    assert (proof.shows, proof.unit) == (False, None)
    assert "It did not show who asks." in first.get(at).content.decode()
    scan = SimpleUploadedFile("card.png", a_document(), "image/png")
    sent = {"do": "scan", "scan-kind": "permit", "scan-why": "prefers", "scan-scan": scan}
    assert first.post(at, {**sent, "scan-areas": "0, 70, 100, 30"}).status_code == 302
    assert ProofDocument.objects.get(kind="permit").covered
    noted = {"do": "note", "note-shows": "yes", "note-kind": "licence", "note-why": "prefers"}
    assert second.post(at, noted).status_code == 302
    assert ProofDocument.objects.filter(kind="licence", shows=True, checked_by="S-2").exists()

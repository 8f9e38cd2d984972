"""What the portal keeps of who asks, store by store: seen there, then gone, with its receipt.

A canary is planted in each store and read back; time passes with every regular run, or the person
takes the request back; then no key is left, no file, no word in any row (law P-06, L-13; R4, R26).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.core.management import call_command

from dsr_portal.accounts.models import Role
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import drafts, extensions, proposals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, ConsentScope, Mail, RightCode, Status
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import schedule
from dsr_portal.disclosure import services as disclosure
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document, Kind
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery.models import Hold
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import services
from dsr_portal.matching.models import Candidate, Probe, Search, SearchState, Verdict
from dsr_portal.public import sending
from dsr_portal.public.forms import MAIL
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from dsr_portal.vault.ledger import Ledger
from dsr_portal.vault.models import Blob, Shredded, UnitKey
from tests.support import answers as letters
from tests.support import erasure as lab
from tests.support.mailbox import maildir, message, put
from tests.support.matching import (
    JPEG,
    actor,
    drawn,
    hits,
    say_all,
    staff,
    take,
    told,
)
from tests.support.represented import PAPER, sent_for_somebody
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)

DUE = ("light", "probe", "search")
WHY = "canary-reason-d83 The scar is the same."


@dataclass
class Stores:
    """Each store by name: its unit, and whether its canary can be read there now."""

    units: dict[str, UUID] = field(default_factory=dict)
    reads: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    canaries: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, unit: UUID | None, canary: bytes, read: Callable[[], bytes]) -> None:
        assert unit is not None
        self.units[name], self.reads[name], self.canaries[name] = unit, read, canary
        assert self.sees(name), f"nothing planted in {name}"

    def field(self, name: str, unit: UUID | None, key: str, canary: bytes) -> None:
        assert unit is not None
        held = unit
        self.add(name, unit, canary, lambda: vault.read(held, key))

    def sees(self, name: str) -> bool:
        return self.canaries[name] in self.reads[name]()

    def there(self) -> set[str]:
        return {name for name, unit in self.units.items() if live(unit)}

    def require_gone(self, *names: str) -> None:
        """No key, no ciphertext, and a receipt: a marker with reason and time, a ledger entry."""
        listed = ledgered()
        for name in names or tuple(self.units):
            unit = self.units[name]
            assert vault.unit_state(unit) == vault.UnitState.SHREDDED, name
            with pytest.raises(vault.Shredded):
                self.reads[name]()
            assert not UnitKey.objects.filter(id=unit).exists(), name
            assert not Blob.objects.filter(unit_id=unit).exists(), name
            receipt = Shredded.objects.get(unit_id=unit)
            assert receipt.reason, name
            assert receipt.at <= clock.now(), name
            assert unit in listed, f"{name} is in no entry of the ledger"


def live(unit: UUID) -> bool:
    return vault.unit_state(unit) == vault.UnitState.LIVE


def ledgered() -> set[UUID]:
    book = Ledger([Path(place) for place in configured.DSR_LEDGER])
    return {UUID(one["unit"]) for entry in book.entries() for one in entry.body["shredded"]}


@pytest.fixture
def people() -> list[Actor]:
    numbers = {"S-1": Role.OFFICER, "S-2": Role.OFFICER, "V-1": Role.SUPERVISOR}
    return [actor(staff(number, role)) for number, role in numbers.items()]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = told(monkeypatch)
    found.verdict = ProbeVerdict("ok", ("blurred",), (1, 1, 4, 4), JPEG + b"canary-crop-d83")
    letters.without_detector(monkeypatch)
    return found


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    lab.own_places(settings, tmp_path / "own")
    settings.DSR_WIDEN = False
    settings.DSR_HOLD_MINUTES = 0
    settings.DSR_LEASE_SECONDS = 600
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    return Travel(monkeypatch, "2026-09-11")


def runs() -> None:
    """Every regular run there is, and what they order; keys go at the end."""
    for _round in range(3):
        for _name, beat in schedule.items():
            beat.run()
        jobs.run_due(queues=DUE, limit=60)
    vault.run_shred()


def on(travel: Travel, day: str) -> None:
    travel.to(day)
    runs()


def in_clear(canaries: set[bytes], folder: Path, log: str) -> list[str]:
    """Where a canary can be read as it is: files, rows of every table, logs."""
    found = [
        f"{path}: {one!r}"
        for path in folder.rglob("*")
        if path.is_file()
        for one in canaries
        if one in path.read_bytes()
    ]
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            text = str(row)
            found += [f"{model.__name__}: {one!r}" for one in canaries if one.decode() in text]
    return found + [f"log: {one!r}" for one in canaries if one.decode() in log]


def written_draft() -> Any:
    draft = drafts.start_draft()
    drafts.put_photo(draft=draft, data=JPEG + b"canary-first-d83")
    drafts.put_file(draft=draft, data=JPEG + b"canary-file-d83")
    given = {
        "rights": [RightCode.ACCESS.value, RightCode.ERASURE.value],
        "consents": [ConsentScope.COMPARISON.value],
        "contact": {"how": MAIL, "email": "canary-mail-d83@example.org"},
        "other": "canary-words-d83",
        "account": "canary_account_d83",
    }
    drafts.save_answers(draft=draft, changes=given, step=4)
    return draft


def plant_draft(stores: Stores, name: str, draft: Any) -> None:
    stores.field(f"{name}: answers", draft.unit, "answers", b"canary-words-d83")
    stores.field(f"{name}: file", draft.file_unit, drafts.FILE, b"canary-file-d83")
    (photo,) = drafts.photos_of(draft)
    stores.field(f"{name}: photo", photo.unit, drafts.PHOTO, b"canary-first-d83")


def plant_document(stores: Stores, name: str, document_id: UUID | None, canary: bytes) -> None:
    assert document_id is not None
    held = Document.objects.get(id=document_id)

    def words() -> bytes:
        return letters.text_of(documents.open_document(held.id)).encode()

    stores.add(name, held.unit, canary, words)


def everything_in(unit: UUID) -> bytes:
    """All fields of a unit, opened. Raises `Shredded` where its key is gone."""
    names = list(Blob.objects.filter(unit_id=unit).values_list("field", flat=True).distinct())
    return b"\n".join(vault.read(unit, name) for name in names or ["picture"])


def in_unit(stores: Stores, name: str, unit: UUID | None, canary: bytes) -> None:
    assert unit is not None
    held = unit
    stores.add(name, unit, canary, lambda: everything_in(held))


def canaries_of(stores: Stores) -> set[bytes]:
    """Words only a person wrote or sent: what lies in the gallery is not among them."""
    return {one for one in stores.canaries.values() if one.startswith(b"canary")}


@dataclass
class Walk:
    """A request of the website, from its draft to the day its last key is gone."""

    people: list[Actor]
    travel: Travel
    answers: Any
    stores: Stores = field(default_factory=Stores)
    own: Any = None
    case: Any = None

    def drafts(self) -> None:
        """One is sent, one nobody sends."""
        self.own = lab.picture(1)
        self.answers.hits = hits([self.own.records[0].id])
        sent, forgotten = written_draft(), written_draft()
        plant_draft(self.stores, "forgotten draft", forgotten)
        plant_draft(self.stores, "sent draft", sent)
        self.case = sending.send(draft_id=sent.id, language="en").case
        for name, unit, canary in (
            ("contact", self.case.contact_unit, b"canary-mail-d83@example.org"),
            ("file: words", self.case.file_unit, b"canary-words-d83"),
            ("file: exact file", self.case.file_unit, b"canary-file-d83"),
        ):
            in_unit(self.stores, name, unit, canary)

    def photos(self) -> None:
        """The photo with its crop, and one that is taken out."""
        (first,) = Probe.objects.filter(case=self.case)
        self.stores.field("photo", first.unit, "picture", b"canary-first-d83")
        self.stores.field("crop", first.unit, "crop", b"canary-crop-d83")
        fields = set(Blob.objects.filter(unit_id=first.unit).values_list("field", flat=True))
        assert fields == {"picture", "crop"}, "no face code is kept with it"
        sending.add_photo(
            case=self.case, photo=JPEG + b"canary-second-d83", agreed=False, language="en"
        )
        second = Probe.objects.filter(case=self.case).latest("received_at")
        self.stores.field("photo taken out", second.unit, "picture", b"canary-second-d83")
        person = Actor.person(self.case.id)
        services.take_out_photo(case_id=self.case.id, photo_id=second.id, actor=person)
        vault.run_shred()

    def decided(self) -> None:
        """Words of both sides, who was known how, why a picture is theirs."""
        cases.receive_message(
            case_id=self.case.id, actor=Actor.person(self.case.id), text="canary-wrote-d83"
        )
        cases.send_message(
            case_id=self.case.id, actor=self.people[0], text="canary-answered-d83 We look."
        )
        services.record_identity(
            case_id=self.case.id,
            actor=self.people[0],
            way="call",
            element="mailbox_in_record",
            compared="canary-compared-d83",
        )
        jobs.run_due(queues=DUE)
        take(self.case, self.people[0])
        say_all(self.case, self.people[0], Verdict.SAME, WHY)
        say_all(self.case, drawn(self.case, self.people), Verdict.SAME, WHY)
        for name, canary in (
            ("file: message", b"canary-wrote-d83"),
            ("file: our message", b"canary-answered-d83"),
            ("file: check", b"canary-compared-d83"),
            ("file: reason", b"canary-reason-d83"),
        ):
            in_unit(self.stores, name, self.case.file_unit, canary)

    def answered(self) -> None:
        """A letter on the way, an authority's report, the answer with its package."""
        proposal = extensions.propose(
            case_id=self.case.id,
            actor=self.people[0],
            reason="legal_question",
            months=1,
            words="We ask about canary-letter-d83.",
        )
        proposals.agree(proposal_id=proposal.id, actor=self.people[1])
        jobs.run_due(queues=DUE)
        (letter,) = self.case.letters.exclude(document_id=None)
        plant_document(self.stores, "letter", letter.document_id, b"canary-letter-d83")
        row = disclosure.prepare_answer(case_id=self.case.id, actor=self.people[0])
        jobs.run_due(queues=DUE)
        row.refresh_from_db()
        plant_document(self.stores, "answer", row.document_id, self.own.caption.encode())
        unit = row.package_unit

        def data() -> bytes:
            return letters.unzipped(vault.read(unit, disclosure.PACKAGE_FIELD))["data.json"]

        self.stores.add("answer package", unit, self.own.caption.encode(), data)
        disclosure.approve_answer(answer_id=row.id, actor=self.people[1])
        cases.release_batch(actor=self.people[1])
        self.case.refresh_from_db()
        assert self.case.status == Status.DELIVERED

    def reported(self) -> None:
        compliance.grant_case(
            case_id=self.case.id,
            authority_code="NL",
            until=clock.now() + timedelta(days=5),
            actor=self.people[2],
        )
        compliance.request_report(
            case_id=self.case.id, authority_code="NL", actor=Actor("R-1", "regulator", "regulator")
        )
        jobs.run_due(queues=DUE)
        assert Document.objects.filter(case_id=self.case.id, kind=Kind.AUDIT).exists()

    def erased(self, day: date) -> None:
        on(self.travel, day.isoformat())
        plan = Plan.objects.get(case=self.case)
        assert plan.state == PlanState.DONE, (plan.state, plan.waits_for)
        kit = plan.kit_unit
        assert kit is not None
        self.stores.units["kit"] = kit
        self.stores.reads["kit"] = lambda: everything_in(kit)
        self.case.refresh_from_db()
        assert self.case.status == Status.CLOSED


def test_each_store_of_a_request_is_seen_full_and_then_gone_with_its_receipt(
    answers: Any,
    people: list[Actor],
    travel: Travel,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P-06, L-13, X-10: drafts, photos, file, contact, letters, answer, kit, each in its time."""
    caplog.set_level(logging.DEBUG)
    walk = Walk(people, travel, answers)
    stores = walk.stores
    walk.drafts()
    runs()
    draft = {f"{one} draft: {kind}" for one in ("sent", "forgotten") for kind in PARTS}
    gone = {f"sent draft: {kind}" for kind in PARTS}
    stores.require_gone(*gone)
    assert draft - stores.there() == gone
    on(travel, "2026-09-14")
    stores.require_gone(*draft)

    walk.photos()
    stores.require_gone("photo taken out")
    assert stores.sees("photo")
    walk.decided()
    walk.answered()
    walk.reported()

    # By its date it is erased: photo and kit go with it, the rest has its own time.
    day = cases.erase_on(walk.case)
    on(travel, (day - timedelta(days=1)).isoformat())
    assert stores.sees("photo")
    walk.erased(day)
    stores.require_gone("photo", "crop", "kit")
    later = {"contact", "letter", "answer", "answer package", "file: words"}
    assert later <= stores.there()
    delivered = clock.local_date(walk.case.delivered_at)
    on(travel, (delivered + timedelta(days=31)).isoformat())
    stores.require_gone("answer", "answer package")
    assert {"contact", "letter", "file: words"} <= stores.there()
    on(travel, (day + timedelta(days=32)).isoformat())
    walk.case.refresh_from_db()
    assert walk.case.status == Status.PURGED
    stores.require_gone()

    assert not walk.case.ways.exclude(keyed_hash=None).exists()
    assert walk.case.contact_hash is None
    assert set(Candidate.objects.filter(case=walk.case).values_list("score", flat=True)) == {0.0}
    only_documents_are_left(walk.case, stores)
    nothing_lies_in_clear(canaries_of(stores), tmp_path, caplog.text)
    kinds = set(events_for_case(walk.case.id).values_list("type", flat=True))
    assert kinds >= RECEIPTS


PARTS = ("answers", "file", "photo")
RECEIPTS = {
    "probe.deleted",
    "answer.package_shredded",
    "erasure.kit_destroyed",
    "case.purged",
}


def only_documents_are_left(case: Case, stores: Stores) -> None:
    """Certificate and an authority's report stay, and neither says a word the person wrote."""
    papers = Document.objects.filter(case_id=case.id)
    units = {*papers.values_list("unit", flat=True)}
    left = UnitKey.objects.filter(id__in=units) | UnitKey.objects.filter(owner=case.id)
    kept = papers.filter(kind__in=[Kind.CERTIFICATE, Kind.AUDIT])
    assert set(left.values_list("id", flat=True)) == set(kept.values_list("unit", flat=True))
    for paper in kept:
        said = letters.text_of(documents.open_document(paper.id))
        assert not [one for one in canaries_of(stores) if one.decode() in said]


def nothing_lies_in_clear(canaries: set[bytes], folder: Path, log: str) -> None:
    assert len(canaries) > 8
    assert in_clear(canaries, folder, log) == []
    # The scan finds what lies there.
    (folder / "tmp" / "left").write_bytes(b"so to say canary-words-d83")
    assert in_clear({b"canary-words-d83"}, folder, "") != []


def test_what_came_by_letter_and_mail_goes_at_once_or_a_month_after_it_was_taken_back(
    answers: Any,
    people: list[Actor],
    travel: Travel,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P-03, P-06, L-13: the mandate and the photo at once; contact, file and mail after a month."""
    caplog.set_level(logging.DEBUG)
    stores = Stores()
    by_letter, mandate = sent_for_somebody(
        people[0], email="canary-mail-d83@example.org", document=PAPER
    )
    in_unit(stores, "contact", by_letter.contact_unit, b"canary-mail-d83@example.org")
    in_unit(stores, "mandate", mandate.proof_unit, b"canary-mandate-91c")
    box = maildir(tmp_path)
    put(box, message("canary-words-d83 in the text", sender="canary-from-d83@example.org"))
    call_command("fetch_mail", str(box), stdout=StringIO())
    by_mail = Mail.objects.get().case
    in_unit(stores, "mail", Mail.objects.get().unit, b"canary-words-d83")
    in_unit(stores, "mail: contact", by_mail.contact_unit, b"canary-from-d83@example.org")
    for case in (by_letter, by_mail):
        cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    runs()
    stores.require_gone("mandate")
    assert {"contact", "mail", "mail: contact"} <= stores.there()
    on(travel, "2026-10-13")
    stores.require_gone()
    assert Mail.objects.get().content_hash is None
    for case in (by_letter, by_mail):
        assert not UnitKey.objects.filter(owner=case.id).exists()
    kinds = set(events_for_case(by_letter.id).values_list("type", flat=True))
    assert {"mandate.proof_destroyed", "case.purged"} <= kinds
    # The mailbox is the installation's own; what was taken from it leaves it after two weeks.
    own = tmp_path / "own"
    canaries = set(stores.canaries.values())
    assert in_clear(canaries, own, caplog.text) == []


def test_taking_the_request_back_in_mid_search_stops_the_job_and_the_photo_goes(
    answers: Any, people: list[Actor], travel: Travel, tmp_path: Path
) -> None:
    """P-03, P-06, R8: nothing of the running search is written; the photo's key is gone."""
    walk = Walk(people, travel, answers)
    walk.drafts()
    runs()
    (photo,) = Probe.objects.filter(case=walk.case)
    walk.stores.field("photo", photo.unit, "picture", b"canary-first-d83")
    walk.stores.field("crop", photo.unit, "crop", b"canary-crop-d83")
    person = Actor.person(walk.case.id)
    answers.between = lambda: cases.withdraw(case_id=walk.case.id, actor=person)
    services.record_identity(
        case_id=walk.case.id,
        actor=people[0],
        way="call",
        element="mailbox_in_record",
        compared="Face on the call and the photo.",
    )
    jobs.run_due(queues=["search"])
    assert answers.searches == 1, "it was running"
    search = Search.objects.get(case=walk.case)
    assert (search.state, search.compared) == (SearchState.STALE, 0)
    assert not Candidate.objects.filter(case=walk.case).exists()
    assert not Hold.objects.filter(case_id=walk.case.id, until=None).exists()
    assert not Job.objects.filter(subject=str(search.id)).exclude(state=JobState.DONE).exists()
    kinds = list(events_for_case(walk.case.id).values_list("type", flat=True))
    assert "search.stopped" in kinds
    assert "search.performed" not in kinds
    vault.run_shred()
    walk.stores.require_gone("photo", "crop")
    assert "contact" in walk.stores.there()
    on(travel, "2026-10-13")
    walk.stores.require_gone()
    walk.case.refresh_from_db()
    assert walk.case.status == Status.PURGED

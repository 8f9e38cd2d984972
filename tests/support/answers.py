"""Whole cases for tests: a gallery, a request, two officers; nothing but the product's services."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pypdfium2
import pytest
from django.db.models import Max
from PIL import Image

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.accounts.services import create_staff
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Channel, ConsentScope, RightCode, WayKind
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer
from dsr_portal.gallery import hashes
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import (
    Appearance,
    ImportRun,
    LookUp,
    LookUpLog,
    Recipient,
    Record,
    Source,
    SourceImage,
)
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import services as matching
from dsr_portal.matching.around import FACES, Around
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Position,
    Probe,
    ProbeState,
    Review,
    Search,
    SearchState,
    Verdict,
)
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import ModelVersion, Template
from dsr_portal.vault import services as vault
from tests.support.assessed import assessed, no_other_systems
from tests.support.gallery import PEOPLE, random_templates

OFFICER = Actor("A-1001", "officer", "staff")
SECOND = Actor("A-1002", "officer", "staff")
SUPERVISOR = Actor("S-2001", "supervisor", "staff")
DPO = Actor("D-3001", "dpo", "staff")
OPERATOR = Actor.operator()
MACHINE = Actor.system("matching")
PASSWORD = "correct-horse-battery-7"


def staff() -> dict[str, Staff]:
    """Two officers, a supervisor, the DPO and two regulators, by staff number."""
    made = {}
    for number, name, role, code in (
        ("A-1001", "Nadia Roth", Role.OFFICER, ""),
        ("A-1002", "Jonas Weer", Role.OFFICER, ""),
        ("S-2001", "Ida Holm", Role.SUPERVISOR, ""),
        ("D-3001", "Piet Vos", Role.DPO, ""),
        ("R-4001", "Lena Maas", Role.REGULATOR, "NL"),
        ("R-4002", "Carla Neri", Role.REGULATOR, "IT"),
    ):
        made[number] = Staff.objects.filter(staff_no=number).first() or create_staff(
            actor=OPERATOR,
            staff_no=number,
            display_name=name,
            email=f"{number.lower()}@halden.example",
            role=role,
            password=PASSWORD,
            authority_code=code,
            trained_until=date(2030, 1, 1),
        )
    return made


# -- the gallery


def imported(folder: Path, names: Sequence[str], **more: dict[str, str]) -> Any:
    """Import pictures of the cast with the facts fixtures/gallery.csv has of them.

    `more` adds columns to all rows: `gps={"canal-walk.jpg": "52.37,4.89"}`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (PEOPLE.parent / "gallery.csv").open(newline="") as file:
        known = {row["path"]: row for row in csv.DictReader(file)}
    rows = []
    for name in names:
        shutil.copy(PEOPLE / "gallery" / name, folder / name)
        rows.append(known[name] | {column: by.get(name, "") for column, by in more.items()})
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return gallery.import_folder(
        path=folder, manifest=manifest, source="Halden crawl", legal_basis="none", actor=OPERATOR
    )


def look_ups(folder: Path, names: Sequence[str]) -> Any:
    """Record the look-ups of fixtures/lookups.csv that are about these pictures."""
    with (PEOPLE.parent / "gallery.csv").open(newline="") as file:
        addresses = {row["image_url"] for row in csv.DictReader(file) if row["path"] in names}
    with (PEOPLE.parent / "lookups.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if row[-1] in addresses or row[-1] == "record"]
    path = folder / "lookups.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return gallery.record_lookups(
        path=path,
        system="Customer search",
        covers_from=date(2025, 1, 1),
        covers_to=date(2026, 6, 30),
        actor=OPERATOR,
    )


# -- the request


def requested(
    picture: bytes | None = None,
    *,
    rights: Sequence[str] = (RightCode.ACCESS, RightCode.ERASURE),
    country: str = "NL",
    language: str = "en",
) -> Case:
    """A request sent on the website with a selfie; the probe waits in its job."""
    case_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case_id)
    staged.add("picture", picture or plain_picture())

    def also(case: Case) -> None:
        unit = staged.save()
        matching.add_probe(case=case, actor=Actor.person(case.id), unit=unit, channel="web")

    opened = cases.open_case(
        case_id=case_id,
        channel=Channel.WEB,
        rights=rights,
        ways=[cases.WaySent(WayKind.SELFIE)],
        consents=[ConsentScope.COMPARISON],
        contact=cases.Contact(email="mina@example.org"),
        country=country,
        language=language,
        also=also,
    )
    return opened.case


def identified(case: Case) -> Case:
    assessed()
    return matching.record_identity(
        case_id=case.id,
        actor=OFFICER,
        way="call",
        element="capture_data",
        compared="Face on the call and in the photo are alike.",
    )


def decided(case: Case, verdicts: dict[UUID, str], *, why: str = "") -> Case:
    """Two officers decide about every candidate; `verdicts` by record id, else "not the same"."""
    review = Review.objects.filter(case=case).latest("round")
    matching.take_review(review_id=review.id, actor=OFFICER)
    _decide_all(review, OFFICER, Position.FIRST, verdicts, why)
    review.refresh_from_db()
    second = Actor(review.second_officer or "", "officer", "staff")
    _decide_all(review, second, Position.SECOND, verdicts, why)
    case.refresh_from_db()
    return case


def _decide_all(
    review: Review, actor: Actor, position: str, verdicts: dict[UUID, str], why: str
) -> None:
    for decision in review.decisions.filter(position=position).select_related("candidate"):
        said = verdicts.get(decision.candidate.record_id, Verdict.NOT_SAME)
        matching.say_preliminary(decision_id=decision.id, actor=actor, verdict=said)
        matching.decide(decision_id=decision.id, actor=actor, verdict=said, reason=why)
    matching.finish(review_id=review.id, actor=actor)


def answered(case: Case) -> Answer:
    """Prepared and made by its job."""
    no_other_systems()
    answer = disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    return answer


def released(answer: Answer) -> Case:
    disclosure.approve_answer(answer_id=answer.id, actor=SECOND)
    cases.release_batch(actor=SECOND)
    return Case.objects.get(id=answer.case_id)


# -- without an engine


def without_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are encoded as they are: nothing is looked for and nothing covered."""

    def encoded(picture: Any, keep: Any, known: Any = ()) -> recognition.Covered:
        image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
        out = io.BytesIO()
        image.save(out, "JPEG")
        return recognition.Covered(out.getvalue(), image.width, image.height, tuple(known))

    monkeypatch.setattr(recognition, "cover_others", encoded)


def a_face(
    *, seed: int = 1, source: str = "Halden crawl", picture: bytes = b"", **facts: Any
) -> Record:
    """An enrolled face in a real picture, with its template, as an import leaves them."""
    image = _a_picture(seed, source, facts, picture)
    record_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record_id)
    staged.add("crop", plain_picture((64, 64)))
    staged.add("template", random_templates(1, seed=seed)[0].tobytes())
    staged.add_json(
        "face",
        {
            "box": [100, 60, 80, 100],
            "landmarks": [[110.0, 90.0]] * 5,
            "quality": {"sharpness": 0.5},
            "findings": [],
            "of": [320, 240],
        },
    )
    model, _ = ModelVersion.objects.get_or_create(
        name="SFace",
        weights_sha256="ab" * 32,
        alignment_version="five-point-112-v1",
        mean_face_sha256="cd" * 32,
        defaults={"dimensions": 128, "active": True, "created_at": clock.now()},
    )
    with unit_of_work():
        unit = staged.save()
        record = Record.objects.create(
            id=record_id,
            image=image,
            face_number=1,
            unit=unit,
            state_changed_at=clock.now(),
            enrolled_at=clock.now(),
        )
        Template.objects.create(record_id=record_id, model=model, unit=unit, change_number=seed)
    return record


def _a_picture(seed: int, source: str, facts: dict[str, Any], picture: bytes = b"") -> SourceImage:
    owner, _ = Source.objects.get_or_create(
        name=source, defaults={"legal_basis": "none", "created_at": clock.now()}
    )
    run, _ = ImportRun.objects.get_or_create(
        source=owner,
        listing_hash="0" * 64,
        defaults={"started_at": clock.now(), "state": ImportRun.State.DONE},
    )
    image_id = new_id()
    page = str(facts.get("page_url", ""))
    picture = picture or plain_picture(colour=f"#{seed * 37 % 256:02x}00{seed * 91 % 256:02x}")
    staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=image_id)
    staged.add("picture", picture)
    staged.add_json("facts", {"path": f"{seed}.jpg", **facts})
    with unit_of_work():
        unit = staged.save()
        image = SourceImage.objects.create(
            id=image_id,
            source=owner,
            run=run,
            unit=unit,
            file_hash=hashes.of_file(picture),
            state=SourceImage.State.SEARCHABLE,
            width=320,
            height=240,
            imported_at=clock.now(),
        )
        Appearance.objects.create(
            image=image,
            run=run,
            field="facts",
            facts_hash=hashes.of_facts(image_id.bytes),
            page_hash=hashes.of_address(page) if page else "",
            seen_at=clock.now(),
        )
    return image


def a_log() -> LookUpLog:
    return LookUpLog.objects.create(
        system="Customer search",
        covers_from=date(2025, 1, 1),
        covers_to=date(2026, 6, 30),
        rows=1,
        file_hash=new_id().hex * 2,
        recorded_at=clock.now(),
        state=LookUpLog.State.DONE,
    )


def shown_to(record: Record, log: LookUpLog, name: str, country: str, purpose: str = "") -> LookUp:
    recipient, _ = Recipient.objects.get_or_create(name=name, country=country)
    with unit_of_work():
        row = LookUp.objects.create(
            log=log,
            row_number=LookUp.objects.count() + 1,
            recipient=recipient,
            record=record,
            at=datetime(2025, 3, 1, tzinfo=UTC),
        )
        if purpose:
            vault.write_small(record.unit, f"lookup.{row.id}", purpose.encode())
    return row


def found(*records: Record, verdicts: dict[UUID, str] | None = None) -> Case:
    """A case two officers have decided: these records are of the person, or as `verdicts` say."""
    staff()
    case = searched(requested(), records)
    return decided(case, verdicts or {record.id: Verdict.SAME for record in records})


def plain_picture(size: tuple[int, int] = (320, 240), colour: str = "navy") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=90)
    return out.getvalue()


def searched(case: Case, hits: Sequence[Record]) -> Case:
    """What probe and search jobs write, for tests without the engine: state and candidates."""
    identified(case)
    with unit_of_work():
        probe = Probe.objects.get(case=case)
        probe.state = ProbeState.USABLE
        probe.verdict, probe.judged_at = "ok", clock.now()
        probe.save()
        audit_event(
            "probe.judged",
            actor=MACHINE,
            case_id=case.id,
            subject_id=probe.id,
            verdict="ok",
            findings=0,
        )
        search = Search.objects.create(
            case=case,
            probe=probe,
            state=SearchState.COMPLETE,
            model="SFace",
            threshold=0.5,
            strong_threshold=0.65,
            compared=7,
            enrolled=7,
            found_by_graph=len(hits),
            applied_change=Template.objects.aggregate(newest=Max("change_number"))["newest"] or 0,
            started_at=clock.now(),
            finished_at=clock.now(),
        )
        cases.advance(case=case, action=Action.START_SEARCH, actor=MACHINE)
        for rank, record in enumerate(hits, start=1):
            Candidate.objects.create(
                case=case,
                search=search,
                record=record,
                score=0.9 - rank / 100,
                band=Band.STRONG,
                found_by="sweep",
                rank=rank,
            )
        gallery.hold(
            record_ids=[record.id for record in hits],
            case_id=case.id,
            actor=MACHINE,
        )
        audit_event(
            "search.performed",
            actor=MACHINE,
            case_id=case.id,
            subject_id=search.id,
            model="SFace",
            weights="ab" * 6,
            alignment="five-point-112-v1",
            photos=1,
            threshold=0.5,
            strong_threshold=0.65,
            compared=7,
            enrolled=7,
            found_by_graph=len(hits),
            added_by_sweep=0,
            swept_only=0,
            candidates=len(hits),
            strong=len(hits),
            change=1,
            findings=[],
            milliseconds=5,
            detector=recognition.DETECTOR,
            metric=recognition.METRIC,
            top_k=recognition.TOP_K,
            inputs=[probe.id],
            **Around(search.started_at, 0, 1, ()).fields([FACES]),
        )
        matching.open_review(search=search, actor=MACHINE)
    case.refresh_from_db()
    return case


# -- reading what was made


def pages_of(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return [" ".join(page.replace("\ufffe", "").split()) for page in pages]


def text_of(pdf: bytes) -> str:
    return " ".join(pages_of(pdf))


def unzipped(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert package.testzip() is None
        return {name: package.read(name) for name in package.namelist()}

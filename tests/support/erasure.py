"""A small gallery and decided cases for tests of erasure, without a face network.

Templates are drawn at random, everything else is real: vault, index, gallery, jobs, trail.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Max
from PIL import Image

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import hashes
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
from dsr_portal.gallery.services import restrict
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import (
    Candidate,
    Decision,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchState,
)
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Template
from dsr_portal.vault import keys, lasting
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind
from tests.support import cases as support
from tests.support.assessed import no_other_systems

OPERATOR = Actor.operator()
SIDE = (420, 300)


@dataclass(slots=True)
class Shown:
    """One imported picture of the test: what lies in it, in clear, to look for later."""

    image: SourceImage
    records: list[Record]
    picture: bytes
    page: str
    file: str
    caption: str
    templates: list[bytes] = field(default_factory=list)


def noise(seed: int, size: tuple[int, int] = SIDE) -> bytes:
    """A JPEG that no other picture resembles."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 6, size[0] // 6, 3))
    out = io.BytesIO()
    small = Image.fromarray(pixels.astype(np.uint8))
    small.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=88)
    return out.getvalue()


def changed(data: bytes, *, quality: int = 40, side: float = 0.5, mirror: bool = False) -> bytes:
    """A copy as other sites make them: smaller, harder compressed, perhaps mirrored."""
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.resize((round(picture.width * side), round(picture.height * side)))
        if mirror:
            small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
    return out.getvalue()


def template(seed: int) -> bytes:
    values = np.random.default_rng(seed).standard_normal(128)
    return (values / np.linalg.norm(values)).astype("<f4").tobytes()


def model() -> recognition.ModelFacts:
    return engines.facts_of(engines.model_row())


def picture(
    seed: int,
    *,
    faces: int = 1,
    source: Source | None = None,
    apart: int = 180,
    data: bytes = b"",
    page: str = "",
) -> Shown:
    """Import one picture with faces as the services do, drawn templates aside.

    Faces lie `apart` pixels from one another: with 110 the cut-out of one shows the other.
    """
    moment = clock.now()
    owner = (
        source
        or Source.objects.get_or_create(
            name="Test crawl", defaults={"legal_basis": "none", "created_at": moment}
        )[0]
    )
    run = ImportRun.objects.create(
        source=owner, listing_hash=f"{seed:064d}", started_at=moment, state=ImportRun.State.DONE
    )
    data = data or noise(seed)
    shown = Shown(
        image=SourceImage(id=new_id(), source=owner, run=run, imported_at=moment),
        records=[],
        picture=data,
        page=page or f"https://pages{seed}.example.org/people/somebody-{seed}",
        file=f"https://files{seed}.example.org/{seed}/holiday-picture.jpg",
        caption=f"Caption number {seed}: a person on the pier at noon",
    )
    staged = vault.stage_unit(kind=UnitKind.SOURCE_IMAGE, owner=shown.image.id)
    staged.add("picture", data)
    facts = {"page_url": shown.page, "image_url": shown.file, "caption": shown.caption}
    staged.add_json("facts", facts | {"path": f"{seed}.jpg"})
    ready = [_face(shown, seed, number, apart) for number in range(1, faces + 1)]
    with unit_of_work():
        shown.image.unit = staged.save()
        shown.image.file_hash = hashes.of_file(data)
        kinds = SourceImage.State
        shown.image.state = kinds.SEARCHABLE if ready else kinds.NO_FACE
        shown.image.width, shown.image.height = SIDE
        shown.image.save(force_insert=True)
        Appearance.objects.create(
            image=shown.image,
            run=run,
            field="facts",
            facts_hash=f"{seed:064d}",
            page_hash=hashes.of_address(shown.page),
            image_hash=hashes.of_address(shown.file),
            seen_at=moment,
        )
        for record, unit in ready:
            record.unit = unit.save()
            record.save(force_insert=True)
        if ready:
            made = [recognition.NewTemplate(record.id, record.unit) for record, _unit in ready]
            recognition.add_templates(model=model(), templates=made)
    shown.records = [record for record, _unit in ready]
    return shown


def _face(shown: Shown, seed: int, number: int, apart: int) -> tuple[Record, vault.Staged]:
    moment = clock.now()
    record = Record(
        id=new_id(),
        image=shown.image,
        face_number=number,
        state_changed_at=moment,
        enrolled_at=moment,
    )
    code = template(seed * 100 + number)
    shown.templates.append(code)
    staged = vault.stage_unit(kind=UnitKind.ENROLLED_FACE, owner=record.id)
    staged.add("crop", noise(seed * 100 + number, (120, 120)))
    staged.add_json(
        "face",
        {
            "box": [40 + apart * (number - 1), 60, 90, 110],
            "of": list(SIDE),
            "landmarks": [[1.0, 1.0]] * 5,
            "quality": {},
            "findings": [],
        },
    )
    staged.add("template", code)
    return record, staged


def seen_by(record: Record, name: str = "Lumen Analytics") -> None:
    """A look-up of a record, as a log told it."""
    moment = clock.now()
    recipient, _new = Recipient.objects.get_or_create(name=name, country="NL")
    log, _new = LookUpLog.objects.get_or_create(
        file_hash=f"{1:064d}",
        defaults={
            "system": "search",
            "covers_from": moment.date(),
            "covers_to": moment.date(),
            "recorded_at": moment,
            "state": LookUpLog.State.DONE,
        },
    )
    LookUp.objects.create(
        log=log, row_number=LookUp.objects.count(), recipient=recipient, record=record, at=moment
    )


def decided_on(case: Case, records: Sequence[Record], *, verdict: str = "same") -> Probe:
    """Photo, search, candidates and the finished decisions of two persons."""
    moment = clock.now()
    staged = vault.stage_unit(kind=UnitKind.PROBE, owner=case.id)
    staged.add("picture", noise(int(case.id) % 10**6))
    with transaction.atomic():
        unit = staged.save()
    probe = Probe.objects.create(
        case=case, unit=unit, state=ProbeState.USABLE, channel="web", received_at=moment
    )
    search = Search.objects.create(
        case=case,
        probe=probe,
        state=SearchState.COMPLETE,
        threshold=0.5,
        strong_threshold=0.6,
        compared=10,
        enrolled=10,
        applied_change=newest_change(),
        started_at=moment,
        finished_at=moment,
    )
    review = Review.objects.create(
        case=case,
        search=search,
        state=ReviewState.DONE,
        opened_at=moment,
        done_at=moment,
        first_officer=support.OFFICER.id,
        second_officer=support.SECOND.id,
    )
    for rank, record in enumerate(records, start=1):
        candidate = Candidate.objects.create(
            case=case,
            search=search,
            record=record,
            score=0.8,
            band="strong",
            found_by="sweep",
            rank=rank,
        )
        for position, officer in (("first", support.OFFICER), ("second", support.SECOND)):
            Decision.objects.create(
                review=review,
                candidate=candidate,
                position=position,
                officer=officer.id,
                preliminary=verdict,
                verdict=verdict,
                shown_at=moment,
                decided_at=moment,
            )
    if verdict == "same":
        restrict(
            record_ids=[record.id for record in records],
            case_id=case.id,
            actor=support.OFFICER,
            reason="same_person",
        )
    return probe


def newest_change() -> int:
    """The change number of the newest row of the index: a search made now covers it."""
    found = Template.objects.aggregate(newest=Max("change_number"))["newest"]
    return int(found or 0)


def ready_case(records: Sequence[Record], *, rights: Sequence[str] = ("access", "erasure")) -> Case:
    """A case of these records, answered and delivered where access was asked."""
    no_other_systems()
    case = support.opened(rights)
    if "access" in rights:
        support.delivered(case)
    else:
        support.decided(case)
    decided_on(case, records)
    case.refresh_from_db()
    return case


def own_places(settings: Any, folder: Any) -> None:
    """A vault, ring, ledger and var of the test's own, with files that are all its own."""
    for name in ("ring-a", "ring-b", "ledger-a", "ledger-b", "var"):
        (folder / name).mkdir(mode=0o700, parents=True)
    settings.DSR_RING = [folder / "ring-a", folder / "ring-b"]
    settings.DSR_LEDGER = [folder / "ledger-a", folder / "ledger-b"]
    settings.DSR_VAR = folder / "var"
    settings.DSR_VAULT_DIR = folder / "var" / "vault"
    settings.DSR_BROKER_DIR = folder / "var" / "broker"
    settings.DSR_KEY_CACHE_SECONDS = 0
    keys.forget_all()
    lasting.forget()


def run_all(queues: Sequence[str] = ("search", "light", "probe")) -> int:
    """Everything due, here in this process."""
    return jobs.run_due(queues=queues, limit=60)


def hold_over(settings_of_test: Any) -> None:
    """No hold window: what is planned is due at once."""
    settings_of_test.DSR_HOLD_MINUTES = 0


def plain_patterns(shown: Shown) -> list[bytes]:
    """Byte patterns of a picture in clear, chosen by the test and not by the product."""
    middle = len(shown.picture) // 2
    return [
        shown.picture[middle : middle + 40],
        shown.page.encode(),
        shown.caption.encode(),
        *(code[64:112] for code in shown.templates),
    ]


def found_in_files(patterns: Sequence[bytes]) -> list[str]:
    """Where these bytes lie in any file of the installation, read plainly."""
    from dsr_portal.erasure.places import places

    found = []
    for place in [path for one in places() for path in one.paths]:
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                found += [f"{path}: {n}" for n, one in enumerate(patterns) if one in data]
    return found


def unit_of(record: Record) -> UUID:
    return Record.objects.values_list("unit", flat=True).get(id=record.id)

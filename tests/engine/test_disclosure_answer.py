"""An answer about people, from the import to the opened files (1b step 5; law 3, 9(a), X-14)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pikepdf
import pytest
from PIL import Image

from dsr_portal.audit import services as audit
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, Status
from dsr_portal.disclosure import validator
from dsr_portal.disclosure.columns import time_words
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.matching.models import Candidate, Verdict
from dsr_portal.recognition import engine as engines
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.gallery import PEOPLE, forget_index, own_places

pytestmark = pytest.mark.django_db(transaction=True)

# Mina alone, with one and with two others; in the last two pictures somebody else has to be hidden.
MINE = ("team-atelier-noor.jpg", "canal-walk.jpg", "summer-run.jpg", "housewarming.jpg")
OTHERS = ("running-club.jpg", "garden-day.jpg", "cut-off.jpg")


def searched(photo: str, settings: Any, folder: Path, home: Path) -> Case:
    """A gallery with Mina and others, and a request with a photo, searched by the real engine."""
    own_places(settings, folder)
    settings.DSR_WEIGHTS = home
    settings.DSR_REVIEW_THRESHOLD, settings.DSR_STRONG_THRESHOLD = 0.62, 0.72
    forget_index()
    answers.staff()
    answers.imported(folder / "in", MINE + OTHERS, gps={"canal-walk.jpg": "52.37,4.89"})
    answers.look_ups(folder, MINE)
    jobs.run_due()
    case = answers.requested((PEOPLE / "photos" / photo).read_bytes())
    jobs.run_due()
    answers.identified(case)
    jobs.run_due()
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW
    return case


def paths() -> dict[UUID, str]:
    return {record.id: name for name in MINE + OTHERS for record in gallery.by_path(name)}


def faces(jpeg: bytes) -> Any:
    from biometrics.faces import find_faces

    with Image.open(io.BytesIO(jpeg)) as picture:
        return find_faces(np.asarray(picture.convert("RGB")), engines.config())


def pictures_in(pdf: bytes) -> list[bytes]:
    """Each image of the file as a viewer could take it out; nothing lies under or over another."""
    found = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert "/OCProperties" not in document.Root
        for thing in document.objects:
            if isinstance(thing, pikepdf.Stream) and thing.get("/Subtype") == "/Image":
                assert "/SMask" not in thing
                assert "/Alternates" not in thing
                assert str(thing.Filter) == "/DCTDecode"
                found.append(thing.read_raw_bytes())
    return found


def assert_bare(jpeg: bytes) -> None:
    """No camera data, preview, comment or profile: pixels only (A-15)."""
    for mark in (b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"Photoshop"):
        assert mark not in jpeg
    assert jpeg.count(b"\xff\xd8\xff") == 1
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert not picture.getexif()
        assert "comment" not in picture.info


def assert_hidden(jpeg: bytes, other: Record) -> None:
    """Where the other person's face was there is one solid grey, up to JPEG's rounding."""
    x, y, width, height = vault.read_json(other.unit, "face")["box"]
    with Image.open(io.BytesIO(jpeg)) as picture:
        inside = np.asarray(picture.convert("RGB"))[y : y + height, x : x + width].astype(int)
    middle = inside[height // 8 : -height // 8, width // 8 : -width // 8]
    assert np.abs(middle - 128).max() <= 4


def assert_template_is(given: Any, record: Record) -> None:
    """What was given is the embedding without any turn, from the stored picture (R32, A-03)."""
    from biometrics.faces import Face
    from biometrics.pipeline import Pipeline

    face = vault.read_json(record.unit, "face")
    with Image.open(io.BytesIO(vault.read(record.image.unit, "picture"))) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    pipeline = Pipeline(engines.engine())
    points = np.asarray(face["landmarks"], dtype=np.float32)
    crop = pipeline.crop(rgb, Face(box=tuple(face["box"]), landmarks=points, score=1.0))
    plain = pipeline.templates([crop])[0]
    assert float(np.dot(np.asarray(given), plain)) > 0.9999
    stored = np.frombuffer(vault.read(record.unit, "template"), dtype="<f4")
    assert abs(float(np.dot(stored, plain))) < 0.5
    assert np.allclose(engines.turn() @ np.asarray(given), stored, atol=1e-5)


def files_of(answer: Answer) -> tuple[bytes, dict[str, bytes], dict[str, Any]]:
    assert answer.state == AnswerState.READY, answer.error_code
    assert answer.document_id is not None
    assert answer.package_unit is not None
    files = answers.unzipped(vault.read(answer.package_unit, "package"))
    return documents.open_document(answer.document_id), files, json.loads(files["data.json"])


def test_the_answer_holds_the_right_pictures_and_nobody_else(
    settings: Any, tmp_path: Path, weights_home: Path
) -> None:
    """R15, R16, R32, A-02, A-07, A-15, A-19, X-14; from the gallery to the opened link."""
    case = searched("mina.jpg", settings, tmp_path, weights_home)
    named = paths()
    hits = list(Candidate.objects.filter(case=case))
    assert sorted(named[hit.record_id] for hit in hits) == sorted(MINE)
    answers.decided(case, {hit.record_id: Verdict.SAME for hit in hits})
    before = audit.head()
    answer = answers.answered(case)
    pdf, files, data = files_of(answer)

    # The letter.
    verdict = documents.verify(pdf)
    assert verdict.intact
    assert verdict.valid
    assert verdict.covers_whole_file
    text = answers.text_of(pdf)
    bare = text.replace(" ", "")
    with (PEOPLE.parent / "gallery.csv").open(newline="") as file:
        known = {row["path"]: row for row in csv.DictReader(file)}
    for name in MINE:
        for column in ("page_url", "image_url", "caption"):
            assert known[name][column].replace(" ", "") in bare, (name, column)
        collected = time_words(known[name]["collected_at"])
        assert collected.replace(" ", "") in bare, name
    for name in OTHERS:
        assert known[name]["page_url"] not in bare
    for part in (
        "Yes, we hold data about you: 4 pictures with your face.",
        "Northlight Security BV Netherlands (NL) 11 February 2025 visitor check at a site",
        "Verity Screening Ltd United Kingdom (UK) 24 June 2025 background check of an applicant",
        "Palisade Retail Analytics SA France (FR) 30 January 2026 none recorded",
        "was compared with 8 of 8 faces",
        "Of 7 pictures in the source systems 6 have a face we can search",
        "misses: not tested here.",
        "model SFace-",
        "128 numbers, made on",
        "2 faces of other people are covered",
        "Licence",
        "52.37,4.89",
        "none documented",
    ):
        assert part.replace(" ", "") in bare, part
    row = documents.Document.objects.get(id=answer.document_id)
    assert row.head_number >= before.number
    assert row.head_hash in bare
    assert f"number {row.head_number}" in text

    # Its pictures: one each, one face each, nothing under the fill.
    shown = pictures_in(pdf)
    assert len(shown) == len(MINE)
    for jpeg in shown:
        assert_bare(jpeg)
        assert len(faces(jpeg)) == 1

    # The package.
    assert sorted(row["facts"][0]["path"] for row in data["records"]) == sorted(MINE)
    assert {row["id"] for row in data["records"]} == {str(hit.record_id) for hit in hits}
    for told in data["records"]:
        record = Record.objects.select_related("image").get(id=told["id"])
        whole, cut = files[told["picture"]], files[told["face_picture"]]
        for jpeg in (whole, cut):
            assert_bare(jpeg)
        assert len(faces(whole)) == 1
        for other in Record.objects.filter(image=record.image).exclude(id=record.id):
            assert told["covered_faces"] >= 1
            assert_hidden(whole, other)
            # The detector would have seen it: in the picture as stored it finds more than one.
            assert len(faces(vault.read(record.image.unit, "picture"))) > 1
        assert_template_is(told["template"], record)
    assert len(data["recipients"]) == 5
    assert answer.package_unit is not None
    assert (
        validator.missing_in_files(
            kind=answer.kind,
            pdf=pdf,
            zipped=vault.read(answer.package_unit, "package"),
            record_ids=[hit.record_id for hit in hits],
        )
        == []
    )

    # Approved, released, opened with link and code.
    case = answers.released(answer)
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.DISCLOSED)
    delivery = case.deliveries.get()
    token = cases.link_token(delivery)
    grant = cases.open_delivery(token=token, code=cases.receipt_code(case))
    parts = list(cases.granted(grant=grant, token=token).parts.order_by("ordinal"))
    fetched = [b"".join(cases.fetch(part=part, actor=answers.DPO)) for part in parts]
    assert fetched[0] == pdf
    assert [len(faces(jpeg)) for jpeg in fetched[2:]] == [1] * len(MINE)
    assert audit.verify().ok


def test_somebody_who_is_not_in_the_gallery_gets_the_other_letter(
    settings: Any, tmp_path: Path, weights_home: Path
) -> None:
    """9(b), R15, R19: the nearest below the threshold were looked at and rejected by two people."""
    case = searched("ilse.jpg", settings, tmp_path, weights_home)
    assert Candidate.objects.filter(case=case).exists()
    answers.decided(case, {})
    answer = answers.answered(case)
    assert answer.kind == AnswerKind.NOTHING_FOUND
    pdf, files, data = files_of(answer)
    text = answers.text_of(pdf)
    assert "We did not find pictures of you. We compared your photo with the 8 faces" in text
    assert "That is not proof that there is none." in text
    assert pictures_in(pdf) == []
    assert not any(name.endswith(".jpg") for name in files)
    assert data["records"] == data["recipients"] == []
    for candidate in Candidate.objects.filter(case=case):
        assert str(candidate.record_id) not in files["data.json"].decode()
    case = answers.released(answer)
    assert case.outcome == Outcome.NOTHING_FOUND

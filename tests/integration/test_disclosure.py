"""What an answer says and when it is refused (law 3, 9(a), 9(b); R2, R15-R17, R19, R32)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pypdfium2
import pytest
from django.utils.functional import Promise
from PIL import Image

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, Status
from dsr_portal.cases.paper_models import PaperWish
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import contents, inventory, package, selectors, services, validator
from dsr_portal.disclosure import jobs as disclosure_jobs
from dsr_portal.disclosure.gathered import Gathered, gather
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.disclosure.pictures import covered_pictures
from dsr_portal.documents import claims
from dsr_portal.documents import services as documents
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.matching.models import Verdict
from dsr_portal.recognition import calibration
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.calibration import MeasuredMisses
from dsr_portal.vault import services as vault
from tests.support import answers, camera_files
from tests.support.answers import (
    DPO,
    OFFICER,
    SECOND,
    a_face,
    a_log,
    found,
    plain_picture,
    searched,
    shown_to,
    text_of,
)
from tests.support.gallery import own_places, random_templates
from tests.support.terms import kept_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


def made(*records: Record, verdicts: Any = None) -> Answer:
    answer = answers.answered(found(*records, verdicts=verdicts))
    assert answer.state == AnswerState.READY, Job.objects.filter(subject=str(answer.id)).values()
    return answer


def letter(answer: Answer) -> str:
    assert answer.document_id is not None
    return text_of(documents.open_document(answer.document_id))


def zipped(answer: Answer) -> dict[str, bytes]:
    assert answer.package_unit is not None
    return answers.unzipped(vault.read(answer.package_unit, services.PACKAGE_FIELD))


def data(answer: Answer) -> dict[str, Any]:
    return dict(json.loads(zipped(answer)["data.json"]))


def gathered(answer: Answer) -> Gathered:
    ids = answer.records.order_by("ordinal").values_list("record_id", flat=True)
    records = [Record.objects.select_related("image__source").get(id=one) for one in ids]
    return gather(answer, records, covered_pictures(records))


def context(answer: Answer) -> dict[str, Any]:
    return contents.context(gathered(answer), {"data.json": "0" * 64})


# -- freezing ------------------------------------------------------------------------------------


def test_only_what_two_persons_agreed_on_is_disclosed() -> None:
    """A-20, R17, R19: inconclusive is a number, "not the same" is nothing at all."""
    mine, maybe, not_mine = (
        a_face(seed=seed, page_url=f"https://pages.example/{seed}") for seed in (1, 2, 3)
    )
    verdicts = {
        mine.id: Verdict.SAME,
        maybe.id: Verdict.INCONCLUSIVE,
        not_mine.id: Verdict.NOT_SAME,
    }
    answer = made(mine, maybe, not_mine, verdicts=verdicts)
    assert [row["id"] for row in data(answer)["records"]] == [str(mine.id)]
    text = letter(answer)
    assert "1 picture with your face" in text
    assert "There is 1 more picture that may show you or someone else" in text
    whole = text + zipped(answer)["data.json"].decode()
    for other in (maybe, not_mine):
        assert str(other.id) not in whole
    assert "pages.example/2" not in whole
    assert "pages.example/3" not in whole


def test_nothing_is_prepared_before_two_persons_decided() -> None:
    """R2, R19, G-02."""
    answers.staff()
    case = answers.searched(answers.requested(), [a_face()])
    with pytest.raises(Conflict, match="not decided"):
        services.prepare_answer(case_id=case.id, actor=OFFICER)
    answers.decided(case, {})
    with pytest.raises(NotAllowed):
        services.prepare_answer(case_id=case.id, actor=DPO)
    Case.objects.filter(id=case.id).update(level=1)
    with pytest.raises(NotAllowed, match="level"):
        services.prepare_answer(case_id=case.id, actor=OFFICER)
    assert not Answer.objects.exists()


def test_an_answer_in_force_is_never_replaced() -> None:
    answer = made(a_face())
    with pytest.raises(Conflict):
        services.prepare_answer(case_id=answer.case_id, actor=OFFICER)
    assert Answer.objects.count() == 1
    before = zipped(answer)
    job = Job.objects.get(subject=str(answer.id))
    Job.objects.filter(id=job.id).update(state="ready", attempts=0)
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    assert zipped(answer) == before
    assert Event.objects.filter(type="answer.made").count() == 1


# -- the letter ----------------------------------------------------------------------------------


def test_everything_a_source_told_is_printed_and_in_the_data() -> None:
    """A-02: columns nobody expected too, under names one can read; A-11: absent is said so."""
    record = a_face(
        page_url="https://pages.example/a",
        image_url="https://pages.example/a.jpg",
        collected_at="2024-05-06T03:14:09Z",
        collector="crawler hx-2",
        caption="Sunday by the canal",
        other={"shoe_size": "41", "gps_lat": "52.37", "licence_label": "all rights reserved"},
    )
    bare = a_face(seed=2)
    answer = made(record, bare)
    text = letter(answer)
    for value in (
        "https://pages.example/a",
        "https://pages.example/a.jpg",
        "6 May 2024, 05:14 (CEST)",
        "crawler hx-2",
        "Sunday by the canal",
        "Shoe size",
        "41",
        "Gps lat",
        "52.37",
        "Licence",
        "all rights reserved",
        "1.jpg",
    ):
        assert value.replace(" ", "") in text.replace(" ", ""), value
    for raw in ("2024-05-06T", "shoe_size", "licence_label"):
        assert raw not in text
    assert text.count("not recorded") >= 5
    first = data(answer)["records"][0]["facts"][0]
    assert first["other"]["licence_label"] == "all rights reserved", "as it is, for machines"
    assert first["collected_at"] == "2024-05-06T03:14:09Z"
    assert first["caption"] == "Sunday by the canal"


def test_what_a_camera_wrote_is_told_beside_the_picture_and_not_in_it() -> None:
    """A-02, A-15: place and time in letter and package, the photographer held back and counted."""
    answer = made(a_face(picture=camera_files.WHOLE), a_face(seed=2, picture=b""))
    first, second = (row["camera"] for row in data(answer)["records"])
    told = {one["name"]: one["value"] for one in first["entries"]}
    assert told["Position"] == "52.370217, -4.895167"
    assert told["DateTimeOriginal"] == "2024:05:06 10:11:12"
    assert first["held_back"] >= 4
    assert "Mina at the quay" in told.values(), "nobody else is in it"
    none = {"held_back": 0, "words_held_back": 0, "previews": 0, "cut": 0}
    assert second == {"entries": [], "unreadable": [], **none}
    text = letter(answer)
    for words in ("52.370217, -4.895167", "none in this file", "Camera data"):
        assert words in text
    assert f"{first['held_back']} entries of camera data are not given" in text
    assert "you find them in data.json" in text
    assert "what a camera or a program wrote into the files of pictures" in text
    for name, body in zipped(answer).items():
        assert b"Pia Photographer" not in body, name
        if name.endswith(".jpg"):
            assert b"Exif" not in body


def test_a_letter_on_paper_has_each_entry_of_camera_data_itself() -> None:
    """A-02, T-13: nothing points to a file that the post does not bring."""
    answer = made(a_face(picture=camera_files.WHOLE))
    PaperWish.objects.create(case=answer.case, chosen_at=clock.now())
    said = context(answer)
    assert "data.json" not in str(said["records"])
    (part,) = [one for one in said["sections"] if one["id"] == "camera"]
    told = data(answer)["records"][0]["camera"]["entries"]
    assert [value for _label, value in part["rows"]] == [one["value"] for one in told]
    assert part["rows"][0][0].startswith("Picture 1: exif ")
    (files,) = [one for one in said["sections"] if one["id"] == "files"]
    assert "Paper does not bring it." in files["text"]


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=y>",
    "=cmd|' /C calc'!A0",
    "%PDF-1.7 endobj >> /JS (app.alert(1))",
    "</dd></dl><h1>Signed by the police</h1>",
    "doc:record-2.jpg {{ settings.SECRET_KEY }} {% debug %}",
)


def test_hostile_captions_are_text() -> None:
    """X-13: what a stranger wrote under a picture stays what it is, letters on paper."""
    faces = [
        a_face(seed=seed, caption=text, other={text[:30]: text})
        for seed, text in enumerate(HOSTILE, start=1)
    ]
    answer = made(*faces)
    assert answer.document_id is not None
    pdf = documents.open_document(answer.document_id)
    shown = text_of(pdf).replace(" ", "")
    told = [row["facts"][0]["caption"] for row in data(answer)["records"]]
    assert sorted(told) == sorted(HOSTILE)
    for caption in HOSTILE:
        assert shown.count(caption.replace(" ", "")) >= 2, caption
    assert documents.verify(pdf).intact
    for active in (b"/JavaScript", b"/Launch", b"/OpenAction", b"/AA "):
        assert active not in pdf


def test_recipients_stand_with_what_the_log_covers() -> None:
    """N-16, A-07, A-14, R16, A-13: names, countries, dates, purposes; staff as roles only."""
    record, log = a_face(), a_log()
    shown_to(record, log, "Northlight Security BV", "NL", "visitor check at a site")
    shown_to(record, log, "Verity Screening Ltd", "UK")
    text = letter(made(record))
    assert "Northlight Security BV Netherlands (NL) 1 March 2025 visitor check at a site 1" in text
    assert "Verity Screening Ltd United Kingdom (UK) 1 March 2025 none recorded 1" in text
    assert "Customer search from 1 January 2025 to 30 June 2026" in text
    assert "Shown to 2 recipients" in text
    assert "United Kingdom (UK): a recipient named above; the controller stated no saf" in text
    assert "Second person (privacy officer), to answer your request" in text
    assert "Jonas Weer" not in text


def test_nobody_is_said_only_of_a_covered_period() -> None:
    """R16."""
    record = a_face()
    text = letter(made(record))
    assert "we cannot say who was shown them, and not that nobody was" in text
    assert "no log was given to us" in text


def test_a_log_without_look_ups_says_so_for_its_period() -> None:
    """R16."""
    a_log()
    text = letter(made(a_face()))
    assert "1 January 2025 to 30 June 2026" in text
    assert "In this time these logs hold no look-up of your pictures" in text


def test_three_claims_are_printed_and_never_merged(monkeypatch: Any) -> None:
    """R15."""
    answer = made(a_face())
    rows = dict(context(answer)["compared"]["rows"])
    assert "compared with 7 of 7 faces" in rows["Index check"]
    assert "Of 1 pictures in the source systems 1 have a face" in rows["Coverage"]
    assert rows["Recognition"].endswith("not tested here.")
    tested = MeasuredMisses("T1", "2026-05-01", 500, 0.015, 0.01, 0.02)
    monkeypatch.setattr(calibration, "measured_misses", lambda threshold, *, photos: tested)
    rows = dict(context(answer)["compared"]["rows"])
    assert "missed 1.5 % of a person's pictures in the test T1 of" in rows["Recognition"]
    assert "with 500 people (with 95 percent certainty 1.0 % to 2.0 %)" in rows["Recognition"]


def test_faces_of_a_crowd_that_no_search_reaches_are_told() -> None:
    """R15: a picture can be searched and a face in it not; silent without such a picture."""
    record = a_face()
    answer = made(record)
    assert "smallest faces" not in dict(context(answer)["compared"]["rows"])["Coverage"]
    record.image.faces_left_out = 41
    record.image.save(update_fields=["faces_left_out"])
    said = dict(context(answer)["compared"]["rows"])["Coverage"]
    assert said.endswith(
        "1 picture shows very many people. Its smallest faces were not searched: 41 in number."
    )


def test_kinds_of_data_follow_what_was_found() -> None:
    """A-06: a place among the columns, or what only sounds like one."""
    answer = made(a_face(other={"platform": "x"}))
    points = _section(context(answer), "categories")["points"]
    assert not any("location" in point for point in points)
    assert any("Platform" in point for point in points)
    assert any("special category" in point for point in points)
    for name in ("gps_lat", "Place", "geo", "city"):
        assert contents._PLACE.search(name), name
    for name in ("platform", "geometry", "velocity", "relation"):
        assert not contents._PLACE.search(name), name


def test_a_basis_nobody_documented_is_said(settings: Any) -> None:
    """A-05, R23."""
    settings.DSR_PURPOSES = ["Training of models", "Sale of look-ups"]
    text = letter(made(a_face()))
    assert "Training of models" in text
    assert "none documented" in text


def test_no_word_promises_more_than_a_search_shows() -> None:
    """R15: the catalogue lint over everything this letter and the other one say."""
    log, record, maybe = a_log(), a_face(), a_face(seed=2)
    shown_to(record, log, "Northlight Security BV", "NL")
    both = {record.id: Verdict.SAME, maybe.id: Verdict.INCONCLUSIVE}
    with_pictures = context(made(record, maybe, verdicts=both))
    for words in _strings(with_pictures):
        claims.refuse_big_words(words)
    with pytest.raises(claims.BigWords):
        claims.refuse_big_words(with_pictures["short_answer"] + " We found all of them.")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str | Promise):
        yield str(value)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)


def _section(made_of: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in made_of["sections"] if one["id"] == name)


# -- nothing found -------------------------------------------------------------------------------


def test_the_letter_that_found_nothing_says_what_it_may_say() -> None:
    """9(b), R15: how far it looked, that people checked, how to go on; never that there is none."""
    answer = made()
    assert answer.kind == AnswerKind.NOTHING_FOUND
    text = letter(answer)
    for part in (
        "We did not find pictures of you.",
        "We compared your photo with the 7 faces we held on",
        "two people checked",
        "That is not proof that there is none.",
        "not tested here",
        "try again with another photo or a link, as often as you like",
        "There is no limit.",
        "are not connected to this portal and were not checked",
        "kept encrypted; deleted when the request closes, 30 days after this answer leaves",
        "Autoriteit Persoonsgegevens",
        "go to court",
        "How to reach us",
    ):
        assert part in text, part
    for claim in ("we hold none", "no pictures of you exist", "Yes, we hold"):
        assert claim not in text
    for words in _strings(context(answer)):
        claims.refuse_big_words(words)
    assert sorted(zipped(answer)) == ["SHA256SUMS", "answer.pdf", "data.json", "schema.md"]
    assert data(answer)["records"] == []


# -- the data ------------------------------------------------------------------------------------


def test_the_face_code_is_given_out_of_the_frame_of_this_installation() -> None:
    """A-03, A-04, R32: the turn's transpose applied; neither stored nor comparable as stored."""
    record = a_face(seed=5)
    given = np.array(data(made(record))["records"][0]["template"])
    stored = random_templates(1, seed=5)[0]
    assert given.shape == (128,)
    assert np.allclose(engines.turn() @ given, stored, atol=1e-6)
    assert not np.allclose(given, stored, atol=0.01)
    assert recognition.disclosed_templates([record.id])[record.id] == pytest.approx(given)


def test_the_package_names_its_parts_and_their_checksums() -> None:
    answer = made(a_face(), a_face(seed=2))
    files = zipped(answer)
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: package.sha256(body) for name, body in files.items() if name in sums}
    assert set(files) - set(sums) == {"SHA256SUMS"}
    schema = files["schema.md"].decode()
    for key in data(answer)["records"][0]:
        assert f"`{key}" in schema or f"`, `{key}" in schema, key
    shown = letter(answer).replace(" ", "")
    assert sums["data.json"] in shown


# -- refused -------------------------------------------------------------------------------------


def test_a_column_nobody_placed_stops_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A-02: deny by default; the answer fails with a code and can be made anew."""
    assert inventory.unmapped_columns() == []
    assert inventory.unplaced_tables() == []
    case = found(a_face())
    placed = dict(inventory.COLUMNS["gallery.Record"])
    placed.pop("face_number")
    monkeypatch.setitem(inventory.COLUMNS, "gallery.Record", placed)
    answer = answers.answered(case)
    assert services.close_failed() == 1
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (AnswerState.FAILED, "unmapped_field")
    assert Event.objects.get(type="answer.failed").data == {"reason": "unmapped_field"}
    monkeypatch.undo()
    answers.without_detector(monkeypatch)
    again = answers.answered(case)
    assert again.state == AnswerState.READY
    assert selectors.current_answer(case.id) == again


def test_a_table_nobody_placed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A-02, A-17."""
    monkeypatch.delitem(inventory.COLUMNS, "gallery.LookUp")
    assert inventory.unplaced_tables() == ["gallery.LookUp"]


@pytest.mark.parametrize("unit", ["picture", "face"])
def test_a_vault_field_nobody_placed_stops_the_answer(unit: str) -> None:
    """A-02: labels or guesses somebody stores later can't be left out silently."""
    record = a_face()
    with unit_of_work():
        owner = record.image.unit if unit == "picture" else record.unit
        vault.write_small(owner, "guessed.age", b"34")
    with pytest.raises(inventory.Unmapped) as refused:
        inventory.refuse_unmapped([Record.objects.select_related("image").get(id=record.id)])
    assert refused.value.context["what"] == [f"{unit} field guessed.age"]


def test_a_key_of_the_facts_nobody_placed_stops_the_answer() -> None:
    record = a_face(person_group="17")
    with pytest.raises(inventory.Unmapped) as refused:
        inventory.refuse_unmapped([Record.objects.select_related("image").get(id=record.id)])
    assert refused.value.context["what"] == ["facts.person_group"]


@pytest.mark.parametrize("kind", list(validator.REQUIRED))
def test_an_answer_without_a_required_section_is_refused(kind: AnswerKind) -> None:
    """N-04, A-19, A-08: each section of law 9(a) and 9(b), taken away or emptied one by one."""
    answer = made(*([a_face()] if kind == AnswerKind.DISCLOSURE else []))
    whole = context(answer)
    assert validator.missing_sections(kind, whole) == []
    for name in ("short_answer", "facts"):
        assert validator.missing_sections(kind, {**whole, name: ""}) == [name]
    own = {"complaint", "contacts", "check"}
    for name in (one for one in validator.REQUIRED[kind] if one not in own):
        if name == "records":
            cut = {**whole, "records": []}
        elif name == "compared":
            cut = {**whole, "compared": {"id": "compared", "heading": "x"}}
        else:
            empty = {"id": name, "heading": "x", "text": "", "points": [], "rows": []}
            rest = [one for one in whole["sections"] if one["id"] != name]
            assert len(rest) == len(whole["sections"]) - 1
            assert validator.missing_sections(kind, {**whole, "sections": [*rest, empty]}) == [name]
            cut = {**whole, "sections": rest}
        assert validator.missing_sections(kind, cut) == [name]


def test_no_request_is_answered_or_closed_with_a_letter_that_lacks_a_section(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """N-04, A-19: the job that makes the answer refuses it, nobody approves it, nothing closes."""
    whole = contents.context

    def cut(*args: Any) -> dict[str, Any]:
        said = whole(*args)
        rest = [one for one in said["sections"] if one["id"] != "recipients"]
        assert len(rest) == len(said["sections"]) - 1
        return {**said, "sections": rest}

    monkeypatch.setattr(contents, "context", cut)
    case = found(a_face())
    answer = answers.answered(case)
    services.close_failed()
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (AnswerState.FAILED, "answer_incomplete")
    with pytest.raises(Conflict):
        services.approve_answer(answer_id=answer.id, actor=answers.SECOND)
    with pytest.raises(Conflict):
        cases.close(case_id=case.id, actor=answers.OFFICER)
    assert not case.deliveries.exists()


def test_a_retention_nobody_stated_stops_the_answer(settings: Any) -> None:
    """N-08, A-08."""
    settings.DSR_RETENTION = ""
    answer = answers.answered(found(a_face()))
    services.close_failed()
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (AnswerState.FAILED, "answer_incomplete")


def test_an_answer_prints_the_term_of_each_source_and_when_it_ends(settings: Any) -> None:
    """A-08: by source, with the days for this person's pictures; a source without one says so."""
    settings.DSR_RETENTION = ""
    first, second = a_face(seed=1, collected_at="2025-03-05"), a_face(seed=2, source="Other crawl")
    kept_for(first.image.source, days=400)
    case = found(first, second)
    refused = answers.answered(case)
    services.close_failed()
    refused.refresh_from_db()
    assert refused.error_code == "answer_incomplete", "one source states no term"
    settings.DSR_RETENTION = "Ten years at most."
    told = letter(answers.answered(case))
    assert "Ten years at most." in told
    assert "400 days, counted from the day a picture was collected" in told
    assert "it ends on 9 April 2026" in told
    assert "no period was stated" in told


def test_the_persons_own_photo_is_never_handed_back_as_a_find() -> None:
    """N-14: what they sent is compared and stands in the answer as theirs, not among the pictures;
    with nothing found there is no picture at all."""
    own = plain_picture((200, 260), "crimson")
    answers.staff()
    for records in ([a_face()], []):
        case = searched(answers.requested(own), records)
        answer = answers.answered(answers.decided(case, {one.id: "same" for one in records}))
        assert answer.state == AnswerState.READY, answer.error_code
        assert answer.document_id is not None
        shown = [*_pictures_of_pdf(documents.open_document(answer.document_id))]
        if records:
            files = zipped(answer)
            told = json.loads(files["data.json"])["records"]
            assert [one["id"] for one in told] == [str(one.id) for one in records]
            assert own not in files.values()
            shown += [Image.open(io.BytesIO(d)) for n, d in files.items() if n.endswith(".jpg")]
        assert bool(shown) == bool(records)
        assert not any(_is_crimson(one) for one in shown)
    assert _is_crimson(Image.open(io.BytesIO(own))), "the look sees it"


def _pictures_of_pdf(pdf: bytes) -> Iterator[Image.Image]:
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            for one in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]):
                yield one.get_bitmap().to_pil()


def _is_crimson(picture: Image.Image) -> bool:
    red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
    return red > 180 and green < 60 and blue < 90


def test_finished_files_that_lack_a_half_are_refused() -> None:
    """A-19: only data, or only information, is no answer."""
    record = a_face()
    answer = made(record)
    assert answer.document_id is not None
    assert answer.package_unit is not None
    pdf = documents.open_document(answer.document_id)
    body = vault.read(answer.package_unit, services.PACKAGE_FIELD)

    def lacks(pdf: bytes = pdf, body: bytes = body, ids: Any = None) -> list[str]:
        return validator.missing_in_files(
            kind=answer.kind, pdf=pdf, zipped=body, record_ids=ids or [record.id]
        )

    def without(name: str) -> bytes:
        files = answers.unzipped(body)
        for gone in (name, package.PDF, package.SUMS):
            files.pop(gone)
        return package.build(files, pdf)

    assert lacks() == []
    bare = documents.render(
        template="documents/letter.html",
        context={"text": "Here are your data."},
        language="en",
        title="x",
        kind="answer",
        reference="K7M-2QX4",
    )
    assert "letter: purposes" in lacks(pdf=bare)
    assert "package: data.json" in lacks(body=without("data.json"))
    assert lacks(body=without("pictures/record-1.jpg")) == ["package: pictures/record-1.jpg"]
    assert lacks(ids=[record.id, new_id()]) == ["data.json: records"]
    with pytest.raises(validator.Incomplete):
        validator.refuse(lacks(body=without("data.json")))


def test_a_job_that_fails_for_another_reason_frees_the_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faces that cannot be covered never leave; the officer sees a failed answer, not a wait."""
    case = found(a_face())

    def left(*_: Any, **__: Any) -> Any:
        raise BadInput("faces_left", "")

    monkeypatch.setattr(recognition, "cover_others", left)
    answer = services.prepare_answer(case_id=case.id, actor=OFFICER)
    for _ in range(5):
        Job.objects.filter(subject=str(answer.id)).update(run_after=clock.now())
        jobs.run_due(queues=["probe"])
    assert services.close_failed() == 1
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (AnswerState.FAILED, "faces_left")
    assert not answer.document_id


# -- leaving -------------------------------------------------------------------------------------


def test_a_person_approves_then_the_batch_lets_it_go() -> None:
    """L-07, R3, R13: letter, package and each picture are parts; every step is an event."""
    answer = made(a_face(), a_face(seed=2))
    with pytest.raises(NotAllowed):
        services.approve_answer(answer_id=answer.id, actor=DPO)
    case = answers.released(answer)
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.DISCLOSED)
    delivery = case.deliveries.get()
    parts = list(delivery.parts.order_by("ordinal"))
    kinds = [part.media_type for part in parts]
    assert kinds == ["application/pdf", "application/zip", "image/jpeg", "image/jpeg"]
    grant = cases.open_delivery(token=cases.link_token(delivery), code=cases.receipt_code(case))
    opened = cases.granted(grant=grant, token=cases.link_token(delivery))
    bodies = [
        b"".join(cases.fetch(part=part, actor=answers.Actor.person(case.id)))
        for part in opened.parts.order_by("ordinal")
    ]
    assert bodies[0].startswith(b"%PDF")
    assert answers.unzipped(bodies[1])["pictures/record-1.jpg"] == bodies[2]
    types = set(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert {"answer.frozen", "answer.made", "answer.approved", "delivery.released"} <= types
    assert audit.verify().ok
    with pytest.raises(Conflict):
        services.approve_answer(answer_id=answer.id, actor=SECOND)


def test_who_entered_a_request_does_not_approve_its_answer() -> None:
    """R19, R20."""
    answer = made(a_face())
    Case.objects.filter(id=answer.case_id).update(opener=SECOND.id)
    with pytest.raises(NotAllowed, match="another person"):
        services.approve_answer(answer_id=answer.id, actor=SECOND)


def test_nobody_approves_the_answer_to_a_withdrawn_request() -> None:
    """R8, P-06: no link and no mail follow a withdrawal, and the outcome stays what it was."""
    answer = made(a_face())
    cases.withdraw(case_id=answer.case_id, actor=answers.Actor.person(answer.case_id))
    with pytest.raises(Conflict):
        services.approve_answer(answer_id=answer.id, actor=SECOND)
    case = Case.objects.get(id=answer.case_id)
    assert (case.outcome, case.deliveries.count()) == (Outcome.WITHDRAWN, 0)


def test_an_answer_being_made_when_the_request_is_withdrawn_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R8: pictures, letter and package made meanwhile are not kept."""
    case = found(a_face())
    answer = services.prepare_answer(case_id=case.id, actor=OFFICER)
    build = package.build

    def withdrawn_meanwhile(*args: Any) -> bytes:
        cases.withdraw(case_id=case.id, actor=answers.Actor.person(case.id))
        return build(*args)

    monkeypatch.setattr(package, "build", withdrawn_meanwhile)
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (AnswerState.FAILED, "withdrawn")
    assert (answer.document_id, answer.package_unit) == (None, None)
    assert not Event.objects.filter(type="answer.made", case_id=case.id).exists()


def test_an_answer_ends_thirty_days_after_it_left() -> None:
    """R4: sealed package and letter have an end of their own."""
    answer = made(a_face())
    case = answers.released(answer)
    assert answer.package_unit is not None
    assert answer.document_id is not None
    assert services.end_packages() == 0
    delivery = case.deliveries.get()
    delivery.released_at = clock.now() - timedelta(days=31)
    delivery.save(update_fields=["released_at"])
    assert services.end_packages() == 1
    assert services.end_packages() == 0
    vault.run_shred()
    with pytest.raises(vault.Shredded):
        vault.read(answer.package_unit, services.PACKAGE_FIELD)
    with pytest.raises(vault.Shredded):
        documents.open_document(answer.document_id)
    assert Event.objects.get(type="answer.package_shredded").data == {"units": 2}


def test_the_end_of_a_case_ends_holds_and_later_the_answer() -> None:
    """R1, P-06."""
    record = a_face()
    answer = made(record)
    case = answers.released(answer)
    assert Hold.objects.filter(record=record, until=None).exists()
    cases.close(case_id=case.id, actor=OFFICER)
    assert not Hold.objects.filter(record=record, until=None).exists()
    answer.refresh_from_db()
    assert answer.package_unit is not None
    services.shred_package(case_id=case.id, actor=OFFICER, reason="purged")
    answer.refresh_from_db()
    assert answer.package_unit is None


def test_locked_is_said_only_of_pictures_that_are_locked() -> None:
    """R1, A-09."""
    record = a_face()
    answer = made(record)
    assert _lock(answer).startswith("Yes, done: your pictures are locked")
    gallery.lift_restriction(
        record_ids=[record.id], case_id=answer.case_id, actor=OFFICER, reason="test"
    )
    assert "Ask for it on the status page" in _lock(answer)


def _lock(answer: Answer) -> str:
    return str(dict(_section(context(answer), "rights")["rows"])["Lock"])


def test_making_runs_where_faces_can_be_covered() -> None:
    """The web never loads the recognition library: the job goes to the worker that has it."""
    assert disclosure_jobs.job_kinds.get(services.KIND).queue == "probe"


def test_a_lock_that_ends_with_the_case_is_told_before() -> None:
    """R1: lifted only after the person was told; one that was asked for stays."""
    answer = made(a_face())
    asked = set(answer.case.rights.values_list("right", flat=True))
    assert "restriction" not in asked
    answer.case.rights.filter(right="erasure").delete()
    facts = gathered(answer)
    for record in facts.records:
        record.state = record.State.RESTRICTED
    told = contents._lock_words(facts)
    assert "The lock ends when this request closes, 30 days after this answer left." in told
    answer.case.rights.create(right="restriction")
    told = contents._lock_words(facts)
    assert "The lock stays after your request ends." in told
    assert "The lock ends" not in told

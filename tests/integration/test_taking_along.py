"""What a person gave us, to take along (Art. 20 GDPR; law E-10), and why no more than that."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, RightCode, WayKind
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer
from dsr_portal.documents import services as documents
from dsr_portal.gallery.models import Record
from dsr_portal.law.reading import rights_in
from dsr_portal.matching import own_data
from dsr_portal.matching.models import Verdict
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support import cases as support
from tests.support.answers import OFFICER, SECOND, a_face, plain_picture, text_of
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "https://pages.example/mina-on-the-pier"
NOTE = "I found myself on a page about a fair."
BOTH = [RightCode.ACCESS, RightCode.PORTABILITY]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def answer_to(*hits: Record, rights: Any = BOTH) -> Answer:
    case = answers.searched(answers.requested(rights=rights), hits)
    return answers.answered(answers.decided(case, {hit.id: Verdict.SAME for hit in hits}))


def parts(case: Case) -> dict[str, str]:
    delivery = case.deliveries.get()
    return {part.name.split("-", 2)[-1]: part.media_type for part in delivery.parts.all()}


def test_everything_supplied_is_on_the_page_at_once_behind_the_code(site: Any) -> None:
    """E-10: words, contact, ways, consents with versions and times, messages, photo and file."""
    site("public")
    case = answers.requested(plain_picture(), rights=[RightCode.PORTABILITY])
    cases.receive_message(case_id=case.id, actor=support.person(case), text="It was in May.")
    browser, address = Client(), reverse("public:own_data")
    assert browser.get(address).url == reverse("public:status")
    code = cases.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    page = browser.get(reverse("public:case")).content.decode()
    assert f'href="{address}"' in page
    answer = browser.get(address)
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment")

    found = unpacked(answer.content)
    told = json.loads(found["own-data.json"])
    assert told["format"] == own_data.FORMAT
    assert told["contact"]["email"] == "mina@example.org"
    assert [one["words"] for one in told["messages"]] == ["It was in May."]
    # Who wants data along is read as wanting access, too: collected pictures are had that way.
    assert [one["right"] for one in told["request"]["rights"]] == ["access", "portability"]
    consent = case.consents.get()
    assert told["consents"] == [
        {
            "scope": "comparison",
            "text_version": consent.text_version,
            "text_sha256": consent.text_hash,
            "language": "en",
            "channel": "web",
            "given_at": consent.given_at.isoformat(),
            "withdrawn_at": None,
        }
    ]
    assert found["photos/photo-1"] == plain_picture()
    (file,) = told["files"]
    assert file["sha256"] == hashlib.sha256(plain_picture()).hexdigest()
    assert "own-data.json" in found["schema.md"].decode()
    assert Event.objects.get(type="case.own_data", case_id=case.id).data == {"files": 1}


def test_what_was_named_and_what_came_by_post_goes_along_as_it_came() -> None:
    """E-10: pages in words, the exact file and the scanned letter as bytes; nothing of ours."""
    letter, file = b"%PDF-1.7 a letter by hand", plain_picture(colour="maroon")
    case = cases.open_case(
        actor=support.OFFICER,
        channel="post",
        rights=["access"],
        ways=[cases.WaySent(WayKind.PAGE, PAGE), cases.WaySent(WayKind.FILE, data=file)],
        contact=cases.Contact(name="M. Doe", postal="Dam 1, Amsterdam"),
        note=NOTE,
        originals=[letter],
    ).case
    cases.send_message(case_id=case.id, actor=support.OFFICER, text="We look at it now.")
    found = unpacked(own_data.package(case=case, actor=Actor.person(case.id)))
    told = json.loads(found["own-data.json"])
    assert told["request"]["words"] == NOTE
    assert told["contact"]["postal"] == "Dam 1, Amsterdam"
    assert {(one["kind"], one["words"]) for one in told["ways"]} == {("page", PAGE), ("file", "")}
    assert found["files/file-1"] == file
    assert found["originals/original-1"] == letter
    assert told["messages"] == []
    assert "We look at it now" not in json.dumps(told)


def test_the_answer_says_why_collected_pictures_are_not_in_it_and_brings_the_rest() -> None:
    """E-10: reasons with Art. 20(1), the JSON behind link and code; found or not, the same part."""
    hit, none = answer_to(a_face(seed=1)), answer_to()
    for answer in (hit, none):
        assert answer.document_id is not None
        text = text_of(documents.open_document(answer.document_id))
        assert "Taking your data along" in text
        assert "you did not give them to us" in text
        assert "(Art. 20(1) GDPR)" in text
    cases_of = [answers.released(answer) for answer in (hit, none)]
    for case in cases_of:
        own = case.deliveries.get().parts.get(media_type="application/json")
        assert own.name == f"{case.reference}-own-data.json"
        told = json.loads(b"".join(cases.fetch(part=own, actor=Actor.person(case.id))))
        assert told["reference"] == case.reference
        assert told["consents"][0]["scope"] == "comparison"
        assert told["files"] == [], "a photo ends by its own rule and is on the page meanwhile"
    same = [{key: type(value) for key, value in json.loads(_own(one)).items()} for one in cases_of]
    assert same[0] == same[1]
    # It ends with the letter it came with.
    unit = cases_of[0].deliveries.get().parts.get(media_type="application/json").unit
    disclosure.shred_package(case_id=cases_of[0].id, actor=OFFICER, reason="purged")
    vault.run_shred()
    assert unit is not None
    assert vault.unit_state(unit) == vault.UnitState.SHREDDED


def _own(case: Case) -> bytes:
    part = case.deliveries.get().parts.get(media_type="application/json")
    return b"".join(cases.fetch(part=part, actor=Actor.person(case.id)))


def test_who_did_not_ask_gets_no_part_and_no_section() -> None:
    """E-10: it stands among the rights all the same, with its reason."""
    answer = answer_to(a_face(seed=1), rights=[RightCode.ACCESS])
    case = answers.released(answer)
    assert "application/json" not in parts(case).values()
    assert answer.document_id is not None
    text = text_of(documents.open_document(answer.document_id))
    assert "Taking your data along" not in text
    assert "Not the pictures we collected: you did not give them to us" in text


def test_a_photo_goes_along_only_while_its_being_here_tells_nothing() -> None:
    """E-10, R3: not between decision and opening, when an unseen erasure may have taken it."""
    answer = answer_to(a_face(seed=1))
    case = Case.objects.get(id=answer.case_id)
    assert "photos/photo-1" not in unpacked(own_data.package(case=case, actor=SECOND))
    case = answers.released(answer)
    assert "photos/photo-1" not in unpacked(own_data.package(case=case, actor=SECOND))
    delivery = case.deliveries.get()
    code = cases.receipt_code(case)
    cases.open_delivery(token=cases.link_token(delivery), code=code)
    assert "photos/photo-1" in unpacked(own_data.package(case=case, actor=SECOND))


def test_once_contact_and_file_are_destroyed_nothing_is_left_to_take() -> None:
    """E-10: until the purge, not after it."""
    case = support.opened()
    cases.withdraw(case_id=case.id, actor=support.person(case))
    own_data.package(case=case, actor=support.person(case))
    cases.purge(case_id=case.id, actor=support.OFFICER)
    case.refresh_from_db()
    with pytest.raises(Conflict, match="purged"):
        own_data.package(case=case, actor=support.person(case))


def test_words_that_ask_for_it_are_read_so() -> None:
    """E-10, T-09: in three languages; a later wish needs none, for the page has it."""
    for words in (
        "I want my data portability",
        "Ik wil mijn gegevens meenemen",
        "Ich möchte meine Daten mitnehmen",
    ):
        assert "portability" in rights_in(words), words
    assert "portability" not in rights_in("Please delete my pictures")
    assert "portability" not in cases.rights_to_add(support.opened())

"""What came by post, by phone or in person for an open request, and which question it answers
(T-08, T-11, D-07, R8, R20)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import answering, clocks, services, wish_clocks, wish_pauses
from dsr_portal.cases.came_models import CameIn
from dsr_portal.cases.models import Case, Flag, Message, Status
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import came_in
from dsr_portal.matching.models import Probe, ProbeState, Search
from dsr_portal.vault import services as vault
from tests.integration.test_photo_letters import FINE, NO_FACE, with_photos
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import JPEG, Told, sign_in, staff, told
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SCAN = b"%PDF-1.7 a letter as it was scanned"
WISH = "wish:erasure"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Told:
    answers = told(monkeypatch)
    answers.verdict = NO_FACE
    return answers


@pytest.fixture
def people() -> dict[str, Staff]:
    return {
        "officer": staff("S-1001"),
        "second": staff("S-1002"),
        "chief": staff("S-2001", Role.SUPERVISOR),
    }


def work() -> None:
    for _round in range(5):
        if not jobs.run_due(queues=["light", "probe"]):
            return


def came(case: Case, on: date, what: str, **more: Any) -> CameIn:
    given = {"how": "post", "original": SCAN, **more}
    return came_in.take(
        case_id=case.id, sent=came_in.Sent(on=on, what=what, **given), actor=support.OFFICER
    )


def asked_twice(travel: Travel) -> Case:
    """The request's own question and one about a wish that was added, both standing still."""
    case = support.opened(["access"])
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    travel.to("2026-09-11")
    services.ask_to_identify(
        case_id=case.id,
        actor=support.OFFICER,
        missing=["nothing_to_look_up"],
        means=["named", "call"],
        text="Tell us where you saw a picture.",
        stop_clock=True,
    )
    wish_pauses.ask(
        case_id=case.id,
        right="erasure",
        actor=support.OFFICER,
        ground="specifying",
        words="Which pictures do you mean?",
    )
    work()
    case.refresh_from_db()
    return case


def stands(case: Case) -> tuple[bool, bool]:
    """Whether the request stands still, and whether the wish does."""
    case.refresh_from_db()
    wish = case.rights.select_related("case").get(right="erasure")
    return clocks.clock_of(case).stands, wish_clocks.clock_of(wish).stands_since is not None


# -- a photo --------------------------------------------------------------------------------------


def test_a_photo_by_post_is_searched_only_after_consent_a_check_and_another_person(
    travel: Travel, engine: Told, people: dict[str, Staff], site: Any
) -> None:
    """R8, R20, T-07: encrypted and uncompared without consent; with it checked like one of the
    website; searched once another person than who entered it saw the original."""
    case = with_photos()
    work()
    services.withdraw_consent(case_id=case.id, actor=support.person(case))
    engine.verdict, engine.judged = FINE, 0
    travel.to("2026-09-14")
    row = came(case, date(2026, 9, 14), "photo", photo=JPEG)
    photo = Probe.objects.get(id=row.probe_id)
    work()
    photo.refresh_from_db()
    assert (photo.state, photo.entered_by) == (ProbeState.WAITING_CONSENT, support.OFFICER.id)
    assert engine.judged == 0, "nothing is computed from it (R8)"
    assert came_in.original(row) == SCAN
    support.identified(case)

    second = came(
        case, date(2026, 9, 14), "photo", photo=JPEG, consent="letter of 12 September, binder 3"
    )
    support.identified(case)
    work()
    photo = Probe.objects.get(id=second.probe_id)
    assert photo.state == ProbeState.USABLE
    case.refresh_from_db()
    assert case.level >= case.required_level
    assert not Search.objects.exists(), "no second person saw the original (R20)"
    with pytest.raises(NotAllowed, match="origin_same_person"):
        came_in.confirm(case_id=case.id, came_id=second.id, actor=support.OFFICER)
    site("desk")
    desk = sign_in(Client(), people["second"])
    shown = desk.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "another person has to see its original" in shown
    for one in (row, second):
        page = reverse("desk:came_seen", args=[case.reference, one.id])
        assert desk.post(page).status_code == 302
    assert Search.objects.filter(case=case).count() == 1
    with pytest.raises(Conflict, match="seen_already"):
        came_in.confirm(case_id=case.id, came_id=second.id, actor=support.SECOND)
    with pytest.raises(IntegrityError, match="came_in_seen_by_another"), transaction.atomic():
        CameIn.objects.filter(id=second.id).update(seen_by=second.by)


def test_a_photo_that_is_no_picture_leaves_nothing_behind(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """R28, T-11: in plain words, and no half of it kept."""
    case = with_photos()
    work()
    with pytest.raises(BadInput):
        came(case, date(2026, 9, 10), "photo", photo=b"no picture")
    assert not CameIn.objects.exists()
    assert Probe.objects.count() == 1


# -- words ----------------------------------------------------------------------------------------


def test_words_by_post_end_the_one_question_they_answer_from_the_day_they_reached_us(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07, T-11: entered a week late, the clock goes on from the day the letter came."""
    case = asked_twice(travel)
    assert stands(case) == (True, True)
    travel.to("2026-09-21")
    with pytest.raises(BadInput, match="say_which"):
        came(case, date(2026, 9, 14), "words", words="All of them.")
    came(case, date(2026, 9, 14), "words", words="All of them.", answers=WISH)
    assert stands(case) == (True, False)
    wish = case.rights.select_related("case").get(right="erasure")
    assert wish_clocks.clock_of(wish).period.paused_days == 3, "the 11th to the 14th"
    came(case, date(2026, 9, 16), "words", words="On that page.", answers="request")
    assert stands(case) == (False, False)
    case.refresh_from_db()
    assert case.status != Status.NEEDS_INFO
    assert case.pauses.get().until_on == date(2026, 9, 16)
    rows = Message.objects.filter(case=case, direction="in").order_by("at")
    assert [(one.answers, one.by, one.at.date()) for one in rows] == [
        (WISH, support.OFFICER.id, date(2026, 9, 14)),
        ("request", support.OFFICER.id, date(2026, 9, 16)),
    ]
    assert {one.message_id for one in CameIn.objects.all()} == {one.id for one in rows}


def test_a_letter_older_than_our_question_lets_no_day_stand_still(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07: it crossed our letter."""
    case = asked_twice(travel)
    travel.to("2026-09-15")
    came(case, date(2026, 9, 10), "words", words="All of them.", answers=WISH)
    wish = case.rights.select_related("case").get(right="erasure")
    assert wish_clocks.clock_of(wish).period.paused_days == 0


def test_words_on_the_page_that_name_no_question_end_none_until_it_is_said_which(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-07: the person chooses on the page; of a mail an officer says it, from the day it came."""
    case = asked_twice(travel)
    site("public")
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    page = browser.get(reverse("public:case")).content.decode()
    assert "What is this about?" in page
    send = reverse("public:message")
    assert browser.post(send, {"message-text": "Hello."}).status_code == 422
    said = {"message-text": "My name changed.", "message-answers": "none"}
    assert browser.post(send, said).status_code == 302
    assert stands(case) == (True, True), "something else ends nothing"

    travel.to("2026-09-14")
    services.receive_message(case_id=case.id, actor=support.person(case), text="All of them.")
    assert stands(case) == (True, True)
    assert Flag.objects.filter(case=case, code=answering.FLAG).exists()
    row = answering.unsorted(case).get()
    travel.to("2026-09-18")
    site("desk")
    desk = sign_in(Client(), people["second"])
    sort = reverse("desk:sort_answer", args=[case.reference, row.id])
    assert sort in desk.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "All of them." in desk.get(sort).content.decode()
    assert desk.post(sort, {"answers": ""}).status_code == 422
    assert desk.post(sort, {"answers": WISH}).status_code == 302
    assert stands(case) == (True, False)
    wish = case.rights.select_related("case").get(right="erasure")
    assert wish_clocks.clock_of(wish).period.paused_days == 3
    assert not Flag.objects.filter(case=case, code=answering.FLAG).exists()
    assert desk.get(sort).status_code == 404


def test_a_question_that_is_not_open_cant_be_answered(
    travel: Travel, people: dict[str, Staff]
) -> None:
    case = support.opened(["access"])
    with pytest.raises(BadInput, match="no_such_question"):
        services.receive_message(
            case_id=case.id, actor=support.person(case), text="Yes.", answers=WISH
        )


# -- other things, and what is wrong --------------------------------------------------------------


def test_a_wish_by_post_has_its_month_from_the_day_it_reached_us(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """T-11, D-01."""
    case = support.opened(["access"])
    travel.to("2026-09-25")
    came(case, date(2026, 9, 21), "wish", rights=["erasure"])
    row = case.rights.get(right="erasure")
    assert row.due_on == date(2026, 10, 21)


def test_the_page_keeps_the_original_and_says_what_is_wrong(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """T-08, R28: encrypted, handed out unopened; a day that can't be, and a letter without one."""
    case = support.opened(["access"])
    travel.to("2026-09-14")
    site("desk")
    desk = sign_in(Client(), people["officer"])
    page = reverse("desk:came", args=[case.reference])
    scan = lambda: SimpleUploadedFile("scan.pdf", SCAN)  # noqa: E731 - read once each time
    told_address = {"how": "post", "what": "address"}
    for day in ("2026-09-09", "2026-09-15"):
        wrong = desk.post(page, {**told_address, "on": day, "original": scan()})
        assert wrong.status_code == 422, day
        assert "Choose a day since the request reached us" in wrong.content.decode()
    missing = desk.post(page, {**told_address, "on": "2026-09-11"})
    assert "Scan the letter: its original is kept." in missing.content.decode()
    kept = desk.post(page, {**told_address, "on": "2026-09-11", "original": scan()})
    assert kept.url == reverse("desk:receipt", args=[case.reference]), "there it is changed"
    row = CameIn.objects.get()
    assert vault.read(case.file_unit, row.field) == SCAN
    original = desk.get(reverse("desk:came_original", args=[case.reference, row.id]))
    assert original.content == SCAN
    assert original.headers["Content-Type"] == "application/octet-stream"
    with pytest.raises(IntegrityError, match="came_in_post"), transaction.atomic():
        CameIn.objects.filter(id=row.id).update(field="")


def test_a_call_needs_no_original_and_a_closed_request_takes_no_words(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """T-11."""
    case = support.opened(["access"])
    came(case, date(2026, 9, 10), "words", words="Call me.", how="phone", original=b"")
    services.withdraw(case_id=case.id, actor=support.person(case))
    with pytest.raises(Conflict, match="case_over"):
        came(case, date(2026, 9, 10), "words", words="Once more.")
    assert CameIn.objects.count() == 1

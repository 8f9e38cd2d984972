"""An unusable photo of who reads only paper: a letter by itself, and nothing that ends or pauses
the request for it (T-06, T-07, R6, D-07)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import clocks, letters
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, LetterKind, LetterState, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import unidentified
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import photo_letters, probes, services
from dsr_portal.matching import photos as photo_set
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition.services import FacesFound, OneFace, ProbeVerdict
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import JPEG, Told, sign_in, staff, told
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAPER = cases.Contact(name="M. Doe", postal="Dam 1, Amsterdam")
NO_FACE = ProbeVerdict("no_face", (), None)
FINE = ProbeVerdict("ok", (), (0, 0, 10, 10))


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


def with_photos(number: int = 1, *, contact: cases.Contact = PAPER, **more: Any) -> Case:
    """A request of the website with photos; by default of somebody with a postal address only."""
    case_id = new_id()
    staged = []
    for _one in range(number):
        unit = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case_id)
        unit.add("picture", JPEG)
        staged.append(unit)

    def also(case: Case) -> None:
        for unit in staged:
            unit.save()
            add(case, unit.unit_id)

    return cases.open_case(
        channel="web",
        rights=["access", "erasure"],
        ways=[cases.WaySent("selfie")],
        consents=["comparison"],
        contact=contact,
        case_id=case_id,
        also=also,
        **more,
    ).case


def add(case: Case, unit: Any) -> Probe:
    return services.add_probe(case=case, actor=Actor.person(case.id), unit=unit, channel="web")


def send_another(case: Case) -> None:
    """By the page of the request, whoever helps them there."""
    unit = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    unit.add("picture", JPEG)

    def also(locked: Case) -> None:
        unit.save()
        add(locked, unit.unit_id)

    cases.receive_message(case_id=case.id, actor=support.person(case), also=also)


def said(case: Case, number: int = 0) -> str:
    letter = case.letters.filter(kind=LetterKind.PHOTO).order_by("created_at")[number]
    assert letter.document_id is not None
    return " ".join(text_of(documents.open_document(letter.document_id)).split())


def states(case: Case) -> list[str]:
    rows = case.letters.filter(kind=LetterKind.PHOTO).order_by("created_at")
    return list(rows.values_list("state", flat=True))


def post(case: Case) -> None:
    letter = case.letters.get(kind=LetterKind.PHOTO, state=LetterState.TO_POST)
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)


def test_who_reads_only_paper_is_told_by_letter_reminded_and_never_ended_or_paused(
    travel: Travel, engine: Told, people: dict[str, Staff], site: Any
) -> None:
    """T-06, T-07, R6, D-07, D-08: reason, what to do, other ways, the running clock; printed and
    posted by staff; once more a week after; the date stays and no letter ends it by itself."""
    case = with_photos()
    due = case.due_on
    work()
    case.refresh_from_db()
    assert (case.status, states(case)) == (Status.NEEDS_INFO, [LetterState.TO_POST])
    text = said(case)
    for words in (
        "M. Doe",
        "We can't use the photo you sent.",
        "We can't see a face in this photo.",
        "facing a window or a lamp",
        "by post or on the page of your request",
        "You don't have to send a photo.",
        "a page address, a file or an account name",
        "a video or phone call with an officer",
        "a visit",
        "a signed form by post",
        "Our time goes on while we wait. You have our answer by 12 October 2026",
        "not before 17 September 2026",
        "does not end for want of a photo",
        "go to court",
    ):
        assert words in text, words
    site("desk")
    page = sign_in(Client(), people["second"]).get(reverse("desk:case", args=[case.reference]))
    assert "We need another photo" in page.content.decode()

    travel.to("2026-09-14")
    post(case)
    travel.to("2026-09-20")
    assert photo_letters.remind_due() == 0, "a week since it was posted, not since it was written"
    travel.to("2026-09-21")
    assert photo_letters.remind_due() == 1
    assert photo_letters.remind_due() == 0
    work()
    assert states(case) == [LetterState.SENT, LetterState.TO_POST]
    assert "On 14 September 2026 we wrote to you that we can't use your photo" in said(case, 1)
    post(case)
    travel.to("2026-11-10")
    photo_letters.remind_due()
    cases.close_due()
    case.refresh_from_db()
    assert states(case) == [LetterState.SENT, LetterState.SENT]
    assert (case.status, case.due_on) == (Status.NEEDS_INFO, due)
    assert not case.pauses.exists()
    assert clocks.clock_of(case).late, "a photo that can't be used moves no date"
    with pytest.raises(Conflict):
        unidentified.propose(
            case_id=case.id, actor=support.OFFICER, reasons=["no_way_taken"], why="No photo."
        )


def test_a_photo_that_came_by_post_is_told_the_same_way(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-08, T-07, R8, R20: an officer entered letter, photo and the consent in it."""
    case = probes.enter_request(
        entered=services.Entered(
            channel="post",
            rights=["access"],
            photo=JPEG,
            consent="letter of 8 September, binder 3",
            name="M. Doe",
            postal="Dam 1, Amsterdam",
            language="nl",
        ),
        actor=support.OFFICER,
    ).case
    work()
    assert states(case) == [LetterState.TO_POST]
    assert "We zien geen gezicht" in said(case)


def test_who_has_a_mailbox_hears_it_by_mail_and_gets_no_letter_but_where_they_chose_paper(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-07, T-11, T-13: one message by the way the person reads."""
    by_mail = with_photos(contact=cases.Contact(email="mina@example.org"))
    both = cases.Contact(email="noor@example.org", postal="Dam 2, Amsterdam")
    chose_paper = with_photos(contact=both, on_paper=True)
    neither = with_photos(contact=cases.Contact())
    work()
    assert (states(by_mail), states(neither)) == ([], [])
    assert states(chose_paper) == [LetterState.TO_POST]
    assert Effect.objects.filter(kind="mail.needs_you", subject_id=by_mail.id).count() == 1


def test_a_photo_of_several_people_is_told_by_letter_to_who_can_tap_no_face(
    engine: Told, people: dict[str, Staff]
) -> None:
    """P-05, T-06: the choice waits on the page and at the desk; the letter asks for another one."""
    engine.verdict = ProbeVerdict("several_faces", (), None)
    engine.faces = FacesFound((OneFace(JPEG, JPEG),) * 2, 0)
    case = with_photos()
    work()
    assert Probe.objects.get(case=case).state == ProbeState.CHOOSING
    text = said(case)
    assert "There is more than one face in this photo" in text
    assert "Call us or write to us which face in the photo is yours, or send another one." in text


def test_photos_unlike_one_another_are_told_by_letter_and_once_more(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-06, T-07, R3, D-07, D-08: nothing was searched, no clock stands; an officer's choice of the
    photos takes a letter that did not leave out of the post."""
    engine.verdict, engine.apart = FINE, True
    case = with_photos(2)
    work()
    support.identified(case)
    services.start_search_if_ready(case_id=case.id, actor=support.MACHINE)
    for _round in range(4):
        jobs.run_due(queues=["search", "light", "probe"])
    case.refresh_from_db()
    assert (case.status, states(case)) == (Status.NEEDS_INFO, [LetterState.TO_POST])
    text = said(case)
    for words in (
        "Tell us which of them show you.",
        "with one another and with nothing else",
        "Call us or write to us which of the photos show you",
        "We search for nothing before this is clear.",
        "Our time goes on while we wait.",
    ):
        assert words in text, words
    assert "can't use" not in text
    travel.to("2026-09-14")
    post(case)
    travel.to("2026-09-22")
    assert photo_letters.remind_due() == 1
    assert photo_letters.remind_due() == 0
    work()
    assert "On 14 September 2026 we asked you which of your photos show you" in said(case, 1)
    assert not case.pauses.exists()
    photos = list(case.probes.all())
    services.choose_photos(
        case_id=case.id,
        actor=support.OFFICER,
        chosen=[one.id for one in photos],
        seen=photo_set.token(photos),
    )
    assert states(case) == [LetterState.SENT, LetterState.DROPPED]


def test_photos_that_came_together_are_told_of_in_one_letter(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-07: not before each was checked, and each reason once."""
    case = with_photos(3)
    rows = list(case.probes.order_by("received_at", "id"))
    for photo, verdict in zip(rows, ("no_face", "ok", "several_faces"), strict=True):
        assert states(case) == []
        with unit_of_work():
            probes.probe_judged(
                probe_id=photo.id, verdict=verdict, findings=(), actor=support.MACHINE
            )
    work()
    assert states(case) == [LetterState.TO_POST]
    text = said(case)
    assert "We can't see a face" in text
    assert "more than one face" in text


def test_another_photo_ends_what_was_not_posted_and_is_told_of_on_its_own(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-07, D-07: nobody posts what is answered; the next photo that can't be used is a letter of
    its own, and what can be used is none."""
    case = with_photos()
    work()
    send_another(case)
    assert states(case) == [LetterState.DROPPED]
    work()
    assert states(case) == [LetterState.DROPPED, LetterState.TO_POST]
    post(case)
    engine.verdict = FINE
    send_another(case)
    work()
    travel.to("2026-09-25")
    assert photo_letters.remind_due() == 0
    assert states(case) == [LetterState.DROPPED, LetterState.SENT]


def test_a_withdrawn_consent_takes_the_letter_out_of_the_post(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """P-03, R8: the photo is deleted, so nobody is asked for one in its place."""
    case = with_photos()
    work()
    cases.withdraw_consent(case_id=case.id, actor=support.person(case))
    assert states(case) == [LetterState.DROPPED]


def test_an_officers_question_has_the_reminder_of_both(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """D-08, N-07: nobody is reminded twice of what waits for them."""
    case = with_photos()
    work()
    post(case)
    cases.ask_to_identify(
        case_id=case.id,
        actor=support.OFFICER,
        missing=["nothing_to_look_up"],
        means=["named", "call"],
        text="Tell us where you saw a picture.",
    )
    work()
    travel.to("2026-09-18")
    assert photo_letters.remind_due() == 0


def test_a_child_reads_it_in_words_of_its_own(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-03: a photo is not needed, and it did nothing wrong."""
    case = with_photos(age_band="under_18")
    work()
    text = said(case)
    assert "You can send another one. You do not have to." in text
    assert "You did nothing wrong." in text


def test_the_first_day_of_lateness_is_said_in_the_letter(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """D-09: a letter after the last day says that we are late, and that nothing changes that."""
    case = with_photos()
    travel.to("2026-10-14")
    work()
    assert "Our answer was due on 12 October 2026. We are late" in said(case)
    assert clocks.clock_of(case).due.legal == date(2026, 10, 12)

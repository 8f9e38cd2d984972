"""Letters that ask for something and come back from the post: of the request, of a wish that was
added, about a photo; each alike (L-09, D-07, D-08)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import (
    alarms,
    letters,
    proposals,
    question_returns,
    services,
    wish_clocks,
    wish_pauses,
)
from dsr_portal.cases.models import Alarm, Case, Escalation, Letter, LetterKind, LetterState
from dsr_portal.cases.paper_models import LetterReturn
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import photo_letters
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from tests.integration.test_photo_letters import with_photos
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import Told, sign_in, staff, told
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAPER = services.Contact(name="M. Doe", postal="Dam 1, Amsterdam")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Told:
    answers = told(monkeypatch)
    answers.verdict = ProbeVerdict("no_face", (), None)
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


def asked_about_a_wish() -> Case:
    case = services.open_case(channel="web", rights=["access"], contact=PAPER).case
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    wish_pauses.ask(
        case_id=case.id,
        right="erasure",
        actor=support.OFFICER,
        ground="specifying",
        words="Which pictures do you mean?",
    )
    work()
    return case


def posted(case: Case) -> Letter:
    letter = case.letters.get(state=LetterState.TO_POST)
    return letters.record_posted(letter_id=letter.id, actor=support.SECOND)


def back(case: Case, letter: Letter, on: date, reason: str = "moved") -> None:
    question_returns.record_returned(
        case_id=case.id, letter_id=letter.id, actor=support.SECOND, on=on, reason=reason
    )


def test_the_question_about_a_wish_came_back_and_its_time_did_not_stand(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-07, D-01, D-08: its month runs as if it was not asked, no other date moves, nobody is
    reminded; posted again it stands from that day."""
    case = asked_about_a_wish()
    due = {one.right: one.due_on for one in case.rights.all()}
    travel.to("2026-09-11")
    letter = posted(case)
    travel.to("2026-09-20")
    wish_clocks.refresh_due()
    wish = case.rights.select_related("case").get(right="erasure")
    assert wish.due_on != due["erasure"], "it stands still"
    site("desk")
    desk = sign_in(Client(), people["second"])
    page = reverse("desk:question_returned", args=[case.reference, letter.id])
    shown = reverse("desk:case", args=[case.reference])
    assert page in desk.get(shown).content.decode()
    assert desk.post(page, {"on": "2026-09-20", "reason": "moved"}).status_code == 302
    wish.refresh_from_db()
    assert wish.due_on == due["erasure"], "not one day stood still"
    assert wish_clocks.clock_of(wish).stands_since is None
    letter.refresh_from_db()
    assert (letter.state, letter.sent_at) == (LetterState.TO_POST, None)
    travel.to("2026-09-22")
    assert wish_pauses.remind_due() == 0, "nobody read it"
    assert "came back on 20 September 2026 (Moved)" in " ".join(
        desk.get(shown).content.decode().split()
    )
    posted(case)
    assert wish_clocks.clock_of(wish).stands_since is None, "late now: another person agrees"
    proposals.agree(proposal_id=case.proposals.get(state="waiting").id, actor=support.SECOND)
    assert wish_clocks.clock_of(wish).stands_since == date(2026, 9, 22)
    with pytest.raises(Conflict, match="not_returned"):
        question_returns.keep_here(case_id=case.id, letter_id=letter.id, actor=support.SECOND)


def test_the_letter_about_a_photo_came_back_and_is_reminded_of_from_its_new_day(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """T-07, D-08: it does not count as posted any more."""
    case = with_photos()
    work()
    letter = posted(case)
    case.refresh_from_db()
    assert [one.id for one in question_returns.under_way(case)] == [letter.id]
    travel.to("2026-09-14")
    back(case, letter, date(2026, 9, 14))
    assert question_returns.under_way(case) == []
    travel.to("2026-09-18")
    assert photo_letters.remind_due() == 0
    posted(case)
    travel.to("2026-09-24")
    assert photo_letters.remind_due() == 0
    travel.to("2026-09-26")
    assert photo_letters.remind_due() == 1
    assert Event.objects.filter(case_id=case.id, type="letter.returned").count() == 1


def test_it_is_made_anew_with_the_address_we_have_now(
    travel: Travel, engine: Told, people: dict[str, Staff], site: Any
) -> None:
    """L-09: the same words to another address; the first document stays in the file."""
    case = with_photos()
    work()
    letter = posted(case)
    first = letter.document_id
    assert first is not None
    back(case, letter, date(2026, 9, 10))
    contact = vault.read_json(case.contact_unit, "contact")
    vault.write_json(case.contact_unit, "contact", {**contact, "postal": "Spui 3, Utrecht"})
    site("desk")
    desk = sign_in(Client(), people["second"])
    page = reverse("desk:question_returned", args=[case.reference, letter.id])
    assert desk.post(page, {"do": "again"}).status_code == 302
    work()
    letter.refresh_from_db()
    assert letter.state == LetterState.TO_POST
    assert letter.document_id not in (None, first)
    text = text_of(documents.open_document(letter.document_id))
    assert "Spui 3" in text
    assert "Dam 1" not in text
    assert "Dam 1" in text_of(documents.open_document(first))
    assert question_returns.lying_here(case) == {}


def test_it_is_kept_until_the_person_says_where_to_and_alarms_nobody_meanwhile(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """L-09: one that waits for the post alarms; one that is kept does not, and can be posted."""
    case = with_photos()
    work()
    letter = posted(case)
    back(case, letter, date(2026, 9, 10), "unknown")
    alarms.raise_due()
    standing = Escalation.objects.filter(code=Alarm.LETTER, settled_at=None)
    assert standing.exists()
    question_returns.keep_here(case_id=case.id, letter_id=letter.id, actor=support.OFFICER)
    alarms.raise_due()
    assert not standing.exists()
    with pytest.raises(Conflict, match="not_returned"):
        question_returns.keep_here(case_id=case.id, letter_id=letter.id, actor=support.OFFICER)
    with pytest.raises(NotAllowed):
        question_returns.keep_here(case_id=case.id, letter_id=letter.id, actor=support.person(case))
    posted(case)
    row = LetterReturn.objects.get()
    assert (row.step, row.settled_by, row.posted_on) == (
        "hold",
        support.OFFICER.id,
        date(2026, 9, 10),
    )


def test_a_letter_nobody_waits_for_can_not_come_back_here(
    travel: Travel, engine: Told, people: dict[str, Staff]
) -> None:
    """D-07: once something came in its place, and for a letter that asks nothing."""
    case = asked_about_a_wish()
    letter = posted(case)
    wish_pauses.go_on(case_id=case.id, right="erasure", actor=support.OFFICER)
    with pytest.raises(Conflict, match="not_under_way"):
        back(case, letter, date(2026, 9, 10))
    assert not case.letters.filter(kind=LetterKind.WISH_ASK, state=LetterState.TO_POST).exists()

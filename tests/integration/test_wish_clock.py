"""A wish that was added later has its own time: more of it, or standing still, without moving the
date of the request or of another wish (T-11, D-01, D-03, D-06, D-07, D-08)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import (
    alarms,
    clocks,
    letters,
    proposals,
    services,
    wish_clocks,
    wish_extensions,
    wish_pauses,
    wishes,
)
from dsr_portal.cases.models import (
    Alarm,
    Case,
    CaseRight,
    Escalation,
    Letter,
    LetterKind,
    LetterState,
    Proposal,
)
from dsr_portal.cases.wish_models import WishPause
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.desk.facts import letters_shown
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DUE = date(2026, 10, 12)
"""Of the request of 10 September; its month ends on a Saturday."""
WISH_DUE = date(2026, 10, 21)
"""Of a wish of 21 September, a Monday."""


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def people() -> dict[str, Staff]:
    return {
        "officer": staff("S-1001"),
        "second": staff("S-1002"),
        "chief": staff("S-2001", Role.SUPERVISOR),
    }


@pytest.fixture
def case(travel: Travel, people: dict[str, Staff]) -> Case:
    """Access and a lock asked on 10 September, erasure and objection added on the 21st."""
    found = support.opened(["access"])
    travel.to("2026-09-21")
    for right in ("erasure", "objection"):
        services.add_right(case_id=found.id, right=right, actor=support.person(found))
    found.refresh_from_db()
    return found


def work() -> None:
    for _round in range(5):
        if not jobs.run_due(queues=["light"]):
            return


def wish(case: Case, right: str = "erasure") -> CaseRight:
    return case.rights.select_related("case").get(right=right)


def dates(case: Case) -> dict[str, date | None]:
    """Every date of the case: of the request, and of each wish."""
    case.refresh_from_db()
    own = {row.right: row.due_on for row in case.rights.filter(added_at__isnull=False)}
    return {"case": case.due_on, **own}


def longer(case: Case, *, months: int = 2, right: str = "erasure") -> Proposal:
    return wish_extensions.propose(
        case_id=case.id,
        right=right,
        actor=support.OFFICER,
        reason="legal_question",
        months=months,
        words="Your pictures come from several countries.",
    )


def ask(case: Case, **more: Any) -> WishPause:
    how = {"right": "erasure", "ground": "specifying", "words": "Which pictures do you mean?"}
    return wish_pauses.ask(case_id=case.id, actor=support.OFFICER, **{**how, **more})


def said(letter: Letter) -> str:
    letter.refresh_from_db()
    assert letter.document_id is not None
    return " ".join(text_of(documents.open_document(letter.document_id)).split())


# -- more time ------------------------------------------------------------------------------------


def test_more_time_for_a_wish_moves_its_date_alone(case: Case, travel: Travel) -> None:
    """D-06, D-01: two persons, a letter within the first month of that wish, counted from its own
    day; the request and the other wish keep their dates, and there is no second time."""
    assert dates(case) == {"case": DUE, "erasure": WISH_DUE, "objection": WISH_DUE}
    # Past the first date of the request, inside that of the wish.
    travel.to("2026-10-15")
    proposal = longer(case)
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    assert dates(case)["erasure"] == WISH_DUE, "agreed, but nobody was told yet"
    work()
    assert dates(case) == {"case": DUE, "erasure": date(2026, 12, 21), "objection": WISH_DUE}
    assert clocks.clock_of(case).months == 1
    text = said(case.letters.get(kind=LetterKind.WISH_EXTENSION))
    for words in (
        "For one thing you asked later we need more time: until 21 December 2026",
        "Delete what you hold about me",
        "21 September 2026",
        "21 October 2026",
        "raises a legal question",
        "from several countries",
        "Everything else you asked goes on and keeps its date.",
        "go to court",
    ):
        assert words in text, words
    with pytest.raises(Conflict, match="extended_already"):
        longer(case)
    with pytest.raises(NotFound, match="no_wish"):
        longer(case, right="access")


def test_a_letter_after_the_first_month_of_the_wish_gives_no_time(
    case: Case, travel: Travel
) -> None:
    """D-06, D-09: void for good, and the wish is late."""
    travel.to("2026-10-21")
    proposals.agree(proposal_id=longer(case).id, actor=support.SECOND)
    travel.to("2026-10-22")
    work()
    assert wish(case).extension.void
    assert dates(case)["erasure"] == WISH_DUE
    assert wish_clocks.clock_of(wish(case)).late
    assert "wish.extension_void" in set(events_for_case(case.id).values_list("type", flat=True))


def test_a_reason_that_tells_of_a_find_waits_and_its_letter_is_hidden_from_the_second(
    case: Case, travel: Travel, people: dict[str, Staff], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2, R3, R19: the rules of the request's own extension hold here too."""
    with pytest.raises(BadInput, match="reason_tells"):
        wish_extensions.propose(
            case_id=case.id, right="erasure", actor=support.OFFICER, reason="many_faces",
            months=1, words="There are many.",
        )  # fmt: skip
    proposals.agree(proposal_id=longer(case).id, actor=support.SECOND)
    opened = type("Review", (), {"opened_at": case.received_at})
    monkeypatch.setattr("dsr_portal.desk.facts.matching.second_look", lambda *_more: opened)
    kinds = letters_shown(case, support.SUPERVISOR).values_list("kind", flat=True)
    assert LetterKind.WISH_EXTENSION not in set(kinds)


# -- a question about the wish --------------------------------------------------------------------


def test_a_question_stops_the_time_of_its_wish_alone_until_the_answer(
    case: Case, travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-07, D-01: from the day the letter left; nothing else moves, the case waits for nothing,
    and words that name it end it. Page of the request, desk and letter say so."""
    before = case.status
    travel.to("2026-09-22")
    pause = ask(case)
    assert wish_clocks.clock_of(wish(case)).stands_since is None, "nobody has read it yet"
    work()
    text = said(pause.letter)
    for words in (
        "We have one question about something you asked later.",
        "Which pictures do you mean?",
        "It was not clear to us which part you mean",
        "the word “everything”",
        "Our time for this one thing stands still from the day this letter leaves us",
        "Without that, it would be due on 21 October 2026",
        "Everything else you asked goes on and keeps its date.",
        "not before 29 September 2026",
        "What you asked does not end by that.",
    ):
        assert words in text, words
    travel.to("2026-10-02")
    wish_clocks.refresh_due()
    assert dates(case) == {"case": DUE, "erasure": date(2026, 11, 2), "objection": WISH_DUE}
    assert case.status == before
    assert not clocks.clock_of(case).stands
    site("public")
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    page = " ".join(browser.get(reverse("public:case")).content.decode().split())
    assert "stands still since 22 September 2026" in page
    assert "it would be due on 21 October 2026" in page
    assert "We answer this by 21 October 2026" in page, "the other wish"
    site("desk")
    desk = sign_in(Client(), people["second"])
    shown = desk.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert "stands still" in shown
    own = desk.get(reverse("desk:wish", args=[case.reference, "erasure"])).content.decode()
    assert "They answered, or it is not needed: go on" in own

    about = {"case_id": case.id, "actor": support.person(case), "text": "Everything."}
    services.receive_message(**about, answers="none")
    assert wish_pauses.open_question(wish(case)) is not None, "words about something else"
    services.receive_message(**about, answers="wish:erasure")
    assert dates(case) == {"case": DUE, "erasure": date(2026, 11, 2), "objection": WISH_DUE}
    travel.to("2026-10-09")
    wish_clocks.refresh_due()
    assert dates(case)["erasure"] == date(2026, 11, 2), "it goes on"
    with pytest.raises(Conflict, match="asked_before"):
        ask(case)


def test_a_question_that_comes_late_waits_for_another_person(case: Case, travel: Travel) -> None:
    """D-07: more than three working days after the wish; from the day of the second word on."""
    travel.to("2026-10-01")
    pause = ask(case)
    work()
    travel.to("2026-10-05")
    assert wish_clocks.clock_of(wish(case)).stands_since is None
    proposals.agree(proposal_id=Proposal.objects.get().id, actor=support.SECOND)
    assert wish_clocks.clock_of(wish(case)).stands_since == date(2026, 10, 5)
    pause.refresh_from_db()
    with pytest.raises(IntegrityError, match="wish_pause_agreed_by_another"), transaction.atomic():
        WishPause.objects.filter(id=pause.id).update(agreed_by=pause.by)


def test_questions_about_two_wishes_do_not_end_each_other(case: Case, travel: Travel) -> None:
    """D-07, D-08: an answer about one leaves letter, proposal and clock of the other."""
    travel.to("2026-10-01")
    ask(case)
    other = ask(case, right="objection")
    assert Proposal.objects.filter(state="waiting").count() == 2
    wish_pauses.go_on(case_id=case.id, right="erasure", actor=support.OFFICER)
    other.letter.refresh_from_db()
    assert other.letter.state == LetterState.QUEUED, "the person is asked all the same"
    assert case.letters.get(kind=LetterKind.WISH_ASK, state=LetterState.DROPPED)
    work()
    travel.to("2026-10-05")
    waiting = Proposal.objects.get(state="waiting")
    assert waiting.codes["wish"] == "objection"
    proposals.agree(proposal_id=waiting.id, actor=support.SECOND)
    assert wish_clocks.clock_of(wish(case, "objection")).stands_since == date(2026, 10, 5)


def test_a_question_whose_letter_left_late_waits_for_its_own_second_person(
    case: Case, travel: Travel
) -> None:
    """D-07: also where a question about another wish waits for one already."""
    travel.to("2026-09-24")
    in_time = ask(case, right="objection")
    travel.to("2026-10-01")
    ask(case)
    work()
    in_time.refresh_from_db()
    assert in_time.from_on is None, "it left after the third working day"
    waiting = Proposal.objects.filter(state="waiting")
    assert {one.codes["wish"] for one in waiting} == {"erasure", "objection"}


def test_what_may_not_be_asked_is_refused(case: Case, travel: Travel) -> None:
    """D-07, R-06, D-09: twice at once, who is known well enough, after the last day."""
    support.identified(case)
    with pytest.raises(BadInput, match="known_enough"):
        ask(case, ground="identity")
    ask(case)
    with pytest.raises(Conflict, match="asked_already"):
        ask(case)
    travel.to("2026-10-22")
    with pytest.raises(Conflict, match="clock_over"):
        ask(case, right="objection")


def test_a_check_of_who_asks_answers_that_question(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07, R-06: recorded at the desk, also where the answer came by post or phone."""
    case = support.opened(["restriction"])
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    case.refresh_from_db()
    ask(case, ground="identity", words="Please call us.")
    work()
    assert wish_clocks.clock_of(wish(case)).stands_since == date(2026, 9, 10)
    travel.to("2026-09-15")
    support.identified(case)
    assert wish_clocks.clock_of(wish(case)).period.paused_days == 5
    assert wish_pauses.open_question(wish(case)) is None


def test_who_has_paper_only_is_asked_by_post_and_silence_is_told_and_ends_nothing(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07, D-08: from the day it was posted; once more a week after; then named persons hear of
    it, and an officer lets the time go on."""
    case = services.open_case(
        channel="web",
        rights=["access"],
        contact=services.Contact(name="M. Doe", postal="Dam 1, Amsterdam"),
    ).case
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    pause = ask(case)
    work()
    pause.letter.refresh_from_db()
    assert pause.letter.state == LetterState.TO_POST
    travel.to("2026-09-14")
    letters.record_posted(letter_id=pause.letter_id, actor=support.SECOND)
    pause.refresh_from_db()
    assert pause.from_on == date(2026, 9, 14)
    travel.to("2026-09-20")
    assert wish_pauses.remind_due() == 0
    travel.to("2026-09-21")
    assert wish_pauses.remind_due() == 1
    assert wish_pauses.remind_due() == 0
    work()
    pause.refresh_from_db()
    letters.record_posted(letter_id=pause.reminder_id, actor=support.SECOND)
    assert "stands still since 14 September 2026" in said(Letter.objects.get(id=pause.reminder_id))
    travel.to("2026-09-27")
    alarms.raise_due()
    told = Escalation.objects.filter(case=case, code=Alarm.WISH_SILENT, settled_at=None)
    assert not told.exists()
    travel.to("2026-09-29")
    alarms.raise_due()
    assert told.exists()
    assert wish_pauses.open_question(wish(case)) is not None
    wish_pauses.go_on(case_id=case.id, right="erasure", actor=support.SECOND)
    alarms.raise_due()
    assert not told.exists()
    with pytest.raises(Conflict, match="no_question"):
        wish_pauses.go_on(case_id=case.id, right="erasure", actor=support.SECOND)


def test_nothing_is_erased_by_date_while_we_wait_for_an_answer_about_that_wish(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """R4, D-07: the planned day moves with the time of the wish, and the request stays closed in
    its own month."""
    case = support.opened(["access"])
    support.delivered(case)
    services.add_right(case_id=case.id, right="erasure", actor=support.person(case))
    case.refresh_from_db()
    planned = wishes.erase_on(case)
    ask(case)
    work()
    travel.to((planned + timedelta(days=30)).isoformat())
    assert wishes.erase_on(case) > planned + timedelta(days=30)
    services.receive_message(case_id=case.id, actor=support.person(case), text="All of them.")
    assert wishes.erase_on(case) == planned + (planned + timedelta(days=30) - date(2026, 9, 10))


def test_a_request_that_is_taken_back_leaves_no_question_open(case: Case) -> None:
    """D-07: nobody posts it, nothing stands still."""
    pause = ask(case)
    services.withdraw(case_id=case.id, actor=support.person(case))
    pause.refresh_from_db()
    pause.letter.refresh_from_db()
    assert (pause.until_on, pause.letter.state) == (date(2026, 9, 21), LetterState.DROPPED)

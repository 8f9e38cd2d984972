"""A question to the person: what silence leads to, and what it never does (T-07, D-07, D-08)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import (
    alarms,
    clocks,
    lateness,
    letters,
    proposals,
    question_returns,
    services,
    updates,
)
from dsr_portal.cases.models import (
    Alarm,
    Case,
    Escalation,
    Letter,
    LetterKind,
    LetterState,
    Outcome,
    Status,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.desk.next_step import next_step
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure import unidentified
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]

FIRST = date(2026, 9, 10)
TWO = {"text": "Tell us where you saw a picture.", "missing": ["nothing_to_look_up"]}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """A Thursday; its month ends on Saturday 10 October 2026, so the last day is Monday 12."""
    return Travel(monkeypatch, FIRST.isoformat())


@pytest.fixture
def people() -> dict[str, Staff]:
    return {
        "officer": staff("S-1001"),
        "second": staff("S-1002"),
        "chief": staff("S-2001", Role.SUPERVISOR),
        "dpo": staff("S-3001", Role.DPO),
    }


def ask(case: Case, by: Actor = support.OFFICER, **more: Any) -> Any:
    how = {
        "missing": ["no_way_taken"],
        "means": ["call", "visit"],
        "text": "We can't tell yet who is asking.",
        **more,
    }
    return services.ask_to_identify(case_id=case.id, actor=by, **how)


def work() -> None:
    """Everything that is due now: letters are set and sent."""
    for _round in range(5):
        if not jobs.run_due(queues=["light", "probe"]):
            return


def a_day_passes() -> None:
    """What the schedule does, in its order."""
    clocks.refresh_due()
    services.remind_due()
    work()
    alarms.raise_due()
    updates.weekly()
    lateness.notice_late()
    services.release_due()
    services.close_due()
    erasure.close_without_records()


def told(case: Case) -> set[tuple[str, str]]:
    return set(Escalation.objects.filter(case=case).values_list("code", "to"))


# -- silence --------------------------------------------------------------------------------------


def test_silence_is_told_leads_to_the_closing_letter_and_never_ends_the_case(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-08, D-07, N-07: sixty days without a word. Named persons hear of it by the date without
    the pause, the desk says what to write, and the case ends with the letter and with it only."""
    case = support.opened(ways=[], consents=())
    ask(case, stop_clock=True)
    work()
    when: dict[str, date] = {}
    for days in range(1, 61):
        travel.to((FIRST + timedelta(days=days)).isoformat())
        a_day_passes()
        for code, _to in told(case):
            when.setdefault(code, clock.today())
        case.refresh_from_db()
        assert case.status == Status.NEEDS_INFO
        assert case.due_on > clock.today(), "the clock stands still"
    assert when == {
        Alarm.CLOSE_DUE: date(2026, 9, 25),
        Alarm.STANDS: date(2026, 10, 3),
        Alarm.STANDS_LATE: date(2026, 10, 13),
    }
    assert (Alarm.CLOSE_DUE, "S-2001") in told(case)
    assert (Alarm.STANDS_LATE, "S-3001") in told(case)
    assert not case.lateness.exists()
    step = next_step(case, support.OFFICER)
    assert (step.title, step.page) == ("Write the closing letter", "desk:unidentified")
    site("desk")
    page = sign_in(Client(), people["officer"]).get(
        reverse("desk:case", kwargs={"reference": case.reference})
    )
    assert reverse("desk:unidentified", args=[case.reference]) in page.content.decode()
    with pytest.raises(Conflict, match="no_such_step"):
        services.close(case_id=case.id, actor=support.MACHINE)

    letter = unidentified.propose(
        case_id=case.id, actor=support.OFFICER, reasons=["no_way_taken"], why="Nobody answered."
    )
    work()
    with pytest.raises(NotAllowed):
        disclosure.approve_answer(answer_id=letter.id, actor=support.OFFICER)
    disclosure.approve_answer(answer_id=letter.id, actor=actor(people["second"]))
    services.release_batch(actor=support.SECOND)
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.NOT_IDENTIFIED)
    alarms.raise_due()
    left = Escalation.objects.filter(case=case, settled_at=None)
    assert not left.exists()
    travel.to((clock.today() + timedelta(days=31)).isoformat())
    a_day_passes()
    case.refresh_from_db()
    assert case.status == Status.CLOSED


def test_an_answer_ends_what_was_told_of_the_silence(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07, D-08: the dates of the case lead again, counted on from the pause."""
    case = support.opened(ways=[], consents=())
    ask(case, stop_clock=True)
    work()
    for days in range(1, 31):
        travel.to((FIRST + timedelta(days=days)).isoformat())
        a_day_passes()
    open_now = Escalation.objects.filter(case=case, settled_at=None)
    assert set(open_now.values_list("code", flat=True)) == {Alarm.CLOSE_DUE, Alarm.STANDS}
    services.receive_message(case_id=case.id, actor=support.person(case), text="I was ill.")
    case.refresh_from_db()
    assert next_step(case, support.OFFICER).page != "desk:unidentified"
    alarms.raise_due()
    assert not open_now.filter(code__in=[Alarm.CLOSE_DUE, Alarm.STANDS]).exists()


def test_a_running_clock_is_told_by_its_own_dates_also_while_a_question_is_open(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-04, D-08: a question that stops nothing hides no date."""
    case = support.opened(ways=[], consents=())
    ask(case)
    for days in range(1, 34):
        travel.to((FIRST + timedelta(days=days)).isoformat())
        a_day_passes()
    codes = {code for code, _to in told(case)}
    assert codes >= {Alarm.CLOSE_DUE, Alarm.DUE_7, Alarm.DUE_3, Alarm.DUE_1, Alarm.LATE}
    assert not codes & {Alarm.STANDS, Alarm.STANDS_LATE}


# -- the question is a letter ---------------------------------------------------------------------


def letter_of(letter: Letter) -> str:
    letter.refresh_from_db()
    assert letter.document_id is not None
    return " ".join(text_of(documents.open_document(letter.document_id)).split())


def on_paper(**more: Any) -> Case:
    """Somebody who wrote a letter and has nothing but a postal address."""
    return services.open_case(
        actor=support.OFFICER,
        channel="post",
        rights=["access"],
        contact=services.Contact(name="M. Doe", postal="Dam 1, Amsterdam"),
        **more,
    ).case


def test_the_question_says_all_the_law_asks(travel: Travel, people: dict[str, Staff]) -> None:
    """9(d), T-07, D-07: what, why in this case, choices, what to cover, what becomes of it, what it
    does to the clock with its dates, what silence does, complaint and contacts."""
    case = support.opened(ways=[], consents=(), country="NL")
    asked = ask(case, stop_clock=True, means=["named", "call"], **TWO)
    work()
    asked.refresh_from_db()
    assert asked.letter.kind == LetterKind.NEED_INFO
    assert asked.level == case.required_level
    text = letter_of(asked.letter)
    for words in (
        "We need something from you before we can go on.",
        "Tell us where you saw a picture.",
        "You gave us nothing we could look for",
        "Art. 11(2)",
        "a page address, a file or an account name",
        "a video or phone call with an officer",
        "Cover everything but your face or your name",
        "looked at by one officer and destroyed",
        "stands still from the day this letter leaves us",
        "12 October 2026",
        "not before 17 September 2026",
        "not before 24 September 2026",
        "your request opens again",
        "go to court",
        "Autoriteit Persoonsgegevens",
    ):
        assert words in text, words


def test_a_doubt_about_who_asks_is_another_letter_and_names_no_finding(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """R-06, R3, T-03: the fact of this case, its law, two ways; a child's version beside it."""
    case = support.opened(age_band="under_18")
    asked = ask(case, means=["call", "visit"])
    work()
    assert asked.letter.kind == LetterKind.IDENTITY_DOUBT
    text = letter_of(asked.letter)
    for words in (
        "None of the ways to show that it is you was taken.",
        "Art. 12(6)",
        "Our time goes on while we wait. You have our answer by 12 October 2026",
        "You did nothing wrong",
    ):
        assert words in text, words
    assert "stands still" not in text


def test_words_that_are_not_plain_are_refused_before_anything_is_asked(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """T-01, 9(d): the officer hears it at once; nothing was written, the case waits for nothing."""
    case = support.opened()
    with pytest.raises(BadInput, match="words_not_plain"):
        ask(case, text="We hereby ask you " + "and again " * 40 + "for more.")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert not case.letters.exists()


def test_one_mail_tells_of_a_question_not_two(travel: Travel, people: dict[str, Staff]) -> None:
    """T-11: that something is needed; the letter behind its link sends no second mail."""
    case = support.opened()
    ask(case)
    work()
    kinds = set(Effect.objects.exclude(kind="mail.receipt").values_list("kind", flat=True))
    assert kinds == {"mail.needs_you"}
    assert case.deliveries.get().kind == "notice"


def test_who_has_paper_only_is_asked_by_post_and_the_clock_stands_from_that_day(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """T-08, D-07, D-08, N-10: printed, posted two days later, reminded on paper, answered by post,
    and the request goes on."""
    case = on_paper()
    ask(case, stop_clock=True, by=support.SECOND)
    work()
    asked = case.asks.select_related("letter").get()
    assert asked.letter.state == LetterState.TO_POST
    assert not clocks.clock_of(case).stands, "nobody has read it yet"
    site("desk")
    page = sign_in(Client(), people["second"]).get(reverse("desk:case", args=[case.reference]))
    assert "We need to know that it is you" in page.content.decode()
    travel.to("2026-09-14")
    letters.record_posted(letter_id=asked.letter.id, actor=support.SECOND)
    assert case.pauses.get().from_on == date(2026, 9, 14)
    assert "M. Doe" in letter_of(asked.letter)
    travel.to("2026-09-20")
    assert services.remind_due() == 0, "a week since it was posted, not since it was written"
    travel.to("2026-09-21")
    assert services.remind_due() == 1
    work()
    asked.refresh_from_db()
    assert (asked.reminder.state, asked.reminded_at) == (LetterState.TO_POST, None)
    travel.to("2026-09-30")
    assert not services.waited_enough(asked), "the reminder still lies here"
    letters.record_posted(letter_id=asked.reminder.id, actor=support.SECOND)
    asked.refresh_from_db()
    text = letter_of(asked.reminder)
    assert "On 14 September 2026 we asked you for something" in text
    assert "Our time stands still since 14 September 2026" in text
    assert not services.waited_enough(asked)
    travel.to("2026-10-02")
    services.record_identity(
        case_id=case.id,
        actor=support.SECOND,
        way="post_form",
        element="named_control",
        compared="The signed form of 1 October, and the photo that came with it.",
    )
    case.refresh_from_db()
    assert case.pauses.get().until_on == date(2026, 10, 2)
    assert case.due_unrolled == date(2026, 10, 28), "18 days stood still"
    assert case.status == Status.RECEIVED
    assert case.asks.get().answered_at is not None
    travel.to("2026-10-20")
    alarms.raise_due()
    assert not {Alarm.CLOSE_DUE, Alarm.LETTER} & {code for code, _to in told(case)}


def test_a_letter_that_lay_here_too_long_stops_nothing_before_another_person_agrees(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07: asked in time and posted late is asked late."""
    case = on_paper()
    asked = ask(case, stop_clock=True)
    work()
    travel.to("2026-09-24")
    letters.record_posted(letter_id=asked.letter.id, actor=support.SECOND)
    assert not clocks.clock_of(case).stands
    proposal = case.proposals.get()
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)


def test_what_is_posted_after_the_last_day_stops_nothing_at_all(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07, D-09: what is late stays late."""
    case = on_paper()
    asked = ask(case, stop_clock=True)
    work()
    travel.to("2026-10-13")
    letters.record_posted(letter_id=asked.letter.id, actor=support.SECOND)
    assert not case.proposals.exists()
    pause = case.pauses.get()
    assert (pause.from_on, pause.until_on) == (None, date(2026, 10, 13))
    assert clocks.clock_of(case).late


def test_a_second_person_before_the_post_lets_the_clock_stand_from_the_post(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07: agreed to on one day, posted on the next: it stands from the later."""
    case = on_paper()
    travel.to("2026-09-24")
    asked = ask(case, stop_clock=True)
    work()
    proposals.agree(proposal_id=case.proposals.get().id, actor=support.SECOND)
    assert not clocks.clock_of(case).stands
    travel.to("2026-09-25")
    letters.record_posted(letter_id=asked.letter.id, actor=support.SECOND)
    assert case.pauses.get().from_on == date(2026, 9, 25)


def test_nobody_posts_a_question_that_was_answered(
    travel: Travel, people: dict[str, Staff]
) -> None:
    """D-07: the call came before the post: the letter is dropped, no alarm stays."""
    case = on_paper()
    asked = ask(case, stop_clock=True)
    work()
    services.receive_message(case_id=case.id, actor=support.person(case), text="I call you.")
    asked.letter.refresh_from_db()
    assert asked.letter.state == LetterState.DROPPED
    with pytest.raises(Conflict, match="letter_not_waiting"):
        letters.record_posted(letter_id=asked.letter.id, actor=support.SECOND)
    assert "letter.dropped" in {one.type for one in events_for_case(case.id)}
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.LETTER, settled_at=None).exists()


def test_the_page_of_the_request_says_that_the_clock_stands_and_since_when(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-07, T-11: in plain words, with the date without it."""
    site("public")
    case = support.opened()
    browser = Client()
    entered = {"reference": case.reference, "code": services.receipt_code(case)}

    def shown() -> str:
        browser.post(reverse("public:status"), entered)
        return " ".join(browser.get(reverse("public:case")).content.decode().split())

    assert "We answer by 12 October 2026 at the latest." in shown()
    travel.to("2026-09-11")
    ask(case, stop_clock=True)
    work()
    travel.to("2026-09-15")
    clocks.refresh_due()
    page = shown()
    assert "Our time stands still since 11 September 2026" in page
    assert "our answer would be due on 12 October 2026" in page
    assert "at the latest" not in page
    services.receive_message(case_id=case.id, actor=support.person(case), text="Here.")
    assert "stands still" not in shown()


def test_a_question_the_post_brought_back_was_never_asked(
    travel: Travel, people: dict[str, Staff], site: Any
) -> None:
    """D-07, D-08: the clock did not stand, the letter waits again, and counts from its new day."""
    case = on_paper()
    due = case.due_unrolled
    ask(case, stop_clock=True, by=support.SECOND)
    work()
    letter = case.asks.get().letter
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    travel.to("2026-09-14")
    back = {"case_id": case.id, "letter_id": letter.id, "actor": support.SECOND}
    with pytest.raises(BadInput):
        question_returns.record_returned(**back, on=date(2026, 9, 1), reason="moved")
    with pytest.raises(BadInput):
        question_returns.record_returned(**back, on=date(2026, 9, 14), reason="lost")
    site("desk")
    page = reverse("desk:question_returned", args=[case.reference, letter.id])
    desk = sign_in(Client(), people["second"])
    assert page in desk.get(reverse("desk:case", args=[case.reference])).content.decode()
    assert desk.post(page, {"on": "2026-09-14", "reason": "moved"}).status_code == 302
    letter.refresh_from_db()
    case.refresh_from_db()
    assert (letter.state, letter.sent_at) == (LetterState.TO_POST, None)
    assert not clocks.clock_of(case).stands
    assert case.due_unrolled == due, "not one day stood still"
    assert services.remind_due() == 0
    with pytest.raises(Conflict):
        question_returns.record_returned(**back, on=date(2026, 9, 14), reason="moved")
    travel.to("2026-09-15")
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    case.refresh_from_db()
    pause = case.pauses.get()
    assert (pause.from_on, clocks.clock_of(case).stands) == (date(2026, 9, 15), True)
    assert Event.objects.filter(case_id=case.id, type="letter.returned").count() == 1

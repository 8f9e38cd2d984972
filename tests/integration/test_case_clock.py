"""The clock of a case: pauses, more time, lateness, reminders, who is told (law D-04 to D-09)."""

import io
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import (
    alarms,
    clocks,
    complaint,
    extensions,
    lateness,
    letters,
    proposals,
    selectors,
    services,
    updates,
)
from dsr_portal.cases.models import (
    Agreement,
    Alarm,
    Case,
    DeliveryKind,
    Escalation,
    Extension,
    Lateness,
    Letter,
    LetterState,
    Missing,
    Pause,
    Proposal,
    ProposalState,
    Status,
)
from dsr_portal.cases.states import Action
from dsr_portal.compliance.report import build
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import senders
from dsr_portal.documents import services as documents
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, Job, JobState
from dsr_portal.law import deadlines
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def travel(monkeypatch):
    """A Thursday; its month ends on Saturday 10 October 2026, so the last day is Monday 12."""
    return Travel(monkeypatch, "2026-09-10")


@pytest.fixture
def people():
    return {
        "officer": staff("S-1001"),
        "second": staff("S-1002"),
        "chief": staff("S-2001", Role.SUPERVISOR),
        "dpo": staff("S-3001", Role.DPO),
    }


def ask(case, actor=support.OFFICER, **more):
    how = {
        "missing": [Missing.NO_WAY_TAKEN],
        "means": ["call", "visit"],
        "text": "We can't tell yet who is asking.",
        **more,
    }
    asked = services.ask_to_identify(case_id=case.id, actor=actor, **how)
    work()
    return asked


def answer(case):
    services.receive_message(case_id=case.id, actor=support.person(case), text="Here it is.")
    case.refresh_from_db()


def work():
    """Everything that is due now: letters are set and sent."""
    for _round in range(5):
        if not jobs.run_due(queues=["light"]):
            return


def letter_text(letter):
    letter.refresh_from_db()
    return text_of(documents.open_document(letter.document_id))


def event_types(case):
    return [one.type for one in events_for_case(case.id)]


# -- pauses -------------------------------------------------------------------------------------


def test_a_question_in_time_stops_the_clock_until_its_answer(travel):
    """D-07: 10 Sep, asked 12 Sep, answered 16 Sep: 10 Oct + 4 days; the date without stays."""
    case = support.opened()
    travel.to("2026-09-12")
    ask(case, stop_clock=True)
    case.refresh_from_db()
    assert clocks.clock_of(case).stands
    travel.to("2026-09-16")
    answer(case)
    assert (case.due_unrolled, case.due_on) == (date(2026, 10, 14), date(2026, 10, 14))
    counted = clocks.clock_of(case)
    assert not counted.stands
    assert counted.unpaused.legal == date(2026, 10, 12)
    assert counted.paused_days == 4
    pause = Pause.objects.get()
    assert (pause.from_on, pause.until_on) == (date(2026, 9, 12), date(2026, 9, 16))
    kinds = event_types(case)
    assert (
        kinds.index("clock.paused") < kinds.index("clock.resumed") < kinds.index("case.due_moved")
    )
    assert audit.verify().ok


def queue_of(person):
    return list(selectors.in_queue_order(selectors.visible_to(person)))


def test_while_it_stands_still_the_date_moves_on_each_day_and_the_queue_with_it(travel, people):
    """D-07: due date, queue and targets follow a clock that stands still; no day is counted."""
    waiting, other = support.opened(), support.opened()
    travel.to("2026-09-11")
    ask(waiting, stop_clock=True)
    assert queue_of(people["officer"]) == [waiting, other]
    before = clocks.clock_of(waiting).targets.answer_by
    travel.to("2026-09-21")
    assert clocks.refresh_due() == 1
    waiting.refresh_from_db()
    assert waiting.due_unrolled == date(2026, 10, 20)
    assert queue_of(people["officer"]) == [other, waiting]
    assert clocks.clock_of(waiting).targets.answer_by > before
    assert clocks.refresh_due() == 0
    assert "case.due_moved" not in event_types(waiting), "a day that passes is no event"


def test_a_question_without_a_reason_stops_nothing(travel):
    """D-07, R-06: no fact, no pause; words alone let no case wait, and another photo stops
    nothing."""
    case = support.opened()
    with pytest.raises(BadInput, match="no_fact"):
        ask(case, missing=[], stop_clock=True)
    services.send_message(case_id=case.id, actor=support.OFFICER, text="Please write.")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    other = support.unusable(support.opened())
    assert other.status == Status.NEEDS_INFO
    ask(support.opened())
    assert not Pause.objects.exists()


def test_a_late_question_waits_for_another_person_and_counts_from_their_day(travel):
    """D-07: asked on day 25, another person agrees two days later; only from then it stands."""
    case = support.opened()
    travel.to("2026-10-05")
    ask(case, stop_clock=True)
    pause = Pause.objects.get()
    assert pause.from_on is None
    assert not clocks.clock_of(case).stands
    proposal = Proposal.objects.get()
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=support.OFFICER)
    with pytest.raises(NotAllowed):
        proposals.agree(proposal_id=proposal.id, actor=Actor("S-3001", "dpo", "staff"))
    travel.to("2026-10-07")
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    pause.refresh_from_db()
    assert (pause.from_on, pause.agreed_by) == (date(2026, 10, 7), support.SECOND.id)
    travel.to("2026-10-09")
    answer(case)
    assert case.due_unrolled == date(2026, 10, 12)
    with pytest.raises(Conflict, match="proposal_over"):
        proposals.agree(proposal_id=proposal.id, actor=support.SUPERVISOR)


def test_an_answer_before_the_second_person_lets_the_proposal_lapse(travel):
    """D-07: there is nothing left to wait for."""
    case = support.opened()
    travel.to("2026-10-05")
    ask(case, stop_clock=True)
    answer(case)
    assert Proposal.objects.get().state == ProposalState.LAPSED
    assert clocks.clock_of(case).paused_days == 0
    assert case.due_on == date(2026, 10, 12)


def test_no_question_after_the_last_day_makes_a_late_case_early(travel):
    """D-07, D-09."""
    case = support.opened()
    travel.to("2026-10-13")
    with pytest.raises(Conflict, match="clock_over"):
        ask(case, stop_clock=True)
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    ask(case)
    case.refresh_from_db()
    assert case.due_on == date(2026, 10, 12)


def test_the_clock_runs_again_once_who_is_asking_is_known(travel):
    """D-07: the answer may come by another channel: an officer records the check."""
    case = support.opened()
    ask(case, stop_clock=True)
    travel.to("2026-09-14")
    support.identified(case)
    assert Pause.objects.get().until_on == date(2026, 9, 14)


def test_whatever_moves_the_case_on_ends_the_pause(travel):
    """D-07: a search never runs while the clock stands still."""
    case = support.opened()
    ask(case, stop_clock=True)
    travel.to("2026-09-14")
    Case.objects.filter(id=case.id).update(level=2)
    services.advance(case=case, action="start_search", actor=support.MACHINE)
    assert Pause.objects.get().until_on == date(2026, 9, 14)
    assert case.due_unrolled == date(2026, 10, 14)


def test_the_database_refuses_a_pause_by_one_person_or_backwards(travel):
    """D-07: the second person and the order of days are constraints."""
    case = support.opened()
    ask(case, stop_clock=True)
    pause = Pause.objects.get()
    for wrong in ({"agreed_by": pause.by}, {"until_on": pause.from_on - timedelta(days=1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Pause.objects.filter(id=pause.id).update(**wrong)


def test_case_page_and_command_show_the_clock(travel, people, site, client, capsys):
    """D-07: a line with its words, and the same as JSON; the date without pauses beside."""
    site("desk")
    case = support.opened()
    travel.to("2026-09-12")
    ask(case, stop_clock=True)
    travel.to("2026-09-16")
    page = sign_in(client, people["officer"]).get(
        reverse("desk:case", kwargs={"reference": case.reference})
    )
    text = page.content.decode()
    assert '<rect class="paused"' in text
    assert "The clock stands still. As of today it is due on 14 October 2026." in text
    assert "Due without pauses" in text
    assert "12 October 2026" in text
    call_command("case", case.reference, "--as", "S-1001", "--json")
    shown = json.loads(capsys.readouterr().out)["clock"]
    assert shown["stands_still"] is True
    assert shown["due_on"] == "2026-10-14"
    assert shown["due_on_without_pauses"] == "2026-10-12"
    assert shown["pauses"] == [{"from": "2026-09-12", "until": ""}]


# -- more time ------------------------------------------------------------------------------------


WORDS = "Your request touches pictures from several countries. We settle which law counts."


def extended(case, *, months=2, by=support.SECOND, reason="legal_question"):
    proposal = extensions.propose(
        case_id=case.id, actor=support.OFFICER, reason=reason, months=months, words=WORDS
    )
    proposals.agree(proposal_id=proposal.id, actor=by)
    return Extension.objects.select_related("letter").get(case=case)


def test_more_time_takes_two_persons_and_a_letter_sent_in_the_first_month(travel, people):
    """D-06: without the sent letter nothing moves; then it counts from receipt, three months."""
    case = support.opened()
    travel.to("2026-10-01")
    extension = extended(case)
    case.refresh_from_db()
    assert case.due_on == date(2026, 10, 12), "agreed, but nobody was told yet"
    assert extension.letter.state == LetterState.QUEUED
    work()
    case.refresh_from_db()
    extension.refresh_from_db()
    assert extension.told_on == date(2026, 10, 1)
    assert (case.due_unrolled, case.due_on) == (date(2026, 12, 10), date(2026, 12, 10))
    assert clocks.clock_of(case).months == 3
    text = letter_text(extension.letter)
    for words in (
        "We need more time. You get our answer by 10 December 2026 at the latest.",
        "12 October 2026",
        "raises a legal question",
        "pictures from several countries",
        "We are sorry",
        "complain to a data protection authority",
        "go to court",
        "Person S-1002",
    ):
        assert words in text, words
    mail = senders.get("mail.letter").render(case.deliveries.get().id)
    assert "letter from us" in mail.text
    assert "more time" not in mail.text
    assert services.receipt_code(case) not in mail.text
    case.refresh_from_db()
    assert case.status == Status.RECEIVED, "a letter on the way moves no case"
    with pytest.raises(Conflict, match="extended_already"):
        extended(case)


def test_a_letter_that_leaves_too_late_gives_no_time(travel, people):
    """D-06: the day after the date it is void; the case is late and says so."""
    case = support.opened()
    travel.to("2026-10-12")
    extension = extended(case)
    travel.to("2026-10-13")
    work()
    extension.refresh_from_db()
    case.refresh_from_db()
    assert (extension.void, extension.told_on) == (True, None)
    assert case.due_on == date(2026, 10, 12)
    assert clocks.clock_of(case).late
    assert "extension.void" in event_types(case)


def test_more_time_is_offered_for_the_laws_reasons_only_and_in_time(travel):
    """D-06: no staff shortage, no backlog, no holidays; not after the date; two months at most."""
    case = support.opened()

    def refused(code, kind=(BadInput, Conflict, NotAllowed), **more):
        how = {
            "case_id": case.id,
            "actor": support.OFFICER,
            "reason": "legal_question",
            "months": 1,
            "words": WORDS,
            **more,
        }
        with pytest.raises(kind) as error:
            extensions.propose(**how)
        assert error.value.code == code

    refused("no_such_reason", reason="staff_shortage")
    refused("months_out_of_range", months=3)
    refused("words_missing", words="  ")
    refused("words_not_plain", words="word " * 40 + ".")
    refused("words_not_plain", words="We hereby take longer.")
    refused("unknown_name", words="Dear {first_name}, it takes longer.")
    refused("officer_only", actor=Actor("S-3001", "dpo", "staff"))
    # What tells that something was found is for who is known to be asking (R3).
    refused("reason_tells", reason="many_faces")
    travel.to("2026-10-13")
    refused("extension_late")
    assert not Proposal.objects.exists()


def test_names_in_an_officers_words_come_from_a_fixed_list(travel, people):
    """Texts people edit are plain text: no template engine reads them."""
    case = support.opened()
    proposal = extensions.propose(
        case_id=case.id,
        actor=support.OFFICER,
        reason="legal_question",
        months=1,
        words="We go on with {reference}, which came on {received}.",
    )
    assert proposals.words_of(proposal) == (
        f"We go on with {case.reference}, which came on 10 September 2026."
    )


def test_what_tells_of_a_find_is_said_once_two_persons_decided(travel, people):
    """D-06, R3, R19: before that it would tell what one person saw; after one check of who is
    asking it would tell somebody else."""
    case = support.opened()
    more = {"actor": support.OFFICER, "reason": "many_records", "months": 1, "words": WORDS}
    for action, actor in (("start_search", support.MACHINE), ("search_done", support.MACHINE)):
        if action == "start_search":
            support.identified(case)
        services.advance(case=case, action=action, actor=actor)
        with pytest.raises(BadInput, match="reason_tells"):
            extensions.propose(case_id=case.id, **more)
    services.advance(case=case, action="first_done", actor=support.OFFICER)
    services.advance(case=case, action="review_done", actor=support.SECOND)
    Case.objects.filter(id=case.id).update(level=1)
    with pytest.raises(BadInput, match="reason_tells"):
        extensions.propose(case_id=case.id, **more)
    Case.objects.filter(id=case.id).update(level=2)
    proposal = extensions.propose(case_id=case.id, **more)
    Case.objects.filter(id=case.id).update(level=1)
    with pytest.raises(BadInput, match="reason_tells"):
        proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    assert not Extension.objects.exists()


def test_nobody_agrees_to_what_they_proposed_and_turning_down_changes_nothing(travel):
    """G-01, R19: two persons; the database says so too."""
    case = support.opened()
    proposal = extensions.propose(
        case_id=case.id, actor=support.OFFICER, reason="legal_question", months=1, words=WORDS
    )
    with pytest.raises(Conflict, match="proposed_already"):
        extensions.propose(
            case_id=case.id, actor=support.SECOND, reason="legal_question", months=1, words=WORDS
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.create(
            proposal=proposal,
            proposed_by=proposal.proposed_by,
            by=proposal.proposed_by,
            role="officer",
            at=proposal.proposed_at,
        )
    proposals.turn_down(proposal_id=proposal.id, actor=support.SECOND)
    assert not Extension.objects.exists()
    assert not Letter.objects.exists()


def test_who_entered_the_request_does_not_agree(travel):
    """R20."""
    case = support.opened(actor=support.SECOND, channel="post", consents=())
    proposal = extensions.propose(
        case_id=case.id, actor=support.OFFICER, reason="legal_question", months=1, words=WORDS
    )
    with pytest.raises(NotAllowed, match="opener_barred"):
        proposals.agree(proposal_id=proposal.id, actor=support.SECOND)


def test_a_pause_before_an_extension_counts_into_both_dates(travel, people):
    """D-06, D-07: the letter names the date the clock gives, pause and all."""
    case = support.opened()
    travel.to("2026-09-11")
    ask(case, stop_clock=True)
    travel.to("2026-09-15")
    answer(case)
    travel.to("2026-10-01")
    extension = extended(case, months=1)
    work()
    case.refresh_from_db()
    assert case.due_unrolled == date(2026, 11, 14)
    assert case.due_on == date(2026, 11, 16)
    assert "16 November 2026" in letter_text(extension.letter)


def test_a_pause_in_the_longer_period_moves_its_end_and_not_that_of_the_first_month(travel, people):
    """D-06, D-07: a request and a wish of the same days are counted alike, by one function."""
    case = support.opened()
    travel.to("2026-10-01")
    extended(case, months=2)
    work()
    travel.to("2026-10-20")
    ask(case, stop_clock=True)
    proposals.agree(proposal_id=case.proposals.get(kind="pause").id, actor=support.SECOND)
    travel.to("2026-10-30")
    case.refresh_from_db()
    counted = clocks.clock_of(case)
    assert (counted.stands, counted.paused_days, counted.months) == (True, 10, 3)
    assert counted.due.unrolled == date(2026, 12, 20)
    assert counted.first.legal == date(2026, 10, 12), "the first month was over when it began"
    assert counted.period == deadlines.period(
        date(2026, 9, 10),
        calendar=case.calendar,
        as_of=date(2026, 10, 30),
        pauses=(deadlines.Pause(date(2026, 10, 20)),),
        extra_months=2,
        told_on=date(2026, 10, 1),
    )


def test_by_pages_more_time_is_proposed_and_agreed(travel, people, site, client):
    """D-06 at the desk: the form says what is wrong, the other person sees words and reason."""
    site("desk")
    case = support.opened()
    address = reverse("desk:extension", kwargs={"reference": case.reference})
    first = sign_in(client, people["officer"])
    bad = first.post(address, {"reason": "many_faces", "months": "1", "words": WORDS})
    assert bad.status_code == 422
    assert "only where who is asking is known well enough" in bad.content.decode()
    good = first.post(
        address, {"reason": "legal_question", "months": "1", "words": WORDS}, follow=True
    )
    text = good.content.decode()
    assert "Waits for another person" in text
    assert ">Agree<" not in text
    second = sign_in(client, people["second"])
    page = second.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "several countries" in page
    proposal = Proposal.objects.get()
    settle = {"reference": case.reference, "proposal_id": proposal.id}
    second.post(reverse("desk:settle", kwargs=settle), {"do": "agree"})
    assert Extension.objects.get().letter.state == LetterState.QUEUED


def test_a_letter_to_who_has_only_a_postal_address_is_sent_when_it_was_posted(travel, people):
    """D-06, T-13: in the post on the last day counts; printed alone does not."""
    case = services.open_case(
        actor=support.OFFICER,
        channel="post",
        rights=["access"],
        contact=services.Contact(name="M. Doe", postal="Dam 1, Amsterdam"),
    ).case
    travel.to("2026-10-12")
    extension = extended(case, months=1)
    work()
    letter = Letter.objects.get()
    assert letter.state == LetterState.TO_POST
    case.refresh_from_db()
    assert case.due_on == date(2026, 10, 12)
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    case.refresh_from_db()
    extension.refresh_from_db()
    assert extension.told_on == date(2026, 10, 12)
    assert case.due_on == date(2026, 11, 10)
    assert "M. Doe" in letter_text(letter)
    assert not case.deliveries.exists()


def test_a_letter_that_could_not_be_made_is_started_again_by_an_officer(travel, people, site):
    """D-06, L-09: after a repair it is made once and counts from the day it was sent."""
    case = support.opened()
    travel.to("2026-10-01")
    extension = extended(case)
    letter = extension.letter
    Job.objects.filter(kind=letters.SEND).update(state=JobState.FAILED, error_code="renderer_gone")
    with pytest.raises(Conflict, match="letter_not_failed"):
        letters.make_again(letter_id=letter.id, actor=support.OFFICER)
    assert letters.close_failed() == 1
    work()
    letter.refresh_from_db()
    assert (letter.state, letter.error_code) == (LetterState.FAILED, "renderer_gone")
    with pytest.raises(NotAllowed):
        letters.make_again(letter_id=letter.id, actor=support.person(case))
    site("desk")
    browser = sign_in(Client(), people["officer"])
    page = reverse("desk:case", kwargs={"reference": case.reference})
    assert "Make this letter again" in browser.get(page).content.decode()
    again = {"reference": case.reference, "letter_id": letter.id}
    browser.post(reverse("desk:letter_again", kwargs=again))
    assert letters.close_failed() == 0, "the old failure does not count any more"
    assert "Make this letter again" not in browser.get(page).content.decode()
    work()
    letter.refresh_from_db()
    extension.refresh_from_db()
    assert (letter.state, extension.told_on) == (LetterState.SENT, date(2026, 10, 1))
    assert case.deliveries.count() == 1
    assert event_types(case).count("letter.begun_again") == 1


def test_nobody_who_took_the_request_back_is_written_to_after_all(travel, people):
    """R8: a letter that failed stays unmade."""
    case = support.opened()
    travel.to("2026-10-01")
    letter = extended(case).letter
    Job.objects.filter(kind=letters.SEND).update(state=JobState.FAILED, error_code="renderer_gone")
    letters.close_failed()
    services.withdraw(case_id=case.id, actor=support.person(case))
    with pytest.raises(Conflict, match="case_over"):
        letters.make_again(letter_id=letter.id, actor=support.OFFICER)


def test_purging_destroys_the_letters_with_the_file(travel, people):
    """L-24, D-08: at the end no letter with a name is left."""
    case = support.opened()
    travel.to("2026-10-01")
    extended(case)
    work()
    letter = Letter.objects.get()
    assert letter_text(letter)
    services.withdraw(case_id=case.id, actor=support.person(case))
    services.purge(case_id=case.id, actor=support.OFFICER)
    work()
    with pytest.raises(vault.Shredded):
        documents.open_document(letter.document_id)


# -- late -----------------------------------------------------------------------------------------


def test_late_is_a_letter_on_the_first_working_day_and_every_week(travel, people):
    """R25, D-09: what was due, sorry, a named person, complain now; weekly again. No machine
    promises a date: there is none before a person names one."""
    case = support.opened()
    travel.to("2026-10-12")
    assert lateness.notice_late() == 0, "the last day is in time"
    travel.to("2026-10-13")
    assert lateness.notice_late() == 1
    assert lateness.notice_late() == 0, "once a day at most"
    work()
    first = Letter.objects.get()
    text = letter_text(first)
    for words in (
        "We are late. We are sorry.",
        "By 12 October 2026 you should have had our answer to your request.",
        "There is no new date yet.",
        "Person S-2001 answers for your request",
        "complain to a data protection authority now",
    ):
        assert words in text, words
    travel.to("2026-10-19")
    assert lateness.notice_late() == 0
    travel.to("2026-10-20")
    assert lateness.notice_late() == 1
    work()
    newest = Letter.objects.order_by("-created_at").first()
    assert "There is no new date yet." in letter_text(newest)
    assert Lateness.objects.count() == 1
    assert case.deliveries.filter(kind=DeliveryKind.NOTICE).count() == 2


def newest_letter():
    work()
    return " ".join(letter_text(Letter.objects.order_by("-created_at").first()).split())


def promise(case, day):
    return lateness.explain(
        case_id=case.id, actor=support.OFFICER, reason="hard", words="It is hard.", new_date=day
    )


def test_a_promise_is_a_persons_and_a_broken_one_is_said(travel, people):
    """R25, D-09, D-04: told the day it is made; when it passes the next letter says so, names no
    other, and named persons and the director hear of it until somebody stands for a date."""
    staff("L-9001", Role.DIRECTOR)
    case = support.opened()
    travel.to("2026-10-13")
    lateness.notice_late()
    alarms.raise_due()
    told_of_none = {to for code, to in told(case) if code == Alarm.NO_DATE}
    assert told_of_none == {"S-2001", "S-3001", "L-9001"}
    travel.to("2026-10-14")
    promise(case, date(2026, 10, 21))
    assert "You get it by 21 October 2026." in newest_letter()
    alarms.raise_due()
    open_now = Escalation.objects.filter(code=Alarm.NO_DATE, settled_at=None)
    assert not open_now.exists()
    travel.to("2026-10-21")
    assert lateness.notice_late() == 1, "a week since the last letter; the day itself is in time"
    assert "21 October 2026 and missed" not in newest_letter()
    travel.to("2026-10-22")
    alarms.raise_due()
    assert open_now.count() == 3
    travel.to("2026-10-28")
    assert lateness.notice_late() == 1
    said = newest_letter()
    assert "After that we named 21 October 2026, and missed that date too." in said
    assert "There is no new date yet." in said
    row = Lateness.objects.get()
    assert (row.new_date, row.broken_on) == (None, date(2026, 10, 21))
    assert event_types(case).count("case.late_again") == 1
    promise(case, date(2026, 11, 4))
    said = newest_letter()
    assert "You get it by 4 November 2026." in said
    assert "we named 21 October 2026, and missed that date too" in said
    with pytest.raises(IntegrityError), transaction.atomic():
        Lateness.objects.filter(id=row.id).update(reason_by="")


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_complaint_pack_holds_what_was_said_and_not_what_was_found(travel, people, site):
    """R25, E-16: receipt, timeline, messages, letters, days late, proofs and the authority."""
    site("public")
    case = support.opened(country="NL")
    code = services.receipt_code(case)
    person = Actor.person(case.id)
    services.receive_message(case_id=case.id, actor=person, text="Where is my answer?")
    travel.to("2026-10-13")
    assert lateness.notice_late() == 1
    work()
    browser = Client()
    page = reverse("public:complaint_pack")
    assert browser.get(page).url == reverse("public:status")
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    assert page in browser.get(reverse("public:case")).content.decode()
    answer = browser.get(page)
    assert answer.headers["Content-Type"] == "application/zip"
    found = unpacked(answer.content)
    summary, late_letter = (found[name] for name in sorted(found))
    assert documents.verify(summary).good
    text = " ".join(text_of(summary).split())
    for words in (
        "Where is my answer?",
        "12 October 2026 was missed. Days late: 1.",
        "Letters of ours that lie beside this file: 1.",
        "What happened",
        "Autoriteit Persoonsgegevens",
        case.reference,
    ):
        assert words in text, words
    assert case.receipt.head_hash in text.replace(" ", "")
    assert code not in text
    assert code.replace("-", "") not in text.replace("-", "")
    assert "We are late. We are sorry." in " ".join(text_of(late_letter).split())
    assert Event.objects.filter(type="case.complaint_pack", case_id=case.id).count() == 1


def test_letters_that_left_by_post_are_among_the_papers(travel, people):
    """R25: also for who has a postal address only; what was printed and not posted has not left."""
    case = services.open_case(
        actor=support.OFFICER,
        channel="post",
        rights=["access"],
        contact=services.Contact(name="M. Doe", postal="Dam 1, Amsterdam"),
    ).case
    travel.to("2026-10-13")
    assert lateness.notice_late() == 1
    work()
    letter = Letter.objects.get()
    assert letter.state == LetterState.TO_POST
    assert len(unpacked(complaint.pack(case=case, actor=support.OFFICER))) == 1
    letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    found = unpacked(complaint.pack(case=case, actor=support.OFFICER))
    posted = found[f"{case.reference}-letter-1-2026-10-13.pdf"]
    assert "We are late. We are sorry." in " ".join(text_of(posted).split())


def test_the_desk_hands_the_papers_to_who_has_no_page(travel, people, site):
    """R25: by intake staff, as the person would get them; who did is in the trail."""
    site("desk")
    case = support.opened()
    page = reverse("desk:complaint_pack", kwargs={"reference": case.reference})
    answer = sign_in(Client(), people["officer"]).post(page)
    assert list(unpacked(answer.content)) == [f"{case.reference}-complaint.pdf"]
    assert Event.objects.get(type="case.complaint_pack").actor_id == "S-1001"


def test_a_complaint_pack_after_everything_is_gone_is_refused_in_words(travel, people):
    """R25: once contact and file are destroyed only the trail is left."""
    case = support.opened()
    services.withdraw(case_id=case.id, actor=support.person(case))
    services.purge(case_id=case.id, actor=support.OFFICER)
    case.refresh_from_db()
    with pytest.raises(Conflict, match="purged"):
        complaint.pack(case=case, actor=support.OFFICER)


def test_a_date_missed_before_a_weekend_is_told_on_monday(travel, people):
    """R25: the first working day after."""
    travel.to("2026-09-16")
    case = support.opened()
    assert case.due_on == date(2026, 10, 16)
    for day, written in (("2026-10-17", 0), ("2026-10-18", 0), ("2026-10-19", 1)):
        travel.to(day)
        assert lateness.notice_late() == written


def test_a_case_that_stands_still_is_not_late(travel, people):
    """D-07: the date moves on while the question is open, also before the sweep looks."""
    case = support.opened()
    ask(case, stop_clock=True)
    travel.to("2026-11-20")
    assert lateness.notice_late() == 0
    case.refresh_from_db()
    assert case.due_on > date(2026, 11, 20)


def test_lateness_is_explained_counted_and_never_goes_away(travel, people, site, client):
    """D-09: reason and new date by a named person; answering ends it and hides nothing."""
    case = support.opened()
    with pytest.raises(Conflict, match="not_late"):
        lateness.explain(
            case_id=case.id, actor=support.OFFICER, reason="backlog", words="Too much."
        )
    travel.to("2026-10-13")
    lateness.notice_late()
    assert lateness.counts() == {"": 1}
    with pytest.raises(BadInput, match="new_date_past"):
        lateness.explain(
            case_id=case.id,
            actor=support.OFFICER,
            reason="backlog",
            words="Too much.",
            new_date=date(2026, 10, 1),
        )
    lateness.explain(
        case_id=case.id,
        actor=support.OFFICER,
        reason="backlog",
        words="Forty requests came in one week.",
        new_date=date(2026, 10, 30),
    )
    assert lateness.counts() == {"backlog": 1}
    support.delivered(case)
    travel.to("2026-10-14")
    lateness.notice_late()
    row = Lateness.objects.get()
    assert row.ended_at is not None or lateness.owed(case) == "erasure"
    site("desk")
    page = sign_in(client, people["officer"]).get(
        reverse("desk:case", kwargs={"reference": case.reference})
    )
    assert "Missed on 12 October 2026" in page.content.decode()
    with pytest.raises(IntegrityError), transaction.atomic():
        Lateness.objects.filter(id=row.id).update(new_date=row.missed_on)


def test_late_is_the_same_for_who_asked_erasure_only_whatever_was_found(travel, people):
    """R3, R25: an erasure that nobody outside knows of is still owed an answer."""
    found, none = support.opened(["erasure"]), support.opened(["erasure"])
    for case in (found, none):
        support.decided(case)
    services.advance(case=found, action="start_erasure", actor=support.OFFICER)
    assert lateness.owed(found) == lateness.owed(none) == "answer"
    travel.to("2026-10-13")
    assert lateness.notice_late() == 2
    texts = []
    work()
    for letter in Letter.objects.select_related("case"):
        text = letter_text(letter)
        texts.append(text.replace(letter.case.reference, "REF").split("How to check")[0])
    assert texts[0] == texts[1]


# -- who is told ----------------------------------------------------------------------------------


def told(case):
    return set(Escalation.objects.filter(case=case).values_list("code", "to"))


def test_named_persons_are_told_before_and_after_a_date_is_missed(travel, people):
    """D-04, N-03: own target, seven, three, one day, late; to names, each once, with a mail."""
    case = support.opened()
    services.assign(case_id=case.id, to="S-1001", actor=support.OFFICER)
    assert alarms.raise_due() == 0
    expected = []
    for day, code in (
        ("2026-09-25", Alarm.TARGET),
        ("2026-10-03", Alarm.DUE_7),
        ("2026-10-07", Alarm.DUE_3),
        ("2026-10-09", Alarm.DUE_1),
        ("2026-10-13", Alarm.LATE),
    ):
        travel.to(day)
        alarms.raise_due()
        expected.append(code)
        assert {one for one, _to in told(case)} == set(expected), day
    assert (Alarm.TARGET, "S-1001") in told(case)
    assert (Alarm.TARGET, "S-2001") in told(case)
    assert (Alarm.TARGET, "S-3001") not in told(case)
    assert (Alarm.LATE, "S-3001") in told(case)
    assert alarms.raise_due() == 0
    rows = Escalation.objects.filter(case=case)
    mails = Effect.objects.filter(kind="mail.alarm", subject_id__in=rows.values("id"))
    assert mails.count() == rows.count()
    mail = senders.get("mail.alarm").render(rows.get(code=Alarm.LATE, to="S-3001").id)
    assert mail.to == "s-3001@halden.example"
    assert case.reference in mail.subject
    assert "mina" not in mail.text


def test_the_roll_is_never_planned_on(travel, people, settings):
    """D-04: another calendar moves the legal day and no alarm."""
    case = support.opened()
    Case.objects.filter(id=case.id).update(calendar="SA")
    travel.to("2026-10-09")
    alarms.raise_due()
    assert {code for code, _to in told(case)} == {Alarm.DUE_1, Alarm.TARGET}


def test_each_step_that_is_behind_its_own_day_is_told(travel, people):
    """R4, R1: the search one working day after the level, the first decision two, for a lock waits
    for it; the second by day ten. Each ends when the step is done, none comes before its day."""
    case = support.opened()
    support.identified(case)
    services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
    counted = clocks.clock_of(case)
    assert counted.as_json()["search_by"] == "2026-09-11"
    assert counted.targets.first_decision_by == date(2026, 9, 14)
    steps = {Alarm.SEARCH, Alarm.FIRST_DECISION, Alarm.SECOND_REVIEW}

    def behind(day):
        travel.to(day)
        alarms.raise_due()
        rows = Escalation.objects.filter(case=case, settled_at=None, code__in=steps)
        return set(rows.values_list("code", "about"))

    assert behind("2026-09-11") == set()
    assert behind("2026-09-14") == {(Alarm.SEARCH, "2026-09-11")}
    services.advance(case=case, action=Action.SEARCH_DONE, actor=support.MACHINE)
    assert behind("2026-09-14") == set()
    assert behind("2026-09-15") == {(Alarm.FIRST_DECISION, "2026-09-14")}
    services.advance(case=case, action=Action.FIRST_DONE, actor=support.OFFICER)
    assert behind("2026-09-18") == set()
    assert behind("2026-09-21") == {(Alarm.SECOND_REVIEW, "2026-09-18")}
    services.advance(case=case, action=Action.REVIEW_DONE, actor=support.SECOND)
    assert behind("2026-09-22") == set()


def test_with_no_supervisor_left_it_is_told_to_those_who_answer_for_all_of_it(travel, people):
    """D-04: an alarm reaches somebody, and its mail names the date before rolling."""
    director = staff("L-9001", Role.DIRECTOR)
    Staff.objects.filter(staff_no="S-2001").update(is_active=False)
    case = support.opened()
    travel.to("2026-10-03")
    alarms.raise_due()
    assert {to for _code, to in told(case)} == {"S-3001", director.staff_no}
    row = Escalation.objects.get(case=case, code=Alarm.DUE_7, to="S-3001")
    mail = senders.get("mail.alarm").render(row.id)
    assert "It is due on 10 October 2026." in mail.text


def test_an_unanswered_message_a_missing_review_and_a_waiting_proposal_are_told(travel, people):
    """D-04, N-03: silence turns into a row for a named person, and goes when it is over."""
    case = support.opened()
    answer(case)
    travel.to("2026-09-16")
    alarms.raise_due()
    assert (Alarm.UNANSWERED, "S-2001") in told(case)
    services.send_message(case_id=case.id, actor=support.OFFICER, text="We have your words.")
    extensions.propose(
        case_id=case.id, actor=support.OFFICER, reason="legal_question", months=1, words=WORDS
    )
    travel.to("2026-09-18")
    alarms.raise_due()
    assert Escalation.objects.filter(code=Alarm.UNANSWERED, settled_at=None).count() == 0
    assert (Alarm.PROPOSAL, "S-2001") in told(case)
    support.identified(case)
    services.advance(case=case, action="start_search", actor=support.MACHINE)
    services.advance(case=case, action="search_done", actor=support.MACHINE)
    services.advance(case=case, action="first_done", actor=support.OFFICER)
    travel.to("2026-09-22")
    alarms.raise_due()
    assert (Alarm.SECOND_REVIEW, "S-2001") in told(case)
    assert [one.code for one in alarms.mine("S-2001")]


def test_the_queue_shows_what_a_person_was_told(travel, people, site, client):
    """D-04: rows at the desk, and how many dates were missed, by reason."""
    case = support.opened()
    travel.to("2026-10-13")
    alarms.raise_due()
    lateness.notice_late()
    site("desk")
    page = sign_in(client, people["chief"]).get(reverse("desk:queue")).content.decode()
    assert "You were told" in page
    assert "1 missed date is still open" in page
    assert "Not written down yet: 1" in page
    other = sign_in(client, people["officer"]).get(reverse("desk:queue")).content.decode()
    assert "You were told" not in other
    assert case.reference in other


# -- urgent, reminder, weekly update --------------------------------------------------------------


def test_an_urgent_request_is_first_and_somebody_is_told_until_it_was_looked_at(travel, people):
    """R10: first in the queue, looked at the same day; the alarm ends with the look."""
    early = support.opened()
    travel.to("2026-09-11")
    case = support.opened(urgent=True)
    assert queue_of(people["officer"]) == [case, early]
    alarms.raise_due()
    assert told(case) == {(Alarm.UNSEEN, "S-2001"), (Alarm.UNSEEN, "S-3001")}
    with unit_of_work():
        record("case.viewed", actor=support.OFFICER, case_id=case.id)
    alarms.raise_due()
    assert not Escalation.objects.filter(settled_at=None).exists()


def test_a_question_is_asked_again_before_the_closing_letter(travel):
    """D-08: a week, then once more with the same choices; two weeks, and a week since then."""
    case = support.opened(ways=[], consents=())
    standing = ask(case)
    travel.to("2026-09-16")
    assert services.remind_due() == 0
    travel.to("2026-09-17")
    assert services.remind_due() == 1
    assert services.remind_due() == 0
    work()
    standing.refresh_from_db()
    assert standing.reminded_at is not None
    text = letter_text(standing.reminder)
    assert "On 10 September 2026 we asked you for something" in text
    assert "a visit" in text
    words = selectors.messages_of(case)[-1].text
    assert "On 10 September 2026 we asked you" in words
    assert "- a visit" in words
    assert "reference" in senders.get("mail.reminder").render(case.id).text
    assert not services.waited_enough(standing)
    travel.to("2026-09-25")
    assert services.waited_enough(standing)
    standing.reminded_at = None
    assert not services.waited_enough(standing), "who was not reminded has longer"


def test_everybody_who_waits_hears_once_a_week_whatever_was_found(travel):
    """T-11, R3: the same mail on the same days with and without a find; none without address."""
    found, none = support.opened(["erasure"]), support.opened(["erasure"])
    silent = support.opened(email="")
    assert updates.weekly() == 0
    for case in (found, none):
        support.decided(case)
    services.advance(case=found, action="start_erasure", actor=support.OFFICER)
    travel.to("2026-09-17")
    assert updates.weekly() == 2
    assert updates.weekly() == 0
    travel.to("2026-09-24")
    assert updates.weekly() == 2
    mails = [senders.get("mail.update").render(one.id) for one in (found, none)]
    said = {
        mail.text.replace(case.reference, "REF")
        for mail, case in zip(mails, (found, none), strict=True)
    }
    assert len(said) == 1
    assert "12 October 2026" in said.pop()
    assert not Effect.objects.filter(kind="mail.update", subject_id=silent.id).exists()
    travel.to("2026-10-15")
    assert updates.weekly() == 0, "who waits past the date gets the late letter instead"


def test_no_update_says_we_work_while_we_wait_for_the_person(travel):
    """T-11: a question is open; its reminder is another mail."""
    asked, running = support.opened(["erasure"]), support.opened(["erasure"])
    ask(asked)
    travel.to("2026-09-17")
    assert updates.weekly() == 1
    assert Effect.objects.get(kind="mail.update").subject_id == running.id


def test_docs_show_the_registry_of_letters():
    """docs/letters.md is what the code runs on."""
    shown = Path(__file__).resolve().parents[2] / "docs" / "letters.md"
    assert shown.read_text() == letters.as_markdown(), "run: python manage.py letters"


def test_the_audit_report_names_pauses_extension_and_missed_dates(travel, people):
    """L-12: each pause with days and persons, the extension with its letter, missed dates."""
    case = support.opened()
    travel.to("2026-09-11")
    ask(case, stop_clock=True)
    travel.to("2026-09-15")
    answer(case)
    travel.to("2026-10-01")
    extended(case, months=1)
    work()
    travel.to("2026-11-17")
    lateness.notice_late()
    case.refresh_from_db()
    said = str(build(case=case, authority_code="NL", requested_by="D-1", role="dpo").context)
    for words in (
        "11 September 2026 to 15 September 2026",
        "Last legal day without pauses",
        "1 months; told: 1 October 2026; ground: legal_question; proposed by S-1001",
        "16 November 2026: no reason written down; letters: 1",
    ):
        assert words in said, words

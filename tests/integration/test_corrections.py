"""What is wrong in a picture of an answer: said, put right, told, or refused by two (Art. 16)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import (
    alarms,
    corrections,
    deliveries,
    invitations,
    lateness,
    letters,
    mandates,
    proposals,
    services,
)
from dsr_portal.cases import selectors as case_selectors
from dsr_portal.cases.correction_models import Correction, CorrectionState, Wrong
from dsr_portal.cases.mandate_models import Mandate, MandateState
from dsr_portal.cases.models import (
    Alarm,
    Case,
    CaseRight,
    DeliveryState,
    Escalation,
    Letter,
    LetterState,
    Proposal,
    RightCode,
    Status,
)
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import Breach
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import correcting
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery import connector, notices
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery import services as galleries
from dsr_portal.gallery.models import InspectionHold, Notice, Record, Restriction
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.law import deadlines
from dsr_portal.matching import selectors as matching
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, found, text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.represented import LENA, PAPER, invitation
from tests.support.wrong import CAPTION as WRONG_CAPTION
from tests.support.wrong import PAGE, answered, picture, read

pytestmark = pytest.mark.django_db(transaction=True)

RIGHT_CAPTION = "Mina Okoye at the canal fair"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120
    answers.without_detector(monkeypatch)


def later(monkeypatch: pytest.MonkeyPatch, **how: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**how))


def page_of(case: Case) -> Client:
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    return browser


def said(case: Case, what: str = Wrong.CAPTION, **more: Any) -> Correction:
    given = {"place": "1.0", "right": RIGHT_CAPTION, "actor": Actor.person(case.id), **more}
    return correcting.ask(case_id=case.id, what=what, **given)


def letter_of(case: Case, kind: str = "rectification") -> str:
    """The newest letter of a kind, made and sent, as it reads."""
    jobs.run_due(queues=["light"], limit=60)
    letter = case.letters.filter(kind=kind).latest("created_at")
    assert letter.state == LetterState.SENT, letter.error_code
    return text_of(documents.open_document(letter.document_id))


def everywhere(words: str) -> list[str]:
    """Events, letters' rows and messages are columns: none may hold a caption."""
    return [one.type for one in Event.objects.all() if words in str(one.data)]


# -- said ----------------------------------------------------------------------------------------


def test_on_the_page_the_person_says_what_is_wrong_and_the_picture_is_locked(site: Any) -> None:
    """E-01, Art. 18(1)(a), T-11: one thing, a month of its own, and what they read stays theirs."""
    site("public")
    record = picture()
    case = answered(record, opened=False)
    shown = page_of(case).get(reverse("public:case")).content.decode()
    assert reverse("public:correct") not in shown, "R3: nothing before the answer was read"
    assert page_of(case).get(reverse("public:correct")).status_code == 302
    read(case)
    browser = page_of(case)
    assert reverse("public:correct") in browser.get(reverse("public:case")).content.decode()
    form = browser.get(reverse("public:correct")).content.decode()
    for words in (WRONG_CAPTION, PAGE, "mina_o", "Picture 1"):
        assert words in form, words
    nothing = browser.post(reverse("public:correct"), {"place": "1.0", "what": "caption"})
    assert nothing.status_code == 422
    assert "Write what is right" in nothing.content.decode()
    sent = {"place": "1.0", "what": "caption", "right": RIGHT_CAPTION, "words": "I sold cakes."}
    done = browser.post(reverse("public:correct"), sent, follow=True).content.decode()
    assert "You get an answer by" in done
    row = Correction.objects.get()
    own = deadlines.due_dates(clock.today(), calendar=case.calendar)
    assert (row.due_on, row.number, row.entered_by) == (own.legal, 1, "")
    right = case.rights.get(right=RightCode.RECTIFICATION)
    assert right.due_on == own.legal
    case.refresh_from_db()
    assert case.due_on == Case.objects.get(id=case.id).due_on
    assert Restriction.objects.filter(record_id=record.id, lifted_at=None).exists()
    assert dict(corrections.said(row)) == {"right": RIGHT_CAPTION, "words": "I sold cakes."}
    twice = browser.post(reverse("public:correct"), sent)
    assert "You told us this already" in twice.content.decode()
    assert not everywhere("canal fair")
    assert audit.verify().ok


def test_only_what_the_answer_showed_and_only_by_who_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-01, R20: the person and reviewers, about pictures of the answer; nothing without words."""
    case = answered(picture())
    for nobody in (Actor.system("x"), Actor("D-3001", "dpo", "staff"), Actor.person("other")):
        with pytest.raises(NotAllowed, match="correction_role"):
            said(case, actor=nobody)
    for wrong, code in (
        ({"place": "7.0"}, "no_such_record"),
        ({"what": "face"}, "no_such_wrong"),
        ({"right": ""}, "right_missing"),
        ({"what": "missing", "right": "x"}, "right_missing"),
        ({"what": "page", "right": "no address"}, "bad_address"),
        ({"right": "x" * 401}, "words_too_long"),
    ):
        with pytest.raises(BadInput) as refused:
            said(case, **wrong)
        assert refused.value.code == code, wrong
    with pytest.raises(BadInput, match="day_wrong"):
        said(case, actor=OFFICER, reached_on=case.received_on - timedelta(days=1))
    row = said(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.create(
            case=case, record_id=row.record_id, number=1, place=row.place, what=row.what,
            field="x", asked_at=clock.now(), due_on=clock.today(),
        )  # fmt: skip
    services.withdraw(case_id=case.id, actor=Actor.person(case.id))
    with pytest.raises(Conflict, match="correction_state"):
        said(case, what="date")
    with pytest.raises(Conflict, match="correction_over"):
        correcting.correct(
            correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION
        )
    assert not corrections.open_in(case.id).exists()


# -- put right -----------------------------------------------------------------------------------


def test_put_right_it_stands_in_the_record_and_what_stood_there_opens_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E-01, Art. 19: the canary of before is read first; then its unit has no key, the facts say
    what is right, the case file alone keeps the old words, and recipients are told."""
    record = picture()
    answers.shown_to(record, answers.a_log(), "Lumen Analytics", "NL")
    case = answered(record)
    old = Record.objects.get(id=record.id).image.unit
    assert WRONG_CAPTION in vault.read(old, "facts").decode()
    row = said(case)
    correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    row.refresh_from_db()
    image = Record.objects.get(id=record.id).image
    facts = connector.current().facts(image.id).first
    assert (facts.caption, facts.page_url) == (RIGHT_CAPTION, PAGE)
    assert facts.other == {"username": "mina_o"}
    assert vault.read(image.unit, "picture")
    jobs.run_due(queues=["light"], limit=60)
    assert vault.unit_state(old) != vault.UnitState.LIVE
    with pytest.raises((vault.Shredded, vault.UnknownUnit)):
        vault.read(old, "facts")
    kept = vault.read(case.file_unit, corrections.before_field(row)).decode()
    assert kept == WRONG_CAPTION
    assert dict(corrections.put_right(row)) == {"column": "caption", "after": RIGHT_CAPTION}
    assert (row.state, row.decided_by) == (CorrectionState.DONE, OFFICER.id)
    assert not everywhere("canal fair")
    assert not everywhere("wanted for theft")
    text = letter_of(case)
    for words in (
        "We did what you told us about your pictures.",
        "Picture 1",
        f"It says now: {RIGHT_CAPTION}",
        "Lumen Analytics (NL)",
        "complain to a data protection authority",
        "go to court",
    ):
        assert words in text, words
    assert "wanted for theft" not in text
    services.release_batch(actor=SECOND)
    notice = Notice.objects.get(ground="RECTIFICATION")
    assert notice.state == Notice.State.NO_WAY
    assert notices.message(notice)["ground"] == "rectification"
    assert audit.verify().ok


def test_a_link_put_right_is_found_by_its_new_address_and_not_by_the_old() -> None:
    """E-01: look-ups by address follow what is right."""
    record = picture()
    case = answered(record)
    row = said(case, what="page", right="https://fair.example/2022/other")
    assert [one.id for one in gallery.by_address(PAGE)] == [record.id]
    correcting.correct(
        correction_id=row.id, actor=OFFICER, column="page_url", value="fair.example/2022/other"
    )
    assert gallery.by_address(PAGE) == []
    found_now = gallery.by_address("https://fair.example/2022/other")
    assert [one.id for one in found_now] == [record.id]


def test_a_name_is_put_right_where_the_source_wrote_it() -> None:
    """E-01: in a column of its own, by the desk; no other column is there to be written."""
    case = answered(picture())
    row = said(case, what="name", right="Mina Adler")
    with pytest.raises(BadInput, match="no_such_column"):
        correcting.correct(correction_id=row.id, actor=OFFICER, column="other.x", value="y")
    put = {"column": "other.username", "value": "Mina Adler"}
    correcting.correct(correction_id=row.id, actor=OFFICER, **put)
    place = correcting.place_of(row)
    assert place is not None
    assert place.facts.other == {"username": "Mina Adler"}
    assert place.facts.caption == WRONG_CAPTION


def test_words_of_ones_own_stand_in_the_next_answer() -> None:
    """E-01, Art. 16 sentence 2: a supplementary statement, in the record's own unit."""
    record = picture()
    case = answered(record)
    words = "The theft was somebody else's. A court said so in 2022."
    row = said(case, what="missing", right="", words=words)
    with pytest.raises(BadInput, match="no_such_step"):
        correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value="x")
    correcting.add_words(correction_id=row.id, actor=OFFICER)
    assert connector.current().face(record.id).statements() == [words]
    assert "Your words stand beside it now." in letter_of(case)
    services.close(case_id=case.id, actor=OFFICER)
    again = answers.answered(found(record))
    assert again.state == "ready", again.error_code
    text = text_of(documents.open_document(again.document_id))
    assert "Your own words" in text
    assert "A court said so in 2022." in text


def test_who_wrote_it_down_answers_nothing_and_an_added_word_takes_no_shortcut() -> None:
    """G-01, R20: an officer who enters what was said can't carry it out alone."""
    case = answered(picture())
    row = said(case, actor=OFFICER, reached_on=clock.today())
    assert row.entered_by == OFFICER.id
    with pytest.raises(NotAllowed, match="opener_barred"):
        correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value="x")
    with pytest.raises(NotAllowed, match="second_person"):
        correcting.add_words(correction_id=row.id, actor=SECOND)
    with pytest.raises(NotAllowed, match="officer_only"):
        correcting.correct(
            correction_id=row.id, actor=Actor.person(case.id), column="caption", value="x"
        )
    correcting.correct(correction_id=row.id, actor=SECOND, column="caption", value=RIGHT_CAPTION)


def test_a_picture_that_changed_meanwhile_is_written_by_nobody_twice() -> None:
    """E-01: two corrections made ready at once: the second one is refused, and nothing is lost."""
    record = picture()
    case = answered(record)
    row = said(case)
    image = Record.objects.get(id=record.id).image_id
    stale = connector.current().corrected(
        image_id=image, field="facts", column="collector", value="x"
    )
    correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    with pytest.raises(Conflict, match="picture_changed"), unit_of_work():
        stale.save(actor=OFFICER, case_id=case.id)
    assert connector.current().facts(image).caption == RIGHT_CAPTION


def test_corrected_a_second_time_recipients_hear_of_it_again() -> None:
    """E-06, Art. 19: who was told of the first one and said so is told of the second."""
    record = picture()
    answers.shown_to(record, answers.a_log(), "Lumen Analytics", "NL")
    case = answered(record)
    correcting.correct(
        correction_id=said(case).id, actor=OFFICER, column="caption", value=RIGHT_CAPTION
    )
    Notice.objects.update(state=Notice.State.DONE)
    row = said(case, what="date", right="2021-06-03")
    correcting.correct(
        correction_id=row.id, actor=OFFICER, column="collected_at", value="2021-06-03"
    )
    assert Notice.objects.get().state == Notice.State.PREPARED


@pytest.mark.parametrize(
    "put",
    [
        {"column": "page_url", "value": "https://other.example/x"},
        {"column": "collector", "value": RIGHT_CAPTION},
        {"column": "caption", "value": "Nobody at all"},
        {"column": "caption", "value": ""},
    ],
)
def test_one_officer_writes_what_was_said_where_it_was_said_and_nothing_else(
    put: dict[str, str],
) -> None:
    """R-01, E-01: a wish about a caption is no key to the other facts; two write otherwise, and
    then exactly what both saw."""
    record = picture()
    case = answered(record)
    row = said(case)
    before = connector.current().facts(Record.objects.get(id=record.id).image_id).first
    with pytest.raises(NotAllowed, match="second_person"):
        correcting.correct(correction_id=row.id, actor=OFFICER, **put)
    assert connector.current().facts(Record.objects.get(id=record.id).image_id).first == before
    otherwise = {"how": "otherwise", **put}
    with pytest.raises(BadInput, match="no_such_column"):
        refuse(row, **otherwise | {"column": "other.x"})
    proposal = refuse(row, **otherwise)
    with pytest.raises(Conflict, match="proposed_already"):
        correcting.correct(correction_id=row.id, actor=SECOND, **put)
    proposals.turn_down(proposal_id=proposal.id, actor=SECOND)
    with pytest.raises(NotAllowed, match="second_person"):
        correcting.correct(correction_id=row.id, actor=OFFICER, **put)
    proposal = refuse(row, **otherwise)
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=OFFICER)
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    with pytest.raises(NotAllowed, match="second_person"):
        correcting.correct(
            correction_id=row.id, actor=OFFICER, **put | {"value": f"{put['value']}/y"}
        )
    correcting.correct(correction_id=row.id, actor=OFFICER, **put)
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.agreed_by) == ("done", OFFICER.id, SECOND.id)
    assert dict(corrections.put_right(row)) == {"column": put["column"], "after": put["value"]}
    text = letter_of(case)
    assert "We did a part of what you told us." in text
    assert "The page still says it." in text
    assert put["value"] == "" or not everywhere(put["value"])
    assert audit.verify().ok


@pytest.mark.parametrize("what", ["hold", "lock", "other face", "inspection"])
def test_what_another_case_or_an_authority_needs_as_it_is_stays_as_it_is(what: str) -> None:
    """R1, E-01: nothing is written and no key goes while `require_free` refuses."""
    record = picture()
    case = answered(record)
    row = said(case)
    beside = Record.objects.get(id=record.id)
    if what == "other face":
        beside.id, beside.unit, beside.face_number = new_id(), new_id(), 7
        beside.save(force_insert=True)
    with unit_of_work():
        if what in {"hold", "other face"}:
            galleries.hold(record_ids=[beside.id], case_id=new_id(), actor=SECOND)
        if what == "lock":
            galleries.restrict(
                record_ids=[record.id], case_id=new_id(), actor=SECOND, reason="evidence"
            )
        if what == "inspection":
            InspectionHold.objects.create(source=None, since=clock.now())
    old = Record.objects.get(id=record.id).image.unit
    code = "inspection_hold" if what == "inspection" else "held_by_other_case"
    with pytest.raises(Conflict, match=code):
        correcting.correct(
            correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION
        )
    jobs.run_due(queues=["light"], limit=60)
    row.refresh_from_db()
    assert row.state == CorrectionState.OPEN
    assert Record.objects.get(id=record.id).image.unit == old
    assert vault.unit_state(old) == vault.UnitState.LIVE
    assert WRONG_CAPTION in vault.read(old, "facts").decode()


# -- less than asked -----------------------------------------------------------------------------


def test_leaving_it_as_it_is_takes_two_a_ground_and_facts() -> None:
    """R-01, Art. 12(4): nobody refuses alone; the letter has ground, facts and remedies."""
    case = answered(picture())
    row = said(case)
    for wrong, code in (
        ({"how": "left"}, "no_such_step"),
        ({"ground": "same_person"}, "no_such_ground"),
        ({"facts": " "}, "facts_missing"),
    ):
        with pytest.raises(BadInput) as refused:
            refuse(row, **wrong)
        assert refused.value.code == code
    proposal = refuse(row)
    with pytest.raises(Conflict, match="proposed_already"):
        correcting.correct(correction_id=row.id, actor=SECOND, column="caption", value="x")
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=OFFICER)
    row.refresh_from_db()
    assert row.state == CorrectionState.OPEN
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.agreed_by) == ("refused", OFFICER.id, SECOND.id)
    text = letter_of(case)
    for words in (
        "We leave it as it is. Here is why, and what you can do.",
        "We checked it, and what stands there is right. (Art. 16 GDPR)",
        "The page still says it.",
        "Nothing was changed in a picture",
        "have your own words put beside the picture",
        "complain to a data protection authority",
        "go to court",
    ):
        assert words in text, words
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.filter(id=row.id).update(agreed_by=OFFICER.id)


def refuse(row: Correction, **more: Any) -> Proposal:
    how = {
        "actor": OFFICER, "how": "refuse", "ground": "right_as_it_is",
        "facts": "The page still says it.", **more,
    }  # fmt: skip
    return correcting.propose(correction_id=row.id, **how)


def test_a_part_done_is_one_letter_that_says_so() -> None:
    """E-01, R-01, Art. 16: one thing put right, one answered with the person's words alone; the
    letter waits for the last open one."""
    record = picture()
    case = answered(record)
    first, second = said(case), said(case, what="date", right="2019-01-01", words="I was 12.")
    correcting.correct(correction_id=first.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    assert not case.letters.filter(kind="rectification").exists()
    proposal = refuse(second, how="state", ground="cannot_tell", facts="We asked the page twice.")
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    text = letter_of(case)
    assert "We did a part of what you told us." in text
    assert "Picture 1: We could not find out what is right. (Art. 16 GDPR)" in text
    assert "We asked the page twice." in text
    assert connector.current().face(record.id).statements() == ["2019-01-01\n\nI was 12."]
    assert case.letters.filter(kind="rectification").count() == 1


@pytest.mark.parametrize("part", ["items", "why", "others", "lock", "cure", "rights"])
def test_without_one_of_its_parts_the_letter_is_not_made(part: str) -> None:
    """R-01, law 9(d)."""
    case = answered(picture())
    row = said(case)
    correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    spec = letters.kinds.get("rectification")
    whole = spec.compose(case, {"items": [str(row.id)], "others": [], "lock": "ends"})
    assert letters.missing(spec, whole) == []
    rest = [one for one in whole.sections if one["id"] != part]
    assert letters.missing(spec, letters.Body(whole.short, whole.rows, rest)) == [
        f"missing: {part}"
    ]


@pytest.mark.parametrize("language", ["nl", "de"])
def test_the_letter_is_in_the_language_of_the_case(language: str) -> None:
    """T-02."""
    case = answered(picture())
    Case.objects.filter(id=case.id).update(language=language)
    case.refresh_from_db()
    row = said(case)
    correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    text = letter_of(case)
    assert {"nl": "bijschrift", "de": "Bildunterschrift"}[language] in text
    assert "Who else hears of it" not in text


# -- not me --------------------------------------------------------------------------------------


def test_a_picture_of_somebody_else_leaves_this_persons_set_and_is_not_erased(site: Any) -> None:
    """E-01, O-07: links close and a breach opens at once; it is kept out of the erasure while
    people look, and two of them take it out; the other picture is erased alone."""
    site("public")
    mine, other = picture(1), picture(2, page_url="https://fair.example/b")
    case = answered(mine, other)
    browser = page_of(case)
    sent = {"place": "2.0", "what": "not_me"}
    told = browser.post(reverse("public:correct"), sent)
    assert told.status_code == 200
    assert Breach.objects.filter(case=case).count() == 1
    assert case.deliveries.get(kind="answer").state == DeliveryState.SUSPENDED
    row = Correction.objects.get()
    assert row.record_id == other.id
    assert set(matching.outcome(case.id).same) == {mine.id, other.id}
    plan = erasure.start_erasure(case_id=case.id, actor=SUPERVISOR)
    assert list(plan.records.values_list("record_id", flat=True)) == [mine.id]
    erasure.stop_plan(plan_id=plan.id, actor=SUPERVISOR)
    with pytest.raises(BadInput, match="no_such_step"):
        correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value="x")
    proposal = correcting.propose(correction_id=row.id, actor=OFFICER, how="left")
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    outcome = matching.outcome(case.id)
    assert outcome is not None
    assert (outcome.same, other.id in outcome.not_same) == ((mine.id,), True)
    assert Record.objects.get(id=other.id).state == Record.State.HELD
    assert not Restriction.objects.filter(record=other, lifted_at=None).exists()
    assert Restriction.objects.filter(record=mine, lifted_at=None).exists()
    assert "Taken out: it shows somebody else." in letter_of(case)
    plan = erasure.start_erasure(case_id=case.id, actor=SUPERVISOR)
    assert list(plan.records.values_list("record_id", flat=True)) == [mine.id]


def test_an_answer_that_is_closed_is_not_read_on_this_page_either(site: Any) -> None:
    """O-07: what may show somebody else has no second way out, and opens again with the link."""
    site("public")
    case = answered(picture())
    browser = page_of(case)
    assert WRONG_CAPTION in browser.get(reverse("public:correct")).content.decode()
    breaches.report_wrong_person(case_id=case.id, actor=Actor.person(case.id))
    shut = browser.get(reverse("public:correct"), follow=True)
    assert shut.redirect_chain
    for words in (WRONG_CAPTION, PAGE, reverse("public:correct")):
        assert words not in shut.content.decode(), words
    with pytest.raises(Conflict, match="answer_closed"):
        said(case)
    assert said(case, actor=OFFICER, reached_on=clock.today()).entered_by == OFFICER.id
    deliveries.resume_answers(case_id=case.id, actor=SUPERVISOR)
    assert WRONG_CAPTION in browser.get(reverse("public:correct")).content.decode()


def test_looked_at_again_and_still_this_person_it_stays_with_a_ground() -> None:
    """E-01, R-01: that it is the same person answers this alone, by two."""
    record = picture()
    case = answered(record)
    row = said(case, what="not_me", right="")
    with pytest.raises(BadInput, match="no_such_ground"):
        refuse(row)
    proposal = refuse(row, ground="same_person", facts="The scar and the jacket are the same.")
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    assert matching.outcome(case.id).same == (record.id,)
    assert "Two people looked again" in letter_of(case)


# -- time ----------------------------------------------------------------------------------------


def test_it_has_its_own_clock_and_the_case_stays_open_until_its_letter_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D-01, D-04, D-09: alarms and the late letter by its own day; closed only 30 days after the
    letter, so that the lock ends after it was told (Art. 18(3))."""
    case = answered(picture())
    later(monkeypatch, days=10)
    row = said(case)
    later(monkeypatch, days=22)
    assert lateness.owed(case) in {"", "erasure"}
    alarms.raise_due()
    soon = Escalation.objects.filter(code=Alarm.DUE_7, about=row.due_on.isoformat())
    soon = soon | Escalation.objects.filter(code=Alarm.DUE_1, about=row.due_on.isoformat())
    soon = soon | Escalation.objects.filter(code=Alarm.DUE_3, about=row.due_on.isoformat())
    assert soon.exists() or row.due_on - clock.today() > timedelta(days=7)
    case.rights.filter(right=RightCode.ERASURE).delete()
    later(monkeypatch, days=20)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.DELIVERED, "not before it is answered"
    assert lateness.owed(case) == "correction"
    alarms.raise_due()
    assert Escalation.objects.filter(code=Alarm.LATE, about=row.due_on.isoformat()).exists()
    while not Letter.objects.filter(kind="late").exists():
        lateness.notice_late()
        later(monkeypatch, days=1)
    assert "our answer about what you told us is wrong" in letter_of(case, "late")
    correcting.correct(correction_id=row.id, actor=OFFICER, column="caption", value=RIGHT_CAPTION)
    assert "The lock ends when this request closes" in letter_of(case)
    assert lateness.owed(case) == ""
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    later(monkeypatch, days=31)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert Record.objects.get(id=row.record_id).state == Record.State.HELD


def test_asked_in_the_request_itself_it_counts_from_the_request(site: Any, client: Any) -> None:
    """T-08, D-01: an officer writes down what the letter said; its month began with the letter."""
    site("desk")
    record = picture()
    case = answered(record)
    browser = sign_in(client, staff("X-7"))
    day = case.received_on.isoformat()
    address = reverse("desk:corrections", kwargs={"reference": case.reference})
    form = {"place": "1.0", "what": "caption", "right": RIGHT_CAPTION, "reached_on": day}
    assert browser.post(address, form | {"place": ""}).status_code == 422
    assert browser.post(address, form).status_code == 302
    row = Correction.objects.get()
    own = deadlines.due_dates(case.received_on, calendar=case.calendar)
    assert (row.due_on, row.entered_by) == (own.legal, "X-7")
    shown = browser.get(address).content.decode()
    assert "You wrote this down, so another person answers it." in shown


def test_by_pages_another_reads_what_is_to_be_written_instead(site: Any, client: Any) -> None:
    """R-01: who agrees sees the very words; then the page writes them."""
    site("desk")
    case = answered(picture())
    row = said(case)
    of = {"reference": case.reference}
    address = reverse("desk:correction", kwargs=of | {"correction_id": row.id})
    browser, second = sign_in(client, staff("X-7")), sign_in(Client(), staff("X-8"))
    put = {"column": "caption", "value": "Mina at the fair"}
    assert browser.post(address, {"do": "correct", **put}).status_code == 422
    why = {"ground": "cannot_tell", "facts": "Which fair nobody knows."}
    assert browser.post(address, {"do": "otherwise", **put, **why}).status_code == 302
    card = second.get(reverse("desk:case", kwargs=of)).content.decode()
    assert "Something else than was asked is written" in card
    assert "Mina at the fair" in second.get(address).content.decode()
    settle = {"proposal_id": Proposal.objects.get().id}
    second.post(reverse("desk:settle", kwargs=of | settle), {"do": "agree"})
    assert "Two agreed" in second.get(address).content.decode()
    assert second.post(address, {"do": "correct", **put}).status_code == 302
    row.refresh_from_db()
    assert (row.decided_by, row.agreed_by) == ("X-7", "X-8")


def test_erased_meanwhile_it_ends_with_a_letter() -> None:
    """E-01, R-01: nothing said to us stays without an answer."""
    record = picture()
    case = answered(record)
    row = said(case)
    assert corrections.settle_gone() == 0
    Record.objects.filter(id=record.id).update(state=Record.State.ERASED)
    assert corrections.settle_gone() == 1
    row.refresh_from_db()
    assert row.state == CorrectionState.GONE
    assert "The picture was deleted meanwhile." in letter_of(case)


# -- at the desk ---------------------------------------------------------------------------------


def test_by_pages_an_officer_reads_it_and_puts_it_right(site: Any, client: Any) -> None:
    """E-01, G-02: Next step leads there; less than asked is agreed to on the page of the case."""
    site("desk")
    case = answered(picture())
    row = said(case, words="I sold cakes.")
    other = said(case, what="date", right="2019-01-01")
    browser = sign_in(client, staff("X-7"))
    of = {"reference": case.reference}
    shown = browser.get(reverse("desk:case", kwargs=of)).content.decode()
    assert "Answer what the person says is wrong" in shown
    listed = browser.get(reverse("desk:corrections", kwargs=of)).content.decode()
    assert "I sold cakes." in listed
    address = reverse("desk:correction", kwargs=of | {"correction_id": row.id})
    page = browser.get(address).content.decode()
    assert WRONG_CAPTION in page
    assert RIGHT_CAPTION in page
    assert browser.post(address, {"do": ""}).status_code == 422
    put = {"do": "correct", "column": "caption", "value": RIGHT_CAPTION}
    assert browser.post(address, put).status_code == 302
    row.refresh_from_db()
    assert row.state == CorrectionState.DONE
    address = reverse("desk:correction", kwargs=of | {"correction_id": other.id})
    assert browser.post(address, {"do": "refuse", "ground": "cannot_tell"}).status_code == 422
    less = {"do": "refuse", "ground": "cannot_tell", "facts": "Nobody could tell us."}
    assert browser.post(address, less).status_code == 302
    second = sign_in(Client(), staff("X-8"))
    card = second.get(reverse("desk:case", kwargs=of)).content.decode()
    assert "We could not find out what is right." in card
    proposal = Proposal.objects.get(kind="correction", state="waiting")
    settle = reverse("desk:settle", kwargs=of | {"proposal_id": proposal.id})
    assert second.post(settle, {"do": "agree"}).status_code == 302
    other.refresh_from_db()
    assert (other.state, other.agreed_by) == (CorrectionState.REFUSED, "X-8")
    done = browser.get(reverse("desk:correction", kwargs=of | {"correction_id": row.id}))
    assert "Not possible now" in done.content.decode()


# -- said by who acts for the person (R11, C-04) -------------------------------------------------


def acts_for(case: Case, *, covers: tuple[str, ...], to: str = "representative") -> Client:
    """The browser of a representative whose mandate was accepted, on their own page."""
    for right in set(covers) - set(case.rights.values_list("right", flat=True)):
        CaseRight.objects.create(case=case, right=right)
    mandate = mandates.write_down(
        case_id=case.id, actor=OFFICER, who=LENA, kind="lawyer", rights=[*covers],
        document=PAPER, answer_to=to,
    )  # fmt: skip
    Mandate.objects.filter(id=mandate.id).update(
        state=MandateState.ACCEPTED, decided_by=SECOND.id, decided_at=clock.now()
    )
    browser = Client()
    token = invitations.token_of(invitation(case, "representative"))
    browser.post(reverse("public:invitation", kwargs={"token": token}))
    return browser


ALL = ("access", "erasure", "rectification")
CAPTION_WRONG = {"place": "1.0", "what": "caption", "right": RIGHT_CAPTION}


def test_who_acts_says_what_is_wrong_on_their_own_page_in_their_own_name(site: Any) -> None:
    """R11: as the person can; the trail says who it was, and the lock is the same."""
    site("public")
    record = picture()
    case = answered(record)
    browser = acts_for(case, covers=ALL)
    path = reverse("public:correct_for")
    assert path in browser.get(reverse("public:representing")).content.decode()
    assert WRONG_CAPTION in browser.get(path).content.decode()
    done = browser.post(path, CAPTION_WRONG, follow=True).content.decode()
    assert "You get an answer by" in done
    event = Event.objects.get(type="correction.asked", case_id=case.id)
    assert event.actor_id == str(case.mandates.get().id)
    assert Restriction.objects.filter(record_id=record.id, lifted_at=None).exists()


def test_who_acts_says_it_shows_somebody_else_and_the_links_close(site: Any) -> None:
    """O-07, R11: a breach, a stopped erasure, and nothing opens any more for either of the two."""
    site("public")
    case = answered(picture())
    browser = acts_for(case, covers=ALL)
    wrote = Effect.objects.filter(kind="mail.wrote", subject_id=case.id)
    before = wrote.count()
    told = browser.post(reverse("public:correct_for"), {"place": "1.0", "what": "not_me"})
    page = told.content.decode()
    assert "Thank you for telling us" in page
    assert "will write to them by" in page
    assert "will write to you" not in page
    # The person, whose answer is closed as well, hears of it: words on their page, and the mail.
    said = case_selectors.messages_of(case)[-1]
    assert (said.direction, "Who acts for you told us" in said.text) == ("out", True)
    assert wrote.count() == before + 1
    acts = Actor.representative(case.mandates.get().id)
    breaches.report_wrong_person(case_id=case.id, actor=acts)
    assert wrote.count() == before + 1, "told twice is one breach, and one mail"
    assert reverse("public:representing") in told.content.decode()
    assert Breach.objects.get(case=case).kind == "wrong_person"
    assert case.deliveries.get(kind="answer").state == DeliveryState.SUSPENDED
    assert Correction.objects.get(case=case).what == Wrong.NOT_ME


def test_no_mandate_for_answer_and_correction_no_form(site: Any) -> None:
    """C-04: what the mandate leaves out is the person's own; so is the answer that goes to them."""
    site("public")
    case = answered(picture())
    mandate_id = acts_for(case, covers=("access", "erasure")) and case.mandates.get().id
    acts = Actor.representative(mandate_id)
    with pytest.raises(NotAllowed) as refused:
        correcting.ask(case_id=case.id, actor=acts, **CAPTION_WRONG)
    assert refused.value.code == "mandate_scope"
    Mandate.objects.filter(id=mandate_id).update(answer_to="person")
    with pytest.raises(NotAllowed) as refused:
        correcting.ask(case_id=case.id, actor=acts, **CAPTION_WRONG)
    assert refused.value.code == "correction_role"
    with pytest.raises(NotAllowed):
        breaches.report_wrong_person(case_id=case.id, actor=acts)
    with pytest.raises(NotAllowed):
        breaches.report_wrong_person(case_id=case.id, actor=Actor.representative(new_id()))

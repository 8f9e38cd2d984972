"""Requests in which time or somebody else steps in, walked from intake to their end (issue 6).

Late, with more time, with a pause, taken back, about one page only, locked after one check, ordered
by an authority, kept longer than was said, after a breach. Each letter is read back as it left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.cases import exemptions, extensions, lateness, page_wishes, proposals, public_status
from dsr_portal.cases import services as cases
from dsr_portal.cases.clocks import clock_of
from dsr_portal.cases.models import (
    Case,
    DeliveryKind,
    Lateness,
    Missing,
    Outcome,
    RightCode,
    Status,
    WayKind,
)
from dsr_portal.compliance import breaches, orders
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.disclosure import lengthening, named_page, withholding
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import AnswerKind, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Kind
from dsr_portal.erasure import own_decisions
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe, Verdict
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support import erasure as lab
from tests.support import matching as reviewing
from tests.support.answers import OFFICER, SECOND, SUPERVISOR
from tests.support.letters import LIVES, OWN_WORDS, every_document, faults
from tests.support.travel import Travel
from tests.support.walked import answered, asked, closed, decided_about, looked_up, opened, told

pytestmark = pytest.mark.django_db(transaction=True)

SAME = Verdict.SAME
PAGE = "https://pages1.example.org/people/somebody-1"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    answers.without_detector(monkeypatch)
    holders.holder().drop()
    with translation.override("en"):
        yield
    holders.holder().drop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Thursday 10 September 2026; the month ends on a Saturday, so the last day is Monday 12."""
    began = Travel(monkeypatch, "2026-09-10")
    answers.staff()
    return began


def naming_a_page(language: str, *rights: str) -> Case:
    """A request on the website by who names one page and sends no photo."""
    return cases.open_case(
        channel="web",
        rights=rights,
        ways=[cases.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))],
        consents=[],
        contact=cases.Contact(email="mina@example.org"),
        language=language,
        country=LIVES[language],
    ).case


def state_of(record: Record) -> str:
    return Record.objects.values_list("state", flat=True).get(id=record.id)


def seen(case: Case) -> public_status.PublicView:
    """The page of the request, as the person reads it in their language."""
    case.refresh_from_db()
    with translation.override(case.language):
        return public_status.public_view(case, today=clock.today())


def certificate_of(case: Case) -> str:
    """The newest certificate, behind its link and code."""
    cases.release_batch(actor=SECOND)
    newest = case.deliveries.filter(kind=DeliveryKind.CERTIFICATE).latest("created_at")
    return answers.text_of(opened(newest))


def purged(case: Case, travel: Travel, *days: str) -> None:
    """On these days the schedule closes and destroys what its time has come for."""
    for day in days:
        travel.to(day)
        cases.close_due()
        lab.run_all()
    case.refresh_from_db()
    assert case.status == Status.PURGED
    assert vault.unit_state(case.contact_unit) == vault.UnitState.SHREDDED
    assert vault.unit_state(case.file_unit) == vault.UnitState.SHREDDED
    assert audit.verify().ok


# -- the date ------------------------------------------------------------------------------------


def test_late_from_its_letters_to_the_answer(travel: Travel) -> None:
    """R25, D-09, in German: two letters, a date a person stands for, the answer, closed; the trail
    and the figures keep that a date was missed."""
    case = asked("de", RightCode.ACCESS)
    travel.to("2026-10-12")
    assert lateness.notice_late() == 0, "the last day is in time"
    travel.to("2026-10-13")
    assert lateness.notice_late() == 1
    first = told(case, "late")
    assert "12. Oktober 2026" in first
    assert "20. Oktober 2026" not in first
    assert seen(case).late
    lateness.explain(
        case_id=case.id, actor=OFFICER, reason="staff", words="Nobody was there.",
        new_date=date(2026, 10, 20),
    )  # fmt: skip
    assert "20. Oktober 2026" in told(case, "late")
    travel.to("2026-10-16")
    case, _answer, _text = answered(decided_about(case, [answers.a_face(seed=1)], [SAME]))
    travel.to("2026-10-21")
    assert lateness.notice_late() == 0, "answered before the promised day"
    row = Lateness.objects.get()
    assert (row.missed_on, row.new_date, row.broken_on) == (
        date(2026, 10, 12), date(2026, 10, 20), None,
    )  # fmt: skip
    assert row.ended_at is not None
    assert not seen(case).late
    closed(case)
    assert lateness.counts() == {"staff": 1}
    purged(case, travel, "2026-11-21")


def test_more_time_from_its_letter_to_the_answer(travel: Travel) -> None:
    """D-06, in Dutch: two persons, a letter in the first month, answered in the third: not late."""
    case = asked("nl", RightCode.ACCESS)
    travel.to("2026-10-01")
    proposal = extensions.propose(
        case_id=case.id, actor=OFFICER, reason="legal_question", months=2, words=OWN_WORDS["nl"]
    )
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    text = told(case, "extension")
    assert "10 december 2026" in text
    assert "12 oktober 2026" in text
    assert seen(case).due_words == "10 december 2026"
    travel.to("2026-12-09")
    assert lateness.notice_late() == 0
    case, answer, text = answered(decided_about(case, [], []))
    assert answer.kind == AnswerKind.NOTHING_FOUND
    travel.to("2026-12-11")
    assert lateness.notice_late() == 0
    closed(case)
    assert not Lateness.objects.exists()


def test_a_pause_from_the_question_to_the_answer(travel: Travel) -> None:
    """D-07, T-07, in German: asked in time, reminded, answered with a page; only the days between
    stand still, and what was named leads to the answer."""
    answers.a_face(page_url=PAGE)
    case = cases.open_case(
        channel="web",
        rights=[RightCode.ACCESS],
        ways=[],
        consents=[],
        contact=cases.Contact(email="mina@example.org"),
        language="de",
        country=LIVES["de"],
    ).case
    travel.to("2026-09-11")
    cases.ask_to_identify(
        case_id=case.id, actor=OFFICER, missing=[Missing.NOTHING_TO_LOOK_UP],
        means=["named", "call"], text=OWN_WORDS["de"], stop_clock=True,
    )  # fmt: skip
    assert "12. Oktober 2026" in told(case, "need_info")
    assert clock_of(case).stands
    travel.to("2026-09-21")
    assert cases.remind_due() == 1
    assert "11. September 2026" in told(case, "ask_reminder")
    travel.to("2026-09-23")
    way = cases.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))
    matching.add_ways(case_id=case.id, ways=[way], actor=Actor.person(case.id))
    case.refresh_from_db()
    assert not clock_of(case).stands
    assert (case.due_unrolled, case.due_on) == (date(2026, 10, 22), date(2026, 10, 22))
    assert seen(case).due_words == "22. Oktober 2026"
    travel.to("2026-10-21")
    case, answer, _text = answered(looked_up(case, OFFICER))
    assert answer.kind == AnswerKind.DISCLOSURE
    closed(case)
    travel.to("2026-10-23")
    assert lateness.notice_late() == 0
    assert not Lateness.objects.exists()


# -- what the person wants otherwise --------------------------------------------------------------


@pytest.mark.parametrize(("when", "language"), [("in review", "nl"), ("answered", "de")])
def test_taken_back(travel: Travel, when: str, language: str) -> None:
    """R3, R8, P-06: photo and answer go at once, locks end, nothing opens any more, no letter
    follows, and the rest goes on its day; in Dutch and German."""
    face = answers.a_face(seed=1)
    case = asked(language, RightCode.ACCESS, RightCode.ERASURE)
    if when == "answered":
        case, answer, _text = answered(decided_about(case, [face], [SAME]))
    else:
        case = answers.searched(case, [face])
        review = reviewing.review_of(case)
        matching.take_review(review_id=review.id, actor=OFFICER)
        reviewing.say_all(case, OFFICER, SAME)
    assert state_of(face) == Record.State.RESTRICTED
    before = [one.pk for one in case.deliveries.all()]
    travel.to("2026-09-14")
    cases.withdraw(case_id=case.id, actor=Actor.person(case.id))
    lab.run_all()
    view = seen(case)
    assert (case.status, case.outcome, view.late, view.open) == (
        Status.CLOSED, Outcome.WITHDRAWN, False, False,
    )  # fmt: skip
    assert (
        view.sentence
        == {
            "nl": "U hebt dit verzoek ingetrokken. We bewaren er geen foto van u voor.",
            "de": "Sie haben diesen Antrag zurückgenommen. Wir behalten kein Foto von Ihnen dafür.",
        }[language]
    )
    assert state_of(face) == Record.State.HELD
    assert vault.unit_state(Probe.objects.get(case=case).unit) == vault.UnitState.SHREDDED
    for one in case.deliveries.all():
        with pytest.raises(cases.LinkClosed):
            cases.find_delivery(cases.link_token(one))
    if when == "answered":
        assert not documents.is_kept(answer.document_id)
    travel.to("2026-10-13")
    assert lateness.notice_late() == 0
    assert erasure.start_due() == 0
    assert [one.pk for one in case.deliveries.all()] == before
    purged(case, travel, "2026-10-15")


def test_one_page_from_the_wish_to_what_was_done(travel: Travel) -> None:
    """R6, R3, Art. 17(1)(d), in Dutch: nobody shows who they are; two persons decide about the
    picture, the letter says neither yes nor no, it is erased, and the request ends like any."""
    shown = lab.picture(1)
    assert shown.page == PAGE
    case = naming_a_page("nl", RightCode.ERASURE)
    wish = page_wishes.ask(case_id=case.id, way_id=case.ways.get().id, actor=Actor.person(case.id))
    verdicts = {one.image_id: ("erase", "no_basis") for one in named_page.look(wish)}
    with every_document() as made:
        answer = named_page.propose(
            case_id=case.id, actor=OFFICER, verdicts=verdicts, why="The source has no basis."
        )
        jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    assert (answer.state, answer.kind) == (AnswerState.READY, AnswerKind.NAMED_PAGE)
    (read,) = made
    assert faults(read, case) == []
    disclosure.approve_answer(answer_id=answer.id, actor=SECOND)
    assert state_of(shown.records[0]) == Record.State.RESTRICTED
    cases.release_batch(actor=SECOND)
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.NAMED_PAGE)
    assert opened(case.deliveries.get()) == read.pdf
    told_before = [one.sentence for one in seen(case).told]
    assert own_decisions.start_due() == 1
    lab.run_all()
    assert Plan.objects.get().state == PlanState.DONE
    assert state_of(shown.records[0]) == Record.State.ERASED
    assert [one.sentence for one in seen(case).told] == told_before
    assert case.deliveries.count() == 1
    closed(case)
    purged(case, travel, "2026-10-12")


def test_locked_after_one_check(travel: Travel, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2, R3, Art. 18, in German: one check, a letter that says neither yes nor no, and the picture
    stays locked when everything about the request is gone."""
    monkeypatch.setattr(answers, "identified", known_by_one_check)
    face = answers.a_face(seed=1)
    case = asked("de", RightCode.RESTRICTION)
    case, answer, text = answered(decided_about(case, [face], [SAME]))
    assert (answer.kind, case.outcome, case.level) == (AnswerKind.NEUTRAL, Outcome.NEUTRAL, 1)
    assert state_of(face) == Record.State.RESTRICTED
    closed(case)
    assert state_of(face) == Record.State.RESTRICTED
    purged(case, travel, "2026-10-12")
    assert state_of(face) == Record.State.RESTRICTED


def known_by_one_check(case: Case) -> Case:
    return matching.record_identity(
        case_id=case.id, actor=OFFICER, way="call", element="", compared="Alike on the call."
    )


# -- somebody else steps in -----------------------------------------------------------------------


def test_an_order_opens_an_answered_case_for_a_second_whole_way(
    travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O-02, O-03, Art. 58(2)(c), in Dutch: answered, erased and closed; ordered to answer again, it
    goes once more through photo, check, search, two persons, answer, erasure and closing, each
    answer and certificate of its own."""
    engine = reviewing.told(monkeypatch)
    director = reviewing.actor(reviewing.staff("L-9001", Role.DIRECTOR))
    early, late_found = lab.picture(1), lab.picture(2)
    engine.hits = reviewing.hits([early.records[0].id])
    case = searched_by_jobs(asked("nl", RightCode.ACCESS, RightCode.ERASURE))
    case = answers.decided(case, {early.records[0].id: SAME})
    case, first, _text = answered(case)
    erased(case)
    assert state_of(early.records[0]) == Record.State.ERASED
    certificate_of(case)

    travel.to("2026-11-02")
    order = orders.enter(
        served=orders.Served(
            authority_code="BE", reference="DOS-2026-7", basis="request",
            served_on=date(2026, 11, 2), due_on=date(2026, 11, 20), owner=director.id,
            document=b"%PDF-1.7 order",
        ),
        actor=SUPERVISOR,
    )  # fmt: skip
    orders.add_measure(
        order_id=order.id, kind="answer", words="Answer anew.", named=[case.reference],
        actor=SUPERVISOR,
    )  # fmt: skip
    erase = orders.add_measure(
        order_id=order.id, kind="erase", words="Erase.", named=[case.reference], actor=SUPERVISOR
    )
    lab.run_all()
    view = seen(case)
    assert (case.status, case.outcome, view.word) == (Status.RECEIVED, "", "received")
    assert not view.late, "the first answer left in time"
    assert "20 november 2026" in str(view.way)
    assert "12 oktober 2026" not in str(view.way)

    cases.ask_to_identify(
        case_id=case.id, actor=OFFICER, missing=[Missing.NOTHING_TO_LOOK_UP],
        means=["photo", "call"], text=OWN_WORDS["nl"],
    )  # fmt: skip
    question = told(case, "need_info")
    assert "20 november 2026" in question
    assert "12 oktober 2026" not in question
    engine.hits = reviewing.hits([late_found.records[0].id])
    send_photo(case)
    case = searched_by_jobs(case)
    laid = reviewing.review_of(case).search.candidates.values_list("record_id", flat=True)
    assert list(laid) == [late_found.records[0].id], "nobody looks at what is gone"
    case = answers.decided(case, {late_found.records[0].id: SAME})
    travel.to("2026-11-19")
    case, second, _text = answered(case)
    assert first.id != second.id
    assert [one.record_id for one in second.records.all()] == [late_found.records[0].id]
    erase.refresh_from_db()
    assert (erase.passes, erase.left) == (False, 1), "what was erased before is not what is ordered"
    travel.to("2026-12-03")
    assert erasure.start_due() == 1
    erased(case)
    assert state_of(late_found.records[0]) == Record.State.ERASED
    certificate_of(case)
    orders.check_now(order_id=order.id, actor=SUPERVISOR)
    lab.run_all()
    done = orders.comply(order_id=order.id, evidence=b"The answer of 19 November.", actor=director)
    assert done.state == "complied"
    assert case.ordered_dates.get().ended_at is not None
    assert audit.verify().ok


def searched_by_jobs(case: Case) -> Case:
    """Judged, identified, compared: by the jobs that do it, the engine aside."""
    lab.run_all()
    answers.identified(case)
    lab.run_all()
    case.refresh_from_db()
    return case


def send_photo(case: Case) -> None:
    """The person sends a photo once more."""
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", answers.plain_picture())
    with audit.unit_of_work():
        staged.save()
        matching.add_probe(
            case=Case.objects.select_for_update().get(id=case.id),
            actor=Actor.person(case.id),
            unit=staged.unit_id,
            channel="web",
        )


def erased(case: Case) -> None:
    """Started by an officer, done, certified: the case is closed by it."""
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    with every_document() as made:
        lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    (read,) = [one for one in made if one.asked["kind"] == Kind.CERTIFICATE]
    assert faults(read, case) == []
    assert (plan.state, case.status) == (PlanState.DONE, Status.CLOSED)


def test_kept_longer_by_an_exemption_until_it_is_erased(travel: Travel) -> None:
    """E-03, E-14, Art. 17(3), in German: one picture kept until a day, the answer says so; a later
    day by two persons and a letter; after it the erasure with a certificate of its own, the end."""
    kept, gone = lab.picture(1).records[0], lab.picture(2).records[0]
    case = asked("de", RightCode.ACCESS, RightCode.ERASURE)
    case = decided_about(case, [kept, gone], [SAME, SAME])
    proposal = withholding.exempt(
        case_id=case.id, actor=OFFICER, record_id=kept.id, ground="legal_claims",
        facts=OWN_WORDS["de"], until=date(2026, 11, 2),
    )  # fmt: skip
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    case, _answer, text = answered(case)
    assert "2. November 2026" in text
    erased(case)
    assert (state_of(kept), state_of(gone)) == (Record.State.RESTRICTED, Record.State.ERASED)
    assert "2. November 2026" in certificate_of(case)
    travel.to("2026-10-26")
    longer = lengthening.lengthen(
        case_id=case.id, actor=OFFICER, record_id=kept.id, ground="legal_claims",
        facts=OWN_WORDS["de"], until=date(2026, 12, 15),
    )  # fmt: skip
    proposals.agree(proposal_id=longer.id, actor=SECOND)
    text = told(case, "exemption")
    assert "15. Dezember 2026" in text
    assert "2. November 2026" in text
    travel.to("2026-11-03")
    assert erasure.start_due() == 0
    cases.close_due()
    travel.to("2026-12-16")
    assert erasure.start_due() == 1
    lab.run_all()
    assert state_of(kept) == Record.State.ERASED
    assert not exemptions.open_cases()
    assert OWN_WORDS["de"] not in certificate_of(case)
    assert case.deliveries.filter(kind=DeliveryKind.CERTIFICATE).count() == 2
    purged(case, travel, "2027-01-20")


def test_after_a_breach_the_request_is_answered_once_more(
    travel: Travel, monkeypatch: pytest.MonkeyPatch, site: Any
) -> None:
    """O-07, Art. 33, 34, in German: "this is not me"; the link closes, authority and person are
    told in time, and the request is opened again, searched with the same photo, decided and
    answered without the stranger's picture, which is in use again."""
    engine = reviewing.told(monkeypatch)
    stranger, theirs = answers.a_face(seed=1), answers.a_face(seed=2)
    engine.hits = reviewing.hits([stranger.id])
    case = searched_by_jobs(asked("de", RightCode.ACCESS))
    case, wrong, _text = answered(answers.decided(case, {stranger.id: SAME}))
    breach = breaches.report_wrong_person(case_id=case.id, actor=Actor.person(case.id))
    closed_link = case.deliveries.get(kind="answer")
    with pytest.raises(cases.LinkClosed):
        cases.find_delivery(cases.link_token(closed_link))
    breaches.describe(
        breach_id=breach.id, nature="An answer showed another person.",
        effects="Somebody saw a picture of them.", measures="The link is closed.",
        people=1, records=1, actor=SUPERVISOR,
    )  # fmt: skip
    travel.to("2026-09-11")
    breaches.make_notice(breach_id=breach.id, authority_code="AT", late="", actor=SUPERVISOR)
    breaches.record_notified(breach_id=breach.id, at=clock.now(), actor=SUPERVISOR)
    breaches.tell_person(
        breach_id=breach.id, reference=case.reference, nature=OWN_WORDS["de"],
        effects=OWN_WORDS["de"], measures=OWN_WORDS["de"], actor=SUPERVISOR,
    )  # fmt: skip
    told(case, "breach")

    site("desk")
    engine.hits = reviewing.hits([theirs.id, stranger.id])
    desk = reviewing.sign_in(Client(), Staff.objects.get(staff_no=SUPERVISOR.id))
    page = reverse("desk:breach", kwargs={"breach_id": breach.id})
    again = reverse("desk:breach_again", kwargs={"breach_id": breach.id})
    assert again in desk.get(page).content.decode()
    assert desk.post(again).status_code == 302
    assert again not in desk.get(page).content.decode(), "once is enough"
    lab.run_all()
    case.refresh_from_db()
    assert (case.status, case.due_on) == (Status.IN_REVIEW, date(2026, 10, 12))
    case, right, _text = answered(answers.decided(case, {theirs.id: SAME}))
    assert wrong.id != right.id
    assert [one.record_id for one in right.records.all()] == [theirs.id]
    assert (state_of(stranger), state_of(theirs)) == (Record.State.HELD, Record.State.RESTRICTED)
    with pytest.raises(cases.LinkClosed):
        cases.find_delivery(cases.link_token(closed_link))
    with pytest.raises(Conflict, match="breach_open"):
        breaches.close(breach_id=breach.id, actor=SUPERVISOR)  # the mail about it waits
    lab.run_all()
    breaches.close(breach_id=breach.id, actor=SUPERVISOR)
    closed(case)

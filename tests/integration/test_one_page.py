"""One page dealt with for who does not show who they are (end of rule R6; Art. 11(2), 17(1)(d))."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import page_wishes, public_status
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Outcome, RightCode, Status, WayKind
from dsr_portal.cases.page_models import (
    PageAction,
    PageGround,
    PageUnlock,
    PageVerdict,
    PageWish,
)
from dsr_portal.compliance.evidence import completeness, told
from dsr_portal.compliance.report import build
from dsr_portal.compliance.selectors import outcomes
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import named_page, own_locks, unidentified
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.erasure import own_decisions
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.erasure.selectors import current_plan, own_plan
from dsr_portal.gallery import connector, hashes
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Record, Source
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import services as matching
from dsr_portal.public import status as status_page
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import answers as letters
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.matching import actor, sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

EMPTY = "https://nothing.example/here"
WHY = "The source has no documented basis."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def people() -> list[Actor]:
    numbers = {"S-1": Role.OFFICER, "S-2": Role.OFFICER, "V-1": Role.SUPERVISOR}
    return [actor(staff(number, role)) for number, role in numbers.items()]


def page(address: str) -> cases.WaySent:
    return cases.WaySent(WayKind.PAGE, address, keyed_hash=hashes.of_address(address))


def named(address: str, **more: Any) -> Case:
    return support.opened(ways=[page(address)], consents=(), **more)


def wished(case: Case) -> PageWish:
    way = case.ways.get(kind=WayKind.PAGE)
    wish = page_wishes.ask(case_id=case.id, way_id=way.id, actor=Actor.person(case.id))
    case.refresh_from_db()
    return wish


def proposed(
    case: Case, by: Actor, action: str = "erase", ground: str = "no_basis", why: str = WHY
) -> Answer:
    """The same decision for every picture that is there."""
    wish = page_wishes.in_force(case)
    assert wish is not None
    verdicts = {one.image_id: (action, ground) for one in named_page.look(wish)}
    answer = named_page.propose(case_id=case.id, actor=by, verdicts=verdicts, why=why)
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    return answer


def dealt_with(case: Case, people: list[Actor], action: str = "erase", **more: Any) -> Answer:
    wished(case)
    answer = proposed(case, people[0], action, **more)
    disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    cases.release_batch(actor=people[1])
    case.refresh_from_db()
    answer.refresh_from_db()
    return answer


def letter_of(answer: Answer) -> str:
    assert answer.document_id is not None
    return letters.text_of(documents.open_document(answer.document_id))


# -- the wish -------------------------------------------------------------------------------------


def test_the_wish_answers_what_we_asked_and_can_be_taken_back(people: list[Actor]) -> None:
    """R6, T-07: no identity is asked for it; the whole request goes on when it is taken back."""
    case = named(EMPTY)
    cases.ask_to_identify(
        case_id=case.id,
        actor=people[0],
        missing=["no_way_taken"],
        means=["call", "photo"],
        text="Show us.",
    )
    wish = wished(case)
    assert (case.status, case.asks.get().answered_at is not None) == (Status.RECEIVED, True)
    with pytest.raises(Conflict, match="already"):
        wished(case)
    with pytest.raises(Conflict) as refused:
        unidentified.propose(
            case_id=case.id, actor=people[0], reasons=["no_way_taken"], why="Nothing."
        )
    assert refused.value.code == "page_wished"
    page_wishes.take_back(case_id=case.id, actor=Actor.person(case.id))
    wish.refresh_from_db()
    assert wish.ended_how == "taken_back"
    assert page_wishes.in_force(case) is None
    types = list(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert "page.wished" in types
    assert "page.taken_back" in types


def asked_to_identify(case: Case, by: Actor) -> None:
    cases.ask_to_identify(
        case_id=case.id,
        actor=by,
        missing=["no_way_taken"],
        means=["call", "photo"],
        text="Show us.",
    )


def not_identified(case: Case, by: Actor) -> Answer:
    return unidentified.propose(
        case_id=case.id, actor=by, reasons=["no_way_taken"], why="Nothing came."
    )


def test_a_wish_that_staff_wrote_down_is_no_answer_of_the_person(people: list[Actor]) -> None:
    """D-08, T-07: written down and taken back by an officer, the 14 days still are the person's."""
    case = named(EMPTY)
    asked_to_identify(case, people[0])
    page_wishes.ask(case_id=case.id, way_id=case.ways.get().id, actor=people[0])
    case.refresh_from_db()
    assert (case.status, case.asks.get().answered_at) == (Status.NEEDS_INFO, None)
    page_wishes.take_back(case_id=case.id, actor=people[0])
    with pytest.raises(Conflict) as refused:
        not_identified(case, people[0])
    assert refused.value.code == "still_waiting"


@pytest.mark.parametrize("by_staff", [False, True])
def test_after_a_wish_that_was_taken_back_the_person_has_14_days(
    people: list[Actor], monkeypatch: pytest.MonkeyPatch, by_staff: bool
) -> None:
    """D-08: nothing is left of what answered our question, whoever took it back."""
    case = named(EMPTY)
    asked_to_identify(case, people[0])
    wished(case)
    back = people[0] if by_staff else Actor.person(case.id)
    page_wishes.take_back(case_id=case.id, actor=back)
    real = clock.now
    for days in (0, 13):
        monkeypatch.setattr(clock, "now", lambda days=days: real() + timedelta(days=days))
        with pytest.raises(Conflict) as refused:
            not_identified(case, people[0])
        assert refused.value.code == "still_waiting"
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=15))
    assert not_identified(case, people[0]).kind == AnswerKind.NOT_IDENTIFIED


def test_who_may_wish_it_and_when(people: list[Actor]) -> None:
    """The person or an officer they told; not once who asks is known; only what was named."""
    case = named(EMPTY)
    way = case.ways.get()
    stranger = support.opened(email="other@example.org")
    for by in (Actor.person(stranger.id), Actor("D-1", "dpo", "staff")):
        with pytest.raises(NotAllowed):
            page_wishes.ask(case_id=case.id, way_id=way.id, actor=by)
    with pytest.raises(BadInput):
        page_wishes.ask(case_id=case.id, way_id=stranger.ways.get().id, actor=Actor.person(case.id))
    wish = page_wishes.ask(case_id=case.id, way_id=way.id, actor=people[0])
    assert wish.asked_by == people[0].id
    page_wishes.take_back(case_id=case.id, actor=people[0])
    matching.record_identity(
        case_id=case.id, actor=people[0], way="eid", element="named_control", compared="Both."
    )
    with pytest.raises(Conflict) as refused:
        page_wishes.ask(case_id=case.id, way_id=way.id, actor=people[0])
    assert refused.value.code == "page_late"


def test_the_database_keeps_one_wish_and_two_persons(people: list[Actor]) -> None:
    case = named(EMPTY)
    wish = wished(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        PageWish.objects.create(case=case, way=wish.way, asked_at=clock.now())
    row = {
        "wish": wish,
        "image_id": wish.id,
        "action": "lock",
        "ground": "no_basis",
        "decided_by": "S-1",
        "decided_at": clock.now(),
    }
    for wrong in (
        {"agreed_by": "S-1", "agreed_at": clock.now()},
        {"agreed_by": "S-2"},
        {"ground": ""},
        {"action": "leave"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            PageVerdict.objects.create(**{**row, **wrong})


# -- the decision ---------------------------------------------------------------------------------


def test_two_persons_decide_about_each_picture_on_a_ground_that_holds(
    people: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R19, Art. 17(1)(d): no ground of a person's own, never the opener, never one person."""
    based = Source.objects.create(
        name="Licensed", legal_basis="Art. 6(1)(f): weighed on 2025-01-02", created_at=clock.now()
    )
    shown = lab.picture(1, source=based)
    case = named(shown.page)
    wished(case)
    with pytest.raises(BadInput) as refused:
        proposed(case, people[0])
    assert refused.value.code == "ground_not_there"
    gallery.stop_collection(source=based, reason="order", actor=lab.OPERATOR)
    for wrong in (("erase", ""), ("leave", "stopped")):
        with pytest.raises(BadInput) as refused:
            proposed(case, people[0], *wrong)
        assert refused.value.code == "ground_missing"
    with pytest.raises(BadInput):
        proposed(case, people[0], "burn", "stopped")
    with pytest.raises(BadInput):
        proposed(case, people[0], "lock", "stopped", why=" ")
    with pytest.raises(NotAllowed):
        proposed(case, Actor("D-1", "dpo", "staff"))
    answer = proposed(case, people[0], "lock", "stopped")
    assert (answer.state, answer.kind) == (AnswerState.READY, AnswerKind.NAMED_PAGE)
    record = shown.records[0]
    record.refresh_from_db()
    assert record.state == Record.State.HELD, "one person changes nothing"
    with pytest.raises(NotAllowed, match="another person"):
        disclosure.approve_answer(answer_id=answer.id, actor=people[0])
    monkeypatch.setattr(named_page, "MOST_WITHOUT_SUPERVISOR", 0)
    with pytest.raises(NotAllowed, match="supervisor"):
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    disclosure.approve_answer(answer_id=answer.id, actor=people[2])
    record.refresh_from_db()
    assert record.state == Record.State.RESTRICTED
    verdict = PageVerdict.objects.get()
    assert (verdict.decided_by, verdict.agreed_by) == ("S-1", "V-1")
    decided = Event.objects.get(case_id=case.id, type="page.decided").data
    assert decided == {"pictures": 1, "left": 0, "locked": 1, "erased": 0}


def test_who_entered_the_request_takes_no_part(people: list[Actor]) -> None:
    case = named(EMPTY, actor=people[1], channel="post")
    wished(case)
    with pytest.raises(NotAllowed) as refused:
        proposed(case, people[1])
    assert refused.value.code == "opener_barred"
    answer = proposed(case, people[0])
    with pytest.raises(NotAllowed) as refused:
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    assert refused.value.code == "opener_barred"


def test_who_wrote_the_wish_down_takes_no_part(people: list[Actor]) -> None:
    """R19, R20: nobody decides about a wish only they say there was; three persons then."""
    case = named(EMPTY)
    page_wishes.ask(case_id=case.id, way_id=case.ways.get().id, actor=people[0])
    with pytest.raises(NotAllowed) as refused:
        proposed(case, people[0])
    assert refused.value.code == "opener_barred"
    assert not Answer.objects.exists()
    answer = proposed(case, people[1])
    with pytest.raises(NotAllowed) as refused:
        disclosure.approve_answer(answer_id=answer.id, actor=people[0])
    assert refused.value.code == "opener_barred"
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    disclosure.approve_answer(answer_id=answer.id, actor=people[2])
    case.refresh_from_db()
    assert case.status == Status.DECIDED


def test_what_changes_after_the_first_person_stops_the_second(people: list[Actor]) -> None:
    """A picture that came, the person's new words, a wish taken back: look once more."""
    shown = lab.picture(1)
    case = named(shown.page)
    wished(case)
    answer = proposed(case, people[0])
    lab.picture(2)
    from dsr_portal.gallery.models import Appearance

    Appearance.objects.exclude(image=shown.image).update(page_hash=hashes.of_address(shown.page))
    with pytest.raises(Conflict) as refused:
        disclosure.approve_answer(answer_id=answer.id, actor=people[1])
    assert refused.value.code == "page_changed"
    with pytest.raises(Conflict):
        named_page.propose(
            case_id=case.id,
            actor=people[0],
            verdicts={shown.image.id: ("erase", "no_basis")},
            why=WHY,
        )
    unidentified.discard(answer_id=answer.id, actor=people[1])
    again = proposed(case, people[0])
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="One more thing.")
    with pytest.raises(Conflict) as refused:
        disclosure.approve_answer(answer_id=again.id, actor=people[1])
    assert refused.value.code == "answered_meanwhile"


# -- what the person gets -------------------------------------------------------------------------


def test_the_letter_reads_the_same_whether_there_was_a_picture(people: list[Actor]) -> None:
    """R3, R6: nothing is told of what is held; reasons, how to go on, complaint and court are."""
    address = "https://pages1.example.org/people/somebody-1"
    texts = []
    for imported in (0, 1):
        shown = [lab.picture(number, faces=2) for number in range(1, imported + 1)]
        assert all(one.page == address for one in shown)
        case = named(address)
        text = letter_of(dealt_with(case, people)).rsplit("How to check this document", 1)[0]
        assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.NAMED_PAGE)
        assert PageVerdict.objects.filter(wish__case=case).count() == imported
        texts.append(" ".join(text.replace(case.reference, "REFERENCE").split()))
    assert texts[0] == texts[1]
    for words in (
        "What you named is dealt with.",
        "does not say whether we hold a picture from there",
        "your other wishes are not answered by it",
        "a new month begins",
        "complain to a data protection authority",
        "court",
    ):
        assert words in texts[0], words
    assert outcomes(Case.objects.all()) == [("One page dealt with, not identified", 2)]


@pytest.mark.parametrize("language", ["nl", "de"])
def test_the_letter_comes_in_the_language_of_the_person(people: list[Actor], language: str) -> None:
    answer = dealt_with(named(EMPTY, language=language), people)
    text = letter_of(answer)
    assert "What you named is dealt with" not in text
    words = {"nl": "is afgehandeld", "de": "ist erledigt"}[language]
    assert words in text


def test_what_is_erased_is_gone_and_nobody_outside_can_tell(people: list[Actor]) -> None:
    """R3, R6, E-04, E-12: after the letter, by our own decision; case and page stay as they are."""
    group, faceless = lab.picture(1, faces=2), lab.picture(2, faces=0)
    from dsr_portal.gallery.models import Appearance

    Appearance.objects.filter(image=faceless.image).update(page_hash=hashes.of_address(group.page))
    stranger = lab.picture(3)
    lab.seen_by(group.records[0])
    from dsr_portal.recognition import services as recognition

    recognition.seal_shards()
    needles = [*lab.plain_patterns(group)[:1], faceless.picture[200:240]]
    assert needles[0] in connector.current().picture(group.image.id)
    case, without = named(group.page), named(EMPTY, email="ada@example.org")
    dealt_with(case, people)
    dealt_with(without, people)
    assert {one.state for one in Record.objects.filter(image=group.image)} == {"RESTRICTED"}
    before = _outside(case)
    assert own_decisions.start_due() == 1
    lab.run_all()
    plan = own_plan(case.id)
    assert plan is not None
    assert (plan.state, plan.approver, plan.delivery_id) == (PlanState.DONE, people[1].id, None)
    assert plan.document_id is not None, "the certificate waits sealed (R2)"
    assert current_plan(case.id) is None
    assert {one.state for one in Record.objects.filter(image=group.image)} == {"ERASED"}
    for record in group.records:
        assert vault.unit_state(lab.unit_of(record)) == vault.UnitState.SHREDDED
    assert vault.unit_state(faceless.image.unit) == vault.UnitState.SHREDDED
    stranger.records[0].refresh_from_db()
    assert stranger.records[0].state == Record.State.HELD
    assert not lab.found_in_files(needles)
    assert blocked(page=group.page)
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    assert _outside(case) == before == _outside(without)
    assert own_decisions.start_due() == 0
    assert audit.verify().ok


def _outside(case: Case) -> Any:
    """Everything the page of the request is made of, but reference and moments."""
    view = public_status.public_view(case, today=clock.today())
    context = status_page._context(case)
    kept = (
        "unidentified",
        "page_dealt_with",
        "stoppable",
        "told",
        "may_delete",
        "may_lock",
        "photo_sent",
    )
    told_lines = [line.sentence for line in view.told]
    links = [one["words"] for one in context["links"]]
    return view.word, told_lines, links, [context[name] for name in kept]


def test_it_waits_while_the_person_came_back_and_a_later_answer_has_its_own_rules(
    people: list[Actor],
) -> None:
    """E-11: who shows who they are after all may want a copy; our own lock stays meanwhile."""
    shown = lab.picture(1)
    case = named(shown.page)
    dealt_with(case, people)
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="It is me, look.")
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.RECEIVED, "")
    assert own_decisions.start_due() == 0
    assert not Plan.objects.exists()
    record = shown.records[0]
    gallery.lift_restriction(
        record_ids=[record.id], case_id=case.id, actor=people[0], reason="case_over"
    )
    record.refresh_from_db()
    assert record.state == Record.State.RESTRICTED, "no case's end lifts what we may not use"
    other = support.opened(email="other@example.org")
    gallery.require_free(record_ids=[record.id], case_id=other.id)
    again = dealt_with(case, people, "leave", ground="")
    assert again.kind == AnswerKind.NAMED_PAGE
    assert own_decisions.start_due() == 1


def test_a_plan_in_its_hold_window_is_stopped_when_the_person_comes_back(
    people: list[Actor], settings: Any
) -> None:
    settings.DSR_HOLD_MINUTES = 60
    case = named(lab.picture(1).page)
    dealt_with(case, people)
    assert own_decisions.start_due() == 1
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="It is me, look.")
    plan = Plan.objects.get()
    Plan.objects.update(hold_until=clock.now() - timedelta(minutes=1))
    with audit.unit_of_work():
        erasure.lock_case_of(plan.id)
        plan = Plan.objects.select_for_update().get()
        erasure.hold_is_over(plan)
    assert plan.state == PlanState.STOPPED
    case.refresh_from_db()
    assert case.status == Status.RECEIVED


def test_another_request_that_holds_the_picture_comes_first(people: list[Actor]) -> None:
    """R1: a candidate of another case stays as it is until that one is decided."""
    shown = lab.picture(1)
    other = support.opened(email="other@example.org")
    gallery.hold(record_ids=[shown.records[0].id], case_id=other.id, actor=support.MACHINE)
    case = named(shown.page)
    dealt_with(case, people)
    assert own_decisions.start_due() == 0
    assert Plan.objects.get().state == PlanState.WAITING
    gallery.release_holds(case_id=other.id, actor=support.MACHINE)
    assert own_decisions.start_due() == 1
    case.refresh_from_db()
    assert case.status == Status.DELIVERED


@pytest.mark.parametrize("waits", ["for another case", "in its hold window"])
def test_a_decided_erasure_goes_on_when_its_case_is_purged_meanwhile(
    people: list[Actor], monkeypatch: pytest.MonkeyPatch, settings: Any, waits: str
) -> None:
    """R3, R6, Art. 17(1)(d): the case ends on its day like any other, the decision stands."""
    shown = lab.picture(1)
    record = shown.records[0]
    other = support.opened(email="other@example.org")
    case = named(shown.page)
    dealt_with(case, people)
    held = waits == "for another case"
    if held:
        gallery.hold(record_ids=[record.id], case_id=other.id, actor=support.MACHINE)
    else:
        settings.DSR_HOLD_MINUTES = 60
    assert own_decisions.start_due() == int(not held)
    real = clock.now
    for days in (31, 62):
        monkeypatch.setattr(clock, "now", lambda days=days: real() + timedelta(days=days))
        erasure.close_without_records()
        cases.close_due()
    case.refresh_from_db()
    assert case.status == Status.PURGED, "waiting keeps no case: that would tell there is something"
    if held:
        gallery.release_holds(case_id=other.id, actor=support.MACHINE)
        assert own_decisions.start_due() == 1
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=63))
    lab.run_all()
    record.refresh_from_db()
    plan = own_plan(case.id)
    assert plan is not None
    assert (plan.state, record.state) == (PlanState.DONE, Record.State.ERASED)
    assert vault.unit_state(lab.unit_of(record)) == vault.UnitState.SHREDDED
    case.refresh_from_db()
    assert case.status == Status.PURGED
    assert audit.verify().ok


# -- the trail and the report ---------------------------------------------------------------------


def test_the_audit_report_says_what_was_decided_and_asks_for_its_event(
    people: list[Actor],
) -> None:
    """L-07, L-25: counts without the address; a missing decision event is named."""
    shown = lab.picture(1)
    case = named(shown.page)
    dealt_with(case, people)
    report = build(case=case, authority_code="", requested_by="D-1", role="dpo")
    section = next(one for one in report.context["sections"] if one["id"] == "refusals")
    row = dict(section["rows"])["One page dealt with, not identified"]
    assert row.startswith("1 pictures there. Erase it")
    assert shown.page not in str(report.context)
    events = told(audit.export(case.id))
    proofs = {one.row: one for one in completeness(case, events)}
    assert not proofs["L-07"].missing
    gone = [one for one in events if one.type != "page.decided"]
    proofs = {one.row: one for one in completeness(case, gone)}
    assert ("page.decided", 0, 1) in proofs["L-07"].missing


# -- the pages ------------------------------------------------------------------------------------


def test_a_person_asks_for_one_page_on_the_page_of_their_request(site: Any) -> None:
    """R6: one thing, chosen among what was named or written now; said before what follows."""
    site("public")
    case = named(EMPTY)
    browser = Client()
    browser.post(
        reverse("public:status"),
        {"reference": case.reference, "code": cases.receipt_code(case)},
    )
    assert "Have one page dealt with" in browser.get(reverse("public:case")).content.decode()
    path = reverse("public:one_page")
    first = browser.get(path).content.decode()
    for words in (EMPTY, "Another page", "You don't have to show who you are"):
        assert words in first, words
    assert browser.post(path, {"page": ""}).status_code == 422
    assert browser.post(path, {"which": "other", "page": "no address"}).status_code == 422
    two = {"which": "other", "page": "https://a.example/1\nhttps://a.example/2"}
    assert browser.post(path, two).status_code == 422
    answer = browser.post(path, {"which": "other", "page": "https://b.example/mine"})
    assert answer.status_code == 302
    wish = PageWish.objects.get()
    assert wish.way.keyed_hash == hashes.of_address("https://b.example/mine")
    shown = browser.get(path).content.decode()
    assert "https://b.example/mine" in shown
    assert browser.post(path, {"do": "back"}).status_code == 302
    wish.refresh_from_db()
    assert wish.ended_how == "taken_back"
    assert "We look at one page" not in browser.get(reverse("public:case")).content.decode()


def test_officers_decide_on_a_page_that_shows_no_picture(site: Any, people: list[Actor]) -> None:
    site("desk")
    shown = lab.picture(1)
    case = named(shown.page)
    path = reverse("desk:one_page", kwargs={"reference": case.reference})
    case_page = reverse("desk:case", kwargs={"reference": case.reference})
    first, second = (sign_in(Client(), _staff_of(one)) for one in people[:2])
    assert "They want one page dealt with only" in first.get(case_page).content.decode()
    way = case.ways.get()
    writer = sign_in(Client(), _staff_of(people[2]))
    assert writer.post(path, {"which": str(way.id)}).status_code == 302
    barred = writer.get(path).content.decode()
    assert "You wrote this down, so another person decides." in barred
    assert "Decide and make the letter" not in barred
    step = first.get(case_page).content.decode()
    assert "Deal with the page they named" in step
    looked = first.get(path).content.decode()
    for words in ("Test crawl", "none documented", "1 face code", "1 picture there"):
        assert words in looked, words
    assert "<img" not in looked
    assert first.post(path, {"why": WHY}).status_code == 422
    given = {
        f"action_{shown.image.id}": PageAction.LOCK,
        f"ground_{shown.image.id}": PageGround.NO_BASIS,
        "why": WHY,
    }
    assert first.post(path, given).status_code == 302
    jobs.run_due(queues=["probe"])
    barred = writer.get(case_page).content.decode()
    assert "Another person: you wrote it" in barred
    assert "Agree and send the letter" not in barred
    reading = second.get(case_page).content.decode()
    for words in ("Read what is decided about one page", "Lock it", WHY):
        assert words in reading, words
    assert "Agree and send the letter" in reading
    approve = reverse("desk:answer", kwargs={"reference": case.reference})
    assert second.post(approve).status_code == 302
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DECIDED, Outcome.NAMED_PAGE)


def _staff_of(person: Actor) -> Any:
    from dsr_portal.accounts.models import Staff

    return Staff.objects.get(staff_no=person.id)


def test_a_wish_to_lock_as_evidence_keeps_an_own_erasure_off(people: list[Actor]) -> None:
    """Art. 18(1)(c): the person wanted it kept, whoever they are; it stays locked."""
    from dsr_portal.cases import evidence_locks

    case = named(lab.picture(1).page, rights=[RightCode.ERASURE])
    evidence_locks.ask(case_id=case.id, years=1, actor=Actor.person(case.id))
    dealt_with(case, people)
    assert own_decisions.start_due() == 0
    assert not Plan.objects.exists()


# -- using it again -------------------------------------------------------------------------------


@pytest.fixture
def locked(people: list[Actor]) -> tuple[Record, Source, PageVerdict]:
    """A picture that is locked because its source had no documented basis."""
    shown = lab.picture(1)
    dealt_with(named(shown.page), people, "lock")
    return shown.records[0], shown.image.source, PageVerdict.objects.get()


def with_a_basis(source: Source) -> None:
    Source.objects.filter(id=source.id).update(legal_basis="Art. 6(1)(f): weighed on 2026-01-02")


def test_a_picture_locked_of_our_own_accord_is_used_again_by_two_persons(
    people: list[Actor], locked: tuple[Record, Source, PageVerdict]
) -> None:
    """R6, R19: only once the ground is gone, with a reason, and nothing of it leaves (R3)."""
    record, source, verdict = locked
    case = verdict.wish.case
    sent = Effect.objects.count()
    ask = {"verdict_id": verdict.id, "reason": "The licence is there."}
    with pytest.raises(Conflict) as refused:
        own_locks.propose(**ask, actor=people[0])
    assert refused.value.code == "ground_holds"
    with_a_basis(source)
    with pytest.raises(BadInput):
        own_locks.propose(verdict_id=verdict.id, reason=" ", actor=people[0])
    made = own_locks.propose(**ask, actor=people[0])
    with pytest.raises(Conflict, match="waits for another"):
        own_locks.propose(**ask, actor=people[1])
    with pytest.raises(NotAllowed, match="another person"):
        own_locks.agree(unlock_id=made.id, actor=people[0])
    with pytest.raises(IntegrityError), transaction.atomic():
        PageUnlock.objects.update(agreed=True, decided_by="S-1", decided_at=clock.now())
    record.refresh_from_db()
    assert record.state == Record.State.RESTRICTED, "one person changes nothing"
    own_locks.agree(unlock_id=made.id, actor=people[1])
    record.refresh_from_db()
    assert record.state == Record.State.HELD
    assert own_locks.standing(_staff_of(people[0])) == []
    types = set(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert {"page.unlock_proposed", "page.unlocked", "record.restriction_lifted"} <= types
    assert Effect.objects.count() == sent
    with pytest.raises(Conflict):
        own_locks.agree(unlock_id=made.id, actor=people[2])


def test_it_stays_locked_where_turned_down_or_where_another_request_needs_it(
    people: list[Actor], locked: tuple[Record, Source, PageVerdict]
) -> None:
    record, source, verdict = locked
    with_a_basis(source)
    ask = {"verdict_id": verdict.id, "reason": "The licence is there."}
    first = own_locks.propose(**ask, actor=people[0])
    own_locks.turn_down(unlock_id=first.id, actor=people[1])
    second = own_locks.propose(**ask, actor=people[0])
    other = support.opened(email="ilse@example.org")
    gallery.restrict(record_ids=[record.id], case_id=other.id, actor=people[0], reason="review")
    own_locks.agree(unlock_id=second.id, actor=people[1])
    record.refresh_from_db()
    assert record.state == Record.State.RESTRICTED


def test_a_ground_that_comes_back_while_it_is_agreed_to_keeps_it_locked(
    people: list[Actor], locked: tuple[Record, Source, PageVerdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again once the case is locked; and who wrote the wish down settles nothing."""
    record, source, verdict = locked
    with_a_basis(source)
    made = own_locks.propose(verdict_id=verdict.id, reason="The licence is there.", actor=people[0])
    PageWish.objects.filter(id=verdict.wish_id).update(asked_by=people[2].id)
    with pytest.raises(NotAllowed, match="You wrote this down"):
        own_locks.turn_down(unlock_id=made.id, actor=people[2])
    look = own_locks._require_ground_over

    def lost_since(one: PageVerdict) -> None:
        look(one)
        Source.objects.filter(id=source.id).update(legal_basis=source.legal_basis)

    monkeypatch.setattr(own_locks, "_require_ground_over", lost_since)
    with pytest.raises(Conflict, match="just now"):
        own_locks.agree(unlock_id=made.id, actor=people[1])
    record.refresh_from_db()
    assert record.state == Record.State.RESTRICTED


def test_the_page_says_when_something_else_keeps_the_picture_locked(
    site: Any, people: list[Actor], locked: tuple[Record, Source, PageVerdict]
) -> None:
    site("desk")
    record, source, verdict = locked
    with_a_basis(source)
    made = own_locks.propose(verdict_id=verdict.id, reason="The licence is there.", actor=people[0])
    other = support.opened(email="ilse@example.org")
    gallery.restrict(record_ids=[record.id], case_id=other.id, actor=people[0], reason="review")
    browser = sign_in(Client(), _staff_of(people[1]))
    decide = reverse("desk:decide_unlock", kwargs={"unlock_id": made.id})
    said = browser.post(decide, {"do": "agree"}, follow=True).content.decode()
    assert "something else keeps it so" in said
    assert "It is used and searched again" not in said


def test_the_page_of_own_locks_proposes_and_decides(
    site: Any, people: list[Actor], locked: tuple[Record, Source, PageVerdict]
) -> None:
    site("desk")
    _record, source, verdict = locked
    first, second = (sign_in(Client(), _staff_of(one)) for one in people[:2])
    listed = reverse("desk:own_locks")
    assert "still so" in first.get(listed).content.decode()
    with_a_basis(source)
    ask = reverse("desk:propose_unlock", kwargs={"verdict_id": verdict.id})
    assert first.post(ask, {"reason": ""}).status_code == 422
    assert first.post(ask, {"reason": "Licensed <b>."}).status_code == 302
    shown = second.get(listed).content.decode()
    assert "Licensed &lt;b&gt;." in shown
    assert "<img" not in shown
    row = PageUnlock.objects.get()
    decide = reverse("desk:decide_unlock", kwargs={"unlock_id": row.id})
    assert second.post(decide, {"do": "agree"}).status_code == 302
    assert "No picture is locked so." in first.get(listed).content.decode()

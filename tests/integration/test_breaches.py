"""Breaches: "this is not me", 72 hours in hours, notices, letters, the register (O-07)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.cases import lateness, recusals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Delivery, DeliveryState, LetterState
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import Breach, BreachDecision
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from tests.support import answers
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
FACTS = {
    "nature": "An answer showed pictures of another person.",
    "effects": "Somebody saw where this person was.",
    "measures": "The link is closed. The match is looked at again.",
}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


@pytest.fixture
def friday(monkeypatch: pytest.MonkeyPatch) -> Travel:
    return Travel(monkeypatch, "2026-09-11")


@pytest.fixture
def chief() -> Actor:
    return actor(staff("V-2001", Role.SUPERVISOR))


@pytest.fixture
def director() -> Actor:
    return actor(staff("L-9001", Role.DIRECTOR))


def work() -> None:
    for _round in range(5):
        if not jobs.run_due(queues=["light"]):
            return


def opened(by: Actor, **more: Any) -> Breach:
    return breaches.open_breach(
        kind="disclosed", aware_at=more.pop("aware_at", clock.now()), actor=by, **more
    )


def described(breach: Breach, by: Actor, **more: Any) -> Breach:
    return breaches.describe(
        breach_id=breach.id, actor=by, **{**FACTS, "people": 1, "records": 7, **more}
    )


# -- "this is not me" ---------------------------------------------------------------------------


def answer_page(case: Case) -> tuple[Client, str]:
    """The person's browser on the opened answer."""
    made = support.delivered(case)
    browser, token = Client(), cases.link_token(made)
    address = reverse("public:answer", kwargs={"token": token})
    page = browser.post(address, {"code": cases.receipt_code(case)}, follow=True)
    assert "Your answer" in page.content.decode()
    return browser, token


def test_wrong_person_closes_the_link_at_once_and_opens_a_breach(friday: Travel, site: Any) -> None:
    """O-07: asked once more; then no page, part or new link opens, and the clock runs."""
    site("public")
    staff("V-2001", Role.SUPERVISOR)
    case = support.opened()
    browser, token = answer_page(case)
    address = reverse("public:not_me", kwargs={"token": token})
    shown = browser.get(reverse("public:answer", kwargs={"token": token})).content.decode()
    assert address in shown
    assert "Yes, close the links" in browser.get(address).content.decode()
    assert not Breach.objects.exists()
    told = browser.post(address).content.decode()
    assert "The link is closed." in told
    assert "Person V-2001 will write to you by 14 September 2026, 17:00." in told
    breach = Breach.objects.get()
    assert (breach.case, breach.opened_by) == (case, "")
    assert breaches.due_at(breach) - breach.aware_at == timedelta(hours=72)
    answer, part = (
        reverse("public:answer", kwargs={"token": token}),
        reverse("public:answer_part", kwargs={"token": token, "ordinal": 1}),
    )
    closed = browser.get(answer)
    assert closed.status_code == 404
    assert "another person" in closed.content.decode()
    assert browser.post(answer, {"code": cases.receipt_code(case)}).status_code == 404
    assert browser.get(part, follow=True).status_code == 404
    with pytest.raises(Conflict, match="nothing_released"):
        cases.renew_deliveries(case=case, actor=support.person(case))
    types = set(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert {"delivery.suspended", "breach.opened", "case.flagged"} <= types
    mail = jobs.preview(Effect.objects.get(kind=breaches.OPENED))
    assert "2026-09-14 at 10:00" in mail.text
    assert case.reference not in mail.text + mail.subject


def test_a_link_or_code_alone_reports_nothing(friday: Travel, site: Any) -> None:
    """Who has not opened the answer closes no link: a scanner or stranger stops nobody (X-06)."""
    site("public")
    case = support.opened()
    made = support.delivered(case)
    address = reverse("public:not_me", kwargs={"token": cases.link_token(made)})
    assert Client().get(address).status_code == 302
    assert Client().post(address).status_code == 302
    assert not Breach.objects.exists()
    with pytest.raises(NotAllowed, match="not_yours"):
        breaches.report_wrong_person(case_id=case.id, actor=support.OFFICER)
    made.refresh_from_db()
    assert made.state == DeliveryState.RELEASED


def test_an_erasure_that_waits_is_stopped_with_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """O-07, R1: what is not theirs must not go; by itself no erasure starts any more."""
    answers.without_detector(monkeypatch)
    record = answers.a_face(seed=1)
    case = answers.released(answers.answered(answers.found(record)))
    person = Actor.person(case.id)
    erasure.start_erasure(case_id=case.id, actor=person)
    assert Plan.objects.get().state == PlanState.HOLD
    breaches.report_wrong_person(case_id=case.id, actor=person)
    assert Plan.objects.get().state == PlanState.STOPPED
    again = breaches.report_wrong_person(case_id=case.id, actor=person)
    assert Breach.objects.get() == again


def test_two_persons_find_that_nothing_was_wrong_and_the_link_opens_again(
    friday: Travel, chief: Actor, director: Actor
) -> None:
    """R19: one person alone opens no link that a person called wrong."""
    case = support.opened()
    support.delivered(case)
    breach = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    row = breaches.propose_spare(
        breach_id=breach.id, what="no_breach", reason="It is them, older.", actor=chief
    )
    with pytest.raises(NotAllowed, match="second_person"):
        breaches.agree_spare(decision_id=row.id, actor=chief)
    assert Delivery.objects.get().state == DeliveryState.SUSPENDED
    with pytest.raises(IntegrityError), transaction.atomic():
        BreachDecision.objects.update(agreed_by=row.proposed_by, agreed_at=clock.now())
    breaches.agree_spare(decision_id=row.id, actor=director)
    assert Delivery.objects.get().state == DeliveryState.RELEASED
    with pytest.raises(Conflict, match="breach_open"):
        breaches.close(breach_id=breach.id, actor=chief)
    described(breach, chief)
    breaches.close(breach_id=breach.id, actor=chief)
    assert [one.id for one in breaches.register(staff("V-2002", Role.SUPERVISOR))] == [breach.id]


def test_links_open_again_by_their_own_breach_only_and_a_new_report_is_a_new_one(
    friday: Travel, chief: Actor, director: Actor
) -> None:
    """O-07, R19: settling another breach of the case opens no stranger's pictures; told again
    after it was settled, it counts its own hours."""
    case = support.opened()
    support.delivered(case)
    first = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    other = opened(chief, reference=case.reference)

    def settle(breach: Breach) -> None:
        row = breaches.propose_spare(
            breach_id=breach.id, what="no_breach", reason="Looked at again.", actor=chief
        )
        breaches.agree_spare(decision_id=row.id, actor=director)

    settle(other)
    assert Delivery.objects.get().state == DeliveryState.SUSPENDED
    settle(first)
    assert Delivery.objects.get().state == DeliveryState.RELEASED
    again = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    assert again.id != first.id
    assert Delivery.objects.get().state == DeliveryState.SUSPENDED
    settle(again)
    assert Delivery.objects.get().state == DeliveryState.RELEASED


def test_who_got_somebody_elses_answer_and_no_other_is_late(
    friday: Travel, chief: Actor, director: Actor
) -> None:
    """O-07, R25: a closed answer is none; nobody is offered another where nothing was wrong."""
    case, other = support.opened(), support.opened(email="ada@example.org")
    reports = []
    for one in (case, other):
        support.delivered(one)
        reports.append(breaches.report_wrong_person(case_id=one.id, actor=support.person(one)))
    wrong, right = reports
    with pytest.raises(NotAllowed):
        breaches.answer_again(breach_id=wrong.id, actor=support.OFFICER)
    breaches.answer_again(breach_id=wrong.id, actor=chief)
    with pytest.raises(Conflict, match="not_closed_answer"):
        breaches.answer_again(breach_id=wrong.id, actor=chief)
    row = breaches.propose_spare(
        breach_id=right.id, what="no_breach", reason="It is them.", actor=chief
    )
    breaches.agree_spare(decision_id=row.id, actor=director)
    with pytest.raises(Conflict, match="not_closed_answer"):
        breaches.answer_again(breach_id=right.id, actor=chief)
    friday.to("2026-10-13")
    assert lateness.notice_late() == 1
    assert case.lateness.get().missed_on.isoformat() == "2026-10-12"


def test_two_who_open_it_again_at_once_open_it_once(
    friday: Travel, chief: Actor, director: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O-07, L-17: whoever comes second finds it open and writes nothing into the trail."""
    case = support.opened()
    support.delivered(case)
    breach = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    locking = breaches.lock

    def second_comes_first(case_id: Any) -> Any:
        monkeypatch.setattr(breaches, "lock", locking)
        breaches.answer_again(breach_id=breach.id, actor=director)
        return locking(case_id)

    monkeypatch.setattr(breaches, "lock", second_comes_first)
    # Both in one unit of work: what the first one wrote is undone with the second.
    with pytest.raises(Conflict, match="not_closed_answer"):
        breaches.answer_again(breach_id=breach.id, actor=chief)


# -- the authority ------------------------------------------------------------------------------


def test_the_clock_counts_hours_over_a_weekend(friday: Travel, chief: Actor) -> None:
    """O-07, Art. 33(1): from Friday ten o'clock to Monday ten o'clock; never a working day more."""
    breach = opened(chief)
    assert breaches.clock_words(breach)[0] == "71 hours left"
    friday.to("2026-09-13")
    assert breaches.clock_words(breach) == ("23 hours left", "warn")
    friday.to("2026-09-15")
    assert breaches.clock_words(breach) == ("24 hours over", "bad")
    with pytest.raises(BadInput, match="breach_aware"):
        opened(chief, aware_at=clock.now() + timedelta(hours=1))


def test_a_notice_has_every_part_of_the_article_or_is_refused(friday: Travel, chief: Actor) -> None:
    """O-07, Art. 33(3): nature, numbers, contact, consequences, measures; told when handed over."""
    breach = opened(chief)
    ask = {"breach_id": breach.id, "authority_code": "NL", "actor": chief}
    with pytest.raises(BadInput, match="notice_incomplete"):
        breaches.make_notice(late="", **ask)
    described(breach, chief, people=None)
    with pytest.raises(BadInput, match="notice_incomplete"):
        breaches.make_notice(late="", **ask)
    with pytest.raises(Conflict, match="no_notice"):
        breaches.record_notified(breach_id=breach.id, at=clock.now(), actor=chief)
    described(breach, chief)
    breach = breaches.make_notice(late="", **ask)
    text = text_of(documents.open_document(breach.document_id))
    for said in (*FACTS.values(), "Persons, about", "7", "Data protection officer"):
        assert said in text
    assert "Why after more than 72 hours" not in text
    breach = breaches.record_notified(breach_id=breach.id, at=clock.now(), actor=chief)
    assert breaches.clock_words(breach) == ("notified in time", "ok")
    event = Event.objects.get(type="breach.notified")
    assert event.subject_id == breach.id


def test_after_72_hours_the_notice_says_why(friday: Travel, chief: Actor) -> None:
    """O-07, Art. 33(1)."""
    breach = described(opened(chief), chief)
    friday.to("2026-09-15")
    ask = {"breach_id": breach.id, "authority_code": "NL", "actor": chief}
    with pytest.raises(BadInput, match="notice_late"):
        breaches.make_notice(late=" ", **ask)
    breach = breaches.make_notice(late="Nobody read the message on Saturday.", **ask)
    text = text_of(documents.open_document(breach.document_id))
    assert "Nobody read the message on Saturday." in text
    breach = breaches.record_notified(breach_id=breach.id, at=clock.now(), actor=chief)
    assert breaches.clock_words(breach) == ("notified late", "bad")


def test_not_notifying_takes_a_reason_and_two_persons_and_stays_in_the_register(
    friday: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """O-07, Art. 33(5), G-02: also what was not notified is kept; the DPO decides none of it."""
    breach = described(opened(chief), chief)
    with pytest.raises(NotAllowed, match="breach_role"):
        breaches.propose_spare(
            breach_id=breach.id,
            what="authority",
            reason="x",
            actor=actor(staff("D-3001", Role.DPO)),
        )
    with pytest.raises(BadInput, match="spare_reason"):
        breaches.propose_spare(breach_id=breach.id, what="authority", reason=" ", actor=chief)
    for what in ("authority", "persons"):
        assert breaches.left_to_do(breach)
        row = breaches.propose_spare(
            breach_id=breach.id, what=what, reason="Encrypted, key unhurt.", actor=chief
        )
        assert breaches.left_to_do(breach)
        breaches.agree_spare(decision_id=row.id, actor=director)
    assert breaches.left_to_do(breach) == []
    breaches.close(breach_id=breach.id, actor=director)
    site("desk")
    browser = sign_in(Client(), staff("A-1001"))
    assert "not notified, with a reason" in browser.get(reverse("desk:breaches")).content.decode()
    page = browser.get(reverse("desk:breach", kwargs={"breach_id": breach.id})).content.decode()
    assert "Encrypted, key unhurt." in page
    assert "V-2001" in page
    assert "L-9001" in page


def test_a_proposal_is_turned_down_with_a_reason_and_made_again_in_other_words(
    friday: Travel, chief: Actor, director: Actor, site: Any
) -> None:
    """O-07, R19: another person says no and why; nothing is in force, and both reasons stay."""
    breach = described(opened(chief), chief)
    ask = {"breach_id": breach.id, "what": "authority", "actor": chief}
    first = breaches.propose_spare(reason="It is too much work.", **ask)
    with pytest.raises(NotAllowed, match="second_person"):
        breaches.turn_down_spare(decision_id=first.id, reason="No.", actor=chief)
    with pytest.raises(NotAllowed, match="breach_role"):
        breaches.turn_down_spare(
            decision_id=first.id, reason="No.", actor=actor(staff("D-3001", Role.DPO))
        )
    with pytest.raises(BadInput, match="spare_reason"):
        breaches.turn_down_spare(decision_id=first.id, reason=" ", actor=director)
    with pytest.raises(IntegrityError), transaction.atomic():
        BreachDecision.objects.update(
            refused_by="S-2001", refused_at=clock.now(), refusal_field="x", proposed_by="S-2001"
        )
    site("desk")
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    page = reverse("desk:breach", kwargs={"breach_id": breach.id})
    no = reverse("desk:breach_turn_down", kwargs={"decision_id": first.id})
    assert no in browser.get(page).content.decode()
    empty = browser.post(no, {"reason": ""})
    assert empty.status_code == 422
    assert f"id_{first.id}_reason" in empty.content.decode()
    browser.post(no, {"reason": "Work is no <ground>."})
    shown = browser.get(page).content.decode()
    for said in ("It is too much work.", "Work is no &lt;ground&gt;.", "turned down"):
        assert said in shown
    assert no not in shown
    with pytest.raises(Conflict, match="proposal_over"):
        breaches.agree_spare(decision_id=first.id, actor=director)
    assert breaches.clock_words(breach)[0] == "71 hours left"
    again = breaches.propose_spare(reason="Encrypted, key unhurt.", **ask)
    with pytest.raises(Conflict, match="proposed_already"):
        breaches.propose_spare(reason="Once more.", **ask)
    breaches.agree_spare(decision_id=again.id, actor=director)
    assert breaches.clock_words(breach)[0] == "not notified, with a reason"
    with pytest.raises(Conflict, match="proposal_over"):
        breaches.turn_down_spare(decision_id=again.id, reason="Late.", actor=director)
    types = Event.objects.filter(subject_id=breach.id).values_list("type", flat=True)
    assert list(types).count("breach.spare_turned_down") == 1


def test_nobody_spares_a_breach_of_their_own_request(
    friday: Travel, chief: Actor, director: Actor
) -> None:
    """X-09, R19: whoever took themselves off a request neither proposes nor settles, and each
    step stands in the trail of the request."""
    case = support.opened()
    breach = opened(chief, reference=case.reference)
    asked = breaches.propose_spare(
        breach_id=breach.id, what="no_breach", reason="It was their own.", actor=chief
    )
    recusals.recuse(case_id=case.id, actor=director)
    for step in (
        lambda: breaches.propose_spare(
            breach_id=breach.id, what="persons", reason="They know.", actor=director
        ),
        lambda: breaches.agree_spare(decision_id=asked.id, actor=director),
        lambda: breaches.turn_down_spare(decision_id=asked.id, reason="No.", actor=director),
    ):
        with pytest.raises(NotAllowed) as refused:
            step()
        assert refused.value.code == "recused"
    assert breaches.left_to_do(breach)
    other = actor(staff("V-2002", Role.SUPERVISOR))
    breaches.agree_spare(decision_id=asked.id, actor=other)
    trail = Event.objects.filter(case_id=case.id, subject_id=breach.id)
    said = [kind for kind in trail.values_list("type", flat=True) if "spare" in kind]
    assert sorted(said) == ["breach.spare_agreed", "breach.spare_proposed"]


# -- the persons --------------------------------------------------------------------------------


def test_a_person_is_written_to_with_every_part_in_plain_words(
    friday: Travel, chief: Actor
) -> None:
    """O-07, Art. 34(2): nature, contact, effects, measures; complaint; once for each person."""
    case = support.opened()
    breach = opened(chief)
    words = {
        "nature": "Somebody else saw a picture of you.",
        "effects": "They may know the page it came from.",
        "measures": "We closed the link. Ask us to delete the picture.",
    }
    ask = {"breach_id": breach.id, "reference": case.reference, "actor": chief}
    with pytest.raises(BadInput, match="words_missing"):
        breaches.tell_person(**ask, **{**words, "effects": " "})
    told = breaches.tell_person(**ask, **words)
    work()
    told.letter.refresh_from_db()
    assert told.letter.state == LetterState.SENT
    text = text_of(documents.open_document(told.letter.document_id))
    for said in (*words.values(), "Data protection officer", "You can complain"):
        assert said in text
    with pytest.raises(Conflict, match="told_already"):
        breaches.tell_person(**ask, **words)


def test_from_the_desk_to_the_notice(friday: Travel, site: Any) -> None:
    """O-07: opened, described and notified on the pages; what was typed stays beside an error."""
    site("desk")
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    new = reverse("desk:open_breach")
    wrong = browser.post(new, {"kind": "lost", "aware_at": "yesterday", "reference": "K7M-2QX4"})
    assert wrong.status_code == 422
    assert 'value="K7M-2QX4"' in wrong.content.decode()
    browser.post(new, {"kind": "lost", "aware_at": "2026-09-11 09:00"})
    breach = Breach.objects.get()
    at = {"breach_id": breach.id}
    page = browser.get(reverse("desk:breach", kwargs=at)).content.decode()
    assert "70 hours left" in page
    assert "The notice still misses" in page
    facts = {**FACTS, "people": "1", "records": "7", "nature": "<b>An answer</b>"}
    browser.post(reverse("desk:breach_facts", kwargs=at), facts)
    assert "&lt;b&gt;An answer" in browser.get(reverse("desk:breach", kwargs=at)).content.decode()
    browser.post(reverse("desk:breach_notice", kwargs=at), {"authority_code": "NL"})
    pdf = browser.get(reverse("desk:breach_pdf", kwargs=at))
    assert pdf.content.startswith(b"%PDF")
    early = browser.post(reverse("desk:breach_notified", kwargs=at), {"at": "2026-09-01 10:00"})
    assert early.status_code == 422
    browser.post(reverse("desk:breach_notified", kwargs=at), {"at": "2026-09-11 09:30"})
    breach.refresh_from_db()
    assert breach.notified_by == "S-2002"

"""Locked as evidence instead of erased, and the letter before it ends (Art. 18; law E-08)."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit import services as audit
from dsr_portal.cases import (
    alarms,
    evidence_locks,
    letters,
    objections,
    question_returns,
    services,
)
from dsr_portal.cases.correction_models import Correction, Wrong
from dsr_portal.cases.models import (
    Alarm,
    Case,
    CaseRight,
    Escalation,
    EvidenceLock,
    Letter,
    LetterState,
    LockOver,
    RightCode,
    Status,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.documents import services as documents
from dsr_portal.erasure import keeping
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, Restriction
from dsr_portal.law import deadlines
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)
OFFICER = support.OFFICER


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    lab.own_places(settings, tmp_path)
    lab.hold_over(settings)
    holders.holder().drop()
    yield
    holders.holder().drop()


def later(monkeypatch: pytest.MonkeyPatch, **how: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**how))


def page_of(case: Case) -> Client:
    browser = Client()
    code = services.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    return browser


def locked(case: Case, *, years: int = 1) -> EvidenceLock:
    return keeping.keep_as_evidence(case_id=case.id, years=years, actor=support.person(case))


def told(case: Case) -> Letter:
    """The letter of the lock's end, made and sent."""
    lab.run_all()
    letter = Letter.objects.get(case=case, kind="lock_ends")
    assert letter.state == LetterState.SENT, letter.error_code
    return letter


def state_of(record: Record) -> str:
    return Record.objects.values_list("state", flat=True).get(id=record.id)


# -- asked --------------------------------------------------------------------------------------


def test_asked_on_the_page_it_is_held_out_of_every_erasure(site, monkeypatch):
    """E-08, Art. 18(1)(c): by date, by an officer, and after the case has closed. The canary:
    without the lock the same case is planned."""
    site("public")
    mine, canary = lab.picture(11), lab.picture(12)
    case, other = lab.ready_case([mine.records[0]]), lab.ready_case([canary.records[0]])
    browser = page_of(case)
    assert reverse("public:evidence_lock") in browser.get(reverse("public:case")).content.decode()
    page = reverse("public:evidence_lock")
    assert "You don't have to say why." in browser.get(page).content.decode()
    assert browser.post(page, {"years": ""}).status_code == 422
    assert browser.post(page, {"years": "1"}).status_code == 302
    until = deadlines.add_months(clock.today(), 12)
    shown = browser.get(reverse("public:case")).content.decode()
    assert f"stays locked until {until.day} {until:%B %Y}" in shown
    assert "We delete on" not in shown
    with pytest.raises(Conflict, match="kept_as_evidence"):
        erasure.start_erasure(case_id=case.id, actor=OFFICER)
    later(monkeypatch, days=20)
    erasure.start_due()
    assert set(Plan.objects.values_list("case_id", flat=True)) == {other.id}
    later(monkeypatch, days=40)
    services.close_due()
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert state_of(mine.records[0]) == Record.State.RESTRICTED
    later(monkeypatch, days=60)
    services.close_due()
    case.refresh_from_db()
    assert case.status == Status.CLOSED, "contact and file stay, to tell the person before it ends"
    assert "stays locked until" in page_of(case).get(reverse("public:case")).content.decode()
    with pytest.raises(Conflict, match="kept_as_evidence"):
        services.purge(case_id=case.id, actor=support.MACHINE)
    assert audit.verify().ok


def test_a_plan_that_waits_out_its_hold_window_gives_way_to_the_lock(settings):
    """Art. 18(1)(c), R4: in the hold window the person may still choose the lock."""
    settings.DSR_HOLD_MINUTES = 60
    mine = lab.picture(13)
    case = lab.ready_case([mine.records[0]])
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    case.refresh_from_db()
    assert case.status == Status.ERASING
    locked(case)
    plan.refresh_from_db()
    case.refresh_from_db()
    assert (plan.state, case.status) == (PlanState.STOPPED, Status.DELIVERED)
    assert state_of(mine.records[0]) == Record.State.RESTRICTED


def test_what_has_begun_cannot_be_locked(settings):
    """Art. 18(1)(c): the person is told; a lock over nothing would promise too much."""
    mine = lab.picture(14)
    case = lab.ready_case([mine.records[0]])
    erasure.start_erasure(case_id=case.id, actor=OFFICER)
    Plan.objects.filter(case=case).update(state=PlanState.RUNNING)
    with pytest.raises(Conflict, match="erasure_runs"):
        locked(case)
    assert not EvidenceLock.objects.exists()


def test_a_wish_to_lock_added_later_is_a_lock_with_an_end(monkeypatch):
    """T-11, Art. 18(3): asked in the list of rights it is the same lock, for three years."""
    case = lab.ready_case([lab.picture(15).records[0]])
    services.add_right(case_id=case.id, right="restriction", actor=support.person(case))
    row = EvidenceLock.objects.get(case=case)
    assert row.until == deadlines.add_months(clock.today(), 36)
    assert services.locked_instead(case)
    assert Case.objects.get(id=case.id).due_on == case.due_on


def test_who_may_write_it_down_and_for_how_long():
    """Art. 18, R20: the person and reviewers, for one of the offered terms, once."""
    case = lab.ready_case([lab.picture(16).records[0]])
    for nobody in (Actor.system("x"), Actor("D-1", "dpo", "staff"), Actor.person("other")):
        with pytest.raises(NotAllowed, match="lock_role"):
            keeping.keep_as_evidence(case_id=case.id, years=1, actor=nobody)
    with pytest.raises(BadInput, match="lock_years"):
        locked(case, years=7)
    locked(case)
    with pytest.raises(Conflict, match="lock_stands"):
        locked(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        EvidenceLock.objects.create(case=case, asked_at=clock.now(), until=clock.today())


def test_a_letter_that_asks_for_it_is_entered_with_it():
    """T-08, Art. 18(1)(c): at intake; the right of restriction comes with it."""
    from dsr_portal.matching.services import Entered, enter_request

    staff("S-1001")
    entered = Entered(
        channel="post", rights=["erasure"], words="Delete all, but I need it in court.",
        narrower="They say themselves what they want.", lock_years=2,
    )  # fmt: skip
    case = enter_request(entered=entered, actor=OFFICER).case
    row = EvidenceLock.objects.get(case=case)
    assert (row.asked_by, row.until) == (OFFICER.id, deadlines.add_months(clock.today(), 24))
    asked = CaseRight.objects.filter(case=case).values_list("right", flat=True)
    assert set(asked) == {RightCode.ERASURE, RightCode.RESTRICTION}


# -- its end ------------------------------------------------------------------------------------


def test_the_person_ends_it_and_hears_the_day_before_anything_is_lifted(site, monkeypatch):
    """E-08, Art. 18(3): letter, day, officer; then what was asked beside it is done."""
    site("public")
    mine = lab.picture(21)
    case = lab.ready_case([mine.records[0]])
    locked(case)
    later(monkeypatch, days=31)
    services.close_due()
    browser = page_of(case)
    answer = browser.post(reverse("public:evidence_lock"), {"do": "end"}, follow=True)
    day = clock.today() + timedelta(days=evidence_locks.NOTICE_DAYS)
    words = f"{day.day} {day:%B %Y}"
    assert f"The lock ends on {words}." in answer.content.decode()
    with pytest.raises(Conflict, match="lock_not_told"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    text = text_of(documents.open_document(told(case).document_id))
    for sentence in (
        f"The lock you asked for ends on {words}. You can keep it.",
        "You told us that you don't need it any more.",
        "stays locked until we delete it",
        "choose how long you need it",
        "complain to a data protection authority",
        "go to court",
    ):
        assert sentence in text, sentence
    with pytest.raises(Conflict, match="lock_too_early"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    with pytest.raises(NotAllowed):
        evidence_locks.lift(case_id=case.id, actor=support.person(case))
    assert erasure.start_due() == 0
    later(monkeypatch, days=15)
    evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert state_of(mine.records[0]) == Record.State.RESTRICTED, "never back into use: it is erased"
    assert erasure.start_due() == 1
    lab.run_all()
    plan = Plan.objects.get(case=case)
    assert plan.state == PlanState.DONE, plan.state
    assert state_of(mine.records[0]) == Record.State.ERASED
    assert audit.verify().ok


def test_its_period_is_announced_two_weeks_before_and_can_be_lengthened(monkeypatch):
    """Art. 18(3): no lock runs out silently; keeping it takes the announced end away."""
    case = lab.ready_case([lab.picture(22).records[0]], rights=["access"])
    row = locked(case)
    assert evidence_locks.announce_due() == 0, "a year ahead"
    later(monkeypatch, days=352)
    services.close_due()
    assert evidence_locks.announce_due() == 1
    assert evidence_locks.announce_due() == 0
    row.refresh_from_db()
    assert row.ends_on is not None
    assert row.ends_on >= row.until
    letter = told(case)
    evidence_locks.keep(case_id=case.id, years=1, actor=support.person(case))
    later(monkeypatch, days=30)
    with pytest.raises(Conflict, match="lock_not_told"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert Letter.objects.get().id == letter.id
    row.refresh_from_db()
    assert row.until == deadlines.add_months(clock.today() - timedelta(days=30), 12)


def test_keeping_it_longer_never_makes_it_shorter():
    """A click too many takes no day of what was promised."""
    case = lab.ready_case([lab.picture(23).records[0]], rights=["access"])
    row = locked(case, years=3)
    promised = row.until
    evidence_locks.keep(case_id=case.id, years=1, actor=support.person(case))
    row.refresh_from_db()
    assert row.until == promised


def test_an_objection_outlives_the_lock(monkeypatch):
    """E-09: the lock as evidence ends, what the person objected to stays locked."""
    mine = lab.picture(24)
    case = lab.ready_case([mine.records[0]], rights=["access", "objection"])
    objections.tell_due()
    locked(case)
    later(monkeypatch, days=31)
    services.close_due()
    evidence_locks.end(case_id=case.id, actor=support.person(case))
    assert "what is of you stays locked" in text_of(documents.open_document(told(case).document_id))
    later(monkeypatch, days=15)
    evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert Restriction.objects.filter(case_id=case.id, lifted_at=None).count() == 1


def test_a_letter_posted_late_moves_the_lifting(monkeypatch):
    """Art. 18(3): told means told in time, whatever day the letter named."""
    row = EvidenceLock(ends_on=date(2026, 5, 1), letter=Letter(sent_at=None))
    assert evidence_locks.liftable_from(row) is None
    row.letter.sent_at = clock.now()
    own = clock.today() + timedelta(days=evidence_locks.LEAST_NOTICE_DAYS)
    assert evidence_locks.liftable_from(row) == max(date(2026, 5, 1), own)


def test_delete_now_and_taking_back_end_it_by_the_persons_own_act(site):
    """R4, Art. 18(3): the page says so before; no lock stays without a request."""
    site("public")
    for number, how in ((25, LockOver.DELETED), (26, LockOver.WITHDRAWN)):
        case = lab.ready_case([lab.picture(number).records[0]])
        locked(case)
        browser = page_of(case)
        name = "delete_now" if how == LockOver.DELETED else "withdraw"
        page = reverse(f"public:{name}")
        said = browser.get(page).content.decode()
        words = "That lock ends when you press" if name == "delete_now" else "ends too, at once"
        assert words in said
        browser.post(page, {"code": services.receipt_code(case)})
        assert EvidenceLock.objects.get(case=case).ended_how == how
        case.refresh_from_db()
        expected = Status.ERASING if how == LockOver.DELETED else Status.CLOSED
        assert case.status == expected
        if how == LockOver.WITHDRAWN:
            assert not Restriction.objects.filter(case_id=case.id, lifted_at=None).exists()


def test_the_letter_is_the_same_whatever_was_found():
    """R3: it depends on what was asked, never on a record."""
    spec = letters.kinds.get("lock_ends")
    assert spec.neutral
    with_find = lab.ready_case([lab.picture(27).records[0]])
    without = support.opened(["access", "erasure"])
    support.delivered(without)
    for case in (with_find, without):
        locked(case)
        evidence_locks.end(case_id=case.id, actor=support.person(case))
    facts = [
        {"ends_on": "2026-12-24", "why": "wish", "then": evidence_locks._then(case)}
        for case in (with_find, without)
    ]
    assert facts[0] == facts[1]
    assert spec.compose(with_find, facts[0]) == spec.compose(without, facts[1])


@pytest.mark.parametrize("part", ["why", "then", "keep", "limits", "rights"])
def test_without_one_of_its_parts_the_letter_is_not_made(part):
    """Art. 18(3), law 9(d)."""
    case = support.opened()
    spec = letters.kinds.get("lock_ends")
    whole = spec.compose(case, {"ends_on": "2026-12-24", "why": "period", "then": "lifted"})
    assert letters.missing(spec, whole) == []
    rest = [one for one in whole.sections if one["id"] != part]
    assert letters.missing(spec, letters.Body(whole.short, whole.rows, rest)) == [
        f"missing: {part}"
    ]


def deleted_now(case: Case, *, also: bool = True) -> None:
    def begin(one: Case) -> None:
        erasure.start_erasure(case_id=one.id, actor=support.person(case))

    services.delete_now(
        case_id=case.id,
        code=services.receipt_code(case),
        actor=support.person(case),
        also=begin if also else None,
    )
    assert EvidenceLock.objects.get(case=case).ended_how == LockOver.DELETED


def test_evidence_lock_that_delete_now_ended_stays_on_what_is_not_erased_yet():
    """R1, Art. 18(3): a request that is closed meanwhile puts nothing back into use without a
    letter; what stayed is erased. The canary: without the lock it is in use again."""
    mine, canary = lab.picture(51), lab.picture(52)
    case, other = lab.ready_case([mine.records[0]]), lab.ready_case([canary.records[0]])
    locked(case)
    deleted_now(case, also=False)
    for one in (case, other):
        services.close(case_id=one.id, actor=support.MACHINE)
    assert state_of(canary.records[0]) == Record.State.HELD, "the canary"
    assert state_of(mine.records[0]) == Record.State.RESTRICTED
    assert erasure.start_due() == 1
    lab.run_all()
    assert Plan.objects.get(case=case).state == PlanState.DONE
    assert state_of(mine.records[0]) == Record.State.ERASED
    assert audit.verify().ok


def test_evidence_lock_that_delete_now_ended_keeps_what_the_erasure_left_out():
    """R1, Art. 18(3), E-01: the person says of one picture that it is not theirs; it is not erased
    with the others, and nobody told them that it is lifted."""
    one, two = lab.picture(53), lab.picture(54)
    case = lab.ready_case([one.records[0], two.records[0]])
    locked(case)
    Correction.objects.create(
        case=case, record_id=two.records[0].id, number=2, place="2.0", what=Wrong.NOT_ME,
        field="correction.1", asked_at=clock.now(), due_on=clock.today(),
    )  # fmt: skip
    deleted_now(case)
    lab.run_all()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert state_of(one.records[0]) == Record.State.ERASED
    assert state_of(two.records[0]) == Record.State.RESTRICTED


def test_evidence_lock_taken_back_after_delete_now_was_stopped_ends_at_once(settings):
    """Art. 18(3): the page of taking back says so; nothing stays locked without a request."""
    settings.DSR_HOLD_MINUTES = 60
    mine = lab.picture(55)
    case = lab.ready_case([mine.records[0]])
    locked(case)
    deleted_now(case)
    erasure.stop_plan(plan_id=Plan.objects.get(case=case).id, actor=support.person(case))
    assert state_of(mine.records[0]) == Record.State.RESTRICTED
    services.withdraw(case_id=case.id, actor=support.person(case))
    assert state_of(mine.records[0]) == Record.State.HELD


def test_evidence_lock_is_not_lifted_as_told_by_who_does_not_ask(monkeypatch):
    """R1, Art. 18(3): whatever calls the gallery; while it stands, before its letter left, after
    "Delete now", and without any lock. The canary: another reason lifts."""
    records = [lab.picture(number).records[0] for number in (56, 57, 58)]
    standing, deleted, without = (lab.ready_case([one]) for one in records)
    locked(standing)
    evidence_locks.end(case_id=standing.id, actor=support.person(standing))
    locked(deleted)
    deleted_now(deleted, also=False)
    for case, record in zip((standing, deleted, without), records, strict=True):
        said = {"record_ids": [record.id], "case_id": case.id, "actor": OFFICER}
        with pytest.raises(Conflict, match="lock_not_told") as refused:
            gallery.lift_restriction(reason="told", **said)
        assert "told" in str(refused.value.message)
        assert state_of(record) == Record.State.RESTRICTED
    assert gallery.lift_restriction(reason="not_same", **said) == 1


# -- the letter came back -----------------------------------------------------------------------


def announced_by_post() -> tuple[Case, EvidenceLock, Letter]:
    """A lock whose letter went into the post."""
    case = lab.ready_case([lab.picture(41).records[0]], rights=["access"])
    contact = {"name": "M. Doe", "postal": "Dam 1, Amsterdam"}
    with transaction.atomic():
        vault.write_json(case.contact_unit, "contact", contact)
    locked(case)
    evidence_locks.end(case_id=case.id, actor=support.person(case))
    lab.run_all()
    letter = Letter.objects.get(case=case, kind="lock_ends")
    letters.record_posted(letter_id=letter.id, actor=OFFICER)
    return case, EvidenceLock.objects.get(case=case), Letter.objects.get(id=letter.id)


def test_a_letter_that_came_back_told_nobody_and_ends_no_lock(site, client, monkeypatch):
    """Art. 18(3), R1, E-08: by the pages; the canary: the day before it came back it may be lifted.
    It counts from the day it is posted again."""
    site("desk")
    case, row, letter = announced_by_post()
    assert [one.id for one in question_returns.under_way(case)] == [letter.id]
    later(monkeypatch, days=15)
    assert evidence_locks.waits_for_lifting(case.id) is not None, "the canary"
    browser = sign_in(client, staff(OFFICER.id))
    page = reverse("desk:question_returned", args=[case.reference, letter.id])
    shown = reverse("desk:case", args=[case.reference])
    assert page in browser.get(shown).content.decode()
    back = {"on": clock.today().isoformat(), "reason": "moved"}
    assert browser.post(page, back).status_code == 302
    row = EvidenceLock.objects.select_related("letter").get(id=row.id)
    assert evidence_locks.liftable_from(row) is None
    assert evidence_locks.waits_for_lifting(case.id) is None
    assert "Lift the lock" not in browser.get(shown).content.decode()
    with pytest.raises(Conflict, match="lock_not_told") as refused:
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert "The letter came back" in str(refused.value.message)
    question_returns.make_anew(case_id=case.id, letter_id=letter.id, actor=OFFICER)
    lab.run_all()
    with pytest.raises(Conflict, match="lock_not_told"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    letters.record_posted(letter_id=letter.id, actor=OFFICER)
    with pytest.raises(Conflict, match="lock_too_early"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    later(monkeypatch, days=evidence_locks.LEAST_NOTICE_DAYS)
    evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert EvidenceLock.objects.get(id=row.id).ended_how == LockOver.LIFTED


def test_a_letter_that_is_kept_here_ends_no_lock_however_long(monkeypatch):
    """Art. 18(3): until the person says where to, and nobody else's letter takes its place; once
    it was lifted there is no letter left that could come back."""
    case, row, letter = announced_by_post()
    question_returns.record_returned(
        case_id=case.id, letter_id=letter.id, actor=OFFICER, on=clock.today(), reason="moved"
    )
    question_returns.keep_here(case_id=case.id, letter_id=letter.id, actor=OFFICER)
    later(monkeypatch, days=400)
    assert evidence_locks.announce_due() == 0
    with pytest.raises(Conflict, match="lock_not_told"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    letters.record_posted(letter_id=letter.id, actor=OFFICER)
    later(monkeypatch, days=8)
    evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert EvidenceLock.objects.get(id=row.id).ended_how == LockOver.LIFTED
    with pytest.raises(Conflict, match="not_under_way"):
        question_returns.record_returned(
            case_id=case.id, letter_id=letter.id, actor=OFFICER, on=clock.today(), reason="moved"
        )


# -- at the desk --------------------------------------------------------------------------------


def test_by_pages_an_officer_writes_it_down_is_told_and_lifts_it(site, client, monkeypatch):
    """G-02, D-04: the alarm comes with the day, and the closed case says what is next."""
    site("desk")
    mine = lab.picture(31)
    case = lab.ready_case([mine.records[0]], rights=["access"])
    staff("V-1", "supervisor")
    browser = sign_in(client, staff(OFFICER.id))
    address = reverse("desk:evidence_lock", kwargs={"reference": case.reference})
    assert browser.post(address, {"years": "9"}).status_code == 422
    assert browser.post(address, {"years": "2"}).status_code == 302
    assert EvidenceLock.objects.get(case=case).asked_by == OFFICER.id
    later(monkeypatch, days=31)
    services.close_due()
    browser.post(address, {"do": "end"})
    told(case)
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.LOCK).exists()
    later(monkeypatch, days=15)
    alarms.raise_due()
    assert {one.to for one in Escalation.objects.filter(code=Alarm.LOCK)} == {"V-1"}
    shown = browser.get(reverse("desk:case", kwargs={"reference": case.reference}))
    assert "Lift the lock" in shown.content.decode()
    browser.post(address, {"do": "lift"})
    assert state_of(mine.records[0]) == Record.State.HELD
    alarms.raise_due()
    assert not Escalation.objects.filter(code=Alarm.LOCK, settled_at=None).exists()

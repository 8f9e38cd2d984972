"""The controller's own term of a source: what ends, what waits for a request, what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.compliance import processing
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.erasure import retiring, term_ends
from dsr_portal.erasure.retirement_models import Retirement
from dsr_portal.erasure.term_ends import Why
from dsr_portal.gallery import connector, terms
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import PutAside, Record, Source, SourceImage
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.policy import assessment
from dsr_portal.policy import services as policy
from dsr_portal.policy.models import Setting
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.matching import actor, sign_in, staff
from tests.support.terms import kept_for
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    return Travel(monkeypatch, "2026-03-02")


def source() -> Source:
    return Source.objects.get()


def gone(shown: lab.Shown) -> bool:
    return SourceImage.objects.get(id=shown.image.id).state == SourceImage.State.ERASED


def sweep() -> int:
    begun = retiring.start_due()
    lab.run_all()
    return begun


def waits() -> dict[str, int]:
    (one,) = term_ends.overview()
    return {str(why): count for why, count in one.waits}


# -- the setting ------------------------------------------------------------------------------


def test_a_term_takes_two_persons_advice_and_a_note(travel: Travel) -> None:
    """N-08, R34, L-15: nothing is kept for less or longer because one person says so."""
    chief = actor(staff("V-1", Role.SUPERVISOR))
    director = actor(staff("C-1", Role.DIRECTOR))
    lab.picture(1)
    name = terms.setting_of(source().id)
    assert terms.term_of(source().id) is None
    said = {"actor": chief, "name": name, "reason": "Not needed longer.", "dpia_note": "DPIA 5."}
    for value in (0, terms.LONGEST + 1):
        with pytest.raises(BadInput, match="setting_out_of_range"):
            policy.propose(value=value, **said)
    with pytest.raises(NotFound, match="no_setting"):
        policy.propose(value=5, **said | {"name": terms.PREFIX + "0" * 32})
    change = policy.propose(value=400, **said)
    with pytest.raises(NotAllowed, match="setting_two_persons"):
        policy.approve(actor=chief, setting_id=change.id)
    with pytest.raises(Conflict, match="setting_needs_advice"):
        policy.approve(actor=director, setting_id=change.id)
    policy.advise(actor=actor(staff("D-1", Role.DPO)), setting_id=change.id, advice="Fits.")
    assert terms.term_of(source().id) is None
    policy.approve(actor=director, setting_id=change.id)
    term = terms.term_of(source().id)
    assert term is not None
    assert (term.days, term.version, term.since) == (400, 1, clock.today())
    assert name in assessment._wanted(), "the assessment has to cover the term in force"


def test_a_term_is_proposed_advised_and_put_in_force_at_the_desk(travel: Travel, site: Any) -> None:
    """N-08, R34, L-15: by two persons with the DPO's advice; the page shows each what is theirs."""
    lab.picture(1)
    site("desk")
    chief = sign_in(Client(), staff("V-1", Role.SUPERVISOR))
    director = sign_in(Client(), staff("C-1", Role.DIRECTOR))
    officer = sign_in(Client(), staff("D-1", Role.DPO))
    page = reverse("desk:gallery_terms")
    wanted = reverse("desk:propose_term", args=[source().id])
    said = {"days": "400", "reason": "Needed a year.", "dpia_note": "DPIA 5."}

    for wrong in ({"days": "0"}, {"days": "many"}, {"reason": " "}, {"dpia_note": ""}):
        refused = chief.post(wanted, said | wrong)
        assert refused.status_code == 422
        assert f"id_{source().id}_{next(iter(wrong))}" in refused.content.decode()
    assert not Setting.objects.exists()
    assert chief.post(reverse("desk:propose_term", args=[uuid4()]), said).status_code == 404

    assert chief.post(wanted, said).status_code == 302
    change = Setting.objects.get()
    assert (change.value, change.proposed_by, change.state) == (400, "V-1", "proposed")
    decide = reverse("desk:decide_term", args=[change.id])
    assert "Take it back" in chief.get(page).content.decode()
    assert "It waits for the advice" in director.get(page).content.decode()
    assert director.post(decide, {"do": "agree"}).status_code == 409
    advise = reverse("desk:advise_term", args=[change.id])
    assert officer.post(advise, {"advice": "It fits the purpose."}).status_code == 302
    shown = director.get(page).content.decode()
    assert "It fits the purpose." in shown
    assert "Put in force" in shown
    assert chief.post(decide, {"do": "agree"}).status_code == 403
    assert terms.term_of(source().id) is None

    assert director.post(decide, {"do": "agree"}).status_code == 302
    term = terms.term_of(source().id)
    assert term is not None
    assert (term.days, term.since) == (400, clock.today())
    assert "Put in force" not in director.get(page).content.decode()
    names = (
        Event.objects.filter(subject_id=change.id).order_by("number").values_list("type", flat=True)
    )
    assert list(names) == ["policy.proposed", "policy.advised", "policy.approved"]


def test_what_is_proposed_is_taken_back_and_no_other_setting_is_decided_there(
    travel: Travel, site: Any
) -> None:
    """R34: a threshold has facts to be seen first, so this page lets nobody approve one."""
    lab.picture(1)
    site("desk")
    chief = sign_in(Client(), staff("V-1", Role.SUPERVISOR))
    said = {"days": "30", "reason": "Short.", "dpia_note": "DPIA 5."}
    assert chief.post(reverse("desk:propose_term", args=[source().id]), said).status_code == 302
    own = Setting.objects.get()
    assert chief.post(reverse("desk:decide_term", args=[own.id]), {"do": "no"}).status_code == 302
    own.refresh_from_db()
    assert own.state == "rejected"

    who = actor(staff("C-1", Role.DIRECTOR))
    other = policy.propose(actor=who, name="cases_not_own", value=30, reason="More work.")
    answer = chief.post(reverse("desk:decide_term", args=[other.id]), {"do": "agree"})
    other.refresh_from_db()
    assert (answer.status_code, other.state) == (404, "proposed")


def test_no_term_ends_nothing_and_says_so(travel: Travel) -> None:
    """A-08, N-08: without a term nothing goes by itself, and the command shows it."""
    shown = lab.picture(1)
    travel.to("2036-03-02")
    assert sweep() == 0
    assert not gone(shown)
    assert terms.words(terms.term_of(source().id)) == "no period was stated"
    lines = {one.what: one.text for one in processing.lines() if one.letter == "f"}
    assert lines[f"Pictures of {source().name}"] == "no period was stated"


# -- from when --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ([], "2026-03-02"),
        (["2025-01-31"], "2025-01-31"),
        (["2025-06-01", "2024-12-24T22:00:00"], "2024-12-24"),
        # Half past eleven in the evening in UTC is the next day here.
        (["2025-01-30T23:30:00+00:00"], "2025-01-31"),
        (["last summer", ""], "2026-03-02"),
        (["2030-01-01"], "2026-03-02"),
    ],
)
def test_it_counts_from_the_first_collection_else_from_the_import(
    travel: Travel, told: list[str], counted: str
) -> None:
    """N-08: never from a day after the import, and what is no date counts as unknown."""
    assert terms.counted_from(told, clock.now()).isoformat() == counted


def test_a_day_put_right_is_read_anew(travel: Travel) -> None:
    """A-08, Art. 16: the term follows the facts, not what was read of them before."""
    shown = lab.picture(1)
    rows = terms.to_date([source().id])
    assert terms.count(list(rows.all())) == 1
    assert not rows.exists()
    ready = connector.current().corrected(
        image_id=shown.image.id, field="facts", column="collected_at", value="2024-05-31"
    )
    case = support.opened()
    with audit.unit_of_work():
        ready.save(actor=support.OFFICER, case_id=case.id)
    assert terms.count(list(rows.all())) == 1
    image = SourceImage.objects.get(id=shown.image.id)
    assert str(image.counted_from) == "2024-05-31"
    assert connector.current().facts(image.id).counted_from == image.counted_from


# -- what goes --------------------------------------------------------------------------------


def test_what_is_past_its_term_leaves_every_store(travel: Travel) -> None:
    """N-08, Art. 5(1)(e): files, index and keys of it are gone, others stay, the trail has it."""
    over, bare = lab.picture(1, faces=2), lab.picture(2, faces=0)
    lab.seen_by(over.records[0])
    kept_for(source(), days=30)
    travel.to("2026-03-31")
    young = lab.picture(3)
    recognition.seal_shards()
    looked_for = lab.plain_patterns(over)
    assert looked_for[0] in connector.current().picture(over.image.id)
    assert sweep() == 0, "the thirtieth day belongs to the term"
    travel.to("2026-04-01")

    assert sweep() == 1

    run = Retirement.objects.get()
    assert (run.state, run.pictures, run.records) == ("done", 2, 2), list(
        Job.objects.values_list("kind", "state", "error_code")
    )
    assert gone(over)
    assert gone(bare)
    assert not lab.found_in_files(looked_for + lab.plain_patterns(bare)[:3])
    with holders.holder().current() as held:
        assert held.index.ids() == [young.records[0].id]
    for record in over.records:
        assert vault.unit_state(record.unit) == vault.UnitState.SHREDDED
        assert Record.objects.get(id=record.id).state == Record.State.ERASED
    assert connector.current().picture(young.image.id) == young.picture
    began = Event.objects.get(type="erasure.retirement_began").data
    assert (began["pictures"], began["days"], began["term_version"]) == (2, 30, 1)
    ended = Event.objects.get(type="erasure.retired").data
    assert ended["units"] >= 4
    assert ended["ledger_last"] > 0
    assert Event.objects.filter(type="erasure.retirement_checked").count() == 1
    assert sweep() == 0
    assert audit.verify().ok


def test_a_run_takes_a_few_and_the_next_one_goes_on(
    travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N-08: bounded batches, the oldest first, until nothing is left."""
    monkeypatch.setattr(retiring, "AT_ONCE", 2)
    monkeypatch.setattr(retiring, "READ_AT_ONCE", 2)
    shown = [lab.picture(number, faces=0) for number in range(1, 4)]
    kept_for(source(), days=10)
    travel.to("2026-04-01")
    assert retiring.start_due() == 1
    assert retiring.start_due() == 0, "one run of a source at a time"
    lab.run_all()
    assert [gone(one) for one in shown] == [True, True, False]
    assert sweep() == 1
    assert all(map(gone, shown))


def test_a_check_that_finds_something_says_so_and_stops_the_source(
    travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-04: nobody believes the shredder; a person is asked before more goes."""
    lab.picture(1)
    kept_for(source(), days=10)
    travel.to("2026-04-01")
    monkeypatch.setattr(retiring.verification, "units_left", lambda units: 1)
    sweep()
    assert Job.objects.get(kind=term_ends.CHECK).state == JobState.FAILED
    assert Event.objects.get(type="erasure.retirement_failed").data["units"] == 1
    (one,) = term_ends.overview()
    assert one.stopped
    assert retiring.start_due() == 0
    monkeypatch.undo()
    call_command("gallery_terms", "--repeat")
    lab.run_all()
    (one,) = term_ends.overview()
    assert (one.stopped, one.gone) == (False, 1)


# -- what a request keeps (A-16) ----------------------------------------------------------------


def test_a_record_stays_while_a_request_that_came_before_is_not_decided(travel: Travel) -> None:
    """A-16, EDPB 01/2022 s. 2.3.3: data held at receipt is still there; it goes afterwards."""
    shown = lab.picture(1)
    kept_for(source(), days=30)
    travel.to("2026-03-30")
    case = support.identified(support.opened())
    travel.to("2026-04-02")
    assert sweep() == 0
    assert waits() == {Why.UNDECIDED: 1}
    # Another request, after the end of the term, makes it wait no longer than the first one does.
    support.opened(email="later@example.org")
    support.decided(case)
    assert sweep() == 1
    assert gone(shown)


def test_a_request_that_came_after_the_end_of_the_term_does_not_lengthen_it(
    travel: Travel,
) -> None:
    """N-08: else a busy desk would keep everything for ever."""
    shown = lab.picture(1)
    kept_for(source(), days=30)
    travel.to("2026-04-02")
    support.opened()
    assert sweep() == 1
    assert gone(shown)


def test_a_term_made_shorter_takes_nothing_that_was_held_when_somebody_asked(
    travel: Travel,
) -> None:
    """A-16, 5(1)(a): a policy of today is no way to avoid an answer asked for yesterday."""
    shown = lab.picture(1)
    travel.to("2026-06-01")
    case = support.identified(support.opened())
    travel.to("2026-06-02")
    kept_for(source(), days=5)
    assert sweep() == 0
    assert waits() == {Why.UNDECIDED: 1}
    support.decided(case)
    sweep()
    assert gone(shown)


def test_what_is_imported_past_its_term_waits_for_who_had_asked_before(travel: Travel) -> None:
    """A-16: held from its import on, so a request from before the import is decided first."""
    lab.picture(1)
    kept_for(source(), days=5)
    travel.to("2026-03-20")
    case = support.identified(support.opened())
    travel.to("2026-03-21")
    late = lab.picture(2)
    SourceImage.objects.filter(id=late.image.id).update(counted_from="2020-01-01")
    travel.to("2026-04-01")
    sweep()
    assert not gone(late)
    support.decided(case)
    sweep()
    assert gone(late)


def _hold(shown: lab.Shown) -> Callable[[], object]:
    case = support.opened()
    ids = [shown.records[0].id]
    gallery.hold(record_ids=ids, case_id=case.id, actor=support.OFFICER)
    return lambda: gallery.release_holds(case_id=case.id, actor=support.OFFICER)


def _lock(shown: lab.Shown) -> Callable[[], object]:
    said = {"record_ids": [shown.records[0].id], "case_id": support.opened().id}
    who = support.OFFICER
    gallery.restrict(actor=who, reason="same_person", **said)
    return lambda: gallery.lift_restriction(actor=who, reason="case_over", **said)


def _inspect(shown: lab.Shown) -> Callable[[], object]:
    held = gallery.keep_for_inspection(source_id=shown.image.source_id)
    return lambda: gallery.let_go_after_inspection(hold_id=held.id)


def _put_aside(shown: lab.Shown) -> Callable[[], object]:
    row = PutAside.objects.create(
        image=shown.image, kind="INTIMATE", found_by="S-1", found_at=clock.now()
    )
    return row.delete


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (_hold, Why.NEEDED),
        (_lock, Why.NEEDED),
        (_put_aside, Why.NEEDED),
        (_inspect, Why.INSPECTED),
    ],
)
def test_what_is_held_stays_is_counted_and_goes_afterwards(
    travel: Travel, keep: Callable[[lab.Shown], Callable[[], object]], why: Why
) -> None:
    """A-16, E-08, C-09, R1: one face that is kept keeps its picture; the hold's end frees it."""
    shown, free = lab.picture(1, faces=2), lab.picture(2)
    kept = [shown, free] if why == Why.INSPECTED else [shown]
    kept_for(source(), days=30)
    travel.to("2026-04-02")
    end = keep(shown)
    sweep()
    assert [one for one in (shown, free) if not gone(one)] == kept
    assert waits() == {why: len(kept)}
    end()
    sweep()
    assert gone(shown)
    assert waits() == {}


def test_a_whole_request_keeps_its_records_until_it_is_over(travel: Travel) -> None:
    """A-16: the retention job runs during an open case: the record is still there."""
    shown, other = lab.picture(1), lab.picture(2)
    kept_for(source(), days=30)
    travel.to("2026-03-20")
    lab.ready_case(shown.records)
    travel.to("2026-04-01")
    sweep()
    assert not gone(shown), "answered, and to be erased by the person's own plan"
    assert gone(other)
    assert Record.objects.get(id=shown.records[0].id).state == Record.State.RESTRICTED


# -- what is told -----------------------------------------------------------------------------


def test_the_desk_and_the_command_say_what_ends_and_what_waits(
    travel: Travel, site: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """N-08, A-16: counts of each source, and nothing of a request."""
    lab.picture(1)
    lab.picture(2)
    kept_for(source(), days=30)
    travel.to("2026-03-25")
    support.opened()
    travel.to("2026-04-02")
    assert sweep() == 0
    call_command("gallery_terms", "--json")
    (row,) = json.loads(capsys.readouterr().out)["sources"]
    assert (row["days"], row["past_term"], row["go_next"]) == (30, 2, 0)
    assert row["wait"] == {"undecided": 2}
    call_command("gallery_terms")
    assert "2 wait: a request that came before" in capsys.readouterr().out
    site("desk")
    page = sign_in(Client(), staff("V-1", Role.SUPERVISOR)).get(reverse("desk:gallery_terms"))
    text = page.content.decode()
    assert "30 days, counted from the day" in text
    assert "2: a request that came before is not decided yet" in text


def test_what_ends_soon_is_counted(travel: Travel) -> None:
    """N-08."""
    lab.picture(1)
    kept_for(source(), days=30)
    terms.count(list(terms.to_date([source().id])))
    (one,) = term_ends.overview()
    assert (one.soon, one.past, one.undated) == (1, 0, 0)
    kept_for(source(), days=31)
    (one,) = term_ends.overview()
    assert one.soon == 0
    assert timedelta(days=30) == term_ends.SOON

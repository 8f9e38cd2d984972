"""What says something of people and grew for ever comes to its end (law X-10, L-23; R26 to R31).

Each row is planted, seen, and gone after the term; a younger one of the same kind stays. Every run
is the one the schedule has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator

from dsr_portal.accounts import services as accounts
from dsr_portal.accounts import tickets
from dsr_portal.accounts.models import ProposalKind, ProposalState, Role, StaffProposal, UsedTicket
from dsr_portal.cases.models import Case, Escalation, Status
from dsr_portal.core import clock
from dsr_portal.core.registries import schedule
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from dsr_portal.jobs.services import DELIVER
from dsr_portal.matching.browsing_models import BrowsingAlarm
from dsr_portal.recognition.models import Holder
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def run(name: str) -> Any:
    return schedule.get(name).run()


def planted(kind: str, state: JobState, **more: Any) -> Job:
    """A job that ended now."""
    return Job.objects.create(
        kind=kind,
        idempotency_key=str(uuid4()),
        state=state,
        finished_at=clock.now(),
        **{"subject": str(uuid4()), **more},
    )


def sending(state: EffectState) -> tuple[Effect, Job]:
    sent = clock.now() if state == EffectState.SENT else None
    effect = Effect.objects.create(
        kind="mail.alarm", subject_id=uuid4(), unique_key=str(uuid4()), state=state, sent_at=sent,
        created_at=clock.now(),
    )  # fmt: skip
    ended = JobState.FAILED if state == EffectState.FAILED else JobState.DONE
    return effect, planted(DELIVER, ended, subject=str(effect.id))


def test_work_that_is_done_is_forgotten_after_three_years(travel: Travel) -> None:
    """X-10: jobs and sendings; what failed and can be started again stays, and what waits."""
    done, failed = planted("testing.work", JobState.DONE), planted("testing.work", JobState.FAILED)
    sent, unsent = sending(EffectState.SENT), sending(EffectState.FAILED)
    waiting = Effect.objects.create(
        kind="mail.alarm", subject_id=uuid4(), unique_key="waits", created_at=clock.now()
    )
    travel.to("2026-09-14")
    young, young_sent = planted("testing.work", JobState.DONE), sending(EffectState.SENT)
    travel.to("2029-09-09")
    assert run("jobs.ended") == 0
    assert Job.objects.filter(id=done.id).exists()
    travel.to("2029-09-12")
    assert run("jobs.ended") == 5
    kept = {failed.id, young.id, young_sent[1].id}
    assert set(Job.objects.values_list("id", flat=True)) == kept
    assert set(Effect.objects.values_list("id", flat=True)) == {waiting.id, young_sent[0].id}
    assert not {sent[1].id, unsent[1].id} & kept
    assert run("jobs.ended") == 0


def test_alarms_go_a_year_after_they_were_settled(travel: Travel) -> None:
    """X-10: of a destroyed request only; one that stands, and those of an open one, stay."""
    destroyed, open_still = support.opened(), support.opened()
    Case.objects.filter(id=destroyed.id).update(
        status=Status.PURGED, closed_at=clock.now(), purged_at=clock.now()
    )

    def alarm(case: Case, about: str, *, settled: bool = True) -> Escalation:
        moment = clock.now()
        return Escalation.objects.create(
            case=case, code="due_1", about=about, to="S-1001", raised_at=moment,
            settled_at=moment if settled else None,
        )  # fmt: skip

    old, stands = alarm(destroyed, "1"), alarm(destroyed, "2", settled=False)
    of_open = alarm(open_still, "1")
    travel.to("2026-09-14")
    young = alarm(destroyed, "3")
    travel.to("2027-09-10")
    assert Escalation.objects.filter(id=old.id).exists()
    travel.to("2027-09-11")
    assert run("cases.settled") == 1
    left = {stands.id, of_open.id, young.id}
    assert set(Escalation.objects.values_list("id", flat=True)) == left


def test_what_was_told_of_browsing_goes_after_a_year(travel: Travel) -> None:
    """X-10: how many cases a person of staff opened is about that person."""
    for day in (date(2026, 9, 9), date(2026, 9, 10)):
        BrowsingAlarm.objects.create(
            on=day, staff_no="S-1001", opened=40, to="P-3001", raised_at=clock.now()
        )
    travel.to("2027-09-09")
    assert run("matching.told") == 0
    travel.to("2027-09-10")
    assert run("matching.told") == 1
    assert BrowsingAlarm.objects.get().on == date(2026, 9, 10)


def test_proposals_about_staff_go_three_years_after_the_decision(travel: Travel) -> None:
    """X-10: they have a name and an address; an open one stays, and so does the account."""
    first, second = staff("V-1001", Role.SUPERVISOR), staff("V-1002", Role.DIRECTOR)

    def proposed(number: str) -> StaffProposal:
        return accounts.propose_staff(
            by=first, staff_no=number, display_name="Mina Halvorsen",
            email=f"{number.lower()}@halden.example", role=Role.OFFICER,
        )  # fmt: skip

    old, waiting = proposed("O-1001"), proposed("O-1002")
    made = accounts.approve_staff(by=second, proposal=old)
    travel.to("2026-09-14")
    young = proposed("O-1003")
    accounts.refuse_staff(by=second, proposal=young)
    travel.to("2029-09-09")
    assert run("accounts.proposals") == 0
    travel.to("2029-09-12")
    assert run("accounts.proposals") == 1
    left = dict(StaffProposal.objects.values_list("id", "state"))
    assert left == {waiting.id: ProposalState.OPEN, young.id: ProposalState.REFUSED}
    made.refresh_from_db()
    assert made.is_active


def test_the_second_factor_of_who_left_goes_with_the_account() -> None:
    """X-10, R19: an account does not come back; those of others stay."""
    first, second = staff("V-1001", Role.SUPERVISOR), staff("V-1002", Role.DIRECTOR)
    leaves, stays = staff("O-1001"), staff("O-1002")
    for one in (leaves, stays):
        Authenticator.objects.filter(user=one).delete()
        Authenticator.objects.create(user=one, type="totp", data={"secret": "sealed"})
    proposal = accounts.propose_change(by=first, staff=leaves, kind=ProposalKind.DEACTIVATE)
    assert accounts.has_second_factor(leaves)
    accounts.approve_staff(by=second, proposal=proposal)
    assert not accounts.has_second_factor(leaves)
    assert accounts.has_second_factor(stays)


def test_a_used_ticket_is_forgotten_at_the_next_one() -> None:
    """X-10: two minutes after it was used, when nothing could use it again."""
    person = staff("O-1001")
    tickets.redeem(tickets.issue(person, "desk"), site="desk")
    old = UsedTicket.objects.get()
    tickets.redeem(tickets.issue(person, "desk"), site="desk")
    assert UsedTicket.objects.count() == 2
    UsedTicket.objects.filter(id=old.id).update(
        used_at=clock.real_now() - timedelta(seconds=2 * tickets.MAX_AGE_SECONDS + 1)
    )
    tickets.redeem(tickets.issue(person, "desk"), site="desk")
    assert UsedTicket.objects.count() == 2
    assert not UsedTicket.objects.filter(id=old.id).exists()


@pytest.fixture
def holder() -> Callable[..., Holder]:
    def make(pid: int, state: Holder.State, *, heard: timedelta) -> Holder:
        moment = clock.real_now() - heard
        return Holder.objects.create(
            host="lost", pid=pid, process_started="x", started_at=moment, lease_until=moment,
            state=state,
        )  # fmt: skip

    return make


def test_rows_of_processes_that_are_gone_go_after_a_month(holder: Callable[..., Holder]) -> None:
    """X-10: one not seen gone stays however old it is: its memory may still hold templates."""
    gone, live = Holder.State.GONE, Holder.State.LIVE
    old = holder(1, gone, heard=timedelta(days=31))
    young = holder(2, gone, heard=timedelta(days=29))
    unseen = holder(3, live, heard=timedelta(days=400))
    assert Holder.objects.filter(id=old.id).exists()
    assert run("recognition.gone") == 1
    assert set(Holder.objects.values_list("id", flat=True)) == {young.id, unseen.id}

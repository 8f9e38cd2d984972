"""Cases walked at random through their states: what must hold, holds after every step."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dsr_portal.audit import services as audit
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import clocks, services
from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.cases.states import HUMAN_ONLY, TRANSITIONS, Action
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from tests.support import cases as support

pytestmark = pytest.mark.django_db

DOERS = (
    support.OFFICER,
    support.SECOND,
    support.SUPERVISOR,
    support.MACHINE,
    Actor("S-3001", "dpo", "staff"),
    Actor.operator(),
    Actor("worker", "officer", "system"),
)


class CaseWalk(RuleBasedStateMachine):
    """Everybody tries everything; the services refuse or the invariants hold."""

    @initialize(
        rights=st.sets(st.sampled_from(list(RightCode)), min_size=1),
        staff=st.booleans(),
    )
    def open(self, rights, staff):
        more = {"actor": support.OFFICER, "channel": "post"} if staff else {}
        self.case = support.opened(sorted(rights), **more)
        self.rights = {str(right) for right in rights}
        self.received_at = self.case.received_at
        self.statuses = [Status(self.case.status)]

    @rule(action=st.sampled_from(list(Action)), doer=st.sampled_from(DOERS))
    def act(self, action, doer):
        before = Case.objects.get(id=self.case.id)
        asked = before.asks.filter(answered_at=None).exists()
        try:
            services.advance(case=self.case, action=action, actor=doer)
        except IntegrityError:
            # No request waits for the person before its search where nothing was asked.
            assert action == Action.ASK_INFO
            assert not asked
            self.case.refresh_from_db()
            return
        except PortalError:
            after = Case.objects.get(id=self.case.id)
            assert after.status == before.status
            return
        arrow = TRANSITIONS[Status(before.status), action]
        assert doer.role in arrow.roles
        assert arrow.target not in HUMAN_ONLY or doer.kind in {"staff", "person"}
        self.statuses.append(Status(self.case.status))

    @rule(data=st.data())
    def go_on(self, data):
        """Mostly walk along arrows that exist, so that the late states are reached too."""
        here = [
            (action, arrow)
            for (status, action), arrow in TRANSITIONS.items()
            if status == self.statuses[-1]
        ]
        if here:
            action, arrow = data.draw(st.sampled_from(here))
            doers = [doer for doer in DOERS if doer.role in arrow.roles]
            self.act(action, data.draw(st.sampled_from(doers or list(DOERS))))

    @rule(action=st.sampled_from(list(Action)))
    def act_as_person(self, action):
        self.act(action, support.person(self.case))

    @precondition(lambda self: self.statuses[-1] not in {Status.CLOSED, Status.PURGED})
    @rule(level2=st.booleans())
    def identify(self, level2):
        try:
            services.record_identity(
                case_id=self.case.id,
                actor=support.SECOND,
                way="visit",
                element="capture_data" if level2 else "",
                compared="Compared at the desk.",
            )
        except PortalError:
            assert self.statuses[-1] not in services.BEFORE_SEARCH
        self.case.refresh_from_db()

    @rule(stop_clock=st.booleans())
    def ask(self, stop_clock):
        try:
            services.ask_to_identify(
                case_id=self.case.id,
                actor=support.SECOND,
                missing=["no_way_taken"],
                means=["call", "visit"],
                text="We can't tell yet who is asking.",
                stop_clock=stop_clock,
            )
        except PortalError:
            return
        self._moved()

    @rule()
    def write(self):
        try:
            services.receive_message(
                case_id=self.case.id, actor=support.person(self.case), text="Here it is."
            )
        except PortalError:
            return
        self._moved()

    def _moved(self):
        self.case.refresh_from_db()
        if self.statuses[-1] != self.case.status:
            self.statuses.append(Status(self.case.status))

    @invariant()
    def the_clock_stands_only_while_the_case_waits_for_the_person(self):
        if not hasattr(self, "case"):
            return
        case = Case.objects.get(id=self.case.id)
        open_pauses = case.pauses.filter(until_on=None)
        assert not open_pauses.exists() or case.status == Status.NEEDS_INFO
        counted = clocks.clock_of(case)
        assert (case.due_unrolled, case.due_on) == (counted.due.unrolled, counted.due.legal)
        assert counted.due.unrolled >= counted.unpaused.unrolled

    @invariant()
    def nothing_moves_the_day_it_arrived(self):
        if hasattr(self, "case"):
            assert Case.objects.get(id=self.case.id).received_at == self.received_at

    @invariant()
    def the_answer_comes_before_the_erasure(self):
        if not hasattr(self, "case") or Status.ERASING not in self.statuses:
            return
        if RightCode.ACCESS in self.rights:
            first = self.statuses.index(Status.ERASING)
            assert Status.DELIVERED in self.statuses[:first]

    @invariant()
    def no_search_below_the_level(self):
        if hasattr(self, "case") and Status.SEARCHING in self.statuses:
            assert self.case.level >= self.case.required_level

    @invariant()
    def decisions_are_by_people_in_the_trail(self):
        if not hasattr(self, "case"):
            return
        for event in events_for_case(self.case.id):
            data = event.data or {}
            if data.get("after") in {status.value for status in HUMAN_ONLY}:
                assert event.actor_kind in {"staff", "person"}

    def teardown(self):
        assert audit.verify().ok


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "lost"},
        {"outcome": "perhaps"},
        {"status": "delivered", "delivered_at": None},
        {"status": "purged", "purged_at": None},
        {"level": 3},
        {"due_on": date(2000, 1, 1)},
        {"clock_from": date(2000, 1, 1)},
    ],
)
def test_the_database_refuses_a_state_nobody_can_reach(wrong):
    """Law section 11, D-05: check constraints hold whoever writes."""
    case = support.opened()
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(id=case.id).update(**wrong)


def test_random_walks_keep_the_invariants():
    """Law section 11 (1)-(4), D-07; R1, R2, R29."""
    run_state_machine_as_test(
        CaseWalk,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

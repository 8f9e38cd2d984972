"""Records walked at random by two cases: what R1 forbids never happens, whoever tries it."""

from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from dsr_portal.audit import services as audit
from dsr_portal.core.errors import PortalError
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Hold, Record, Restriction
from tests.support.answers import OFFICER, a_face
from tests.support.gallery import own_places

pytestmark = pytest.mark.django_db(transaction=True)
S = Record.State
# What may follow what (R1); everything else is a wrong order.
NEXT = {
    S.HELD: {S.HELD, S.RESTRICTED, S.ERASING},
    S.RESTRICTED: {S.HELD, S.RESTRICTED, S.ERASING},
    S.ERASING: {S.ERASING, S.ERASED, S.HELD, S.RESTRICTED},
    S.ERASED: {S.ERASED},
}
_SEEDS = count(1)
ACTS = ("hold", "release", "restrict", "lift", "erase", "spare", "done")


class RecordWalk(RuleBasedStateMachine):
    """Two cases try everything on one record; the service refuses or the order holds."""

    @initialize()
    def a_record(self):
        self.record = a_face(seed=next(_SEEDS))
        self.cases = (new_id(), new_id())
        self.state = S(self.record.state)

    @rule(number=st.sampled_from([0, 1]), act=st.sampled_from(ACTS))
    def act(self, number, act):
        case = self.cases[number]
        other = self.cases[1 - number]
        held_by_other = Hold.objects.filter(record=self.record, case_id=other, until=None).exists()
        before = self.state
        try:
            self._do(act, case)
        except PortalError:
            self.record.refresh_from_db()
            assert S(self.record.state) == before, "a refusal changes nothing"
            return
        self.record.refresh_from_db()
        self.state = S(self.record.state)
        assert self.state in NEXT[before], (before, act, self.state)
        if self.state == S.ERASING and before != S.ERASING:
            assert not held_by_other, "another case's hold stops the erasure"
        if self.state == S.ERASED and before != S.ERASED:
            assert before == S.ERASING

    def _do(self, act, case):
        one = {"record_ids": [self.record.id], "case_id": case, "actor": OFFICER}
        if act == "hold":
            gallery.hold(**one)
        elif act == "release":
            gallery.release_holds(**one)
        elif act == "restrict":
            gallery.restrict(**one, reason="same_person")
        elif act == "lift":
            gallery.lift_restriction(**one, reason="case_over")
        elif act == "erase":
            gallery.mark_erasing(**one)
        elif act == "spare":
            gallery.spare_records(**one)
        else:
            gallery.mark_erased(**one)

    @invariant()
    def restricted_is_what_somebody_restricts(self):
        if hasattr(self, "record") and self.state in {S.HELD, S.RESTRICTED}:
            standing = Restriction.objects.filter(record=self.record, lifted_at=None).exists()
            assert standing == (self.state == S.RESTRICTED)

    def teardown(self):
        assert audit.verify().ok


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def test_random_walks_of_records_keep_the_order_of_r1():
    """R1, E-08, A-16: hold, restriction and erasure in their order, whoever tries what."""
    run_state_machine_as_test(
        RecordWalk,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    ("first", "wrong"),
    [
        ((), "done"),
        ((), "spare"),
        (("erase", "done"), "restrict"),
        (("erase", "done"), "erase"),
        (("erase", "done"), "spare"),
    ],
)
def test_each_wrong_order_is_refused(first, wrong):
    """R1: nothing is erased that is not being erased, and what is gone stays gone."""
    walk = RecordWalk()
    walk.a_record()
    case = walk.cases[0]
    for act in first:
        walk._do(act, case)
    before = Record.objects.get(id=walk.record.id).state
    refused = False
    try:
        walk._do(wrong, case)
    except PortalError:
        refused = True
    after = Record.objects.get(id=walk.record.id).state
    assert after == before
    assert refused or wrong == "spare"


def test_the_erasure_of_one_case_waits_for_the_hold_of_another():
    """R1: the other person's decision comes first; then it goes on."""
    walk = RecordWalk()
    walk.a_record()
    walk._do("hold", walk.cases[1])
    with pytest.raises(PortalError):
        walk._do("erase", walk.cases[0])
    walk._do("release", walk.cases[1])
    walk._do("erase", walk.cases[0])
    assert Record.objects.get(id=walk.record.id).state == S.ERASING

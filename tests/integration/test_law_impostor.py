"""Somebody asks to have another person's pictures erased: where that ends, step by step (X-07)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.core import clock
from dsr_portal.core.errors import PortalError
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def rival() -> lab.Shown:
    """A picture of the person whom somebody wants to disappear."""
    return lab.picture(71)


def is_whole(rival: lab.Shown) -> bool:
    """Picture and template open as they were imported."""
    record = Record.objects.get(id=rival.records[0].id)
    return (
        vault.read(record.unit, "template") == rival.templates[0]
        and connector.current().picture(rival.image.id) == rival.picture
    )


def state_of(rival: lab.Shown) -> str:
    return str(Record.objects.get(id=rival.records[0].id).state)


def test_without_being_known_nothing_is_searched_locked_or_erased(rival: lab.Shown) -> None:
    """X-07, R2: a photo of somebody else is sent; one way to show oneself is not enough."""
    case = support.opened(["erasure"])
    with pytest.raises(PortalError):
        erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    cases.record_identity(
        case_id=case.id,
        actor=support.OFFICER,
        way="call",
        element="",
        compared="A face on the call like the one in the photo.",
    )
    lab.run_all()
    with pytest.raises(PortalError):
        erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    assert state_of(rival) == Record.State.HELD
    assert is_whole(rival)


def test_who_fooled_two_people_is_stopped_in_the_hold_window(
    rival: lab.Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X-07, R1, R4: nothing runs while the window is open; the rival asks, too, and both stop."""
    case = lab.ready_case(rival.records)
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.HOLD
    assert state_of(rival) != Record.State.ERASED
    assert is_whole(rival)
    theirs = support.opened(email="rival@example.org")
    support.decided(theirs)
    lab.decided_on(theirs, rival.records)
    with pytest.raises(PortalError, match="conflict_same_person"):
        erasure.start_erasure(case_id=theirs.id, actor=support.SECOND)
    assert case.flags.exists(), "the desk has the task"
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=2))
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state not in {PlanState.DONE, PlanState.VERIFYING}
    assert is_whole(rival)
    erasure.stop_plan(plan_id=plan.id, actor=support.SUPERVISOR)
    lab.run_all()
    assert state_of(rival) == Record.State.RESTRICTED
    assert is_whole(rival)
    said = set(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert {"erasure.planned", "erasure.stopped", "record.restricted"} <= said
    assert audit.verify().ok

"""kill -9 of the worker that checks what an order asks for: looked at anew, written once (R23)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.compliance import orders
from dsr_portal.jobs.models import Job, JobState
from tests.support import stuck
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True)]
IMPORTS = ("tests.support.stuck",)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1


def test_an_order_is_checked_once_though_its_worker_is_killed() -> None:
    """O-03: what was found is written whole or not at all."""
    chief = actor(staff("S-2001", Role.SUPERVISOR))
    staff("L-9001", Role.DIRECTOR)
    order = orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference="MED-2026-7",
            basis="conform",
            served_on=date(2026, 9, 10),
            due_on=date(2026, 9, 20),
            owner="L-9001",
            document=b"%PDF-1.7 ordonnance",
        ),
        actor=chief,
    )
    measure = orders.add_measure(order_id=order.id, kind="stop", words="As ordered.", actor=chief)
    with running_worker("light", imports=IMPORTS) as worker:
        until(stuck.marks, what="the step before the commit")
        worker.kill()
    measure.refresh_from_db()
    assert (measure.checked_at, measure.passes) == (None, None)
    assert not Event.objects.filter(type="order.checked").exists()
    checking = Job.objects.get(kind=orders.KIND)
    with running_worker("light", imports=IMPORTS), running_beat():
        until(lambda: _done(checking), what="the check")
    measure.refresh_from_db()
    assert measure.passes is False, "no stop is in force"
    checking.refresh_from_db()
    assert checking.attempts == 2
    assert Event.objects.filter(type="order.checked").count() == 1
    assert audit.verify().ok


def _done(job: Job) -> bool:
    return Job.objects.filter(id=job.id, state=JobState.DONE).exists()

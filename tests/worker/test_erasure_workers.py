"""Erasure in real worker processes: the process that held it is replaced, kill -9 anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from biometrics.errors import ScanFailed
from biometrics.memory_scan import scan_process, template_patterns
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Delivery, Status
from dsr_portal.core.clock import now
from dsr_portal.documents.models import Document
from dsr_portal.erasure import duplicates, retiring, services
from dsr_portal.erasure.models import Plan, PlanState, WaitCode
from dsr_portal.erasure.retirement_models import Retirement
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import BlockEntry, Record, SourceImage
from dsr_portal.jobs import messages
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Change, Holder
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support import erasure_kill
from tests.support.terms import kept_for
from tests.support.workers import Worker, running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1
    settings.DSR_HOLD_MINUTES = 0
    with messages.app.connection_for_write() as connection:
        for name in messages.QUEUES:
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    yield
    holders.holder().drop()


ENV = {"DSR_KEY_CACHE_SECONDS": "0", "DSR_HOLD_MINUTES": "0"}


def patterns_of(shown: lab.Shown) -> list[bytes]:
    import numpy as np

    return template_patterns(np.frombuffer(shown.templates[0], dtype="<f4"))


def copies(worker: Worker, patterns: list[bytes]) -> int:
    """Byte patterns in the memory of every process of a worker, read from outside.

    A child that ended since it was listed holds nothing any more, even while it is still listed
    because nobody has waited for it (/proc/PID/mem then has no such process); one that lives is
    read.
    """
    found = 0
    for pid in [worker.pid, *worker.children()]:
        try:
            found += scan_process(pid, patterns, writable_only=True).total
        except ScanFailed as error:
            if not isinstance(error.__cause__, (ProcessLookupError, FileNotFoundError)):
                raise
    return found


def seal() -> None:
    """Have the worker write the index, so that it holds it."""
    with lab.unit_of_work():
        recognition.enqueue_seal()
    jobs = Job.objects.filter(kind="recognition.seal")
    until(lambda: not jobs.exclude(state=JobState.DONE).exists(), what="the sealed index")


def done(plan: Plan) -> bool:
    return Plan.objects.filter(id=plan.id, state=PlanState.DONE).exists()


def idle() -> bool:
    return not Job.objects.exclude(state__in=[JobState.DONE, JobState.FAILED]).exists()


def certified(plan: Plan, worker: Worker, seconds: float) -> None:
    """Wait for the end of a plan; say where it stands when it does not come."""
    came(lambda: done(plan), worker, seconds, "the certificate")


def came(true: Callable[[], bool], worker: Worker, seconds: float, what: str) -> None:
    try:
        until(true, seconds=seconds, what=what)
    except AssertionError as error:
        rows = list(Job.objects.values_list("kind", "state", "attempts", "error_code"))
        raise AssertionError(f"{error}: {rows}\n{worker.log()[-6000:]}") from error


def test_the_process_that_held_it_is_replaced_and_the_new_one_holds_nothing() -> None:
    """Design, section 6; R30: the canary is seen in the holder's memory before, by an outsider."""
    own, group = lab.picture(1), lab.picture(2, faces=2)
    case = lab.ready_case([own.records[0], group.records[0]])
    looked_for = patterns_of(own)
    with running_worker("probe,search", env=ENV) as search, running_worker("light", env=ENV):
        seal()
        before = set(search.children())
        assert before
        assert copies(search, looked_for) > 0
        with running_beat():
            plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
            certified(plan, search, 120)
            until(idle, what="the last job")
        assert not before & set(search.children())
        assert copies(search, looked_for) == 0
    plan.refresh_from_db()
    memory = plan.verifications.get(store="search_memory")
    assert (memory.state, memory.found, memory.canary_found) == ("verified", 0, True)
    assert plan.verifications.get(store="search_index").state == "verified"
    assert not lab.found_in_files(lab.plain_patterns(own))
    assert Holder.objects.filter(state=Holder.State.GONE).exists()
    with holders.holder().current() as held:
        assert held.index.ids() == [group.records[1].id]


def decided_by_two(plan: Plan) -> None:
    """The copy the workers proposed goes too; then the plan goes on."""
    waits = Plan.objects.filter(id=plan.id, waits_for=WaitCode.DUPLICATES)
    until(waits.exists, what="the proposed copy")
    (row,) = plan.duplicates.all()
    for who in (support.OFFICER, support.SECOND):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=who)
    services.resume_waiting()


def test_killed_at_every_point_it_is_finished_once(tmp_path: Path) -> None:
    """Design, section 7: a kill at any step is finished once; no survivor is harmed."""
    erasure_kill.folder().mkdir()
    own, group = lab.picture(11), lab.picture(12, faces=2, apart=110)
    stranger = lab.picture(13)
    lab.picture(14, faces=0, data=lab.changed(own.picture))
    mine = [own.records[0], group.records[0]]
    case = lab.ready_case(mine)
    imports = ("tests.support.erasure_kill",)
    with running_worker("probe,search", env=ENV):
        seal()
    with (
        running_worker("probe,search", env=ENV, imports=imports) as search,
        running_worker("light", env=ENV, imports=imports),
        running_beat(),
    ):
        began = now()
        plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
        decided_by_two(plan)
        certified(plan, search, 300)
        took = (now() - began).total_seconds()
        until(idle, what="the last job")
    assert sorted(path.name for path in erasure_kill.folder().iterdir()) == sorted(
        erasure_kill.POINTS
    ), took
    plan.refresh_from_db()
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    # Once: one number per record, one block entry per address, one document, one delivery.
    assert Change.objects.filter(kind="ERASE").count() == len(mine)
    assert Document.objects.filter(case_id=case.id, kind="certificate").count() == 1
    assert Delivery.objects.filter(case=case, kind="certificate").count() == 1
    assert SourceImage.objects.filter(covered_from=group.image).count() == 1
    assert BlockEntry.objects.filter(case_id=case.id).count() == 9
    names = Counter(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert names["erasure.step_done"] == plan.steps.count()
    for once in (
        "erasure.started",
        "erasure.shredded",
        "erasure.verified",
        "erasure.certified",
        "erasure.kit_destroyed",
        "block.added",
        "gallery.picture_replaced",
    ):
        assert names[once] == 1, once
    assert names["record.erased"] == len(mine)
    assert plan.verifications.get(store="search_memory").state == "verified"
    for record in mine:
        assert vault.unit_state(record.unit) == vault.UnitState.SHREDDED
    survivor = Record.objects.get(id=group.records[1].id)
    assert connector.current().picture(survivor.image_id)
    assert survivor.unit != group.records[1].unit
    assert vault.read(survivor.unit, "template") == group.templates[1]
    assert connector.current().picture(stranger.image.id) == stranger.picture
    assert not lab.found_in_files(lab.plain_patterns(own))
    with holders.holder().current() as held:
        assert set(held.index.ids()) == {survivor.id, stranger.records[0].id}
    assert audit.verify().ok


def test_a_term_that_ended_is_finished_once_though_killed_at_each_point(tmp_path: Path) -> None:
    """N-08; design, section 7: the keys of what was past its term are gone, once; others stay."""
    erasure_kill.folder().mkdir()
    over, young = lab.picture(21, faces=2), lab.picture(22)
    source = over.image.source
    kept_for(source, days=1, approved=now() - timedelta(days=30))
    moved = {"imported_at": now() - timedelta(days=3)}
    SourceImage.objects.filter(id=over.image.id).update(**moved)
    imports = ("tests.support.erasure_kill",)
    with running_worker("probe,search", env=ENV):
        seal()
    with (
        running_worker("probe,search", env=ENV, imports=imports) as search,
        running_worker("light", env=ENV, imports=imports),
        running_beat(),
    ):
        assert retiring.start_due() == 1
        ended = Retirement.objects.filter(state=Retirement.State.DONE)
        came(ended.exists, search, 200, "the end of the run")
        until(idle, what="the last job")
    killed = {path.name for path in erasure_kill.folder().iterdir()}
    assert killed == set(erasure_kill.RETIRING)
    assert Change.objects.filter(kind="ERASE").count() == len(over.records)
    names = Counter(Event.objects.values_list("type", flat=True))
    for once in ("began", "checked"):
        assert names[f"erasure.retirement_{once}"] == 1
    assert names["erasure.retired"] == names["gallery.picture_destroyed"] == 1
    assert names["record.erased"] == len(over.records)
    assert not lab.found_in_files(lab.plain_patterns(over))
    for record in over.records:
        assert vault.unit_state(record.unit) == vault.UnitState.SHREDDED
    assert connector.current().picture(young.image.id) == young.picture
    with holders.holder().current() as held:
        assert held.index.ids() == [young.records[0].id]
    assert audit.verify().ok

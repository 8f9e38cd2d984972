"""kill -9 while recipients are told: the letter is one, the call is repeated under one id (1b)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.documents.models import Document
from dsr_portal.gallery import channels, letters, notices
from dsr_portal.gallery.models import Notice, Recipient
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support import kill_at_commit
from tests.support.endpoints import Authority, says, serving
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
IMPORTS = ("tests.support.kill_notice",)
KILLED = {"gallery.notice_letter.complete", "outbox.deliver.complete"}


def listed(name: str, kind: str, address: str) -> Recipient:
    recipient = Recipient.objects.get(name=name)
    made = channels.propose(
        recipient_id=recipient.id, kind=kind, address=address, actor=support.SUPERVISOR
    )
    other = support.Actor("S-3001", "director", "staff")
    channels.approve(channel_id=made.id, actor=other)
    return recipient


def test_recipients_are_told_though_the_worker_is_killed(settings: Any, tmp_path: Path) -> None:
    """Art. 19, R33: also that worker `light`, as it runs, has its egress."""
    lab.own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 1
    settings.DSR_SWEEP_SECONDS = 1
    authority = Authority(tmp_path / "authority")
    record = lab.picture(1).records[0]
    for name in ("Caller", "Poster"):
        lab.seen_by(record, name)
    case = lab.ready_case([record])
    jobs.run_due(queues=["light"])  # mails of the case: the kill is to hit the call
    tell = {"record_ids": [record.id], "case_id": case.id, "actor": support.OFFICER}
    with serving(authority) as endpoint:
        endpoint.answer = says(200, b'{"state": "done"}')
        caller = listed("Caller", "CALL", endpoint.url)
        poster = listed("Poster", "LETTER", "Poststraat 1")
        notices.tell(ground="RECTIFICATION", **tell)
        cases.release_batch(actor=support.SECOND)
        waiting = Job.objects.exclude(state=JobState.DONE).values_list("kind", flat=True)
        assert sorted(waiting) == ["gallery.notice_letter", "outbox.deliver"]
        env = {"DSR_EGRESS_TEST_CA": authority.ca}
        with running_worker(imports=IMPORTS, env=env), running_beat(env=env):
            idle = Job.objects.exclude(state=JobState.DONE)
            until(lambda: not idle.exists(), what="the last job")
    assert kill_at_commit.marks() >= KILLED
    states = dict(Notice.objects.values_list("recipient_id", "state"))
    assert states == {caller.id: "DONE", poster.id: "PRINTED"}
    assert Document.objects.filter(template=letters.TEMPLATE).count() == 1
    # Called again after the kill, under the same id: the recipient can tell.
    assert len(endpoint.got) == 2
    assert len({got.headers["DSR-Id"] for got in endpoint.got}) == 1
    assert Event.objects.filter(type="recipient.told").count() == 1

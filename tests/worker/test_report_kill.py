"""kill -9 of the worker that makes an audit report: one report, one document, one event."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.compliance import board, services
from dsr_portal.compliance.models import BoardReport, ReportState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.documents.models import Document
from dsr_portal.jobs.models import Job, JobState
from tests.support import answers, stuck
from tests.support.gallery import own_places
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True)]
IMPORTS = ("tests.support.stuck",)
REGULATOR = Actor("R-4001", "regulator", "regulator")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1


def test_a_report_is_made_once_though_its_worker_is_killed() -> None:
    case = answers.found()
    services.grant_case(
        case_id=case.id,
        authority_code="NL",
        until=clock.now() + timedelta(days=1),
        actor=answers.SUPERVISOR,
    )
    report = services.request_report(case_id=case.id, authority_code="NL", actor=REGULATOR)
    with running_worker("light", imports=IMPORTS) as worker:
        until(stuck.marks, what="the step before the commit")
        worker.kill()
    report.refresh_from_db()
    assert report.state == ReportState.QUEUED
    assert not Document.objects.filter(case_id=case.id).exists()
    with running_worker("light", imports=IMPORTS), running_beat():
        until(lambda: _done(str(report.id)), what="the report")
    report.refresh_from_db()
    assert (report.state, report.trail_verified) == (ReportState.READY, True)
    assert Job.objects.get(subject=str(report.id)).attempts == 2
    assert Document.objects.filter(case_id=case.id).count() == 1
    assert Event.objects.filter(type="oversight.report_made").count() == 1
    assert audit.verify().ok


def _done(subject: str) -> bool:
    return Job.objects.filter(subject=subject, state=JobState.DONE).exists()


def test_a_monthly_report_is_made_once_though_its_worker_is_killed() -> None:
    """G-01: one signed report of a month, however often its maker dies."""
    answers.found()
    assert board._queue(date(2026, 1, 1))
    report = BoardReport.objects.get()
    with running_worker("light", imports=IMPORTS) as worker:
        until(stuck.marks, what="the step before the commit")
        worker.kill()
    report.refresh_from_db()
    assert report.document_id is None
    with running_worker("light", imports=IMPORTS), running_beat():
        until(lambda: _done(str(report.id)), what="the report")
    report.refresh_from_db()
    assert Job.objects.get(subject=str(report.id)).attempts == 2
    made = Event.objects.filter(type="board.report_made", subject_id=report.id)
    assert [one.data["document_id"] for one in made] == [str(report.document_id)]
    assert audit.verify().ok

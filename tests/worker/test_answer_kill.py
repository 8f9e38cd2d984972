"""kill -9 of the worker that makes an answer: it is made once, by another (R14, R29; 1b)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.disclosure import services
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.vault import services as vault
from tests.support import answers, stuck
from tests.support.gallery import own_places
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True)]
IMPORTS = ("tests.support.stuck",)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> None:
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1


def test_an_answer_is_made_once_though_its_worker_is_killed() -> None:
    """The killed run leaves no document, event or half package; the next one makes all of them."""
    case = answers.found(answers.a_face(), answers.a_face(seed=2))
    answer = services.prepare_answer(case_id=case.id, actor=answers.OFFICER)
    with running_worker("probe", imports=IMPORTS) as worker:
        until(stuck.marks, what="the step before the commit")
        worker.kill()
    answer.refresh_from_db()
    assert answer.state == AnswerState.QUEUED
    assert not Document.objects.filter(case_id=case.id).exists()
    with running_worker("probe,light", imports=IMPORTS), running_beat():
        until(lambda: _done(str(answer.id)), what="the answer")
    answer.refresh_from_db()
    assert answer.state == AnswerState.READY
    assert len(stuck.marks()) == 2
    assert Job.objects.get(subject=str(answer.id)).attempts == 2
    assert Document.objects.filter(case_id=case.id).count() == 1
    assert Event.objects.filter(type="answer.made").count() == 1
    assert Event.objects.filter(type="document.made", case_id=case.id).count() == 1
    assert answer.document_id is not None
    assert answer.package_unit is not None
    assert documents.verify(documents.open_document(answer.document_id)).intact
    assert "data.json" in answers.unzipped(vault.read(answer.package_unit, "package"))
    assert audit.verify().ok


def _done(subject: str) -> bool:
    return Job.objects.filter(subject=subject, state=JobState.DONE).exists()

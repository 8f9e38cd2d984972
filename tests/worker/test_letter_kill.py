"""kill -9 of the worker that makes a letter: it leaves once, by another (D-06, R29)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import acting, acting_invites, extensions, mandate_checks, proposals
from dsr_portal.cases.acting_models import LinkPurpose
from dsr_portal.cases.codes import acting_token
from dsr_portal.cases.models import Case, Extension, Letter, LetterState
from dsr_portal.core import clock, totp
from dsr_portal.documents.models import Document
from dsr_portal.jobs.models import Effect, Job, JobState
from tests.support import cases as support
from tests.support import kill_at_commit, stuck
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.represented import LENA, sent_for_somebody
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True)]
IMPORTS = ("tests.support.stuck",)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1


def test_a_letter_leaves_once_though_its_worker_is_killed() -> None:
    """D-06: the killed run sends nothing and moves no date; the next one does both, once."""
    case = support.opened()
    before = case.due_on
    proposal = extensions.propose(
        case_id=case.id,
        actor=support.OFFICER,
        reason="legal_question",
        months=2,
        words="Two laws meet in your request.",
    )
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    letter = Letter.objects.get()
    with running_worker("light", imports=IMPORTS) as worker:
        until(stuck.marks, what="the step before the commit")
        worker.kill()
    letter.refresh_from_db()
    assert letter.state == LetterState.QUEUED
    assert not Document.objects.filter(case_id=case.id).exists()
    assert Case.objects.get(id=case.id).due_on == before
    with running_worker("light", imports=IMPORTS), running_beat():
        until(lambda: _done(str(letter.id)), what="the letter")
    letter.refresh_from_db()
    assert letter.state == LetterState.SENT
    assert Job.objects.get(subject=str(letter.id)).attempts == 2
    assert Document.objects.filter(case_id=case.id).count() == 1
    assert case.deliveries.count() == 1
    assert Effect.objects.filter(kind="mail.letter").count() == 1
    assert Event.objects.filter(type="letter.sent").count() == 1
    assert Extension.objects.get().told_on is not None
    assert Case.objects.get(id=case.id).due_on > before
    assert audit.verify().ok


def test_a_link_to_sign_in_is_sent_once_though_its_worker_is_killed() -> None:
    """R11: who acts for somebody gets one link and one mail, from the run that committed."""
    writer, officer = actor(staff("A-1001")), actor(staff("A-1002"))
    _case, mandate = sent_for_somebody(writer)
    mandate_checks.accept(mandate_id=mandate.id, actor=officer, words="Signed, names her.")
    account = acting_invites.invite(mandate_id=mandate.id, actor=officer)
    invited = account.links.get()
    token = acting_token(unit=account.unit, link_id=invited.id)
    code = totp.code_at(acting.secret_of(invited), totp.step_of(clock.real_now().timestamp()))
    acting.set_up(token=token, code=code)
    account.links.update(made_at=clock.now() - acting.BETWEEN_LINKS)
    acting.ask_link(email=LENA.email)
    imports = ("tests.support.kill_at_commit",)
    with running_worker("light", imports=imports), running_beat():
        until(lambda: _done(str(account.id)), what="the link")
    assert kill_at_commit.ACCOUNT in kill_at_commit.marks()
    assert Job.objects.get(kind=acting.ASKED).attempts == 2
    assert account.links.filter(purpose=LinkPurpose.SIGN_IN).count() == 1
    assert Effect.objects.filter(kind="mail.account_link").count() == 1


def _done(subject: str) -> bool:
    return Job.objects.filter(subject=subject, state=JobState.DONE).exists()

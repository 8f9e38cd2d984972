"""Work that failed for good is no dead end: the person goes on, officers see it, start it again."""

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Flag
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import stopped
from dsr_portal.matching.models import Probe
from tests.integration.test_public_site import at, sent, text_of, upload
from tests.support import bad_input
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def fail(**which) -> Job:
    """The job as a worker leaves it after its last try."""
    job = Job.objects.get(**which)
    job.state, job.error_code, job.finished_at = JobState.FAILED, "decoder_gone", clock.now()
    job.save()
    return job


def test_a_photo_whose_check_stopped_is_no_dead_end(site):
    """T-07, R-10: the person is told and sends another; an officer starts the check again."""
    site("public")
    browser = Client()
    case = sent(browser, photo=bad_input.jpeg())
    probe = Probe.objects.get(case=case)
    assert "We are checking your photo" in text_of(browser.get(at("case")))
    job = fail(kind="matching.judge_probe", subject=str(probe.id))
    shown = text_of(browser.get(at("case")))
    assert "We are checking your photo" not in shown
    assert "That is our fault." in shown
    assert stopped.flag_stopped() == 1
    assert Flag.objects.filter(case=case, code="work_stopped").exists()
    support.identified(case)
    site("desk")
    officer = staff("S-1")
    desk = sign_in(Client(), officer)
    page = reverse("desk:case", kwargs={"reference": case.reference})
    assert "The check of the photo stopped" in text_of(desk.get(page))
    desk.post(reverse("desk:again", kwargs={"reference": case.reference}))
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.READY, 0)
    assert Event.objects.filter(type="jobs.requeued", actor_id="S-1").exists()
    with pytest.raises(Conflict, match="nothing_stopped"):
        stopped.start_again(case_id=case.id, actor=actor(officer))
    with pytest.raises(NotAllowed):
        stopped.start_again(case_id=case.id, actor=support.person(case))
    fail(id=job.id)
    site("public")
    new = {"photo": upload(bad_input.jpeg())}
    assert browser.post(at("case_photo", photo_id=probe.id), new).status_code == 302
    assert "We are checking your photo" in text_of(browser.get(at("case")))
    assert not stopped.photos_stopped(case.id)


def test_checks_of_an_erasure_are_repeated_however_often_they_failed():
    """R30: a second failure without a new check in between is started again, too."""
    case = support.decided(support.opened(["erasure"]))
    plan = Plan.objects.create(
        case=case,
        state=PlanState.VERIFYING,
        frozen_at=clock.now(),
        hold_until=clock.now(),
        approver="S-1001",
        approver_role="officer",
        requester_role="officer",
    )
    erasure.enqueue_verify(plan)
    assert not plans.checks_failed(plan)
    for _time in range(2):
        newest = Job.objects.filter(subject=str(plan.id)).latest("created_at")
        fail(id=newest.id)
        assert plans.checks_failed(plan)
        erasure.verify_again(plan_id=plan.id, actor=support.OFFICER)
        assert not plans.checks_failed(plan)
    assert cases.receipt_code(case)

"""The impact assessment, its gate before the search, and its review (P-09, AI-03, B-10; R34)."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pypdfium2
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Status
from dsr_portal.compliance import assessment_paper as paper
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching.models import Search, SearchState
from dsr_portal.policy import assessment
from dsr_portal.policy import services as policy
from dsr_portal.policy.assessment_draft import CODES, OPEN_POINT
from dsr_portal.policy.assessment_models import Assessment, AssessmentReview, AssessmentState
from dsr_portal.policy.models import Setting
from tests.support import matching as support
from tests.support.assessed import DIRECTOR, DPO, WRITER, approved, said, written
from tests.support.gallery import own_places
from tests.support.matching import Told, actor, identify, opened, sign_in, staff, work
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
OFFICER = Actor("S-1", "officer", "staff")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The gate as an installation begins: nothing is approved."""
    monkeypatch.setattr(support, "assessed", lambda: None)
    return support.told(monkeypatch)


def a_waiting_case() -> Any:
    case = opened()
    work()
    identify(case, actor(staff("S-1")))
    work()
    case.refresh_from_db()
    return case


def change(name: str, value: float) -> Setting:
    """Two persons and the advice put a value in force."""
    row = policy.propose(
        actor=WRITER, name=name, value=value, reason="Measured anew", dpia_note="Section 3"
    )
    policy.advise(actor=DPO, setting_id=row.id, advice="Heard.")
    return row


# -- the gate -----------------------------------------------------------------------------------


def test_no_face_is_compared_before_a_version_is_approved(gate: Told) -> None:
    """P-09: the search waits, without an attempt lost, and begins by itself once one is."""
    case = a_waiting_case()
    assert case.status == Status.SEARCHING
    job = Job.objects.get(kind="matching.search")
    assert (gate.searches, job.state, job.attempts) == (0, JobState.READY, 0)
    assert job.error_code == assessment.MISSING
    assert Search.objects.get().state == SearchState.RUNNING
    approved()
    work()
    case.refresh_from_db()
    assert (gate.searches, case.status) == (1, Status.IN_REVIEW)


def test_a_gate_that_stays_closed_uses_no_attempt_up(
    gate: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P-09: however long the director takes, the search never fails for it."""
    travel = Travel(monkeypatch, "2026-09-10")
    case = a_waiting_case()
    for day in range(11, 31):
        travel.to(f"2026-09-{day}")
        for job in Job.objects.filter(kind="matching.search"):
            assert jobs.run(job.id)
    job = Job.objects.get(kind="matching.search")
    assert (job.state, job.attempts, gate.searches) == (JobState.READY, 0, 0)
    approved()
    work()
    case.refresh_from_db()
    assert case.status == Status.IN_REVIEW


@pytest.mark.parametrize(("name", "value"), [("recognition_model", 2), ("review_threshold", 0.61)])
def test_a_change_of_model_or_threshold_opens_a_task_and_closes_the_gate(
    gate: Told, name: str, value: float
) -> None:
    """P-09: change the model: a task opens; search blocked until a version is approved."""
    approved()
    row = change(name, value)
    task = AssessmentReview.objects.get()
    assert (task.setting, task.value, task.why) == (name, value, "proposed")
    assert Event.objects.filter(type="assessment.review_opened").count() == 1
    assert assessment.closed() is None, "the old value serves until the new one is approved"
    policy.approve(actor=DIRECTOR, setting_id=row.id)
    why = assessment.closed()
    assert why is not None
    assert (why.code, why.settings) == (assessment.OUTGROWN, (name,))
    case = a_waiting_case()
    assert gate.searches == 0
    approved()
    assert AssessmentReview.objects.get().closed_by == assessment.in_force()
    work()
    case.refresh_from_db()
    assert (gate.searches, case.status) == (1, Status.IN_REVIEW)


def test_a_version_approved_while_a_change_waits_covers_it(gate: Told) -> None:
    """P-09: who assesses first and changes after has no day without searches."""
    approved()
    row = change("review_threshold", 0.61)
    approved()
    assert not assessment.reviews()
    policy.approve(actor=DIRECTOR, setting_id=row.id)
    assert assessment.closed() is None


def test_a_change_that_is_turned_down_closes_its_task(gate: Told) -> None:
    approved()
    row = change("review_threshold", 0.61)
    policy.reject(actor=WRITER, setting_id=row.id)
    assert not assessment.reviews()
    assert Event.objects.get(type="assessment.review_closed").data["covered"] is False


def test_a_threshold_an_operator_sets_closes_the_gate_too(gate: Told, settings: Any) -> None:
    """P-09: a variable of the machine is no way round; the regular run opens the task."""
    approved()
    settings.DSR_REVIEW_THRESHOLD = 0.5
    assert assessment.closed() is not None
    assessment.keep_reviews()
    assert [one.setting for one in assessment.reviews()] == ["review_threshold"]
    assessment.keep_reviews()
    assert AssessmentReview.objects.count() == 1


def test_a_search_that_waited_never_runs_under_a_value_nobody_assessed(
    gate: Told, settings: Any
) -> None:
    """P-09: queued under a threshold that was taken back, it takes the one in force."""
    approved()
    good = settings.DSR_REVIEW_THRESHOLD
    settings.DSR_REVIEW_THRESHOLD = 0.5
    a_waiting_case()
    assert Search.objects.get().threshold == 0.5
    settings.DSR_REVIEW_THRESHOLD = good
    jobs.wake(assessment.OUTGROWN)
    work()
    assert (Search.objects.get().threshold, gate.searches) == (good, 1)


def test_a_later_period_of_keeping_is_a_task_and_closes_nothing(gate: Told) -> None:
    """R34: retention is part of the assessment, but no face is compared by it."""
    approved()
    policy.approve(actor=DIRECTOR, setting_id=change("package_days", 42).id)
    assert [one.setting for one in assessment.reviews()] == ["package_days"]
    assert assessment.closed() is None


# -- writing, advice, approval ------------------------------------------------------------------


def test_the_shipped_draft_is_plainly_a_draft_and_cannot_be_closed() -> None:
    """P-09, AI-03: every part has an open point or nothing, and the class has to be chosen."""
    version = assessment.begin(actor=WRITER)
    assert all(OPEN_POINT in version.sections[code] for code in CODES)
    absent = assessment.missing(version)
    assert len(absent) == len(CODES) + 2
    with pytest.raises(Conflict, match="assessment_unfinished"):
        assessment.submit(assessment_id=version.id, actor=WRITER)
    assert paper.short_answer(version).startswith("DRAFT.")


@pytest.mark.parametrize("empty", ["ai_class", "ai_class_by", "ai_class_on"])
def test_an_empty_class_author_or_date_keeps_the_gate_closed(empty: str) -> None:
    """AI-03: the memo names its class, author and date, or nothing is approved."""
    nothing = None if empty == "ai_class_on" else ""
    version = written(submit=False, **{empty: nothing})
    with pytest.raises(Conflict, match="assessment_unfinished"):
        assessment.submit(assessment_id=version.id, actor=WRITER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(id=version.id).update(state="submitted")


def test_a_high_risk_that_is_left_needs_the_authority_asked() -> None:
    """P-09, Art. 36: who says the risk stays high says whom they asked and when."""
    version = written(submit=False, risk_stays_high=True)
    assert len(assessment.missing(version)) == 1
    more = said(risk_stays_high=True, consulted="NL", consulted_on=clock.today())
    assessment.write(assessment_id=version.id, sections={}, said=more, actor=WRITER)
    assert not assessment.missing(assessment.by_id(version.id))
    with pytest.raises(BadInput, match="no_authority"):
        assessment.write(
            assessment_id=version.id, sections={}, said=said(consulted="XX"), actor=WRITER
        )


def test_advice_first_then_a_director_who_did_not_write_it() -> None:
    """P-09, G-01, G-02: two persons and the advice, in the services and in the database."""
    version = written()
    with pytest.raises(Conflict, match="needs_advice"):
        assessment.approve(assessment_id=version.id, actor=DIRECTOR)
    for nobody in (WRITER, DIRECTOR, OFFICER):
        with pytest.raises(NotAllowed, match="dpo_only"):
            assessment.advise(assessment_id=version.id, advice="Fine", actor=nobody)
    assessment.advise(assessment_id=version.id, advice="Against it.", actor=DPO)
    for nobody in (WRITER, DPO, OFFICER, Actor.operator()):
        with pytest.raises(NotAllowed, match="assessment_role"):
            assessment.approve(assessment_id=version.id, actor=nobody)
    itself = Actor(WRITER.id, "director", "staff")
    with pytest.raises(NotAllowed, match="second_person"):
        assessment.approve(assessment_id=version.id, actor=itself)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.update(state="in_force", approved_by=WRITER.id, approved_at=clock.now())
    done = assessment.approve(assessment_id=version.id, actor=DIRECTOR)
    assert (done.state, done.approved_by) == (AssessmentState.IN_FORCE, DIRECTOR.id)
    event = Event.objects.get(type="assessment.approved")
    assert (event.actor_id, event.data["advised_by"]) == (DIRECTOR.id, DPO.id)


def test_who_ever_wrote_in_a_version_does_not_approve_it() -> None:
    """R34, G-01: also not where another person saved it afterwards, and submitted it."""
    director = Actor("L-7", "director", "staff")
    version = assessment.begin(actor=director)
    texts = dict.fromkeys(CODES, "Written.")
    assessment.write(assessment_id=version.id, sections=texts, said=said(), actor=director)
    assessment.write(assessment_id=version.id, sections={}, said=said(), actor=WRITER)
    assessment.submit(assessment_id=version.id, actor=WRITER)
    version = assessment.advise(assessment_id=version.id, advice="Fine.", actor=DPO)
    assert version.written_by == WRITER.id
    with pytest.raises(NotAllowed, match="second_person"):
        assessment.approve(assessment_id=version.id, actor=director)
    assert assessment.approve(assessment_id=version.id, actor=DIRECTOR).approved_by == DIRECTOR.id


def test_a_text_that_is_opened_again_loses_its_advice() -> None:
    """G-02: advice was about another text."""
    version = written()
    assessment.advise(assessment_id=version.id, advice="Fine.", actor=DPO)
    assessment.send_back(assessment_id=version.id, actor=DIRECTOR)
    version.refresh_from_db()
    assert (version.state, version.advice, version.covers) == (AssessmentState.DRAFT, "", {})


def test_a_newer_version_replaces_the_one_in_force_and_both_stay() -> None:
    first, second = approved(), approved()
    first.refresh_from_db()
    assert (first.state, second.version) == (AssessmentState.REPLACED, first.version + 1)
    assert assessment.in_force_at(clock.now()) == second.version


# -- on paper -----------------------------------------------------------------------------------


def test_the_export_names_class_author_date_and_the_council_of_europe(settings: Any) -> None:
    """AI-03, B-10, P-09: PDF and Markdown say the same, and who answers for it by name."""
    staff("L-9900", Role.DIRECTOR)
    version = approved()
    text = paper.markdown(version)
    document = pypdfium2.PdfDocument(paper.pdf(version))
    printed = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    for line in (
        "treated as high-risk (Annex III(1)(a))",
        "Person V-9900",
        "Council of Europe, Guidelines on facial recognition",
        "What we say about risks.",
        "Art. 35(9) GDPR",
        "Test it once a year.",
        "Person L-9900 (L-9900)",
    ):
        assert line in text, line
        assert line in printed, line
    assert "DEMO" in text


# -- the desk -----------------------------------------------------------------------------------


def test_at_the_desk_a_version_is_written_advised_on_and_approved(site: Any) -> None:
    """P-09: the page says why nothing runs, each step is one person's, and files can be taken."""
    site("desk")
    chief, dpo, head = (
        sign_in(Client(), staff(number, role))
        for number, role in (("V-1", Role.SUPERVISOR), ("D-1", Role.DPO), ("L-1", Role.DIRECTOR))
    )
    page, act = reverse("desk:assessment"), reverse("desk:assessment_act")
    assert "No face search runs" in chief.get(page).content.decode()
    chief.post(act, {"do": "begin"})
    assert "[TO COMPLETE" in chief.get(page).content.decode()
    form = {code: f"About {code}." for code in CODES}
    refused = chief.post(act, {"do": "submit", **form})
    assert refused.status_code == 422
    assert "About risks." in refused.content.decode()
    form |= {"risk_stays_high": "no", "ai_class": "by_design", "ai_class_by": "Person V-1"}
    assert chief.post(act, {"do": "submit", **form, "ai_class_on": str(clock.today())}).url == page
    assert head.post(act, {"do": "approve"}).status_code == 409
    assert dpo.post(act, {"do": "advise", "advice": "Heard."}).url == page
    assert chief.post(act, {"do": "approve"}).status_code == 403
    assert head.post(act, {"do": "approve"}).url == page
    assert "Searches may run" in head.get(page).content.decode()
    version = assessment.in_force()
    assert version is not None
    names = {"assessment_id": version.id}
    pdf = dpo.get(reverse("desk:assessment_file", kwargs={**names, "kind": "pdf"}))
    assert pdf.content.startswith(b"%PDF")
    text = dpo.get(reverse("desk:assessment_file", kwargs={**names, "kind": "md"}))
    assert b"About risks." in text.content
    other = reverse("desk:assessment_file", kwargs={**names, "kind": "exe"})
    assert dpo.get(other).status_code == 404


def test_the_case_says_what_its_search_waits_for(site: Any, gate: Told) -> None:
    site("desk")
    case = a_waiting_case()
    browser = sign_in(Client(), staff("S-2"))
    text = browser.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "The search waits for the impact assessment" in text


# -- before the start ---------------------------------------------------------------------------


def test_the_check_before_the_start_says_that_nothing_runs(settings: Any) -> None:
    """P-09: an error in production once there is somebody who could approve."""

    def checked() -> str:
        err = StringIO()
        call_command("check", deploy=True, databases=["default"], fail_level="CRITICAL", stderr=err)
        return err.getvalue()

    assert "policy.E001" in checked(), "a notice before there are accounts"
    staff("L-1", Role.DIRECTOR)
    assert "policy.E001" in checked(), "a warning outside production"
    settings.DSR_PRODUCTION = True
    from dsr_portal.policy.checks import impact_assessment_is_approved as check

    (found,) = check(databases=["default"])
    assert found.is_serious()
    with pytest.raises(SystemCheckError, match=r"policy\.E001"):
        call_command("check", deploy=True, databases=["default"], stderr=StringIO())
    # An update goes on while nobody approved yet: `migrate` asks the checks without those of it.
    with pytest.raises(SystemCheckError) as others:
        call_command("check", databases=["default"], stderr=StringIO())
    assert "policy.E001" not in str(others.value)
    approved()
    assert not check(databases=["default"])

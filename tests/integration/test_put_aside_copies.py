"""Copies of what is put aside, and pictures put aside in which no face is enrolled (law C-09)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed
from dsr_portal.core.registries import purgers, schedule
from dsr_portal.erasure import duplicates, freed, services
from dsr_portal.erasure.models import Plan, PlanState, WaitCode
from dsr_portal.gallery import asides_end, covers, putting_aside
from dsr_portal.gallery.models import PutAside, Record, SourceImage
from dsr_portal.jobs.models import Job
from dsr_portal.matching import asides
from dsr_portal.matching.models import Verdict
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support import matching
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)

ABUSE, INTIMATE = PutAside.Kind.ABUSE, PutAside.Kind.INTIMATE
CHIEF = Actor("S-2001", "supervisor", "staff")
OTHER_CHIEF = Actor("S-2002", "supervisor", "staff")
ERASED = SourceImage.State.ERASED


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def gone(shown: lab.Shown) -> bool:
    return SourceImage.objects.get(id=shown.image.id).state == ERASED


def aside_of(shown: lab.Shown) -> PutAside:
    return PutAside.objects.get(image=shown.image)


def put_aside(shown: lab.Shown, case: Case, kind: str) -> PutAside:
    return putting_aside.put_aside(
        image_id=shown.image.id, case_id=case.id, kind=kind, actor=support.OFFICER
    )


def confirmed(shown: lab.Shown, case: Case, kind: str) -> PutAside:
    row = put_aside(shown, case, kind)
    return putting_aside.confirm(put_aside_id=row.id, kind=kind, actor=CHIEF)


def is_freed(row: PutAside) -> None:
    told = {"told_to": "POLICE", "told_on": date(2020, 1, 2), "reference": "VIK 2"}
    putting_aside.report(put_aside_id=row.id, actor=CHIEF, **told)
    putting_aside.free(put_aside_id=row.id, reference="VIK 3", actor=OTHER_CHIEF)


def gone_on(plan: Plan) -> Plan:
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    return plan


def planned_with_copy() -> tuple[Plan, lab.Shown]:
    """An intimate picture goes, and a copy of it without a face was found."""
    matching.staff(CHIEF.id, Role.SUPERVISOR)
    own = lab.picture(1)
    copy = lab.picture(2, faces=0, data=lab.changed(own.picture))
    case = lab.ready_case([own.records[0]])
    row = confirmed(own, case, INTIMATE)
    for candidate in asides.to_say(row, CHIEF):
        asides.say(candidate_id=candidate.id, verdict=Verdict.SAME, actor=CHIEF)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.DUPLICATES)
    return plan, copy


def seniors_say(plan: Plan, verdict: str) -> None:
    (row,) = plan.duplicates.all()
    for who in (CHIEF, OTHER_CHIEF):
        duplicates.decide(duplicate_id=row.id, verdict=verdict, actor=who)


def test_a_copy_put_aside_is_not_erased_before_a_senior_looked() -> None:
    """C-09: officers are not asked about it; two seniors' "goes" waits for what it is."""
    plan, copy = planned_with_copy()
    assert aside_of(copy).state == PutAside.State.SEEN
    (row,) = plan.duplicates.all()
    with pytest.raises(NotAllowed, match="put_aside"):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=support.OFFICER)
    seniors_say(plan, "goes")
    gone_on(plan)
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.PUT_ASIDE)
    assert not gone(copy)
    putting_aside.confirm(put_aside_id=aside_of(copy).id, kind=INTIMATE, actor=CHIEF)
    gone_on(plan)
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    assert gone(copy)


def test_a_copy_put_aside_in_the_hold_window_stays(settings: Any) -> None:
    """C-09: decided by two officers before anybody pressed; the press comes first."""
    own = lab.picture(1)
    copy = lab.picture(2, faces=0, data=lab.changed(own.picture))
    case = lab.ready_case([own.records[0]])
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    (row,) = plan.duplicates.all()
    for who in (support.OFFICER, support.SECOND):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=who)
    settings.DSR_HOLD_MINUTES = 60
    services.resume_waiting()
    plan.refresh_from_db()
    assert plan.state == PlanState.HOLD
    put_aside(copy, case, INTIMATE)
    services.end_hold(plan_id=plan.id, actor=lab.OPERATOR)
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.PUT_ASIDE)
    assert not gone(copy)


def test_a_copy_kept_for_the_police_stays_and_the_rest_goes() -> None:
    """C-09: as records of such a picture are, it is left out of the plan, and of its certificate;
    freed later it goes by a plan of its own."""
    plan, copy = planned_with_copy()
    seniors_say(plan, "goes")
    row = putting_aside.confirm(put_aside_id=aside_of(copy).id, kind=ABUSE, actor=CHIEF)
    gone_on(plan)
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    assert not gone(copy)
    is_freed(row)
    assert freed.start_due() == 1
    lab.run_all()
    assert gone(copy)
    assert duplicates.pictures_that_go(plan) == []


def test_officers_see_that_others_decide_and_seniors_where_to_look(site: Any, client: Any) -> None:
    """C-09, R19: the page of copies shows nothing of what is put aside."""
    plan, copy = planned_with_copy()
    site("desk")
    address = reverse("desk:duplicates", kwargs={"reference": plan.case.reference})
    page = matching.sign_in(client, matching.staff("P-1")).get(address).content.decode()
    assert "Another person decides this one." in page
    assert "<img" not in page.partition("<h1>")[2]
    chief = matching.sign_in(client, matching.staff("P-9", Role.SUPERVISOR))
    page = chief.get(address).content.decode()
    assert reverse("desk:aside", kwargs={"put_aside_id": aside_of(copy).id}) in page
    assert "A copy: it goes too" in page


def test_a_freed_picture_without_a_record_is_erased() -> None:
    """C-09: no face was enrolled in it, or none stands any more; copies were not decided."""
    shown = lab.picture(1, faces=0)
    copy = lab.picture(2, faces=0, data=lab.changed(shown.picture))
    case = lab.ready_case([lab.picture(3).records[0]])
    row = confirmed(shown, case, ABUSE)
    is_freed(row)
    assert freed.start_due() == 1
    assert freed.start_due() == 0
    lab.run_all()
    plan = Plan.objects.get(own=True)
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    assert (plan.requested_by, plan.approver) == (CHIEF.id, OTHER_CHIEF.id)
    assert gone(shown)
    assert vault.unit_state(shown.image.unit) == vault.UnitState.SHREDDED
    assert not lab.found_in_files(lab.plain_patterns(shown)[:3])
    assert not plan.verifications.filter(found__gt=0).exists()
    assert Record.objects.exclude(state=Record.State.ERASED).count() == 1
    assert not gone(copy)


# -- how long it stands --------------------------------------------------------------------------


def purged(case: Case) -> None:
    cases.withdraw(case_id=case.id, actor=support.person(case))
    cases.purge(case_id=case.id, actor=Actor.system("case-schedule"))


def asked() -> Case:
    return lab.ready_case([lab.picture(90).records[0]], rights=("access",))


def test_of_an_intimate_picture_the_request_is_forgotten_with_its_case() -> None:
    """C-09: it stays covered, for its kind is the picture's; nothing says in whose request it was
    found, and no reason in words is left. A released one leaves no row."""
    intimate, released, unseen = (lab.picture(seed) for seed in (1, 2, 3))
    case = asked()
    row = confirmed(intimate, case, INTIMATE)
    putting_aside.release(put_aside_id=row.id, reason="Her swimsuit.", actor=CHIEF)
    put_aside(unseen, case, INTIMATE)
    other = confirmed(released, case, ABUSE)
    for who in (CHIEF, OTHER_CHIEF):
        putting_aside.release(put_aside_id=other.id, reason="A statue.", actor=who)
    assert asides_end.end_due() == 0, "the case stands: nothing is forgotten"
    purged(case)
    row.refresh_from_db()
    assert (row.case_id, row.kind, row.release_reason) == (None, INTIMATE, "")
    assert covers.is_covered(intimate.image.id)
    assert not PutAside.objects.filter(image=released.image).exists()
    assert aside_of(unseen).case_id == case.id, "nobody looked: it may be abuse, and need the case"
    vault.shred_now([case.file_unit], reason="purged")
    putting_aside.confirm(put_aside_id=aside_of(unseen).id, kind=INTIMATE, actor=CHIEF)
    assert asides_end.end_due() == 1
    assert aside_of(unseen).case_id is None
    assert asides_end.end_due() == 0


def test_an_erased_picture_leaves_neither_case_nor_kind() -> None:
    """C-09: the row alone still covers what was handed out before; the case need not be over."""
    plan, copy = planned_with_copy()
    seniors_say(plan, "goes")
    putting_aside.confirm(put_aside_id=aside_of(copy).id, kind=INTIMATE, actor=CHIEF)
    gone_on(plan)
    assert plan.state == PlanState.DONE
    assert asides_end.end_due() == 2
    assert set(PutAside.objects.values_list("case_id", "kind")) == {(None, "")}
    assert covers.is_covered(copy.image.id)


def test_what_authorities_were_told_is_kept_for_a_term_and_then_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C-09, L-23: with case, kind and reference, as long as an order; counted from their word."""
    travel = Travel(monkeypatch, "2026-03-02")
    shown, kept = lab.picture(1, faces=0), lab.picture(2)
    case = asked()
    row = confirmed(shown, case, ABUSE)
    confirmed(kept, case, ABUSE)
    is_freed(row)
    SourceImage.objects.filter(id=shown.image.id).update(state=ERASED)
    asides_end.purge(case_id=case.id, actor=Actor.system("case-schedule"), reason="purged")
    travel.to("2029-03-01")
    asides_end.end_due()
    row.refresh_from_db()
    assert (row.case_id, row.kind, row.told_reference) == (case.id, ABUSE, "VIK 2")
    travel.to("2029-03-02")
    assert asides_end.end_due() == 1
    assert not PutAside.objects.filter(id=row.id).exists()
    assert aside_of(kept).case_id == case.id, "it stands, and police may need it"


def test_the_schedule_and_the_purge_of_a_case_know_of_it() -> None:
    """C-09: by itself, not by a call of a test."""
    assert purgers.get("gallery.put_aside") is asides_end.purge
    assert schedule.get("gallery.put_aside").run is asides_end.end_due

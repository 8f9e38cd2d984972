"""Steps towards others who published a copy, and the confirmation that waits for them (E-07)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases.models import Status
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState, WaitCode
from dsr_portal.gallery import copies
from dsr_portal.gallery.models import Record
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "Wrote to their form, answer number 4711."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


def asked(case: Any) -> Any:
    return copies.add(
        case_id=case.id,
        controller="Search engine Ltd",
        address="https://a.example/x",
        actor=support.OFFICER,
    )


def step(
    task: Any, words: str = "Wrote to their form, answer number 4711.", way: str = "FORM"
) -> Any:
    return copies.add_step(
        case_id=task.case_id, copy_id=task.id, way=way, words=words, actor=support.OFFICER
    )


def settled(task: Any, result: str = "DONE", reason: str = "") -> None:
    copies.settle(
        case_id=task.case_id, copy_id=task.id, result=result, reason=reason, actor=support.SECOND
    )


def test_a_published_copy_has_steps_with_what_shows_them_and_then_a_result() -> None:
    """E-07: neither a step without words nor a result without a step, unless none was left."""
    case = lab.ready_case([lab.picture(1).records[0]])
    task = asked(case)
    for bad in ({"words": "  "}, {"words": "x" * 501}, {"way": "PIGEON"}):
        with pytest.raises(BadInput):
            step(task, **bad)
    for result in ("DONE", "REFUSED"):
        with pytest.raises(BadInput, match="copy_without_step"):
            settled(task, result, "Nothing was done.")
    made = step(task)
    assert copies.words_of(made) == ASKED
    step(task, "Looked on 3 June: the page is gone.", "LOOKED")
    settled(task)
    with pytest.raises(Conflict, match="copy_settled"):
        step(task)
    other = asked(case)
    with pytest.raises(BadInput):
        settled(other, "NOT_REASONABLE")
    settled(other, "NOT_REASONABLE", "The site is offline.")
    names = [one.type for one in events_for_case(case.id) if one.type.startswith("copy.")]
    assert names.count("copy.step_done") == 2
    assert "4711" not in str([one.data for one in events_for_case(case.id)])


def test_erased_is_not_confirmed_while_a_step_towards_others_is_open(settings: Any) -> None:
    """E-07, R30, E-14: erased and checked on time, the kit ends; the certificate waits and says."""
    settings.DSR_HOLD_MINUTES = 0
    own = lab.picture(1)
    case = lab.ready_case([own.records[0]])
    task = asked(case)
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
    assert (plan.state, plan.waits_for) == (PlanState.VERIFYING, WaitCode.COPIES)
    assert plan.verified_at is not None
    assert plan.document_id is None
    assert case.status == Status.ERASING
    assert case.flags.filter(code="copies_to_settle").exists()
    assert plan.kit_unit is not None
    assert vault.unit_state(plan.kit_unit) == vault.UnitState.SHREDDED
    assert erasure.certify_settled() == 0

    step(task)
    settled(task, "REFUSED", "They say it is news.")
    assert erasure.certify_settled() == 1
    assert erasure.certify_settled() == 0
    lab.run_all()
    plan.refresh_from_db()
    case.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.DONE, "")
    assert case.status == Status.CLOSED
    assert plan.document_id is not None
    said = text_of(documents.open_document(plan.document_id))
    assert "Others who published a copy" in said
    assert "Search engine Ltd" in said
    assert "refused by the other controller" in said
    assert own.page.split("/")[2] in said.replace(" ", ""), "the kit's addresses are printed still"


def test_the_desk_says_what_the_certificate_waits_for(settings: Any, site: Any) -> None:
    settings.DSR_HOLD_MINUTES = 0
    case = lab.ready_case([lab.picture(1).records[0]])
    task = asked(case)
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    site("desk")
    browser = sign_in(Client(), staff("B-1"))
    page = browser.get(f"/cases/{case.reference}/").content.decode()
    assert "Settle the steps about published copies" in page
    where = f"/cases/{case.reference}/copies/"
    assert where in page
    bad = browser.post(f"{where}{task.id}/step/", {"way": "MAIL", "words": ""}, follow=True)
    assert "what shows it, in 500 characters" in bad.content.decode()
    shown = browser.post(
        f"{where}{task.id}/step/", {"way": "MAIL", "words": "Asked by mail, 4711."}, follow=True
    ).content.decode()
    assert "by e-mail" in shown
    assert "Asked by mail, 4711." in shown
    done = browser.post(f"{where}{task.id}/", {"result": "DONE", "reason": ""}, follow=True)
    assert "removed" in done.content.decode()
    assert erasure.certify_settled() == 1

"""The saga of an erasure in one process: plan, hold, steps, checks, certificate (E-04 to E-15)."""

from __future__ import annotations

import io
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import complaint
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Delivery, Flag, Outcome, Status
from dsr_portal.compliance import retention
from dsr_portal.compliance.models import Pictures
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.documents import services as documents
from dsr_portal.documents.claims import big_words
from dsr_portal.erasure import certificate, grounds, selectors, services, verification
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure import places as places_of_scan
from dsr_portal.erasure.models import Plan, PlanState, StepState, Verification, WaitCode
from dsr_portal.gallery import connector, hashes
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery import services as gallery_services
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching.models import Decision
from dsr_portal.public import deleting
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault import shredding
from dsr_portal.vault.confined import decode_picture
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.assessed import no_other_systems
from tests.support.matching import actor, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def now(settings: Any) -> None:
    settings.DSR_HOLD_MINUTES = 0


def states(plan: Plan) -> dict[str, str]:
    return dict(plan.verifications.values_list("store", "state"))


def erased(case: Case, actor: Actor = support.OFFICER) -> Plan:
    plan = services.start_erasure(case_id=case.id, actor=actor)
    lab.run_all()
    plan.refresh_from_db()
    return plan


def test_what_was_confirmed_is_gone_and_the_others_stay(now: None) -> None:
    """N-14, E-04, E-12, E-14, R30: files, index, doors of the gallery; survivors open and are
    found."""
    own, group = lab.picture(1), lab.picture(2, faces=2)
    stranger = lab.picture(3)
    lab.seen_by(own.records[0])
    mine = [own.records[0], group.records[0]]
    recognition.seal_shards()
    case = lab.ready_case(mine)
    looked_for = lab.plain_patterns(own)[:3] + [
        own.templates[0][64:112],
        group.templates[0][64:112],
    ]
    # The canary seen first: in the decrypted data, and in memory of the index.
    assert looked_for[0] in connector.current().picture(own.image.id)
    assert looked_for[3] in vault.read(mine[0].unit, "template")
    with holders.holder().current() as held:
        assert held.index.contains(mine[0].id)

    plan = erased(case)

    assert plan.state == PlanState.DONE, list(
        Job.objects.values_list("kind", "state", "error_code")
    )
    assert not lab.found_in_files(looked_for)
    with holders.holder().current() as held:
        assert not any(held.index.contains(record.id) for record in mine)
        assert held.index.contains(group.records[1].id)
        assert held.index.contains(stranger.records[0].id)
    for record in mine:
        assert vault.unit_state(record.unit) == vault.UnitState.SHREDDED
        assert Record.objects.get(id=record.id).state == Record.State.ERASED
        with pytest.raises(vault.Shredded):
            connector.current().face(record.id)
    assert gallery.by_address(own.page) == [] == gallery.by_file(own.picture)
    assert blocked(page=own.page)
    assert blocked(image=group.file)
    assert blocked(file_hash=hashes.of_file(group.picture))
    survivor = Record.objects.get(id=group.records[1].id)
    assert survivor.state == Record.State.HELD
    assert survivor.image_id != group.image.id
    facts = connector.current().facts(survivor.image_id)
    assert (facts.page_url, facts.caption) == (group.page, "")
    box = connector.current().face(survivor.id).box
    shown = decode_picture(connector.current().picture(survivor.image_id))
    assert verification._is_flat(shown, [40, 60, 90, 110, *lab.SIDE])
    assert not verification._is_flat(shown, [*box, *lab.SIDE])
    assert lab.plain_patterns(stranger)[0] in connector.current().picture(stranger.image.id)

    found = states(plan)
    for store in (
        "pictures",
        "face_codes",
        "request_photo",
        "index_files",
        "search_index",
        "files",
        "look_ups",
        "vault_files",
        "shared_pictures",
        "block_list",
        "kit",
    ):
        assert found[store] == "verified", store
    # In one process nobody replaces it, and that is what is said.
    assert found["search_memory"] == "unverified"
    assert found["answer_package"] == "pending"
    assert found["recipients"] == found["source_system"] == "needs_person"
    assert found["query_pictures"] == "needs_person"
    assert found["backups"] == found["other_processes"] == "unverified"
    assert not plan.verifications.filter(found__gt=0).exists()

    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.CLOSED, Outcome.ERASED)
    assert all(step.state == StepState.DONE for step in selectors.steps(case.id))
    names = list(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    for name in (
        "erasure.planned",
        "erasure.started",
        "erasure.shredded",
        "erasure.verified",
        "erasure.kit_destroyed",
        "erasure.certified",
    ):
        assert names.count(name) == 1, name
    assert names.count("erasure.step_done") == plan.steps.count()
    assert names.index("erasure.verified") < names.index("erasure.kit_destroyed")
    assert audit.verify().ok


def test_the_certificate_says_what_was_checked_and_no_more(now: None) -> None:
    """Law 9(c), R15, R30: its text is parsed; it leaves with the daily batch as every answer."""
    import pypdfium2

    own, group = lab.picture(11), lab.picture(12, faces=2)
    lab.seen_by(own.records[0], "Lumen Analytics")
    case = lab.ready_case([own.records[0], group.records[0]])
    plan = erased(case)
    assert plan.document_id is not None
    pdf = documents.open_document(plan.document_id)
    assert documents.verify(pdf).intact
    pages = pypdfium2.PdfDocument(pdf)
    text = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    assert "Your 2 pictures and their face codes are deleted." in text
    assert "your face in it is covered" in text
    assert "Lumen Analytics" in text
    assert "leaves after the answer to the person" in text
    assert own.page.removeprefix("https://") in text.replace(" ", "")
    for word in ("VERIFIED", "PENDING", "UNVERIFIED", "NEEDS PERSON", "not tested"):
        assert word in text
    assert own.caption not in text
    assert big_words(text.split("How to check this document")[0].split("If you are not")[0]) == []
    delivery = Delivery.objects.get(id=plan.delivery_id)
    assert (delivery.kind, delivery.approved_by) == ("certificate", support.OFFICER.id)
    assert delivery.released_at is None
    cases.release_batch(actor=support.SECOND)
    delivery.refresh_from_db()
    assert delivery.released_at is not None


def test_only_the_person_or_a_reviewer_starts_it_and_only_after_the_answer() -> None:
    """N-06, E-11, R19: asked for, answered first, decided by two."""
    own = lab.picture(21)
    case = support.opened(["access", "erasure"])
    with pytest.raises(NotAllowed):
        services.start_erasure(case_id=case.id, actor=Actor("S-3001", "dpo", "staff"))
    with pytest.raises(NotAllowed):
        services.start_erasure(case_id=case.id, actor=Actor.person(own.image.id))
    with pytest.raises(NotAllowed):
        services.start_erasure(case_id=case.id, actor=Actor.system("beat"))
    support.decided(case)
    lab.decided_on(case, own.records)
    with pytest.raises(Conflict, match="answer_first"):
        services.start_erasure(case_id=case.id, actor=support.OFFICER)
    unasked = lab.ready_case(lab.picture(22).records, rights=["access"])
    with pytest.raises(Conflict, match="erasure_not_asked"):
        services.start_erasure(case_id=unasked.id, actor=support.OFFICER)
    undecided = support.opened(["erasure"])
    with pytest.raises(Conflict, match="not_decided"):
        services.start_erasure(case_id=undecided.id, actor=support.OFFICER)
    assert not Plan.objects.exists()


def test_nothing_goes_before_the_answer_whoever_asks_or_orders_it(now: None) -> None:
    """N-06, E-11: the CNIL ordered to answer open requests and to erase after that. Officer,
    supervisor, the person and the daily run all come too early, also with an order to erase and
    with an answer that is made and has not left; then it goes."""
    own = lab.picture(24)
    record = own.records[0]
    case = support.decided(support.opened(["access", "erasure"]))
    lab.decided_on(case, own.records)
    grounds.order(case_id=case.id, order_id=new_id(), authority_code="FR")
    person, code = support.person(case), cases.receipt_code(case)

    def too_early() -> None:
        for by in (support.OFFICER, support.SUPERVISOR, person):
            with pytest.raises(Conflict):
                services.start_erasure(case_id=case.id, actor=by)
        with pytest.raises(Conflict):
            deleting.delete_now(case=case, code=code)
        services.start_due()
        lab.run_all()
        assert not Plan.objects.exists()
        assert Record.objects.get(id=record.id).state == Record.State.RESTRICTED
        assert connector.current().picture(own.image.id) == own.picture

    too_early()
    no_other_systems()
    part = cases.Part(
        name="answer.txt", media_type="text/plain", unit=case.file_unit, field="intake"
    )
    cases.make_delivery(case=case, kind="answer", actor=support.SECOND, parts=[part])
    too_early()
    cases.release_batch(actor=support.SECOND)
    assert erased(case).state == PlanState.DONE
    assert Record.objects.get(id=record.id).state == Record.State.ERASED


def test_delete_now_by_the_person_is_carried_out_in_the_name_of_who_approved(now: None) -> None:
    own = lab.picture(31)
    case = lab.ready_case(own.records)
    me = support.person(case)
    cases.delete_now(
        case_id=case.id,
        code=cases.receipt_code(case),
        actor=me,
        also=lambda found: services.start_erasure(case_id=found.id, actor=me),
    )
    again = services.start_erasure(case_id=case.id, actor=me)
    lab.run_all()
    again.refresh_from_db()
    assert Plan.objects.count() == 1
    assert (again.state, again.requested_by) == (PlanState.DONE, str(case.id))
    assert again.approver == support.SECOND.id


def test_the_hold_window_can_be_stopped_and_puts_back_what_was_there() -> None:
    """R4: nothing runs before its time; stopping leaves records, case and pictures as before."""
    own = lab.picture(41)
    case = lab.ready_case(own.records)
    delivered_at = case.delivered_at
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    assert plan.state == PlanState.HOLD
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.kit_unit) == (PlanState.HOLD, None)
    services.stop_plan(plan_id=plan.id, actor=support.person(case))
    lab.run_all()
    case.refresh_from_db()
    record = Record.objects.get(id=own.records[0].id)
    assert (case.status, case.delivered_at) == (Status.DELIVERED, delivered_at)
    assert record.state == Record.State.RESTRICTED
    assert own.templates[0] == vault.read(record.unit, "template")
    assert connector.current().picture(own.image.id) == own.picture
    # Another plan may follow, and the stopped one stays in the trail.
    assert services.start_erasure(case_id=case.id, actor=support.OFFICER).id != plan.id
    assert Event.objects.filter(type="erasure.stopped", case_id=case.id).count() == 1
    assert audit.verify().ok


def test_a_started_erasure_cannot_be_stopped(now: None) -> None:
    case = lab.ready_case(lab.picture(42).records)
    plan = erased(case)
    with pytest.raises(Conflict, match="erasure_runs"):
        services.stop_plan(plan_id=plan.id, actor=support.OFFICER)


def test_erasure_only_goes_back_to_decided_when_stopped() -> None:
    case = lab.ready_case(lab.picture(43).records, rights=["erasure"])
    assert case.status == Status.DECIDED
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    services.stop_plan(plan_id=plan.id, actor=support.OFFICER)
    case.refresh_from_db()
    assert (case.status, case.delivered_at) == (Status.DECIDED, None)


def test_another_cases_hold_makes_it_wait_until_that_case_has_decided(now: None) -> None:
    """R1: the other case's candidate comes first; then the plan goes on by itself."""
    own = lab.picture(51)
    case = lab.ready_case(own.records)
    other = support.opened(["access"])
    gallery_services.hold(record_ids=[own.records[0].id], case_id=other.id, actor=support.MACHINE)
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.HELD)
    assert Flag.objects.filter(case=case, code=WaitCode.HELD).exists()
    services.resume_waiting()
    lab.run_all()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED
    gallery_services.release_holds(case_id=other.id, actor=support.OFFICER)
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def test_a_plan_stopped_while_it_was_about_to_go_on_stays_stopped(
    now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4, P-03: the regular run read it as waiting; no other plan is made in its name."""
    own = lab.picture(56)
    case = lab.ready_case(own.records)
    other = support.opened(["access"])
    gallery_services.hold(record_ids=[own.records[0].id], case_id=other.id, actor=support.MACHINE)
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert plan.state == PlanState.WAITING
    gallery_services.release_holds(case_id=other.id, actor=support.OFFICER)

    def stops_first(case_id: Any, actor: Actor) -> None:
        services.stop_plan(plan_id=plan.id, actor=actor)

    monkeypatch.setattr(services, "_flag_conflict_for_staff", stops_first)
    assert services.resume_waiting() == 0
    assert [one.state for one in Plan.objects.filter(case=case)] == [PlanState.STOPPED]
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED


def test_a_case_is_locked_before_its_plan(now: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping and starting take their locks in one order and see what the other wrote."""
    order: list[str] = []
    for name in ("lock", "_locked"):
        real = getattr(services, name)
        monkeypatch.setattr(
            services, name, lambda key, name=name, real=real: order.append(name) or real(key)
        )
    own = lab.picture(57)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    order.clear()
    services.stop_plan(plan_id=plan.id, actor=support.OFFICER)
    assert order[:2] == ["lock", "_locked"]


def test_taking_the_request_back_stops_a_plan_that_waits(now: None) -> None:
    """P-03: nothing waits for ever in the name of a request that is over."""
    own = lab.picture(55)
    case = lab.ready_case(own.records)
    other = support.opened(["access"])
    gallery_services.hold(record_ids=[own.records[0].id], case_id=other.id, actor=support.MACHINE)
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert plan.state == PlanState.WAITING
    deleting.withdraw(case=case)
    plan.refresh_from_db()
    case.refresh_from_db()
    assert (plan.state, case.status) == (PlanState.STOPPED, Status.CLOSED)
    assert services.resume_waiting() == 0


def test_two_cases_that_claim_one_record_are_a_task_and_no_erasure(now: None) -> None:
    """R1: staff are refused with a code, a data subject's wish waits; both cases are flagged."""
    own = lab.picture(61)
    case = lab.ready_case(own.records)
    other = support.opened(["access"])
    lab.decided_on(other, own.records)
    with pytest.raises(Conflict, match="conflict_same_person"):
        services.start_erasure(case_id=case.id, actor=support.OFFICER)
    assert set(Flag.objects.values_list("case_id", flat=True)) == {case.id, other.id}
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.SAME_PERSON)
    services.resume_waiting()
    lab.run_all()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED


@contextmanager
def page_online(picture: bytes) -> Iterator[tuple[str, list[str]]]:
    """A page of somebody's website that goes on showing the picture; who asked for it, in order."""
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/people/somebody", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_still_online_is_erased_and_nobody_looks_whether_it_is(now: None) -> None:
    """N-18: Clearview took only pages off that were down already; here the page makes no odds."""
    shown = lab.noise(91)
    with page_online(shown) as (page, asked):
        own = lab.picture(91, data=shown, page=page)
        plan = erased(lab.ready_case(own.records))
        assert plan.state == PlanState.DONE
        assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
        assert asked == []
        with urllib.request.urlopen(page) as answer:  # noqa: S310 - the server above
            assert answer.read() == shown
    assert asked == ["/people/somebody"]
    assert blocked(page=page)


def test_no_erased_case_closes_without_its_certificate(
    now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-14: erased, checked, and still open while the letter that says so is missing."""
    own = lab.picture(92)
    case = lab.ready_case(own.records)
    with monkeypatch.context() as lost:
        lost.setattr(certificate, "certified", lambda _case: None)
        plan = erased(case)
    case.refresh_from_db()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
    assert plan.state != PlanState.DONE
    assert (case.status, case.deliveries.filter(kind="certificate").count()) == (Status.ERASING, 0)
    Job.objects.filter(kind=services.CERTIFY).update(run_after=clock.now())
    lab.run_all()
    case.refresh_from_db()
    assert (case.status, case.deliveries.filter(kind="certificate").count()) == (Status.CLOSED, 1)


def test_the_papers_for_a_complaint_open_after_everything_was_erased(now: None) -> None:
    """E-16, R25: Art. 77 to 79, 82; what was said and when is there, nothing of what was erased."""
    own = lab.picture(93)
    case = lab.ready_case(own.records)
    assert erased(case).state == PlanState.DONE
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    with zipfile.ZipFile(io.BytesIO(complaint.pack(case=case, actor=support.person(case)))) as pack:
        summary = pack.read(f"{case.reference}-complaint.pdf")
    text = text_of(summary)
    assert "Deleted" in text or "deleted" in text
    assert own.caption not in text
    assert own.page not in text


def test_a_lying_shredder_of_keys_is_caught(now: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """R30: the checks believe no shredder; nothing is certified, the case is flagged."""
    own = lab.picture(71)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)

    def lies(*_: Any, **__: Any) -> shredding.ShredReport:
        return shredding.ShredReport(None, 3, True, ledger_number=1)

    monkeypatch.setattr(vault, "run_shred", lies)
    lab.run_all(["search"])
    plan.refresh_from_db()
    assert (plan.state, plan.document_id) == (PlanState.VERIFYING, None)
    failed = plan.verifications.filter(found__gt=0)
    assert {"pictures", "face_codes"} <= set(failed.values_list("store", flat=True))
    assert not failed.filter(state="verified").exists()
    assert Flag.objects.filter(case=case, code="erasure_not_verified").exists()
    assert Event.objects.filter(type="erasure.verification_failed", case_id=case.id).exists()
    assert Job.objects.get(kind=services.VERIFY).state == JobState.FAILED
    case.refresh_from_db()
    assert case.status == Status.ERASING
    # Repaired, checked again, certified.
    monkeypatch.undo()
    vault.run_shred()
    services.verify_again(plan_id=plan.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def test_a_key_left_in_one_of_two_places_is_caught(now: None, settings: Any) -> None:
    """R26, R30: rows and the first place say destroyed, the second still has the key."""
    own = lab.picture(72)
    case = lab.ready_case(own.records)
    kept = [place.joinpath("ring").read_bytes() for place in settings.DSR_RING]
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all(["search"])
    Verification.objects.all().delete()
    Plan.objects.filter(id=plan.id).update(verified_at=None)
    plan.refresh_from_db()
    assert not [one for one in verification.keys(plan) if one.found]
    settings.DSR_RING[1].joinpath("ring").write_bytes(kept[1])
    assert {one.store for one in verification.keys(plan) if one.found} >= {"face_codes"}


def test_a_row_left_in_a_shard_file_is_caught(now: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """E-04: the index is asked with the erased codes themselves, in memory and in its files."""
    own = lab.picture(73)
    recognition.seal_shards()
    case = lab.ready_case(own.records)
    monkeypatch.setattr(recognition, "apply_erasure", lambda commit=None: 1)
    monkeypatch.setattr(recognition, "erasure_settled", lambda change: True)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    Job.objects.filter(kind="recognition.erase").delete()

    def no_other(kind: str) -> None:
        Job.objects.filter(kind=kind).update(state=JobState.DONE)

    for _round in range(6):
        no_other("recognition.erase")
        if not lab.jobs.run_due(queues=["search"], limit=1):
            break
    plan.refresh_from_db()
    assert plan.state == PlanState.VERIFYING
    assert plan.verifications.get(store="search_index").found >= 1


def test_bytes_left_in_a_file_stop_the_run(now: None, settings: Any) -> None:
    """R30: a copy of a picture in a log is found, flagged, and not reported as erased."""
    own = lab.picture(81)
    case = lab.ready_case(own.records)
    left = settings.DSR_VAR / "log"
    left.mkdir()
    (left / "import.log").write_bytes(b"read " + own.picture[200:] + b" from disk")
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.RUNNING
    assert Job.objects.get(kind=services.RUN).error_code == "erased_bytes_found"
    assert Flag.objects.filter(case=case, code="erasure_not_verified").exists()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASING
    (left / "import.log").unlink()
    lab.jobs.requeue(job_id=Job.objects.get(kind=services.RUN).id, actor=Actor.operator())
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    assert not list(settings.DSR_VAR.glob("erasure-canary*"))


@pytest.mark.parametrize("form", ["template hex", "template text", "caption", "address"])
def test_the_scan_knows_what_was_erased_in_its_other_forms(
    now: None, settings: Any, form: str
) -> None:
    import json

    import numpy as np

    own = lab.picture(82)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    numbers = [float(x) for x in np.frombuffer(own.templates[0], dtype="<f4")]
    forms = {
        "template hex": own.templates[0].hex(),
        "template text": json.dumps(numbers),
        "caption": own.caption,
        "address": own.page,
    }
    kit, _staged = kits.make(plan)
    (settings.DSR_VAR / "left").write_text(forms[form])
    assert places_of_scan.scan(plan, kit.files).found > 0
    (settings.DSR_VAR / "left").unlink()
    assert places_of_scan.scan(plan, kit.files).found == 0


def test_an_import_refuses_what_was_erased(now: None) -> None:
    """E-12: the question an import asks is answered yes, and ended on the person's wish."""
    own = lab.picture(91)
    case = lab.ready_case(own.records)
    erased(case)
    assert blocked(file_hash=hashes.of_file(own.picture))
    gallery_services.unblock(case_id=case.id, actor=support.person(case))
    assert not blocked(file_hash=hashes.of_file(own.picture), page=own.page)


def test_due_cases_are_planned_in_the_name_of_who_approved(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4: 14 days after delivery, or 3 days before the due date."""
    own = lab.picture(101)
    case = lab.ready_case(own.records)
    assert services.start_due() == 0
    later = clock.now() + clock.timedelta(days=15)
    monkeypatch.setattr(services.clock, "now", lambda: later)
    assert services.start_due() == 1
    plan = Plan.objects.get(case=case)
    assert (plan.requested_by, plan.requester_role) == (support.SECOND.id, support.SECOND.role)
    assert services.start_due() == 0


def test_patterns_older_than_a_day_are_destroyed_whatever_happened(
    now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R30: the kit lives at most 24 hours; then the checks say what they can't repeat."""
    own = lab.picture(111)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.jobs.run_due(queues=["search"], limit=1)
    plan.refresh_from_db()
    assert plan.state == PlanState.VERIFYING
    later = clock.now() + clock.timedelta(hours=25)
    monkeypatch.setattr(services.clock, "now", lambda: later)
    assert services.expire_kits() == 1
    vault.run_shred()
    assert plan.kit_unit is not None
    assert vault.unit_state(plan.kit_unit) == vault.UnitState.SHREDDED
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    assert states(plan)["search_index"] == "unverified"
    assert states(plan)["face_codes"] == "verified"


def test_the_trail_and_the_rows_hold_nothing_of_what_was_erased(now: None) -> None:
    """E-15, L-21: plan, steps, units and checks are ids, counts and codes."""
    own = lab.picture(121)
    case = lab.ready_case(own.records)
    plan = erased(case)
    exported = str(audit.export(case_id=case.id))
    for text in (own.page, own.caption, own.templates[0].hex(), own.file):
        assert text not in exported
    assert plan.kit_unit is not None
    assert vault.unit_state(plan.kit_unit) == vault.UnitState.SHREDDED
    assert kits.open_kit(plan) is None
    assert kits.open_templates(plan) == []


def test_a_picture_shared_with_a_plan_in_its_hold_window_is_covered(settings: Any) -> None:
    """Two people of one picture: the one whose hold still runs may yet stop, and keeps theirs."""
    group = lab.picture(131, faces=2)
    first, second = (lab.ready_case([record]) for record in group.records)
    settings.DSR_HOLD_MINUTES = 60
    held = services.start_erasure(case_id=second.id, actor=support.OFFICER)
    settings.DSR_HOLD_MINUTES = 0
    plan = erased(first)
    assert plan.state == PlanState.DONE
    survivor = Record.objects.get(id=group.records[1].id)
    image = SourceImage.objects.get(id=survivor.image_id)
    assert (image.state, image.covered_from_id) == (SourceImage.State.SEARCHABLE, group.image.id)
    # The other's time comes: nobody else is left in the picture, so it goes as a whole.
    services.end_hold(plan_id=held.id, actor=Actor.operator())
    lab.run_all()
    held.refresh_from_db()
    image.refresh_from_db()
    assert (held.state, image.state) == (PlanState.DONE, SourceImage.State.ERASED)


def test_a_claim_in_the_hold_window_stops_an_impostors_erasure(settings: Any) -> None:
    """R1: who really is in the picture files a request meanwhile; nothing was erased."""
    own = lab.picture(132)
    impostor = lab.ready_case(own.records)
    settings.DSR_HOLD_MINUTES = 60
    plan = services.start_erasure(case_id=impostor.id, actor=support.person(impostor))
    assert plan.state == PlanState.HOLD
    # A search of another case still meets the record in the hold window, and holds it.
    real = support.opened(["access"])
    found = gallery_services.hold(
        record_ids=[own.records[0].id], case_id=real.id, actor=support.MACHINE
    )
    assert found == {own.records[0].id}
    services.end_hold(plan_id=plan.id, actor=Actor.operator())
    lab.run_all()
    plan.refresh_from_db()
    impostor.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.HELD)
    assert impostor.status == Status.DELIVERED
    assert Flag.objects.filter(case=impostor, code=WaitCode.HELD).exists()
    assert connector.current().picture(own.image.id) == own.picture
    assert vault.read(own.records[0].unit, "template") == own.templates[0]
    # The real person is confirmed: now both claim it, and people settle that.
    gallery_services.release_holds(case_id=real.id, actor=support.OFFICER)
    lab.decided_on(real, own.records)
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.SAME_PERSON)
    services.stop_plan(plan_id=plan.id, actor=support.OFFICER)
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED
    assert audit.verify().ok


def test_who_says_not_me_in_the_hold_window_stops_it_for_good(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: neither a date nor the person's button starts it again; an officer does, who looked."""
    own = lab.picture(145)
    case = lab.ready_case(own.records)
    settings.DSR_HOLD_MINUTES = 60
    services.start_erasure(case_id=case.id, actor=support.person(case))
    deleting.stop(case=case, not_me=True)
    assert Flag.objects.filter(case=case, code=WaitCode.NOT_ME).exists()
    assert connector.current().picture(own.image.id) == own.picture
    later = clock.now() + clock.timedelta(days=15)
    with monkeypatch.context() as patch:
        patch.setattr(services.clock, "now", lambda: later)
        assert services.start_due() == 0
    again = services.start_erasure(case_id=case.id, actor=support.person(case))
    assert (again.state, again.waits_for) == (PlanState.WAITING, WaitCode.NOT_ME)
    services.resume_waiting()
    again.refresh_from_db()
    assert again.state == PlanState.WAITING
    assert services.start_erasure(case_id=case.id, actor=support.OFFICER).state == PlanState.HOLD


def test_two_that_claim_one_record_in_the_hold_window_are_a_conflict(settings: Any) -> None:
    """R1: another case decides "same person" while the window runs; then it is lifted again."""
    own = lab.picture(133)
    case = lab.ready_case(own.records)
    settings.DSR_HOLD_MINUTES = 60
    plan = services.start_erasure(case_id=case.id, actor=support.person(case))
    other = support.opened(["access"])
    lab.decided_on(other, own.records)
    services.end_hold(plan_id=plan.id, actor=Actor.operator())
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.SAME_PERSON)
    assert not plan.steps.exists()
    settings.DSR_HOLD_MINUTES = 0
    Decision.objects.filter(candidate__case=other).update(verdict="not_same")
    gallery_services.lift_restriction(
        record_ids=[own.records[0].id], case_id=other.id, actor=support.OFFICER, reason="not_same"
    )
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def test_an_inspection_that_begins_in_the_hold_window_comes_first(settings: Any) -> None:
    """L-23: placed as the desk does it; when two persons ended it the erasure goes on."""
    own = lab.picture(134)
    case = lab.ready_case(own.records)
    settings.DSR_HOLD_MINUTES = 60
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    chiefs = [actor(staff(number, Role.SUPERVISOR)) for number in ("S-2101", "S-2102")]
    held = retention.hold(
        authority_code="FR", reference="C-1", pictures=Pictures.ALL, actor=chiefs[0]
    )
    services.end_hold(plan_id=plan.id, actor=Actor.operator())
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.INSPECTION)
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED
    retention.propose_end(hold_id=held.id, actor=chiefs[0])
    services.resume_waiting()
    plan.refresh_from_db()
    assert plan.state == PlanState.WAITING
    settings.DSR_HOLD_MINUTES = 0
    retention.agree_end(hold_id=held.id, actor=chiefs[1])
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def test_the_cut_out_of_a_neighbour_is_cut_from_the_covered_picture(now: None) -> None:
    """X-14, E-04: it showed a part of the face; the rest of the neighbour's record stays."""
    near, far = lab.picture(135, faces=2, apart=110), lab.picture(136, faces=2)
    recognition.seal_shards()
    neighbour, distant = near.records[1], far.records[1]
    before = connector.current().face(neighbour.id).crop()
    untouched = connector.current().face(distant.id).crop()
    lab.seen_by(neighbour)
    with unit_of_work():
        row = neighbour.lookup_set.get()
        vault.write_small(neighbour.unit, f"lookup.{row.id}", b"why they looked")
    plan = erased(lab.ready_case([near.records[0], far.records[0]]))
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    after = Record.objects.get(id=neighbour.id)
    assert after.unit != neighbour.unit
    assert vault.unit_state(neighbour.unit) == vault.UnitState.SHREDDED
    assert vault.read(after.unit, "template") == near.templates[1]
    assert vault.read(after.unit, f"lookup.{row.id}") == b"why they looked"
    crop = decode_picture(connector.current().face(neighbour.id).crop())
    assert connector.current().face(neighbour.id).crop() != before
    # Picture x 40 to 130 was covered; the cut-out begins at 96 and shows 198 pixels.
    assert verification._is_flat(crop, [0, 30, 34, 90, 198, 198])
    assert not verification._is_flat(crop, [100, 30, 60, 90, 198, 198])
    assert connector.current().face(distant.id).crop() == untouched
    assert Record.objects.get(id=distant.id).unit == distant.unit
    assert states(plan)["neighbours_cut_outs"] == states(plan)["shared_pictures"] == "verified"
    with holders.holder().current() as held:
        assert held.index.contains(neighbour.id)
    assert not lab.found_in_files([before[200:260]])


def test_a_cut_out_that_was_left_is_caught(now: None, monkeypatch: pytest.MonkeyPatch) -> None:
    near = lab.picture(137, faces=2, apart=110)
    case = lab.ready_case([near.records[0]])
    monkeypatch.setattr(recognition, "cut_again", lambda *_, **__: {})
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    assert plan.verifications.get(store="shared_pictures").found == 1


def test_what_becomes_of_a_shared_picture_is_a_recorded_decision(settings: Any) -> None:
    """X-14: by the rule in the name of who approved, or by a person in the hold window."""
    group, other = lab.picture(138, faces=2), lab.picture(139)
    case = lab.ready_case([group.records[0], other.records[0]])
    settings.DSR_HOLD_MINUTES = 60
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    row = plan.records.get(record=group.records[0])
    assert (row.picture, row.by_rule, row.decided_by) == ("covered", True, support.OFFICER.id)
    choose = {"plan_id": plan.id, "record_id": group.records[0].id, "picture": "faces"}
    with pytest.raises(NotAllowed):
        services.choose_picture(**choose, actor=support.person(case))
    with pytest.raises(NotFound):
        services.choose_picture(**choose | {"record_id": other.records[0].id}, actor=support.SECOND)
    with pytest.raises(BadInput):
        services.choose_picture(**choose | {"picture": "whole"}, actor=support.SECOND)
    services.choose_picture(**choose, actor=support.SECOND)
    row.refresh_from_db()
    assert (row.picture, row.by_rule, row.decided_by) == ("faces", False, support.SECOND.id)
    assert Event.objects.filter(type="erasure.picture_decided", case_id=case.id).count() == 1
    services.end_hold(plan_id=plan.id, actor=Actor.operator())
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    survivor = Record.objects.get(id=group.records[1].id)
    shown = decode_picture(connector.current().picture(survivor.image_id))
    box = connector.current().face(survivor.id).box
    assert not verification._is_flat(shown, [*box, *lab.SIDE])
    assert verification._is_flat(shown, [0, 190, 420, 110, *lab.SIDE])
    with pytest.raises(Conflict, match="erasure_runs"):
        services.choose_picture(**choose, actor=support.SECOND)


def test_everything_happens_in_one_unit_of_work() -> None:
    """A failure after the plan was written leaves no half plan behind."""
    own = lab.picture(141)
    case = lab.ready_case(own.records)

    def fails_after() -> None:
        with unit_of_work():
            services.start_erasure(case_id=case.id, actor=support.OFFICER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails_after()
    assert not Plan.objects.exists()
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED
    assert not Job.objects.filter(kind=services.RUN).exists()

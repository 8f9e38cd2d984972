"""Copies of a person's pictures: proposed by likeness, decided by two persons (R1, E-04)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image

from biometrics.likeness import likeness, look_of
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.erasure import duplicates, services
from dsr_portal.erasure.models import Duplicate, Plan, PlanState, WaitCode
from dsr_portal.gallery import connector, hashes
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import InspectionHold, Record, Source, SourceImage
from dsr_portal.jobs.models import Job
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support import matching

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def planned(*shown: lab.Shown) -> Plan:
    records = [one.records[0] for one in shown]
    plan = services.start_erasure(case_id=lab.ready_case(records).id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    return plan


def test_a_copy_without_a_face_is_proposed_decided_by_two_and_goes_too(
    settings: Any, tmp_path: Path
) -> None:
    """E-04: nothing is erased on likeness alone; afterwards picture, address and file are gone."""
    own, other = lab.picture(1), lab.picture(2)
    copy = lab.picture(3, faces=0, data=lab.changed(own.picture))
    plan = planned(own)
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.DUPLICATES)
    (row,) = plan.duplicates.all()
    assert (row.image_id, row.of_image_id, row.verdict) == (copy.image.id, own.image.id, "")
    assert plan.duplicates_examined == 2
    assert Record.objects.get(id=own.records[0].id).state == Record.State.RESTRICTED
    assert connector.current().picture(copy.image.id) == copy.picture
    services.resume_waiting()
    plan.refresh_from_db()
    assert plan.waits_for == WaitCode.DUPLICATES

    decide = {"duplicate_id": row.id, "verdict": "goes"}
    with pytest.raises(NotAllowed):
        duplicates.decide(**decide, actor=support.MACHINE)
    with pytest.raises(BadInput):
        duplicates.decide(duplicate_id=row.id, verdict="perhaps", actor=support.OFFICER)
    assert duplicates.decide(**decide, actor=support.OFFICER).verdict == ""
    with pytest.raises(Conflict, match="decided_before"):
        duplicates.decide(**decide, actor=support.OFFICER)
    assert duplicates.decide(**decide, actor=support.SECOND).verdict == "goes"
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    image = SourceImage.objects.get(id=copy.image.id)
    assert (image.state, image.file_hash) == (SourceImage.State.ERASED, None)
    assert vault.unit_state(copy.image.unit) == vault.UnitState.SHREDDED
    assert blocked(file_hash=hashes.of_file(copy.picture))
    assert blocked(page=copy.page)
    assert not lab.found_in_files(lab.plain_patterns(copy)[:3])
    assert connector.current().picture(other.image.id) == other.picture
    assert not plan.verifications.filter(found__gt=0).exists()


@pytest.mark.parametrize("begins", ["before", "in_the_hold_window"])
def test_an_inspection_of_the_source_of_a_copy_comes_first(settings: Any, begins: str) -> None:
    """What an authority looks at stays, also a copy in which no face was enrolled."""
    own = lab.picture(71)
    elsewhere = Source.objects.create(
        name="Other crawl", legal_basis="none", created_at=clock.now()
    )
    copy = lab.picture(72, faces=0, source=elsewhere, data=lab.changed(own.picture))
    plan = planned(own)
    (row,) = plan.duplicates.all()
    for who in (support.OFFICER, support.SECOND):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=who)
    if begins == "in_the_hold_window":
        settings.DSR_HOLD_MINUTES = 60
        services.resume_waiting()
    hold = InspectionHold.objects.create(source=elsewhere, since=clock.now())
    if begins == "in_the_hold_window":
        services.end_hold(plan_id=plan.id, actor=lab.OPERATOR)
    else:
        services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.INSPECTION)
    assert connector.current().picture(copy.image.id) == copy.picture
    settings.DSR_HOLD_MINUTES = 0
    InspectionHold.objects.filter(id=hold.id).update(lifted_at=clock.now())
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def test_who_entered_the_request_does_not_decide_about_its_copies() -> None:
    """R19: the opener of a case is neither of the two persons."""
    own = lab.picture(73)
    lab.picture(74, faces=0, data=lab.changed(own.picture))
    plan = planned(own)
    Case.objects.filter(id=plan.case_id).update(opener=support.SECOND.id)
    (row,) = plan.duplicates.all()
    with pytest.raises(NotAllowed, match="opener_barred"):
        duplicates.decide(duplicate_id=row.id, verdict="stays", actor=support.SECOND)
    row.refresh_from_db()
    assert row.first_officer == ""
    duplicates.decide(duplicate_id=row.id, verdict="stays", actor=support.OFFICER)


def test_a_copy_that_two_persons_keep_stays_and_is_not_asked_again() -> None:
    own = lab.picture(11)
    copy = lab.picture(12, faces=0, data=lab.changed(own.picture, mirror=True))
    plan = planned(own)
    (row,) = plan.duplicates.all()
    for who in (support.OFFICER, support.SECOND):
        duplicates.decide(duplicate_id=row.id, verdict="stays", actor=who)
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    assert plan.duplicates.count() == 1
    assert connector.current().picture(copy.image.id) == copy.picture


def test_a_copy_with_faces_names_the_persons_and_the_others_stay() -> None:
    """R1: the record is added to the plan; in that picture the face is covered."""
    own = lab.picture(21)
    copy = lab.picture(22, faces=2, data=lab.changed(own.picture, side=1.0))
    plan = planned(own)
    (row,) = plan.duplicates.all()
    with pytest.raises(BadInput, match="record_missing"):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=support.OFFICER)
    for who in (support.OFFICER, support.SECOND):
        duplicates.decide(
            duplicate_id=row.id, verdict="goes", record_id=copy.records[1].id, actor=who
        )
    services.resume_waiting()
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE, list(Job.objects.values_list("kind", "error_code"))
    states = dict(Record.objects.values_list("id", "state"))
    assert states[copy.records[1].id] == Record.State.ERASED
    assert states[copy.records[0].id] == Record.State.HELD
    assert vault.unit_state(copy.records[1].unit) == vault.UnitState.SHREDDED


def test_two_who_disagree_leave_it_to_a_supervisor() -> None:
    own = lab.picture(31)
    lab.picture(32, faces=0, data=lab.changed(own.picture))
    plan = planned(own)
    (row,) = plan.duplicates.all()
    duplicates.decide(duplicate_id=row.id, verdict="goes", actor=support.OFFICER)
    assert not duplicates.decide(duplicate_id=row.id, verdict="stays", actor=support.SECOND).verdict
    third = support.Actor("S-1003", "officer", "staff")
    with pytest.raises(NotAllowed, match="supervisor_only"):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=third)
    chief = support.Actor("S-2001", "supervisor", "staff")
    assert duplicates.decide(duplicate_id=row.id, verdict="stays", actor=chief).verdict == "stays"
    with pytest.raises(Conflict, match="duplicate_decided"):
        duplicates.decide(duplicate_id=row.id, verdict="goes", actor=chief)
    decided = Event.objects.filter(type="erasure.duplicate_decided", case_id=plan.case_id)
    assert decided.count() == 3


def test_two_persons_decide_on_their_pages_and_the_second_is_blind(site: Any, client: Any) -> None:
    """R19, R28: pictures come decoded and encoded anew; nothing tells what the first one said."""
    own = lab.picture(51)
    copy = lab.picture(52, faces=1, data=lab.changed(own.picture))
    plan = planned(own)
    (row,) = plan.duplicates.all()
    site("desk")
    at = {"reference": plan.case.reference}
    page = reverse("desk:duplicates", kwargs=at)
    first = matching.sign_in(client, matching.staff("P-1"))
    case_page = first.get(reverse("desk:case", kwargs=at)).content.decode()
    assert page in case_page
    before = first.get(page).content.decode()
    assert str(copy.records[0].id) in before
    for which in ("of", "copy"):
        shown = first.get(
            reverse("desk:duplicate_picture", kwargs=at | {"duplicate_id": row.id, "which": which})
        )
        assert shown["Content-Type"] == "image/jpeg"
        assert shown.content not in (own.picture, copy.picture)
    face = {"duplicate_id": row.id, "record_id": copy.records[0].id}
    assert first.get(reverse("desk:duplicate_face", kwargs=at | face)).status_code == 200
    goes = {"duplicate_id": row.id, "verdict": "goes", "record_id": copy.records[0].id}
    assert first.post(page, goes).status_code == 302
    assert "Another person decides this one." in first.get(page).content.decode()
    second = matching.sign_in(Client(), matching.staff("P-2"))
    seen = second.get(page).content.decode()
    assert strip(seen) == strip(before)
    assert second.post(page, goes).status_code == 302
    row.refresh_from_db()
    assert (row.verdict, row.record_id) == ("goes", copy.records[0].id)
    # Decided: the pictures are nobody's to look at any more.
    of = reverse("desk:duplicate_picture", kwargs=at | {"duplicate_id": row.id, "which": "copy"})
    assert second.get(of).status_code == 404


def strip(page: str) -> str:
    """The part of a page that is about the pictures, without its one-time tokens."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.partition("<h1>")[2])


def test_an_officer_decides_about_a_shared_picture_on_the_case_page(
    site: Any, client: Any, settings: Any
) -> None:
    """X-14: the rule and its name are shown; the button writes another decision and its name."""
    settings.DSR_HOLD_MINUTES = 60
    group = lab.picture(61, faces=2)
    case = lab.ready_case([group.records[0]])
    services.start_erasure(case_id=case.id, actor=support.OFFICER)
    site("desk")
    at = {"reference": case.reference}
    browser = matching.sign_in(client, matching.staff("P-3"))
    page = browser.get(reverse("desk:case", kwargs=at)).content.decode()
    assert f"By the rule, in the name of {support.OFFICER.id}." in page
    sent = {"record_id": group.records[0].id, "picture": "faces"}
    assert browser.post(reverse("desk:shared_picture", kwargs=at), sent).status_code == 302
    assert "Decided by P-3." in browser.get(reverse("desk:case", kwargs=at)).content.decode()


def test_no_look_of_a_picture_is_ever_kept(settings: Any, tmp_path: Path) -> None:
    """R26, R30: neither its 63 bits in any form nor its thumbnail lie in a row or a file."""
    own = lab.picture(41)
    lab.picture(42, faces=0, data=lab.changed(own.picture))
    plan = planned(own)
    assert Duplicate.objects.filter(plan=plan).exists()
    pixels = np.asarray(Image.open(io.BytesIO(own.picture)).convert("RGB"))
    look = look_of(pixels)
    assert likeness(look, look) is not None
    packed = [np.packbits(bits).tobytes() for bits in (look.bits, look.bits[::-1])]
    forms = [look.grey.tobytes()[400:464], look.grey.astype(np.uint8).tobytes()[400:464]]
    for raw in packed:
        forms += [raw, raw.hex().encode(), str(int.from_bytes(raw, "big")).encode()]
    # The canary first: the search sees such bytes where they lie.
    left = settings.DSR_VAR / "left"
    left.write_bytes(b"x" + packed[0] + b"x")
    assert lab.found_in_files(forms)
    left.unlink()
    assert not lab.found_in_files(forms)
    if connection.vendor == "sqlite":
        assert any(path.name.startswith("portal") for path in _database())


def _database() -> list[Path]:
    from dsr_portal.erasure.places import database_files

    return database_files() or [Path("portal")]


def test_different_pictures_are_not_alike_and_copies_are() -> None:
    """What is proposed: recompressed, smaller, brighter, mirrored; noise of its own is not."""
    looks = []
    for seed in range(60):
        data = lab.noise(seed)
        looks.append(look_of(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))))
    assert not [
        (one, two)
        for one in range(60)
        for two in range(one)
        if likeness(looks[one], looks[two]) is not None
    ]
    data = lab.noise(7)
    for copy in (
        lab.changed(data, quality=25, side=1.0),
        lab.changed(data, quality=60, side=0.33),
        lab.changed(data, mirror=True),
    ):
        other = look_of(np.asarray(Image.open(io.BytesIO(copy)).convert("RGB")))
        assert likeness(looks[7], other) is not None

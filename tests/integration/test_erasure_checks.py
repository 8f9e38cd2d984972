"""The checks of an erasure: no right to write, a canary in each place, liars caught (R30, E-04)."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case, Delivery
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.documents import services as documents
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure import (
    places,
    repeat,
    selectors,
    services,
    signed,
    verification,
    verify_certificate,
)
from dsr_portal.erasure.models import Plan, PlanState, Verification
from dsr_portal.erasure.preview import preview
from dsr_portal.erasure.reading import read_only
from dsr_portal.gallery import blocks, connector
from dsr_portal.gallery.models import LookUp, Record
from dsr_portal.jobs.models import Job
from dsr_portal.matching import services as matching
from dsr_portal.recognition import disclosed
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import files as vault_files
from dsr_portal.vault import places as vault_places
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob
from tests.support import cases as support
from tests.support import erasure as lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


def test_the_folders_of_the_ring_stay_safe_while_they_are_scanned(settings: Any) -> None:
    """R26: under the usual umask a canary would be open to other accounts."""
    before = os.umask(0o022)
    try:
        with places._planted(Plan(), places.places()):
            found = [vault_places.file_problems(Path(one)) for one in settings.DSR_RING]
            assert all(list(Path(one).glob(f"{places.CANARY}*")) for one in settings.DSR_RING)
    finally:
        os.umask(before)
    assert found == [[] for _one in settings.DSR_RING]


def erased(case: Case) -> Plan:
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE, list(
        Job.objects.values_list("kind", "state", "error_code")
    )
    return plan


# -- no right to write ----------------------------------------------------------------------------


@pytest.mark.db
def test_the_connection_of_the_checks_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """R30: the database itself refuses; afterwards the ordinary connection writes again."""
    own = lab.picture(1)
    record = own.records[0]
    with read_only():
        assert Record.objects.filter(id=record.id).exists()
        with pytest.raises(DatabaseError):
            Record.objects.filter(id=record.id).update(state=Record.State.ERASED)
    assert Record.objects.get(id=record.id).state == Record.State.HELD
    Record.objects.filter(id=record.id).update(state=Record.State.RESTRICTED)
    assert Record.objects.get(id=record.id).state == Record.State.RESTRICTED


def test_a_check_that_tries_to_write_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """R30: every check beside the index's own runs on that connection, none on another."""
    own = lab.picture(2)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all(["search"])
    plan.refresh_from_db()

    def repairs(*_: Any) -> list[Any]:
        Record.objects.filter(image=own.image).update(state=Record.State.ERASED)
        return []

    for name in ("keys", "_vault_files", "_covered", "look_ups", "_block_list", "files"):
        with monkeypatch.context() as patch:
            patch.setattr(verification, name, repairs)
            with pytest.raises(DatabaseError):
                verification.check(plan, kits.open_kit(plan))


# -- a canary in each place -----------------------------------------------------------------------


def test_each_place_has_a_canary_of_its_own_and_says_what_was_read(
    settings: Any, tmp_path: Path
) -> None:
    """R30: database with its write-ahead log, vault, broker, keys, ledger, pages, working files."""
    settings.STATIC_ROOT = settings.DSR_VAR / "static"
    for folder in (settings.STATIC_ROOT, settings.DSR_BROKER_DIR):
        folder.mkdir(exist_ok=True)
    own = lab.picture(3)
    plan = erased(lab.ready_case(own.records))
    step = plan.steps.get(store="files")
    expected = {
        "files",
        "vault_folder",
        "broker_folder",
        "published_files",
        "ring_folders",
        "ledger_folders",
    }
    if connection.vendor == "sqlite":
        expected.add("database")
    assert set(step.result["places"]) == expected
    assert all(one["canary"] and one["bytes"] for one in step.result["places"].values())
    rows = Verification.objects.filter(plan=plan, store__in=expected)
    assert {row.store: row.state for row in rows} == dict.fromkeys(expected, "verified")
    assert all(row.canary_found for row in rows)
    assert not list(tmp_path.rglob("erasure-canary*"))
    # The temporary folder of the tests is everybody's: nothing is claimed of it.
    other = plan.verifications.get(store="temporary_files")
    assert (other.state, other.method) == ("unverified", "shared_temporary_folder")


def test_a_temporary_folder_of_our_own_is_read(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    folder = settings.DSR_VAR / "tmp"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    plan = erased(lab.ready_case(lab.picture(4).records))
    row = plan.verifications.get(store="temporary_files")
    assert (row.state, row.canary_found) == ("verified", True)


@pytest.mark.parametrize("blind", ["vault_folder", "ring_folders", "database"])
def test_a_scan_that_passes_over_a_place_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, blind: str
) -> None:
    """R30: the canary of that place is missed, the run stops, nothing is reported as erased."""
    if blind == "database" and connection.vendor != "sqlite":
        pytest.skip("the files of a database server are not read here")
    real = places.patterns.files_under

    def passes_over(paths: Any) -> Any:
        wanted = tuple(paths)
        there = next(one.paths for one in places.places() if one.code == blind)
        return iter(()) if wanted == there else real(wanted)

    monkeypatch.setattr(places.patterns, "files_under", passes_over)
    case = lab.ready_case(lab.picture(5).records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.RUNNING
    assert Job.objects.get(kind=services.RUN).error_code == "canary_missed"


def _left_places(settings: Any) -> dict[str, Path]:
    return {
        "files": settings.DSR_VAR / "log" / "import.log",
        "vault_folder": settings.DSR_VAULT_DIR / "ab" / "left",
        "broker_folder": settings.DSR_BROKER_DIR / "light" / "left",
        "ring_folders": settings.DSR_RING[1] / "left",
        "ledger_folders": settings.DSR_LEDGER[0] / "left",
    }


@pytest.mark.parametrize(
    "place", ["files", "vault_folder", "broker_folder", "ring_folders", "ledger_folders"]
)
def test_a_picture_left_in_any_place_stops_the_run(settings: Any, place: str) -> None:
    """E-04: named by its place in the trail; repaired, the run goes on."""
    own = lab.picture(6)
    case = lab.ready_case(own.records)
    left = _left_places(settings)[place]
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"before" + base64.b64encode(b"x" + own.picture))
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.RUNNING
    failed = Event.objects.get(type="erasure.verification_failed", case_id=case.id)
    assert json.loads(failed.payload.body)["stores"] == [place]


def test_bytes_left_in_the_database_are_found() -> None:
    """E-04: a shredder that left a picture in a row, here as hex in a job's field."""
    if connection.vendor != "sqlite":
        pytest.skip("the files of a database server are not read here")
    own = lab.picture(7)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    step = plan.steps.get(store="records")
    step.result = {"left": own.picture.hex()}
    step.save(update_fields=["result"])
    lab.run_all()
    failed = Event.objects.get(type="erasure.verification_failed", case_id=case.id)
    assert json.loads(failed.payload.body)["stores"] == ["database"]


def test_template_forms_before_centring_and_turning_are_found(settings: Any) -> None:
    """E-04: what a template was on the way to its stored form, and as a person was given it."""
    own = lab.picture(8)
    case = lab.ready_case(own.records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    kit, _staged = kits.make(plan)
    from biometrics.templates import MEAN_FACE, before_turn
    from dsr_portal.recognition import engine as engines

    stored = np.frombuffer(own.templates[0], dtype="<f4")
    centred, before = before_turn(stored, engines.turn(128), MEAN_FACE)
    given = disclosed.disclosed_templates([own.records[0].id])[own.records[0].id]
    forms = {
        f"{name} {kind}": values.astype(kind).tobytes()
        for name, values in {"stored": stored, "centred": centred, "before": before}.items()
        for kind in ("<f4", ">f4", "<f8", ">f8")
    }
    forms["given"] = json.dumps({"records": [{"template": given}]}, indent=1).encode()
    left = settings.DSR_VAR / "left"
    for name, form in forms.items():
        left.write_bytes(form)
        assert places.scan(plan, kit.files).found > 0, name
    left.unlink()
    assert places.scan(plan, kit.files).found == 0


# -- shredders that lie ---------------------------------------------------------------------------


def _keeps_photo(patch: pytest.MonkeyPatch, _shown: lab.Shown) -> None:
    patch.setattr(matching, "delete_probes", lambda **_: None)
    order = vault.request_shred
    patch.setattr(vault, "request_shred", lambda units, reason: order([], reason=reason))


def _keeps_file(patch: pytest.MonkeyPatch, _shown: lab.Shown) -> None:
    patch.setattr(vault_files, "remove", lambda name: None)


def _covers_nothing(patch: pytest.MonkeyPatch, _shown: lab.Shown) -> None:
    real = recognition.cover_faces
    patch.setattr(
        recognition, "cover_faces", lambda picture, boxes, **how: real(picture, [], **how)
    )


def _keeps_row(patch: pytest.MonkeyPatch, shown: lab.Shown) -> None:
    def spares(**_: Any) -> int:
        return 0

    patch.setattr("dsr_portal.gallery.services.mark_erased", spares)


LIARS: dict[str, tuple[Callable[[pytest.MonkeyPatch, lab.Shown], None], str]] = {
    "photo": (_keeps_photo, "request_photo"),
    "file": (_keeps_file, "vault_files"),
    "cover": (_covers_nothing, "shared_pictures"),
    "row": (_keeps_row, "look_ups"),
}


@pytest.mark.parametrize("liar", sorted(LIARS))
def test_a_shredder_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch, liar: str) -> None:
    """R30: it says it did; the check asks the store itself, and nothing is certified."""
    lie, store = LIARS[liar]
    group = lab.picture(9, faces=2)
    case = lab.ready_case([group.records[0]])
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lie(monkeypatch, group)
    lab.run_all(["search"])
    plan.refresh_from_db()
    assert (plan.state, plan.document_id) == (PlanState.VERIFYING, None)
    failed = plan.verifications.filter(found__gt=0)
    assert store in set(failed.values_list("store", flat=True))
    assert not failed.filter(state="verified").exists()


def test_a_block_list_that_lost_its_entries_needs_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E-12: nothing of the person is left, so the erasure stands; the block is for people."""
    case = lab.ready_case(lab.picture(10).records)
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    monkeypatch.setattr(blocks, "blocked", lambda **_: False)
    lab.run_all()
    assert plan.verifications.get(store="block_list").state == "needs_person"


# -- the certificate ------------------------------------------------------------------------------


def run_verifier(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The program as it is handed out, in a process of its own without the portal."""
    program = path.parent / signed.VERIFIER
    program.write_bytes(signed.verifier())
    return subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(path), *more],
        capture_output=True,
        text=True,
        check=False,
        env={},
        cwd=path.parent,
    )


def test_the_signed_certificate_is_checked_without_the_portal(tmp_path: Path) -> None:
    """E-14: Ed25519, key from outside; every change, and a list that does not add up, is told."""
    own, group = lab.picture(11), lab.picture(12, faces=2)
    plan = erased(lab.ready_case([own.records[0], group.records[0]]))
    delivery = Delivery.objects.get(id=plan.delivery_id)
    pdf, data, program = delivery.parts.order_by("ordinal")
    assert [pdf.media_type, data.media_type] == ["application/pdf", "application/json"]
    raw = vault.read(data.unit, data.field)
    assert vault.read(program.unit, program.field) == signed.verifier()
    path = tmp_path / "certificate.json"
    path.write_bytes(raw)
    key = signed.public_key()
    good = run_verifier(path, "--key", key)
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    found = json.loads(raw)
    payload = found["payload"]
    assert payload["scope"]["pictures_whole"] == payload["scope"]["pictures_covered"] == 1
    assert {one["state"] for one in payload["stores"]} == {
        "VERIFIED",
        "PENDING",
        "UNVERIFIED",
        "NEEDS PERSON",
    }
    assert all(one["checked_at"] and one["method"] for one in payload["stores"])
    assert payload["kept"]
    assert payload["not_covered"]
    assert payload["backups"]["state"] == "UNVERIFIED"
    head = payload["audit_head"]
    assert Event.objects.filter(number=head["number"]).get().hash == head["hash"]
    for text in (own.page, own.caption, own.file):
        assert text not in raw.decode()

    def told(change: Callable[[dict[str, Any]], Any], *more: str, sign: bool = False) -> str:
        copy = json.loads(raw)
        change(copy)
        if sign:
            copy = signed.signed(copy["payload"])
        path.write_text(json.dumps(copy))
        result = run_verifier(path, *(more or ("--key", key)))
        assert result.returncode == 1, result
        return result.stdout

    def store(c: dict[str, Any]) -> dict[str, Any]:
        first: dict[str, Any] = c["payload"]["stores"][0]
        return first

    assert "was changed" in told(lambda c: c["payload"].update(reference="XXX"))
    assert "another key" in told(lambda c: None, "--key", "ab" * 32)
    assert "no state" in told(lambda c: store(c).update(state="GONE"), sign=True)
    assert "summary" in told(lambda c: c["payload"]["summary"].update(verified=99), sign=True)
    assert "missing" in told(lambda c: c["payload"].pop("kept"), sign=True)
    assert "after the certificate" in told(
        lambda c: store(c).update(checked_at="2199-01-01T00:00:00+00:00"), sign=True
    )
    assert "trail was changed" in told(
        lambda c: None, "--key", key, "--head", str(head["number"]), "00" * 32
    )
    path.write_text("no json")
    assert run_verifier(path, "--key", key).returncode == 2


def test_the_pure_arithmetic_agrees_with_the_library() -> None:
    """RFC 8032: signatures of the library fit, a changed bit anywhere does not."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    for number in range(4):
        key = Ed25519PrivateKey.generate()
        public, message = key.public_key().public_bytes_raw(), b"message %d" % number
        value = key.sign(message)
        assert verify_certificate.signature_fits(public, message, value)
        assert not verify_certificate.signature_fits(public, message + b"x", value)
        for place in (0, 31, 32, 63):
            bad = bytearray(value)
            bad[place] ^= 1
            assert not verify_certificate.signature_fits(public, message, bytes(bad))


def test_what_the_certificate_counts_adds_up() -> None:
    """Law 9(c): facts, sentence and list count the same places; the kit is none of them."""
    import pypdfium2

    plan = erased(lab.ready_case(lab.picture(13).records))
    assert plan.document_id is not None
    pages = pypdfium2.PdfDocument(documents.open_document(plan.document_id))
    text = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    rows = plan.verifications.exclude(store="kit")
    verified = rows.filter(state="verified").count()
    assert f"we checked {verified} places" in text
    assert f"{rows.count() - verified} places are still open" in text
    assert f"{verified} / {rows.count()}" in text
    assert "Patterns used for these checks" not in text
    assert signed.public_key() in text.replace(" ", "")


# -- before and after -----------------------------------------------------------------------------


def test_the_plan_is_counted_before_anything_happens(capsys: pytest.CaptureFixture[str]) -> None:
    """E-04, R20: per store, as named staff; nothing is planned, the look stands in the trail."""
    from tests.support import answers

    answers.staff()
    own, group = lab.picture(14), lab.picture(15, faces=3)
    lab.seen_by(own.records[0])
    recognition.seal_shards()
    case = lab.ready_case([own.records[0], group.records[0]])
    before = Event.objects.count()
    call_command("erasure_plan", case.reference, "--as", answers.OFFICER.id, "--json")
    told = json.loads(capsys.readouterr().out)
    counts = {(one["store"], one["what"]): one["count"] for one in told["stores"]}
    assert counts[("pictures", "whole")] == 1
    assert counts[("shared_pictures", "covered")] == 1
    assert counts[("records", "staying")] == 2
    assert counts[("face_codes", "erased")] == 2
    assert counts[("search_index", "rows")] == 2
    assert counts[("index_files", "rewritten")] == 1
    assert counts[("look_ups", "masked")] == counts[("recipients", "to_be_told")] == 1
    assert counts[("block_list", "added")] == 6
    # Two faces, two pictures, the photo, and the shard.
    assert counts[("keys", "destroyed")] == 6
    assert told["plan"] == "none"
    assert not Plan.objects.exists()
    assert Event.objects.count() == before + 1
    with pytest.raises(CommandError):
        call_command("erasure_plan", case.reference, "--as", "S-0000")
    erased(case)
    with pytest.raises(Conflict):
        preview(case)


def test_look_ups_that_name_the_record_are_masked_and_not_lost() -> None:
    """R16, Art. 19: who was shown it stays to be told; the purpose went with its key."""
    own = lab.picture(16)
    lab.seen_by(own.records[0])
    row = LookUp.objects.get()
    with audit.unit_of_work():
        vault.write_small(own.records[0].unit, f"lookup.{row.id}", b"checking a tenant")
    from dsr_portal.gallery import selectors as gallery

    assert [one.purpose for one in gallery.recipients_of([own.records[0].id])] == [
        "checking a tenant"
    ]
    erased(lab.ready_case(own.records))
    facts = gallery.recipients_of([own.records[0].id])
    assert [(one.recipient, one.purpose) for one in facts] == [("Lumen Analytics", "")]


def package_of(shown: lab.Shown) -> bytes:
    """An answer package as the person got it, with what it has of one picture."""
    record = shown.records[0]
    facts = connector.current().facts(shown.image.id)
    data = {
        "format": "dsr-answer/1",
        "records": [
            {
                "id": str(record.id),
                "picture": "pictures/record-1.jpg",
                "face_picture": "faces/record-1.jpg",
                "template": disclosed.disclosed_templates([record.id])[record.id],
                "facts": [
                    {
                        "page_url": facts.page_url,
                        "image_url": facts.image_url,
                        "caption": facts.caption,
                    }
                ],
            }
        ],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("data.json", json.dumps(data))
        made.writestr("pictures/record-1.jpg", shown.picture)
        made.writestr("faces/record-1.jpg", connector.current().face(record.id).crop())
    return out.getvalue()


def test_the_checks_are_repeated_without_and_with_the_persons_package(
    tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """R30: without it the byte scan is said to be unrepeatable; with it every byte is read."""
    own, other = lab.picture(17), lab.picture(18)
    recognition.seal_shards()
    package, foreign = package_of(own), package_of(other)
    path = tmp_path / "package.zip"
    path.write_bytes(package)
    case = lab.ready_case(own.records)
    with pytest.raises(Conflict, match="not_erased"):
        repeat.repeat(case_id=case.id, actor=support.OFFICER)
    plan = erased(case)
    done = plan.steps.get(store="files").finished_at
    assert done is not None
    call_command("verify_erasure", case.reference, "--json")
    plain = json.loads(capsys.readouterr().out)
    by_store = {one["store"]: one for one in plain["stores"]}
    assert plain["found"] == 0
    assert by_store["face_codes"]["state"] == "verified"
    assert by_store["search_index"]["method"] == "by_number_only"
    assert by_store["vault_folder"]["state"] == "unverified"
    assert by_store["vault_folder"]["method"] == "byte_scan_not_repeatable"
    assert by_store["vault_folder"]["at"] == done.isoformat()

    call_command("verify_erasure", case.reference, "--with", str(path), "--json")
    again = json.loads(capsys.readouterr().out)
    by_store = {one["store"]: one for one in again["stores"]}
    assert (again["found"], again["with_package"]) == (0, True)
    assert by_store["search_index"]["method"] == "search_with_erased_codes"
    assert by_store["vault_folder"]["state"] == "verified"
    assert by_store["addresses"]["examined"] == 2
    assert Event.objects.filter(type="erasure.checked_again", case_id=case.id).count() == 2

    # What came back is found: a picture in a log, and the command ends with 1.
    (settings.DSR_VAR / "old.log").write_bytes(b"x" + own.picture)
    with pytest.raises(SystemExit):
        call_command("verify_erasure", case.reference, "--with", str(path))
    assert "FOUND" in capsys.readouterr().out
    (settings.DSR_VAR / "old.log").unlink()
    with pytest.raises(BadInput, match="package_of_other"):
        repeat.repeat(case_id=case.id, actor=support.OFFICER, package=foreign)
    for bad in (b"", b"PK", package[: len(package) // 2]):
        with pytest.raises(BadInput, match="no_package"):
            repeat.repeat(case_id=case.id, actor=support.OFFICER, package=bad)
    with pytest.raises(CommandError):
        call_command("verify_erasure", "ZZZ-ZZZZ")


def test_a_template_that_came_back_under_another_number_is_found_with_the_package() -> None:
    """E-04: the index files are asked with the code in the package, turned into our frame."""
    own = lab.picture(19)
    package = package_of(own)
    case = lab.ready_case(own.records)
    erased(case)
    back = lab.picture(190)
    # The same person's template again, as a careless import would bring it.
    staged = vault.stage_into(back.records[0].unit)
    staged.add("template", own.templates[0])
    with audit.unit_of_work():
        staged.save()
    recognition.seal_shards()
    result = repeat.repeat(case_id=case.id, actor=support.OFFICER, package=package)
    index = next(one for one in result.findings if one.store == "search_index")
    assert index.found == 1


def test_the_repeat_leaves_no_trace_of_the_package(tmp_path: Path) -> None:
    """R30: it is opened in memory; afterwards no file and no row holds anything of it."""
    own = lab.picture(20)
    package = package_of(own)
    case = lab.ready_case(own.records)
    erased(case)
    blobs = Blob.objects.count()
    repeat.repeat(case_id=case.id, actor=support.OFFICER, package=package)
    assert Blob.objects.count() == blobs
    assert not lab.found_in_files(lab.plain_patterns(own))
    assert selectors.current_plan(case.id) is not None

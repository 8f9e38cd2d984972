"""Sealed values: in, out, superseded, bound to their place (R26, R27; design, section 5)."""

import os
import stat

import pytest
from django.db import IntegrityError, transaction

from dsr_portal.core.errors import BadInput, InsideTransaction
from dsr_portal.core.ids import new_id
from dsr_portal.vault import services
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import Blob, Bucket, UnitKey
from tests.support.vault import use_places

pytestmark = pytest.mark.django_db

BIG = os.urandom(3 * 1024 * 1024 + 17)


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    return tmp_path


def make(kind=UnitKind.CASE_FILE, **values: bytes):
    staged = services.stage_unit(kind=kind, owner=new_id())
    for field, data in values.items():
        staged.add(field, data)
    with transaction.atomic():
        return staged.save()


def test_small_and_large_values_come_back_and_a_newer_one_supersedes():
    unit = make(note=b"first", picture=BIG, empty=b"")
    assert services.read(unit, "note") == b"first"
    assert services.read(unit, "picture") == BIG
    assert services.read(unit, "empty") == b""
    assert max(len(part) for part in services.stream(unit, "picture")) == 1024 * 1024
    assert services.fields(unit) == ["empty", "note", "picture"]
    with transaction.atomic():
        services.write_small(unit, "note", b"second")
        services.write_json(unit, "facts", {"a": ["ü", 1]})
    assert services.read(unit, "note") == b"second"
    assert services.read_json(unit, "facts") == {"a": ["ü", 1]}
    staged = services.stage_into(unit)
    staged.add("picture", BIG[::-1])
    with transaction.atomic():
        staged.save()
    assert services.read(unit, "picture") == BIG[::-1]
    assert services.has(unit, "picture")
    assert not services.has(unit, "nothing")
    with pytest.raises(services.UnknownUnit):
        services.read(unit, "nothing")
    with pytest.raises(services.UnknownUnit):
        services.read(new_id(), "note")


def test_nothing_lies_in_clear_and_files_are_private(settings):
    marker = b"canary-in-clear-" * 400
    unit = make(picture=marker, note=marker[:64])
    row = Blob.objects.get(unit_id=unit, field="picture")
    path = settings.DSR_VAULT_DIR / row.file[:2] / row.file[2:4] / row.file
    assert b"canary" not in path.read_bytes()
    assert b"canary" not in bytes(Blob.objects.get(unit_id=unit, field="note").inline)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for place in settings.DSR_RING:
        assert stat.S_IMODE((place / "ring").stat().st_mode) == 0o600


def test_files_and_streams_are_refused_inside_a_transaction():
    unit = make(picture=BIG)
    with transaction.atomic():
        staged = services.stage_unit(kind=UnitKind.CASE_FILE, owner=new_id())
        staged.add("note", b"x" * 4096)
        with pytest.raises(InsideTransaction):
            staged.add("note", b"x" * 4097)
        with pytest.raises(InsideTransaction):
            services.read(unit, "picture")
        with pytest.raises(BadInput):
            services.write_small(unit, "note", b"x" * 4097)
        with pytest.raises(InsideTransaction):
            services.run_shred()


def test_a_value_opens_only_under_its_own_field_and_unit():
    unit, other = make(note=b"mine", word=b"other"), make(note=b"theirs")
    blob = Blob.objects.get(unit_id=unit, field="note")
    Blob.objects.filter(id=blob.id).update(field="moved")
    with pytest.raises(services.Damaged):
        services.read(unit, "moved")
    Blob.objects.filter(id=blob.id).update(field="note", unit_id=other, seq=9)
    with pytest.raises(services.Damaged):
        services.read(other, "note")
    assert services.read(unit, "word") == b"other"


def test_a_wrapped_key_opens_only_in_its_own_row():
    unit, other = make(note=b"mine"), make(note=b"theirs")
    wrapped = UnitKey.objects.values_list("wrapped", flat=True).get(id=other)
    UnitKey.objects.filter(id=unit).update(wrapped=wrapped)
    with pytest.raises(services.Damaged):
        services.read(unit, "note")


def test_a_damaged_or_missing_file_is_named_damaged(settings):
    unit = make(picture=BIG)
    name = Blob.objects.get(unit_id=unit).file
    path = settings.DSR_VAULT_DIR / name[:2] / name[2:4] / name
    data = bytearray(path.read_bytes())
    data[2_000_000] ^= 1
    path.write_bytes(data)
    parts = services.stream(unit, "picture")
    assert next(parts) == BIG[: 1024 * 1024]  # its tag is right
    with pytest.raises(services.Damaged):
        next(parts)
    path.unlink()
    with pytest.raises(services.Damaged):
        services.read(unit, "picture")


def test_a_bucket_holds_128_units_of_one_kind_and_is_made_ahead():
    for _ in range(130):
        services.stage_unit(kind=UnitKind.DRAFT, owner=new_id())
    assert Bucket.objects.filter(kind=UnitKind.DRAFT).count() == 2
    services.stage_unit(kind=UnitKind.PROBE, owner=new_id())
    assert Bucket.objects.filter(kind=UnitKind.PROBE).count() == 1


def test_inside_a_transaction_no_bucket_is_made_and_the_service_runs_again():
    calls = []

    @services.retry_stale
    def service():
        calls.append(1)
        with transaction.atomic():
            staged = services.stage_unit(kind=UnitKind.PROOF, owner=new_id())
            staged.add("note", b"kept")
            return staged.save()

    with transaction.atomic(), pytest.raises(services.StaleBucket):
        services.stage_unit(kind=UnitKind.PROOF, owner=new_id())
    assert services.read(service(), "note") == b"kept"
    assert len(calls) == 2


def test_codes_derived_from_a_unit_die_with_it():
    unit = make(note=b"x")
    code = services.derive(unit, b"receipt 1", 10)
    assert code == services.derive(unit, b"receipt 1", 10)
    assert len({code, services.derive(unit, b"receipt 2", 10)}) == 2
    services.shred_now([unit], "test")
    with pytest.raises(services.Shredded):
        services.derive(unit, b"receipt 1", 10)


def test_keyed_hashes_differ_by_purpose_and_installation(settings, tmp_path):
    first = services.keyed_hash("lookup.address", b"https://example.org/1")
    assert first == services.keyed_hash("lookup.address", b"https://example.org/1")
    assert first != services.keyed_hash("block.file", b"https://example.org/1")
    use_places(settings, tmp_path / "second")
    assert first != services.keyed_hash("lookup.address", b"https://example.org/1")


def test_staged_but_never_saved_files_are_swept_and_saved_ones_stay(settings):
    kept = make(picture=BIG)
    services.stage_unit(kind=UnitKind.PROBE, owner=new_id()).add("picture", BIG)
    assert services.sweep_files() == 0  # too young to be called forgotten
    assert services.sweep_files(older_than=-1) == 1
    assert services.read(kept, "picture") == BIG


def test_units_are_listed_by_owner():
    owner = new_id()
    staged = services.stage_unit(kind=UnitKind.PROBE, owner=owner)
    with transaction.atomic():
        unit = staged.save()
    assert services.unit_ids(owner=owner) == [unit]
    assert services.unit_ids(owner=owner, kind=UnitKind.PROOF) == []


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_a_stale_insert_fails_at_commit_and_the_service_runs_again(monkeypatch):
    """R26: a bucket replaced between staging and commit is noticed by the foreign key."""
    # The look before the insert is blinded: the replacement comes right after it.
    monkeypatch.setattr(services.Staged, "_leave_vanished_bucket", lambda staged: None)
    replaced = []

    def service():
        staged = services.stage_unit(kind=UnitKind.PROBE, owner=new_id())
        staged.add("note", b"kept")
        if not replaced:
            replaced.append(Bucket.objects.all().delete())
        with transaction.atomic():
            return staged.save()

    with pytest.raises(IntegrityError):
        service()
    replaced.clear()
    unit = services.retry_stale(service)()
    assert len(replaced) == 1
    assert services.read(unit, "note") == b"kept"


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_a_unit_staged_before_its_bucket_was_replaced_moves_to_another():
    staged = services.stage_unit(kind=UnitKind.PROBE, owner=new_id())
    staged.add("note", b"kept")
    Bucket.objects.all().delete()

    @services.retry_stale
    def service():
        with transaction.atomic():
            return staged.save()

    unit = service()
    assert services.read(unit, "note") == b"kept"
    assert services.unit_state(unit) == UnitState.LIVE


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_a_staged_unit_can_be_saved_again_after_a_rollback_and_is_closed_after_commit():
    staged = services.stage_unit(kind=UnitKind.PROBE, owner=new_id())
    staged.add("note", b"kept")

    with transaction.atomic():
        staged.save()
        transaction.set_rollback(True)
    with transaction.atomic():
        unit = staged.save()
    assert services.read(unit, "note") == b"kept"
    with pytest.raises(RuntimeError):
        staged.add("more", b"x")

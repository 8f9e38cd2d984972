"""R26's promise: with every old copy and every secret that exists now nothing erased opens.

First seen: with the old ring the same bytes, taken out of the same copies, do open.
"""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction

from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.vault import crypto, keys, lasting, rotation, secret_files, services, shredding
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Blob, UnitKey
from dsr_portal.vault.ring import RingFile
from tests.support.old_copies import Copies, Taker, files_of
from tests.support.vault import copy_ring, use_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

PICTURE = b"a canary of a picture " * 600
SHARD = b"a canary of a shard " * 90_000


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    settings.DSR_VAR = tmp_path / "var"
    settings.DSR_VAULT_DIR = tmp_path / "var" / "vault"
    call_command("ring", "init")
    yield
    keys.forget_all()
    lasting.forget()


@dataclass(frozen=True)
class Canary:
    """What is known of a unit's rows before it is erased, and what it opens to."""

    unit: UUID
    bucket: UUID
    wrapped: bytes
    bound: bytes
    blobs: list[tuple[crypto.BlobName, bytes | None, str, bytes]]

    @classmethod
    def of(cls, unit: UUID, plain: dict[str, bytes]) -> "Canary":
        row = UnitKey.objects.get(id=unit)
        blobs = [
            (
                crypto.BlobName(one.id, unit, row.kind, row.owner, one.field),
                None if one.inline is None else bytes(one.inline),
                one.file,
                plain[one.field],
            )
            for one in Blob.objects.filter(unit_id=unit)
        ]
        return cls(unit, row.bucket_id, bytes(row.wrapped), row.bound(), blobs)


def store(kind: UnitKind, **plain: bytes) -> Canary:
    staged = services.stage_unit(kind=kind, owner=new_id())
    for field, data in plain.items():
        if field == "rows":
            staged.add_stream(field, [data[:1_000_000], data[1_000_000:]])
        else:
            staged.add(field, data)
    with transaction.atomic():
        unit = staged.save()
    return Canary.of(unit, plain)


def a_person(number: int) -> list[Canary]:
    mark = b"canary %d " % number
    return [
        store(UnitKind.ENROLLED_FACE, template=mark * 20, crop=mark + PICTURE),
        store(UnitKind.SOURCE_IMAGE, address=mark, picture=PICTURE + mark),
        store(UnitKind.INDEX_SHARD, rows=mark + SHARD),
    ]


def sealed_of(copies: Copies, name: str, one: Canary) -> list[tuple[crypto.BlobName, bytes, bytes]]:
    """The ciphertexts of a unit: rows out of one copy of the database, files out of every tree."""
    found = []
    for bound, inline, file, plain in one.blobs:
        if inline is not None:
            taken = copies.taken_out_of(name, inline)
            assert taken is not None, (name, bound.field)
            found.append((bound, taken, plain))
        for tree in copies.files.values() if file else []:
            found.append((bound, (tree / file[:2] / file[2:4] / file).read_bytes(), plain))
    return found


def old_ring_opens(copies: Copies, name: str, one: Canary, bucket_key: bytes) -> int:
    """The canary: taken out of the copy, unwrapped with the old key, opened to what it was."""
    wrapped = copies.taken_out_of(name, one.wrapped)
    assert wrapped is not None, name
    key = crypto.unwrap(bucket_key, wrapped, one.bound)
    sealed = sealed_of(copies, name, one)
    for bound, data, plain in sealed:
        assert crypto.open_blob(key, bound, data) == plain
    return len(sealed)


def everything_secret_now() -> set[bytes]:
    """Bucket keys of both places, lasting secrets, and every unit and blob key they lead to."""
    found: set[bytes] = set()
    for place in django_settings.DSR_RING:
        file = RingFile.from_bytes((place / "ring").read_bytes())
        found |= {bytes(key) for key in file.keys.values()}
        for purpose in secret_files.purposes_in([place]):
            value = secret_files.find([place], purpose).value or b""
            found |= {value[:32], value[-32:]}
    for row in UnitKey.objects.all():
        key = crypto.unwrap(keys.keeper().ring.get(row.bucket_id), bytes(row.wrapped), row.bound())
        found.add(bytes(key))
        found |= {
            crypto.derive(key, b"dsr blob v1" + blob.id.bytes)
            for blob in Blob.objects.filter(unit_id=row.id)
        }
    return {value for value in found if len(value) == 32}


def opens_with(
    secret: bytes, one: Canary, sealed: list[tuple[crypto.BlobName, bytes, bytes]]
) -> bool:
    """Try a secret as bucket key of the unit and as key of each of its values."""
    tries = [lambda: crypto.unwrap(secret, one.wrapped, one.bound)]
    tries += [
        lambda bound=bound, data=data: next(crypto.open_stream(secret, bound, _reader(data)))
        for bound, data, _plain in sealed
    ]
    for attempt in tries:
        try:
            attempt()
        except crypto.BadBlob:
            continue
        return True
    return False


def _reader(data: bytes):
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        part = data[at : at + count]
        at += len(part)
        return part

    return read


def spellings(key: bytes) -> list[bytes]:
    return [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)]


@pytest.mark.parametrize("by", ["shred", "shred and rotate"])
def test_all_old_copies_are_dead(by, tmp_path):
    taker = Taker(tmp_path / "stolen")
    erased, kept = a_person(1), a_person(2)
    copies = taker.take()
    old_ring = copy_ring(django_settings.DSR_RING, tmp_path / "old-ring")
    old = RingFile.from_bytes((old_ring[0] / "ring").read_bytes()).keys
    for name in copies.database:
        for one in [*erased, *kept]:
            assert old_ring_opens(copies, name, one, bytes(old[one.bucket])) >= 1, name

    assert services.shred_now([one.unit for one in erased], "erasure").done
    if by == "shred and rotate":
        assert rotation.rotate(actor=Actor.operator()).done

    secrets = everything_secret_now()
    assert len(secrets) >= 15
    for one in erased:
        for name in copies.database:
            sealed = sealed_of(copies, name, one)
            assert sealed
            assert not [secret for secret in secrets if opens_with(secret, one, sealed)]
    # What stayed opens with the keys of now: the trying above could have found something.
    for one in kept:
        now = Canary.of(one.unit, {bound.field: plain for bound, _i, _f, plain in one.blobs})
        sealed = [(bound, b"", plain) for bound, _inline, _file, plain in one.blobs]
        assert [secret for secret in secrets if opens_with(secret, now, sealed)]
        for bound, _inline, _file, plain in one.blobs:
            assert services.read(one.unit, bound.field) == plain

    doomed = {bytes(old[one.bucket]) for one in erased}
    assert not doomed & secrets
    places = [*django_settings.DSR_RING, *django_settings.DSR_LEDGER, django_settings.DSR_VAR]
    for key in doomed:
        needles = spellings(key)
        assert any(needles[0] in path.read_bytes() for path in files_of(old_ring))  # the canary
        for path in files_of([Path(place) for place in places]):
            data = path.read_bytes()
            assert not any(needle in data for needle in needles), path


def test_what_the_ledger_keeps_of_survivors_opens_nothing_erased(tmp_path):
    """R31: entries hold wrapped keys of survivors; of the erased unit its id and nothing else."""
    erased, kept = a_person(1), a_person(2)
    services.shred_now([one.unit for one in erased], "erasure")
    entry = shredding.ledger().read(1)
    told = {row["unit"] for row in entry.body["rewrapped"]}
    assert told == {str(one.unit) for one in kept}
    text = entry.to_bytes()
    for one in erased:
        assert str(one.unit).encode() in text
        for spelled in spellings(one.wrapped):
            assert spelled not in text
    assert os.listdir(django_settings.DSR_LEDGER[0])

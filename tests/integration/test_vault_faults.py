"""What is harmed from outside: bytes exchanged, rolled back or cut, disks full, keys dropped."""

import ctypes
import errno
import os
import resource
import signal
import subprocess
from contextlib import contextmanager

import pytest
from django.db import transaction

from dsr_portal.core.ids import new_id
from dsr_portal.vault import crypto, files, keys, lasting, places, ring, services, shredding
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import Blob, UnitKey
from dsr_portal.vault.ring import Key, LedgerHead, NotWritten, Ring
from tests.support.vault import use_places

pytestmark = pytest.mark.django_db

BIG = os.urandom(2 * 1024 * 1024 + 333)


@pytest.fixture(autouse=True)
def own_places(settings, tmp_path):
    use_places(settings, tmp_path)
    yield tmp_path
    keys.forget_all()


def make(**values: bytes):
    staged = services.stage_unit(kind=UnitKind.SOURCE_IMAGE, owner=new_id())
    for field, data in values.items():
        staged.add(field, data)
    with transaction.atomic():
        return staged.save()


def newer(unit, field, data):
    staged = services.stage_into(unit)
    staged.add(field, data)
    with transaction.atomic():
        staged.save()


def blob(unit, field):
    return Blob.objects.filter(unit_id=unit, field=field).order_by("-seq").first()


def refused(unit, field):
    with pytest.raises(services.Damaged):
        services.read(unit, field)


# -- ciphertexts (R26, R27) -----------------------------------------------------------------------


def test_ciphertexts_swapped_between_rows_are_refused():
    one, two = make(note=b"one", word=b"first"), make(note=b"two")
    for mine, other in (
        (blob(one, "note"), blob(two, "note")),  # another unit
        (blob(one, "note"), blob(one, "word")),  # another field of the same unit
    ):
        kept = bytes(mine.inline)
        Blob.objects.filter(id=mine.id).update(inline=other.inline)
        refused(one, "note")
        Blob.objects.filter(id=mine.id).update(inline=kept)
        assert services.read(one, "note") == b"one"


def test_files_swapped_between_rows_are_refused(settings):
    one, two = make(picture=BIG), make(picture=BIG[::-1])
    mine, other = blob(one, "picture"), blob(two, "picture")
    Blob.objects.filter(id=mine.id).update(file=other.file)
    refused(one, "picture")
    Blob.objects.filter(id=mine.id).update(file=mine.file)
    left, right = files.path_of(mine.file), files.path_of(other.file)
    kept = left.read_bytes()
    left.write_bytes(right.read_bytes())  # the same exchange below the database
    refused(one, "picture")
    left.write_bytes(kept)
    assert services.read(one, "picture") == BIG


def test_a_ciphertext_rolled_back_to_an_older_version_is_refused():
    unit = make(note=b"old", picture=BIG)
    old_note, old_picture = blob(unit, "note"), blob(unit, "picture")
    newer(unit, "note", b"new")
    newer(unit, "picture", BIG[::-1])
    note, picture = blob(unit, "note"), blob(unit, "picture")
    kept = bytes(note.inline)
    Blob.objects.filter(id=note.id).update(inline=old_note.inline)
    refused(unit, "note")
    Blob.objects.filter(id=note.id).update(inline=kept)
    Blob.objects.filter(id=picture.id).update(file=old_picture.file)
    refused(unit, "picture")
    assert services.read(unit, "note") == b"new"


def test_a_wrapped_key_rolled_back_or_of_another_row_is_refused():
    unit, other = make(note=b"kept"), make(note=b"theirs")
    row = UnitKey.objects.get(id=unit)
    before, bucket = bytes(row.wrapped), row.bucket_id
    UnitKey.objects.filter(id=unit).update(wrapped=UnitKey.objects.get(id=other).wrapped)
    refused(unit, "note")
    UnitKey.objects.filter(id=unit).update(wrapped=before)
    services.shred_now([other], "test")  # the survivor is wrapped anew
    now = UnitKey.objects.get(id=unit)
    UnitKey.objects.filter(id=unit).update(wrapped=before)
    refused(unit, "note")
    # The whole old row: its bucket's key is gone, so no key opens it.
    UnitKey.objects.filter(id=unit).update(wrapped=now.wrapped)
    assert not keys.keeper().ring.ids() & {bucket}
    with pytest.raises(crypto.BadBlob):
        crypto.unwrap(keys.keeper().ring.get(now.bucket_id), before, row.bound())
    assert services.read(unit, "note") == b"kept"


@pytest.mark.parametrize("left", [0, 8, 16, 31, 1024 * 1024, 1024 * 1024 + 32, -16, -1])
def test_a_file_cut_anywhere_is_refused(left):
    unit = make(picture=BIG)
    path = files.path_of(blob(unit, "picture").file)
    data = path.read_bytes()
    path.write_bytes(data[:left])
    refused(unit, "picture")
    path.write_bytes(data)
    assert services.read(unit, "picture") == BIG


def test_a_row_cut_anywhere_is_refused():
    unit = make(note=b"a small value")
    one = blob(unit, "note")
    whole, row = bytes(one.inline), UnitKey.objects.get(id=unit)
    for end in (0, 1, 15, 16, len(whole) - 16, len(whole) - 1):
        Blob.objects.filter(id=one.id).update(inline=whole[:end])
        refused(unit, "note")
    Blob.objects.filter(id=one.id).update(inline=whole)
    for end in (0, 11, 12, 30, len(row.wrapped) - 1):
        UnitKey.objects.filter(id=unit).update(wrapped=bytes(row.wrapped)[:end])
        refused(unit, "note")
    UnitKey.objects.filter(id=unit).update(wrapped=row.wrapped)
    assert services.read(unit, "note") == b"a small value"


# -- full disks -----------------------------------------------------------------------------------


@contextmanager
def files_no_larger_than(size):
    """A disk that takes no more: every write beyond fails, as on a full one, with an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB of its own; skipped where this account may not mount one."""
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(place)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("no disk can be mounted here; RLIMIT_FSIZE covers the same branch")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_full_under_a_picture_is_said_and_leaves_nothing_half(settings):
    kept = make(picture=BIG)
    before = sorted(settings.DSR_VAULT_DIR.rglob("*"))
    staged = services.stage_unit(kind=UnitKind.SOURCE_IMAGE, owner=new_id())
    with files_no_larger_than(1024 * 1024 + 5), pytest.raises(services.NotWritten) as refused:
        staged.add("picture", BIG)
    assert refused.value.context["why"] == "efbig"
    assert refused.value.http_status == 503
    assert "Make room" in str(refused.value)
    left = [path for path in settings.DSR_VAULT_DIR.rglob("*") if path.is_file()]
    assert left == [path for path in before if path.is_file()]
    assert services.read(kept, "picture") == BIG
    staged.add("picture", BIG)  # there is room again
    with transaction.atomic():
        staged.save()
    assert services.read(staged.unit_id, "picture") == BIG


def ring_of(tmp_path, second):
    made = Ring([tmp_path / "a", second])
    made.init()
    return made


@pytest.mark.parametrize("full", [0, 1])
def test_a_disk_full_under_a_ring_place_loses_no_key(tmp_path, small_disk, full):
    """R26: whatever was made before is still read, also when only the first place was written."""
    folders = [tmp_path / "a", tmp_path / "b"]
    folders[full] = small_disk / "ring"
    first = Ring(folders)
    first.init()
    made = [new_id() for _ in range(300)]
    first.create(made)
    known = {one: bytes(first.get(one)) for one in made}
    (small_disk / "filler").write_bytes(b"x" * 40 * 1024)
    with pytest.raises(NotWritten) as refused:
        first.create([new_id() for _ in range(400)])
    assert refused.value.why == "enospc"
    with pytest.raises(NotWritten):
        first.destroy(made[:1])
    again = Ring(folders)
    assert {one: bytes(again.get(one)) for one in made[1:]} == {one: known[one] for one in made[1:]}
    assert not list(folders[full].glob(".ring.*"))
    (small_disk / "filler").unlink()
    again.destroy(made[:1], ledger=LedgerHead(1, b"h" * 32))
    assert [row.state for row in again.status()] == ["whole", "whole"]
    assert made[0] not in again.ids()


def test_a_disk_full_under_the_ring_stops_making_keys_in_words_and_destroying_waits(settings):
    unit, other = make(note=b"kept"), make(note=b"goes")
    keys.keeper().pool.clear()
    second = keys.keeper().ring.paths[1]
    write, calls = places.write_whole, []

    def full(path, data, *, wipe_old=False):
        calls.append(path)
        if path == second:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, wipe_old=wipe_old)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "write_whole", full)
        with pytest.raises(services.NotWritten):
            make(note=b"never acknowledged")
        report = services.shred_now([other], "erasure")
        assert (report.done, report.blocked) == (False, "enospc")
        assert services.read(unit, "note") == b"kept"
        assert services.unit_state(other) == UnitState.WAITING
    assert calls
    assert services.run_shred().done
    assert services.unit_state(other) == UnitState.SHREDDED
    assert services.read(unit, "note") == b"kept"
    assert services.read(make(note=b"again"), "note") == b"again"


def test_a_disk_full_under_the_ledger_makes_the_destruction_wait(settings):
    unit, other = make(note=b"kept"), make(note=b"goes")
    write = places.write_whole

    def full(path, data, *, wipe_old=False):
        if path.suffix == ".json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, wipe_old=wipe_old)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "write_whole", full)
        assert services.shred_now([other], "erasure").blocked == "enospc"
    assert services.run_shred().done
    assert shredding.ledger().verify(keys.keeper().ring.ledger_head()) == 1
    assert services.read(unit, "note") == b"kept"


def test_a_secret_is_not_half_made_on_a_full_disk(settings):
    with files_no_larger_than(20), pytest.raises(services.NotWritten):
        services.secret("some-purpose")
    for place in settings.DSR_RING:
        assert not [path for path in place.iterdir() if "some-purpose" in path.name]
    lasting.forget()
    assert len(services.secret("some-purpose")) == 32


# -- what a killed writer leaves ------------------------------------------------------------------


def test_keys_in_a_file_a_killed_writer_left_are_overwritten_with_the_next_write(tmp_path):
    """A key destroyed later must not live on in a half-written neighbour of the ring."""
    one = ring_of(tmp_path, tmp_path / "b")
    doomed = new_id()
    one.create([doomed])
    key = bytes(one.get(doomed))
    child = os.fork()
    if child == 0:
        replace = os.replace
        os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL) or replace(*names)
        one.create([new_id()])
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    (left,) = (tmp_path / "a").glob(".ring.*.new")
    assert key in left.read_bytes()  # the canary
    os.link(left, tmp_path / "its-blocks")
    one.destroy([doomed])
    assert not left.exists()
    assert key not in (tmp_path / "its-blocks").read_bytes()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or key not in path.read_bytes()


# -- keys in memory -------------------------------------------------------------------------------


def test_a_dropped_key_overwrites_itself_and_plain_bytes_do_not():
    """Best effort (R26): what the portal holds; copies of Python or the kernel are not seen."""
    secret = os.urandom(1024)  # so large that nothing else takes the place at once
    after = ctypes.create_string_buffer(1024)
    left = []
    for kind in (bytearray, Key):
        held = kind(secret)
        at = ctypes.addressof((ctypes.c_char * 1024).from_buffer(held))
        assert ctypes.string_at(at, 1024) == secret
        del held
        ctypes.memmove(after, at, 1024)
        left.append(after.raw[64:])  # the allocator writes into the first bytes
    assert left[0] == secret[64:]  # the canary: memory given back keeps what was in it
    assert left[1] == bytes(1024 - 64)


def test_keys_of_caches_rings_and_staged_units_are_overwritten_when_dropped(settings, monkeypatch):
    """What is overwritten is written down here first, so a key that is only freed is missed."""
    overwritten = []
    really = ring.overwrite

    def overwrite(secret):
        overwritten.append(bytes(secret))
        really(secret)

    settings.DSR_KEY_CACHE_SECONDS = 30
    unit = make(note=b"kept")
    bucket = UnitKey.objects.get(id=unit).bucket_id
    monkeypatch.setattr(ring, "overwrite", overwrite)
    key = keys.keeper().key(bucket)
    shown = bytes(key)
    assert shown not in overwritten
    del key
    assert overwritten.count(shown) == 1
    keys.forget_all()  # the cache's own copy
    assert overwritten.count(shown) >= 2
    overwritten.clear()
    keys.keeper().ring.ids()  # the whole ring was in memory for this
    assert any(shown in table for table in overwritten)
    staged = services.stage_unit(kind=UnitKind.DRAFT, owner=new_id())
    shown = bytes(staged._key)
    del staged  # given up, never saved
    assert shown in overwritten
    _row, key = services._open(unit)
    shown = bytes(key)
    del key
    assert shown in overwritten

"""The ring file in two places (R26): generations, missing places, permissions, secrets."""

import os
import shutil
import stat
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr_portal.core.ids import new_id
from dsr_portal.vault import places as files
from dsr_portal.vault.ring import (
    Floor,
    Key,
    KeyGone,
    LedgerHead,
    PlaceMissing,
    Ring,
    RingError,
    RingFile,
)


@pytest.fixture
def ring(tmp_path):
    ring = Ring([tmp_path / "a", tmp_path / "b"])
    ring.init()
    return ring


def test_keys_are_made_read_and_destroyed_in_both_places(ring):
    ids = [new_id() for _ in range(50)]
    ring.create(ids)
    values = {bytes(ring.get(one)) for one in ids}
    assert len(values) == 50
    assert {len(value) for value in values} == {32}
    doomed = bytes(ring.get(ids[7]))
    ring.destroy([ids[7]], ledger=LedgerHead(1, b"h" * 32))
    with pytest.raises(KeyGone):
        ring.get(ids[7])
    assert ring.ledger_head() == LedgerHead(1, b"h" * 32)
    assert ring.paths[0].read_bytes() == ring.paths[1].read_bytes()
    assert doomed not in ring.paths[0].read_bytes()
    assert ring.ids() == set(ids) - {ids[7]}


def test_folders_and_files_are_for_this_account_only(ring):
    for place, path in zip(ring.places, ring.paths, strict=True):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ring.places[0].chmod(0o750)
    assert ring.status()[0].state == "unsafe"
    with pytest.raises(files.UnsafePlace):
        files.make_folder(ring.places[0])


def test_the_blocks_of_the_replaced_file_are_overwritten(ring, tmp_path):
    one = new_id()
    ring.create([one])
    key = bytes(ring.get(one))
    os.link(ring.paths[0], tmp_path / "old")  # holds the old file's blocks
    assert key in (tmp_path / "old").read_bytes()  # the canary
    ring.destroy([one])
    assert key not in (tmp_path / "old").read_bytes()


def test_a_lower_generation_is_overwritten_and_never_read(ring, tmp_path):
    one, two = new_id(), new_id()
    ring.create([one])
    shutil.copy(ring.paths[0], tmp_path / "lower")
    ring.create([two])
    ring.destroy([one])
    for stale in (0, 1):
        shutil.copy(tmp_path / "lower", ring.paths[stale])
        with pytest.raises(KeyGone):
            ring.get(one)
        assert ring.get(two)
        assert ring.status()[stale].state == "behind"
        ring.create([new_id()])
        assert [row.state for row in ring.status()] == ["whole", "whole"]
        assert one not in ring.ids()


@pytest.mark.parametrize("stop_after", ["ring.place1", "ring.place2"])
def test_a_crash_between_the_places_is_finished_by_the_next_write(ring, stop_after):
    class Crash(Exception):
        pass

    def crash(step):
        if step == stop_after:
            raise Crash

    kept, doomed = new_id(), new_id()
    ring.create([kept, doomed])
    before = bytes(ring.get(kept))
    broken = Ring(ring.places, fault=crash)
    with pytest.raises(Crash):
        broken.destroy([doomed])
    assert bytes(ring.get(kept)) == before
    with pytest.raises(KeyGone):
        ring.get(doomed)
    ring.destroy([doomed])
    assert ring.paths[0].read_bytes() == ring.paths[1].read_bytes()


def test_with_one_place_missing_keys_are_made_and_read_but_not_destroyed(ring, tmp_path, caplog):
    one, two = new_id(), new_id()
    ring.create([one])
    ring.places[0].rename(tmp_path / "unmounted")
    ring.create([two])
    assert "place 1 is missing" in caplog.text
    assert ring.get(one)
    assert ring.get(two)
    with pytest.raises(PlaceMissing):
        ring.destroy([one])
    # An empty mount point is a missing place, not one to be filled.
    ring.places[0].mkdir(mode=0o700)
    with pytest.raises(PlaceMissing):
        ring.destroy([one])
    ring.places[0].joinpath("lock").unlink(missing_ok=True)
    ring.places[0].rmdir()
    (tmp_path / "unmounted").rename(ring.places[0])
    ring.destroy([one])
    assert ring.ids() == {two}
    assert [row.state for row in ring.status()] == ["whole", "whole"]


def test_a_lost_place_is_filled_on_an_operators_word_only(ring):
    ring.create([new_id()])
    shutil.rmtree(ring.places[1])
    ring.create([new_id()])
    assert not ring.paths[1].exists()
    ring.init()
    assert not ring.paths[1].exists()  # set-up makes the folder, and a place is no new ring
    assert ring.copy() == [ring.places[1]]
    assert ring.copy() == []
    assert [row.state for row in ring.status()] == ["whole", "whole"]


def test_a_damaged_file_is_not_read_and_two_damaged_files_stop_everything(ring):
    one = new_id()
    ring.create([one])
    for path in ring.paths:
        data = bytearray(path.read_bytes())
        data[70] ^= 1
        path.write_bytes(data)
        if path == ring.paths[0]:
            assert ring.get(one)
            assert ring.status()[0].state == "corrupt"
    with pytest.raises(RingError) as refused:
        ring.get(one)
    assert refused.value.why == "corrupt"


def test_a_ring_older_than_the_lock_row_remembers_is_refused(ring):
    one = new_id()
    ring.create([one])
    for known in (3, 99):
        with pytest.raises(RingError) as refused:
            Ring(ring.places, floor=lambda known=known: Floor(known, "")).get(one)
        assert refused.value.why == "too_old"
    assert Ring(ring.places, floor=lambda: Floor(2, "")).get(one)


def test_of_two_files_of_one_generation_the_remembered_one_counts(ring, tmp_path):
    shutil.copy(ring.paths[1], tmp_path / "aside")
    left, right = new_id(), new_id()
    ring.create([left])
    first = ring.paths[0].read_bytes()
    shutil.copy(tmp_path / "aside", ring.paths[0])
    shutil.copy(tmp_path / "aside", ring.paths[1])
    counted = ring.create([right])
    ring.paths[0].write_bytes(first)
    with pytest.raises(RingError) as refused:
        Ring(ring.places).get(right)
    assert refused.value.why == "forked"
    knowing = Ring(ring.places, floor=lambda: counted)
    assert knowing.get(right)
    with pytest.raises(KeyGone):
        knowing.get(left)


def test_no_ring_is_made_where_the_database_knows_one(tmp_path):
    ring = Ring([tmp_path / "a", tmp_path / "b"], floor=lambda: Floor(5, ""))
    with pytest.raises(RingError) as refused:
        ring.init()
    assert refused.value.why == "missing"
    with pytest.raises(RingError):
        Ring([tmp_path / "a", tmp_path / "a"])


def test_init_again_changes_nothing(ring):
    ring.create([new_id()])
    before = ring.paths[0].read_bytes()
    ring.init()
    assert ring.paths[0].read_bytes() == before == ring.paths[1].read_bytes()


def test_a_file_is_its_bytes_and_nothing_else():
    file = RingFile(generation=3)
    file.add({new_id(): Key(b"k" * 32)})
    data = file.to_bytes()
    assert RingFile.from_bytes(data).to_bytes() == data
    for cut in (0, 10, len(data) - 1):
        with pytest.raises(RingError):
            RingFile.from_bytes(data[:cut])
    file.wipe()
    assert file.keys == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.uuids(), unique=True, max_size=12), st.lists(st.uuids(), unique=True, max_size=6),
    st.data(),
)  # fmt: skip
def test_the_table_of_a_file_is_a_mapping_of_ids_to_keys(first, more, data):
    """R26: added, dropped and read back like a dict, whatever the ids and their order."""
    file, expected = RingFile(), {}
    for portion in (first, [one for one in more if one not in first]):
        made = {bucket: Key(os.urandom(32)) for bucket in portion}
        file.add(made)
        expected |= {bucket: bytes(key) for bucket, key in made.items()}
        gone = data.draw(st.lists(st.sampled_from(sorted(expected)))) if expected else []
        file.drop([*gone, UUID(int=5)])
        expected = {bucket: key for bucket, key in expected.items() if bucket not in gone}
        again = RingFile.from_bytes(file.to_bytes())
        assert {bucket: bytes(key) for bucket, key in again.keys.items()} == expected
        assert again.ids() == set(expected)
        assert all(again.has(bucket) for bucket in expected)
        assert not any(again.has(bucket) for bucket in gone)

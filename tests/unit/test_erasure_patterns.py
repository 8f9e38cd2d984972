"""Looking for erased bytes: nothing is missed at the seams, nothing is held in clear (R30)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from biometrics.memory_scan import FilesReport, Needle, scan_file
from dsr_portal.erasure import patterns, services, steps, verification, words
from dsr_portal.vault.confined import Picture

CHUNK = 4 << 20


def scanned(files: Iterable[Path], needles: Sequence[str]) -> FilesReport:
    with patterns.file_scanner(needles) as scanner:
        return scanner.scan(files)


def picture_like(size: int) -> bytes:
    """A header every file has, a body no other has."""
    return b"\xff\xd8\xff\xe0" + bytes(600) + b"\x00\x10JFIF\x00" * 20 + os.urandom(size)


def test_patterns_are_found_wherever_they_lie(tmp_path: Path) -> None:
    """At the start, at the end, over the seam of two pieces, twice, in two files."""
    data = bytearray(os.urandom(2 * CHUNK + 999))
    wanted = [os.urandom(48) for _ in range(5)]
    for place, one in zip((0, CHUNK - 20, CHUNK - 47, CHUNK, len(data) - 48), wanted, strict=True):
        data[place : place + 48] = one
    kept = [bytes(data[at : at + 48]) for at in (0, CHUNK, len(data) - 48, CHUNK - 20 - 48)]
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 3 + kept[0] + kept[0])
    texts = [patterns.masked(one) for one in [*kept, os.urandom(48)]]
    seen = scanned(patterns.files_under([tmp_path, tmp_path / "deep"]), texts)
    assert seen.counts == [3, 1, 1, 1, 0]
    assert (seen.files, seen.unreadable) == (2, 0)
    assert seen.bytes == len(data) + 3 + 96
    assert seen.hits[0] == {tmp_path / "a", tmp_path / "deep" / "b"}
    assert seen.found([1, 2]) == 2


@pytest.mark.parametrize("more", [0, 400])  # few patterns are looked for in another way than many
def test_what_one_place_holds_is_not_counted_for_the_next(tmp_path: Path, more: int) -> None:
    wanted, first, second = os.urandom(48), tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"x" + wanted + wanted)
    second.write_bytes(os.urandom(200))
    texts = [patterns.masked(one) for one in [wanted, *(os.urandom(48) for _ in range(more))]]
    with patterns.file_scanner(texts) as scanner:
        one, two, again = scanner.scan([first]), scanner.scan([second]), scanner.scan([first])
    assert (one.counts[0], one.hits, one.bytes) == (2, {0: {first}}, 97)
    assert (sum(two.counts), two.hits, two.bytes) == (0, {}, 200)
    assert (again.counts, again.hits) == (one.counts, one.hits)


def test_short_files_and_no_patterns_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "short").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "short")
    seen = scanned(patterns.files_under([tmp_path]), [patterns.masked(b"q" * 20)])
    assert (seen.files, seen.bytes, seen.counts) == (2, 3, [0])


def test_a_file_that_cannot_be_read_is_counted_and_never_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "is-a-folder"
    folder.mkdir()
    assert scanned([folder, tmp_path / "gone"], []).unreadable == 1


def test_a_pattern_is_never_held_in_clear() -> None:
    secret = os.urandom(48)
    text = patterns.masked(secret)
    assert secret.hex() not in text
    assert len({patterns.masked(secret) for _ in range(20)}) > 10
    with pytest.raises(ValueError, match="too short"):
        patterns.masked(b"short")


def test_the_library_reads_the_same_form_and_many_patterns_as_few(tmp_path: Path) -> None:
    """A kit serves the scan of files and that of memory; both count alike."""
    data = os.urandom(9 << 20)
    (tmp_path / "a").write_bytes(data)
    places = [*range(0, len(data) - 48, 30_011), (8 << 20) - 20, len(data) - 48]
    texts = [patterns.masked(data[at : at + 48]) for at in places]
    ours = scanned([tmp_path / "a"], texts)
    many = scan_file(tmp_path / "a", [Needle.from_text(text) for text in texts])
    few = scan_file(tmp_path / "a", [Needle.from_text(text) for text in texts[-3:]])
    assert ours.counts == list(many.counts) == [1] * len(texts)
    assert list(few.counts) == [1, 1, 1]


def test_slices_come_from_the_body_and_tell_files_apart() -> None:
    one, other = picture_like(40_000), picture_like(40_000)
    pieces = patterns.slices(one)
    assert len(pieces) == 7
    assert all(len(piece) == patterns.SLICE for piece in pieces)
    assert all(piece in one and piece not in other for piece in pieces)
    flat = bytes(3000) + os.urandom(48) + bytes(3000)
    assert patterns.slices(flat)
    assert patterns.slices(b"tiny") == []


def test_a_covered_area_is_told_from_a_face() -> None:
    """X-14: solid grey with the noise of JPEG passes, a faint picture does not."""
    flat = Picture(bytes([128, 129, 127] * 100), 10, 10, "JPEG", 10, 10)
    faint = bytearray(flat.rgb)
    faint[3 * 55] = 150
    assert verification._is_flat(flat, [2, 2, 6, 6, 10, 10])
    assert not verification._is_flat(
        Picture(bytes(faint), 10, 10, "JPEG", 10, 10), [2, 2, 6, 6, 10, 10]
    )
    assert not verification._is_flat(flat, [20, 20, 5, 5, 10, 10])


def test_every_step_has_a_worker_and_words() -> None:
    named = {store for store, _action in (*services.BEFORE, *services.AFTER)}
    named |= {"pictures", "duplicates"}
    assert named == set(steps._HANDLERS)
    for store in named:
        assert words.store(store) != store

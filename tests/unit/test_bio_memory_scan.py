"""Looking for bytes in memory and files: canaries are seen before their absence counts (R30)."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biometrics import memory_scan
from biometrics.errors import ScanFailed
from biometrics.memory_scan import (
    Needle,
    near_needles,
    scan_file,
    scan_process,
    template_needles,
    template_patterns,
)
from biometrics.templates import MEAN_FACE, before_turn, to_template, turn_from_secret

ROOT = Path(__file__).resolve().parents[2]

# A process that holds an index, as the search worker does. The template reaches it in a large
# buffer through a pipe, the needles masked: nothing else in it ever held the bytes.
HOLDER = """
import sys, uuid
import numpy as np
from biometrics import memory
from biometrics.index import FaceIndex
from biometrics.memory_scan import Needle, scan_process

memory.give_large_blocks_back()
raw = open(0, "rb", buffering=0)
count = int(raw.readline())
rows = np.zeros((count, 128), dtype=np.float32)
view, at = memoryview(rows).cast("B"), 0
while at < len(view):
    at += raw.readinto(view[at:])
index = FaceIndex(b"m" * 32, m=4, ef_construction=20, shard_rows=512)
ids = [uuid.UUID(int=n + 1) for n in range(count)]
index.add(ids, rows, 1)
index.seal()
index.build_graphs()
memory.wipe(rows)
print("ready", flush=True)
for line in raw:
    word = line.decode().strip()
    if word == "erase":
        index.erase([ids[7]])
        print("erased", flush=True)
    else:
        needles = [Needle.from_text(text) for text in word.split(",")]
        print(*scan_process("self", needles).counts, flush=True)
"""


def unit_rows(n: int) -> np.ndarray:
    rng = np.random.default_rng(secrets.randbits(64))
    rows = rng.normal(size=(n, 128)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_an_erased_template_is_gone_from_the_memory_of_the_process_that_held_it() -> None:
    rows = unit_rows(300)
    needles = template_needles(rows[7])
    asked = ",".join(needle.to_text() for needle in needles)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    into, out = child.stdin, child.stdout

    def ask(word: str) -> list[str]:
        into.write(f"{word}\n".encode())
        return out.readline().decode().split()

    try:
        into.write(b"300\n")
        view = memoryview(rows.tobytes())
        while view:
            view = view[into.write(view) or 0 :]
        assert out.readline() == b"ready\n"
        # One copy, for shard and graph share it: seen from inside and from outside.
        inside = [int(word) for word in ask(asked)]
        outside = scan_process(child.pid, needles)
        assert inside[0] == 1
        assert outside.counts[0] == 1
        assert ask("erase") == ["erased"]
        assert [int(word) for word in ask(asked)] == [0] * len(needles)
        assert scan_process(child.pid, needles).total == 0
        # Others are still there (the graph is not): the scan did not go blind.
        assert scan_process(child.pid, template_needles(rows[8])).counts[0] >= 1
    finally:
        child.kill()
        child.wait()


def test_the_scanner_does_not_find_itself() -> None:
    # Made in another process, so that this one never held the bytes in the clear.
    code = (
        "import numpy as np; from biometrics.memory_scan import template_needles as t;"
        "r = np.random.default_rng(5).normal(size=128).astype('f4');"
        "print(*[n.to_text() for n in t(r)])"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    needles = [Needle.from_text(word) for word in text.split()]
    assert scan_process("self", needles).total == 0
    held = np.random.default_rng(5).normal(size=128).astype("f4")
    assert scan_process("self", needles).counts[0] >= 1
    assert held.any()


def test_every_form_in_which_a_template_may_be_written_is_found(tmp_path: Path) -> None:
    row = unit_rows(1)[0]
    forms = {
        "f4": row.astype("<f4").tobytes(),
        "F4": row.astype(">f4").tobytes(),
        "f8": row.astype("<f8").tobytes(),
        "F8": row.astype(">f8").tobytes(),
        "base64": base64.b64encode(row.tobytes()),
        "base64, one byte in": base64.b64encode(b"x" + row.tobytes()),
        "base64, two bytes in": base64.b64encode(b"xy" + row.tobytes()),
        "hex": row.tobytes().hex().encode(),
        "HEX": row.tobytes().hex().upper().encode(),
        "json": json.dumps([float(v) for v in row]).encode(),
        "dense": json.dumps([float(v) for v in row], separators=(",", ":")).encode(),
        "lines": json.dumps({"a": [{"b": [float(v) for v in row]}]}, indent=1).encode(),
    }
    for name, form in forms.items():
        path = tmp_path / name
        path.write_bytes(b"\x00" * 1000 + form + b"\xff" * 1000)
        assert scan_file(path, template_patterns(row)).total >= 1, name
        assert scan_file(path, template_patterns(unit_rows(1)[0])).total == 0, name


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("moved", [0.0, 3e-7, -3e-7])
def test_numbers_known_up_to_their_last_digits_are_found(
    tmp_path: Path, kind: str, moved: float
) -> None:
    """E-04, R30: what a template was before it was rounded differs in its last bits."""
    row = unit_rows(1)[0].astype(np.float64)
    others = unit_rows(400).astype(kind).tobytes()
    needles = [Needle.from_text(one.to_text()) for one in near_needles(row)]
    path = tmp_path / "file"
    for shift in (0, 1, 3):
        path.write_bytes(others + b"x" * shift + (row + moved).astype(kind).tobytes() + others)
        found = scan_file(path, needles).counts
        assert sum(found) == 1, (shift, found)
    path.write_bytes(others + unit_rows(1)[0].astype(kind).tobytes())
    assert scan_file(path, needles).total == 0


def test_what_a_template_was_before_centring_and_turning_is_computed_back() -> None:
    rng = np.random.default_rng(9)
    turn = turn_from_secret(b"s" * 32)
    embedding = rng.normal(size=128).astype(np.float32) * 13
    template = to_template(embedding, turn)
    length = np.linalg.norm(embedding.astype(np.float64))
    scaled = embedding.astype(np.float64) / length
    centred, before = before_turn(template, turn)
    assert np.abs(before - scaled).max() < 1e-6
    difference = scaled - MEAN_FACE
    assert np.abs(centred - difference / np.linalg.norm(difference)).max() < 1e-6


@pytest.mark.parametrize("shift", [-40, -13, -1, 0, 1, 12])
def test_matches_across_the_edge_of_a_piece_are_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    monkeypatch.setattr(memory_scan, "CHUNK", 4096)
    long, short = secrets.token_bytes(40), secrets.token_bytes(12)
    data = bytearray(4096 * 3 + 17)
    data[4096 + shift : 4096 + shift + 40] = long
    data[8192 + shift : 8192 + shift + 12] = short
    path = tmp_path / "file"
    path.write_bytes(data)
    report = scan_file(path, [long, short])
    assert report.counts == (1, 1)
    assert report.scanned_bytes == len(data)


def test_needles_hold_no_plain_bytes_and_survive_being_written_down() -> None:
    pattern = secrets.token_bytes(32)
    needle = Needle.of(pattern)
    assert pattern not in needle.masked
    assert pattern.hex() not in needle.to_text()
    assert Needle.from_text(needle.to_text()) == needle
    for text in (
        "",
        "zz",
        "00" + "11" * 20,
        "01ab",
        "01" + "22" * 20 + "/ff",
        "01" + "22" * 20 + "/",
    ):
        with pytest.raises(ScanFailed):
            Needle.from_text(text)


def test_what_cannot_be_read_is_an_error_and_no_zero(tmp_path: Path) -> None:
    with pytest.raises(ScanFailed):
        scan_file(tmp_path / "absent", [b"x" * 8])
    with pytest.raises(ScanFailed):
        scan_process(2**22 + 1, [b"x" * 8])
    with pytest.raises(ScanFailed):
        Needle.of(b"short")

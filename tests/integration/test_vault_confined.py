"""Outside bytes meet a decoder only in the confined child (R28); every bad file has an answer."""

import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import translation
from PIL import Image

from dsr_portal.core.errors import InsideTransaction
from dsr_portal.vault import confined, pictures
from dsr_portal.vault.confined import Child, ChildFailed, PictureRefused, decode_picture
from tests.support import bad_input


@pytest.fixture(scope="module")
def session():
    with confined.picture_session() as session:
        yield session


def corner(picture, left, top):
    """Mean colour of a corner of a decoded picture."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    width, height = image.size
    box = (0, 0, 9, 9) if left and top else (width - 9, height - 9, width, height)
    return image.crop(box).resize((1, 1)).getpixel((0, 0))


@pytest.mark.parametrize("name", bad_input.ACCEPTED)
def test_what_people_send_is_decoded_upright_to_plain_rgb(session, name):
    data = bad_input.ACCEPTED[name]()
    picture = session.decode(data)
    assert (picture.width, picture.height) == bad_input.SIZE
    assert (picture.original_width, picture.original_height) == bad_input.SIZE
    assert len(picture.rgb) == 3 * picture.width * picture.height
    red, blue = corner(picture, True, True), corner(picture, False, False)
    if not any(word in name for word in ("grey", "one bit", "16 bit")):
        assert red[0] > 150 > red[2] + 50, red
        assert blue[2] > 150 > blue[0] + 50, blue
    assert b"CANARY" not in pictures.jpeg_of(picture)


@pytest.mark.parametrize("name", bad_input.REFUSED)
def test_what_cannot_be_used_gets_a_clear_answer(session, name):
    make, code = bad_input.REFUSED[name]
    with pytest.raises(PictureRefused) as refused:
        session.decode(make())
    assert refused.value.code == code
    assert "%" not in str(refused.value.message)
    assert len(str(refused.value.message)) > 30


def test_every_refusal_has_words_that_follow_the_language():
    error = PictureRefused("too_many_bytes")
    assert "20 MB" in str(error.message)
    with translation.override("de"):
        assert "20 MB" in str(error.message)


def test_metadata_are_dropped_and_pictures_made_smaller(session):
    data = bad_input.turned(6)
    assert b"EXIFCANARY" in data
    picture = session.decode(data, max_side=100)
    assert (picture.width, picture.height) == (100, 75)
    assert (picture.original_width, picture.original_height) == bad_input.SIZE
    kept = pictures.jpeg_of(picture)
    with Image.open(BytesIO(kept)) as image:
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    rgb, width, height = pictures.decode_own(pictures.encode_png(*_rows(picture)))
    assert (rgb, width, height) == _rows(picture)


def _rows(picture):
    return picture.rgb, picture.width, picture.height


def test_the_child_has_no_environment_no_descriptors_and_no_privileges(monkeypatch):
    monkeypatch.setenv("DSR_CANARY_SECRET", "must not be inherited")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    os.set_inheritable(write, True)
    try:
        with Child(confined.DECODER) as child:
            said = child.confined
            assert Path(f"/proc/{child.pid}/environ").read_bytes() == b""
            held = os.listdir(f"/proc/{child.pid}/fd")
            status = Path(f"/proc/{child.pid}/status").read_text()
            limits = Path(f"/proc/{child.pid}/limits").read_text()
            namespaces = [os.readlink(f"/proc/{pid}/ns/net") for pid in ("self", child.pid)]
    finally:
        os.close(read)
        os.close(write)
    assert sorted(held) == ["0", "1", "2"]
    assert said["environment"] == 0
    assert [n for n in said["descriptors"] if n > 2] == []
    assert said["file_size"] == said["core"] == 0
    assert "NoNewPrivs:\t1" in status
    assert "Max core file size        0                    0" in limits
    assert said["no_network"] == (namespaces[0] != namespaces[1])


def test_the_decoder_imports_no_django_no_opencv_and_no_deepface():
    code = (
        "import sys, io, biometrics.decode as d\n"
        "from PIL import Image\n"
        "out = io.BytesIO(); Image.new('RGB', (9, 9)).save(out, 'PNG')\n"
        "d.decode(out.getvalue(), max_side=9)\n"
        "bad = [m for m in ('django', 'cv2', 'deepface', 'tensorflow', 'dsr_portal', 'numpy',"
        " 'socket') if m in sys.modules]\n"
        "sys.exit(str(bad) if bad else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_pixel_bomb_is_refused_at_once_and_in_little_memory():
    data = bad_input.png_bomb()
    assert len(data) < 1_000_000
    with Child(confined.DECODER) as child:
        started = time.monotonic()
        header, _ = child.ask({"op": "decode"}, data, seconds=10, most=0)
        took = time.monotonic() - started
        status = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        peak = next(line for line in status if line.startswith("VmHWM")).split()[1]
    assert header["code"] == "too_many_pixels"
    assert took < 2
    assert int(peak) < 120 * 1024


def test_a_header_that_lies_about_its_size_costs_no_memory(session):
    picture = session.decode(bad_input.png_lies())
    assert (picture.width, picture.height) == (64, 64)


def test_the_largest_allowed_picture_is_decoded():
    side = 8000
    data = bad_input.png_bomb(side, side)
    picture = decode_picture(data, max_side=1600)
    assert (picture.width, picture.original_width) == (1600, side)


def test_a_session_starts_a_new_child_after_its_share_and_after_a_death():
    with confined.picture_session(per_child=3) as session:
        for _ in range(7):
            session.decode(bad_input.jpeg())
        assert session.started == 3
        os.kill(session._child.pid, signal.SIGKILL)
        with pytest.raises(PictureRefused) as refused:
            session.decode(bad_input.jpeg())
        assert refused.value.code == "decoder_died"
        assert session.decode(bad_input.jpeg()).format == "JPEG"
        assert session.started == 4


def test_a_session_that_only_reads_metadata_starts_new_children_too():
    with confined.picture_session(per_child=2) as session:
        for _ in range(5):
            assert session.metadata(bad_input.jpeg()) != confined.UNREAD
        assert session.started == 3


def test_a_child_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(confined, "PICTURE_SECONDS", 0.5)
    with confined.picture_session() as session:
        session.decode(bad_input.jpeg())
        pid = session._child.pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(PictureRefused) as refused:
            session.decode(bad_input.jpeg())
        assert refused.value.code == "timeout"
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ({"ok": True, "format": "JPEG", "width": 2, "height": 2}, b"x" * 12),
        ({"ok": True, "format": "JPEG", "width": 2, "height": 2, "original_width": 2,
          "original_height": 2, "frames": 1}, b"x" * 11),
        ({"ok": True, "format": "EXE", "width": 2, "height": 2, "original_width": 2,
          "original_height": 2, "frames": 1}, b"x" * 12),
        ({"ok": True, "format": "PNG", "width": 9000, "height": 1, "original_width": 9000,
          "original_height": 1, "frames": 1}, b"x" * 27000),
        ({"ok": "yes"}, b""),
    ],
)  # fmt: skip
def test_an_answer_of_a_child_that_was_taken_over_is_not_believed(said, body):
    with pytest.raises(ChildFailed):
        confined._picture(said, body, 4096)


def test_any_module_can_be_run_confined_and_a_missing_one_is_named():
    header, rgb = confined.run_child(
        confined.DECODER, {"op": "decode", "max_side": 64}, bad_input.jpeg()
    )
    assert header["ok"] is True
    assert len(rgb) == 3 * header["width"] * header["height"]
    with pytest.raises(ChildFailed):
        confined.run_child(["biometrics.nothing_here"], {"op": "x"})


def test_a_pdf_is_looked_at_in_the_cage():
    said = json.loads(confined.run_piped(confined.INSPECTOR, bad_input.SVG))
    assert said["verdict"] == "not_a_pdf"
    with pytest.raises(ChildFailed):
        confined.run_piped(["dsr_portal.nothing_here"], b"x")
    with pytest.raises(ChildFailed) as slow:
        confined.run_piped(confined.INSPECTOR, b"x", seconds=0.01)
    assert slow.value.code == "timeout"


def test_the_cage_is_closed_before_the_module_runs():
    shown = confined.run_piped(["tests.support.caged"], b"")
    said = json.loads(shown)
    assert said == {"environment": 0, "core": 0, "file": 0, "privileges": "1", "django": False,
                    "written": "refused"}  # fmt: skip


@pytest.mark.django_db
def test_decoding_is_refused_inside_a_transaction():
    with transaction.atomic(), pytest.raises(InsideTransaction):
        decode_picture(bad_input.jpeg())


def test_a_fresh_upload_over_the_limit_is_refused_before_a_child_starts(settings, monkeypatch):
    settings.DSR_MAX_UPLOAD = 1000
    monkeypatch.setattr(confined, "Child", None)
    with pytest.raises(PictureRefused) as refused:
        decode_picture(bytes(1001))
    assert refused.value.code == "too_many_bytes"

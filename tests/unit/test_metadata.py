"""What a camera wrote into a file is read, bounded and sorted (law A-02, A-15; rule R28)."""

import json
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import PngImagePlugin
from pillow_heif import register_heif_opener

from biometrics import decode, metadata
from dsr_portal.disclosure import camera
from dsr_portal.disclosure.camera import Camera
from dsr_portal.vault.confined import UNREAD, Metadata
from tests.support.camera_files import WHOLE, XMP, exif, picture

register_heif_opener()


def read(data: bytes) -> dict[str, Any]:
    header, body = decode.answer({"op": "metadata"}, data)
    assert header == {"ok": True}
    return dict(json.loads(body))


def named(found: dict[str, Any]) -> dict[str, str]:
    return {name: value for _block, name, value in found["entries"]}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_what_a_camera_wrote_is_read_from_each_format(kind: str) -> None:
    """A-02"""
    found = read(picture(kind, exif=exif().tobytes(), xmp=XMP.encode()))
    told = named(found)
    assert told["Model"] == "X-1"
    assert told["ImageDescription"] == "Mina at the quay"
    assert told["DateTimeOriginal"] == "2024:05:06 10:11:12"
    assert told["UserComment"] == "hello there"
    assert told["Position"] == "52.370217, -4.895167"
    assert "MakerNote" not in told or told["MakerNote"].startswith("[")
    if kind != "PNG":  # Pillow writes no XMP chunk there
        assert told["photoshop:City"] == "Ghent"
        assert told["dc:subject"] in {"canal", "summer"}
        assert found["previews"] == 1
        assert "/9j/4AAQ" not in json.dumps(found)
    assert found["unreadable"] == []


def test_texts_comments_and_iptc_are_read() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "seen by the canal", zip=True)
    text.add_text("Raw profile type iptc", "8BIM " * 30)
    assert named(read(picture("PNG", pnginfo=text)))["Comment"] == "seen by the canal"
    assert named(read(picture("JPEG", comment=b"a word")))["Comment"] == "a word"
    line = struct.pack(">BBBH", 0x1C, 2, 120, 5) + b"Quay!"
    line += struct.pack(">BBBH", 0x1C, 2, 80, 3) + b"Pia"
    line += b"" if len(line) % 2 == 0 else b"\0"
    block = b"Photoshop 3.0\x00" + b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(line)) + line
    plain = picture("JPEG")
    with_iptc = plain[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    told = named(read(with_iptc))
    assert (told["Caption-Abstract"], told["By-line"]) == ("Quay!", "Pia")


def test_a_file_without_anything_has_no_entries() -> None:
    found = read(picture("JPEG"))
    assert (found["entries"], found["previews"], found["unreadable"]) == ([], 0, [])
    assert decode.answer({"op": "metadata"}, b"no picture")[0]["ok"] is False


@pytest.mark.parametrize(
    "packet",
    [
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<a><b></a>",
        "\ufeff<a>" + "<b>" * 50,
        "\udcff",
    ],
)
def test_hostile_packets_are_named_and_not_parsed(packet: str) -> None:
    """R28: entities, broken markup, odd letters; the other blocks are still read."""
    raw = packet.encode("utf-8", "surrogatepass")
    found = read(picture("JPEG", exif=exif().tobytes(), xmp=raw))
    assert found["unreadable"] == ["xmp"]
    assert named(found)["Model"] == "X-1"


def test_sizes_have_an_end() -> None:
    """Long values are cut, many entries counted, what looks like packed bytes is not passed on."""
    one = "".join(f"<dc:subject>word number {at}</dc:subject>" for at in range(900))
    head = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"
    head += " xmlns:dc='http://purl.org/dc/elements/1.1/'><rdf:Description>"
    tail = "</rdf:Description></rdf:RDF>"
    packed = "QUJD" * 1000
    long = f"<dc:title>{'long words ' * 900}</dc:title><dc:format>{packed}</dc:format>"
    found = read(picture("WEBP", xmp=f"{head}{long}{one}{tail}".encode()))
    assert len(found["entries"]) == metadata.MOST_ENTRIES
    assert found["cut"] >= 500
    told = named(found)
    assert len(told["dc:title"]) == metadata.MOST_CHARACTERS
    assert told["dc:format"] == f"[{len(packed)} bytes]"
    huge = b"<a>" + b" " * (metadata.MOST_BLOCK + 1) + b"</a>"
    assert read(picture("WEBP", xmp=huge))["unreadable"] == ["xmp"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(0, 0.9), st.integers(0, 255)), min_size=1, max_size=12))
def test_damage_is_read_named_or_refused(changes: list[tuple[float, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[int(place * len(data))] = value
    header, body = decode.answer({"op": "metadata"}, bytes(data))
    assert header["ok"] is True or header["code"]
    assert len(body) < 200_000


def test_what_points_to_others_is_held_back_and_counted() -> None:
    """A-02, A-15: place, time and words are the person's; who took it and with what is not."""
    found = read(WHOLE)
    seen = Camera.of(
        Metadata(
            entries=tuple((block, name, value) for block, name, value in found["entries"]),
            previews=found["previews"],
        )
    )
    given_names = {name for _block, name, _value in seen.entries}
    assert {"Position", "DateTimeOriginal", "ImageDescription", "photoshop:City"} <= given_names
    text = json.dumps(seen.as_data())
    assert "Pia" not in text
    assert "SN-123456" not in text
    assert seen.held_back >= 4
    assert camera.of_others(("text", "Comment", "write to pia@photo.example"))
    assert not camera.of_others(("xmp", "xmp:CreatorTool", "Editor 5"))
    rows = dict(camera.rows(seen))
    assert rows["Place (GPS)"] == "52.370217, -4.895167"
    assert rows["Camera data held back"] == str(seen.held_back)
    assert len(camera.left_out([seen])) == 2


def test_nothing_and_what_cannot_be_read_are_said() -> None:
    assert camera.rows(Camera.of(Metadata())) == [("Camera data", "none in this file")]
    assert [label for label, _value in camera.rows(Camera.of(UNREAD))] == ["Camera data not read"]
    assert camera.left_out([Camera.of(Metadata())]) == []

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
from dsr_portal.vault import confined
from dsr_portal.vault.confined import UNREAD, Metadata
from tests.support.camera_files import (
    NAMING_XMP,
    OTHER,
    WHOLE,
    XMP,
    exif,
    naming_exif,
    packed_png,
    picture,
)

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


def seen_in(data: bytes, *, alone: bool = True) -> Camera:
    found = read(data)
    entries = tuple((block, name, value) for block, name, value in found["entries"])
    return Camera.of(Metadata(entries=entries, previews=found["previews"]), alone=alone)


def test_what_points_to_others_is_held_back_and_counted() -> None:
    """A-02, A-15: place, time and words are the person's; who took it and with what is not."""
    seen = seen_in(WHOLE)
    given_names = {name for _block, name, _value in seen.entries}
    assert {"Position", "DateTimeOriginal", "ImageDescription", "photoshop:City"} <= given_names
    text = json.dumps(seen.as_data())
    assert "Pia" not in text
    assert "SN-123456" not in text
    assert seen.held_back >= 4
    for name, value, given_out in (
        ("Comment", "write to pia@photo.example", 0),
        ("Software", "Editor 5", 1),
        ("Software", r"C:\Users\pia\edit.exe", 0),
        ("Whatever", "plain", 0),
    ):
        one = Metadata(entries=(("text", name, value),))
        assert len(Camera.of(one, alone=True).entries) == given_out, value
    rows = dict(camera.rows(seen))
    assert rows["Place (GPS)"] == "52.370217, -4.895167"
    assert rows["Camera data held back"] == str(seen.held_back)
    assert len(camera.left_out([seen])) == 2


NAMING = {
    "exif": picture("JPEG", exif=naming_exif().tobytes(), xmp=NAMING_XMP.encode()),
    "packed": packed_png(),
}


@pytest.mark.parametrize("kind", NAMING)
def test_no_name_leaves_from_a_picture_of_several_people(kind: str) -> None:
    """A-15: tags nobody has a name for, tags of people, packed blocks, deep ways, captions."""
    found = read(NAMING[kind])
    seen = seen_in(NAMING[kind], alone=False)
    assert OTHER in json.dumps(found), "it was there"
    told = {name: value for _block, name, value in seen.entries}
    assert told["Model"] == "X-1"
    assert OTHER.casefold() not in json.dumps(seen.as_data()).casefold()
    assert not [name for name in told if name.startswith(("0x", "Raw"))]
    assert seen.words_held_back >= 2
    assert len(seen.entries) + seen.held_back + seen.words_held_back == len(found["entries"])
    assert len(camera.left_out([seen])) == 2
    assert str(seen.words_held_back) in camera.left_out([seen])[1]
    assert [row for row in camera.printed(seen) if row[1] == "X-1"]


@pytest.mark.parametrize("kind", NAMING)
def test_words_are_given_of_a_picture_of_one_person(kind: str) -> None:
    """A-02: with no other face in it, its caption is about this person; tags of names never are."""
    seen = seen_in(NAMING[kind])
    told = {name: value for _block, name, value in seen.entries}
    assert told["ImageDescription"] == f"{OTHER} at the quay"
    words = {"ImageDescription", "XPKeywords", "dc:subject", "dc:description"}
    assert {name for name, value in told.items() if OTHER in value} <= words
    assert seen.words_held_back == 0


def test_a_packed_block_is_named_by_its_size() -> None:
    told = named(read(NAMING["packed"]))
    assert told["Raw profile type exif"].endswith(" bytes]")
    assert told["Raw profile type app1"].endswith(" bytes]")


def test_a_long_name_keeps_its_end_and_says_that_it_lost_its_beginning() -> None:
    names = [name for _block, name, _value in read(NAMING["exif"])["entries"]]
    assert [name for name in names if name.startswith("…") and name.endswith("/OwnerName")]
    assert max(map(len, names)) <= 120


def test_the_largest_answer_fits_the_frame_it_is_read_in() -> None:
    """R28: signs outside the basic plane take twelve bytes each on the way."""
    found = metadata.Found()
    for at in range(metadata.MOST_ENTRIES):
        found.add("xmp", "\U0001f600" * 130 + str(at), "\U0001f600" * 160)
    assert found.entries
    assert found.cut
    assert len(json.dumps(found.as_data())) < confined.MAX_METADATA


def test_nothing_and_what_cannot_be_read_are_said() -> None:
    nothing, unread = (Camera.of(one, alone=True) for one in (Metadata(), UNREAD))
    assert camera.rows(nothing) == [("Camera data", "none in this file")]
    assert [label for label, _value in camera.rows(unread)] == ["Camera data not read"]
    assert camera.left_out([nothing]) == []

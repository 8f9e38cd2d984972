"""The decoder's protocol and limits (R28), called in this process with pictures of our own."""

import json
import struct
from io import BytesIO

import pytest
from pillow_heif import register_heif_opener

from biometrics import decode
from tests.support import bad_input

register_heif_opener()


def message(header, data=b""):
    text = json.dumps({**header, "size": len(data)}).encode()
    return struct.pack(">I", len(text)) + text + data


def test_messages_go_there_and_back():
    out = BytesIO()
    decode.write_message(out, {"op": "decode"}, b"bytes")
    out.seek(0)
    assert decode.read_message(out) == ({"op": "decode", "size": 5}, b"bytes")
    assert decode.read_message(out) is None


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x00",
        struct.pack(">I", 1 << 30),
        struct.pack(">I", 2) + b"{}",
        message({}, b"abc")[:-1],
        struct.pack(">I", 12) + b'{"size": -1}',
        struct.pack(">I", 20) + b'{"size": 1000000000}',
    ],
)
def test_a_message_that_is_not_whole_ends_the_child(sent):
    with pytest.raises((decode.Refused, ValueError)):
        decode.read_message(BytesIO(sent))


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "run"},
        {},
        {"op": "decode", "max_side": 0},
        {"op": "decode", "max_side": 10**9},
        {"op": "decode", "max_pixels": 10**12},
    ],
)
def test_a_request_beyond_the_limits_is_refused(request_):
    assert decode.answer(request_, bad_input.jpeg()) == ({"ok": False, "code": "bad_request"}, b"")


def test_an_answer_carries_sizes_format_and_pixels():
    header, rgb = decode.answer({"op": "decode", "max_side": 32}, bad_input.turned(8))
    assert header == {
        "ok": True, "format": "JPEG", "width": 32, "height": 24,
        "original_width": 320, "original_height": 240, "frames": 1,
    }  # fmt: skip
    assert len(rgb) == 3 * 32 * 24


def test_pixels_are_counted_before_decoding():
    with pytest.raises(decode.Refused) as refused:
        decode.decode(bad_input.jpeg(), max_side=64, max_pixels=320 * 240 - 1)
    assert refused.value.code == "too_many_pixels"


def test_deep_grey_keeps_its_tones():
    """Pillow clips 16-bit grey to white; the drawing's background is light grey."""
    _, deep = decode.decode(bad_input.ACCEPTED["16 bit png"](), max_side=320)
    _, plain = decode.decode(bad_input.ACCEPTED["greyscale jpeg"](), max_side=320)
    differences = [abs(a - b) for a, b in zip(deep[::97], plain[::97], strict=True)]
    assert sum(differences) / len(differences) < 3


@pytest.mark.parametrize(
    "name",
    [
        "animated webp",
        "animated gif",
        "animated png",
        "animated avif",
        "camera jpeg with two pictures",
    ],
)
def test_of_several_pictures_the_first_comes_through_and_the_rest_is_counted(name):
    header, rgb = decode.answer({"op": "decode"}, bad_input.ACCEPTED[name]())
    assert header["frames"] == 2
    assert len(rgb) == 3 * header["width"] * header["height"]
    # The second has its blue corner here.
    assert (rgb[0] > 200, rgb[2] > 50) == (True, False)


def test_every_way_to_write_one_picture_gives_nearly_the_same_pixels():
    """CMYK, palette, 16 bits, odd profiles and files behind the picture change nothing of it."""
    _, plain = decode.decode(bad_input.jpeg(), max_side=320)
    for name in (
        "cmyk jpeg",
        "cmyk jpeg with an odd profile",
        "jpeg with an odd profile",
        "png with an odd profile",
        "16 bit colour png",
        "palette png with a transparent colour",
        "avif",
        "rgba avif",
        "gif",
        "polyglot jpeg",
        "jpeg and html",
        "gif and java archive",
        "png and zip",
    ):
        header, rgb = decode.decode(bad_input.ACCEPTED[name](), max_side=320)
        assert (header["width"], header["height"]) == bad_input.SIZE
        differences = [abs(a - b) for a, b in zip(rgb[::97], plain[::97], strict=True)]
        assert sum(differences) / len(differences) < 4, name


@pytest.mark.parametrize(
    "name", ["polyglot jpeg", "jpeg and html", "jpeg with html in its comment",
             "gif and java archive", "png and zip"],
)  # fmt: skip
def test_of_a_polyglot_only_pixels_come_through(name):
    data = bad_input.ACCEPTED[name]()
    assert b"POLYGLOTCANARY" in data
    header, rgb = decode.answer({"op": "decode"}, data)
    assert header["ok"] is True
    assert len(rgb) == 3 * header["width"] * header["height"]
    assert b"POLYGLOT" not in rgb
    assert b"POLYGLOT" not in json.dumps(header).encode()


def test_an_archive_without_a_picture_is_refused():
    header, rgb = decode.answer({"op": "decode"}, bad_input.archive())
    assert header == {"ok": False, "code": "format_not_allowed"}
    assert rgb == b""


def test_a_decoder_that_breaks_in_a_new_way_is_a_refusal(monkeypatch):
    """A plugin's own kind of error must not end a child that has other pictures to decode."""
    from PIL import Image

    class Odd(ArithmeticError):
        pass

    def broken(*_args, **_how):
        raise Odd("the palette lies")

    data = bad_input.ACCEPTED["rgba png"]()
    monkeypatch.setattr(Image.Image, "convert", broken)
    header, _ = decode.answer({"op": "decode"}, data)
    assert header == {"ok": False, "code": "truncated"}

"""The confined child that decodes outside pictures: ``python -m biometrics.decode`` (rule R28).

Every byte from outside meets a decoder only here: in a process started by exec with an empty
environment and three descriptors, which gives itself limits, no new privileges and, where the
system allows, no network before it reads the first byte. It returns pixels and numbers.

Protocol, on stdin and stdout, many requests until the end of input. A message is the length of
its header (4 bytes, big-endian), the header (JSON) and as many bytes as the header's ``size`` says.

    child, once      {"ready": true, "confined": {...}, "size": 0}
    parent           {"op": "decode", "size": n, "max_side": 4096, "max_pixels": ...} + file
    child            {"ok": true, "format", "width", "height", "original_width",
                      "original_height", "frames", "size": width*height*3} + RGB rows, 8 bit
                     {"ok": false, "code": "...", "size": 0}
    parent           {"op": "metadata", "size": n} + file
    child            {"ok": true, "size": m} + JSON: entries, unreadable, previews, cut

Codes: empty, too_many_bytes, too_many_pixels, not_a_picture, format_not_allowed, truncated,
bad_request. Widths and heights are in pixels after the EXIF rotation. ``frames`` counts the
pictures of an animation or a camera's series; the first is the one decoded. What else a file holds
(colour profile, EXIF, comments, a ZIP or HTML page behind the pixels) is never passed on with them;
`metadata` tells what a camera wrote there as text (see `biometrics/metadata.py`).
No Django, no cv2.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 64_000_000
MAX_SIDE = 8192
MAX_HEADER = 4096
MEMORY_BYTES = 1536 * 1024 * 1024
CPU_SECONDS = 20
"""For one picture; a picture of 64 megapixels takes about 2 s."""

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF")
"""Pillow's names of what is decoded; a camera's JPEG with several pictures (MPO) counts as JPEG.

TIFF, BMP, SVG, PDF and the rest stay outside: each decoder more is one more that bytes from outside
can attack, and hardly a gallery has faces in them.
"""

_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_NO_NEW_PRIVS = 39
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_LENGTH = struct.Struct(">I")
# What Pillow and its plugins were seen to raise at damaged bytes.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError,
    struct.error, EOFError, RuntimeError, ArithmeticError,
)  # fmt: skip


class Refused(Exception):
    """This file is not decoded; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# -- the cage -----------------------------------------------------------------------------------


def confine() -> dict[str, Any]:
    """Give up what a decoder does not need; return what is so now, as the system says it."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    allow_cpu()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    isolated = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    if not isolated:
        isolated = libc.unshare(_CLONE_NEWNET) == 0
    return {
        "environment": _inherited_environment(),
        "descriptors": _descriptors(),
        "no_new_privileges": libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        "no_network": isolated,
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
        "file_size": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
    }


def allow_cpu() -> None:
    """Allow one picture's time from now on; past it the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _inherited_environment() -> int:
    """Bytes of environment this process was started with (Python adds a locale of its own)."""
    with open("/proc/self/environ", "rb") as file:
        return len(file.read())


def _descriptors() -> list[int]:
    """Open descriptors besides the one that lists them."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:
            continue
        found.append(int(name))
    return sorted(found)


# -- decoding -----------------------------------------------------------------------------------


def decode(
    data: bytes, *, max_side: int, max_pixels: int = MAX_PIXELS
) -> tuple[dict[str, Any], bytes]:
    """Decode one file to 8-bit RGB rows, upright, at most ``max_side`` pixels long.

    Sizes are checked from the header before any pixel is decoded. Loading is strict: a picture
    that ends early is refused, for its missing part would be invented.
    """
    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too_many_bytes")
    with _refusing():
        picture = _open(data)
        width, height = picture.size
        if width * height > max_pixels:
            raise Refused("too_many_pixels")
        format_name = "JPEG" if picture.format == "MPO" else str(picture.format)
        frames = int(getattr(picture, "n_frames", 1))
        upright = _upright(_load(picture))
        original = upright.size
        rgb = _rgb(upright)
        if max(rgb.size) > max_side:
            rgb.thumbnail((max_side, max_side))
    header = {
        "format": "HEIC" if format_name == "HEIF" else format_name,
        "width": rgb.width,
        "height": rgb.height,
        "original_width": original[0],
        "original_height": original[1],
        "frames": frames,
    }
    return header, rgb.tobytes()


def metadata(data: bytes) -> bytes:
    """What stands in the file beside its pixels, as JSON; the pixels are not looked at."""
    from biometrics import metadata as reading

    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too_many_bytes")
    with _refusing():
        picture = _open(data)
        if picture.size[0] * picture.size[1] > MAX_PIXELS:
            raise Refused("too_many_pixels")
        return json.dumps(reading.read(picture).as_data()).encode()


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn whatever a decoder throws at damaged or greedy bytes into a refusal."""
    from PIL import Image

    try:
        yield
    except (MemoryError, Image.DecompressionBombError):
        raise Refused("too_many_pixels") from None
    except _DAMAGE:
        raise Refused("truncated") from None


def _open(data: bytes) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise Refused(_why_unknown(data)) from None


def _load(picture: Image) -> Image:
    from PIL import ImageFile

    # Strict, whatever another library of the process chose: WeasyPrint turns it off for everybody.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    picture.load()
    return picture


def _upright(picture: Image) -> Image:
    """Apply the EXIF rotation; a broken EXIF block is as none."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except _DAMAGE:
        return picture


def _rgb(picture: Image) -> Image:
    """8-bit RGB: transparent parts on white, 16-bit grey scaled instead of clipped."""
    from PIL import Image

    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")


_OTHER_FORMATS = (
    b"BM", b"II*\0", b"MM\0*", b"%PDF", b"8BPS", b"\0\0\x01\0", b"\xff\x0a",
    b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ", b"PK\x03\x04",
)  # fmt: skip


def _why_unknown(data: bytes) -> str:
    """Tell a picture or document of another format from something that is no picture."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith(_OTHER_FORMATS) or data[4:12] == b"ftypqt  ":
        return "format_not_allowed"
    if b"<svg" in start[:1024].lower():
        return "format_not_allowed"
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8")):
        return "truncated"
    if data[8:12] == b"WEBP" or data[4:12] in {b"ftypavif", b"ftypavis"}:
        return "truncated"
    return "not_a_picture"


# -- the loop -----------------------------------------------------------------------------------


def answer(request: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """The reply to one request."""
    try:
        if request.get("op") == "metadata":
            return {"ok": True}, metadata(data)
        if request.get("op") != "decode":
            raise Refused("bad_request")
        side = int(request.get("max_side", 4096))
        pixels = int(request.get("max_pixels", MAX_PIXELS))
        if not 1 <= side <= MAX_SIDE or not 1 <= pixels <= MAX_PIXELS:
            raise Refused("bad_request")
        header, rgb = decode(data, max_side=side, max_pixels=pixels)
    except Refused as error:
        return {"ok": False, "code": error.code}, b""
    except MemoryError:
        return {"ok": False, "code": "too_many_pixels"}, b""
    return {"ok": True, **header}, rgb


def read_message(file: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """One message, None at the end of input; ``Refused("bad_request")`` for anything else."""
    length = file.read(_LENGTH.size)
    if not length:
        return None
    if len(length) < _LENGTH.size or _LENGTH.unpack(length)[0] > MAX_HEADER:
        raise Refused("bad_request")
    header = json.loads(file.read(_LENGTH.unpack(length)[0]))
    size = header.get("size")
    if not isinstance(size, int) or not 0 <= size <= MAX_BYTES + 1:
        raise Refused("bad_request")
    data = file.read(size)
    if len(data) != size:
        raise Refused("bad_request")
    return header, data


def write_message(file: BinaryIO, header: Mapping[str, Any], data: bytes = b"") -> None:
    text = json.dumps({**header, "size": len(data)}).encode()
    file.write(_LENGTH.pack(len(text)) + text)
    file.write(data)
    file.flush()


def main() -> int:
    confined = confine()
    from PIL import AvifImagePlugin, Image
    from pillow_heif import options, register_heif_opener

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    register_heif_opener()
    # Our own limit is checked from the header; Pillow's would warn first and raise at twice it.
    Image.MAX_IMAGE_PIXELS = None
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    write_message(sink, {"ready": True, "confined": confined})
    while True:
        try:
            message = read_message(source)
        except (Refused, ValueError):
            return 2
        if message is None:
            return 0
        allow_cpu()
        header, rgb = answer(*message)
        write_message(sink, header, rgb)


if __name__ == "__main__":
    sys.exit(main())

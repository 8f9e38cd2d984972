"""Makes the files people and attackers really send; every one is drawn or generated here."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw

SIZE = (320, 240)


def drawing(size=SIZE, mode="RGB") -> Image.Image:
    """A picture whose top left corner is red and whose bottom right corner is blue."""
    picture = Image.new("RGB", size, (200, 200, 190))
    draw = ImageDraw.Draw(picture)
    width, height = size
    draw.rectangle([0, 0, width // 4, height // 4], fill=(220, 20, 20))
    draw.rectangle([3 * width // 4, 3 * height // 4, width, height], fill=(20, 20, 220))
    draw.ellipse([width // 3, height // 3, 2 * width // 3, 2 * height // 3], fill=(90, 160, 90))
    return picture.convert(mode)


def saved(picture: Image.Image, name: str, **how) -> bytes:
    out = BytesIO()
    picture.save(out, name, **how)
    return out.getvalue()


def deep_grey() -> Image.Image:
    return drawing(mode="L").convert("I").point(lambda value: value * 257).convert("I;16")


def jpeg(**how) -> bytes:
    return saved(drawing(), "JPEG", **{"quality": 95, "subsampling": 0, **how})


def turned(orientation: int) -> bytes:
    """Stored sideways with an EXIF tag that says how to hold it: upright it is the drawing."""
    undo = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    stored = drawing() if undo is None else drawing().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "EXIFCANARY"
    return saved(stored, "JPEG", quality=95, subsampling=0, exif=exif)


def heic() -> bytes:
    from pillow_heif import from_pillow

    out = BytesIO()
    from_pillow(drawing()).save(out, quality=90)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bomb(width: int = 10_000, height: int = 10_000) -> bytes:
    """A valid black PNG of 100 megapixels in about 300 kB."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_lies() -> bytes:
    """Says it is small in its header; its data hold a hundred times as much."""
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(64 * 1024 * 1024), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def animated_webp() -> bytes:
    frames = [drawing(), drawing().transpose(Image.Transpose.ROTATE_180)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def polyglot() -> bytes:
    """A JPEG that is a ZIP as well: only its pixels may come through."""
    return jpeg() + b"PK\x05\x06" + bytes(18) + b"<script>POLYGLOTCANARY</script>"


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
TEXT = b"this is a text file with the name of a picture.jpg\n" * 20

ACCEPTED = {
    "jpeg": jpeg,
    "progressive jpeg": lambda: jpeg(progressive=True),
    "greyscale jpeg": lambda: saved(drawing(mode="L"), "JPEG"),
    "cmyk jpeg": lambda: saved(drawing(mode="CMYK"), "JPEG"),
    "png": lambda: saved(drawing(), "PNG"),
    "rgba png": lambda: saved(drawing(mode="RGBA"), "PNG"),
    "palette png": lambda: saved(drawing(mode="P"), "PNG"),
    "grey and alpha png": lambda: saved(drawing(mode="LA"), "PNG"),
    "one bit png": lambda: saved(drawing(mode="1"), "PNG"),
    "16 bit png": lambda: saved(deep_grey(), "PNG"),
    "webp": lambda: saved(drawing(), "WEBP", lossless=True),
    "animated webp": animated_webp,
    "heic": heic,
    "polyglot jpeg": polyglot,
    **{f"turned {n}": (lambda n=n: turned(n)) for n in range(1, 9)},
}  # fmt: skip

REFUSED = {
    "nothing": (lambda: b"", "empty"),
    "text named .jpg": (lambda: TEXT, "not_a_picture"),
    "random bytes": (lambda: bytes(range(7, 256)) * 40, "not_a_picture"),
    "svg": (lambda: SVG, "format_not_allowed"),
    "gif": (lambda: saved(drawing(), "GIF"), "format_not_allowed"),
    "bmp": (lambda: saved(drawing(), "BMP"), "format_not_allowed"),
    "tiff": (lambda: saved(drawing(), "TIFF"), "format_not_allowed"),
    "avif": (lambda: saved(drawing(), "AVIF"), "format_not_allowed"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\n", "format_not_allowed"),
    "jpeg cut at 60 %": (lambda: cut(jpeg(), 0.6), "truncated"),
    "jpeg cut at 95 %": (lambda: cut(jpeg(), 0.95), "truncated"),
    "jpeg cut at 1 %": (lambda: cut(jpeg(), 0.01), "truncated"),
    "png cut": (lambda: cut(saved(drawing(), "PNG"), 0.6), "truncated"),
    "webp cut": (lambda: cut(saved(drawing(), "WEBP"), 0.6), "truncated"),
    "heic cut": (lambda: cut(heic(), 0.6), "truncated"),
    "100 megapixels": (png_bomb, "too_many_pixels"),
    "over 30 MB": (lambda: jpeg() + bytes(33 * 1024 * 1024), "too_many_bytes"),
}


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]

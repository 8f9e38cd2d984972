"""Makes the files people and attackers really send; every one is drawn or generated here."""

import struct
import zipfile
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


def animated(name: str, **how) -> bytes:
    """The drawing, then the drawing upside down: two pictures in one file."""
    frames = [drawing(), drawing().transpose(Image.Transpose.ROTATE_180)]
    return saved(frames[0], name, save_all=True, append_images=frames[1:], **how)


def animated_webp() -> bytes:
    return animated("WEBP", lossless=True)


def deep_colour() -> bytes:
    """A PNG of 16 bits per colour, written by hand: Pillow reads such files but writes none."""
    width, height = SIZE
    pixels = drawing().tobytes()
    row = 3 * width
    lines = (
        b"\0" + bytes(two for one in pixels[y * row : (y + 1) * row] for two in (one, one))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    data = zlib.compress(b"".join(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def transparent_palette() -> bytes:
    """A palette PNG whose last colour, in no pixel, is transparent."""
    picture = drawing().quantize(32)
    return saved(picture, "PNG", transparency=255)


def archive() -> bytes:
    """A small ZIP: behind a GIF it makes a GIFAR, for archives are read from their end."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("POLYGLOTCANARY.class", b"\xca\xfe\xba\xbe")
    return out.getvalue()


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
    "avif": lambda: saved(drawing(), "AVIF", quality=90),
    "rgba avif": lambda: saved(drawing(mode="RGBA"), "AVIF", quality=90),
    "gif": lambda: saved(drawing(), "GIF"),
    "animated gif": lambda: animated("GIF"),
    "animated png": lambda: animated("PNG"),
    "animated avif": lambda: animated("AVIF"),
    "camera jpeg with two pictures": lambda: animated("MPO", quality=95, subsampling=0),
    "16 bit colour png": deep_colour,
    "palette png with a transparent colour": transparent_palette,
    "png with an odd profile": lambda: saved(drawing(), "PNG", icc_profile=b"no profile" * 40),
    "jpeg with an odd profile": lambda: jpeg(icc_profile=b"no profile" * 9000),
    "cmyk jpeg with an odd profile": lambda: saved(
        drawing(mode="CMYK"), "JPEG", icc_profile=b"no profile" * 40
    ),
    "polyglot jpeg": polyglot,
    "jpeg and html": lambda: jpeg() + b"<html><script>POLYGLOTCANARY</script></html>",
    "jpeg with html in its comment": lambda: jpeg(comment=b"<script>POLYGLOTCANARY</script>"),
    "gif and java archive": lambda: saved(drawing(), "GIF") + archive(),
    "png and zip": lambda: saved(drawing(), "PNG") + archive(),
    **{f"turned {n}": (lambda n=n: turned(n)) for n in range(1, 9)},
}  # fmt: skip

REFUSED = {
    "nothing": (lambda: b"", "empty"),
    "text named .jpg": (lambda: TEXT, "not_a_picture"),
    "random bytes": (lambda: bytes(range(7, 256)) * 40, "not_a_picture"),
    "svg": (lambda: SVG, "format_not_allowed"),
    "bmp": (lambda: saved(drawing(), "BMP"), "format_not_allowed"),
    "tiff": (lambda: saved(drawing(), "TIFF"), "format_not_allowed"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\n", "format_not_allowed"),
    "jpeg cut at 60 %": (lambda: cut(jpeg(), 0.6), "truncated"),
    "jpeg cut at 95 %": (lambda: cut(jpeg(), 0.95), "truncated"),
    "jpeg cut at 1 %": (lambda: cut(jpeg(), 0.01), "truncated"),
    "png cut": (lambda: cut(saved(drawing(), "PNG"), 0.6), "truncated"),
    "webp cut": (lambda: cut(saved(drawing(), "WEBP"), 0.6), "truncated"),
    "heic cut": (lambda: cut(heic(), 0.6), "truncated"),
    "avif cut": (lambda: cut(saved(drawing(), "AVIF"), 0.6), "truncated"),
    "avif cut in its header": (lambda: saved(drawing(), "AVIF")[:60], "truncated"),
    "gif cut": (lambda: cut(saved(drawing(), "GIF"), 0.6), "truncated"),
    "zip": (archive, "format_not_allowed"),
    "html": (lambda: b"<html><img src=x></html>", "not_a_picture"),
    "100 megapixels": (png_bomb, "too_many_pixels"),
    "over 30 MB": (lambda: jpeg() + bytes(33 * 1024 * 1024), "too_many_bytes"),
}


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]

"""Our own encoding of our own pixels: the only pictures other processes ever read (rule R28)."""

from io import BytesIO

from dsr_portal.core.transactions import outside
from dsr_portal.vault.confined import Picture

SMALLEST_WORDS = 9
"""In pixels; smaller letters cannot be read back from a photograph of a screen."""


@outside("Encoding a picture")
def encode_jpeg(rgb: bytes, width: int, height: int, *, quality: int = 95) -> bytes:
    """JPEG of RGB rows (8 bit, width * height * 3 bytes), without any metadata."""
    return _encode(rgb, width, height, "JPEG", quality=quality, subsampling=0)


@outside("Encoding a picture")
def encode_png(rgb: bytes, width: int, height: int) -> bytes:
    """PNG of RGB rows (8 bit, width * height * 3 bytes), without any metadata."""
    return _encode(rgb, width, height, "PNG", compress_level=6)


def jpeg_of(picture: Picture, *, quality: int = 95) -> bytes:
    """The form in which a decoded picture is kept in the vault."""
    return encode_jpeg(picture.rgb, picture.width, picture.height, quality=quality)


def _encode(rgb: bytes, width: int, height: int, name: str, **how: int) -> bytes:
    from PIL import Image

    out = BytesIO()
    Image.frombytes("RGB", (width, height), rgb).save(out, name, **how)
    return out.getvalue()


@outside("Reading a picture of our own")
def decode_own(data: bytes) -> tuple[bytes, int, int]:
    """RGB rows, width and height of a picture that `encode_jpeg` or `encode_png` made.

    Only for bytes that come back from the vault, whose tag proved that we wrote them.
    """
    from PIL import Image

    with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
        rgb = picture.convert("RGB")
        return rgb.tobytes(), rgb.width, rgb.height


@outside("Writing on a picture of our own")
def written_on(data: bytes, words: str) -> bytes:
    """The picture with words on a plate at its lower left and upper right edge, as JPEG.

    Only for bytes that come back from the vault (see `decode_own`). What is smaller than the words
    comes back as it is: nobody could be recognised in what they would leave of it.
    """
    from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

    try:
        picture = Image.open(BytesIO(data), formats=("JPEG", "PNG")).convert("RGB")
    except UnidentifiedImageError:
        return data  # no browser shows it as a picture either
    font = ImageFont.load_default(max(SMALLEST_WORDS, picture.width // 45))
    draw = ImageDraw.Draw(picture, "RGBA")
    for said in (words, words.replace(" ", "\n", 1)):
        left, top, right, bottom = draw.textbbox((0, 0), said, font=font)
        wide, high = int(right - left) + 4, int(bottom - top) + 4
        if wide <= picture.width and 3 * high <= picture.height:
            break
    else:
        return data
    for x, y in ((0, picture.height - high), (picture.width - wide, 0)):
        draw.rectangle((x, y, x + wide, y + high), fill=(0, 0, 0, 110))
        draw.text((x + 2 - left, y + 2 - top), said, font=font, fill=(255, 255, 255, 235))
    out = BytesIO()
    picture.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()

"""Our own encoding of our own pixels: the only pictures other processes ever read (rule R28)."""

from io import BytesIO

from dsr_portal.core.transactions import outside
from dsr_portal.vault.confined import Picture


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

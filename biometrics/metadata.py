"""What a camera or a program wrote into a picture file beside the pixels (rule R28).

Read in the confined child. EXIF with its GPS block, IPTC, XMP, text chunks and comments come back
as plain entries of text. All of it is from outside: sizes, numbers and lengths have an end, XML
with a document type is not parsed, and a block that can't be read is named instead of guessed at.
Previews and other binary values are never passed on, for a preview shows what was covered in the
picture; they are counted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

MOST_ENTRIES = 400
MOST_CHARACTERS = 2000
"""Of one value; what is longer is cut."""
MOST_TEXT = 64 * 1024
"""Of all values together, in bytes of UTF-8."""
_LONGEST_NAME = 120
MOST_BLOCK = 1024 * 1024
"""Of one block of EXIF, IPTC or XMP as it lies in the file."""
_LIKE_BINARY = 1000

_IFDS = (("exif", 0x8769), ("gps", 0x8825), ("exif", 0xA005))
_PREVIEW = 0x0201
_WIDE = frozenset({0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F})
"""Windows' own tags: UTF-16."""
_USER_COMMENT = 0x9286
_POINTERS = frozenset({0x8769, 0x8825, 0xA005, 0x0201, 0x0202})
_IPTC = {
    5: "ObjectName", 25: "Keywords", 55: "DateCreated", 60: "TimeCreated", 80: "By-line",
    85: "By-lineTitle", 90: "City", 92: "Sub-location", 95: "Province-State", 101: "Country",
    103: "OriginalTransmissionReference", 105: "Headline", 110: "Credit", 115: "Source",
    116: "CopyrightNotice", 118: "Contact", 120: "Caption-Abstract", 122: "Writer-Editor",
}  # fmt: skip
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
}
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_CONTAINERS = frozenset(
    {f"{_RDF}{one}" for one in ("RDF", "Alt", "Seq", "Bag", "li", "Description")}
)
_NO_MARKUP = ("<!doctype", "<!entity")
_XMP_TEXT = "XML:com.adobe.xmp"

# What Pillow and the XML parser were seen to raise at damaged bytes.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError,
    struct.error, EOFError, RuntimeError, ArithmeticError, MemoryError,
)  # fmt: skip


class Found:
    """Entries up to the limits; what went over them is counted."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str]] = []
        self.unreadable: list[str] = []
        self.previews = 0
        self.cut = 0
        self._text = 0

    def add(self, block: str, name: str, value: object, *, tag: int = 0) -> None:
        text = _text(value, tag)
        if not text:
            return
        if _is_preview(name):
            self.previews += 1
            return
        if len(text) > MOST_CHARACTERS:
            text, self.cut = text[:MOST_CHARACTERS], self.cut + 1
        size = len(text.encode("utf-8", "replace"))
        if len(self.entries) >= MOST_ENTRIES or self._text + size > MOST_TEXT:
            self.cut += 1
            return
        self._text += size
        self.entries.append((block, _short(_clean(name)), text))

    def as_data(self) -> dict[str, Any]:
        return {
            "entries": self.entries,
            "unreadable": sorted(set(self.unreadable)),
            "previews": self.previews,
            "cut": self.cut,
        }


def read(picture: Any) -> Found:
    """Every entry of an opened picture (Pillow); nothing a file holds makes this raise."""
    found = Found()
    for block, reader in (
        ("exif", _exif),
        ("iptc", _iptc),
        ("xmp", _xmp),
        ("text", _texts),
    ):
        try:
            reader(picture, found)
        except _DAMAGE:
            found.unreadable.append(block)
    if picture.format == "MPO":
        found.previews += max(0, int(getattr(picture, "n_frames", 1)) - 1)
    return found


# -- blocks ---------------------------------------------------------------------------------------


def _exif(picture: Any, found: Found) -> None:
    from PIL import ExifTags

    raw = picture.info.get("exif") or b""
    if len(raw) > MOST_BLOCK:
        raise ValueError("exif")
    exif = picture.getexif()
    _tags(found, "exif", dict(exif), ExifTags.TAGS)
    for block, pointer in _IFDS:
        inner = exif.get_ifd(pointer)
        names = ExifTags.GPSTAGS if block == "gps" else ExifTags.TAGS
        _tags(found, block, inner, names)
        if block == "gps" and inner:
            _position(found, inner)
    if _PREVIEW in exif.get_ifd(1):
        found.previews += 1
    if raw and not dict(exif) and not found.entries:
        raise ValueError("exif")


def _tags(found: Found, block: str, tags: Mapping[int, Any], names: Mapping[int, str]) -> None:
    for tag, value in sorted(tags.items()):
        if tag not in _POINTERS:
            found.add(block, names.get(tag, f"0x{tag:04x}"), value, tag=tag)


def _position(found: Found, gps: Mapping[int, Any]) -> None:
    """Latitude and longitude in degrees, where both are there and make sense."""
    try:
        places = [
            sum(float(part) / 60**at for at, part in enumerate(gps[value]))
            * (-1 if str(gps[sign]).strip().upper() in {"S", "W"} else 1)
            for value, sign in ((2, 1), (4, 3))
        ]
    except _DAMAGE:
        return
    if abs(places[0]) <= 90 and abs(places[1]) <= 180:
        found.add("gps", "Position", f"{places[0]:.6f}, {places[1]:.6f}")


def _iptc(picture: Any, found: Found) -> None:
    from PIL import IptcImagePlugin

    blocks = picture.info.get("photoshop")
    if isinstance(blocks, dict) and len(blocks.get(0x0404, b"")) > MOST_BLOCK:
        raise ValueError("iptc")
    for key, value in (IptcImagePlugin.getiptcinfo(picture) or {}).items():
        record, number = key
        if record != 2 or number == 0:
            continue
        for one in value if isinstance(value, list) else [value]:
            found.add("iptc", _IPTC.get(number, f"2:{number}"), one)


def _xmp(picture: Any, found: Found) -> None:
    raw = picture.info.get("xmp") or picture.info.get(_XMP_TEXT) or b""
    if not raw:
        return
    if len(raw) > MOST_BLOCK:
        raise ValueError("xmp")
    text = raw if isinstance(raw, str) else _packet(bytes(raw))
    if any(mark in text.lower() for mark in _NO_MARKUP):
        raise ValueError("xmp")  # entities can grow without end, and no camera writes any
    for name, value in _leaves(ElementTree.fromstring(text)):  # noqa: S314  # no entities, confined
        found.add("xmp", name, value)


def _packet(raw: bytes) -> str:
    wide = raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in raw[:64]
    text = raw.decode("utf-16") if wide else raw.decode("utf-8-sig")
    return text.strip("\0 \r\n\t")


def _leaves(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Every text and attribute with the names that lead to it; lists and groups have none."""
    waiting: list[tuple[ElementTree.Element, str]] = [(root, "")]
    while waiting:
        element, path = waiting.pop()
        if element.tag not in _CONTAINERS and element is not root:
            name = _name(element.tag)
            path = _short(f"{path}/{name}") if path else name
        for key, value in element.attrib.items():
            if not key.startswith((_RDF, "{http://www.w3.org/XML/1998/namespace}", "{adobe:")):
                yield f"{path}/{_name(key)}" if path else _name(key), value
        if element.text and element.text.strip():
            yield path, element.text
        waiting += [(child, path) for child in reversed(element)]


def _name(tag: str) -> str:
    space, _brace, name = tag.removeprefix("{").rpartition("}")
    prefix = _PREFIXES.get(space, "")
    return f"{prefix}:{name}" if prefix else name


def _texts(picture: Any, found: Found) -> None:
    found.add("comment", "Comment", picture.info.get("comment") or b"")
    for name, value in dict(getattr(picture, "text", None) or {}).items():
        if name != _XMP_TEXT:
            # Packed bytes, as hexadecimal signs at times: whatever they look like, no text.
            found.add("text", str(name), _binary(len(str(value))) if _raw(name) else value)


def _raw(name: object) -> bool:
    """A block that another program packed into text."""
    return str(name).casefold().startswith("raw profile")


# -- values ---------------------------------------------------------------------------------------


def _text(value: object, tag: int) -> str:
    if isinstance(value, bytes):
        return _of_bytes(value, tag)
    if isinstance(value, tuple | list):
        return " ".join(_text(one, tag) for one in value[:64])
    return _readable(str(value))


def _of_bytes(value: bytes, tag: int) -> str:
    if tag in _WIDE:
        return _readable(value.decode("utf-16-le", "replace"))
    if tag == _USER_COMMENT and len(value) >= 8:
        wide = value.startswith(b"UNICODE")
        value = value[8:].decode("utf-16", "replace").encode() if wide else value[8:]
    bare = value.strip(b"\0 ")
    if not bare:
        return ""
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or not all(one.isprintable() or one.isspace() for one in text):
        return _binary(len(value))
    return _readable(text)


def _readable(text: str) -> str:
    """One line without signs that can't be seen; what only looks like text is named by its size."""
    if len(text) > _LIKE_BINARY and sum(one.isspace() for one in text) < len(text) / 40:
        return _binary(len(text))
    return _clean(text)


def _clean(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _short(name: str) -> str:
    """A name with its last part whole, marked where its beginning is left out."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _binary(size: int) -> str:
    return f"[{size} bytes]"


def _is_preview(name: str) -> bool:
    plain = name.casefold()
    return "thumbnail" in plain or "preview" in plain or plain.endswith(("gimg:image", "/image"))

"""The two faces every document is set in, and what happens to letters they do not have.

Source Sans Pro comes from a pinned wheel and is embedded; no font of the machine is ever used, so
a document looks the same wherever it was made. A character the faces lack is written out as
[U+1F600]: never as an empty box, never as a control character that turns the line around.
"""

from functools import cache
from importlib import resources

from fontTools.ttLib import TTFont

FACES = {"regular.ttf": "SourceSansPro-Regular.ttf", "semibold.ttf": "SourceSansPro-Semibold.ttf"}
_LAYOUT = frozenset("\n\r\t")


@cache
def face(name: str) -> bytes:
    """The bytes of one of `FACES`."""
    return (resources.files("font_source_sans_pro") / "files" / FACES[name]).read_bytes()


@cache
def covered() -> frozenset[int]:
    """Code points that both faces have."""
    found: list[set[int]] = []
    for file in FACES.values():
        with (
            resources.as_file(resources.files("font_source_sans_pro") / "files" / file) as path,
            TTFont(path, lazy=True) as font,
        ):
            found.append(set(font.getBestCmap()))
    return frozenset(set.intersection(*found))


def printable(text: str) -> str:
    """The text with every character the faces lack written out by its code point."""
    known = covered()
    return "".join(
        letter if letter in _LAYOUT or ord(letter) in known else f"[U+{ord(letter):04X}]"
        for letter in text
    )

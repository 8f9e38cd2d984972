"""Everything a site shows a person, page by page, and what of a face stands in it."""

from __future__ import annotations

import base64
import html
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pikepdf

from tests.support.answers import text_of

_LINK = re.compile(r"(?:href|src|data-[\w-]+)=\"(/[^\"#]*)")
_LEAVES = ("/static/", "/account/", "/demo/")
_MOST = 400
_WINDOW = 4
# A row of numbers as long as a face code: in a person's own package, their own.
_ROWS = re.compile(r"(?:-?\d+\.\d+(?:e-?\d+)?[,\s]+){64,}")
# A moment to the millionth of a second, as pages and trails write it.
_MOMENTS = re.compile(r"T\d\d:\d\d:\d\d\.\d+")
_DECIMALS = re.compile(r"\d?\.(\d{3})\d*")
_TEXT = ("text/", "application/json", "image/svg")


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer: its bytes, and its words; of a file also those inside it."""

    raw: bytes
    words: str


def crawled(browser: Any, *starts: str, under: str = "/") -> dict[str, Shown]:
    """What this browser can open by links, from some addresses on, below one of them."""
    waiting, seen = list(starts), {}
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith(_LEAVES) or not address.startswith(under):
            continue
        assert len(seen) < _MOST, f"the pages have no end: {sorted(seen)[-20:]}"
        answer = browser.get(address)
        seen[address] = shown(answer)
        if "text/html" in answer.get("Content-Type", ""):
            waiting += [html.unescape(one) for one in _LINK.findall(seen[address].words)]
    return seen


def shown(answer: Any) -> Shown:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if answer.get("Content-Type", "").startswith(_TEXT):
        return Shown(body, body.decode())
    inside = list(_inside(body))
    words = [part.decode(errors="replace") for part in inside if not part.startswith(b"\xff\xd8")]
    return Shown(b"\n".join([body, *inside]), "\n".join(words))


def _inside(body: bytes) -> Iterator[bytes]:
    """The words and attachments of a PDF, the files of a ZIP."""
    if body.startswith(b"%PDF"):
        yield text_of(body).encode()
        with pikepdf.open(io.BytesIO(body)) as document:
            for name in document.attachments:
                yield document.attachments[name].get_file().read_bytes()
    elif body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            for name in package.namelist():
                part = package.read(name)
                yield from _inside(part) if part.startswith(b"%PDF") else [part]


# -- what of a face could stand there ------------------------------------------------------------


def scores_in(words: str, score: float) -> list[str]:
    """A score of two or more digits, as a number, a percentage, or the distance it makes."""
    found = []
    for value in (score, 1 - score):
        for digits in (2, 3, 4):
            exact, rounded = f"{value + 1e-9:.6f}"[: digits + 2], f"{value:.{digits}f}"
            found += [exact, rounded, exact.replace(".", ","), rounded.replace(".", ",")]
        percent = f"{100 * value:.1f}"
        found += [percent, percent.replace(".", ","), f"{100 * value:.0f} %", f"{100 * value:.0f}%"]
    numbers = "|".join(sorted({re.escape(one) for one in found}, key=len, reverse=True))
    # Neither a day, nor a time, nor the size of a file.
    words = _MOMENTS.sub(" ", _ROWS.sub(" ", words))
    return re.findall(rf"(?<![\d.,])(?:{numbers})(?!\d*[-:]|\s*[KMG]B\b)", words)


def vector_in(seen: Shown, vector: Any) -> list[str]:
    """Four numbers of a vector in a row: as bytes, in hex, base64, or as decimals."""
    rows = np.asarray(vector, dtype="<f4")
    forms = {"float32": rows.tobytes(), "float64": rows.astype("<f8").tobytes()}
    found = [name for name, data in forms.items() if _window_in(seen.raw, data, len(data) // 128)]
    lowered = seen.raw.lower()
    coded = [data[at : at + 12].hex().encode() in lowered for data in forms.values()
             for at in range(0, 64, 4)]  # fmt: skip
    if any(coded):
        found.append("hex")
    pieces = (data[at : at + 12] for data in forms.values() for at in range(60))
    if any(base64.b64encode(piece) in seen.raw for piece in pieces):
        found.append("base64")
    if _thousandths(rows) & set(_threes(_DECIMALS.findall(seen.words))):
        found.append("decimals")
    return found


def _window_in(raw: bytes, data: bytes, width: int) -> bool:
    size = _WINDOW * width
    return any(data[at : at + size] in raw for at in range(0, len(data) - size, width))


def _thousandths(rows: Any) -> set[tuple[str, str, str]]:
    """Neighbouring numbers of a vector, to the third decimal."""
    return set(_threes([f"{int(abs(value) * 1000):03d}" for value in rows]))


def _threes(numbers: list[str]) -> Iterator[tuple[str, str, str]]:
    """Three in a row: two meet by chance between two face codes."""
    return zip(numbers, numbers[1:], numbers[2:], strict=False)


def of_faces(
    seen: Mapping[str, Shown], *, scores: list[float], vectors: list[Any]
) -> dict[str, list[str]]:
    """By address, every score and vector that stands there."""
    found = {
        address: [
            *(hit for score in scores for hit in scores_in(one.words, score)),
            *(form for vector in vectors for form in vector_in(one, vector)),
        ]
        for address, one in seen.items()
    }
    return {address: what for address, what in found.items() if what}

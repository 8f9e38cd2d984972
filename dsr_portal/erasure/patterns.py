"""What erased data look like in bytes, and looking for it in files (rule R30).

A pattern is kept masked only, in the text form of the library's needles, so that the process that
looks never holds what it looks for.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from dsr_portal.recognition.scanning import file_scanner, text_forms
from dsr_portal.recognition.scanning import masked as masked_text

__all__ = ["SHORTEST", "SLICE", "file_scanner", "files_under", "masked", "picture_forms", "slices"]

SLICE = 48
"""Bytes of one slice of a picture: never met by chance, also not in compressed data."""

SHORTEST = 16
_PLACES = 7
_TRIED = 64
_VARIED = 24
_AS_TEXT = 2
"""Slices of a picture that are looked for as base64 and hex too."""


def masked(pattern: bytes) -> str:
    """A pattern as text: one byte of mask in hex, then the masked bytes in hex."""
    if len(pattern) < SHORTEST:
        raise ValueError("a pattern is too short to mean anything")
    return masked_text(pattern)


def slices(data: bytes) -> list[bytes]:
    """Pieces by which a file is recognised even where parts of it were overwritten.

    Taken from the body, where compressed data never repeat; what hardly varies (flat areas,
    tables every encoder writes) would be found in other files too.
    """
    if len(data) < 2 * SLICE:
        return [data] if len(data) >= SHORTEST else []
    first = min(len(data) // 4, 4096)
    last = len(data) - SLICE
    places = [first + (last - first) * step // _TRIED for step in range(_TRIED + 1)]
    pieces = [data[at : at + SLICE] for at in places]
    varied = [piece for piece in pieces if len(set(piece)) >= _VARIED]
    chosen = varied or [max(pieces, key=lambda piece: len(set(piece)))]
    step = max(1, len(chosen) // _PLACES)
    return list(dict.fromkeys(chosen[::step]))[:_PLACES]


def picture_forms(data: bytes) -> list[bytes]:
    """Slices of a picture as it is, and some of them as base64 and hex (law E-04)."""
    pieces = slices(data)
    return [*pieces, *(form for piece in pieces[:_AS_TEXT] for form in text_forms(piece))]


def files_under(folders: Iterable[Path]) -> Iterator[Path]:
    """Every regular file below folders, each once; links are not followed."""
    seen: set[Path] = set()
    for folder in folders:
        root = folder.resolve()
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_symlink() or not path.is_file() or path in seen:
                continue
            seen.add(path)
            yield path

"""What erased data look like in bytes, and looking for it in files (rule R30).

A pattern is kept masked only (every byte XORed with one random byte), in the text form of the
library's needles, so that the process that looks never holds what it looks for. Files are read
into one buffer, masked there, and searched for masked patterns.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SLICE = 48
"""Bytes of one slice of a picture: never met by chance, also not in compressed data."""

SHORTEST = 16
_PLACES = 7
_TRIED = 64
_VARIED = 24
_CHUNK = 4 << 20
_PREFIX = 2
_ANCHOR = 8


def masked(pattern: bytes) -> str:
    """A pattern as text: one byte of mask in hex, then the masked bytes in hex."""
    if len(pattern) < SHORTEST:
        raise ValueError("a pattern is too short to mean anything")
    mask = secrets.randbelow(255) + 1
    return bytes([mask, *(byte ^ mask for byte in pattern)]).hex()


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


@dataclass(slots=True)
class FileScan:
    """What a scan of files saw: one count per pattern, files and bytes read."""

    counts: list[int]
    files: int = 0
    bytes: int = 0
    unreadable: int = 0
    hits: dict[int, set[Path]] = field(default_factory=dict)

    def found(self, numbers: Iterable[int]) -> int:
        return sum(self.counts[number] for number in numbers)


def scan_files(files: Iterable[Path], patterns: Sequence[str]) -> FileScan:
    """Count masked patterns in files.

    Every position is looked at, whatever the number of patterns: a table of the first two bytes
    sorts nearly all out, the first eight bytes decide the rest, and what is left is compared.
    """
    search = _Search(patterns)
    result = FileScan(counts=[0] * len(patterns))
    for path in files:
        try:
            with path.open("rb", buffering=0) as opened:
                result.bytes += search.run(opened, result, path)
        except FileNotFoundError:
            continue
        except OSError:
            result.unreadable += 1
            continue
        result.files += 1
    search.wipe()
    return result


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


class _Search:
    """Patterns under one common mask, and the buffer they are looked for in."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._mask = secrets.randbelow(255) + 1
        raw = [bytes.fromhex(text) for text in patterns]
        # From one mask to the other without passing through the plain bytes.
        self._needles = [
            bytes(byte ^ one[0] ^ self._mask for byte in one[1:])
            if one[0] != self._mask
            else one[1:]
            for one in raw
        ]
        self._overlap = max(map(len, self._needles), default=1) - 1
        self._buffer = np.zeros(self._overlap + _CHUNK + _ANCHOR, dtype=np.uint8)
        self._first = np.zeros(1 << 16, dtype=np.bool_)
        self._by_anchor: dict[int, list[int]] = {}
        for number, needle in enumerate(self._needles):
            self._first[int.from_bytes(needle[:_PREFIX], "little")] = True
            anchor = int.from_bytes(needle[:_ANCHOR], "little")
            self._by_anchor.setdefault(anchor, []).append(number)
        self._anchors = np.array(sorted(self._by_anchor), dtype=np.uint64)

    def run(self, opened: Any, result: FileScan, path: Path) -> int:
        read = kept = 0
        while True:
            got = opened.readinto(self._buffer[kept : kept + _CHUNK].data)
            if not got:
                return read
            fresh = self._buffer[kept : kept + got]
            np.bitwise_xor(fresh, self._mask, out=fresh)
            read += got
            filled = kept + got
            for number in self._matches(filled, kept):
                result.counts[number] += 1
                result.hits.setdefault(number, set()).add(path)
            kept = min(self._overlap, filled)
            self._buffer[:kept] = self._buffer[filled - kept : filled].copy()

    def _matches(self, filled: int, kept: int) -> Iterator[int]:
        """Numbers of the patterns that end in the fresh part of the buffer."""
        if filled < _ANCHOR:
            return
        data = self._buffer[:filled]
        pairs = data[:-1].astype(np.uint16) | (data[1:].astype(np.uint16) << np.uint16(8))
        starts = np.flatnonzero(self._first[pairs])
        starts = starts[starts <= filled - _ANCHOR]
        if not len(starts):
            return
        gathered = data[starts[:, None] + np.arange(_ANCHOR)]
        anchors = gathered.view("<u8").ravel()
        places = np.searchsorted(self._anchors, anchors)
        places[places == len(self._anchors)] = 0
        likely = np.flatnonzero(self._anchors[places] == anchors)
        for at in likely.tolist():
            start = int(starts[at])
            for number in self._by_anchor[int(anchors[at])]:
                needle = self._needles[number]
                end = start + len(needle)
                if kept < end <= filled and data[start:end].tobytes() == needle:
                    yield number

    def wipe(self) -> None:
        self._buffer[:] = 0

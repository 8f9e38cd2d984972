"""Looking for the bytes of erased templates in the memory of a process and in files.

The search must not find itself. A needle is held only masked (every byte XORed with one random
byte); memory is read into one buffer of our own, which is left out of the scan, masked there in
place, and searched for the masked needle: the plain bytes never exist in the scanner.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import ScanFailed

CHUNK: Final = 8 << 20
# Shorter needles are found by chance in a process of some hundred megabytes.
SHORTEST: Final = 8
# Up to so many needles a pass for each is quicker than looking at every position once.
_FEW: Final = 32
_STARTS: Final = 1 << 18
# Which two bytes of a needle sort out positions: a float32 written as float64 begins or ends with
# zeros, like most of a process's memory; these two lie in its digits (38 times quicker, measured).
_KEY: Final = 3
# Kernel pages that can't be read through /proc/<pid>/mem, and device memory.
_SKIPPED: Final = ("[vvar", "[vsyscall]", "/dev/")


@dataclass(frozen=True, slots=True)
class Needle:
    """A pattern that is never held in the clear."""

    masked: bytes
    mask: int

    @classmethod
    def of(cls, pattern: bytes) -> Needle:
        """Mask a pattern; the caller's own copy is the caller's to drop."""
        if len(pattern) < SHORTEST:
            raise ScanFailed(f"a pattern has at least {SHORTEST} bytes", code="pattern_too_short")
        mask = secrets.randbelow(255) + 1
        return cls(bytes(byte ^ mask for byte in pattern), mask)

    def to_text(self) -> str:
        """For a verification kit: a worker that reads it back never holds the plain bytes."""
        return f"{self.mask:02x}{self.masked.hex()}"

    @classmethod
    def from_text(cls, text: str) -> Needle:
        """Read what ``to_text`` wrote."""
        try:
            raw = bytes.fromhex(text)
        except ValueError as error:
            raise ScanFailed("not a needle", code="bad_needle") from error
        if len(raw) <= SHORTEST or raw[0] == 0:
            raise ScanFailed("not a needle", code="bad_needle")
        return cls(raw[1:], raw[0])


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What was found: one count per pattern, bytes read, places that could not be read."""

    counts: tuple[int, ...]
    scanned_bytes: int
    regions: int
    unreadable: int

    @property
    def total(self) -> int:
        """Copies found of all patterns together."""
        return sum(self.counts)


def template_patterns(template: NDArray[np.float32]) -> list[bytes]:
    """Byte patterns by which a template (n,) is recognised wherever it may have been written.

    Pieces, not the whole: an allocator overwrites the first bytes of what it frees. For float32
    and float64 in both byte orders, base64, hex in both cases, and decimal text as in JSON (of
    the float64 values, with and without spaces).
    """
    values = np.asarray(template, dtype=np.float32).ravel()
    if len(values) < 8:
        raise ScanFailed("a template is too short to look for", code="pattern_too_short")
    third = max(1, len(values) // 3)
    # Bytes 4k for k divisible by 3 begin a base64 quantum, so the text of a piece is a piece
    # of the text of the whole.
    begin = third - third % 3
    piece = values[begin : begin + min(24, len(values) - begin)]
    late = values[len(values) - max(4, third // 2) :]
    raw = piece.astype("<f4").tobytes()
    whole_quanta = raw[: len(raw) - len(raw) % 3]
    numbers = [float(value) for value in piece[:3]]
    patterns = [
        raw,
        late.astype("<f4").tobytes(),
        piece.astype(">f4").tobytes(),
        piece.astype("<f8").tobytes(),
        piece.astype(">f8").tobytes(),
        base64.b64encode(whole_quanta),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        json.dumps(numbers)[1:-1].encode(),
        json.dumps(numbers, separators=(",", ":"))[1:-1].encode(),
    ]
    return list(dict.fromkeys(patterns))


def template_needles(template: NDArray[np.float32]) -> list[Needle]:
    """``template_patterns``, masked; make them in another process than the one to be scanned."""
    return [Needle.of(pattern) for pattern in template_patterns(template)]


def scan_process(
    pid: int | str = "self", patterns: Sequence[bytes | Needle] = (), *, writable_only: bool = False
) -> ScanReport:
    """Count the patterns in all readable memory of a process, through /proc/<pid>/mem.

    For another process this needs the right to trace it (same user and a parent, or
    CAP_SYS_PTRACE). Give needles when scanning one's own process: a plain pattern finds the
    caller's copy of it. Raises ScanFailed where the process can't be read at all.
    """
    scanner = _Scanner(patterns)
    is_self = pid == "self" or int(pid) == os.getpid()
    try:
        regions = _regions(pid, writable_only=writable_only)
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ScanFailed(f"the memory of process {pid} can't be opened") from error
    try:
        for start, end in _without(regions, scanner.own_range if is_self else None):
            scanner.scan(memory, start, end)
    finally:
        os.close(memory)
    if not scanner.scanned:
        raise ScanFailed(f"nothing of process {pid} could be read")
    return scanner.report()


def scan_file(path: Path, patterns: Sequence[bytes | Needle]) -> ScanReport:
    """Count the patterns in a file of any size. Raises ScanFailed where it can't be read."""
    scanner = _Scanner(patterns)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ScanFailed(f"{path.name} can't be opened") from error
    try:
        scanner.scan(descriptor, 0, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
    report = scanner.report()
    if report.unreadable:
        raise ScanFailed(f"{path.name} can't be read in full")
    return report


class _Scanner:
    """One buffer, one common mask, counts; see the module's text for why."""

    def __init__(self, patterns: Sequence[bytes | Needle]) -> None:
        needles = [p if isinstance(p, Needle) else Needle.of(p) for p in patterns]
        self._mask = secrets.randbelow(255) + 1
        # From one mask to the other without passing through the plain bytes.
        self._needles = [
            bytes(byte ^ (needle.mask ^ self._mask) for byte in needle.masked)
            if needle.mask != self._mask
            else needle.masked
            for needle in needles
        ]
        self._overlap = max((len(needle) for needle in self._needles), default=1) - 1
        self._keys = np.zeros(1 << 16, dtype=np.bool_)
        self._by_anchor: dict[int, list[int]] = {}
        for number, needle in enumerate(self._needles):
            self._keys[int.from_bytes(needle[_KEY : _KEY + 2], "little")] = True
            anchor = int.from_bytes(needle[:SHORTEST], "little")
            self._by_anchor.setdefault(anchor, []).append(number)
        self._anchors = np.array(sorted(self._by_anchor) or [0], dtype=np.uint64)
        self._buffer = bytearray(CHUNK + self._overlap)
        self._array = np.frombuffer(self._buffer, dtype=np.uint8)
        self._counts = [0] * len(self._needles)
        self._regions = self._unreadable = 0
        self.scanned = 0

    @property
    def own_range(self) -> tuple[int, int]:
        """Where the buffer lies in this process."""
        start = int(self._array.ctypes.data)
        return start, start + len(self._buffer)

    def report(self) -> ScanReport:
        """The result; the buffer is wiped."""
        self._array[:] = 0
        return ScanReport(tuple(self._counts), self.scanned, self._regions, self._unreadable)

    def scan(self, descriptor: int, start: int, end: int) -> None:
        """Scan bytes [start, end) of a descriptor.

        Pieces overlap by one byte less than the longest needle; what ends inside the overlap
        was counted in the piece before.
        """
        self._regions += 1
        at, kept = start, 0
        while at < end:
            want = min(CHUNK, end - at)
            try:
                got = os.preadv(descriptor, [memoryview(self._buffer)[kept : kept + want]], at)
            except OSError:
                got = 0
            if got <= 0:
                self._unreadable += 1
                return
            fresh = self._array[kept : kept + got]
            np.bitwise_xor(fresh, self._mask, out=fresh)
            filled = kept + got
            self._count(filled, kept)
            at += got
            self.scanned += got
            kept = self._keep_end(filled)

    def _count(self, filled: int, kept: int) -> None:
        """Count what ends in the fresh part of the buffer."""
        if len(self._needles) <= _FEW:
            self._count_each(filled, kept)
            return
        # A pass per needle would take minutes: a table of two bytes sorts out nearly every
        # position, the first eight bytes decide, and what is left is compared.
        first = max(0, kept - self._overlap)
        for offset in (0, 1):
            begin = first + _KEY + offset
            pairs = self._array[begin : filled - (filled - begin) % 2].view("<u2")
            starts = begin - _KEY + 2 * np.flatnonzero(self._keys[pairs])
            starts = starts[starts <= filled - SHORTEST]
            for block in range(0, len(starts), _STARTS):
                self._compare(starts[block : block + _STARTS], filled, kept)

    def _count_each(self, filled: int, kept: int) -> None:
        for number, needle in enumerate(self._needles):
            first = max(0, kept - len(needle) + 1)
            position = self._buffer.find(needle, first, filled)
            while position >= 0:
                self._counts[number] += 1
                position = self._buffer.find(needle, position + 1, filled)

    def _compare(self, starts: NDArray[np.intp], filled: int, kept: int) -> None:
        gathered = self._array[starts[:, None] + np.arange(SHORTEST)]
        anchors = gathered.view("<u8").ravel()
        places = np.searchsorted(self._anchors, anchors)
        places[places == len(self._anchors)] = 0
        for at in np.flatnonzero(self._anchors[places] == anchors).tolist():
            start = int(starts[at])
            for number in self._by_anchor[int(anchors[at])]:
                end = start + len(self._needles[number])
                if kept < end <= filled and self._buffer[start:end] == self._needles[number]:
                    self._counts[number] += 1

    def _keep_end(self, filled: int) -> int:
        """Move the last bytes to the front; memmove makes no copy elsewhere."""
        kept = min(self._overlap, filled)
        base = self.own_range[0]
        ctypes.memmove(base, base + filled - kept, kept)
        return kept


def _regions(pid: int | str, *, writable_only: bool) -> list[tuple[int, int]]:
    """Start and end of each readable mapping of a process."""
    regions = []
    for line in (
        Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    ):
        fields = line.split(maxsplit=5)
        name = fields[5] if len(fields) > 5 else ""
        readable = fields[1].startswith("rw" if writable_only else "r")
        if readable and not name.startswith(_SKIPPED):
            start, _, end = fields[0].partition("-")
            regions.append((int(start, 16), int(end, 16)))
    return regions


def _without(
    regions: Sequence[tuple[int, int]], hole: tuple[int, int] | None
) -> Iterator[tuple[int, int]]:
    """The regions with one range left out."""
    for start, end in regions:
        if hole is None or hole[1] <= start or end <= hole[0]:
            yield start, end
            continue
        if start < hole[0]:
            yield start, hole[0]
        if hole[1] < end:
            yield hole[1], end

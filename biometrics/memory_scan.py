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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
# Which two bytes of an exact needle sort out positions: a float32 written as float64 begins or
# ends with zeros, like most of a process's memory; these two lie in its digits (38 times quicker,
# measured).
_KEY: Final = 3
# The top bytes of numbers 4 or 8 bytes apart, for patterns that leave the last digits open.
_BY_FOUR: Final = (0, 1, 4, 5, 8, 9, 12, 13)
_BY_EIGHT: Final = (0, 1, 2, 8, 9, 10, 16, 17)
_RUN: Final = 24
_LEAST_CARED: Final = 12
# How far rounding may move a number: seven decimals are given out, float32 keeps as many.
_SLACKS: Final = (4e-7, 1e-7)
# Kernel pages that can't be read through /proc/<pid>/mem, and device memory.
_SKIPPED: Final = ("[vvar", "[vsyscall]", "/dev/")


@dataclass(frozen=True, slots=True)
class Needle:
    """A pattern that is never held in the clear."""

    masked: bytes
    mask: int
    care: bytes = b""
    """Where it is not empty, only bytes that are set in it are compared (`near_needles`)."""

    @classmethod
    def of(cls, pattern: bytes) -> Needle:
        """Mask a pattern; the caller's own copy is the caller's to drop."""
        if len(pattern) < SHORTEST:
            raise ScanFailed(f"a pattern has at least {SHORTEST} bytes", code="pattern_too_short")
        mask = secrets.randbelow(255) + 1
        return cls(bytes(byte ^ mask for byte in pattern), mask)

    def to_text(self) -> str:
        """For a verification kit: a worker that reads it back never holds the plain bytes."""
        text = f"{self.mask:02x}{self.masked.hex()}"
        return f"{text}/{self.care.hex()}" if self.care else text

    @classmethod
    def from_text(cls, text: str) -> Needle:
        """Read what ``to_text`` wrote."""
        pattern, slash, cared = text.partition("/")
        try:
            raw, care = bytes.fromhex(pattern), bytes.fromhex(cared)
        except ValueError as error:
            raise ScanFailed("not a needle", code="bad_needle") from error
        if len(raw) <= SHORTEST or raw[0] == 0 or (slash and len(care) != len(raw) - 1):
            raise ScanFailed("not a needle", code="bad_needle")
        return cls(raw[1:], raw[0], care)


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
    and float64 in both byte orders, base64 wherever it begins, hex in both cases, and decimal text
    as in JSON (of the float64 values; with spaces, without, a line for each).
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
    patterns = [
        raw,
        late.astype("<f4").tobytes(),
        piece.astype(">f4").tobytes(),
        piece.astype("<f8").tobytes(),
        piece.astype(">f8").tobytes(),
        *text_forms(raw),
        *number_forms([float(value) for value in piece[:3]]),
    ]
    return list(dict.fromkeys(patterns))


def text_forms(data: bytes) -> list[bytes]:
    """Bytes as text: base64 wherever they begin in a quantum of three, hex in both cases."""
    forms = []
    for begin in range(3):
        part = data[begin:]
        forms.append(base64.b64encode(part[: len(part) - len(part) % 3]))
    return [*forms, data.hex().encode(), data.hex().upper().encode()]


def number_forms(numbers: Sequence[float]) -> list[bytes]:
    """Numbers one after the other as JSON has them: with spaces, without, a line for each."""
    separators = (", ", ",", ",\n    ")
    return [
        json.dumps(list(numbers), separators=(between, ":"))[1:-1].encode()
        for between in separators
    ]


def template_needles(template: NDArray[np.float32]) -> list[Needle]:
    """``template_patterns``, masked; make them in another process than the one to be scanned."""
    return [Needle.of(pattern) for pattern in template_patterns(template)]


def near_needles(values: NDArray[np.float64]) -> list[Needle]:
    """Needles for numbers known up to their last digits, (n,) with n of at least 32.

    A template is kept turned, as float32; what it was before that can be computed back, but not
    to the last bit. So only the first bytes of each number are compared, and only of numbers
    that lie so far inside the range of these bytes that rounding can't have moved them out. For
    float32 and float64 in both byte orders.
    """
    return [
        _near_needle(values, kind, top, offsets)
        for kind, top, offsets in (
            ("<f4", 2, _BY_FOUR),
            (">f4", 2, _BY_FOUR),
            ("<f8", 3, _BY_EIGHT),
            (">f8", 3, _BY_EIGHT),
        )
    ]


def _near_needle(
    values: NDArray[np.float64], kind: str, top: int, offsets: tuple[int, ...]
) -> Needle:
    """The run of numbers with the most that may be compared, as one needle."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    size = np.dtype(kind).itemsize
    # The first numbers are looked up in a table, so they must be comparable themselves.
    first = len({offset // size for offset in offsets})
    for slack in _SLACKS:
        safe = _unmoved(numbers, kind, top, slack)
        runs = [
            begin
            for begin in range(len(numbers) - _RUN + 1)
            if safe[begin : begin + first].all()
            and safe[begin : begin + _RUN].sum() >= _LEAST_CARED
        ]
        if runs:
            break
    else:
        raise ScanFailed("a template is too short to look for", code="pattern_too_short")
    begin = max(runs, key=lambda at: int(safe[at : at + _RUN].sum()))
    raw = numbers[begin : begin + _RUN].astype(kind).tobytes()
    tops = range(size - top, size) if kind.startswith("<") else range(top)
    care = bytearray(len(raw))
    for place in np.flatnonzero(safe[begin : begin + _RUN]).tolist():
        for byte in tops:
            care[place * size + byte] = 0xFF
    skip, end = tops.start, len(raw) - (size - tops.stop)
    plain = bytes(
        byte if cared else secrets.randbelow(256)
        for byte, cared in zip(raw[skip:end], care[skip:end], strict=True)
    )
    needle = Needle.of(plain)
    return Needle(needle.masked, needle.mask, bytes(care[skip:end]))


def _unmoved(numbers: NDArray[np.float64], kind: str, top: int, slack: float) -> NDArray[np.bool_]:
    """Which numbers keep their `top` first bytes when they change by `slack` at most."""
    safe = np.abs(numbers) > 1e-3
    for moved in (numbers - slack, numbers + slack):
        one, two = (part.astype(kind.replace("<", ">")) for part in (numbers, moved))
        size = one.dtype.itemsize
        heads = [part.view(np.uint8).reshape(-1, size)[:, :top] for part in (one, two)]
        safe &= (heads[0] == heads[1]).all(axis=1)
    return safe


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
        whole = scanner.scan_whole_file(descriptor)
    finally:
        os.close(descriptor)
    report = scanner.report()
    if not whole:
        raise ScanFailed(f"{path.name} can't be read in full")
    return report


@dataclass(slots=True)
class FilesReport:
    """What a scan of files saw: one count per pattern, files and bytes read, where it was found."""

    counts: list[int]
    files: int = 0
    bytes: int = 0
    unreadable: int = 0
    hits: dict[int, set[Path]] = field(default_factory=dict)

    def found(self, numbers: Iterable[int]) -> int:
        """Copies found of some of the patterns."""
        return sum(self.counts[number] for number in numbers)


class FileScanner:
    """Looks for the same patterns in files, some at a time: its tables are made once.

    The time of a file does not grow with the number of patterns, but for what is found in it.
    """

    def __init__(self, patterns: Sequence[bytes | Needle]) -> None:
        self._scanner = _Scanner(patterns)
        self._patterns = len(patterns)

    def scan(self, paths: Iterable[Path]) -> FilesReport:
        """Count the patterns in these files.

        A file that vanished meanwhile is passed over; one that can't be read in full is counted
        as unreadable, for nothing can be said of it.
        """
        scanner = self._scanner
        report = FilesReport(counts=[0] * self._patterns)
        before = scanner.scanned
        for path in paths:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError:
                report.unreadable += 1
                continue
            try:
                whole = scanner.scan_whole_file(descriptor)
            finally:
                os.close(descriptor)
            report.files += whole
            report.unreadable += not whole
            for number, copies in scanner.take_found().items():
                report.counts[number] += copies
                report.hits.setdefault(number, set()).add(path)
        report.bytes = scanner.scanned - before
        return report

    def close(self) -> None:
        """Wipe what was read last."""
        self._scanner.report()


class _Table:
    """Many needles by a few of their bytes: two for the sieve, then eight that decide.

    `places` are those eight; only what they leave is compared.
    """

    def __init__(self, places: tuple[int, ...], needles: Sequence[tuple[int, bytes]]) -> None:
        exact = places == tuple(range(SHORTEST))
        self.key = _KEY if exact else 0
        self.longest = max(places) + 1
        self.pairs = {
            int.from_bytes(needle[self.key : self.key + 2], "little") for _number, needle in needles
        }
        self._places = np.array(places)
        self._by_anchor: dict[int, list[int]] = {}
        for number, needle in needles:
            anchor = int.from_bytes(bytes(needle[place] for place in places), "little")
            self._by_anchor.setdefault(anchor, []).append(number)
        self._anchors = np.array(sorted(self._by_anchor), dtype=np.uint64)

    def likely(
        self, data: NDArray[np.uint8], starts: NDArray[np.intp]
    ) -> Iterator[tuple[int, list[int]]]:
        """Those of the positions at which all eight bytes are right, and the needles meant."""
        anchors = data[starts[:, None] + self._places].view("<u8").ravel()
        at = np.searchsorted(self._anchors, anchors)
        at[at == len(self._anchors)] = 0
        for hit in np.flatnonzero(self._anchors[at] == anchors).tolist():
            yield int(starts[hit]), self._by_anchor[int(anchors[hit])]


class _Sieve:
    """Sorts out nearly every position by two bytes, in one pass for all tables.

    A pass per needle would take minutes, and one per table three times as long as this.
    """

    def __init__(self, tables: Sequence[_Table]) -> None:
        self._tables = tables
        self._meant = np.zeros(1 << 16, dtype=np.uint8)
        for bit, table in enumerate(tables):
            for pair in table.pairs:
                self._meant[pair] |= 1 << bit
        self._keys = self._meant > 0

    def starts(
        self, data: NDArray[np.uint8], first: int, filled: int
    ) -> Iterator[tuple[_Table, NDArray[np.intp]]]:
        """Positions from `first` on at which a needle of a table may begin, some at a time."""
        for begin in (first, first + 1):
            pairs = data[begin : filled - (filled - begin) % 2].view("<u2")
            found = np.flatnonzero(self._keys[pairs])
            meant = self._meant[pairs[found]]
            for bit, table in enumerate(self._tables):
                at = begin - table.key + 2 * found[meant & (1 << bit) > 0]
                at = at[(at >= first) & (at <= filled - table.longest)]
                for block in range(0, len(at), _STARTS):
                    yield table, at[block : block + _STARTS]


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
        self._cares = [needle.care for needle in needles]
        self._overlap = max((len(needle) for needle in self._needles), default=1) - 1
        exact = [number for number, care in enumerate(self._cares) if not care]
        # A pass per pattern while there are few; else a table sorts out nearly every position.
        self._few = exact if len(exact) <= _FEW else []
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, care in enumerate(self._cares):
            if care:
                places = _BY_FOUR if all(care[at] for at in _BY_FOUR) else _BY_EIGHT
                groups.setdefault(places, []).append(number)
            elif not self._few:
                groups.setdefault(tuple(range(SHORTEST)), []).append(number)
        tables = [
            _Table(places, [(number, self._needles[number]) for number in numbers])
            for places, numbers in groups.items()
        ]
        self._sieve = _Sieve(tables) if tables else None
        self._buffer = bytearray(CHUNK + self._overlap)
        self._array = np.frombuffer(self._buffer, dtype=np.uint8)
        self._counts = [0] * len(self._needles)
        self._found: dict[int, int] = {}
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

    def take_found(self) -> dict[int, int]:
        """Copies found since the last call, of the patterns of which there were any."""
        found, self._found = self._found, {}
        return found

    def scan_whole_file(self, descriptor: int) -> bool:
        """Scan a file; False when it could not be read to its end, wherever that is by now."""
        missed, size = self._unreadable, os.fstat(descriptor).st_size
        self.scan(descriptor, 0, size)
        return self._unreadable == missed or os.fstat(descriptor).st_size < size

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
        for number in self._few:
            self._count_one(number, filled, kept)
        first = max(0, kept - self._overlap)
        if self._sieve is not None and filled - first >= SHORTEST:
            for table, starts in self._sieve.starts(self._array, first, filled):
                self._compare(table, starts, filled, kept)

    def _count_one(self, number: int, filled: int, kept: int) -> None:
        needle = self._needles[number]
        position = self._buffer.find(needle, max(0, kept - len(needle) + 1), filled)
        while position >= 0:
            self._note(number)
            position = self._buffer.find(needle, position + 1, filled)

    def _compare(self, table: _Table, starts: NDArray[np.intp], filled: int, kept: int) -> None:
        for start, numbers in table.likely(self._array, starts):
            for number in numbers:
                end = start + len(self._needles[number])
                if kept < end <= filled and self._is_at(number, start, end):
                    self._note(number)

    def _note(self, number: int) -> None:
        self._counts[number] += 1
        self._found[number] = self._found.get(number, 0) + 1

    def _is_at(self, number: int, start: int, end: int) -> bool:
        needle, care = self._needles[number], self._cares[number]
        if not care:
            return self._buffer[start:end] == needle
        differs = self._array[start:end] ^ np.frombuffer(needle, dtype=np.uint8)
        return not (differs & np.frombuffer(care, dtype=np.uint8)).any()

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

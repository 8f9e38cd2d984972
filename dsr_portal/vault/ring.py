"""The key holder: bucket keys, and the file in two places that keeps them by default (rule R26).

Bucket keys are in no database, no environment and no backup. Only this makes old copies of
database and files useless: when a key is destroyed here, what it wrapped is gone everywhere.

No Django in here: the lock row's memory of the newest generation comes in as two functions.
"""

import errno
import hashlib
import logging
import os
import secrets
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from dsr_portal.vault import places as files

log = logging.getLogger(__name__)

KEY_BYTES = 32
MAGIC = b"DSRRING1"
_HEAD = struct.Struct(">8sQQ32sI")  # magic, generation, ledger number, ledger hash, count
_ENTRY = 16 + KEY_BYTES
_HASH = 32
NO_HASH = bytes(32)


class RingError(Exception):
    """The ring can't be used; `why` is a code for logs and health pages."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why
        self.detail = detail


class KeyGone(RingError):
    """No key has this id: its bucket was replaced, or never existed here."""

    def __init__(self) -> None:
        super().__init__("key_gone")


class PlaceMissing(RingError):
    """A step that needs both places found one only."""


class NotWritten(RingError):
    """A place could not be written; `why` is the system's name for the reason (enospc)."""


class Key(bytearray):
    """A key in memory that overwrites itself when it is dropped.

    Best effort: Python, the cipher library and the kernel may have copied it before.
    """

    def __del__(self) -> None:
        overwrite(self)


class LedgerHead(NamedTuple):
    """Number and hash of the newest entry of the erasure ledger."""

    number: int
    hash: bytes


class Floor(NamedTuple):
    """What the lock row remembers: the newest generation written, and the hash of its file."""

    generation: int
    digest: str


@dataclass(slots=True)
class RingFile:
    """One whole ring file in memory; `wipe` overwrites its keys when it is no longer needed.

    `table` holds the entries (id, key) as they lie in the file, sorted by id: a ring of many keys
    is read and written under the lock row, so no object is made for each.
    """

    generation: int = 0
    ledger: LedgerHead = LedgerHead(0, NO_HASH)
    table: Key = field(default_factory=Key)
    digest: str = ""

    def to_bytes(self) -> Key:
        count = len(self.table) // _ENTRY
        head = _HEAD.pack(MAGIC, self.generation, self.ledger.number, self.ledger.hash, count)
        out = _joined([head, self.table, NO_HASH])
        with memoryview(out) as view:
            view[-_HASH:] = hashlib.sha256(view[:-_HASH]).digest()
        return out

    @classmethod
    def from_bytes(cls, data: bytes | bytearray) -> "RingFile":
        """Read a whole file; `RingError("corrupt")` for anything else."""
        body, tail = memoryview(data)[:-_HASH], bytes(data[-_HASH:])
        if len(data) < _HEAD.size + _HASH or hashlib.sha256(body).digest() != tail:
            raise RingError("corrupt")
        magic, generation, number, ledger_hash, count = _HEAD.unpack_from(body)
        if magic != MAGIC or len(body) != _HEAD.size + count * _ENTRY:
            raise RingError("corrupt")
        table = Key(body[_HEAD.size :])
        return cls(generation, LedgerHead(number, ledger_hash), table, tail.hex())

    @property
    def keys(self) -> dict[UUID, Key]:
        """A copy of every key by its bucket's id."""
        with memoryview(self.table) as view:
            return {
                UUID(bytes=bytes(view[at : at + 16])): Key(view[at + 16 : at + _ENTRY])
                for at in range(0, len(view), _ENTRY)
            }

    def ids(self) -> set[UUID]:
        starts = range(0, len(self.table), _ENTRY)
        return {UUID(bytes=bytes(self.table[at : at + 16])) for at in starts}

    def has(self, bucket: UUID) -> bool:
        at = self._place_of(bucket)
        return self.table[at : at + 16] == bucket.bytes

    def add(self, keys: Mapping[UUID, Key]) -> None:
        """Put keys of buckets that have none here."""
        parts: list[bytes | bytearray | memoryview] = []
        view, last = memoryview(self.table), 0
        for bucket in sorted(keys):
            at = self._place_of(bucket)
            parts += [view[last:at], bucket.bytes, keys[bucket]]
            last = at
        self.table = _joined([*parts, view[last:]])

    def drop(self, ids: Iterable[UUID]) -> None:
        """Leave out the keys of these buckets, those that are here."""
        parts: list[bytes | bytearray | memoryview] = []
        view, last = memoryview(self.table), 0
        for at in sorted({self._place_of(bucket) for bucket in ids if self.has(bucket)}):
            parts.append(view[last:at])
            last = at + _ENTRY
        self.table = _joined([*parts, view[last:]])

    def wipe(self) -> None:
        overwrite(self.table)
        self.table = Key()

    def _place_of(self, bucket: UUID) -> int:
        """Where the entry of a bucket begins, or would."""
        low, high = 0, len(self.table) // _ENTRY
        while low < high:
            middle = (low + high) // 2
            entry = bytes(self.table[middle * _ENTRY : middle * _ENTRY + 16])
            low, high = (middle + 1, high) if entry < bucket.bytes else (low, middle)
        return low * _ENTRY


def _joined(parts: Sequence[bytes | bytearray | memoryview]) -> Key:
    """One key of many parts, without copies of them in between."""
    out = Key(sum(len(part) for part in parts))
    at = 0
    with memoryview(out) as view:
        for part in parts:
            view[at : at + len(part)] = part
            at += len(part)
    return out


def overwrite(secret: bytearray) -> None:
    """Overwrite a key in memory, best effort: Python may have copied it before."""
    secret[:] = bytes(len(secret))


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """How one place is: `state` is whole, missing, corrupt, behind or unsafe."""

    place: Path
    state: str
    generation: int
    detail: str = ""


class Ring:
    """The ring file in two places.

    One writer at a time. Place one is written, synced and renamed, then place two; the higher
    whole generation wins and a lower one is overwritten, never read. A place whose file is absent
    counts as missing (its disk may not be mounted) and is never filled silently: see `copy`.
    """

    def __init__(
        self,
        places: Sequence[Path],
        *,
        floor: Callable[[], Floor] = lambda: Floor(0, ""),
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        if len(places) != 2 or places[0] == places[1]:
            raise RingError("two_places_needed", "DSR_RING names two different folders")
        self.places = tuple(places)
        self.paths = tuple(place / "ring" for place in places)
        self._floor = floor
        self.fault = fault
        """Called after each place was written; tests end the process there."""
        self._checked: tuple[tuple[int, ...], Path] | None = None
        self._lock = threading.Lock()

    # -- set-up ---------------------------------------------------------------------------

    def exists(self) -> bool:
        return any(path.exists() for path in self.paths)

    def init(self) -> None:
        """Make an empty ring where none is and none ever was; what is there stays as it is."""
        floor = self._floor()
        if not self.exists() and floor.generation:
            raise RingError(
                "missing", "the database knows a ring, but both places are empty: mount or restore"
            )
        for place in self.places:
            files.make_folder(place)
        with files.one_writer(self.places):
            first = RingFile(generation=1).to_bytes()
            if not self.exists() or self._was_begun(first):
                for path in self.paths:
                    if not path.exists():
                        files.write_whole(path, first)

    def _was_begun(self, first: bytearray) -> bool:
        """True where set-up was killed after the first place: an empty ring, nothing to lose."""
        there = [path for path in self.paths if path.exists()]
        return all(files.read_wipeable(path) == first for path in there)

    def copy(self) -> list[Path]:
        """Write the newest whole file to a place that lost its own or fell behind.

        An operator's decision: an absent file may mean a disk that is not mounted, so the folder
        must be there. Returns the places written, never another than the two.
        """
        with files.one_writer(self.places):
            newest = self._newest()
            try:
                stale = [path for path in self.paths if self._digest_at(path) != newest.digest]
                data = newest.to_bytes()
                for path in stale:
                    _require_folder(path.parent)
                    files.clear_unfinished(path)
                    self._put(path, data)
                overwrite(data)
            finally:
                newest.wipe()
        return [path.parent for path in stale]

    # -- the key holder -------------------------------------------------------------------

    def create(self, ids: Sequence[UUID], *, again: bool = False) -> Floor:
        """Make one key per id, synced in every place that is there.

        With `again` a bucket that has a key keeps it: the call before may have been killed.
        """
        with files.one_writer(self.places):
            current = self._newest()
            try:
                there = [bucket for bucket in ids if current.has(bucket)]
                if there and not again:
                    raise RingError("exists", str(there[0]))
                new = set(ids) - set(there)
                current.add({bucket: Key(secrets.token_bytes(KEY_BYTES)) for bucket in new})
                return self._write(current, both=False)
            finally:
                current.wipe()

    def get(self, bucket: UUID) -> Key:
        """The key of one bucket, for the caller to overwrite after use; `KeyGone` without one."""
        for _ in range(20):
            path, identity = self._checked_path()
            found = self._find(path, identity, bucket)
            if found is not None:
                return found
        raise RingError("unsteady", "the ring was replaced again and again while it was read")

    def destroy(self, ids: Iterable[UUID], *, ledger: LedgerHead | None = None) -> Floor:
        """Destroy keys in both places and remember the newest ledger entry in the same step."""
        for path in self.paths:
            if not path.exists():
                raise PlaceMissing("place_missing", str(path.parent))
        with files.one_writer(self.places):
            current = self._newest()
            try:
                current.drop(ids)
                if ledger is not None:
                    current.ledger = ledger
                return self._write(current, both=True)
            finally:
                current.wipe()

    def ledger_head(self) -> LedgerHead:
        current = self._newest()
        current.wipe()
        return current.ledger

    def ids(self) -> set[UUID]:
        """Ids of every bucket that has a key (for checks; no key leaves)."""
        current = self._newest()
        found = current.ids()
        current.wipe()
        return found

    def values(self) -> set[bytes]:
        """Every key, to look for copies of them elsewhere; they are not overwritten after use."""
        current = self._newest()
        found = {bytes(key) for key in current.keys.values()}
        current.wipe()
        return found

    # -- state ----------------------------------------------------------------------------

    def status(self) -> list[PlaceStatus]:
        """How each place is, for health pages and `manage.py ring check`."""
        rows = []
        read = [self._read(path) for path in self.paths]
        best = max((found.generation for found in read if isinstance(found, RingFile)), default=0)
        for place, found in zip(self.places, read, strict=True):
            problem = files.folder_problem(place) if place.exists() else ""
            problem = problem or "; ".join(files.file_problems(place))
            if isinstance(found, RingFile):
                found.wipe()
                state = "whole" if found.generation == best else "behind"
                state = "unsafe" if problem else state
                rows.append(PlaceStatus(place, state, found.generation, problem))
            else:
                rows.append(PlaceStatus(place, found, 0, problem))
        return rows

    # -- inside ---------------------------------------------------------------------------

    def _read(self, path: Path) -> RingFile | str:
        # A file replaced while it was read looks corrupt for a moment: look once more.
        for _ in range(2):
            try:
                data = files.read_wipeable(path)
            except OSError:
                return "missing"
            try:
                return RingFile.from_bytes(data)
            except RingError:
                continue
            finally:
                overwrite(data)
        return "corrupt"

    def _digest_at(self, path: Path) -> str:
        found = self._read(path)
        if isinstance(found, str):
            return ""
        found.wipe()
        return found.digest

    def _newest(self) -> RingFile:
        """The higher whole generation, refused when it is older than the lock row remembers."""
        floor = self._floor()
        read = [self._read(path) for path in self.paths]
        whole = [found for found in read if isinstance(found, RingFile)]
        if not whole:
            states = {str(found) for found in read}
            raise RingError("corrupt" if "corrupt" in states else "missing", str(self.places[0]))
        best = max(found.generation for found in whole)
        if best < floor.generation:
            for found in whole:
                found.wipe()
            raise RingError("too_old", f"generation {best} of {floor.generation}")
        top = [found for found in whole if found.generation == best]
        if len({found.digest for found in top}) > 1:
            # Two different files of one generation: one place was written, then lost before the
            # lock row was; the row knows which one counted.
            top = [found for found in top if found.digest == floor.digest]
            if not top:
                raise RingError("forked", f"generation {best}")
        for found in whole:
            if found is not top[0]:
                found.wipe()
        return top[0]

    def _write(self, ring: RingFile, *, both: bool) -> Floor:
        ring.generation += 1
        data = ring.to_bytes()
        digest = bytes(data[-_HASH:]).hex()
        written = 0
        for number, path in enumerate(self.paths, start=1):
            if path.exists():
                files.clear_unfinished(path)
                self._put(path, data)
                written += 1
            elif both:
                raise PlaceMissing("place_missing", str(path.parent))
            else:
                log.critical("ring: place %s is missing, keys were made in one place only", number)
            self.fault(f"ring.place{number}")
        overwrite(data)
        if not written:
            raise RingError("missing", str(self.places[0]))
        return Floor(ring.generation, digest)

    def _put(self, path: Path, data: bytearray) -> None:
        try:
            files.write_whole(path, data, wipe_old=True)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "error").lower()
            raise NotWritten(name, str(path.parent)) from error

    def _alarm(self) -> None:
        """Say it when a place is not there: reading goes on from the other (R26)."""
        for number, path in enumerate(self.paths, start=1):
            if not path.exists():
                log.critical("ring: place %s is missing, keys are read from the other", number)

    def _checked_path(self) -> tuple[Path, tuple[int, ...]]:
        """The path of the newest whole file, read and hashed again only when it changed."""
        with self._lock:
            if self._checked is not None:
                identity, path = self._checked
                if _identity(path) == identity:
                    return path, identity
            self._alarm()
            for _ in range(20):
                before = [_identity(path) for path in self.paths]
                newest = self._newest()
                digest = newest.digest
                newest.wipe()
                for path, identity in zip(self.paths, before, strict=True):
                    if identity and self._digest_at(path) == digest:
                        if _identity(path) != identity:
                            break
                        self._checked = (identity, path)
                        return path, identity
            raise RingError("unsteady", "the ring was replaced while it was read")

    def _find(self, path: Path, identity: tuple[int, ...], bucket: UUID) -> Key | None:
        """Look one key up by bisection; None when the file was replaced meanwhile."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            entry = Key()
            low, high = 0, (identity[1] - _HEAD.size - _HASH) // _ENTRY
            while low < high:
                middle = (low + high) // 2
                entry = Key(os.pread(descriptor, _ENTRY, _HEAD.size + middle * _ENTRY))
                if entry[:16] == bucket.bytes:
                    break
                low, high = (middle + 1, high) if entry[:16] < bucket.bytes else (low, middle)
            # The old file is overwritten after its replacement; the inode tells whether it was.
            if _identity_of(os.fstat(descriptor)) != identity:
                return None
        finally:
            os.close(descriptor)
        if entry[:16] != bucket.bytes:
            raise KeyGone
        return Key(memoryview(entry)[16:])


def _require_folder(place: Path) -> None:
    problem = files.folder_problem(place)
    if problem:
        detail = f"{problem}. Mount its disk, or for a new one run: mkdir -m 700 {place}"
        raise PlaceMissing("place_missing", detail)


def _identity(path: Path) -> tuple[int, ...]:
    try:
        return _identity_of(path.stat())
    except OSError:
        return ()


def _identity_of(found: os.stat_result) -> tuple[int, ...]:
    return (
        found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink,
        found.st_dev,
    )  # fmt: skip

"""The erasure ledger (rule R31): what was destroyed, outside the database, twice.

After a disk is lost the newest backup brings destroyed rows back; the ledger says which have to
go again, and brings the key rows of those that survived in a replaced bucket. The ring remembers
number and hash of the newest entry, so that a ledger that ends too early is noticed. Entries that
no kept backup needs go, so it may begin at any number.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dsr_portal.vault import places as files
from dsr_portal.vault.errors import DestroyPending, LedgerBroken
from dsr_portal.vault.ring import NO_HASH, LedgerHead

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `body` as in `docs/vault.md`, `hash` over its canonical bytes."""

    number: int
    previous: str
    body: dict[str, Any]

    def to_bytes(self) -> bytes:
        return json.dumps(
            {"format": FORMAT, "number": self.number, "previous": self.previous, **self.body},
            sort_keys=True,
            separators=(",", ":"),
        ).encode()

    @property
    def hash(self) -> bytes:
        return sha256(self.to_bytes()).digest()

    @property
    def head(self) -> LedgerHead:
        return LedgerHead(self.number, self.hash)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Entry":
        body = json.loads(data)
        if body.pop("format") != FORMAT:
            raise ValueError("format")
        entry = cls(int(body.pop("number")), str(body.pop("previous")), body)
        if entry.to_bytes() != data:
            raise ValueError("not canonical")
        return entry


class Ledger:
    """Entries as numbered files in two folders; an entry counts when both hold it."""

    def __init__(self, places: Sequence[Path]) -> None:
        if len(places) != 2 or places[0] == places[1]:
            raise LedgerBroken("two places are needed")
        self.places = tuple(places)

    def init(self) -> None:
        for place in self.places:
            files.make_folder(place)

    def newest(self) -> Entry | None:
        """The newest entry any place holds."""
        number = max((self._last_number(place) for place in self.places), default=0)
        return self.read(number) if number else None

    def first_number(self) -> int:
        """The oldest entry any place holds; 0 for an empty ledger."""
        return min((number for place in self.places for number in _numbers(place)), default=0)

    def read(self, number: int) -> Entry:
        """One entry from whichever place holds it whole; `LedgerBroken` names the gap."""
        problem = "missing"
        for place in self.places:
            try:
                data = (place / _name(number)).read_bytes()
                entry = Entry.from_bytes(data)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                problem = "damaged"
                continue
            if entry.number == number:
                return entry
            problem = "damaged"
        raise LedgerBroken(f"entry {number} is {problem}", entry=number)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        newest = self.newest()
        for number in range(after + 1, (newest.number if newest else 0) + 1):
            yield self.read(number)

    def append(self, body: dict[str, Any], *, known: LedgerHead) -> Entry:
        """Write the next entry to both places; `known` is the head the ring remembers."""
        for place in self.places:
            if not place.is_dir():
                raise DestroyPending("ledger_place_missing", place=str(place))
        self.check_reaches(known)
        newest = self.newest()
        entry = Entry(
            newest.number + 1 if newest else 1,
            newest.hash.hex() if newest else NO_HASH.hex(),
            body,
        )
        self.write(entry)
        return entry

    def write(self, entry: Entry) -> None:
        """Write one entry to every place that lacks it (also after a crash between the two)."""
        data = entry.to_bytes()
        for place in self.places:
            if not place.is_dir():
                raise DestroyPending("ledger_place_missing", place=str(place))
            path = place / _name(entry.number)
            if not path.exists() or path.read_bytes() != data:
                files.write_whole(path, data)

    def check_reaches(self, known: LedgerHead) -> None:
        """Refuse a ledger that ends before, or differs from, what the ring remembers."""
        if known.number == 0:
            return
        newest = self.newest()
        if newest is None or newest.number < known.number:
            have = newest.number if newest else 0
            raise LedgerBroken(
                f"it ends at entry {have}, the ring knows entry {known.number}",
                have=have,
                known=known.number,
            )
        if self.read(known.number).hash != known.hash:
            raise LedgerBroken(
                f"entry {known.number} is not the one the ring knows", entry=known.number
            )

    def must_continue(self, number: int) -> None:
        """Refuse a ledger that can't bring a backup that knows entry `number` up to date."""
        newest = self.newest()
        have = newest.number if newest else 0
        if have < number:
            raise LedgerBroken(
                f"it ends at entry {have}, the backup knows entry {number}", have=have, known=number
            )
        first = self.first_number()
        if have > number and first > number + 1:
            raise LedgerBroken(
                f"it starts at entry {first}, the backup knows entry {number}: entries "
                f"{number + 1} to {first - 1} are missing",
                first=first,
                known=number,
            )

    def drop_until(self, number: int) -> int:
        """Remove entries up to `number` from both places, never the newest; how many went."""
        newest = self.newest()
        last = min(number, newest.number - 1) if newest else 0
        gone = {old for place in self.places for old in _numbers(place) if old <= last}
        for place in self.places:
            for old in sorted(gone):
                (place / _name(old)).unlink(missing_ok=True)
            if place.is_dir():
                files.sync_folder(place)
        return len(gone)

    def verify(self, known: LedgerHead) -> int:
        """Check every link from the first entry kept, and the end; return how many there are."""
        self.check_reaches(known)
        previous: Entry | None = None
        count = 0
        for entry in self.entries(after=max(self.first_number() - 1, 0)):
            expected = previous.hash.hex() if previous else None
            first_of_all = entry.number == 1 and entry.previous != NO_HASH.hex()
            if first_of_all or (expected is not None and entry.previous != expected):
                raise LedgerBroken(
                    f"entry {entry.number} does not follow the one before", entry=entry.number
                )
            previous = entry
            count += 1
        return count

    def _last_number(self, place: Path) -> int:
        return max(_numbers(place), default=0)


def _numbers(place: Path) -> list[int]:
    return [int(path.stem) for path in place.glob("[0-9]*.json")] if place.is_dir() else []


def _name(number: int) -> str:
    return f"{number:012d}.json"

"""This process's hands on the key holder: short caches, the pool of buckets, the lock row."""

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import ring as rings
from dsr_portal.vault.errors import Damaged, DestroyPending, NotWritten, RingMissing
from dsr_portal.vault.models import BUCKET_UNITS, Bucket, RingState

MAX_CACHE_SECONDS = 60
_LOW = 16
"""With fewer free units than this the pool is filled at the next chance outside a transaction."""


def cache_seconds() -> float:
    """How long a process may remember a bucket key: a setting, at most 60 seconds (R26)."""
    return min(float(settings.DSR_KEY_CACHE_SECONDS), MAX_CACHE_SECONDS)


class KeyCache:
    """Bucket keys in memory, overwritten when their time is over even if nobody asks again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[UUID, tuple[float, rings.Key]] = {}
        self._timer: threading.Timer | None = None

    def get(self, bucket: UUID, fetch: Callable[[UUID], rings.Key]) -> rings.Key:
        """A copy of the key, for the caller to overwrite after use."""
        with self._lock:
            held = self._keys.get(bucket)
            if held is not None and held[0] > time.monotonic():
                return rings.Key(held[1])
        key = fetch(bucket)
        seconds = cache_seconds()
        if seconds > 0:
            with self._lock:
                self._keys[bucket] = (time.monotonic() + seconds, rings.Key(key))
                if self._timer is None:
                    self._start(seconds)
        return key

    def forget(self, buckets: Iterable[UUID] | None = None) -> None:
        with self._lock:
            for bucket in list(self._keys) if buckets is None else buckets:
                held = self._keys.pop(bucket, None)
                if held is not None:
                    rings.overwrite(held[1])

    def _start(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            tick = time.monotonic()
            for bucket, (until, key) in list(self._keys.items()):
                if until <= tick:
                    rings.overwrite(key)
                    del self._keys[bucket]
            self._timer = None
            if self._keys:
                self._start(max(0.05, min(until for until, _ in self._keys.values()) - tick))


@dataclass(slots=True)
class _Slot:
    bucket: UUID
    left: int = BUCKET_UNITS


class Pool:
    """Buckets this process made ahead, by kind; no other process draws from them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[str, list[_Slot]] = {}

    def draw(self, kind: str) -> UUID | None:
        """Take one place in a bucket of this kind; None when there is none."""
        with self._lock:
            slots = self._free.get(kind, [])
            while slots and not slots[0].left:
                slots.pop(0)
            if not slots:
                return None
            slots[0].left -= 1
            return slots[0].bucket

    def left(self, kind: str) -> int:
        with self._lock:
            return sum(slot.left for slot in self._free.get(kind, []))

    def add(self, kind: str, bucket: UUID) -> None:
        with self._lock:
            self._free.setdefault(kind, []).append(_Slot(bucket))

    def drop(self, buckets: Iterable[UUID]) -> None:
        gone = set(buckets)
        with self._lock:
            for kind, slots in self._free.items():
                self._free[kind] = [slot for slot in slots if slot.bucket not in gone]

    def clear(self) -> None:
        with self._lock:
            self._free.clear()


class Keeper:
    """The key holder of one pair of folders with this process's cache and pool."""

    def __init__(self, places: list[Path]) -> None:
        self.ring = rings.Ring(places, floor=remembered)
        self.cache = KeyCache()
        self.pool = Pool()

    def key(self, bucket: UUID) -> rings.Key:
        """A bucket's key; `rings.KeyGone` when it was replaced."""
        with plain_errors():
            return self.cache.get(bucket, self.ring.get)

    def forget(self) -> None:
        self.cache.forget()
        self.pool.clear()


def plain_ring() -> rings.Ring:
    """The configured ring as it lies there: nothing is made, nothing is cached."""
    with plain_errors():
        return rings.Ring([Path(place) for place in settings.DSR_RING], floor=remembered)


_keepers: dict[tuple[str, ...], Keeper] = {}


def keeper() -> Keeper:
    """The keeper of the configured ring; outside production the ring is made at first use."""
    places = [Path(place) for place in settings.DSR_RING]
    name = tuple(str(place) for place in places)
    found = _keepers.get(name)
    if found is None:
        with plain_errors():
            found = Keeper(places)
            if not settings.DSR_PRODUCTION and not found.ring.exists():
                found.ring.init()
        _keepers[name] = found
    return found


def forget_all() -> None:
    """Drop every key, pool and keeper of this process (after a fork, between tests)."""
    for one in _keepers.values():
        one.forget()
    _keepers.clear()


# A child process makes its own pool and reads keys itself; its parent's timers don't run in it.
# What it drops overwrites itself (`rings.Key`), in the child's memory only.
os.register_at_fork(after_in_child=_keepers.clear)
atexit.register(forget_all)


def remembered() -> rings.Floor:
    row = RingState.objects.filter(id=1).values_list("generation", "digest").first()
    return rings.Floor(*row) if row else rings.Floor(0, "")


@contextmanager
def locked_ring() -> Iterator[RingState]:
    """One transaction that holds the lock row; ring files are written inside it."""
    with transaction.atomic():
        RingState.objects.get_or_create(id=1)
        yield RingState.objects.select_for_update().get(id=1)


def remember(state: RingState, floor: rings.Floor) -> None:
    state.generation, state.digest = floor
    state.save()


def fill(kind: str, buckets: int = 1) -> None:
    """Make buckets ahead of a transaction, never inside one (R26)."""
    require_outside_transaction("Making buckets")
    ids = [new_id() for _ in range(buckets)]
    with locked_ring() as state, plain_errors():
        remember(state, keeper().ring.create(ids))
        Bucket.objects.bulk_create(
            Bucket(id=bucket, kind=kind, created_at=clock.now(), epoch=state.epoch)
            for bucket in ids
        )
    for bucket in ids:
        keeper().pool.add(kind, bucket)


def is_low(kind: str) -> bool:
    return keeper().pool.left(kind) < _LOW


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the ring's errors into the portal's; `KeyGone` stays, callers act on it."""
    try:
        yield
    except rings.KeyGone:
        raise
    except rings.PlaceMissing as error:
        raise DestroyPending(error.why, detail=error.detail) from error
    except rings.NotWritten as error:
        raise NotWritten(error.why, what="ring", place=error.detail) from error
    except rings.RingError as error:
        if error.why == "corrupt":
            raise Damaged("ring") from error
        raise RingMissing(error.why) from error

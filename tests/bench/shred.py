"""Keys of 1, 100 and 1,000 of many units destroyed, the portal running; storing a picture.

The units are rows like any other: bucket keys in the ring, unit keys wrapped one by one. Only those
that are erased or read have values, for nothing else is opened. The victims lie in different
buckets, the worst case: each of them has 127 neighbours to be wrapped anew. A process asks for the
write lock all the time, another stores and reads units. The lock is timed where it is held, from
its BEGIN IMMEDIATE to the end of its COMMIT; what the asking process was refused in a row is told
beside it: there several locks, also those of the portal that goes on, may follow each other. The
time in which caches may still hold a key (at most 60 s by setting, none here) is in no figure.

`DSR_BENCH_UNITS` says how large the vault is (20,000 units; with FULL=1 200,000, which the 1,000
buckets need; 1000000 takes minutes to make); every figure's name tells it.
"""

import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from tests.bench.rows import Book
from tests.bench.sizes import size

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = (1, 100, 1_000)
PICTURE = 300 * 1024
PICTURES = 60
READ = 20
_AT_ONCE = 512  # buckets of one call to the ring and one insert


def run(book: Book) -> None:
    from django.db import connection

    if connection.vendor != "sqlite":
        sys.stderr.write("vault: these figures are of SQLite\n")
        return
    _storing(book)
    count = size("DSR_BENCH_UNITS", usual=20_000, full=200_000)
    _seed(count)
    drawn = random.Random(5)
    buckets = _buckets()
    for portion in PORTIONS:
        if portion + READ <= len(buckets):
            chosen = drawn.sample(buckets, portion + READ)
            _shred(book, chosen[:portion], chosen[portion:], count)
            buckets = _buckets()


# -- storing --------------------------------------------------------------------------------------


def _storing(book: Book) -> None:
    """A picture into the vault and the same bytes into a plain file with a row, both synced."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_plain (name TEXT)")
    pictures = [secrets.token_bytes(PICTURE) for _ in range(PICTURES)]
    for picture in pictures[:5]:
        _store_sealed(picture)
        _store_plain(picture)
    sealed = plain = 0.0
    for picture in pictures:
        sealed += _seconds(_store_sealed, picture)
        plain += _seconds(_store_plain, picture)
    book.note("stored in the vault: a picture of 300 KiB", sealed / PICTURES * 1000, "ms")
    book.note(
        "stored plainly: the same picture, file and row synced", plain / PICTURES * 1000, "ms"
    )
    book.note("stored in the vault against plainly", sealed / plain, "x")


def _seconds(store: Any, picture: bytes) -> float:
    began = time.perf_counter()
    store(picture)
    return time.perf_counter() - began


def _store_sealed(picture: bytes) -> UUID:
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.core.ids import new_id
    from dsr_portal.vault import services as vault

    staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=new_id())
    staged.add("picture", picture)
    with unit_of_work():
        return staged.save()


def _store_plain(picture: bytes) -> None:
    from django.db import connection

    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.vault import files

    name = files.write([picture])
    with unit_of_work(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_plain VALUES (%s)", [name])


# -- a vault of many units ------------------------------------------------------------------------


def _seed(count: int) -> None:
    """Rows of units whose keys are wrapped by keys in the ring, 128 to a bucket."""
    from dsr_portal.core import clock
    from dsr_portal.core.ids import new_id
    from dsr_portal.vault import keys
    from dsr_portal.vault.models import BUCKET_UNITS, Bucket

    began = time.perf_counter()
    moment = clock.now()
    ids = [new_id() for _ in range(-(-count // BUCKET_UNITS))]
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        with keys.locked_ring() as state:
            keys.remember(state, keys.keeper().ring.create(some))
            Bucket.objects.bulk_create(
                Bucket(id=one, kind="enrolled_face", created_at=moment) for one in some
            )
            left = count - first * BUCKET_UNITS
            _insert(some, min(left, _AT_ONCE * BUCKET_UNITS), moment)
        sys.stderr.write(f"\r{min(count, (first + len(some)) * BUCKET_UNITS):,} units")
    sys.stderr.write(f" in {time.perf_counter() - began:.0f} s\n")


def _insert(buckets: list[UUID], count: int, moment: Any) -> None:
    from django.db import connection

    from dsr_portal.core.ids import new_id
    from dsr_portal.vault import crypto, keys
    from dsr_portal.vault.models import BUCKET_UNITS, UnitKey

    def rows() -> Iterator[list[object]]:
        for number in range(count):
            bucket = buckets[number // BUCKET_UNITS]
            if number % BUCKET_UNITS == 0:
                bucket_key = keys.keeper().ring.get(bucket)
            unit = UnitKey(id=new_id(), kind="enrolled_face", owner=new_id(), bucket_id=bucket)
            wrapped = crypto.wrap(bucket_key, secrets.token_bytes(32), unit.bound())
            yield [
                unit.id.hex, unit.kind, unit.owner.hex, bucket.hex, wrapped, moment.isoformat(" "),
                None, "", None,
            ]  # fmt: skip

    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vault_unitkey (id, kind, owner, bucket_id, wrapped, created_at,"
            " shred_requested_at, shred_reason, shred_run_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows(),
        )


def _buckets() -> list[UUID]:
    from dsr_portal.vault.models import Bucket

    found = Bucket.objects.filter(kind="enrolled_face").order_by("id")
    return list(found.values_list("id", flat=True))


# -- destroying -----------------------------------------------------------------------------------


def _shred(book: Book, buckets: list[UUID], others: list[UUID], count: int) -> None:
    from django.db import connection, transaction

    from dsr_portal.vault import services as vault

    victims = [_with_values(bucket, picture=True) for bucket in buckets]
    kept = [_with_values(bucket) for bucket in others]
    # Neighbours of victims must be read while they are wrapped anew.
    kept += [_with_values(bucket, last=True) for bucket in buckets[:READ]]
    named = f"{len(victims):,} of {count:,} units"
    connection.ensure_connection()
    with _others(kept) as told:
        written = connection.connection.total_changes
        steps = _Steps()
        began = time.perf_counter()
        with steps.timed():
            with transaction.atomic():
                vault.request_shred(victims, reason="bench")
            report = vault.run_shred(fault=steps)
        seconds = time.perf_counter() - began
        rows = connection.connection.total_changes - written
    if not report.done or {vault.unit_state(unit) for unit in victims} != {"shredded"}:
        raise AssertionError(f"not destroyed: {report}")
    if told["failed"]:
        raise AssertionError(f"the portal failed meanwhile: {told['failed'][:3]}")
    book.note(f"shredded: {named}", seconds, "s")
    book.note(f"shredded: {named}, rows written", rows, "rows")
    longest = max(steps.locks, key=lambda lock: lock.held)
    book.note(f"shredded: {named}, longest write lock", longest.held * 1000, "ms", target=250)
    book.note(
        f"shredded: {named}, of it on the processor ({longest.step})", longest.used * 1000, "ms"
    )
    book.note(
        f"shredded: {named}, most processor time under a lock",
        max(lock.used for lock in steps.locks) * 1000,
        "ms",
    )
    book.note(f"shredded: {named}, lock refused to another in a row", told["longest"], "ms")
    book.note(
        f"shredded: {named}, units stored and read meanwhile",
        told["written"] + told["read"],
        "units",
        better="higher",
    )
    book.note(f"shredded: {named}, of these failed", len(told["failed"]), "units", target=0)


@dataclass(frozen=True, slots=True)
class _Lock:
    """One transaction of the run: its step, seconds it held the lock, of them on the processor."""

    step: str
    held: float
    used: float


class _Steps:
    """Every write lock of this connection and the step that took it."""

    def __init__(self) -> None:
        self.locks: list[_Lock] = []
        self._step = "ordered"
        self._began: tuple[float, float] | None = None

    def __call__(self, point: str) -> None:
        if point.startswith("before_commit."):
            self._step = point.removeprefix("before_commit.")

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Django's commit passes no wrapper of statements, so its methods are wrapped."""
        from django.db import connection

        one = cast(Any, connection)
        begin, commit = one._start_transaction_under_autocommit, one._commit
        one._start_transaction_under_autocommit = lambda: self._take(begin)
        one._commit = lambda: self._give(commit)
        try:
            yield
        finally:
            del one._start_transaction_under_autocommit, one._commit

    def _take(self, begin: Callable[[], None]) -> None:
        begin()
        self._began = time.perf_counter(), time.thread_time()

    def _give(self, commit: Callable[[], None]) -> None:
        commit()
        if self._began is not None:
            held, used = time.perf_counter() - self._began[0], time.thread_time() - self._began[1]
            self.locks.append(_Lock(self._step, held, used))
            self._began = None


def _with_values(bucket: UUID, *, picture: bool = False, last: bool = False) -> UUID:
    """A unit of this bucket, the first or the last, gets a value: its note is its own id."""
    from django.db import transaction

    from dsr_portal.vault import services as vault
    from dsr_portal.vault.models import UnitKey

    units = UnitKey.objects.filter(bucket_id=bucket).order_by("-id" if last else "id")
    unit = units.values_list("id", flat=True)[0]
    staged = vault.stage_into(unit)
    staged.add("note", unit.bytes)
    if picture:
        staged.add("picture", secrets.token_bytes(6_000))
    with transaction.atomic():
        return staged.save()


@contextmanager
def _others(kept: list[UUID]) -> Iterator[dict[str, Any]]:
    """The process that asks for the lock and the one that stores and reads, while a block runs."""
    from django.conf import settings

    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="dsr-bench-") as folder:
        stop = Path(folder) / "stop"
        database = str(settings.DATABASES["default"]["NAME"])
        commands = [
            ["tests.bench.shred_lock", database, str(stop)],
            ["tests.support.vault_traffic", str(stop), *map(str, kept)],
        ]
        running = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for command in commands
        ]
        try:
            for one in running:
                assert one.stdout is not None
                assert one.stdout.readline() == "ready\n"
            yield told
        finally:
            stop.touch()
            for one in running:
                told.update(json.loads(one.communicate(timeout=120)[0].splitlines()[-1]))

"""Sealed data: put in, take out, destroy (rules R26, R27).

What says something about a data subject is a field of a unit here; other apps keep the unit's id.
Files and streams are handled outside transactions only; what fits a row (4 KiB) also inside.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import in_transaction, require_outside_transaction
from dsr_portal.vault import crypto, files, keys, lasting
from dsr_portal.vault.errors import (
    Damaged,
    DestroyPending,
    LedgerBroken,
    NotWritten,
    RingMissing,
    Shredded,
    StaleBucket,
    UnknownUnit,
    disk_errors,
)
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import INLINE_BYTES, Blob, Bucket, UnitKey
from dsr_portal.vault.models import Shredded as Marker
from dsr_portal.vault.ring import Key, KeyGone, overwrite
from dsr_portal.vault.shredding import (
    ShredReport,
    enqueue_shred,
    note_in_ledger,
    request_shred,
    run_shred,
    shred_now,
)

__all__ = [
    "INLINE_BYTES",
    "Damaged",
    "DestroyPending",
    "LedgerBroken",
    "NotWritten",
    "RingMissing",
    "ShredReport",
    "Shredded",
    "StaleBucket",
    "Staged",
    "UnitKind",
    "UnitState",
    "UnknownUnit",
    "derive",
    "drop_small",
    "enqueue_shred",
    "fields",
    "fits_row",
    "has",
    "keyed_hash",
    "note_in_ledger",
    "prepare",
    "read",
    "read_json",
    "request_shred",
    "retry_stale",
    "run_shred",
    "save_all",
    "secret",
    "shred_now",
    "stage_into",
    "stage_unit",
    "stream",
    "sweep_files",
    "unit_ids",
    "unit_state",
    "write_json",
    "write_small",
]

P = ParamSpec("P")
R = TypeVar("R")

ORPHAN_SECONDS = 6 * 3600
"""A file staged so long ago and in no row was never saved."""

_TRIES = 6


# -- staging ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    blob: UUID
    field: str
    size: int
    inline: bytes | None
    file: str


@dataclass(slots=True)
class Staged:
    """Sealed values on their way to the database; nothing counts before `save`.

    Values above 4 KiB are written as files at once, so `add` them outside a transaction.
    """

    unit_id: UUID
    kind: str
    owner: UUID
    _key: Key
    _new: UnitKey | None
    _waiting: list[_Waiting] = field(default_factory=list)
    _closed: bool = False

    def add(self, field: str, data: bytes) -> None:
        """Seal one value."""
        name = self._name(field)
        if len(data) <= INLINE_BYTES:
            sealed = crypto.seal(self._key, name, data)
            self._waiting.append(_Waiting(name.blob, field, len(data), sealed, ""))
        else:
            self._to_file(name, [data])

    def add_json(self, field: str, value: Any) -> None:
        self.add(field, _to_json(value))

    def add_stream(self, field: str, parts: Iterable[bytes]) -> int:
        """Seal what comes piece by piece, always as a file; return its size in bytes."""
        return self._to_file(self._name(field), parts)

    def save(self) -> UUID:
        """Insert unit and values in the caller's transaction; return the unit's id.

        After a rollback the same staged unit can be saved again; after the commit it is closed.
        """
        save_all([self])
        return self.unit_id

    def _leave_vanished_bucket(self) -> None:
        """A unit staged before its bucket was replaced goes into another one."""
        if self._new is not None:
            keys.keeper().pool.drop([self._new.bucket_id])
            _wrap_into_bucket(self._new, self._key)

    def _blob_rows(self, newest: dict[tuple[UUID, str], int], moment: datetime) -> Iterator[Blob]:
        """The rows of its values, each numbered after the `newest` of its field."""
        for one in self._waiting:
            place = (self.unit_id, one.field)
            newest[place] = newest.get(place, -1) + 1
            yield Blob(
                id=one.blob,
                unit_id=self.unit_id,
                field=one.field,
                seq=newest[place],
                inline=one.inline,
                file=one.file,
                size=one.size,
                version=crypto.VERSION,
                created_at=moment,
            )

    def _close(self) -> None:
        overwrite(self._key)
        self._closed = True
        self._waiting.clear()

    def _to_file(self, name: crypto.BlobName, parts: Iterable[bytes]) -> int:
        require_outside_transaction("Writing a vault file")
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for part in parts:
                size += len(part)
                yield part

        with disk_errors("vault_file"):
            written = files.write(crypto.seal_stream(self._key, name, counted()))
        self._waiting.append(_Waiting(name.blob, name.field, size, None, written))
        return size

    def _name(self, field: str) -> crypto.BlobName:
        if self._closed:
            raise RuntimeError("This unit was saved; use stage_into to add to it.")
        return crypto.BlobName(new_id(), self.unit_id, self.kind, self.owner, field)


def save_all(staged: Sequence[Staged]) -> None:
    """Insert many staged units and their values in the caller's transaction, as `Staged.save` does.

    As many statements as one takes, whatever their number.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Saving staged units belongs inside the service's transaction.")
    moment = clock.now()
    new = [(one, one._new) for one in staged if one._new is not None]
    drawn = {row.bucket_id for _one, row in new}
    standing = set(Bucket.objects.filter(id__in=drawn).values_list("id", flat=True))
    for one, row in new:
        if row.bucket_id not in standing:
            one._leave_vanished_bucket()
        row.created_at = moment
        _touch(bucket=row.bucket_id)
    UnitKey.objects.bulk_create(row for _one, row in new)
    newest: dict[tuple[UUID, str], int] = {
        (unit, name): last
        for unit, name, last in Blob.objects.filter(unit_id__in=[one.unit_id for one in staged])
        .order_by()
        .values("unit_id", "field")
        .annotate(last=Max("seq"))
        .values_list("unit_id", "field", "last")
    }
    Blob.objects.bulk_create(row for one in staged for row in one._blob_rows(newest, moment))
    for one in staged:
        _touch(unit=one.unit_id)
        transaction.on_commit(one._close)


def stage_unit(*, kind: UnitKind | str, owner: UUID, many: bool = False) -> Staged:
    """Begin a new unit of one life; `owner` is the id of what it belongs to (case, record).

    With `many` nothing is asked for this unit alone, whether its bucket still stands: `save_all`
    asks once for all of them and takes another bucket where one was replaced.

    Inside a transaction the process's pool must have a bucket left: wrap the whole service in
    `retry_stale`, which fills it and runs the service again, or stage before the transaction.
    """
    kind = UnitKind(kind).value
    key = crypto.new_key()
    row = UnitKey(id=new_id(), kind=kind, owner=owner)
    _wrap_into_bucket(row, key, asked=not many)
    return Staged(row.id, kind, owner, key, row)


def _wrap_into_bucket(row: UnitKey, key: Key, *, asked: bool = True) -> None:
    for _ in range(_TRIES):
        row.bucket_id = _draw(row.kind, asked=asked)
        try:
            bucket_key = keys.keeper().key(row.bucket_id)
        except KeyGone:
            keys.keeper().pool.drop([row.bucket_id])
            continue
        row.wrapped = crypto.wrap(bucket_key, key, row.bound())
        overwrite(bucket_key)
        return
    raise RingMissing("key_gone")


def stage_into(unit_id: UUID) -> Staged:
    """Begin adding values to a live unit; a newer value of a field supersedes the older."""
    row, key = _open(unit_id)
    return Staged(row.id, row.kind, row.owner, key, None)


def prepare(*kinds: UnitKind) -> None:
    """Fill this process's pool ahead of transactions that stage units inside."""
    for kind in kinds:
        if keys.is_low(kind):
            keys.fill(kind)


def write_small(unit_id: UUID, field: str, data: bytes) -> None:
    """Add one value of at most 4 KiB to a live unit inside the caller's transaction."""
    if len(data) > INLINE_BYTES:
        raise BadInput("too_large_for_row", "", size=len(data), limit=INLINE_BYTES)
    staged = stage_into(unit_id)
    staged.add(field, data)
    staged.save()


def drop_small(unit_id: UUID, field: str) -> None:
    """Delete every value of a field that lies in a row, inside the caller's transaction.

    For what is of no more use while the unit lives on. It is no proof of erasure: copies of the
    row in backups stay sealed with the unit's key, and are gone for good with it.
    """
    Blob.objects.filter(unit_id=unit_id, field=field, file="").delete()


def fits_row(value: Any) -> bool:
    """Whether `write_json` takes this value: what it becomes has at most 4 KiB."""
    return len(_to_json(value)) <= INLINE_BYTES


def write_json(unit_id: UUID, field: str, value: Any) -> None:
    write_small(unit_id, field, _to_json(value))


def _draw(kind: str, *, asked: bool = True) -> UUID:
    """A bucket of the pool that still stands, if `asked`; made now when outside a transaction."""
    pool = keys.keeper().pool
    if not in_transaction() and keys.is_low(kind):
        keys.fill(kind)
    while (bucket := pool.draw(kind)) is not None:
        if not asked or Bucket.objects.filter(id=bucket).exists():
            return bucket
        pool.drop([bucket])
        if not in_transaction():
            keys.fill(kind)
    raise StaleBucket(kind=kind)


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


# -- reading ------------------------------------------------------------------------------------


def read(unit_id: UUID, field: str) -> bytes:
    """The newest value of a field.

    Raises `Shredded`, `UnknownUnit`, `Damaged`, `RingMissing`. A value that lies in a file is
    read outside transactions only.
    """
    return b"".join(stream(unit_id, field))


def read_json(unit_id: UUID, field: str) -> Any:
    return json.loads(read(unit_id, field))


def stream(unit_id: UUID, field: str) -> Iterator[bytes]:
    """The newest value of a field in pieces, each after its tag was checked (R27)."""
    row, key = _open(unit_id)
    blob = Blob.objects.filter(unit_id=unit_id, field=field).order_by("-seq").first()
    if blob is None:
        overwrite(key)
        raise UnknownUnit(unit=str(unit_id), field=field)
    name = crypto.BlobName(blob.id, row.id, row.kind, row.owner, field)
    if blob.inline is not None:
        return iter([_open_inline(key, name, bytes(blob.inline))])
    require_outside_transaction("Reading a vault file")
    return _open_file(key, name, blob.file)


def _open_inline(key: Key, name: crypto.BlobName, sealed: bytes) -> bytes:
    try:
        return crypto.open_blob(key, name, sealed)
    except crypto.BadBlob as error:
        raise Damaged(blob=str(name.blob)) from error
    finally:
        overwrite(key)


def _open_file(key: Key, name: crypto.BlobName, file_name: str) -> Iterator[bytes]:
    try:
        with files.open_named(file_name) as file:
            yield from crypto.open_file(key, name, file)
    except FileNotFoundError as error:
        if unit_state(name.unit) != UnitState.LIVE:
            raise Shredded(unit=str(name.unit)) from error
        raise Damaged("file_missing", blob=str(name.blob)) from error
    except crypto.BadBlob as error:
        raise Damaged(blob=str(name.blob)) from error
    finally:
        overwrite(key)


def has(unit_id: UUID, field: str) -> bool:
    """True when a live unit has a value of this field."""
    return Blob.objects.filter(unit_id=unit_id, field=field, unit__shred_requested_at=None).exists()


def fields(unit_id: UUID) -> list[str]:
    """Names of the fields a live unit has; none for any other unit."""
    return sorted(
        set(
            Blob.objects.filter(unit_id=unit_id, unit__shred_requested_at=None).values_list(
                "field", flat=True
            )
        )
    )


def derive(unit_id: UUID, info: bytes, length: int) -> bytes:
    """Bytes derived from the unit's key (receipt codes, R12): they die with it."""
    _, key = _open(unit_id)
    try:
        return crypto.derive(key, b"dsr derive v1" + info, length)
    finally:
        overwrite(key)


def unit_ids(*, owner: UUID, kind: UnitKind | None = None) -> list[UUID]:
    """Live units of an owner, oldest first."""
    rows = UnitKey.objects.filter(owner=owner, shred_requested_at=None)
    if kind is not None:
        rows = rows.filter(kind=kind)
    return list(rows.order_by("id").values_list("id", flat=True))


def unit_state(unit_id: UUID) -> UnitState:
    """What can be said of a unit now; SHREDDED only when its old keys are gone everywhere."""
    row = UnitKey.objects.filter(id=unit_id).values_list("shred_requested_at", flat=True).first()
    if row is not None:
        return UnitState.WAITING
    if UnitKey.objects.filter(id=unit_id).exists():
        return UnitState.LIVE
    marker = Marker.objects.filter(unit_id=unit_id).select_related("run").first()
    if marker is None:
        return UnitState.UNKNOWN
    done = marker.run.state == marker.run.State.DONE
    return UnitState.SHREDDED if done else UnitState.WAITING


def _open(unit_id: UUID) -> tuple[UnitKey, Key]:
    """A live unit's row and its key; a reader whose bucket is gone reads the row again (R26)."""
    for _ in range(_TRIES):
        row = UnitKey.objects.filter(id=unit_id).first()
        if row is None:
            if Marker.objects.filter(unit_id=unit_id).exists():
                raise Shredded(unit=str(unit_id))
            raise UnknownUnit(unit=str(unit_id))
        if row.shred_requested_at is not None:
            raise Shredded(unit=str(unit_id))
        try:
            bucket_key = keys.keeper().key(row.bucket_id)
        except KeyGone:
            continue
        try:
            return row, crypto.unwrap(bucket_key, bytes(row.wrapped), row.bound())
        except crypto.BadBlob as error:
            raise Damaged("key", unit=str(unit_id)) from error
        finally:
            overwrite(bucket_key)
    raise RingMissing("key_gone", unit=str(unit_id))


# -- a bucket that vanished under a service -----------------------------------------------------


@dataclass(slots=True)
class _Touched:
    buckets: set[UUID] = field(default_factory=set)
    units: set[UUID] = field(default_factory=set)

    def vanished(self) -> bool:
        """True when a bucket or unit this call relied on was replaced or destroyed meanwhile."""
        standing = set(Bucket.objects.filter(id__in=self.buckets).values_list("id", flat=True))
        keys.keeper().pool.drop(self.buckets - standing)
        gone_units = self.units - set(
            UnitKey.objects.filter(id__in=self.units).values_list("id", flat=True)
        )
        gone_units -= {
            unit for unit in gone_units if not Marker.objects.filter(unit_id=unit).exists()
        }
        return bool(self.buckets - standing or gone_units)


_touched: ContextVar[_Touched | None] = ContextVar("vault_touched", default=None)


def _touch(*, bucket: UUID | None = None, unit: UUID | None = None) -> None:
    touched = _touched.get()
    if touched is not None:
        if bucket is not None:
            touched.buckets.add(bucket)
        if unit is not None:
            touched.units.add(unit)


@contextmanager
def _watching() -> Iterator[_Touched]:
    touched = _Touched()
    token = _touched.set(touched)
    try:
        yield touched
    finally:
        _touched.reset(token)


def retry_stale(service: Callable[P, R]) -> Callable[P, R]:
    """Run a whole service again when a bucket it drew from was replaced before its commit.

    The decorated service opens its own transaction and stages inside the call. Called within a
    transaction the decorator does nothing: the outermost service runs again.
    """

    @wraps(service)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        if in_transaction():
            return service(*args, **kwargs)
        last: Exception | None = None
        for _ in range(_TRIES):
            with _watching() as touched:
                try:
                    return service(*args, **kwargs)
                except StaleBucket as error:
                    last = error
                    if "kind" in error.context:
                        keys.fill(error.context["kind"])
                except IntegrityError as error:
                    if not touched.vanished() and not _same_blob_twice(error):
                        raise
                    last = error
        raise Unavailable("vault_busy") from last

    return again


def _same_blob_twice(error: IntegrityError) -> bool:
    text = str(error)
    return "vault_blob_once" in text or "vault_blob.seq" in text


# -- lasting secrets ----------------------------------------------------------------------------


def secret(purpose: str, length: int = 32) -> bytes:
    """A lasting secret of this installation (R26); see `vault.lasting`."""
    return lasting.secret(purpose, length)


def keyed_hash(purpose: str, data: bytes) -> str:
    """A hash that only this installation can make: for look-ups of guessable values."""
    return crypto.keyed_digest(lasting.secret(purpose), data)


# -- files nobody needs -------------------------------------------------------------------------


def sweep_files(*, older_than: float = ORPHAN_SECONDS) -> int:
    """Unlink files that were staged but never saved; return how many."""
    require_outside_transaction("Sweeping vault files")
    removed = 0
    for name in list(files.names_older_than(older_than)):
        if not Blob.objects.filter(file=name).exists():
            files.remove(name)
            removed += 1
    return removed

"""Backups: database and vault files, never ring or ledger, copied while the portal runs (R31).

The database is copied first, in one snapshot; then the files it names. A file is written once and
never changed, so it is in the copy whole, or it was destroyed meanwhile: then the ledger has the
entry, and a restore destroys the rows too. Files written later are not named and not copied.

A backup is written under a temporary name and renamed when everything in it is on the disk. Its
manifest has the hash of every part and is bound by a secret of the ring: nobody without the ring
can change a backup unnoticed.
"""

import errno
import hmac
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.vault import copies, files, places, selectors, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.errors import Damaged
from dsr_portal.vault.models import Backup, Blob

FORMAT = 1
MANIFEST = "manifest.json"
SEAL = "manifest.mac"
LISTING = "files.txt"
FILES = "files"
PURPOSE = "backup"  # of the lasting secret that seals manifests
_PLACE = ".dsr-backups"
"""Lies in every folder of backups: without it the disk is not mounted, whatever else is there."""
_PART = ".part-"
_GONE = ".removing-"
_MOST_NAMES = 1000

Fault = Callable[[str], None]


def _no_fault(step: str) -> None:
    """Tests pass a function that kills the process at a named step."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself; `body` as in docs/backup.md."""

    folder: Path
    body: dict[str, Any]

    @property
    def id(self) -> UUID:
        return UUID(self.body["id"])

    @property
    def ledger_number(self) -> int:
        return int(self.body["ledger_number"])

    @property
    def audit_head(self) -> audit.Head:
        head = self.body["audit_head"]
        return audit.Head(int(head["number"]), str(head["hash"]))

    @property
    def database(self) -> Path:
        return self.folder / str(self.body["database"]["file"])

    @property
    def migrations(self) -> set[tuple[str, str]]:
        return {(str(app), str(name)) for app, name in self.body["migrations"]}

    def files(self) -> Iterator[tuple[str, int, str]]:
        """Name, size in bytes and SHA-256 of every vault file in the backup."""
        with (self.folder / LISTING).open(encoding="ascii") as listing:
            for line in listing:
                name, size, digest = line.split()
                yield name, int(size), digest

    def path_of(self, name: str) -> Path:
        return self.folder / FILES / name[:2] / name[2:4] / name


# -- making ---------------------------------------------------------------------------------------


@outside("Making a backup")
def make(*, place: Path, days: int, actor: Actor, fault: Fault = _no_fault) -> Manifest:
    """Copy database and vault files to a new folder in `place`, kept for `days`.

    Raises `BadInput` for a place a backup must not lie in, `Conflict` when another backup runs,
    `Unavailable` when the disk is full or PostgreSQL's program is missing. Nothing is left then.
    """
    place = place.absolute()
    _refuse_place(place)
    with _one_at_a_time():
        places.make_folder(place)
        (place / _PLACE).touch(mode=places.FILE_MODE)
        settle()
        register_found(place, actor=actor)
        _refuse_full(place)
        row = _register(place, days)
        part = place / f"{_PART}{row.name}"
        fault("registered")
        try:
            manifest = _fill(part, row, fault)
            fault("filled")
            os.rename(part, place / row.name)
            places.sync_folder(place)
        except BaseException as error:
            # Under its name already, it would be taken for one that is kept and never be removed.
            _discard(row)
            _note_failure(row, actor, error)
            raise
        fault("renamed")
        _note_made(row, manifest, actor)
    return Manifest(place / row.name, manifest)


def _refuse_place(place: Path) -> None:
    """Neither inside what is copied nor where the ring or the ledger lies (R26, R31)."""
    target = place.resolve()
    own = [Path(settings.DSR_VAR), Path(settings.DSR_VAULT_DIR)]
    apart = [*map(Path, settings.DSR_RING), *map(Path, settings.DSR_LEDGER)]
    if any(target.is_relative_to(one.resolve()) for one in [*own, *apart]):
        raise BadInput(
            "backup_place",
            _("A backup must not lie inside var/, the ring or the ledger. Name another folder."),
        )
    if any(one.resolve().is_relative_to(target) for one in apart):
        raise BadInput(
            "backup_place_ring",
            _(
                "The ring or the ledger lies inside this folder: whoever copies it would copy the "
                "keys too. Name another folder."
            ),
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with places.alone(Path(settings.DSR_VAR) / "backup.lock") as ours:
        if not ours:
            raise Conflict("backup_runs", _("Another backup runs. Wait until it is done."))
        yield


def _refuse_full(place: Path) -> None:
    needed = copies.database_bytes() + _vault_bytes()
    free = shutil.disk_usage(place).free
    if free < needed:
        raise Unavailable(
            "disk_full",
            _("The disk has %(free)s MB left, the backup needs about %(needed)s MB.")
            % {"free": free // 2**20, "needed": needed // 2**20 + 1},
        )


def _vault_bytes() -> int:
    total = 0
    for size in Blob.objects.exclude(file="").values_list("size", flat=True).iterator():
        total += size
    return total


def _register(place: Path, days: int) -> Backup:
    moment = clock.now()
    fresh = new_id()
    return Backup.objects.create(
        id=fresh,
        place=str(place),
        name=f"dsr-{moment:%Y%m%dT%H%M%SZ}-{fresh.hex[-8:]}",
        made_at=moment,
        ends_at=moment + timedelta(days=days),
    )


def _fill(part: Path, row: Backup, fault: Fault) -> dict[str, Any]:
    try:
        part.mkdir(mode=places.FOLDER_MODE)
        with copies.snapshot(part) as copy:
            fault("database")
            listed = _copy_files(part, copy.file_names(), fault)
            body = {
                "format": FORMAT,
                "id": str(row.id),
                "made_at": row.made_at.isoformat(),
                "ends_at": row.ends_at.isoformat(),
                "vendor": connection.vendor,
                "database": _part_of(copy.path),
                "listing": _part_of(part / LISTING),
                **listed,
                **copy.facts(),
            }
        data = _canonical(body)
        _write(part / MANIFEST, data)
        _write(part / SEAL, vault.keyed_hash(PURPOSE, data).encode())
        os.sync()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(
                "disk_full",
                _("The disk became full. The part of the backup that was made is removed."),
            ) from error
        raise
    return body


def _copy_files(part: Path, names: Iterator[str], fault: Fault) -> dict[str, Any]:
    """Copy the files the database's copy names; what is gone was destroyed since, or is damage."""
    count = total = 0
    gone: list[str] = []
    damaged: list[str] = []
    with (part / LISTING).open("x", encoding="ascii") as listing:
        for name in names:
            target = part / FILES / name[:2] / name[2:4] / name
            target.parent.mkdir(mode=places.FOLDER_MODE, parents=True, exist_ok=True)
            try:
                size, digest = _copy(files.path_of(name), target)
            except FileNotFoundError:
                (damaged if Blob.objects.filter(file=name).exists() else gone).append(name)
                continue
            listing.write(f"{name} {size} {digest}\n")
            count, total = count + 1, total + size
            if count == 1:
                fault("first_file")
    return {
        "files": count,
        "bytes": total,
        "gone": gone[:_MOST_NAMES],
        "damaged": damaged[:_MOST_NAMES],
    }


def _copy(source: Path, target: Path) -> tuple[int, str]:
    digest, size = sha256(), 0
    with source.open("rb") as old, target.open("xb") as new:
        os.fchmod(new.fileno(), places.FILE_MODE)
        while chunk := old.read(1 << 20):
            digest.update(chunk)
            new.write(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _part_of(path: Path) -> dict[str, Any]:
    digest, size = hashed(path)
    return {"file": path.name, "bytes": size, "sha256": digest}


def hashed(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, places.FILE_MODE)
    try:
        places.write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _note_made(row: Backup, body: dict[str, Any], actor: Actor) -> None:
    with audit.unit_of_work():
        row.state = Backup.State.KEPT
        _take_over(row, body)
        row.save()
        audit.record(
            "backup.made",
            actor=actor,
            subject_id=row.id,
            ends_at=row.ends_at,
            ledger_number=row.ledger_number,
            audit_number=row.audit_number,
            files=row.files,
            bytes=row.bytes,
            damaged=len(body["damaged"]),
        )


def _take_over(row: Backup, body: dict[str, Any]) -> None:
    """What the register says of a backup is what its manifest says."""
    row.ledger_number = int(body["ledger_number"])
    row.audit_number = int(body["audit_head"]["number"])
    row.audit_hash = str(body["audit_head"]["hash"])
    row.files, row.bytes = int(body["files"]), int(body["bytes"])


def _note_failure(row: Backup, actor: Actor, error: BaseException) -> None:
    with audit.unit_of_work():
        row.state = Backup.State.FAILED
        row.save(update_fields=["state"])
        reason = getattr(error, "code", "") or "stopped"
        audit.record("backup.failed", actor=actor, subject_id=row.id, reason=str(reason))


def settle() -> int:
    """Say of backups whose process died whether they are whole; what is left of others goes."""
    settled = 0
    for row in Backup.objects.filter(state=Backup.State.MAKING).order_by("id"):
        place = Path(row.place)
        if not (place / _PLACE).exists():
            continue  # not mounted now: nothing can be said of it
        body = _finished(place / row.name)
        if body is not None:
            _note_made(row, body, Actor.operator())
        else:
            _discard(row)
            _note_failure(row, Actor.operator(), InterruptedError())
        settled += 1
    for row in Backup.objects.filter(state=Backup.State.FAILED).order_by("id"):
        # The disk may have been too broken then to take it away.
        _discard(row)
    return settled


def _finished(folder: Path) -> dict[str, Any] | None:
    """What a whole backup says of itself; None where there is none, or one nobody can use."""
    try:
        return read(folder).body
    except (BadInput, Damaged):
        return None


def _discard(row: Backup) -> None:
    """Take away what there is of a backup that is none, under either of its names."""
    place = Path(row.place)
    if (place / _PLACE).exists():
        for left in (place / f"{_PART}{row.name}", place / row.name):
            shutil.rmtree(left, ignore_errors=True)


def register_found(place: Path, *, actor: Actor) -> int:
    """Register backups in `place` that the register does not know; how many.

    A restore of an older backup brings an older register back: those made since would never end.
    """
    known = set(Backup.objects.values_list("id", flat=True))
    found = 0
    for path in sorted(place.glob(f"dsr-*/{MANIFEST}")):
        body = _finished(path.parent)
        if body is None or UUID(body["id"]) in known:
            continue  # another installation's, or a part of one
        with audit.unit_of_work():
            row = Backup(
                id=UUID(body["id"]),
                state=Backup.State.KEPT,
                place=str(place),
                name=path.parent.name,
                made_at=datetime.fromisoformat(body["made_at"]),
                ends_at=datetime.fromisoformat(body["ends_at"]),
            )
            _take_over(row, body)
            row.save(force_insert=True)
            audit.record(
                "backup.found",
                actor=actor,
                subject_id=row.id,
                ends_at=row.ends_at,
                ledger_number=row.ledger_number,
                files=row.files,
                bytes=row.bytes,
            )
        found += 1
    return found


# -- looking --------------------------------------------------------------------------------------


def read(folder: Path) -> Manifest:
    """The manifest of a backup, bound to this ring; `BadInput` where there is none, `Damaged`."""
    try:
        data = (folder / MANIFEST).read_bytes()
        seal = (folder / SEAL).read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(
            "no_backup", _("%(folder)s is no finished backup.") % {"folder": folder}
        ) from error
    if not hmac.compare_digest(seal.encode(), vault.keyed_hash(PURPOSE, data).encode()):
        raise Damaged("backup_manifest", folder=str(folder))
    body = json.loads(data)
    if body["format"] != FORMAT:
        raise BadInput(
            "backup_format",
            _("This backup was made by another version and can't be read by this one."),
        )
    return Manifest(folder, body)


def newest_in(folder: Path) -> Path:
    """The backup a folder is, or the newest finished one in it."""
    if (folder / MANIFEST).exists():
        return folder
    found = sorted(path.parent for path in folder.glob(f"dsr-*/{MANIFEST}"))
    if not found:
        raise BadInput("no_backup", _("%(folder)s holds no finished backup.") % {"folder": folder})
    return found[-1]


@outside("Checking a backup")
def check(folder: Path) -> Manifest:
    """Compare every part of a backup with its hash; `Damaged` names the first that differs."""
    manifest = read(folder)
    for key in ("database", "listing"):
        said = manifest.body[key]
        _must_be(folder / str(said["file"]), int(said["bytes"]), str(said["sha256"]))
    for name, size, digest in manifest.files():
        _must_be(manifest.path_of(name), size, digest)
    return manifest


def _must_be(path: Path, size: int, digest: str) -> None:
    try:
        found = hashed(path)
    except FileNotFoundError as error:
        raise Damaged("backup_part_missing", part=path.name) from error
    if found != (digest, size):
        raise Damaged("backup_part_changed", part=path.name)


# -- the end --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` did: backups removed, those whose place can't be reached, ledger entries."""

    removed: tuple[str, ...]
    unreachable: tuple[str, ...]
    entries: int


@outside("Removing backups")
def prune(*, actor: Actor) -> Pruned:
    """Remove backups whose end has come, then ledger entries no kept backup needs (R31)."""
    removed: list[str] = []
    unreachable: list[str] = []
    with _one_at_a_time():
        settle()
        ended = Backup.objects.filter(state=Backup.State.KEPT, ends_at__lte=clock.now())
        for row in ended.order_by("made_at"):
            place = Path(row.place)
            if (place / _PLACE).exists():
                _remove(row, place, actor)
                removed.append(row.name)
            else:
                unreachable.append(row.name)
        entries = _trim_ledger(actor)
    return Pruned(tuple(removed), tuple(unreachable), entries)


def _remove(row: Backup, place: Path, actor: Actor) -> None:
    folder, going = place / row.name, place / f"{_GONE}{row.name}"
    found = folder.exists() or going.exists()
    if folder.exists():
        os.rename(folder, going)
    if going.exists():
        shutil.rmtree(going)
    places.sync_folder(place)
    with audit.unit_of_work():
        row.state, row.removed_at = Backup.State.REMOVED, clock.now()
        row.save(update_fields=["state", "removed_at"])
        audit.record("backup.removed", actor=actor, subject_id=row.id, found=found)


def _trim_ledger(actor: Actor) -> int:
    """Entries the oldest kept backup has already go; without a kept one nothing does."""
    oldest = selectors.oldest_kept()
    if oldest is None:
        return 0
    dropped = shredding.ledger().drop_until(oldest.ledger_number)
    if dropped:
        with audit.unit_of_work():
            audit.record(
                "vault.ledger_trimmed", actor=actor, entries=dropped, until=oldest.ledger_number
            )
    return dropped


def rows() -> Sequence[Backup]:
    """Every registered backup, newest first."""
    return selectors.backups()

"""Bringing an installation back: newest backup + erasure ledger + ring (rule R31).

Everything is checked before anything is written. Then a copy of the backup's database is brought
up to date beside the place of the real one: what the ledger says was destroyed goes again through
every room, the index is written anew, the queue is freed. Its rename is the moment of the restore
(SQLite); whatever dies before is started over from the backup. On PostgreSQL the database is
loaded in one transaction, and an interrupted restore goes on in it.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from dsr_portal.audit import links
from dsr_portal.audit import services as audit
from dsr_portal.cases import again as cases
from dsr_portal.cases.models import Status
from dsr_portal.cases.moves import advance
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, Unavailable
from dsr_portal.core.registries import GoneUnit, unit_purgers
from dsr_portal.core.transactions import outside
from dsr_portal.erasure.models import Plan, PlanState
from dsr_portal.gallery import again as gallery
from dsr_portal.gallery import systems
from dsr_portal.gallery.services import spare_records
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import backups, copies, files, keys, lasting, places, replaying, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.backups import Manifest
from dsr_portal.vault.errors import Damaged, RingMissing
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.ledger import Ledger
from dsr_portal.vault.models import Backup
from dsr_portal.vault.ring import Floor, LedgerHead, Ring

log = logging.getLogger(__name__)

ACTOR = Actor.operator()
REPLACE = "yes-replace-everything"
"""The word that lets a restore take the place of an installation that is not empty."""

_BESIDE = ".restoring"
_LINES = (
    "SELECT COUNT(*) FROM audit_event",
    "SELECT COUNT(*) FROM vault_unitkey",
    "SELECT COUNT(*) FROM accounts_staff",
)


def fault(point: str) -> None:
    """Tests put a function here that kills the process at a named point."""


@dataclass(slots=True)
class Report:
    """What a restore did; every number was counted while it was done."""

    backup: str
    made_at: str
    ledger_from: int = 0
    ledger_to: int = 0
    units_gone_again: dict[str, int] = field(default_factory=dict)
    rows_purged: dict[str, int] = field(default_factory=dict)
    notes: int = 0
    cases_flagged: int = 0
    plans_stopped: int = 0
    files: int = 0
    damaged: list[str] = field(default_factory=list)
    shards_written: int = 0
    jobs_freed: int = 0
    mails_held: int = 0
    sessions_ended: int = 0
    systems_ended: int = 0
    backups_found: int = 0
    keys_destroyed: int = 0
    audit_backup: dict[str, Any] = field(default_factory=dict)
    audit_known: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Work:
    """What was checked before anything is written."""

    manifest: Manifest
    book: Ledger
    ring_ids: set[Any]
    known: LedgerHead
    report: Report


@outside("Restoring")
def restore(folder: Path, *, replace: str = "") -> Report:
    """Restore the backup `folder` is, or the newest in it, into this empty installation.

    Raises before anything is written: `BadInput` (no backup, made by a newer version),
    `Conflict` (not empty), `Damaged` (a part is not what was written), `LedgerBroken` (the gap is
    named), `RingMissing` (not this installation's ring). Killed at any step, the same call again
    starts over or goes on.
    """
    with _one_at_a_time():
        chosen = backups.newest_in(folder.absolute())
        resumed = _must_be_free(chosen, replace)
        work = _checked(backups.check(chosen))
        fault("checked")
        if connection.vendor == "sqlite":
            _beside(work)
        else:
            _in_place(work, resumed)
        return work.report


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with places.alone(Path(settings.DSR_VAR) / "restore.lock") as ours:
        if not ours:
            raise Conflict("restore_runs", _("Another restore runs. Wait until it is done."))
        yield


# -- before anything is written -------------------------------------------------------------------


def _must_be_free(chosen: Path, replace: str) -> bool:
    """Refuse an installation that holds something; True where an interrupted restore goes on."""
    if connection.vendor != "sqlite":
        rows = _counted()
        if not any(rows):
            return False
        if _interrupted(backups.read(chosen)):
            return True
        raise Conflict(
            "not_empty",
            _(
                "The database is not empty: %(events)s events, %(units)s units. Restore into a new "
                "database; drop this one yourself if nothing in it is needed."
            )
            % {"events": rows[0], "units": rows[1]},
        )
    rows = _counted_in(Path(connection.settings_dict["NAME"]))
    if any(rows) and replace != REPLACE:
        raise Conflict(
            "not_empty",
            _(
                "This installation is not empty: %(events)s events, %(units)s units. A restore "
                "would replace them for good. If that is wanted, stop every process and repeat "
                "the command with --replace %(word)s."
            )
            % {"events": rows[0], "units": rows[1], "word": REPLACE},
        )
    return False


def _counted_in(database: Path) -> list[int]:
    if not database.exists():
        return [0, 0, 0]
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
            tables = {name for (name,) in rows.execute("SELECT name FROM sqlite_master")}
            return [
                int(rows.execute(line).fetchone()[0]) if line.rsplit(" ", 1)[1] in tables else 0
                for line in _LINES
            ]
    except sqlite3.DatabaseError:
        # Not a database any more: that it holds something can't be ruled out.
        return [1, 1, 1]


def _counted() -> list[int]:
    tables = set(connection.introspection.table_names())
    found = []
    with connection.cursor() as cursor:
        for line in _LINES:
            if line.rsplit(" ", 1)[1] not in tables:
                found.append(0)
                continue
            cursor.execute(line)
            found.append(int(cursor.fetchone()[0]))
    return found


def _interrupted(manifest: Manifest) -> bool:
    """Whether this database is this backup, loaded by a restore that did not end."""
    try:
        row = Backup.objects.filter(id=manifest.id).first()
        loaded = row is not None and row.state == Backup.State.MAKING
        if loaded and audit.head() == manifest.audit_head:
            return True
        return row is not None and row.state == Backup.State.RESTORING
    except DatabaseError:
        return False


def _known_migrations() -> set[tuple[str, str]]:
    """Every step this version has, and those of older versions that a step here replaces."""
    here = MigrationLoader(None).disk_migrations
    return set(here) | {old for step in here.values() for old in step.replaces}


def _checked(manifest: Manifest) -> _Work:
    body = manifest.body
    if body["vendor"] != connection.vendor:
        raise BadInput(
            "backup_vendor",
            _("This backup is of %(vendor)s. Set DATABASE_URL to a database of that kind.")
            % {"vendor": body["vendor"]},
        )
    unknown = manifest.migrations - _known_migrations()
    if unknown:
        raise BadInput(
            "backup_newer",
            _("This backup was made by a newer version: %(names)s. Install that version first.")
            % {"names": ", ".join(f"{app} {name}" for app, name in sorted(unknown)[:5])},
        )
    ring = Ring([Path(place) for place in settings.DSR_RING], floor=lambda: Floor(0, ""))
    with keys.plain_errors():
        known, ring_ids = ring.ledger_head(), ring.ids()
    generation = max(row.generation for row in ring.status())
    if generation < int(body["ring_generation"]):
        raise RingMissing("too_old", generation=generation, backup=body["ring_generation"])
    book = shredding.ledger()
    book.verify(known)
    book.must_continue(manifest.ledger_number)
    _must_fit(manifest)
    newest = book.newest()
    report = Report(
        backup=manifest.folder.name,
        made_at=str(body["made_at"]),
        ledger_from=manifest.ledger_number,
        ledger_to=newest.number if newest else 0,
        damaged=list(body["damaged"]),
    )
    return _Work(manifest, book, ring_ids, known, report)


def _must_fit(manifest: Manifest) -> None:
    root = files.root()
    root.mkdir(mode=places.FOLDER_MODE, parents=True, exist_ok=True)
    needed = int(manifest.body["bytes"]) + int(manifest.body["database"]["bytes"])
    free = shutil.disk_usage(root).free
    if free < needed:
        raise Unavailable(
            "disk_full",
            _("The disk has %(free)s MB left, the restore needs about %(needed)s MB.")
            % {"free": free // 2**20, "needed": needed // 2**20 + 1},
        )


# -- the database ---------------------------------------------------------------------------------


def _beside(work: _Work) -> None:
    """SQLite: work on a copy beside the place of the database; the rename is the restore."""
    target = Path(connection.settings_dict["NAME"])
    beside = target.with_name(f"{target.name}{_BESIDE}")
    _remove_database(beside)
    target.parent.mkdir(mode=places.FOLDER_MODE, parents=True, exist_ok=True)
    shutil.copyfile(work.manifest.database, beside)
    os.chmod(beside, places.FILE_MODE)
    if backups.hashed(beside)[0] != work.manifest.body["database"]["sha256"]:
        raise Damaged("backup_part_changed", part=work.manifest.database.name)
    fault("copied")
    with _database(beside):
        _bring_up_to_date(work)
        _fold_in_journal()
    fault("ready")
    descriptor = os.open(beside, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    connection.close()
    # The journal of another database beside this one would be taken for its own.
    _remove_database(target)
    fault("emptied")
    os.replace(beside, target)
    places.sync_folder(target.parent)
    fault("placed")


@contextmanager
def _database(path: Path) -> Iterator[None]:
    """Let this process work on another file for the length of the block."""
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = str(path)
    keys.forget_all()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        keys.forget_all()


def _fold_in_journal() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA journal_mode=DELETE")


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _in_place(work: _Work, resumed: bool) -> None:
    """PostgreSQL: load all or nothing, then go on in the database itself."""
    if not resumed:
        connection.close()
        copies.load_into_postgresql(work.manifest.database)
        fault("copied")
    _bring_up_to_date(work)
    fault("ready")


# -- bringing it up to date -----------------------------------------------------------------------


def _bring_up_to_date(work: _Work) -> None:
    _migrate()
    fault("migrated")
    _must_be_our_ring()
    _begin(work)
    fault("begun")
    replayed = replaying.replay(
        work.book, after=work.manifest.ledger_number, ring_knows=work.known.number
    )
    work.report.notes = replayed.notes
    work.report.units_gone_again = {kind: len(units) for kind, units in replayed.gone.items()}
    replaying.must_open(work.ring_ids)
    fault("replayed")
    _bring_files(work)
    fault("files")
    recognition.no_process_holds()
    _purge_again(work, replayed.gone)
    fault("purged")
    work.report.shards_written = recognition.write_index_anew()
    fault("indexed")
    # Before the end is written: a restore that died in between would not be gone on with.
    work.report.keys_destroyed = replaying.finish_destroying(
        work.book, after=work.manifest.ledger_number
    )
    fault("destroyed")
    work.report.backups_found = backups.register_found(work.manifest.folder.parent, actor=ACTOR)
    _end(work)
    fault("ended")


def _migrate() -> None:
    """A backup of an older version gets the tables of this one."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def _must_be_our_ring() -> None:
    """The lasting secrets are those this database was made with, or it is another's ring."""
    changed = lasting.record_made()
    if changed:
        raise RingMissing("secrets_differ", secrets=", ".join(changed))


def _begin(work: _Work) -> None:
    """The first event of a restore: the backup's head and the newest the ledger has (R31)."""
    head, newest = work.manifest.audit_head, work.book.newest()
    said = newest.body["audit_head"] if newest else None
    known = audit.Head(int(said["number"]), str(said["hash"])) if said else head
    if known.number < head.number:
        known = head
    work.report.audit_backup = {"number": head.number, "hash": head.hash}
    work.report.audit_known = {"number": known.number, "hash": known.hash}
    row = Backup.objects.get(id=work.manifest.id)
    if row.state == Backup.State.RESTORING:
        return
    if audit.head() != head:
        raise Damaged("backup_audit_head", folder=str(work.manifest.folder))
    with audit.unit_of_work():
        row.state = Backup.State.RESTORING
        row.ledger_number = work.manifest.ledger_number
        row.audit_number, row.audit_hash = head.number, head.hash
        row.files, row.bytes = int(work.manifest.body["files"]), int(work.manifest.body["bytes"])
        row.save()
        audit.record(
            links.RESTORED,
            actor=ACTOR,
            subject_id=row.id,
            backup_number=head.number,
            backup_hash=head.hash,
            known_number=known.number,
            known_hash=known.hash,
            ledger_from=work.report.ledger_from,
            ledger_to=work.report.ledger_to,
        )


def _bring_files(work: _Work) -> None:
    """Copy the files of what lives; those that were destroyed meanwhile are not needed."""
    wanted = replaying.files_left()
    for name, size, digest in work.manifest.files():
        if name in wanted:
            wanted.discard(name)
            _bring_file(work.manifest.path_of(name), files.path_of(name), (digest, size))
            work.report.files += 1
            if work.report.files == 1:
                fault("first_file")
    destroyed = wanted & set(work.manifest.body["gone"])
    if destroyed:
        raise replaying.gap_of(sorted(destroyed))
    work.report.damaged = sorted(name for name in wanted if not files.path_of(name).exists())


def _bring_file(source: Path, target: Path, said: tuple[str, int]) -> None:
    if target.exists() and backups.hashed(target) == said:
        return
    files.make_folders(target.parent)
    part = target.with_name(f"{target.name}{_BESIDE}")
    part.unlink(missing_ok=True)
    shutil.copyfile(source, part)
    os.chmod(part, places.FILE_MODE)
    if backups.hashed(part) != said:
        part.unlink()
        raise Damaged("backup_part_changed", part=source.name)
    os.replace(part, target)


def _purge_again(work: _Work, gone: dict[str, list[GoneUnit]]) -> None:
    """Every room does with the rows of destroyed units what it did before (R31)."""
    faces = gone.get(UnitKind.ENROLLED_FACE.value, [])
    told = gallery.cases_of([unit.id for unit in faces])
    # Faces before pictures: whoever still stands in a picture keeps their own cut-out.
    order = sorted(gone, key=lambda kind: (kind != UnitKind.ENROLLED_FACE.value, kind))
    for kind in order:
        if kind in unit_purgers:
            purger = unit_purgers.get(kind)
            work.report.rows_purged[kind] = purger(units=gone[kind], actor=ACTOR)
            fault(f"purged.{kind}")
    stopped = _stop_lost_plans(told)
    work.report.plans_stopped = len(stopped)
    work.report.cases_flagged = cases.flag(told | stopped, actor=ACTOR)


def _stop_lost_plans(case_ids: set[UUID]) -> set[UUID]:
    """Stop erasures that went on after the backup with patterns that are lost now; their cases.

    Nothing could check or certify them. The case stands where it stood before the plan and gets
    the flag: a person looks, and what is left of the records can be planned anew. A plan whose
    patterns are still there is finished by its job.
    """
    rows = Plan.objects.exclude(state__in=[PlanState.STOPPED, PlanState.VERIFYING, PlanState.DONE])
    stopped = set()
    for plan in list(rows.select_related("case").order_by("id")):
        alive = plan.kit_unit is not None and (
            vault.unit_state(plan.kit_unit) == vault.UnitState.LIVE
        )
        began = plan.case_id in case_ids or plan.kit_unit is not None
        if began and not alive:
            _stop(plan)
            stopped.add(plan.case_id)
    return stopped


def _stop(plan: Plan) -> None:
    units = plan.records.values_list("record__unit", "record_id")
    lost = [one for one in units if vault.unit_state(one[0]) != vault.UnitState.LIVE]
    gallery.faces_gone(units=[GoneUnit(*one, "erased") for one in lost], actor=ACTOR)
    with audit.unit_of_work():
        ids = list(plan.records.values_list("record_id", flat=True))
        plan.state, plan.waits_for = PlanState.STOPPED, ""
        plan.stopped_at, plan.stopped_by = clock.now(), ACTOR.id
        plan.save()
        spare_records(record_ids=ids, case_id=plan.case_id, actor=ACTOR)
        if plan.case.status == Status.ERASING:
            back = Action.STOP_ERASURE if plan.case.delivered_at else Action.STOP_UNDELIVERED
            by = Actor.decided_by(plan.approver, plan.approver_role)
            advance(case=plan.case, action=back, actor=by)
        audit.record(
            "erasure.stopped",
            actor=ACTOR,
            case_id=plan.case_id,
            subject_id=plan.id,
            records=len(ids),
        )


def _end(work: _Work) -> None:
    """The queue works again, every door is closed, and the backup is registered as it is."""
    with audit.unit_of_work():
        work.report.jobs_freed, work.report.mails_held = jobs.after_restore()
        work.report.sessions_ended = Session.objects.count()
        Session.objects.all().delete()
        work.report.systems_ended = systems.after_restore(actor=ACTOR)
        Backup.objects.filter(id=work.manifest.id).update(
            state=Backup.State.KEPT, place=str(work.manifest.folder.parent)
        )
        audit.record(
            "erasure.restore_done",
            actor=ACTOR,
            subject_id=work.manifest.id,
            units=sum(work.report.units_gone_again.values()),
            rows=sum(work.report.rows_purged.values()),
            shards=work.report.shards_written,
            files=work.report.files,
            damaged=len(work.report.damaged),
            jobs_freed=work.report.jobs_freed,
            mails_held=work.report.mails_held,
        )
        shredding.enqueue_shred()

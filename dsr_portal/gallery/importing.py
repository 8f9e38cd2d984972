"""Bringing pictures into the gallery: a run over a listing, cut into batches that are job rows.

The command's own process works them off. A reading thread opens files, decodes them in the
confined child and seals them into the vault, a thread per processor finds and aligns faces, and
one embeds them, those of several pictures together; this thread keeps them busy and writes a
batch's rows in one transaction, so that a kill anywhere loses at most the work of one batch and
the same command goes on where it stopped. The threads go on with the next batch while one is
written: what was read before a batch's rows stood is asked for again. The listing lies in memory
only: names of files may say something about a person.
"""

import itertools
import json
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work, wait_for_others
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import blocks, face_blocks, hashes, scopes, terms
from dsr_portal.gallery.listing import Item, Listing, read_listing
from dsr_portal.gallery.models import (
    Appearance,
    BlockEntry,
    CollectionStop,
    ImportBatch,
    ImportRun,
    Record,
    SourceImage,
)
from dsr_portal.gallery.sources import declare_source, refuse_while_stopped
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import analysis
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture, PictureRefused, PictureSession, picture_session

KIND = "gallery.import_batch"
QUEUE = "enrol"
BATCH = 100
_AHEAD = 6
# Files whose hashes are looked up by one question, and how much of them lies in memory meanwhile.
_ASKED_TOGETHER = 8
_BYTES_TOGETHER = 16 * 1024 * 1024
# Crops that are embedded in one call: more save nothing (docs/engines.md) and are waited for. The
# ONNX client takes one after the other whatever it is given.
_TOGETHER = {"onnx": 4, "tensorflow": 16}
# Pictures looked at or waiting for it, for each thread that looks: with less the threads idle while
# a batch is written. Large ones don't wait, so that memory stays bounded.
_WAITING = 4
_MOST_PIXELS_WAITING = 16_000_000
_POLL_SECONDS = 0.5
# Read into memory at most; a larger file is counted as unreadable and its facts are kept.
_MOST_BYTES = 64 * 1024 * 1024
_COUNTERS = ("imported", "duplicates", "unreadable", "faceless", "refused", "faces")

Progress = Callable[[int, int, int], None]
"""Called with pictures done, pictures in all, faces found, as the run goes on."""


@dataclass(slots=True)
class Counts:
    """What became of pictures; `refused` were turned away because they are blocked (E-12).

    `duplicates` were known before; a picture turned away for a blocked face is told as one (E-13).
    """

    imported: int = 0
    duplicates: int = 0
    unreadable: int = 0
    faceless: int = 0
    refused: int = 0
    faces: int = 0

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in _COUNTERS}


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that no search can reach, and why (R15)."""

    path: str
    code: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """A picture of which some faces are enrolled and more, too many for one picture, are not."""

    path: str
    left_out: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The end of a run: counts over the whole run, also of parts done before an interruption."""

    run_id: UUID
    source: str
    legal_basis: str
    seen: int
    counts: Counts
    skipped: int
    resumed: bool
    unreadable: tuple[Problem, ...]
    faceless: tuple[Problem, ...]
    crowds: tuple[Crowd, ...]
    seconds: float
    done_now: int

    @property
    def rate(self) -> float:
        """Pictures per second of this process's part."""
        return self.done_now / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What stood when the reading of a batch began: stops of collection and blocked faces."""

    standing: tuple[CollectionStop, ...]
    stops: tuple[CollectionStop, ...]
    gate: face_blocks.Gate

    @property
    def is_stopped(self) -> bool:
        """Whether the whole source may not be collected any more (R23)."""
        return len(self.stops) != len(self.standing)

    def is_behind(self, source_id: UUID) -> bool:
        """Whether something else stands now."""
        now = {one.id for one in scopes.standing(source_id)}
        return now != {one.id for one in self.standing} or self.gate.is_behind()


@dataclass(slots=True)
class Stream:
    """Files of several batches on their way, in order, and the batches whose files come next."""

    batches: deque[UUID]
    reads: "Generator[Read]"


@dataclass(slots=True)
class Running:
    """A run in this process: its listing, the decoder and who wants to hear of progress.

    `written`: batches this process wrote; what was read before the last one may be known now.
    """

    run_id: UUID
    listing: Listing
    session: PictureSession
    progress: Progress
    model: recognition.ModelFacts
    source_id: UUID
    stream: Stream | None = None
    written: int = 0
    done: int = 0
    faces: int = 0
    done_now: int = 0


_running: dict[UUID, Running] = {}


@outside("Importing pictures")
def import_folder(
    *,
    path: Path,
    manifest: Path | None = None,
    source: str,
    legal_basis: str,
    actor: Actor,
    purposes: Sequence[str] = (),
    progress: Progress = lambda done, total, faces: None,
) -> ImportReport:
    """Import a folder, or what a manifest names, and return what became of every picture.

    Raises `BadInput` for a listing that is not sound (nothing is imported then) or a source
    without a legal basis line, `Conflict` while collection is stopped or another import runs.
    """
    listing = read_listing(path, manifest)
    with _only_one():
        owner = declare_source(name=source, legal_basis=legal_basis, purposes=purposes, actor=actor)
        refuse_while_stopped(owner)
        engines.enrol_with()
        model = recognition.prepare_engine()
        run, resumed = _begin(owner.id, listing, actor)
        with picture_session() as session:
            session.start()
            began = time.monotonic()
            running = Running(run.id, listing, session, progress, model, owner.id)
            running.done = _done_before(run)
            running.faces = run.faces
            _running[run.id] = running
            try:
                _work_off(run)
            finally:
                _let_go(running)
                del _running[run.id]
        run = _finish(run.id, actor)
    return ImportReport(
        run_id=run.id,
        source=owner.name,
        legal_basis=owner.legal_basis,
        seen=run.seen,
        counts=Counts(**{name: getattr(run, name) for name in _COUNTERS}),
        skipped=listing.skipped,
        resumed=resumed,
        unreadable=tuple(_problems(run, SourceImage.State.UNREADABLE)),
        faceless=tuple(_problems(run, SourceImage.State.NO_FACE)),
        crowds=tuple(_crowds(run)),
        seconds=time.monotonic() - began,
        done_now=running.done_now,
    )


# -- the run --------------------------------------------------------------------------------------


@contextmanager
def _only_one() -> Iterator[None]:
    """One import at a time on this machine; the lock ends with the process, however it ends."""
    place = Path(settings.DSR_VAR)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / "import.lock").open("w") as lock:
        if not _locked(lock):
            raise Conflict(
                "import_runs", _("Another import runs on this machine. Wait for it, or end it.")
            )
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begin(source_id: UUID, listing: Listing, actor: Actor) -> tuple[ImportRun, bool]:
    """The interrupted run over the same listing, or a new one with its batches; queue them."""
    hashed = hashes.of_listing(listing.digest)
    with unit_of_work():
        run = ImportRun.objects.filter(
            source_id=source_id, listing_hash=hashed, state=ImportRun.State.RUNNING
        ).first()
        resumed = run is not None
        if run is None:
            _supersede(source_id)
            run = _new_run(source_id, hashed, len(listing.items), actor)
        # A fresh key: the lease of a process that was killed must not be waited for.
        attempt = new_id()
        waiting = ImportBatch.objects.filter(run=run, state=ImportBatch.State.PENDING)
        for batch in waiting.order_by("ordinal"):
            jobs.enqueue(
                kind=KIND, subject=batch.id, idempotency_key=f"{KIND}:{batch.id}:{attempt}"
            )
    return run, resumed


def _new_run(source_id: UUID, hashed: str, seen: int, actor: Actor) -> ImportRun:
    run = ImportRun.objects.create(
        source_id=source_id, listing_hash=hashed, started_at=clock.now(), seen=seen
    )
    ImportBatch.objects.bulk_create(
        ImportBatch(run=run, ordinal=number, first=first, size=min(BATCH, seen - first))
        for number, first in enumerate(range(0, seen, BATCH))
    )
    audit_event(
        "gallery.import_started", actor=actor, subject_id=run.id, source=source_id, seen=seen
    )
    return run


def _supersede(source_id: UUID) -> None:
    """An interrupted run whose listing changed is closed: the new one covers what it left."""
    ImportRun.objects.filter(source_id=source_id, state=ImportRun.State.RUNNING).update(
        state=ImportRun.State.SUPERSEDED, finished_at=clock.now()
    )


def _done_before(run: ImportRun) -> int:
    finished = ImportBatch.objects.filter(run=run, state=ImportBatch.State.DONE)
    return sum(finished.values_list("size", flat=True))


def _work_off(run: ImportRun) -> None:
    """Run the batches here until none is left; a failed one stops the import with its code."""
    while True:
        jobs.run_due(queues=[QUEUE])
        left = ImportBatch.objects.filter(run=run, state=ImportBatch.State.PENDING)
        if not left.exists():
            return
        codes = _failed_codes(list(left.values_list("id", flat=True)))
        if codes:
            raise Conflict(
                "import_stopped",
                _("The import stopped (%(codes)s). What was done stays; run it again.")
                % {"codes": ", ".join(sorted(codes))},
            )
        time.sleep(_POLL_SECONDS)


def _failed_codes(batches: list[UUID]) -> set[str]:
    """Error codes of batches of which no job can run any more."""
    from dsr_portal.jobs.models import Job, JobState

    rows = Job.objects.filter(kind=KIND, subject__in=[str(batch) for batch in batches])
    if rows.filter(state__in=[JobState.READY, JobState.RUNNING]).exists():
        return set()
    return set(rows.values_list("error_code", flat=True)) or {"no_job"}


def _finish(run_id: UUID, actor: Actor) -> ImportRun:
    with unit_of_work():
        run = ImportRun.objects.select_for_update().get(id=run_id)
        run.state, run.finished_at = ImportRun.State.DONE, clock.now()
        run.save(update_fields=["state", "finished_at"])
        audit_event(
            "gallery.imported",
            actor=actor,
            subject_id=run.id,
            seen=run.seen,
            **{name: getattr(run, name) for name in _COUNTERS},
        )
        if run.faces:
            recognition.enqueue_seal()
    return run


def _problems(run: ImportRun, state: SourceImage.State) -> Iterator[Problem]:
    rows = SourceImage.objects.filter(run=run, state=state).order_by("imported_at", "id")
    for unit, code in rows.values_list("unit", "problem"):
        yield Problem(_path(unit), code)


def _crowds(run: ImportRun) -> Iterator[Crowd]:
    rows = SourceImage.objects.filter(
        run=run, state=SourceImage.State.SEARCHABLE, faces_left_out__gt=0
    ).order_by("imported_at", "id")
    for unit, left_out in rows.values_list("unit", "faces_left_out"):
        yield Crowd(_path(unit), left_out)


def _path(unit: UUID) -> str:
    return str(vault.read_json(unit, "facts").get("path", ""))


# -- one batch ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Read:
    """A file as the reading thread leaves it: bytes sealed, pixels decoded, or why not."""

    item: Item
    plan: Plan
    written: int
    file_hash: str = ""
    image: SourceImage | None = None
    known_id: UUID | None = None
    data: bytes | None = None
    staged: vault.Staged | None = None
    picture: Picture | None = None
    problem: str = ""
    blocked: bool = False
    turned_away: bool = False
    size: tuple[int, int] | None = None
    seen: Sequence[analysis.SeenFace] = ()
    left_out: int = 0
    faces: list[analysis.FoundFace] = field(default_factory=list)
    failed: BaseException | None = None
    """What ended the stream here; raised by who takes the file, so that it ends its batch alone."""


@dataclass(slots=True)
class NewFace:
    record: Record
    staged: vault.Staged


@dataclass(slots=True)
class Batch:
    """What a batch is going to write, collected outside any transaction."""

    run_id: UUID
    counts: Counts = field(default_factory=Counts)
    images: list[tuple[SourceImage, vault.Staged]] = field(default_factory=list)
    by_hash: dict[str, tuple[SourceImage, vault.Staged]] = field(default_factory=dict)
    appearances: list[Appearance] = field(default_factory=list)
    faces: list[NewFace] = field(default_factory=list)
    more: list[vault.Staged] = field(default_factory=list)
    known_facts: set[tuple[UUID, str]] = field(default_factory=set)
    turned_away: set[str] = field(default_factory=set)

    def next_field(self, image: SourceImage, stored: int) -> str:
        """The vault field of a picture's next set of facts: "facts.2", "facts.3", ..."""
        mine = sum(row.image_id == image.id for row in self.appearances)
        return f"facts.{stored + mine + 1}"


def import_batch(ctx: jobs.JobContext) -> None:
    """Handler of one batch; without its listing in this process it leaves it to who has it."""
    row = ImportBatch.objects.select_related("run").filter(id=ctx.subject_id).first()
    running = _running.get(row.run_id) if row is not None else None
    if row is None or running is None or row.state == ImportBatch.State.DONE:
        return
    batch = Batch(row.run_id)
    try:
        plan = _take_all(ctx, running, row, batch)
        with ctx.complete():
            _write(batch, row, running.model)
            _refuse_blocked_meanwhile(batch, plan.gate)
            _refuse_stopped_meanwhile(row.run.source_id, plan.standing)
    except IntegrityError as error:
        # Another machine imported one of these pictures meanwhile: now it is known.
        _let_go(running)
        raise jobs.Transient("picture_taken_meanwhile") from error
    except BaseException:
        _let_go(running)
        raise
    running.written += 1
    running.done += row.size
    running.done_now += row.size
    running.faces += batch.counts.faces


def _take_all(ctx: jobs.JobContext, running: Running, row: ImportBatch, batch: Batch) -> Plan:
    """Stage every file of a batch; what stood when its reading began."""
    read = _first_of(running, row)
    plan = read.plan
    for number in range(row.size):
        if number:
            read = _next(running)
        if read.failed is not None:
            raise read.failed
        if read.written != running.written:
            _know_by_now(read)
        _take(batch, row.run, read)
        running.progress(
            running.done + _finished(batch.counts), row.run.seen, running.faces + batch.counts.faces
        )
        ctx.must_be_ours()
    return plan


def _first_of(running: Running, row: ImportBatch) -> Read:
    """The first file of a batch: of what is on its way, unless that began under other orders."""
    stream = running.stream
    if stream is not None and stream.batches and stream.batches[0] == row.id:
        stream.batches.popleft()
        read = next(stream.reads, None)
        if read is not None and not read.plan.is_behind(running.source_id):
            return read
    _let_go(running)
    plan = _plan(running.source_id)
    if plan.is_stopped:
        # Signed while the import ran: what was done stays, nothing more is taken (R23).
        raise jobs.Permanent("collection_stopped")
    later = ImportBatch.objects.filter(
        run_id=row.run_id, state=ImportBatch.State.PENDING, ordinal__gt=row.ordinal
    ).order_by("ordinal")
    parts = [row, *later]
    running.stream = Stream(
        deque(one.id for one in parts[1:]), _embedded(_found(_reading(running, parts, plan)))
    )
    return _next(running)


def _next(running: Running) -> Read:
    if running.stream is None:
        raise RuntimeError("nothing is on its way")
    return next(running.stream.reads)


def _let_go(running: Running) -> None:
    """End what is on its way; nothing of it counts before its batch is written."""
    stream, running.stream = running.stream, None
    if stream is not None:
        stream.reads.close()


def _plan(source_id: UUID) -> Plan:
    standing = tuple(scopes.standing(source_id))
    return Plan(standing, tuple(scopes.narrow(standing)), face_blocks.Gate())


def _finished(counts: Counts) -> int:
    return counts.imported + counts.duplicates + counts.refused


def _reading(running: Running, batches: Sequence[ImportBatch], plan: Plan) -> Iterator[Read]:
    """Files of batches in their order, read, decoded and sealed a few ahead in a thread.

    `plan` is that of the first batch; each later one is read under what stands when it begins,
    and one that is stopped then is left to who asks for it.
    """
    ready: queue.Queue[Read | None] = queue.Queue(maxsize=_AHEAD)
    stop = threading.Event()

    def put(value: Read | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(value, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for read in _read_all(running, batches, plan):
                if not put(read):
                    return
            put(None)
        finally:
            connection.close()

    thread = threading.Thread(target=work, name="import-reader", daemon=True)
    thread.start()
    try:
        while (read := ready.get()) is not None:
            yield read
    finally:
        stop.set()
        thread.join()


def _read_all(running: Running, batches: Sequence[ImportBatch], plan: Plan) -> Iterator[Read]:
    """Every file of the batches; the last one has failed where one did."""
    for number, row in enumerate(batches):
        items = running.listing.items[row.first : row.first + row.size]
        try:
            mine = _plan(running.source_id) if number else plan
            if mine.is_stopped:
                return
            for few in _few(items):
                for read in _asked([_opened(item, running, mine) for item in few]):
                    _decode(read, running.session)
                    yield read
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that takes it
            yield Read(items[0], plan, running.written, failed=error)
            return


def _few(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Files that are asked for together, in their order; of large ones only one lies in memory."""
    few: list[Item] = []
    size = 0
    for item in items:
        mine = _size_of(item.path)
        if few and (len(few) >= _ASKED_TOGETHER or size + mine > _BYTES_TOGETHER):
            yield few
            few, size = [], 0
        few.append(item)
        size += mine
    if few:
        yield few


def _opened(item: Item, running: Running, plan: Plan) -> Read:
    """The file's bytes and hash; what a stop covers is not even read."""
    read = Read(item, plan, running.written)
    if scopes.covered(item, plan.stops):
        read.blocked = True
        return read
    read.data = _bytes_of(item.path)
    if read.data is None:
        read.problem = "unreadable_file" if not item.path.is_file() else "too_many_bytes"
    else:
        read.file_hash = hashes.of_file(read.data)
    return read


def _asked(reads: list[Read]) -> list[Read]:
    """The same files, told which are blocked and which known: one question each for all."""
    asked = [read for read in reads if read.file_hash]
    on_list = blocks.which_blocked(
        [
            blocks.Asked(
                page=read.item.known.get("page_url", ""),
                image=read.item.known.get("image_url", ""),
                file_hash=read.file_hash,
            )
            for read in asked
        ]
    )
    known = dict(
        SourceImage.objects.filter(file_hash__in={read.file_hash for read in asked}).values_list(
            "file_hash", "id"
        )
    )
    for read, is_blocked in zip(asked, on_list, strict=True):
        read.blocked = is_blocked
        if not is_blocked:
            read.known_id = known.get(read.file_hash)
    return reads


def _decode(read: Read, session: PictureSession) -> None:
    """Seal and decode a new picture: what is blocked or known is never decoded."""
    data, read.data = read.data, None
    if read.blocked or read.known_id is not None:
        return
    image_id = new_id()
    read.image = SourceImage(id=image_id)
    read.staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=image_id, many=True)
    if data is not None:
        read.staged.add("picture", data)
        try:
            read.picture = session.decode(data)
        except PictureRefused as error:
            read.problem = error.code


def _known(file_hash: str) -> UUID | None:
    """The picture with these bytes that the gallery has."""
    return SourceImage.objects.filter(file_hash=file_hash).values_list("id", flat=True).first()


def _know_by_now(read: Read) -> None:
    """A picture that an earlier batch wrote since this one was read is known, as if read now."""
    if read.blocked or read.known_id is not None or not read.file_hash:
        return
    read.known_id = _known(read.file_hash)
    if read.known_id is not None:
        read.turned_away, read.faces, read.staged, read.image = False, [], None, None


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _bytes_of(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _found(reads: Iterable[Read]) -> Iterator[Read]:
    """The same files in their order, each with the faces of its picture; pixels are let go.

    One detector per thread: OpenCV's can't be shared, and alone it leaves processors idle.
    """
    threads, pipeline = len(os.sched_getaffinity(0)), engines.pipeline()
    waiting: deque[tuple[Read, Future[analysis.SeenPicture] | None]] = deque()
    plan: Plan | None = None
    known: set[str] = set()
    with ThreadPoolExecutor(threads, thread_name_prefix="import-faces") as pool:
        for read in reads:
            job = None
            if read.plan is not plan:
                plan, known = read.plan, set()
            # A picture that this batch holds already is not looked at again.
            if read.picture is not None and read.file_hash not in known:
                known.add(read.file_hash)
                job = pool.submit(analysis.find_gallery_faces, read.picture, pipeline)
            waiting.append((read, job))
            while len(waiting) > threads and _are_enough([one for one, _job in waiting], threads):
                yield _with_faces(*waiting.popleft())
        while waiting:
            yield _with_faces(*waiting.popleft())


def _are_enough(reads: Sequence[Read], threads: int) -> bool:
    pictures = [one.picture for one in reads if one.picture is not None]
    pixels = sum(one.width * one.height for one in pictures)
    return len(reads) > _WAITING * threads or pixels > _MOST_PIXELS_WAITING


def _with_faces(read: Read, job: Future[analysis.SeenPicture] | None) -> Read:
    if read.picture is not None:
        read.size = (read.picture.width, read.picture.height)
        if job is not None:
            try:
                look = job.result()
            except BadInput as error:
                # Counted with those that could not be searched (R15).
                read.size, read.problem = None, error.code
            except BaseException as error:  # noqa: BLE001 - raised again by who takes the file
                read.failed = error
            else:
                read.seen, read.left_out = look.faces, look.left_out
        read.picture = None
    return read


def _embedded(reads: Iterable[Read]) -> "Generator[Read]":
    """The same files with templates, made for several pictures in one call of the network.

    In a thread, one group ahead: while it embeds, this thread hands out the next pictures.
    """
    pipeline, together = engines.pipeline(), _TOGETHER[engines.engine().backend]
    waiting: deque[tuple[list[Read], Future[list[analysis.FoundFace]]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="import-templates") as pool:
        for group in _groups(reads, together):
            seen = [face for read in group for face in read.seen]
            waiting.append((group, pool.submit(analysis.embed_gallery_faces, seen, pipeline)))
            if len(waiting) > 1:
                yield from _with_templates(*waiting.popleft())
        while waiting:
            yield from _with_templates(*waiting.popleft())


def _groups(reads: Iterable[Read], together: int) -> Iterator[list[Read]]:
    """Files whose faces are embedded together, in their order; those of a batch only."""
    group: list[Read] = []
    for read in reads:
        if group and group[-1].plan is not read.plan:
            yield group
            group = []
        group.append(read)
        if len(group) >= 2 * together or sum(len(one.seen) for one in group) >= together:
            yield group
            group = []
    if group:
        yield group


def _with_templates(reads: list[Read], job: Future[list[analysis.FoundFace]]) -> list[Read]:
    try:
        done = iter(job.result())
        for read in reads:
            read.faces = [next(done) for _face in read.seen]
            read.seen = ()
        _ask(reads, reads[0].plan.gate)
    except BaseException as error:  # noqa: BLE001 - raised again by who takes the file
        reads[0].failed = error
    return reads


def _ask(reads: list[Read], gate: face_blocks.Gate) -> None:
    """A picture with a blocked face is let go whole: what was sealed of it has no key (E-12)."""
    said = iter(gate.turns_away([face.template for read in reads for face in read.faces]))
    for read in reads:
        # The answers stand in the order of the faces: each picture takes as many as it has.
        answers = list(itertools.islice(said, len(read.faces)))
        if any(answers):
            read.turned_away, read.faces, read.staged, read.image = True, [], None, None


def _take(batch: Batch, run: ImportRun, read: Read) -> None:
    """Decide what becomes of one file and stage all of it."""
    if read.blocked:
        batch.counts.refused += 1
        return
    if read.turned_away or (read.file_hash and read.file_hash in batch.turned_away):
        # Told as a picture known before: no report says whose face is on the list (E-13).
        batch.turned_away.add(read.file_hash)
        batch.counts.duplicates += 1
        return
    twin = batch.by_hash.get(read.file_hash) if read.file_hash else None
    if read.known_id is not None or twin is not None:
        batch.counts.duplicates += 1
        _further_appearance(batch, read, twin)
        return
    if read.image is None or read.staged is None:
        raise RuntimeError("a file that is neither known nor blocked has a unit")
    image, staged = read.image, read.staged
    image.source_id, image.run_id, image.unit = run.source_id, run.id, staged.unit_id
    image.file_hash = read.file_hash or None
    _enrol(batch, image, read)
    _appearance(batch, image, staged, "facts", read.item)
    batch.images.append((image, staged))
    if read.file_hash:
        batch.by_hash[read.file_hash] = (image, staged)
    batch.counts.imported += 1


def _enrol(batch: Batch, image: SourceImage, read: Read) -> None:
    if read.size is None:
        image.state, image.problem = SourceImage.State.UNREADABLE, read.problem
        batch.counts.unreadable += 1
        return
    image.width, image.height = read.size
    if not read.faces:
        image.state, image.problem = SourceImage.State.NO_FACE, "no_face"
        batch.counts.faceless += 1
        return
    image.state, image.faces_left_out = SourceImage.State.SEARCHABLE, read.left_out
    for number, face in enumerate(read.faces, start=1):
        batch.faces.append(_new_face(image, number, face, read.size))
    batch.counts.faces += len(read.faces)


def _new_face(
    image: SourceImage, number: int, face: analysis.FoundFace, size: tuple[int, int]
) -> NewFace:
    row = Record(id=new_id(), image=image, face_number=number)
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=row.id, many=True)
    staged.add("crop", face.crop)
    staged.add("template", face.template)
    staged.add_json(
        "face",
        {
            "box": face.box,
            "landmarks": [[round(value, 2) for value in point] for point in face.landmarks],
            "quality": face.quality,
            "findings": face.findings,
            "of": list(size),
        },
    )
    row.unit = staged.unit_id
    return NewFace(row, staged)


def _appearance(
    batch: Batch, image: SourceImage, staged: vault.Staged, field_name: str, item: Item
) -> None:
    facts = _facts_of(item)
    hashed = hashes.of_facts(facts)
    staged.add(field_name, facts)
    page, picture = item.known.get("page_url", ""), item.known.get("image_url", "")
    batch.known_facts.add((image.id, hashed))
    batch.appearances.append(
        Appearance(
            image=image,
            run_id=batch.run_id,
            field=field_name,
            facts_hash=hashed,
            page_hash=hashes.of_address(page) if page else "",
            image_hash=hashes.of_address(picture) if picture else "",
            path_hash=hashes.of_path(item.shown),
        )
    )


def _facts_of(item: Item) -> bytes:
    """Always the same bytes for the same facts; ASCII, for paths need not be Unicode."""
    return json.dumps(item.facts, sort_keys=True).encode("ascii")


def _further_appearance(
    batch: Batch, read: Read, twin: tuple[SourceImage, vault.Staged] | None
) -> None:
    """The same picture again: what it came with this time is kept beside what was known."""
    hashed = hashes.of_facts(_facts_of(read.item))
    if twin is not None:
        image, staged = twin
        if (image.id, hashed) not in batch.known_facts:
            _appearance(batch, image, staged, batch.next_field(image, 0), read.item)
        return
    known = SourceImage.objects.get(file_hash=read.file_hash)
    rows = Appearance.objects.filter(image=known)
    if (known.id, hashed) in batch.known_facts or rows.filter(facts_hash=hashed).exists():
        return
    staged = vault.stage_into(known.unit)
    _appearance(batch, known, staged, batch.next_field(known, rows.count()), read.item)
    batch.more.append(staged)


def _write(batch: Batch, row: ImportBatch, model: recognition.ModelFacts) -> None:
    """All rows of a batch, in the transaction that ends its job."""
    moment = clock.now()
    vault.save_all(
        [staged for _image, staged in batch.images]
        + batch.more
        + [face.staged for face in batch.faces]
    )
    for image, _staged in batch.images:
        image.imported_at = moment
    SourceImage.objects.bulk_create(image for image, _staged in batch.images)
    for appearance in batch.appearances:
        appearance.seen_at = moment
    Appearance.objects.bulk_create(batch.appearances)
    terms.count_again({one.image_id for one in batch.appearances})
    for face in batch.faces:
        face.record.state_changed_at = face.record.enrolled_at = moment
    Record.objects.bulk_create(face.record for face in batch.faces)
    numbers = _number(batch, model)
    counts: dict[str, Any] = dict(batch.counts.as_dict())
    row.state = ImportBatch.State.DONE
    row.save(update_fields=["state"])
    ImportRun.objects.filter(id=row.run_id).update(
        **{name: F(name) + value for name, value in counts.items()}
    )
    audit_event(
        "gallery.batch_enrolled",
        actor=Actor.system("import"),
        subject_id=row.id,
        run=row.run_id,
        ordinal=row.ordinal,
        first_change=numbers[0] if numbers else 0,
        last_change=numbers[-1] if numbers else 0,
        **counts,
    )


def _refuse_blocked_meanwhile(batch: Batch, gate: face_blocks.Gate) -> None:
    """Nothing of a batch is written that met a block made since it was read: it is read again."""
    wait_for_others()
    kinds = BlockEntry.Kind
    held = [(kinds.FILE, image.file_hash or "") for image, _staged in batch.images]
    for one in batch.appearances:
        held += [(kinds.PAGE, one.page_hash), (kinds.IMAGE, one.image_hash)]
    if gate.is_behind() or blocks.any_blocked(held):
        raise jobs.Transient("blocked_meanwhile")


def _refuse_stopped_meanwhile(source_id: UUID, known: Sequence[CollectionStop]) -> None:
    """Nothing of a batch is written that was read before a stop: it is asked again (R23)."""
    if {one.id for one in scopes.standing(source_id)} - {one.id for one in known}:
        raise jobs.Transient("stopped_meanwhile")


def _number(batch: Batch, model: recognition.ModelFacts) -> list[int]:
    """Number the batch's templates under the model that made them, while it is the one that serves.

    Numbers are drawn first: a publication waits for them or has ended, and is then seen here.
    """
    if not batch.faces:
        return []
    numbers = recognition.add_templates(
        model=model,
        templates=[
            recognition.NewTemplate(face.record.id, face.record.unit) for face in batch.faces
        ],
    )
    if recognition.active_model() != model:
        raise jobs.Permanent("model_replaced")
    return numbers

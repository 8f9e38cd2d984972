"""One person erased from a gallery of modelled faces, by a real search worker.

Ten records of one person lie in ten shards (of 16,384 rows, or a tenth of a smaller gallery). The
shards are made with the library and sealed in the vault, as an import leaves them; only rows of the
database stand for the other records, whose templates nothing reads. Graphs are built for the ten
shards that are touched; building the others would take minutes and changes none of these figures
but the memory scanned. What a whole erasure does beside the index (pictures, keys of records, files
scanned) is not in these times.

`DSR_BENCH_ERASE_ROWS` is its size (60,000; with FULL=1 a million); every figure's name says it.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from tests.bench import erasure_check
from tests.bench.modelled import gallery
from tests.bench.rows import Book
from tests.bench.sizes import size
from tests.support.gallery import PEOPLE, near
from tests.support.workers import running_beat, running_worker

MOST_ROWS_OF_SHARD = 16_384
RECORDS = 10
THRESHOLD = 0.7
_AT_ONCE = 20_000


def run(book: Book) -> None:
    from django.conf import settings

    count = size("DSR_BENCH_ERASE_ROWS", usual=60_000, full=1_000_000)
    rows_of_shard = min(MOST_ROWS_OF_SHARD, count // RECORDS)
    settings.DSR_SHARD_ROWS = rows_of_shard
    photo, probe = _photo()
    person, rows = _gallery(count, probe)
    environment = {"DSR_SHARD_ROWS": rows_of_shard, "DSR_SWEEP_SECONDS": 1}
    with running_worker("light", env=environment), running_beat(env=environment):
        began = time.perf_counter()
        with running_worker("search", imports=("tests.bench.erasure_check",), env=environment):
            first = _ask("first", photo)
            _answered(first, person, count)
            book.note(
                f"from the start of the search worker to its first answer, of {count:,} modelled "
                "faces, 10 graphs",
                time.perf_counter() - began,
                "s",
                target=30,
            )
            _erase(book, photo, person, rows, count)


def _photo() -> tuple[UUID, Any]:
    """A rendered person's photo in the vault, and its template."""
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.core.ids import new_id
    from dsr_portal.recognition.fusing import ProbeTemplate
    from dsr_portal.vault import services as vault
    from dsr_portal.vault.confined import decode_picture
    from dsr_portal.vault.pictures import jpeg_of

    picture = jpeg_of(decode_picture((PEOPLE / "photos" / "mina.jpg").read_bytes()))
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=new_id())
    staged.add("picture", picture)
    with unit_of_work():
        unit = staged.save()
    with ProbeTemplate([picture]) as template:
        return unit, template.copy()


# -- the gallery ----------------------------------------------------------------------------------


def _gallery(count: int, probe: Any) -> tuple[list[UUID], Any]:
    """Seal `count` rows into shards; ids and templates of the person's ten records."""
    from django.conf import settings

    from dsr_portal.recognition.models import ChangeHead

    rows = gallery(count, 1).rows
    person = [near(probe, seed=seed) for seed in range(RECORDS)]
    step: int = settings.DSR_SHARD_ROWS
    ids: list[UUID] = []
    for number in range(RECORDS):
        rows[number * step + 7] = person[number]
    ChangeHead.objects.update_or_create(id=1, defaults={"number": count})
    for number, first in enumerate(range(0, count, step)):
        part = rows[first : first + step]
        wanted = [at * step + 7 - first for at in range(RECORDS)]
        known = [at for at in wanted if 0 <= at < len(part)]
        ids += _shard(number, part, first, known)
        sys.stderr.write(f"\r{first + len(part):,} rows sealed")
    sys.stderr.write("\n")
    return ids, person


def gallery_of(count: int) -> None:
    """An index of `count` modelled faces and no other, in place of what an area before left."""
    from django.conf import settings

    from dsr_portal.jobs.models import Job
    from dsr_portal.recognition.damage import GRAPHS
    from dsr_portal.recognition.models import ChangeHead, Holder, Shard, Template

    step: int = settings.DSR_SHARD_ROWS
    Job.objects.filter(kind=GRAPHS).delete()
    for model in (Template, Shard, Holder):
        model.objects.all().delete()
    rows = gallery(count, 1).rows
    ChangeHead.objects.update_or_create(id=1, defaults={"number": count})
    for number, first in enumerate(range(0, count, step)):
        _shard(number, rows[first : first + step], first, ())


def _shard(number: int, rows: Any, first: int, known: Sequence[int]) -> list[UUID]:
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.core import clock
    from dsr_portal.core.ids import new_id
    from dsr_portal.recognition import engine, holder
    from dsr_portal.recognition.models import Shard, Template
    from dsr_portal.vault import services as vault

    ids = [new_id() for _row in range(len(rows))]
    index = holder.new_index()
    index.add(ids, rows, first + len(rows))
    index.seal()
    if known:
        index.build_graphs()
    shard_id, model = new_id(), engine.model_row()
    staged = vault.stage_unit(kind=vault.UnitKind.INDEX_SHARD, owner=shard_id)
    staged.add(holder.ROWS, index.shard_bytes(0))
    if known:
        staged.add(holder.GRAPH, index.graph_bytes(0))
    with unit_of_work():
        shard = Shard.objects.create(
            id=shard_id,
            number=number,
            model=model,
            unit=staged.save(),
            rows=len(rows),
            live_rows=len(rows),
            sealed_at=clock.now(),
        )
    index.wipe()
    changes = range(first + 1, first + len(rows) + 1)
    for begin in range(0, len(ids), _AT_ONCE):
        Template.objects.bulk_create(
            Template(
                record_id=record_id, model=model, unit=new_id(), change_number=change, shard=shard
            )
            for record_id, change in list(zip(ids, changes, strict=True))[begin : begin + _AT_ONCE]
        )
    return [ids[at] for at in known]


# -- the erasure ----------------------------------------------------------------------------------


def _erase(book: Book, photo: UUID, person: list[UUID], rows: Sequence[Any], count: int) -> None:
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.core.ids import new_id
    from dsr_portal.jobs import services as jobs
    from dsr_portal.recognition import group_search, services

    named = f"of {count:,} modelled faces"
    needles = [text for row in rows for text in services.needles_of(row.tobytes())]
    erasure_check.asked().write_text(
        json.dumps({"ids": [str(one) for one in person], "needles": needles})
    )
    erasure_check.in_clear().write_text(json.dumps([row.tobytes().hex() for row in rows]))
    # What the same search takes without an erasure: finding and embedding the photo's face is most.
    began = time.perf_counter()
    _answered(_ask("before", photo), person, count)
    before = time.perf_counter() - began
    book.note(f"a search of the same photo before the erasure, {named}", before, "s")
    with unit_of_work():
        # Asked before the rewriting is ordered, so that it is first in the queue.
        group_search.ask(key="absent", pictures=[(photo, "picture")], threshold=THRESHOLD)
        number = services.erase_records(record_ids=person)[-1]
    began = time.perf_counter()
    waiting = _ask("during the rewriting", photo)
    _answered("absent", [], count - RECORDS)
    absent = time.perf_counter() - began
    book.note(
        f"erased: a search after the commit is answered without it, {named}",
        absent,
        "s",
        target=1,
    )
    book.note(f"erased: of that, more than before the erasure, {named}", absent - before, "s")
    _wait(lambda: services.erasure_settled(number))
    book.note(
        f"erased: files of 10 records rewritten, {named}",
        time.perf_counter() - began,
        "s",
        target=15,
    )
    with unit_of_work():
        services.recycle_holders(number)
        jobs.enqueue(kind=erasure_check.KIND, subject=new_id(), idempotency_key="bench.check")
    last = _ask("during the recycling", photo)
    _wait(lambda: services.holders_recycled(number))
    book.note(
        f"erased: the process that held it is gone, {named}", time.perf_counter() - began, "s"
    )
    _wait(erasure_check.answered().exists)
    _wait(lambda: erasure_check.answered().read_text().endswith("}"))
    book.note(
        f"erased: new process checked (ids, templates, files, own memory), {named}",
        time.perf_counter() - began,
        "s",
        target=60,
    )
    _told(json.loads(erasure_check.answered().read_text()), count, book, named)
    for key in (waiting, last):
        _answered(key, [], count - RECORDS)
    book.note("erased: searches asked meanwhile that were lost", 0, "searches", target=0)


def _told(found: dict[str, Any], count: int, book: Book, named: str) -> None:
    """A check that found something, or saw nothing at all, makes every time here worthless."""
    if not (found["gone"] and found["canary"] and found["copies"] == 0):
        raise AssertionError(f"the check after the erasure found something: {found}")
    if found["rows"] != count - RECORDS:
        raise AssertionError(f"the check saw {found['rows']} rows")
    book.note(f"erased: memory of the new process scanned, {named}", found["bytes"] / 1e6, "MB")


def _ask(key: str, photo: UUID) -> str:
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.recognition import group_search

    with unit_of_work():
        group_search.ask(key=key, pictures=[(photo, "picture")], threshold=THRESHOLD)
    return key


def _answered(key: str, expected: Sequence[UUID], count: int) -> None:
    """Wait for a search, which must be whole and find exactly these records of the person."""
    from dsr_portal.recognition import group_search

    _wait(lambda: not group_search.waiting_for(key))
    outcome, _below = group_search.merged(key)
    found = {hit.record_id for hit in outcome.hits}
    if found != set(expected) or (outcome.compared, outcome.enrolled) != (count, count):
        raise AssertionError(f"{key}: {len(found)} of {len(expected)} found, {outcome.compared}")


def _wait(true: Callable[[], object], seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("the worker did not come so far")
        time.sleep(0.02)

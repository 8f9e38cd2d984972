"""A whole erasure, from the end of its hold window to the last check, by real workers.

1 and 100 records, each person with own pictures, out of an index of 20,000 modelled faces
(`DSR_BENCH_ERASED_OF`); with FULL=1 also 1,000, and out of 100,000. Records that are not erased
have rows in the index only: their pictures would be looked at for copies, which takes its time per
picture of the same shape and is a figure of its own. The scan of files is compared with one
`bytes.find` per pattern over the same files, in the same run.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.erasure import MOST_ROWS_OF_SHARD, gallery_of
from tests.bench.rows import Book
from tests.bench.sizes import is_full, size
from tests.support.workers import running_beat, running_worker

SIZES = (1, 100, 1_000) if is_full() else (1, 100)
_SCANNED = 256 << 20


def run(book: Book) -> None:
    from django.conf import settings

    count = size("DSR_BENCH_ERASED_OF", usual=20_000, full=100_000)
    settings.DSR_HOLD_MINUTES = 0
    settings.DSR_SHARD_ROWS = MOST_ROWS_OF_SHARD
    _scan_rates(book)
    gallery_of(count)
    people = [_person(seed, records) for seed, records in enumerate(SIZES, start=1)]
    environment = {
        "DSR_HOLD_MINUTES": 0,
        "DSR_SWEEP_SECONDS": 1,
        "DSR_KEY_CACHE_SECONDS": settings.DSR_KEY_CACHE_SECONDS,
        "DSR_SHARD_ROWS": settings.DSR_SHARD_ROWS,
    }
    with (
        running_worker("light", env=environment),
        running_worker("probe,search", env=environment),
        running_beat(env=environment),
    ):
        _sealed()
        for records in people:
            _erase(book, records, count)


def _person(seed: int, records: int) -> list[Any]:
    from tests.support import erasure as lab

    return [lab.picture(seed * 10_000 + number).records[0] for number in range(records)]


def _sealed() -> None:
    from dsr_portal.audit.services import unit_of_work
    from dsr_portal.jobs.models import Job, JobState
    from dsr_portal.recognition import services

    with unit_of_work():
        services.enqueue_seal()
    jobs = Job.objects.filter(kind="recognition.seal")
    _wait(lambda: not jobs.exclude(state=JobState.DONE).exists())


def _erase(book: Book, records: Sequence[Any], count: int) -> None:
    from dsr_portal.core.actor import Actor
    from dsr_portal.erasure import services
    from dsr_portal.erasure.models import Plan, StepState
    from dsr_portal.recognition.models import Template
    from tests.support import erasure as lab

    ids = [record.id for record in records]
    named = f"{len(ids):,} records of {count:,} faces"
    case = lab.ready_case(records)
    supervisor = Actor("S-2001", "supervisor", "staff")
    plan = services.start_erasure(case_id=case.id, actor=supervisor)
    began = time.perf_counter()
    standing = Template.objects.filter(record_id__in=ids, erased_change=None)
    _wait(lambda: not standing.exists())
    book.note(f"{named}: absent from search", time.perf_counter() - began, "s")
    scanned = plan.steps.filter(store="files", state=StepState.DONE)
    _wait(scanned.exists)
    book.note(f"{named}: files clean", time.perf_counter() - began, "s")
    _wait(lambda: Plan.objects.exclude(verified_at=None).filter(id=plan.id).exists())
    book.note(f"{named}: verified", time.perf_counter() - began, "s")
    if plan.verifications.filter(found__gt=0).exists():
        raise AssertionError("a check found something: these times are worthless")
    seen = scanned.get().result
    book.note(f"{named}: patterns looked for", seen["patterns"], "patterns")
    book.note(f"{named}: files read", seen["bytes"] / 1e6, "MB")


def _scan_rates(book: Book) -> None:
    """The same files by the scanner and by one plain pass per pattern, cached alike."""
    from django.conf import settings

    from dsr_portal.erasure import patterns

    path = Path(settings.DSR_VAR) / "bench-scan.bin"
    with path.open("wb") as file:
        for _part in range(_SCANNED >> 20):
            file.write(secrets.token_bytes(1 << 20))
    try:
        for number in (1, 24, 60):
            wanted = [secrets.token_bytes(48) for _pattern in range(number)]
            needles = [patterns.masked(one) for one in wanted]
            _rate(book, path, needles, f"{number} patterns")
        needles = _of_one_record()
        _rate(book, path, needles, f"the {len(needles)} patterns of one record")
    finally:
        path.unlink()


def _of_one_record() -> list[str]:
    """What a kit has of one record: template in its forms, picture, cut-out."""
    from dsr_portal.erasure import patterns
    from dsr_portal.recognition import services
    from tests.support import erasure as lab

    pictures = [lab.noise(1), lab.noise(2, (120, 120))]
    forms = [form for one in pictures for form in patterns.picture_forms(one)]
    return [*services.needles_of(lab.template(1)), *(patterns.masked(form) for form in forms)]


def _rate(book: Book, path: Path, needles: Sequence[str], named: str) -> None:
    """The scanner against one `bytes.find` for each pattern, none of which is in the file."""
    from dsr_portal.erasure import patterns

    plain = [secrets.token_bytes(48) for _needle in needles]
    path.read_bytes()
    began = time.perf_counter()
    with patterns.file_scanner(needles) as scanner:
        seen = scanner.scan([path])
    ours = time.perf_counter() - began
    began = time.perf_counter()
    data = path.read_bytes()
    found = [data.find(one) for one in plain]
    theirs = time.perf_counter() - began
    if seen.bytes != len(data) or any(at >= 0 for at in found):
        raise AssertionError("the two passes did not read the same")
    book.note(
        f"scan of {_SCANNED >> 20} MB for {named}: rate, as a share of one bytes.find for each",
        theirs / ours,
        "",
        better="higher",
        target=0.5,
    )


def _wait(true: Callable[[], object], seconds: float = 1800) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("the workers did not come so far")
        time.sleep(0.05)

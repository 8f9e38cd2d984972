"""`make bench [ONLY=area] [FULL=1]`: figures with ratios of one run, written to var/bench.json.

Runs in a folder of its own with the test settings; the installation's own data are not touched.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Every area a figure may belong to; the last ones are measured as their rooms become deep.
AREAS = ("whole-way", "recognition", "erasure", "vault", "desk", "documents", "production")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", choices=AREAS, help="measure one area")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory(prefix="dsr-bench-") as home:
        os.environ["DSR_TEST_HOME"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "dsr_portal.settings.test"
        os.environ.setdefault("DSR_SHARD_ROWS", "4096")
        _prepare()
        return _measure([only] if only else list(AREAS))


def _prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("ring", "init", stdout=sys.stderr)
    call_command("migrate", verbosity=0)


def _measure(areas: list[str]) -> int:
    from tests.bench import (
        demo,
        enrolment,
        erasure,
        erasure_whole,
        faces,
        index,
        recognition,
        shred,
        whole_way,
    )
    from tests.bench.rows import Book, Figure, table, write

    runs = {
        "whole-way": (whole_way.run, demo.run),
        "recognition": (recognition.run, index.run, enrolment.run, faces.run),
        "erasure": (erasure.run, erasure_whole.run),
        "vault": (shred.run,),
    }
    figures: list[Figure] = []
    for area in areas:
        measured = runs.get(area, ())
        sys.stderr.write(f"measuring {area} …\n" if measured else f"{area}: no figure yet\n")
        book = Book(area)
        for run in measured:
            run(book)
        figures += book.figures
    write(figures, ROOT / "var" / "bench.json")
    sys.stdout.write(table(figures) + "\n")
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
